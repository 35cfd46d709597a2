package recipe

import (
	"math"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// Pocket draws digits of 8×8 pixels (datasets.Shrink) that it is asked for, with
// networks that fit into a pocket: 30,265 and 17,897 weights. Batches need conditions
// (datasets.Conditions).
func Pocket() Recipe {
	return Recipe{
		Name: "pocket", About: "digits of 8×8 pixels, with classes and 48,162 weights in all",
		Latent: 32, Batch: 64, Steps: 20_000, LR: 2e-3, Seed: 1,
		Build: pocket,
		Settings: func(r Recipe) gan.Config {
			c := modern(r.LR, nil, optim.Cosine{From: 0.9, To: 0.99, Steps: r.Steps}, optim.Cosine{From: 1, To: 0.02, Steps: r.Steps})
			fading := optim.ScheduleFunc(func(step int) float64 { return math.Pow(0.4, min(1, float64(step)/float64(r.Steps))) })
			c.Penalties = []gan.Penalty{gan.R1{Gamma: 0.5, Schedule: fading}, gan.R2{Gamma: 0.5, Schedule: fading}}
			c.Classes = digits
			c.SampleShape = []int{1, 8, 8}
			return c
		},
	}
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
		nn.Linear(24*4*4+len(digits), 36, weight, zero), nn.LeakyReLU(0.2),
		nn.Linear(36, 1, logit, zero))
	return g, d
}
