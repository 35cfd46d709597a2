package gan

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Objective is the game that the two networks play: a pure value that turns the
// discriminator's outputs into losses, one term per sample. The trainer takes
// means. Both networks minimise.
//
// A new objective is one type with these methods; see the ones of this package.
type Objective interface {
	// Name is what logs and checkpoints call the objective.
	Name() string
	// Output says what the objective takes the discriminator's outputs for.
	Output() Output
	// Discriminator returns the terms of the discriminator's loss from its
	// outputs [n, 1] on real samples and on generated ones.
	Discriminator(real, fake *autograd.Var) Terms
	// Generator returns the terms of the generator's loss from the updated
	// discriminator's outputs [n, 1] on generated samples. real gives its
	// outputs on the real ones, at the price of another pass.
	Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var
}

// Terms are the parts of a discriminator's loss, which is the sum of their
// means. Either may be nil.
type Terms struct {
	Real *autograd.Var // [n, 1], of the real samples
	Fake *autograd.Var // [n, 1], of the generated ones
}

// Output is what a discriminator's output means.
type Output uint8

// The outputs. A discriminator of logits ends in a linear layer, one of
// probabilities in a sigmoid.
const (
	Logits Output = iota
	Probabilities
)

// Classic is the objective as tutorials write it, on probabilities out of a
// sigmoid: the discriminator minimises BCE(D(x), 1) + BCE(D(G(z)), 0), the
// generator BCE(D(G(z)), 1), each logarithm held at −100 or above. It is
// [NonSaturating] up to that bound and rounding.
type Classic struct{}

// Name returns "classic".
func (Classic) Name() string { return "classic" }

// Output returns [Probabilities].
func (Classic) Output() Output { return Probabilities }

// Discriminator returns −ln D(x) and −ln(1−D(G(z))).
func (Classic) Discriminator(real, fake *autograd.Var) Terms {
	return Terms{Real: bce(real, 1), Fake: bce(fake, 0)}
}

// Generator returns −ln D(G(z)).
func (Classic) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return bce(fake, 1)
}

func bce(p *autograd.Var, label float64) *autograd.Var {
	return nn.BCELoss(p, autograd.Const(fullLike(p.Value(), label)), nn.ReduceNone)
}

// fullLike returns a tensor of t's shape, and in its scope, filled with v.
func fullLike(t *tensor.Tensor, v float64) *tensor.Tensor {
	out := emptyLike(t, t.Shape()...)
	out.Fill(v)
	return out
}

// emptyLike returns a tensor of t's dtype and device, in t's scope or in none,
// whose elements are yet to be written.
func emptyLike(t *tensor.Tensor, shape ...int) *tensor.Tensor {
	s := t.Scope()
	if s == nil {
		return t.Device().New(t.DType(), shape...)
	}
	return s.Empty(t.Device(), t.DType(), shape...)
}

// Minimax is the game of the original paper (Goodfellow et al., "Generative
// adversarial nets", 2014, equation 1) on logits: the discriminator maximises
// E ln σ(D(x)) + E ln(1−σ(D(G(z)))), and the generator minimises the same. Its
// gradient fades where the discriminator is sure of itself, which is why
// [NonSaturating] is what people train with.
type Minimax struct{}

// Name returns "minimax".
func (Minimax) Name() string { return "minimax" }

// Output returns [Logits].
func (Minimax) Output() Output { return Logits }

// Discriminator returns softplus(−D(x)) and softplus(D(G(z))).
func (Minimax) Discriminator(real, fake *autograd.Var) Terms {
	return Terms{Real: autograd.Softplus(autograd.Neg(real)), Fake: autograd.Softplus(fake)}
}

// Generator returns −softplus(D(G(z))), which is ln(1−σ(D(G(z)))).
func (Minimax) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return autograd.Neg(autograd.Softplus(fake))
}

// NonSaturating is the game with the generator's loss that section 3 of the
// original paper recommends, on logits: the discriminator's is [Minimax]'s, and
// the generator minimises −E ln σ(D(G(z))), whose gradient is strong where the
// discriminator is sure of itself.
type NonSaturating struct{}

// Name returns "nonsaturating".
func (NonSaturating) Name() string { return "nonsaturating" }

// Output returns [Logits].
func (NonSaturating) Output() Output { return Logits }

// Discriminator returns softplus(−D(x)) and softplus(D(G(z))).
func (NonSaturating) Discriminator(real, fake *autograd.Var) Terms {
	return Minimax{}.Discriminator(real, fake)
}

// Generator returns softplus(−D(G(z))), which is −ln σ(D(G(z))).
func (NonSaturating) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return autograd.Softplus(autograd.Neg(fake))
}
