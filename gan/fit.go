package gan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gander-ml/gander/tensor"
)

// Batch is what a step is done on: real samples X [n, …] and, if the networks read
// one, the condition [n, k] of each, which is otherwise of no account and may be nil.
// Its type has no name, so that sources need not import this package;
// datasets.Batch is the same.
type Batch = struct{ X, Condition *tensor.Tensor }

// Source yields real samples in batches. A datasets.Loader is one.
type Source interface {
	// Batches returns the number of batches in an epoch.
	Batches() int
	// Epoch yields the batches of an epoch, counted from 0, starting with batch
	// from. Their order depends on the epoch only. A batch may be overwritten once
	// the loop body has returned.
	Epoch(ctx context.Context, epoch, from int) iter.Seq2[Batch, error]
}

// Hook is told how training goes. Any of its functions may be nil; hooks are
// called in order, on the trainer's goroutine, between updates. Of a step, those with
// a State hear first, and [Checkpoints] last, so that what a checkpoint holds is how
// everything is after the step. An error from one ends the training as a cancelled
// context does, and is returned by [Trainer.Fit]; one from Start does so before
// anything else is called. An error that [Warning] returned is reported and ends
// nothing. If a hook panics, the others are called for the same event, and Epoch and
// End, before the panic leaves Fit. A [tensor.DeviceFailure] ends training as an error,
// also if a hook panics with it or, unless it is a lack of memory, calls it a warning:
// devices may tell late of an update that they have lost, and no checkpoint is written
// then.
//
// An epoch is over before its last step's hooks are called. If a run is killed
// between these and the hooks' Epoch, the run that is resumed from a checkpoint
// of that step begins with Epoch.
type Hook struct {
	Start func(Run) error                 // before the first step
	Step  func(*StepInfo) error           // after each step
	Epoch func(EpochInfo) error           // after each epoch, and after a part of one if training ends early
	End   func(*Report) error             // after the last step, however it came about
	Note  func(step int, sentence string) // of a hook that calls [Run.Note]
	State State                           // what a resumed run must know; its zero value: nothing

	release func() // called when Fit returns or panics, also if Start of another hook has failed
	last    bool   // hears of a step after all others
}

// Run is what is known before the first step.
type Run struct {
	Trainer *Trainer
	Context context.Context // of Fit
	Epochs  int             // that will have been done at the end, the last perhaps in part
	Steps   int             // that will have been done at the end
	Batches int             // in an epoch
	Past    []Losses        // means over the epochs done already, if training was resumed

	past []pastEpoch // the same epochs
	note func(string)
}

// Note tells all hooks a sentence about the run that people should see, such as
// that one network has the upper hand: [Log] writes it down, progress prints it. A
// hook calls it from one of its functions. It is not an error; see [Warning]. What was
// told after a step is in the checkpoint that [Checkpoints] writes of it.
func (r Run) Note(sentence string) {
	if r.note != nil { // in a test of a hook
		r.note(sentence)
	}
}

// StepInfo tells about one step. It and what it returns are valid until the
// hook returns.
type StepInfo struct {
	Epoch, Batch int // counted from 1
	Step         int // of the whole run, counted from 1
	Losses       Losses
	Time         time.Duration // that the step took, without waiting for the batch and without hooks
	PerSecond    float64       // steps per second over the last second or so, everything counted

	result result
}

// LearningRates returns the rates of the step's updates. That of the generator
// applies if it was its turn.
func (s *StepInfo) LearningRates() (generator, discriminator float64) {
	return s.result.rates[0], s.result.rates[1]
}

// Samples returns what the discriminator has learnt from in this step: the batch of
// real samples, and as many generated ones, both [n, …].
func (s *StepInfo) Samples() (real, fake *tensor.Tensor) { return s.result.real, s.result.fake }

// Condition returns the condition [n, k] of [StepInfo.Samples], which real samples
// and generated ones have in common, or nil if there is none.
func (s *StepInfo) Condition() *tensor.Tensor {
	if s.result.condition == nil {
		return nil
	}
	return s.result.condition.Value()
}

