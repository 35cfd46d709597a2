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
	Generator float64 // the generator's, through the updated discriminator
}

// Discriminator returns the discriminator's whole loss.
func (l Losses) Discriminator() float64 { return l.Real + l.Fake }

func (l Losses) finite() bool {
	s := l.Real + l.Fake + l.Generator
	return !math.IsNaN(s) && !math.IsInf(s, 0)
}

// passes are the ways in which a step runs the networks.
var (
	tracked  = &nn.Ctx{Train: true, Track: true} // this network is being trained
	constant = &nn.Ctx{Train: true}              // gradients pass through to its input only
)

// step updates the discriminator, then the generator, on real samples x [n, …]
// and latent vectors z [n, latent]. The generator runs once: the discriminator
// sees its output detached, and the generator's own step goes on from the same
// pass. Where a loss is not finite, the step ends before the update that it
// would have gone into.
func (t *Trainer) step(x, z *tensor.Tensor) (r stepResult) {
	real := autograd.Const(x)
	fake := t.g.Forward(tracked, autograd.Const(z))

	// The discriminator learns to tell real from fake.
	r.terms = t.objective.Discriminator(
		t.d.Forward(tracked, real),
		t.d.Forward(tracked, fake.Detach()))
	loss, lossReal, lossFake := total(r.terms)
	r.losses.Real, r.losses.Fake = lossReal, lossFake
	if !r.losses.finite() {
		r.failed = "discriminator"
		return r
	}
	r.dGrads = autograd.Grad(loss, t.dLeaves, autograd.Opts{})
	t.dOptimizer.Step(t.values(r.dGrads))

	// The generator learns to pass for real with the updated discriminator,
	// which itself is constant here.
	r.gTerms = t.objective.Generator(
		t.d.Forward(constant, fake),
		func() *autograd.Var { return t.d.Forward(constant, real) })
	gLoss := autograd.Mean(r.gTerms)
	r.losses.Generator = gLoss.Item()
	if !r.losses.finite() {
		r.failed = "generator"
		return r
	}
	r.gGrads = autograd.Grad(gLoss, t.gLeaves, autograd.Opts{})
	t.updateGenerator(r.gGrads)
	return r
}

// stepResult is what a step leaves for its hooks, alive until the step's scope
// is closed.
type stepResult struct {
	losses         Losses
	terms          Terms
	gTerms         *autograd.Var
	dGrads, gGrads []*autograd.Var
	failed         string // the network whose loss was not finite
}

// total adds the means of the terms.
func total(t Terms) (loss *autograd.Var, real, fake float64) {
	if t.Real != nil {
		loss = autograd.Mean(t.Real)
		real = loss.Item()
	}
	if t.Fake != nil {
		f := autograd.Mean(t.Fake)
		fake = f.Item()
		if loss == nil {
			return f, 0, fake
		}
		loss = autograd.Add(loss, f)
	}
	return loss, real, fake
}
