package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// preset is a recipe: networks for 28×28 pictures as rows of 784 numbers, the
// game they play, and for how long.
type preset struct {
	about    string
	latent   int
	lr       float64
	epochs   int // either of these is 0
	steps    int
	networks func(latent int) (g, d nn.Module)
	config   func(lr float64, steps int) gan.Config // without Latent and Seed
}

// fill gives settings the preset's values where their flags were not given.
func (p preset) fill(s *settings, given func(flag string) bool) {
	if !given("epochs") && !given("steps") {
		s.epochs, s.steps = p.epochs, p.steps
	}
	if !given("lr") {
		s.lr = p.lr
	}
	if !given("latent") {
		s.latent = p.latent
	}
}

// aboutPresets lists the presets for -help.
func aboutPresets() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(presets)) {
		lines = append(lines, fmt.Sprintf("%-8s %s", name, presets[name].about))
	}
	return strings.Join(lines, "\n")
}

// presets by the names of -preset.
var presets = map[string]preset{
	"classic": {
		about:  "the classic recipe to the letter: MLPs, binary cross-entropy, Adam",
		latent: 128, lr: 1e-4, epochs: 100,
		networks: classicNetworks,
		config: func(lr float64, _ int) gan.Config {
			return gan.Config{Objective: gan.Classic{}, Optimizer: optim.Adam{LR: lr}}
		},
	},
	"mlp": {
		about:  "MLPs with relativistic pairs and both gradient penalties",
		latent: 64, lr: 1e-3, steps: 5000,
		networks: mlpNetworks,
		config: func(lr float64, steps int) gan.Config {
			half := steps / 2
			c := modern(lr, optim.Linear{From: 1, To: 0.2, Steps: half}, optim.Linear{From: 0.9, To: 0.99, Steps: half},
				optim.Cosine{From: 1, To: 0.05, Steps: steps})
			c.EMAHalfLife = 500
			return c
		},
	},
	"quick": {
		about:  "small convolutional networks, handwriting within a minute",
		latent: 64, lr: 2e-3, steps: 2000,
		networks: convNetworks,
		config: func(lr float64, steps int) gan.Config {
			return modern(lr, nil, optim.Cosine{From: 0.9, To: 0.99, Steps: steps}, nil)
		},
	},
	"best": {
		about:  "the same networks, trained longer while the penalty fades",
		latent: 64, lr: 2e-3, steps: 5200,
		networks: convNetworks,
		config: func(lr float64, steps int) gan.Config {
			// c goes from 0 to 1 over the first half; γ = 0.3ᶜ.
			c := optim.Cosine{From: 0, To: 1, Steps: steps / 2}
			gamma := optim.ScheduleFunc(func(step int) float64 { return math.Pow(0.3, c.At(step)) })
			return modern(lr, gamma, optim.Cosine{From: 0.9, To: 0.99, Steps: steps / 2},
				optim.Cosine{From: 1, To: 0.05, Steps: steps})
		},
	},
}

// modern is the game of Huang et al., "The GAN is dead; long live the GAN!",
// 2024: pairs of real and generated digits, and both gradient penalties, of
// weight 1 times gamma. It samples from averaged weights.
func modern(lr float64, gamma, beta2, rate optim.Schedule) gan.Config {
	return gan.Config{
		Objective:   gan.Relativistic{},
		Penalties:   []gan.Penalty{gan.R1{Gamma: 1, Schedule: gamma}, gan.R2{Gamma: 1, Schedule: gamma}},
		Optimizer:   optim.Adam{LR: lr, Betas: [2]float64{0, 0.9}, Beta2Schedule: beta2, Schedule: rate},
		FreshLatent: true,
		EMAHalfLife: 300,
	}
}

// classicNetworks are the MLPs of the tutorials.
func classicNetworks(latent int) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(latent, 256), nn.Tanh(),
		nn.Linear(256, 512), nn.ReLU(),
		nn.Linear(512, 784), nn.Tanh())
	d = nn.Sequential(
		nn.Linear(784, 512), nn.Tanh(),
		nn.Linear(512, 256), nn.Tanh(),
		nn.Linear(256, 128), nn.Tanh(),
		nn.Linear(128, 1), nn.Sigmoid())
	return g, d
}

// The first weights of the modern networks suit LeakyReLU(0.2): normal of
// variance 2/(1.04·fan-in), 1/fan-in where a logit comes out; biases are 0.
var (
	zero   = nn.BiasInit(nn.Constant(0))
	weight = nn.WeightInit(nn.HeNormal(math.Sqrt(2 / 1.04)))
	logit  = nn.WeightInit(nn.HeNormal(1))
	faint  = nn.WeightInit(nn.HeNormal(0.3 * math.Sqrt(2/1.04))) // keeps tanh in its slope
)

// mlpNetworks are MLPs for the modern game.
func mlpNetworks(latent int) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(latent, 256, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(256, 512, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(512, 784, faint, zero), nn.Tanh())
	d = nn.Sequential(
		nn.Linear(784, 512, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(512, 256, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(256, 1, logit, zero))
	return g, d
}

// convNetworks draw with two convolutions and judge with two.
func convNetworks(latent int) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(latent, 256, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(256, 32*7*7, weight, zero), nn.LeakyReLU(0.2), nn.Reshape(32, 7, 7),
		nn.UpsampleNearest(2), nn.Conv2D(32, 16, 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.UpsampleNearest(2), nn.Conv2D(16, 1, 3, nn.Padding(1), faint, zero), nn.Tanh(),
		nn.Flatten())
	d = nn.Sequential(
		nn.Reshape(1, 28, 28),
		nn.Conv2D(1, 16, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(16, 32, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Flatten(),
		nn.Linear(32*7*7, 128, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(128, 1, logit, zero))
	return g, d
}
