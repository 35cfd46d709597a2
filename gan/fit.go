package gan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/gander-ml/gander/tensor"
)

// Source yields real samples in batches. A datasets.Loader is one.
type Source interface {
	// Batches returns the number of batches in an epoch.
	Batches() int
	// Epoch yields the batches [n, …] of an epoch, counted from 0, starting
	// with batch from. Their order depends on the epoch only. A batch may be
	// overwritten once the loop body has returned.
	Epoch(ctx context.Context, epoch, from int) iter.Seq2[*tensor.Tensor, error]
}

// Hook is told how training goes. Any of its functions may be nil; hooks are
// called in order, on the trainer's goroutine, between updates. An error from
// one ends the training as a cancelled context does, and is returned by
// [Trainer.Fit]; one from Start does so before anything else is called.
type Hook struct {
	Start func(Run) error       // before the first step
	Step  func(*StepInfo) error // after each step
	Epoch func(EpochInfo) error // after each epoch, and after a part of one if training ends early
	End   func(*Report) error   // after the last step, however it came about
}

// Run is what is known before the first step.
type Run struct {
	Trainer *Trainer
	Epochs  int      // that will have been done at the end, the last perhaps in part
	Steps   int      // that will have been done at the end
	Batches int      // in an epoch
	Past    []Losses // means over the epochs done already, if training was resumed
}

// StepInfo tells about one step. It and what it returns are valid until the
// hook returns.
type StepInfo struct {
	Epoch, Batch int // counted from 1
	Step         int // of the whole run, counted from 1
	Losses       Losses

	result result
}

// Terms returns the discriminator's loss terms, one per sample. Either is nil if
// the objective has none.
func (s *StepInfo) Terms() (real, fake *tensor.Tensor) {
	terms := s.result.d.terms
	if terms.Real != nil {
		real = terms.Real.Value()
	}
	if terms.Fake != nil {
		fake = terms.Fake.Value()
	}
	return real, fake
}

// GeneratorTerms returns the generator's loss terms, one per sample, or nil if
// it was not the generator's turn.
func (s *StepInfo) GeneratorTerms() *tensor.Tensor {
	if s.result.g.terms == nil {
		return nil
	}
	return s.result.g.terms.Value()
}

// GradNorms returns the Euclidean norms of the two networks' gradients; the
// generator's is 0 if it was not its turn.
func (s *StepInfo) GradNorms() (generator, discriminator float64) {
	return s.result.g.norm, s.result.d.norm
}

// EpochInfo tells about one epoch.
type EpochInfo struct {
	Epoch   int           // counted from 1
	Steps   int           // of the whole run so far
	Losses  Losses        // means over the epoch's steps
	Time    time.Duration // since the epoch began, or was resumed
	Partial bool          // training ended before the epoch did
}

// Report is the outcome of a run.
type Report struct {
	Epochs []EpochInfo
	Steps  int
	Time   time.Duration
}

// Option changes how [Trainer.Fit] runs.
type Option func(*options)

type options struct {
	epochs, steps int // one of them is out of reach
	hooks         []Hook
}

// Epochs sets the number of passes over the data, 1 unless set, counted from
// the beginning of training and not from where it is resumed.
func Epochs(n int) Option { return func(o *options) { o.epochs, o.steps = n, math.MaxInt } }

// Steps sets the number of steps instead, counted likewise.
func Steps(n int) Option { return func(o *options) { o.epochs, o.steps = math.MaxInt, n } }

// On adds hooks.
func On(hooks ...Hook) Option { return func(o *options) { o.hooks = append(o.hooks, hooks...) } }

// position is where in the data training stands.
type position struct {
	past      []Losses // means over the epochs done
	batch     int      // done in the current epoch
	sums      Losses   // over these batches
	generator int      // the generator's steps among them
}