// Scores returns what the discriminator has made of [StepInfo.Samples], before it
// has learnt from them: D(x) and D(G(z)), both [n, 1], logits or probabilities as
// the objective has it. Reading them from a device takes time; nothing else does.
func (s *StepInfo) Scores() (real, fake *tensor.Tensor) {
	return s.result.d.scores[0], s.result.d.scores[1]
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

// GradNorms returns the Euclidean norms of the two networks' gradients, which it
// computes; the generator's is 0 if it was not its turn.
func (s *StepInfo) GradNorms() (generator, discriminator float64) {
	return tensor.Norm(s.result.g.grads).Item(), tensor.Norm(s.result.d.grads).Item()
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
	Epochs     []EpochInfo
	Steps      int
	Time       time.Duration
	Checkpoint string  // the path of the last that [Checkpoints] has written; "" if there is none
	Warnings   []error // what hooks have told with [Warning], at most 100
}

// Option changes how [Trainer.Fit] runs.
type Option func(*options)

type options struct {
	epochs, steps int // one of them is out of reach
	hooks         []Hook
	warn          func(error)
	failure       string // where to write a step that fails; "": nowhere
}

// Epochs has [Trainer.Fit] train until so many passes over the data are done; without it
// and [Steps], until one is. They are counted from the beginning of training and not from
// where it is resumed, nor from where an earlier Fit has ended: if that many are done
// already, there is nothing to do. Fit refuses less than 0. Of Epochs and Steps, the last
// one given counts.
func Epochs(n int) Option { return func(o *options) { o.epochs, o.steps = n, math.MaxInt } }

// Steps has [Trainer.Fit] train until so many steps are done, in place of [Epochs], and
// counted likewise.
func Steps(n int) Option { return func(o *options) { o.epochs, o.steps = math.MaxInt, n } }

// On adds hooks.
func On(hooks ...Hook) Option { return func(o *options) { o.hooks = append(o.hooks, hooks...) } }

// OnWarning has f called with each [Warning] when it occurs, on the trainer's
// goroutine. Without it, warnings are part of the error that [Trainer.Fit]
// returns in the end.
func OnWarning(f func(error)) Option { return func(o *options) { o.warn = f } }

// position is where in the data training stands.
type position struct {
	past      []pastEpoch // the epochs done
	untold    bool        // hooks do not know yet that the last of them is done
	batch     int         // done in the current epoch
	sums      Losses      // over these batches, times unit
	generator int         // the generator's steps among them
}

// unit is what 1 counts for in sums of losses, so that they stay finite, whatever the
// losses are. A power of two changes no digit of the means.
const unit = 0x1p-64

// pastEpoch is an epoch that is done.
type pastEpoch struct {
	losses Losses // means
	steps  int    // of the whole run at its end
}

// add counts a batch, and ends the epoch with its last one.
func (p *position) add(l Losses, generator bool, batches, steps int) {
	p.batch++
	p.sums.Real += unit * l.Real
	p.sums.Fake += unit * l.Fake
	p.sums.Penalty += unit * l.Penalty
	p.sums.Generator += unit * l.Generator
	if generator {
		p.generator++
	}
	if p.batch == batches {
		p.end(steps)
	}
}

// end ends the epoch.
func (p *position) end(steps int) {
	*p = position{past: append(p.past, pastEpoch{p.means(), steps}), untold: true}
}

// means returns the mean losses of the current epoch.
func (p *position) means() Losses {
	n, s := float64(p.batch), p.sums
	return Losses{s.Real / n / unit, s.Fake / n / unit, s.Penalty / n / unit, s.Generator / float64(max(p.generator, 1)) / unit}
}

// Fit trains on the source until the epochs or steps are done, the context is
// cancelled, a hook returns an error, or a step fails. However it ends, the
// current step is finished or undone, and the hooks' Epoch and End are called, so
// that what they save is whole. The report is never nil. The error is the cause
// of an early end: the context's (context.Cause), a hook's, the source's, or that
// of [Trainer.Step]. If hooks fail after that, such as one that saves, their
// errors are joined to it; see [Cancelled].
//
// Fit returns an error at once, which wraps [ErrConfig], if ctx, the source or an
// option is nil, if the steps or epochs are fewer than 0, if a hook's [State] lacks
// something, or if the networks cannot take the smallest batch of a [Sized] source;
// one that wraps [ErrCheckpoint] if training was resumed from a checkpoint of other
// data, or from one whose state a hook does not take; and [ErrBusy] during another
// Fit or a step.
func (t *Trainer) Fit(ctx context.Context, src Source, opts ...Option) (*Report, error) {
	f := fitting{Trainer: t, ctx: ctx, src: src, o: options{epochs: 1, steps: math.MaxInt}, report: &Report{Steps: t.game.steps}}
	if !t.busy.CompareAndSwap(false, true) {
		return f.report, ErrBusy
	}
	defer t.busy.Store(false)
	if err := f.prepare(opts); err != nil {
		return f.report, err
	}
	return f.report, f.run()
}

// fitting is one call of [Trainer.Fit].
type fitting struct {
	*Trainer
	ctx     context.Context
	src     Source
	batches int // in an epoch
	o       options
	report  *Report
	pace    pace

	expected *resumable // what the data had to be, in case that training does not begin

	first, others []Hook     // in the order in which they hear of a step: those with a state, and the others
	states        []stateful // of first
	between       bool       // others are
}

// pace is how fast training goes.
type pace struct {
	since time.Time // when the steps were begun that it counts
	steps int
	rate  float64
	whole bool // rate is over a second
}

// step counts a step and returns the steps per second.
func (p *pace) step(now time.Time) float64 {
	p.steps++
	passed := now.Sub(p.since)
	over := passed >= time.Second
	if over || !p.whole {
		p.rate = float64(p.steps) / max(passed.Seconds(), 1e-9)
	}
	if over {
		p.since, p.steps, p.whole = now, 0, true
	}
	return p.rate
}

// prepare checks what can be known before anything is called.
func (f *fitting) prepare(opts []Option) error {
	bad := func(problem string) error { return fmt.Errorf("gan: %w: %s", ErrConfig, problem) }
	err := f.gather(func() error {
		switch {
		case f.ctx == nil:
			return bad("the context is nil")
		case isNil(f.src):
			return bad("the source is nil")
		}
		for _, opt := range opts {
			if opt == nil {
				return bad("an option is nil")
			}
			opt(&f.o)
		}
		if err := f.arrange(); err != nil {
			return err
		}
		if n := min(f.o.epochs, f.o.steps); n < 0 {
			return bad(fmt.Sprintf("training is to last %d steps or epochs; give 0 or more", n))
		}
		p := &f.position
		switch f.batches = f.src.Batches(); {
		case f.batches < 1:
			return errors.New("gan: the source has no batches; give it samples, with datasets.DropLast as many as a batch has")
		case p.batch >= f.batches && !f.allows("data.batches"):
			return fmt.Errorf("gan: training continues after batch %d of an epoch, but the source has %d; give the same data in the same batches", p.batch, f.batches)
		}
		if f.game.peers != nil && f.o.failure != "" {
			return bad("RecordFailure in a group: a file would hold the samples of one process only")
		}
		if err := f.game.checkShard(f.src); err != nil {
			return err
		}
		if err := f.game.trySize(f.src); err != nil {
			return err
		}
		counts, err := f.game.countsOf(f.src)
		if err != nil {
			return err
		}
		f.expected = f.before
		if err := f.adopt(f.src); err != nil {
			return err
		}
		f.game.adoptCounts(counts)
		if p.batch >= f.batches { // of other batches, of which there are fewer
			f.mu.Lock()
			defer f.mu.Unlock()
			p.end(f.game.steps)
		}
		return nil
	})
	f.report.Steps = f.game.steps // in a group, perhaps those of process 0
	return err
}

// done reports whether as much was trained as was asked for.
func (f *fitting) done() bool {
	return len(f.position.past) >= f.o.epochs || f.game.steps >= f.o.steps
}

// run calls the hooks and trains in between.
func (f *fitting) run() error {
	defer func() {
		for _, h := range f.o.hooks {
			if h.release != nil {
				h.release()
			}
		}
	}()
	start := time.Now()
	f.pace = pace{since: start}
	run := f.outlook()
	err := f.remind()
	for _, h := range f.o.hooks {
		if err == nil && h.Start != nil {
			err = f.sort(h.Start(run))
		}
	}
	if err != nil { // training has not begun: the next Fit needs the data of the checkpoint
		f.mu.Lock()
		f.before = f.expected
		f.mu.Unlock()
		return f.leave(err)
	}
	over := false
	end := func() error {
		over = true
		f.report.Time = time.Since(start)
		return f.call(f.o.hooks, func(h Hook) error {
			if h.End == nil {
				return nil
			}
			return h.End(f.report)
		})
	}
	defer func() {
		if !over { // something panics
			end()
		}
	}()
	if p := &f.position; p.untold || f.resumed && f.done() && p.batch > 0 {
		err = f.tell(start) // of what a killed run could not tell any more
	}
	f.resumed = false
	for err == nil && !f.done() {
		err = f.epoch()
	}
	err = both(f.leave(err), end())
	if f.o.warn == nil {
		err = both(err, errors.Join(f.report.Warnings...))
	}
	return err
}

// outlook is what hooks are told first.
func (f *fitting) outlook() Run {
	p := &f.position
	run := Run{Trainer: f.Trainer, Context: f.ctx, Epochs: f.o.epochs, Steps: max(f.o.steps, f.game.steps), Batches: f.batches, past: slices.Clone(p.past), note: f.note}
	// A run may be meant to have no end: no sum here overflows.
	if f.o.steps < math.MaxInt {
		whole, rest := (run.Steps-f.game.steps)/f.batches, (run.Steps-f.game.steps)%f.batches
		run.Epochs = len(p.past) + whole + (p.batch+rest+f.batches-1)/f.batches
	} else if left := max(f.o.epochs-len(p.past), 0); left <= (math.MaxInt-f.game.steps)/f.batches {
		run.Steps = f.game.steps + max(left*f.batches-p.batch, 0)
	}
	if p.untold {
		run.past = run.past[:len(run.past)-1]
	}
	for _, e := range run.past {
		run.Past = append(run.Past, e.losses)
	}
	return run
}

// note tells the hooks a sentence.
func (f *fitting) note(sentence string) {
	for _, h := range f.o.hooks {
		if h.Note != nil {
			h.Note(f.game.steps, sentence)
		}
	}
	if f.between { // what is told later, between steps, a resumed run tells again
		f.mu.Lock()
		defer f.mu.Unlock()
		f.remember()
	}
}

// Cancelled reports whether an error of [Trainer.Fit] says nothing but that its
// context was cancelled: training was stopped on purpose, and everything that
// hooks save is whole. If a hook failed as well, it is false; and also after a deadline,
// which may be that of anything. To train for ten minutes and be content, give the
// context the cause of a cancellation:
//
//	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, context.Canceled)
func Cancelled(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Cancelled(e.Unwrap())
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(e error) bool { return !Cancelled(e) })
	}
	return errors.Is(err, context.Canceled) // so does the cause that signal.NotifyContext gives
}

