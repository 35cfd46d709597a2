package gan

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Meanwhile returns a hook that examines the generator while training goes on.
// After each step of which due is true, it copies the generator as it is then
// ([Trainer.Generator]), and a goroutine beside the trainer's has work look at
// the copies, one at a time, in order. What comes out is told to done, in order
// and on the trainer's goroutine: when an epoch ends, as much as is finished, and
// when training ends, however it does, the rest, for which the hook waits. Put
// the hook after that of a progress bar, and done may print.
//
// Training computes the same bits as without the hook, and timing decides only
// at which epoch's end done is told something, never what: no copy is skipped.
// Where 16 copies wait already, training waits, too.
//
// An error of work or of done ends training, and copies that still wait are
// dropped. A panic of work is raised again where done would have been called.
func Meanwhile[R any](due func(step int) bool, work func(*Generator) (R, error), done func(step int, result R) error) Hook {
	var m *meanwhile[R]
	h := After(due, func(t *Trainer) error {
		if m.copies == nil {
			m.start()
		}
		select {
		case m.copies <- generatorAt{t.Steps(), t.Generator()}:
			return nil
		case <-m.ended:
			return errors.New("gan: the work of Meanwhile has ended its goroutine")
		}
	})
	start := h.Start
	h.Start = func(r Run) error {
		m = &meanwhile[R]{work: work, done: done}
		return start(r)
	}
	h.Epoch = func(EpochInfo) error { return m.tell() }
	h.End = func(*Report) error { return m.end() }
	return h
}

// meanwhile is the work of one run.
type meanwhile[R any] struct {
	work func(*Generator) (R, error)
	done func(step int, result R) error

	copies chan generatorAt // nil: no step was due yet
	ended  chan struct{}    // closed by the goroutine
	failed atomic.Bool      // nothing more is worth doing
	told   bool             // of the failure

	mu       sync.Mutex
	finished []finding[R] // not told yet
}

// generatorAt is a generator as it was after a step.
type generatorAt struct {
	step int
	g    *Generator
}

// finding is what came of one copy.
type finding[R any] struct {
	step     int
	result   R
	err      error
	panicked any
}

// start lets the goroutine begin. It never waits for the trainer's, but for more
// copies.
func (m *meanwhile[R]) start() {
	m.copies, m.ended = make(chan generatorAt, 16), make(chan struct{})
	go func() {
		defer close(m.ended)
		for c := range m.copies {
			if m.failed.Load() {
				continue
			}
			f := m.examine(c)
			m.failed.Store(f.err != nil || f.panicked != nil)
			m.mu.Lock()
			m.finished = append(m.finished, f)
			m.mu.Unlock()
		}
	}()
}

// examine does the work on one copy.
func (m *meanwhile[R]) examine(c generatorAt) (f finding[R]) {
	f.step = c.step
	defer func() { f.panicked = recover() }()
	f.result, f.err = m.work(c.g)
	return f
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

// end waits for the goroutine, and tells the rest.
func (m *meanwhile[R]) end() error {
	if m.copies == nil {
		return nil
	}
	close(m.copies)
	<-m.ended
	return m.tell()
}