// Fit trains on the source until the epochs or steps are done, the context is
// cancelled, a hook returns an error, or a step fails. However it ends, the
// current step is finished or undone, and the hooks' Epoch and End are called, so
// that what they save is whole. The report is never nil. The error is the cause
// of an early end: the context's (context.Cause), a hook's, the source's, or that
// of [Trainer.Step]. If hooks fail after that, such as one that saves, their
// errors are joined to it; see [Cancelled].
func (t *Trainer) Fit(ctx context.Context, src Source, opts ...Option) (*Report, error) {
	o := options{epochs: 1, steps: math.MaxInt}
	for _, opt := range opts {
		opt(&o)
	}
	report := &Report{Steps: t.game.steps}
	p, batches := &t.position, src.Batches()
	switch {
	case batches < 1:
		return report, errors.New("gan: the source has no batches")
	case p.batch >= batches:
		return report, fmt.Errorf("gan: training continues after batch %d of an epoch, but the source has %d; give the same data in the same batches", p.batch, batches)
	}
	run := Run{Trainer: t, Epochs: o.epochs, Steps: max(o.steps, t.game.steps), Batches: batches, Past: slices.Clone(p.past)}
	if o.steps < math.MaxInt {
		run.Epochs = len(p.past) + (p.batch+run.Steps-t.game.steps+batches-1)/batches
	} else {
		run.Steps = t.game.steps + max((o.epochs-len(p.past))*batches-p.batch, 0)
	}
	start := time.Now()
	for _, h := range o.hooks {
		if h.Start == nil {
			continue
		}
		if err := h.Start(run); err != nil {
			return report, err
		}
	}
	var err error
	for err == nil && len(p.past) < o.epochs && t.game.steps < o.steps {
		err = t.fitEpoch(ctx, src, &o, report)
	}
	report.Time = time.Since(start)
	return report, both(err, call(o.hooks, func(h Hook) error {
		if h.End == nil {
			return nil
		}
		return h.End(report)
	}))
}

// Cancelled reports whether an error of [Trainer.Fit] says nothing but that its
// context was cancelled: training was stopped on purpose, and everything that
// hooks save is whole. If a hook failed as well, it is false.
func Cancelled(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Cancelled(e.Unwrap())
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(e error) bool { return !Cancelled(e) })
	}
	return errors.Is(err, context.Canceled) // so does the cause that signal.NotifyContext gives
}

// fitEpoch trains to the end of the current epoch.
func (t *Trainer) fitEpoch(ctx context.Context, src Source, o *options, report *Report) (err error) {
	start := time.Now()
	p, batches := &t.position, src.Batches()
	epoch := len(p.past)
	ended := false // on our part
	for batch, srcErr := range src.Epoch(ctx, epoch, p.batch) {
		if err = srcErr; err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = t.fitBatch(batch, o)
		}
		if ended = err != nil || t.game.steps >= o.steps; ended {
			break
		}
	}
	if !ended && p.batch < batches {
		// A source may simply stop when it is cancelled.
		if err = context.Cause(ctx); err == nil {
			err = fmt.Errorf("gan: the source yielded %d of %d batches in epoch %d", p.batch, batches, epoch+1)
		}
	}
	report.Steps = t.game.steps
	if p.batch == 0 {
		return err
	}
	n, s := float64(p.batch), p.sums
	info := EpochInfo{
		Epoch: epoch + 1, Steps: t.game.steps, Time: time.Since(start), Partial: p.batch < batches,
		Losses: Losses{s.Real / n, s.Fake / n, s.Penalty / n, s.Generator / float64(max(p.generator, 1))},
	}
	if !info.Partial {
		*p = position{past: append(p.past, info.Losses)}
	}
	report.Epochs = append(report.Epochs, info)
	return both(err, call(o.hooks, func(h Hook) error {
		if h.Epoch == nil {
			return nil
		}
		return h.Epoch(info)
	}))
}

// fitBatch does one step and tells the hooks.
func (t *Trainer) fitBatch(batch *tensor.Tensor, o *options) error {
	defer t.game.scope.Close()
	r, err := t.game.attempt(batch, nil)
	if err != nil {
		return err
	}
	p := &t.position
	p.batch++
	p.sums.Real += r.losses.Real
	p.sums.Fake += r.losses.Fake
	p.sums.Penalty += r.losses.Penalty
	p.sums.Generator += r.losses.Generator
	if r.g.terms != nil {
		p.generator++
	}
	info := &StepInfo{Epoch: len(p.past) + 1, Batch: p.batch, Step: t.game.steps, Losses: r.losses, result: r}
	return call(o.hooks, func(h Hook) error {
		if h.Step == nil {
			return nil
		}
		return h.Step(info)
	})
}

// call calls every hook, even after one has failed, and returns their errors.
func call(hooks []Hook, f func(Hook) error) (err error) {
	for _, h := range hooks {
		err = both(err, f(h))
	}
	return err
}

// both joins two errors, either of which may be nil.
func both(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return errors.Join(first, second)
}
