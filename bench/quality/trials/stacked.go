package main

import (
	"context"
	"math"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/optim"
)

var (
	half    = stacked(recipe.StackedHalf())
	quarter = stacked(recipe.StackedQuarter())
	whole   = stacked(recipe.StackedWhole())
)

func stacked(r recipe.Recipe) *kind {
	return &kind{
		name: r.Name, about: r.About,
		columns: []table.Column{{Name: "modes"}, {Name: "reverse KL", Less: true}},
		best:    always("reverse KL"),
		words: []word{
			integer("steps", "of training", 4000),
			integer("batch", "pictures per step", 64),
			integer("latent", "inputs of G", r.Latent),
			number("lr", "learning rate, which falls to a tenth over the last fifth, or half if the networks are larger", 2e-3),
			number("lrg", "G's, as a multiple of it", 1),
			integer("every", "steps of D for one of G", 1),
			number("gamma", "weight of R1 and R2 at first", 1),
			number("gamma1", "and at last", 1),
			number("beta2", "of Adam, at last", 0.99),
			number("half", "half-life of the average, in steps", 300),
			choice("pairs", "1: of a real and a generated picture; 0: the non-saturating game", 1, 1),
		},
		recipe: func(c choices) recipe.Recipe {
			return c.changed(r, func(_ recipe.Recipe, config *gan.Config, adam optim.Adam) {
				config.DiscriminatorOptimizer = adam
				adam.LR *= c["lrg"]
				config.GeneratorOptimizer = adam
				config.GeneratorEvery = c.n("every")
				if !c.is("pairs") {
					config.Objective = gan.NonSaturating{}
				}
			})
		},
		load: func(_ context.Context, folder string) (*subject.Subject, error) {
			d, err := subject.Load(folder)
			if err != nil {
				return nil, err
			}
			return d.Stacked(), nil
		},
	}
}

// changed returns a recipe of package gan/recipe with the numbers of a trial, and with
// a configuration that more changes.
func (c choices) changed(r recipe.Recipe, more func(r recipe.Recipe, config *gan.Config, adam optim.Adam)) recipe.Recipe {
	r.Steps, r.Batch, r.LR, r.Latent = c.n("steps"), c.n("batch"), c["lr"], c.n("latent")
	settings := r.Settings
	r.Settings = func(r recipe.Recipe) gan.Config {
		config := settings(r)
		weight := optim.ScheduleFunc(func(step int) float64 {
			return math.Pow(c["gamma1"]/c["gamma"], min(1, float64(step)/float64(r.Steps)))
		})
		config.Penalties = []gan.Penalty{gan.R1{Gamma: c["gamma"], Schedule: weight}, gan.R2{Gamma: c["gamma"], Schedule: weight}}
		config.EMAHalfLife = c["half"]
		adam := config.Optimizer.(optim.Adam)
		adam.Beta2Schedule = optim.Cosine{From: 0.9, To: c["beta2"], Steps: r.Steps}
		more(r, &config, adam)
		return config
	}
	return r
}
