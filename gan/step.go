package gan

import (
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Losses are the means of the loss terms of one step, or of an epoch's steps.
type Losses struct {
	Real      float64 // the discriminator's, on real samples
	Fake      float64 // the discriminator's, on generated ones
	Penalty   float64 // the discriminator's, weighted and added up
	Generator float64 // the generator's, through the updated discriminator
}

// Discriminator returns the discriminator's whole loss.
func (l Losses) Discriminator() float64 { return l.Real + l.Fake + l.Penalty }

func (l Losses) finite() bool {
	s := l.Real + l.Fake + l.Penalty + l.Generator
	return !math.IsNaN(s) && !math.IsInf(s, 0)
}

// step updates the discriminator and, where its turn has come, the generator,
// on real samples x [n, …] and latent vectors z [n, latent]. Where a loss is
// not finite, the step ends before the update that it would have gone into.
func (t *Trainer) step(x, z *tensor.Tensor) (r stepResult) {
	fake := t.discriminatorStep(x, z, &r)
	if r.failed == "" && (t.steps+1)%t.generatorEvery == 0 {
		t.generatorStep(x, fake, &r)
	}
	if r.failed == "" {
		t.updateBuffers()
	}
	return r
}

// discriminatorStep teaches the discriminator to tell real from fake. It
// returns the generator's pass, which the discriminator has seen detached.
func (t *Trainer) discriminatorStep(x, z *tensor.Tensor, r *stepResult) (fake *autograd.Var) {
	fake = t.g.Forward(t.training(true), autograd.Const(z))
	if t.exact != nil {
		r.dGrads = t.exact.run(t, x, fake.Value(), r)
	} else {
		r.dGrads = t.discriminatorGrads(autograd.Const(x), fake.Detach(), r)
	}
	if r.dGrads == nil {
		r.failed = "discriminator"
		return nil
	}
	t.dOptimizer.Step(t.values(r.dGrads))
	t.clipWeights()
	return fake
}

// discriminatorGrads computes the losses and the gradients of their sum by the
// discriminator's parameters, or nil where a loss is not finite.
func (t *Trainer) discriminatorGrads(x, y *autograd.Var, r *stepResult) []*autograd.Var {
	p := t.pass(x, y)
	r.terms = t.objective.Discriminator(p.Real.D, p.Fake.D)
	loss := sum(mean(r.terms.Real, &r.losses.Real), mean(r.terms.Fake, &r.losses.Fake))
	for _, penalty := range t.penalties {
		if w := penalty.Weight(t.steps); w != 0 {
			term := autograd.Scale(autograd.Mean(penalty.Terms(p)), w)
			r.losses.Penalty += term.Item()
			loss = sum(loss, term)
		}
	}
	if !r.losses.finite() {
		return nil
	}
	return autograd.Grad(loss, t.dLeaves, autograd.Opts{})
}

// generatorStep teaches the generator to pass for real with the updated
// discriminator, which itself is constant here. It goes on from the pass that
// the discriminator has seen, unless fresh latent vectors are wanted.
func (t *Trainer) generatorStep(x *tensor.Tensor, fake *autograd.Var, r *stepResult) {
	if t.freshLatent {
		fake = t.g.Forward(t.training(true), autograd.Const(t.drawLatent(x.Dim(0))))
	}
	constant := t.training(false)
	r.gTerms = t.objective.Generator(
		t.d.Forward(constant, fake),
		func() *autograd.Var { return t.d.Forward(constant, autograd.Const(x)) })
	loss := mean(r.gTerms, &r.losses.Generator)
	if !r.losses.finite() {
		r.failed = "generator"
		return
	}
	r.gGrads = autograd.Grad(loss, t.gLeaves, autograd.Opts{})
	t.updateGenerator(r.gGrads)
}

// training is how a step runs a network: tracked where it is the one that
// learns.
func (t *Trainer) training(track bool) *nn.Ctx {
	return &nn.Ctx{Train: true, Track: track, Rand: t.random, Updates: &t.updates}
}

// pass runs the discriminator on both kinds of samples: in one batch where it
// treats each sample on its own, which costs less. Where there are penalties,
// the samples are tracked, so that gradients by them exist, and kept apart, so
// that those take one kind's pass only.
func (t *Trainer) pass(real, fake *autograd.Var) *Pass {
	p := &Pass{
		Critic: func(x *autograd.Var) *autograd.Var { return t.d.Forward(t.training(true), x) },
		Rand:   t.random,
	}
	if len(t.penalties) > 0 {
		real, fake = autograd.Leaf(real.Value()), autograd.Leaf(fake.Value())
	}
	p.Real.X, p.Fake.X = real, fake
	if t.joint {
		n, m := real.Value().Dim(0), fake.Value().Dim(0)
		d := p.Critic(autograd.Concat(0, real, fake))
		p.Real.D, p.Fake.D = autograd.Slice(d, 0, 0, n, 1), autograd.Slice(d, 0, n, n+m, 1)
	} else {
		p.Real.D, p.Fake.D = p.Critic(real), p.Critic(fake)
	}
	return p
}

// stepResult is what a step leaves for its hooks, alive until the step's scope
// is closed.
type stepResult struct {
	losses         Losses
	terms          Terms
	gTerms         *autograd.Var // nil where it was not the generator's turn
	dGrads, gGrads []*autograd.Var
	failed         string // the network whose loss was not finite
}

// mean averages terms, if there are any, and stores the number as well.
func mean(terms *autograd.Var, value *float64) *autograd.Var {
	if terms == nil {
		return nil
	}
	m := autograd.Mean(terms)
	*value = m.Item()
	return m
}

// sum adds two losses, either of which may be missing.
func sum(a, b *autograd.Var) *autograd.Var {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return autograd.Add(a, b)
}
