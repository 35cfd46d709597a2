package datasets

import (
	"context"
	"fmt"

	"github.com/gander-ml/gander/internal/repanic"
	"github.com/gander-ml/gander/tensor"
)

// A lane is one worker's memory and its line to the consumer. Worker w of W
// fills batches w, w+W, w+2W, … of what is left of the epoch, and the consumer
// takes from the lanes in turn, so that the order needs no sorting and does not
// depend on who is faster. Two slots go round between the two: while one is in
// the consumer's hands, the other is being filled.
type lane struct {
	data   Dataset                          // as it is in the epoch
	fill64 func(i int, dst []float64) error // its Fill64; nil: use Fill

	slots [2]slot
	free  chan *slot // to the worker
	ready chan *slot // to the consumer

	// Samples are put together here, in one of the two types, and copied to the
	// tensor as a whole: datasets see plain slices.
	staging32  []float32
	staging64  []float64
	conditions []float32
}

// A slot is the memory of one batch, and what became of it.
type slot struct {
	whole    Batch // as many samples as a batch may have
	batch    Batch
	err      error
	panicked any
}

func (l *Loader) newLane() *lane {
	rows := (min(l.batch, l.n) + l.shards - 1) / l.shards // at most
	a := new(lane)
	for i := range a.slots {
		whole := &a.slots[i].whole
		whole.X = tensor.New(l.dtype, append([]int{rows}, l.shape...)...)
		if l.condition.size > 0 {
			whole.Condition = tensor.New(l.dtype, rows, l.condition.size)
		}
	}
	a.conditions = make([]float32, rows*l.condition.size)
	if l.fill64 != nil {
		a.staging64 = make([]float64, rows*l.size)
	} else {
		a.staging32 = make([]float32, rows*l.size)
	}
	return a
}

// reset prepares for another epoch, with the dataset as it is then, however the
// last one ended.
func (a *lane) reset(data Dataset, wide bool) {
	a.data, a.fill64 = data, nil
	if wide {
		a.fill64 = filler64(data)
	}
	a.free = make(chan *slot, len(a.slots))
	a.ready = make(chan *slot, len(a.slots))
	for i := range a.slots {
		a.free <- &a.slots[i]
	}
}

// next returns the lane's next batch, or the error that ends the epoch.
func (a *lane) next(ctx context.Context) (*slot, error) {
	if ctx.Err() != nil { // even if a batch is ready
		return nil, context.Cause(ctx)
	}
	select {
	case s := <-a.ready:
		if s.panicked != nil {
			panic(s.panicked)
		}
		return s, s.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// work is a worker's life: it fills batch first and every len(lanes)-th after
// it, until the epoch ends, something fails or the consumer leaves.
func (l *Loader) work(ctx context.Context, a *lane, order []int, first, step int) {
	for k := first; k < l.Batches(); k += step {
		select {
		case s := <-a.free:
			ok := l.fill(ctx, a, s, l.samples(order, k))
			a.ready <- s // never blocks: it has room for every slot
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// fill makes s the batch of these samples and reports whether that went well.
func (l *Loader) fill(ctx context.Context, a *lane, s *slot, samples []int) (ok bool) {
	s.err, s.panicked = nil, nil
	defer func() {
		if s.panicked = repanic.Value(recover()); s.panicked != nil {
			ok = false
		}
	}()
	for j, i := range samples {
		if ctx.Err() != nil {
			s.err = context.Cause(ctx)
			return false
		}
		lo, hi := j*l.size, (j+1)*l.size
		var err error
		if a.fill64 != nil {
			err = fresh(a.fill64, i, a.staging64[lo:hi])
		} else {
			err = fresh(a.data.Fill, i, a.staging32[lo:hi])
		}
		if k := l.condition.size; k > 0 && err == nil {
			err = fresh(l.condition.fill, i, a.conditions[j*k:(j+1)*k])
		}
		if err != nil {
			s.err = fmt.Errorf("datasets: sample %d: %w", i, err)
			return false
		}
	}
	s.batch.X = s.whole.X.Slice(0, 0, len(samples))
	if l.fill64 != nil {
		s.batch.X.SetFloat64(a.staging64[:len(samples)*l.size])
	} else {
		s.batch.X.SetFloat32(a.staging32[:len(samples)*l.size])
	}
	if k := l.condition.size; k > 0 {
		s.batch.Condition = s.whole.Condition.Slice(0, 0, len(samples))
		s.batch.Condition.SetFloat32(a.conditions[:len(samples)*k])
	}
	return true
}
