package gan

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Penalty is a term of the discriminator's loss that restrains its gradient by
// its input. It is a pure value, independent of the [Objective]: any number of
// penalties go with any objective. The trainer adds Weight(step) times the mean
// of the terms to the loss, and takes the gradient of the sum once.
//
// A new penalty is one type with these methods, which the example shows and checks.
//
// Terms are per sample, so a discriminator that mixes the samples of a batch
// has none; [New] refuses such a pair, unless [Config.AllowMixing] is set.
type Penalty interface {
	// Name is what messages and checkpoints call the penalty.
	Name() string
	// Weight returns the factor of the terms' mean at a step; 0 is the first. [New]
	// refuses a penalty whose weight is 0 in the first million steps, and training one
	// whose weight is negative or not finite.
	Weight(step int) float64
	// Terms returns the penalty of each sample, [n], which depends on the
	// discriminator's weights. Training refuses others.
	Terms(p *Pass) *autograd.Var
}

// Pass is what a penalty sees of the discriminator's step.
type Pass struct {
	Real, Fake Samples
	// Critic runs the discriminator, tracked, on other samples: as many as the batch
	// has, with its conditions if there are any.
	Critic func(x *autograd.Var) *autograd.Var
	// Rand feeds penalties that draw random numbers, with [Pass.Uniform] and
	// [Pass.Normal].
	Rand *tensor.Stream
	game *game // nil: none
}

// Uniform returns random numbers [n, …] for the n samples, uniform on [0, 1), of
// their type and on their device. In a [Group], each process draws what its samples
// would get in a single one. Uniform panics with a [tensor.ShapeError] if the shape does
// not begin with n.
func (p *Pass) Uniform(shape ...int) *tensor.Tensor {
	return p.draw("Pass.Uniform", (*tensor.Stream).UniformInto, shape)
}

// Normal is [Pass.Uniform] with the standard normal distribution.
func (p *Pass) Normal(shape ...int) *tensor.Tensor {
	return p.draw("Pass.Normal", (*tensor.Stream).NormalInto, shape)
}

func (p *Pass) draw(op string, fill func(*tensor.Stream, *tensor.Tensor), shape []int) *tensor.Tensor {
	if n := p.Real.X.Value().Dim(0); len(shape) == 0 || shape[0] != n {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{shape}, Problem: fmt.Sprintf("these are not numbers for each of %d samples", n),
			Fix: fmt.Sprintf("give [%d, …], and draw others from Pass.Rand", n)})
	}
	if p.game != nil {
		return p.game.rows(shape[0], shape, p.Rand, fill)
	}
	t := tensor.EmptyLike(p.Real.X.Value(), shape...)
	fill(p.Rand, t)
	return t
}

// Samples are inputs of the discriminator and what it made of them.
type Samples struct {
	X *autograd.Var // [n, …], tracked and detached from the generator, without the condition
	D *autograd.Var // [n, 1]
}

// R1 is half the squared norm of the discriminator's gradient at real samples,
// ½‖∇D(x)‖², times Gamma (Mescheder, Geiger, Nowozin, "Which training methods
// for GANs do actually converge?", 2018, equation 9).
type R1 struct {
	Gamma    float64        // must be set: [New] refuses 0; 0.1 to 10 are usual, more for larger images
	Schedule optim.Schedule // multiplies Gamma; nil: constant
}

// Name returns "R1".
func (R1) Name() string { return "R1" }

// Weight returns Gamma at a step.
func (r R1) Weight(step int) float64 { return scheduled(r.Gamma, r.Schedule, step) }

// Terms returns ½‖∇D(x)‖² of each real sample.
func (R1) Terms(p *Pass) *autograd.Var { return halfSquaredGradient(p.Real) }

// R2 is [R1] at generated samples.
type R2 struct {
	Gamma    float64        // must be set: [New] refuses 0
	Schedule optim.Schedule // multiplies Gamma; nil: constant
}

// Name returns "R2".
func (R2) Name() string { return "R2" }

// Weight returns Gamma at a step.
func (r R2) Weight(step int) float64 { return scheduled(r.Gamma, r.Schedule, step) }

// Terms returns ½‖∇D(G(z))‖² of each generated sample.
func (R2) Terms(p *Pass) *autograd.Var { return halfSquaredGradient(p.Fake) }

// The kinds of samples that a penalty looks at.
const (
	atReal = iota
	atFake
)

