package gan

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gander-ml/gander/internal/repanic"
)

// patience is how long a source may take to react to its context.
const patience = time.Second

// waiting yields what batches yields, which runs on a goroutine of its own: a
// source that waits for something and does not look at the context is left
// behind when that has been cancelled. Otherwise the source and the loop body
// never run at the same time, the source has ended before the loop has, and a
// panic of the source is raised in the loop.
func waiting(ctx context.Context, batches iter.Seq2[Batch, error]) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		s := &supplier{items: make(chan item), again: make(chan struct{}), gone: make(chan struct{}), over: make(chan struct{})}
		go s.supply(batches)
		defer s.leave(ctx)
		done, late := ctx.Done(), (<-chan time.Time)(nil)
		for {
			select {
			case next := <-s.items:
				if !yield(next.b, next.err) {
					return
				}
				s.again <- struct{}{}
			case <-s.over:
				switch {
				case s.panicked != nil:
					panic(s.panicked)
				case !s.returned:
					yield(Batch{}, errors.New("gan: the source has ended its goroutine"))
				}
				return
			case <-done:
				done, late = nil, time.After(patience)
			case <-late:
				yield(Batch{}, context.Cause(ctx))
				return
			}
		}
	}
}

// supplier runs a source.
type supplier struct {
	items chan item
	again chan struct{} // the last item may be overwritten
	gone  chan struct{} // closed when nobody wants more items
	over  chan struct{} // closed when the source has ended

	// What the source has ended with, to be read when over is closed.
	panicked any
	returned bool
}

// item is one pair that a source yields.
type item struct {
	b   Batch
	err error
}

func (s *supplier) supply(batches iter.Seq2[Batch, error]) {
	defer close(s.over)
	defer func() {
		if !s.returned {
			s.panicked = repanic.Value(recover())
		}
	}()
source:
	for b, err := range batches {
		select {
		case s.items <- item{b, err}:
		case <-s.gone:
			break source
		}
		select {
		case <-s.again:
		case <-s.gone:
			break source
		}
	}
	s.returned = true
}

// leave ends the source, and waits for its end as long as the context lets it.
func (s *supplier) leave(ctx context.Context) {
	close(s.gone)
	select {
	case <-s.over:
	case <-ctx.Done():
		select {
		case <-s.over:
		case <-time.After(patience):
		}
	}
}
