package diagnose

import (
	"fmt"
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/repanic"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Options say how a run is looked at. The zero value looks at it a hundred times,
// with all of [Rules].
type Options struct {
	// Every is the number of steps between two measurements, or a few more if the
	// generator does not learn in each step. 0 means a hundredth of the run, at least 10
	// and at most 10,000: a run may have no end.
	Every int
	// Rules look at the measurements; nil means [Rules].
	Rules []Rule
	// Measured, unless it is nil, is called with each measurement and the generator
	// of its step, in order, on a goroutine of the hook's. If it is two behind, one is
	// left out; training does not wait for it before the end. A resumed run does not
	// call it for what was measured before.
	Measured func(*Measurement, *gan.Generator)
}

// Hook returns a hook that measures a run now and then, and tells what the rules
// find by [gan.Run.Note]. It says a thing once, and again only if it had gone.
//
// Training goes on meanwhile and computes the same bits as without the hook, which
// works on copies. What the rules make of a measurement is told when the next one is
// due, for which training waits if it must, or when the run ends. So the step at which a
// sentence is heard depends on the run alone. Checkpoints hold the record and what was
// said ([gan.State]), so that a resumed run says what it would have said without the
// interruption; of measurements from before, PerSecond is NaN then, and of a batch of more than
// 65,536 samples, RealScores and FakeScores are nil. What is told at the
// end of a run that is stopped early is told again, at its time, by the one that goes on.
//
// Hook panics with a [tensor.ArgumentError] if Every is negative, or a rule has no Find.
func Hook(o Options) gan.Hook {
	if o.Every < 0 {
		panic(&tensor.ArgumentError{Op: "diagnose.Hook", Problem: fmt.Sprintf("every %d steps", o.Every), Fix: "give 1 or more, or 0 for the default"})
	}
	if o.Rules == nil {
		o.Rules = Rules()
	}
	for _, rule := range o.Rules {
		if rule.Find == nil {
			panic(&tensor.ArgumentError{Op: "diagnose.Hook", Problem: fmt.Sprintf("the rule %q has no function", rule.Name), Fix: "set its Find"})
		}
	}
	var h *hook
	var before *state // what is restored, until Start
	shown := gan.Background(func(int) bool { return h.show }, func(g *gan.Generator) (struct{}, error) {
		defer h.waiting.Add(-1)
		if m := (<-h.shows).wait(); m != nil {
			o.Measured(m, g)
		}
		return struct{}{}, nil
	}, func(int, struct{}) error { return nil })
	return gan.Hook{
		Start: func(r gan.Run) error {
			h = newHook(o, r, before)
			before = nil
			return shown.Start(r)
		},
		Step: func(s *gan.StepInfo) error {
			h.step(s)
			if err := shown.Step(s); err != nil {
				return err
			}
			return shown.Epoch(gan.EpochInfo{}) // where a panic of Measured comes up
		},
		Epoch: shown.Epoch,
		End: func(r *gan.Report) error {
			h.judge() // of which checkpoints know nothing
			return shown.End(r)
		},
		State: gan.State{
			Name: "diagnose",
			Save: func() any {
				return saved{h.losses, h.steps, h.ofG, h.pending, h.record.Measurements, h.said}
			},
			Restore: func(b []byte) (err error) {
				before, err = readState(b)
				return err
			},
		},
	}
}

// hook is the state of one run.
type hook struct {
	o        Options
	every    int
	latent   int
	run      gan.Run
	networks [2]nn.Module   // the generator, the discriminator
	before   [2]*nn.Weights // of a step ago, if this one is due
	losses   gan.Losses     // sums since the last measurement
	steps    int            // that they are over
	ofG      int            // of which the generator had its turn
	pending  *measuring     // not judged yet; nil: none is
	record   Record
	said     map[string]int // how many measurements ago a rule has last found something; never changed, but replaced

	show    bool            // this step's measurement goes to Measured
	shows   chan *measuring // those that do
	waiting atomic.Int32    // how many of them Measured has not had
}

// patience is how many measurements may wait for Measured.
const patience = 2

// measuring is a measurement that is under way.
type measuring struct {
	done     chan struct{}
	m        *Measurement // nil if it has failed
	panicked any
}

// measure begins one.
func measure(c *copies) *measuring {
	p := &measuring{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer func() { p.panicked = repanic.Value(recover()) }()
		p.m = c.finish()
	}()
	return p
}

// wait returns the measurement when it is finished, nil if it has failed.
func (p *measuring) wait() *Measurement {
	<-p.done
	return p.m
}

func newHook(o Options, r gan.Run, before *state) *hook {
	h := &hook{o: o, run: r, shows: make(chan *measuring, patience), said: map[string]int{}}
	h.every = o.Every
	if h.every == 0 {
		h.every = min(max(r.Steps/100, 10), 10_000)
	}
	// The generator should have its turn in the steps that are measured.
	if n, err := strconv.Atoi(r.Trainer.Settings()["generator_every"]); err == nil && n > 1 {
		h.every = (h.every + n - 1) / n * n
	}
	h.latent = r.Trainer.Generator().Latent()
	h.networks[0], h.networks[1] = r.Trainer.Networks()
	h.record = Record{Objective: r.Trainer.Settings()["objective"]}
	if before != nil {
		before.into(h)
	}
	if (r.Trainer.Steps()+1)%h.every == 0 {
		h.before = h.weights()
	}
	return h
}

// weights copies both networks'.
func (h *hook) weights() (w [2]*nn.Weights) {
	for i, m := range h.networks {
		w[i] = nn.Snapshot(m)
	}
	return w
}

// step adds up losses, and begins a measurement if one is due: of the weights before
// the step, copied after the last one, and everything after it. The one before is judged
// first.
func (h *hook) step(s *gan.StepInfo) {
	h.losses.Real += s.Losses.Real
	h.losses.Fake += s.Losses.Fake
	h.losses.Penalty += s.Losses.Penalty
	h.losses.Generator += s.Losses.Generator
	h.steps++
	turn := s.GeneratorTerms() != nil
	if turn {
		h.ofG++
	}
	var now [2]*nn.Weights
	h.show = false
	if s.Step%h.every == 0 {
		h.judge()
		now = h.weights()
		h.pending = measure(h.copy(s, now, turn))
		if h.show = h.o.Measured != nil && h.waiting.Load() < patience; h.show {
			h.waiting.Add(1)
			h.shows <- h.pending // has room
		}
	}
	h.before = [2]*nn.Weights{}
	if (s.Step+1)%h.every == 0 {
		if now[0] == nil {
			now = h.weights()
		}
		h.before = now
	}
}

// copy copies what a measurement needs of a step.
func (h *hook) copy(s *gan.StepInfo, now [2]*nn.Weights, turn bool) *copies {
	n := float64(h.steps)
	c := &copies{
		m: Measurement{
			Step: s.Step, PerSecond: s.PerSecond,
			Losses: gan.Losses{Real: h.losses.Real / n, Fake: h.losses.Fake / n, Penalty: h.losses.Penalty / n,
				Generator: h.losses.Generator / float64(max(h.ofG, 1))},
		},
		generator: h.networks[0], discriminator: h.networks[1],
		before: h.before, after: now, generatorTurn: turn,
	}
	h.losses, h.steps, h.ofG = gan.Losses{}, 0, 0
	c.m.Generator.GradNorm, c.m.Discriminator.GradNorm = s.GradNorms()
	c.m.Generator.Rate, c.m.Discriminator.Rate = s.LearningRates()
	real, fake := s.Scores()
	c.m.RealScores, c.m.FakeScores = real.Float64s(), fake.Float64s()
	real, fake = s.Samples()
	c.real, c.fake = few(real), few(fake)
	if condition := s.Condition(); condition != nil {
		c.condition = h.run.Trainer.Device().New(condition.DType(), c.real.Dim(0), condition.Dim(1))
		c.condition.CopyFrom(condition.Slice(0, 0, c.real.Dim(0)))
	}
	c.latent = h.run.Trainer.Device().New(c.fake.DType(), c.fake.Dim(0), h.latent)
	tensor.NewStream(uint64(s.Step), "diagnose").NormalInto(c.latent)
	return c
}

// few copies some samples of a batch, which is gone after the step.
func few(x *tensor.Tensor) *tensor.Tensor {
	const room = 1 << 22 // numbers
	n := x.Dim(0)
	some := x.Slice(0, 0, min(n, max(8, min(most, room/max(x.Len()/n, 1)))))
	out := x.Device().New(x.DType(), some.Shape()...)
	out.CopyFrom(some)
	return out
}

// judge adds the measurement that is under way to the record, when it is finished, and
// tells what the rules find.
func (h *hook) judge() {
	p := h.pending
	if p == nil {
		return
	}
	h.pending = nil
	m := p.wait()
	if p.panicked != nil {
		panic(p.panicked)
	}
	if m == nil {
		return
	}
	h.record.add(m)
	h.said = maps.Clone(h.said)
	for _, rule := range h.o.Rules {
		sentence := rule.Find(h.record)
		ago, said := h.said[rule.Name]
		switch {
		case sentence == "" && said && ago >= again:
			delete(h.said, rule.Name)
		case sentence == "" && said:
			h.said[rule.Name]++
		case sentence != "":
			h.said[rule.Name] = 0
			if !said {
				h.run.Note(sentence)
			}
		}
	}
}

// again is after how many measurements without a finding it counts as gone.
const again = 20