// squaredNormAt returns the samples at which a penalty is Weight times
// ½‖∇D‖². ok is false if it is another penalty. The types themselves are
// compared: one that embeds R1 may have Terms of its own.
func squaredNormAt(p Penalty) (kind int, ok bool) {
	switch p.(type) {
	case R1, *R1:
		return atReal, true
	case R2, *R2:
		return atFake, true
	}
	return 0, false
}

// GradientPenalty is WGAN-GP's: Lambda times (‖∇D(x̂)‖ − 1)² at a point x̂ on the
// line between a real sample and a generated one, at a place that is uniform on
// the line and drawn for each sample (Gulrajani et al., "Improved training of
// Wasserstein GANs", 2017). OneSided punishes norms above 1 only. The gradient
// of a norm at zero is taken as zero.
type GradientPenalty struct {
	Lambda   float64 // must be set: [New] refuses 0; the paper has 10
	OneSided bool
	Schedule optim.Schedule // multiplies Lambda; nil: constant
}

// Name returns "gradient penalty", and which one.
func (g GradientPenalty) Name() string {
	if g.OneSided {
		return "gradient penalty, one-sided"
	}
	return "gradient penalty"
}

// Weight returns Lambda at a step.
func (g GradientPenalty) Weight(step int) float64 { return scheduled(g.Lambda, g.Schedule, step) }

// Terms returns (‖∇D(x̂)‖ − 1)² of each pair.
func (g GradientPenalty) Terms(p *Pass) *autograd.Var {
	x := p.Real.X.Value()
	perSample := x.Shape()
	for k := 1; k < len(perSample); k++ {
		perSample[k] = 1
	}
	return g.at(p, p.Uniform(perSample...))
}

// at returns the terms at the points x̂ = εx + (1−ε)G(z), epsilon [n, 1, …].
func (g GradientPenalty) at(p *Pass, epsilon *tensor.Tensor) *autograd.Var {
	x, y := p.Real.X.Value(), p.Fake.X.Value()
	between := autograd.Leaf(tensor.Add(y, tensor.Mul(epsilon, tensor.Sub(x, y))))
	excess := autograd.Shift(norm(squaredGradient(Samples{X: between, D: p.Critic(between)})), -1)
	if g.OneSided {
		excess = autograd.ReLU(excess)
	}
	return autograd.Square(excess)
}

// forgotten reports whether a penalty's weight is 0 in the first million steps, so that
// it does nothing: that of R1{} is, whose Gamma somebody has forgotten.
func forgotten(p Penalty) bool {
	for step := range 1_000_000 {
		if p.Weight(step) != 0 {
			return false
		}
	}
	return true
}

// weightOf returns the weight of a penalty in the current step. It panics if a schedule
// has made it one that no penalty has: with a negative one, D would seek what it is
// to avoid.
func (g *game) weightOf(p Penalty) float64 {
	w := p.Weight(g.steps)
	if !possible(w) {
		panic(&tensor.ArgumentError{Op: the("penalty", p.Name()), Problem: fmt.Sprintf("its weight is now %g", w),
			Fix: "give a finite one, of 0 or more, for every step; does its schedule?"})
	}
	return w
}

// possible reports whether a penalty may have a weight.
func possible(w float64) bool { return w >= 0 && w <= math.MaxFloat64 }

func scheduled(weight float64, s optim.Schedule, step int) float64 {
	if s == nil {
		return weight
	}
	return weight * s.At(step)
}

func halfSquaredGradient(s Samples) *autograd.Var { return autograd.Scale(squaredGradient(s), 0.5) }

// squaredGradient returns ‖∂D/∂x‖² of each sample, [n], as a function of the
// weights. Each output depends on its own sample only, so the gradient of the
// outputs' sum holds the gradient of each.
func squaredGradient(s Samples) *autograd.Var {
	gradient := autograd.Grad(autograd.Sum(s.D), []*autograd.Var{s.X}, autograd.Opts{CreateGraph: true})[0]
	squares := autograd.Square(gradient)
	var axes []int
	for k := 1; k < squares.Value().Rank(); k++ {
		axes = append(axes, k)
	}
	if len(axes) == 0 { // samples of one number each, [n]
		return squares
	}
	return autograd.Sum(squares, axes...)
}

// norm returns √s with a gradient of zero, not infinity, if s is zero.
func norm(s *autograd.Var) *autograd.Var {
	zero := tensor.Equal(s.Value(), tensor.Scale(s.Value(), 0))
	one := autograd.Const(tensor.FullLike(s.Value(), 1))
	root := autograd.Sqrt(autograd.Where(zero, one, s))
	return autograd.Where(zero, s, root)
}
