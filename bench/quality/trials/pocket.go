package main

import (
	"context"
	"math"

	"github.com/gander-ml/gander/bench/quality/pocket"
	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

var small = &kind{
	name: recipe.Pocket().Name, about: recipe.Pocket().About + ", judged by `bench/quality/pocket`",
	says: " A discriminator that learns from real digits with another's label (`mismatch`) brings samples that are what was asked for, at the cost of variance within classes. " +
		"If the weight of that falls to nothing by the end, and those of R1 and R2 fall further, the variance comes back, and half of the gain is kept.",
	columns: []table.Column{{Name: pocket.Fidelity, Percent: 2}, {Name: pocket.Variance, Percent: 1}, {Name: pocket.Distinct, Percent: 1},
		{Name: pocket.Copies, Less: true, Percent: 1}, {Name: subject.NearCopies, Less: true, Percent: 2}},
	best: always(pocket.Fidelity),
	words: []word{
		integer("steps", "of training", 20000),
		integer("batch", "digits per step", 64),
		integer("latent", "inputs of G", 32),
		number("lr", "learning rate at first", 2e-3),
		number("lrend", "part of it that is left at last", 0.02),
		number("gamma", "weight of R1 and R2 at first", 0.5),
		number("gamma1", "and at last", 0.2),
		choice("dkind", "0: a convolutional D, 1: an MLP, 2: a smaller convolutional D, 3: the recipe's, with a layer more and a label of size 3", 0, 3),
		choice("gkind", "0: a convolutional G, 1: an MLP", 0, 1),
		number("mismatch", "weight of real digits with another's label, at first", 0),
		number("mismatch1", "and at last", 0),
		number("louder", "size of the label in D", 3),
		number("beta2", "of Adam, at last", 0.99),
		number("half", "half-life of the average, in steps", 300),
	},
	recipe: func(c choices) recipe.Recipe {
		r := recipe.Pocket()
		r.Build = func(r recipe.Recipe) (g, d nn.Module) { return c.pocket(r) }
		return c.changed(r, func(r recipe.Recipe, config *gan.Config, adam optim.Adam) {
			adam.Schedule = optim.Cosine{From: 1, To: c["lrend"], Steps: r.Steps}
			config.Optimizer = adam
			if c["mismatch"] > 0 {
				config.Penalties = append(config.Penalties, recipe.Mismatch{Lambda: c["mismatch"], Schedule: optim.ScheduleFunc(func(step int) float64 {
					return 1 + (c["mismatch1"]/c["mismatch"]-1)*min(1, float64(step)/float64(r.Steps))
				})})
			}
		})
	},
	load: func(ctx context.Context, folder string) (*subject.Subject, error) {
		d, err := subject.Load(folder)
		if err != nil {
			return nil, err
		}
		return d.Pocket(ctx)
	},
}

// pocket returns networks of the sizes of that model card, or smaller.
func (c choices) pocket(r recipe.Recipe) (g, d nn.Module) {
	g, d = recipe.Pocket().Build(r)
	w, zero := nn.WeightInit(nn.HeNormal(math.Sqrt(2/1.04))), nn.BiasInit(nn.Constant(0))
	if c["gkind"] == 1 {
		g = nn.Sequential(nn.ConcatCondition(10, 1.5),
			nn.Linear(r.Latent+10, 128, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(128, 128, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(128, 64, nn.WeightInit(nn.HeNormal(0.4)), zero), nn.Tanh())
	}
	switch c["dkind"] {
	case 0:
		d = nn.Sequential(nn.Reshape(1, 8, 8),
			nn.Conv2D(1, 16, 3, nn.Padding(1), w, zero), nn.LeakyReLU(0.2),
			nn.Conv2D(16, 24, 3, nn.Stride(2), nn.Padding(1), w, zero), nn.LeakyReLU(0.2),
			nn.Flatten(), nn.ConcatCondition(10, c["louder"]),
			nn.Linear(24*4*4+10, 36, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(36, 1, nn.WeightInit(nn.HeNormal(1)), zero))
	case 1:
		d = nn.Sequential(nn.ConcatCondition(10, c["louder"]),
			nn.Linear(64+10, 112, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(112, 80, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(80, 1, nn.WeightInit(nn.HeNormal(1)), zero))
	case 2:
		d = nn.Sequential(nn.Reshape(1, 8, 8),
			nn.Conv2D(1, 24, 3, nn.Stride(2), nn.Padding(1), w, zero), nn.LeakyReLU(0.2),
			nn.Flatten(), nn.ConcatCondition(10, c["louder"]),
			nn.Linear(24*4*4+10, 44, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(44, 1, nn.WeightInit(nn.HeNormal(1)), zero))
	}
	return g, d
}
