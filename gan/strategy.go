package gan

import (
	"github.com/gander-ml/gander/autograd"
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
	out.terms = g.objective.Discriminator(p.Real.D, p.Fake.D)
	loss := add(mean(out.terms.Real, &out.real), mean(out.terms.Fake, &out.fake))
	for _, penalty := range g.penalties {
		if w := penalty.Weight(g.steps); w != 0 {
			term := autograd.Scale(autograd.Mean(penalty.Terms(p)), w)
			out.penalties = append(out.penalties, term.Value())
			loss = add(loss, term)
		}
	}
	out.grads = unwrap(autograd.Grad(loss, g.dLeaves, autograd.Opts{}))
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