// epoch trains to the end of the current epoch.
func (f *fitting) epoch() (err error) {
	start := time.Now()
	p := &f.position
	number, told := len(p.past), false
	tell := func() error {
		told = true
		f.report.Steps = f.game.steps
		if p.batch == 0 && !p.untold {
			return nil
		}
		return f.tell(start)
	}
	defer func() {
		if !told { // something panics
			tell()
		}
	}()
	ended := false // on our part
	for batch, srcErr := range waiting(f.ctx, f.src.Epoch(f.ctx, number, p.batch)) {
		if err = srcErr; err == nil {
			err = context.Cause(f.ctx)
		}
		if err == nil && len(p.past) > number {
			err = fmt.Errorf("gan: the source yielded more than its %d batches in epoch %d", f.batches, number+1)
		}
		if err = f.meet(batchSize(batch), err); err == nil {
			err = f.batch(batch)
		}
		if ended = err != nil || f.game.steps >= f.o.steps; ended {
			break
		}
	}
	if !ended && len(p.past) == number {
		// A source may simply stop when it is cancelled.
		if err = context.Cause(f.ctx); err == nil {
			err = fmt.Errorf("gan: the source yielded %d of %d batches in epoch %d", p.batch, f.batches, number+1)
		}
	}
	return both(err, tell())
}

