package gan

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// strategy is a way to compute the discriminator's gradient: [general] for every
// network and penalty, [exact] for those that have a cheaper form. Both give the
// same gradients up to rounding, and change nothing but the random stream and
// the changes of buffers that are asked for.
type strategy interface {
	// gradients computes the discriminator's losses on real samples x and
	// generated ones y, both of the condition c, which may be nil, and the
	// gradients of their sum.
	gradients(g *game, x, y *tensor.Tensor, c *autograd.Var) discriminatorHalf
}

// newStrategy chooses the cheapest strategy for discriminator d, of which the
// parameters in trained learn.
func newStrategy(d nn.Module, penalties []Penalty, trained []*nn.Param) strategy {
	mixes, known := nn.MixesBatch(d)
	apart := known && !mixes
	if e := newExact(d, penalties, trained); e != nil && apart {
		return e
	}
	return general{together: apart && len(penalties) == 0}
}

// general runs the discriminator forward and differentiates what the objective
// and the penalties make of it. Penalties hold gradients themselves; theirs are
// second derivatives.
type general struct {
	together bool // real and generated samples are one batch
}

func (s general) gradients(g *game, x, y *tensor.Tensor, c *autograd.Var) (out discriminatorHalf) {
	p := s.pass(g, x, y, c)
	out.scores = [2]*tensor.Tensor{p.Real.D.Value(), p.Fake.D.Value()}
	out.terms = g.discriminate(p.Real.D, p.Fake.D)
	loss := add(mean(out.terms.Real, &out.real), mean(out.terms.Fake, &out.fake))
	for _, penalty := range g.penalties {
		if w := g.weightOf(penalty); w != 0 {
			term := autograd.Scale(autograd.Mean(termsOf(penalty, p)), w)
			out.penalties = append(out.penalties, term.Value())
			loss = add(loss, term)
		}
	}
	out.grads = autograd.Values(autograd.Grad(g.learnable("discriminator", loss), g.dLeaves, autograd.Opts{}))
	return out
}

// pass runs the discriminator on both kinds of samples: in one batch if it
// treats each sample on its own, which costs less. If there are penalties, the
// samples are tracked, so that gradients by them exist, and kept apart, so that
// those enter one kind's pass only.
func (s general) pass(g *game, x, y *tensor.Tensor, c *autograd.Var) *Pass {
	p := &Pass{
		Critic: func(x *autograd.Var) *autograd.Var { return g.judge(true, x, c) },
		Rand:   g.random,
		game:   g,
	}
	sample := autograd.Const
	if len(g.penalties) > 0 {
		sample = autograd.Leaf
	}
	p.Real.X, p.Fake.X = sample(x), sample(y)
	if s.together {
		n, m := x.Dim(0), y.Dim(0)
		d := g.judge(true, autograd.Concat(0, p.Real.X, p.Fake.X), twice(c))
		p.Real.D, p.Fake.D = autograd.Slice(d, 0, 0, n), autograd.Slice(d, 0, n, n+m)
	} else {
		p.Real.D, p.Fake.D = p.Critic(p.Real.X), p.Critic(p.Fake.X)
	}
	return p
}

// termsOf returns the terms of a penalty. It panics if no weight can change them: a
// penalty that takes its gradients without CreateGraph looks like any other in the
// log, and does nothing.
func termsOf(penalty Penalty, p *Pass) *autograd.Var {
	terms := onePerSample("penalty", penalty.Name(), penalty.Terms(p), p.Real.X.Value().Dim(0))
	if !terms.Tracked() {
		panic(&tensor.ArgumentError{Op: the("penalty", penalty.Name()), Problem: "its terms depend on none of the discriminator's trained weights",
			Fix: "take its gradients with autograd.Opts{CreateGraph: true}, by samples that are tracked"})
	}
	return terms
}

// discriminate returns the terms of the objective for outputs [n, 1] on real samples
// and on generated ones.
func (g *game) discriminate(real, fake *autograd.Var) Terms {
	name, t := g.objective.Name(), g.objective.Discriminator(real, fake)
	if t.Real != nil || t.Fake == nil {
		onePerSample("objective", name, t.Real, real.Value().Dim(0))
	}
	if t.Fake != nil {
		onePerSample("objective", name, t.Fake, fake.Value().Dim(0))
	}
	return t
}

// learnable returns a network's loss, and panics if it has no gradient by the weights.
func (g *game) learnable(network string, loss *autograd.Var) *autograd.Var {
	if !loss.Tracked() {
		panic(&tensor.ArgumentError{Op: the("objective", g.objective.Name()), Problem: "the " + network + "'s loss depends on none of its weights",
			Fix: "let the objective and all modules compute with autograd's Vars: gradients end at Const, Detach and Value"})
	}
	return loss
}

// onePerSample returns terms, and panics if there is not one for each of n samples:
// the mean of [n, n], which [n] and [n, 1] make, is another number, and so is a sum.
func onePerSample(kind, name string, terms *autograd.Var, n int) *autograd.Var {
	wrong := func(problem string) {
		panic(&tensor.ArgumentError{Op: the(kind, name), Problem: problem, Fix: "return one for each sample, of which training takes the mean"})
	}
	if terms == nil {
		wrong("its terms are nil")
	}
	if shape := terms.Shape(); len(shape) == 0 || shape[0] != n || terms.Value().Len() != n {
		wrong(fmt.Sprintf("its terms are %v for %d samples", shape, n))
	}
	return terms
}

// the names an objective or a penalty in errors.
func the(kind, name string) string { return "the " + kind + " " + excerpt.Name(name) }

// mean averages terms, if there are any, and stores the value as well.
func mean(terms *autograd.Var, value **tensor.Tensor) *autograd.Var {
	if terms == nil {
		return nil
	}
	m := autograd.Mean(terms)
	*value = m.Value()
	return m
}

// add adds two losses, either of which may be missing.
func add(a, b *autograd.Var) *autograd.Var {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return autograd.Add(a, b)
}
