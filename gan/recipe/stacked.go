package recipe

import (
	"math"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// Stacked returns the recipes for three digits in one picture, datasets.Stack of
// images of 28×28 pixels in three layers, with their 1,000 modes.
func Stacked() []Recipe { return []Recipe{StackedHalf(), StackedQuarter(), StackedWhole()} }

// StackedHalf plays with the tiny networks of Metz et al., "Unrolled generative
// adversarial networks", 2017, of which the discriminator has half the generator's
// channels: 2,000 weights or so.
func StackedHalf() Recipe {
	r := stacked("half", 4)
	r.About = "three digits as colours, a discriminator of half the generator's size"
	return r
}

// StackedQuarter is [StackedHalf] with a quarter of the channels.
func StackedQuarter() Recipe {
	r := stacked("quarter", 2)
	r.About = "three digits as colours, a discriminator of a quarter of the generator's size"
	return r
}

// stackedGame is the game of these recipes: the rates fall to a tenth over the last fifth.
// The penalty is twice that of single digits: with less, and rates that fell sooner, the
// smallest discriminator led to fewer modes.
func stackedGame(r Recipe) gan.Config {
	c := modern(r.LR, nil, optim.Cosine{From: 0.9, To: 0.99, Steps: r.Steps}, late(r.Steps, r.Steps/5))
	c.SampleShape = []int{3, 28, 28}
	return c
}

// StackedWhole has networks like those of [Unconditional], of 1.4 million weights.
func StackedWhole() Recipe {
	return Recipe{
		Name: "whole", About: "three digits as colours, larger networks",
		Latent: 192, Batch: 64, Steps: 16_000, LR: 2e-3, Seed: 1,
		Build: whole,
		Settings: func(r Recipe) gan.Config {
			c := stackedGame(r)
			// All modes are found early, and what is left is to make them equal: small
			// steps for long, and the mean of many of them.
			c.Optimizer = settling(r).Optimizer
			c.EMAHalfLife = 1000
			return c
		},
	}
}

func whole(r Recipe) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(r.Latent, 384, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(384, 48*7*7, weight, zero), nn.LeakyReLU(0.2), nn.Reshape(48, 7, 7),
		nn.UpsampleNearest(2), nn.Conv2D(48, 24, 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.UpsampleNearest(2), nn.Conv2D(24, 3, 3, nn.Padding(1), faint, zero), nn.Tanh(),
		nn.Flatten())
	d = nn.Sequential(
		nn.Reshape(3, 28, 28),
		nn.Conv2D(3, 32, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(32, 64, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Flatten(),
		nn.Linear(64*7*7, 128, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(128, 1, logit, zero))
	return g, d
}

func stacked(name string, channels int) Recipe {
	return Recipe{
		Name: name, Latent: 256, Batch: 64, Steps: 4000, LR: 2e-3, Seed: 1,
		Build:    func(r Recipe) (g, d nn.Module) { return unrolled(r.Latent, channels) },
		Settings: stackedGame,
	}
}

// unrolled are the networks of Metz et al., appendix: the discriminator begins with so
// many channels. There, all layers but the last of each are followed by batch
// normalisation; the discriminator's would mix the samples of a batch and is left out,
// as is the generator's.
func unrolled(latent, channels int) (g, d nn.Module) {
	gain := math.Sqrt(2 / 1.09) // of LeakyReLU(0.3)
	up := func(in, out int, more ...nn.ConvOption) nn.Module {
		// A pixel of the result has 9/4 of a kernel's weights in the mean.
		w := nn.WeightInit(nn.Normal(math.Sqrt(2 / (float64(in) * 9 / 4))))
		return nn.ConvTranspose2D(in, out, 3, append(more, nn.Stride(2), nn.Padding(1), w, zero)...)
	}
	g = nn.Sequential(
		nn.Linear(latent, 64*4*4, nn.WeightInit(nn.HeNormal(math.Sqrt2)), zero), nn.ReLU(), nn.Reshape(64, 4, 4),
		up(64, 32), nn.ReLU(),
		up(32, 16, nn.OutputPadding(1)), nn.ReLU(),
		up(16, 8, nn.OutputPadding(1)), nn.ReLU(),
		nn.Conv2D(8, 3, 3, nn.Padding(1), faint, zero), nn.Tanh(), nn.Flatten())
	down := func(in, out int) nn.Module {
		return nn.Conv2D(in, out, 3, nn.Stride(2), nn.Padding(1), nn.WeightInit(nn.HeNormal(gain)), zero)
	}
	d = nn.Sequential(
		nn.Reshape(3, 28, 28),
		down(3, channels), nn.LeakyReLU(0.3),
		down(channels, 2*channels), nn.LeakyReLU(0.3),
		down(2*channels, 4*channels), nn.LeakyReLU(0.3),
		nn.Flatten(), nn.Linear(4*channels*4*4, 1, logit, zero))
	return g, d
}
