package gan

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// step does one step on real samples x and latent vectors z: the discriminator learns
// to tell x from G(z), and then, every so many steps, the generator learns to pass for
// real with the updated discriminator. If samples have a condition, c is that of the
// real ones, and both networks get it: G(z|c) and D(·|c). Nothing is updated with
// numbers that are not finite: the step ends there, r.failed names the network that
// they came from, and attempt undoes what was done until then.
func (g *game) step(x *tensor.Tensor, c *autograd.Var, z *tensor.Tensor) (r result) {
	fake := g.generate(z, c) // one pass, which both halves use
	r.real, r.fake, r.condition = x, fake.Value(), c

	r.d = g.strategy.gradients(g, x, fake.Value(), c)
	if r.err = r.d.share(g); r.err != nil {
		return r
	}
	if !r.d.read(&r.losses) {
		r.failed = "discriminator"
		return r
	}
	g.updateDiscriminator(r.d.grads)

	if (g.steps+1)%g.generatorEvery == 0 {
		if g.freshLatent {
			fake = g.generate(g.drawLatent(x.Dim(0)), c)
		}
		r.g = g.generatorGradients(x, fake, c)
		if r.err = r.g.share(g); r.err != nil {
			return r
		}
		if !r.g.read(&r.losses) {
			r.failed = "generator"
			return r
		}
	}
	g.updateGenerator(r.g.grads, c)
	return r
}

// generate returns G(z|c), tracked.
func (g *game) generate(z *tensor.Tensor, c *autograd.Var) *autograd.Var {
	return g.generator.Forward(g.training(true, c), autograd.Const(z))
}

// generatorGradients computes the generator's loss on the samples fake, and its
// gradients. They come through the discriminator, which is constant here.
func (g *game) generatorGradients(x *tensor.Tensor, fake, c *autograd.Var) (out generatorHalf) {
	out.terms = onePerSample("objective", g.objective.Name(),
		g.objective.Generator(g.judge(false, fake, c), func() *autograd.Var { return g.judge(false, autograd.Const(x), c) }), fake.Value().Dim(0))
	loss := autograd.Mean(out.terms)
	out.loss = loss.Value()
	out.grads = autograd.Values(autograd.Grad(g.learnable("generator", loss), g.gLeaves, autograd.Opts{}))
	return out
}

// result is what a step leaves for its hooks, alive until the step's scope is
// closed.
type result struct {
	losses    Losses
	condition *autograd.Var  // of both kinds of samples; nil if there is none
	rates     [2]float64     // learning rates of the step, the generator's first
	real      *tensor.Tensor // samples that the discriminator has learnt from
	fake      *tensor.Tensor
	d         discriminatorHalf
	g         generatorHalf // zero if it was not the generator's turn
	failed    string        // the network of which a number is not finite
	err       error         // of the group of processes
}

// discriminatorHalf is what a [strategy] computes.
type discriminatorHalf struct {
	terms      Terms
	scores     [2]*tensor.Tensor // D(x) and D(G(z)), before the update
	real, fake *tensor.Tensor    // means of the terms, nil if there are none
	penalties  []*tensor.Tensor  // weighted means of their terms
	grads      []*tensor.Tensor  // of the sum of all these, by the trained parameters
}

// generatorHalf is the like for the generator.
type generatorHalf struct {
	terms *autograd.Var
	loss  *tensor.Tensor // the mean of the terms
	grads []*tensor.Tensor
}

// Losses are the means of the loss terms of one step, or of an epoch's steps.
type Losses struct {
	Real      float64 // the discriminator's, on real samples
	Fake      float64 // the discriminator's, on generated ones
	Penalty   float64 // the discriminator's, weighted and added up
	Generator float64 // the generator's, through the updated discriminator
}

// Discriminator returns the discriminator's whole loss.
func (l Losses) Discriminator() float64 { return l.Real + l.Fake + l.Penalty }

func (l Losses) finite() bool { return isFinite(l.Discriminator() + l.Generator) }

// read takes the losses of the discriminator's half from their device, and reports
// whether they and all gradients are finite.
func (h *discriminatorHalf) read(l *Losses) (finite bool) {
	numbers, gradsFinite := look(h.grads, append([]*tensor.Tensor{h.real, h.fake}, h.penalties...)...)
	l.Real, l.Fake = numbers[0], numbers[1]
	for _, penalty := range numbers[2:] {
		l.Penalty += penalty
	}
	return l.finite() && gradsFinite
}

// read does the same for the generator's half.
func (h *generatorHalf) read(l *Losses) (finite bool) {
	numbers, gradsFinite := look(h.grads, h.loss)
	l.Generator = numbers[0]
	return l.finite() && gradsFinite
}
