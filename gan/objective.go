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
	// Discriminator returns the terms of the discriminator's loss, one for each
	// sample, from its outputs [n, 1] on real samples and on generated ones.
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
	return nn.BCELoss(p, autograd.Const(tensor.FullLike(p.Value(), label)), nn.ReduceNone)
}

// Minimax is the game of the original paper (Goodfellow et al., "Generative
// adversarial nets", 2014, equation 1) on logits: the discriminator maximises
// E ln σ(D(x)) + E ln(1−σ(D(G(z)))), and the generator minimises the same. Its
// gradient fades when the discriminator is sure of itself, which is why
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
// the generator minimises −E ln σ(D(G(z))), whose gradient is strong when the
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

// LeastSquares is the game of Mao et al., "Least squares generative adversarial
// networks", 2017, with the targets 1 for real and 0 for fake: the discriminator
// minimises ½(D(x)−1)² + ½D(G(z))², the generator ½(D(G(z))−1)².
type LeastSquares struct{}

// Name returns "leastsquares".
func (LeastSquares) Name() string { return "leastsquares" }

// Output returns [Logits].
func (LeastSquares) Output() Output { return Logits }

// Discriminator returns ½(D(x)−1)² and ½D(G(z))².
func (LeastSquares) Discriminator(real, fake *autograd.Var) Terms {
	return Terms{Real: halfSquare(autograd.Shift(real, -1)), Fake: halfSquare(fake)}
}

// Generator returns ½(D(G(z))−1)².
func (LeastSquares) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return halfSquare(autograd.Shift(fake, -1))
}

func halfSquare(x *autograd.Var) *autograd.Var { return autograd.Scale(autograd.Square(x), 0.5) }

// Hinge is the game of Lim and Ye, "Geometric GAN", 2017: the discriminator
// minimises max(0, 1−D(x)) + max(0, 1+D(G(z))), the generator −D(G(z)).
type Hinge struct{}

// Name returns "hinge".
func (Hinge) Name() string { return "hinge" }

// Output returns [Logits].
func (Hinge) Output() Output { return Logits }

// Discriminator returns max(0, 1−D(x)) and max(0, 1+D(G(z))).
func (Hinge) Discriminator(real, fake *autograd.Var) Terms {
	return Terms{
		Real: autograd.ReLU(autograd.Shift(autograd.Neg(real), 1)),
		Fake: autograd.ReLU(autograd.Shift(fake, 1)),
	}
}

// Generator returns −D(G(z)).
func (Hinge) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return autograd.Neg(fake)
}

// Wasserstein is the game of Arjovsky, Chintala, Bottou, "Wasserstein GAN",
// 2017: the critic minimises −D(x) + D(G(z)), the generator −D(G(z)). It needs a
// critic whose gradient is bounded: by a [GradientPenalty], or by
// [Config.ClipWeights] as in the paper.
type Wasserstein struct{}

// Name returns "wasserstein".
func (Wasserstein) Name() string { return "wasserstein" }

// Output returns [Logits].
func (Wasserstein) Output() Output { return Logits }

// Discriminator returns −D(x) and D(G(z)).
func (Wasserstein) Discriminator(real, fake *autograd.Var) Terms {
	return Terms{Real: autograd.Neg(real), Fake: fake}
}

// Generator returns −D(G(z)).
func (Wasserstein) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return autograd.Neg(fake)
}

// Relativistic is the game on pairs of a real sample and a generated one
// (Jolicoeur-Martineau, "The relativistic discriminator", 2019; Huang et al.,
// "The GAN is dead; long live the GAN!", 2024): the discriminator minimises
// softplus(D(G(z))−D(x)), the generator softplus(D(x)−D(G(z))).
type Relativistic struct{}

// Name returns "relativistic".
func (Relativistic) Name() string { return "relativistic" }

// Output returns [Logits].
func (Relativistic) Output() Output { return Logits }

// Discriminator returns softplus(D(G(z))−D(x)) as the real terms; there are no
// fake ones.
func (Relativistic) Discriminator(real, fake *autograd.Var) Terms {
	return Terms{Real: autograd.Softplus(autograd.Sub(fake, real))}
}

// Generator returns softplus(D(x)−D(G(z))).
func (Relativistic) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	return autograd.Softplus(autograd.Sub(real(), fake))
}

// RelativisticAverage compares each sample with the mean of the other kind
// (Jolicoeur-Martineau, 2019, RaSGAN): with r = D(x) − mean D(G(z)) and
// f = D(G(z)) − mean D(x), the discriminator minimises softplus(−r) +
// softplus(f), the generator softplus(r) + softplus(−f).
type RelativisticAverage struct{}

// Name returns "relativisticaverage".
func (RelativisticAverage) Name() string { return "relativisticaverage" }

// Output returns [Logits].
func (RelativisticAverage) Output() Output { return Logits }

// Discriminator returns softplus(−r) and softplus(f).
func (RelativisticAverage) Discriminator(real, fake *autograd.Var) Terms {
	r, f := againstMean(real, fake), againstMean(fake, real)
	return Terms{Real: autograd.Softplus(autograd.Neg(r)), Fake: autograd.Softplus(f)}
}

// Generator returns softplus(r) + softplus(−f).
func (RelativisticAverage) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	d := real()
	r, f := againstMean(d, fake), againstMean(fake, d)
	return autograd.Add(autograd.Softplus(r), autograd.Softplus(autograd.Neg(f)))
}

func againstMean(x, y *autograd.Var) *autograd.Var { return autograd.Sub(x, autograd.Mean(y)) }
