package gan

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gander-ml/gander/internal/repanic"
)

// Background returns a hook that examines the generator while training
// continues. After each step for which due is true, it copies the generator
// ([Trainer.Generator]) and calls work with the copy on another goroutine; the
// calls are made in order, one at a time. Each result is passed to report, in
// order and on the trainer's goroutine: at the end of an epoch those that are
// finished, and when training ends, for whatever reason, the rest, for which the
// hook waits. If the hook comes after that of a progress bar, report may print.
//
// Training computes the same bits as without the hook. Timing decides only at
// the end of which epoch a result is reported, never the result: no copy is
// skipped. If 16 copies are waiting, training waits too. If a
// signal ends the run ([Signals]), only what is finished is reported: the copies
// that wait are dropped, and nobody waits for the one that is being examined.
//
// An error of work or of report ends training, and copies that still wait are
// dropped. A panic of work is raised again at the time when its result would be
// reported, as an error that tells where it arose; runtime.Goexit counts as an error.
// Background panics with a [tensor.ArgumentError] if a function is nil.
func Background[R any](due func(step int) bool, work func(*Generator) (R, error), report func(step int, result R) error) Hook {
	if due == nil || work == nil || report == nil {
		panic(noFunction("Background"))
	}
	var b *background[R]
	h := After(due, func(t *Trainer) error {
		b.begin(t.Steps(), t.Generator())
		return nil
	})
	start := h.Start
	h.Start = func(r Run) error {
		b = &background[R]{ctx: r.Context, work: work, report: report, places: make(chan struct{}, 1+16), last: make(chan struct{})}
		close(b.last)
		return start(r)
	}
	h.Epoch = func(EpochInfo) error { return b.reportFinished() }
	h.End = func(*Report) error {
		if interrupted(b.ctx) {
			b.failed.Store(true)
			return b.reportFinished()
		}
		<-b.last
		return b.reportFinished()
	}
	return h
}

// background is the work of one run. Each copy has a goroutine, which waits for
// that of the copy before it and for nothing else, so that none is left behind
// however training ends.
type background[R any] struct {
	ctx    context.Context
	work   func(*Generator) (R, error)
	report func(step int, result R) error

	places   chan struct{} // taken by the copy being examined and those that wait
	last     chan struct{} // closed when the newest copy is finished
	failed   atomic.Bool   // the copies that still wait are to be dropped
	reported bool          // the failure was returned

	mu       sync.Mutex
	finished []outcome[R] // not reported yet
}

// outcome is the result of examining one copy.
type outcome[R any] struct {
	step     int
	result   R
	err      error
	panicked any
}

// begin has a copy examined after those before it.
func (b *background[R]) begin(step int, g *Generator) {
	select {
	case b.places <- struct{}{}:
	case <-b.ctx.Done():
		if interrupted(b.ctx) {
			return
		}
		b.places <- struct{}{}
	}
	before, finished := b.last, make(chan struct{})
	b.last = finished
	go func() {
		defer close(finished)
		defer func() { <-b.places }()
		<-before
		if !b.failed.Load() {
			b.examine(step, g)
		}
	}()
}

// examine calls work with one copy and stores the outcome.
func (b *background[R]) examine(step int, g *Generator) {
	o := outcome[R]{step: step, err: errors.New("the work has ended its goroutine")}
	defer func() {
		if o.panicked = repanic.Value(recover()); o.panicked != nil || o.err != nil {
			b.failed.Store(true)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.finished = append(b.finished, o)
	}()
	o.result, o.err = b.work(g)
}

// reportFinished reports the outcomes so far, up to the first failure.
func (b *background[R]) reportFinished() error {
	b.mu.Lock()
	finished := b.finished
	b.finished = nil
	b.mu.Unlock()
	for _, o := range finished {
		if b.reported {
			return nil
		}
		if o.panicked != nil {
			panic(o.panicked)
		}
		err := o.err
		if err != nil {
			err = fmt.Errorf("gan: examining the generator of step %d: %w", o.step, err)
		} else {
			err = b.report(o.step, o.result)
		}
		if err != nil {
			b.reported = true
			b.failed.Store(true)
			return err
		}
	}
	return nil
}
