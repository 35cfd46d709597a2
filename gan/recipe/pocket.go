package recipe

import (
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// Pocket draws digits of 8×8 pixels (datasets.Shrink) that it is asked for, with
// networks that fit into a pocket: 30,265 and 17,831 weights. Batches need conditions
// (datasets.Conditions). What [Mismatch] adds to the game makes the digits what was asked
// for. Its weight falls to nothing, because variety would suffer.
func Pocket() Recipe {
	return Recipe{
		Name: "pocket", About: "digits of 8×8 pixels, with classes and 48,096 weights in all",
		Latent: 32, Batch: 64, Steps: 20_000, LR: 2e-3, Seed: 1,
		Build: pocket,
		Settings: func(r Recipe) gan.Config {
			c := modern(r.LR, nil, optim.Cosine{From: 0.9, To: 0.99, Steps: r.Steps}, optim.Cosine{From: 1, To: 0.02, Steps: r.Steps})
			// Both fade: what is left is the game alone, whose end is the data.
			fading := optim.ScheduleFunc(func(step int) float64 { return math.Pow(0.2, min(1, float64(step)/float64(r.Steps))) })
			c.Penalties = []gan.Penalty{gan.R1{Gamma: 0.5, Schedule: fading}, gan.R2{Gamma: 0.5, Schedule: fading},
				Mismatch{Lambda: 0.15, Schedule: optim.Linear{From: 1, To: 0, Steps: r.Steps}}}
			c.Classes = digits
			c.SampleShape = []int{1, 8, 8}
			return c
		},
	}
}

// Mismatch is a term of the discriminator's loss for classes that can be told apart:
// softplus(D(x′|c) − D(x|c)), where x is a real sample of condition c, and x′ the next
// one of the batch with a condition of its own. The discriminator learns by it that a
// real sample with another's condition is none of its, which the generator's samples
// teach it only while they are that wrong (Reed et al., "Generative adversarial text to
// image synthesis", 2016, GAN-CLS, as a relativistic pair). Its place is among
// Config.Penalties. Too much of it costs variety: samples get away from what other
// classes have too. In a group of processes the pairs are of each one's part of a batch.
type Mismatch struct {
	Lambda   float64        // must be set: gan.New refuses 0
	Schedule optim.Schedule // multiplies Lambda; nil: constant
}

// Name returns "mismatch".
func (Mismatch) Name() string { return "mismatch" }

// Weight returns Lambda at a step.
func (m Mismatch) Weight(step int) float64 {
	if m.Schedule == nil {
		return m.Lambda
	}
	return m.Lambda * m.Schedule.At(step)
}

// Terms returns the term of each real sample.
func (Mismatch) Terms(p *gan.Pass) *autograd.Var {
	n := p.Real.X.Value().Dim(0)
	next := p.Real.X
	if n > 1 {
		next = autograd.Concat(0, autograd.Slice(next, 0, 1, n), autograd.Slice(next, 0, 0, 1))
	}
	return autograd.Reshape(autograd.Softplus(autograd.Sub(p.Critic(next), p.Real.D)), n)
}

// pocket networks are those of [pictures], smaller.
func pocket(r Recipe) (g, d nn.Module) {
	g = nn.Sequential(
		nn.ConcatCondition(len(digits), 1.5),
		nn.Linear(r.Latent+len(digits), 88, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(88, 16*4*4, weight, zero), nn.LeakyReLU(0.2), nn.Reshape(16, 4, 4),
		nn.UpsampleNearest(2), nn.Conv2D(16, 24, 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(24, 1, 3, nn.Padding(1), faint, zero), nn.Tanh(),
		nn.Flatten())
	d = nn.Sequential(
		nn.Reshape(1, 8, 8),
		nn.Conv2D(1, 16, 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(16, 24, 3, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Flatten(), nn.ConcatCondition(len(digits), 3),
		nn.Linear(24*4*4+len(digits), 33, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(33, 33, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(33, 1, logit, zero))
	return g, d
}