// tell calls the hooks' Epoch for the epoch that is just done, or else for the
// part of the current one.
func (f *fitting) tell(start time.Time) error {
	p := &f.position
	info := EpochInfo{Steps: f.game.steps, Time: time.Since(start)}
	if last := len(p.past) - 1; p.untold {
		info.Epoch, info.Steps, info.Losses = last+1, p.past[last].steps, p.past[last].losses
	} else {
		info.Epoch, info.Losses, info.Partial = last+2, p.means(), true
	}
	f.report.Epochs = append(f.report.Epochs, info)
	err := f.call(f.o.hooks, func(h Hook) error {
		if h.Epoch == nil {
			return nil
		}
		return h.Epoch(info)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.untold {
		p.untold = false
		f.remember()
	}
	return err
}

// batch does one step and tells the hooks.
func (f *fitting) batch(b Batch) error {
	defer f.game.scope.Close()
	info := &StepInfo{Epoch: len(f.position.past) + 1, Batch: f.position.batch + 1}
	failed, err := f.advance(b, info)
	if failed != nil {
		return f.blame(failed, b, info.Epoch, info.Batch)
	}
	f.between = true
	defer func() { f.between = false }()
	return both(err, f.call(f.others, stepOf(info)))
}

// advance does one step and tells the hooks with a state, whose error is err; failed is
// that of the step.
func (f *fitting) advance(b Batch, info *StepInfo) (failed, err error) {
	f.mu.Lock()
	unlock := sync.OnceFunc(f.mu.Unlock)
	defer unlock()
	if failed = f.update(b, info); failed != nil {
		return failed, nil
	}
	info.Step, info.Losses, info.PerSecond = f.game.steps, info.result.losses, f.pace.step(time.Now())
	returned := false
	defer func() {
		if !returned { // a hook panics: the others hear of the step first
			unlock()
			f.call(f.others, stepOf(info))
		}
	}()
	err = f.tellStep(info)
	returned = true
	return nil, err
}

// update does one step.
func (f *fitting) update(b Batch, info *StepInfo) (err error) {
	start := time.Now()
	defer func() { info.Time = time.Since(start) }()
	if info.result, err = f.game.attempt(b, nil); err != nil {
		return err
	}
	f.position.add(info.result.losses, info.result.g.terms != nil, f.batches, f.game.steps)
	if peers := f.game.peers; peers != nil && f.game.steps%checkEvery == 0 {
		return peers.compare(f.game)
	}
	return nil
}

// call calls every hook, even after one has failed or while one panics, and
// returns their errors, among them the failures of devices that they panic with.
func (f *fitting) call(hooks []Hook, do func(Hook) error) (err error) {
	for i, h := range hooks {
		func() {
			returned := false
			defer func() {
				if returned {
					return
				}
				p := recover() // nil if the hook ends its goroutine
				if failure, ok := p.(*tensor.DeviceFailure); ok {
					err = both(err, f.ofHook(fmt.Errorf("gan: a hook: %w", failure)))
					return
				}
				f.call(hooks[i+1:], do)
				if p != nil {
					panic(p)
				}
			}()
			e := do(h)
			returned = true
			err = both(err, f.ofHook(e))
		}()
	}
	return err
}

// ofHook returns a hook's error unless it is a warning. What a hook reads may tell that
// a device has failed at something earlier, at which training ends in any case.
func (f *fitting) ofHook(err error) error {
	late := lostWork(err)
	if late == nil {
		return f.sort(err)
	}
	f.game.tear(late)
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
