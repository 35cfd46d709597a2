package recipe

import (
	"math"
	"slices"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// Digits returns the recipes for images of 28×28 pixels, the first one first to
// try.
func Digits() []Recipe { return []Recipe{Quick(), Unconditional(), Best(), MLP(), Classic()} }

// Quick draws the digits that it is asked for, after half a minute or so: small
// convolutional networks and the game of Huang et al., "The GAN is dead; long live
// the GAN!", 2024. The one-hot of a digit is beside the latent vector, and beside the
// features that the discriminator has found. Batches need conditions
// (datasets.Conditions). It draws at a temperature of 1.03 ([nn.Temperature]): a little
// precision and class fidelity for more variety.
func Quick() Recipe {
	return Recipe{
		Name: "quick", About: "small convolutional networks that know ten classes, handwriting within a minute",
		Latent: 100, Batch: 64, Steps: 4000, LR: 2e-3, Seed: 1,
		Build: conditional(128, nn.Temperature(1.03)), Settings: asked,
	}
}

// Unconditional is [Quick] without classes: what is drawn is up to the generator. Its
// generator has no linear path beside a hidden layer, which is wider, and its
// discriminator one hidden layer less.
func Unconditional() Recipe {
	return Recipe{
		Name: "unconditional", About: "such networks without classes",
		Latent: 100, Batch: 64, Steps: 4500, LR: 2e-3, Seed: 1,
		Build: convolutional, Settings: settling,
	}
}

// Best is [Quick], trained two and a half times as long: for as many digits as there
// are, such as the 60,000 that examples/mnist downloads. So many need no higher
// temperature, and are enough for hidden layers of the discriminator that are twice as
// wide. Averages over four times as many steps bring the seeds nearer together.
func Best() Recipe {
	r := Quick()
	r.Name, r.About = "best", "such networks with a wider discriminator, trained longer"
	r.Steps = 10_000
	r.Build = conditional(256)
	r.Settings = func(r Recipe) gan.Config {
		c := asked(r)
		c.EMAHalfLife = 800
		return c
	}
	return r
}

// settling is the game of the convolutional networks: the rates fall to a tenth over
// the second half, while β₂ has been rising all along.
func settling(r Recipe) gan.Config {
	c := modern(r.LR, nil, optim.Cosine{From: 0.9, To: 0.99, Steps: r.Steps}, late(r.Steps, r.Steps/2))
	c.Penalties = []gan.Penalty{gan.R1{Gamma: 0.5}, gan.R2{Gamma: 0.5}}
	c.EMAHalfLife = 200
	return c
}

// asked is the same game with ten classes.
func asked(r Recipe) gan.Config {
	c := settling(r)
	c.Classes = digits
	return c
}

// digits are the names of the classes.
var digits = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

// late falls to a tenth over the last steps of a run.
func late(steps, last int) optim.Schedule {
	fall := optim.Linear{From: 1, To: 0.1, Steps: max(last, 1)}
	return optim.ScheduleFunc(func(step int) float64 { return fall.At(max(step-(steps-fall.Steps), 0)) })
}

// MLP is the game of [Unconditional] on networks without convolutions.
func MLP() Recipe {
	return Recipe{
		Name: "mlp", About: "MLPs with relativistic pairs and both gradient penalties",
		Latent: 64, Batch: 64, Steps: 5000, LR: 1e-3, Seed: 1,
		Build: mlps,
		Settings: func(r Recipe) gan.Config {
			half := r.Steps / 2
			c := modern(r.LR, optim.Linear{From: 1, To: 0.2, Steps: half}, optim.Linear{From: 0.9, To: 0.99, Steps: half},
				optim.Cosine{From: 1, To: 0.05, Steps: r.Steps})
			c.EMAHalfLife = 500
			return c
		},
	}
}

// Classic is the recipe of tutorials to the letter: MLPs, binary cross-entropy
// on probabilities, Adam. It is here to be compared with: of MNIST's digits it
// mostly draws ones. Its steps are 100 epochs of 10,000 digits.
func Classic() Recipe {
	return Recipe{
		Name: "classic", About: "the classic recipe to the letter: MLPs, binary cross-entropy, Adam",
		Latent: 128, Batch: 64, Steps: 15_700, LR: 1e-4, Seed: 1,
		Build: classic,
		Settings: func(r Recipe) gan.Config {
			return gan.Config{Objective: gan.Classic{}, Optimizer: optim.Adam{LR: r.LR}, SampleShape: digit}
		},
	}
}

// digit is the shape of one image, which the generators make as a row.
var digit = []int{1, 28, 28}

// modern is a game of pairs of real and generated images under both gradient
// penalties, of weight 1 times gamma. It samples from averaged weights.
func modern(lr float64, gamma, beta2, rate optim.Schedule) gan.Config {
	return gan.Config{
		Objective:   gan.Relativistic{},
		Penalties:   []gan.Penalty{gan.R1{Gamma: 1, Schedule: gamma}, gan.R2{Gamma: 1, Schedule: gamma}},
		Optimizer:   optim.Adam{LR: lr, Betas: [2]float64{0, 0.9}, Beta2Schedule: beta2, Schedule: rate},
		FreshLatent: true,
		EMAHalfLife: 300,
		SampleShape: digit,
	}
}

// The first weights of the modern networks suit LeakyReLU(0.2): normal of
// variance 2/(1.04·fan-in), and of 1/fan-in in front of a logit; biases are 0.
var (
	zero   = nn.BiasInit(nn.Constant(0))
	weight = nn.WeightInit(nn.HeNormal(math.Sqrt(2 / 1.04)))
	logit  = nn.WeightInit(nn.HeNormal(1))
	faint  = nn.WeightInit(nn.HeNormal(0.3 * math.Sqrt(2/1.04))) // keeps tanh where it is steep
	beside = nn.WeightInit(nn.HeNormal(0.7 * math.Sqrt(2/1.04))) // of a linear path beside two layers
)

// convolutional networks draw with two convolutions and judge with two.
func convolutional(r Recipe) (g, d nn.Module) { return pictures(r.Latent, 0, 128) }

// conditional networks are the same and know ten classes. How wide the discriminator's
// hidden layers are, and what the generator begins with, is up to the recipe.
func conditional(hidden int, first ...nn.Module) func(Recipe) (g, d nn.Module) {
	return func(r Recipe) (g, d nn.Module) { return pictures(r.Latent, len(digits), hidden, first...) }
}

// pictures returns convolutional networks. With classes, their one-hot is louder
// than other features: it is heard early.
func pictures(latent, classes, hidden int, first ...nn.Module) (g, d nn.Module) {
	features := []nn.Module{
		nn.Linear(latent, 256, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(256, 32*7*7, weight, zero),
	}
	draw := []nn.Module{
		nn.LeakyReLU(0.2), nn.Reshape(32, 7, 7),
		nn.UpsampleNearest(2), nn.Conv2D(32, 16, 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.UpsampleNearest(2), nn.Conv2D(16, 1, 3, nn.Padding(1), faint, zero), nn.Tanh(),
		nn.Flatten(),
	}
	look := []nn.Module{
		nn.Reshape(1, 28, 28),
		nn.Conv2D(1, 16, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(16, 32, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Flatten(),
	}
	judge := []nn.Module{
		nn.Linear(32*7*7+classes, hidden, weight, zero), nn.LeakyReLU(0.2),
	}
	if classes > 0 {
		// A class takes away variety, of which a linear path beside a narrower hidden layer
		// gives some back, at a price in precision.
		inputs := latent + classes
		features = []nn.Module{
			nn.ConcatCondition(classes, 1.5),
			nn.Residual(
				nn.Sequential(nn.Linear(inputs, 160, weight, zero), nn.LeakyReLU(0.2), nn.Linear(160, 32*7*7, weight, zero)),
				nn.Linear(inputs, 32*7*7, beside, nn.NoBias())),
		}
		look = append(look, nn.ConcatCondition(classes, 3))
		// One layer more is hardly any work, and finds more kinds of each digit. Without
		// classes it does not help.
		judge = append(judge, nn.Linear(hidden, hidden, weight, zero), nn.LeakyReLU(0.2))
	}
	judge = append(judge, nn.Linear(hidden, 1, logit, zero))
	return nn.Sequential(slices.Concat(first, features, draw)...), nn.Sequential(slices.Concat(look, judge)...)
}

// mlps are for the modern game, too.
func mlps(r Recipe) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(r.Latent, 256, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(256, 512, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(512, 784, faint, zero), nn.Tanh())
	d = nn.Sequential(
		nn.Linear(784, 512, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(512, 256, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(256, 1, logit, zero))
	return g, d
}

// classic are the MLPs of tutorials.
func classic(r Recipe) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(r.Latent, 256), nn.Tanh(),
		nn.Linear(256, 512), nn.ReLU(),
		nn.Linear(512, 784), nn.Tanh())
	d = nn.Sequential(
		nn.Linear(784, 512), nn.Tanh(),
		nn.Linear(512, 256), nn.Tanh(),
		nn.Linear(256, 128), nn.Tanh(),
		nn.Linear(128, 1), nn.Sigmoid())
	return g, d
}
