package gan

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Meanwhile returns a hook that examines the generator while training goes on.
// After each step of which due is true, it copies the generator as it is then
// ([Trainer.Generator]), and work looks at the copies on other goroutines, one
// at a time, in order. What comes out is told to done, in order and on the
// trainer's goroutine: when an epoch ends, as much as is finished, and when
// training ends, however it does, the rest, for which the hook waits. Put the
// hook after that of a progress bar, and done may print.
//
// Training computes the same bits as without the hook, and timing decides only
// at which epoch's end done is told something, never what: no copy is skipped.
// Where 16 copies wait already, training waits, too.
//
// An error of work or of done ends training, and copies that still wait are
// dropped. A panic of work is raised again where done would have been called;
// runtime.Goexit counts as an error.
func Meanwhile[R any](due func(step int) bool, work func(*Generator) (R, error), done func(step int, result R) error) Hook {
	var m *meanwhile[R]
	h := After(due, func(t *Trainer) error {
		m.begin(t.Steps(), t.Generator())
		return nil
	})
	start := h.Start
	h.Start = func(r Run) error {
		m = &meanwhile[R]{work: work, done: done, places: make(chan struct{}, 1+16), last: make(chan struct{})}
		close(m.last)
		return start(r)
	}
	h.Epoch = func(EpochInfo) error { return m.tell() }
	h.End = func(*Report) error {
		<-m.last
		return m.tell()
	}
	return h
}

// meanwhile is the work of one run. Each copy has a goroutine, which waits for
// that of the copy before and for nothing else: none is left behind, however
// training ends.
type meanwhile[R any] struct {
	work func(*Generator) (R, error)
	done func(step int, result R) error

	places chan struct{} // taken by the copy at hand and those that wait
	last   chan struct{} // closed when the newest copy is finished
	failed atomic.Bool   // nothing more is worth doing
	told   bool          // of the failure

	mu       sync.Mutex
	finished []finding[R] // not told yet
}

// finding is what came of one copy.
type finding[R any] struct {
	step     int
	result   R
	err      error
	panicked any
}

// begin has a copy examined after those before it.
func (m *meanwhile[R]) begin(step int, g *Generator) {
	m.places <- struct{}{}
	before, finished := m.last, make(chan struct{})
	m.last = finished
	go func() {
		defer close(finished)
		defer func() { <-m.places }()
		<-before
		if !m.failed.Load() {
			m.examine(step, g)
		}
	}()
}

// examine does the work on one copy and puts down what came of it.
func (m *meanwhile[R]) examine(step int, g *Generator) {
	f := finding[R]{step: step, err: errors.New("the work has ended its goroutine")}
	defer func() {
		if f.panicked = recover(); f.panicked != nil || f.err != nil {
			m.failed.Store(true)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.finished = append(m.finished, f)
	}()
	f.result, f.err = m.work(g)
}

// tell tells what is finished, up to the first failure.
func (m *meanwhile[R]) tell() error {
	m.mu.Lock()
	finished := m.finished
	m.finished = nil
	m.mu.Unlock()
	for _, f := range finished {
		if m.told {
			return nil
		}
		if f.panicked != nil {
			panic(f.panicked)
		}
		err := f.err
		if err != nil {
			err = fmt.Errorf("gan: examining the generator of step %d: %w", f.step, err)
		} else {
			err = m.done(f.step, f.result)
		}
		if err != nil {
			m.told = true
			m.failed.Store(true)
			return err
		}
	}
	return nil
}
