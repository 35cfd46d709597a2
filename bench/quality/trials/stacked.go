package main

import (
	"context"
	"math"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/optim"
)

var (
	half    = stacked(recipe.StackedHalf())
	quarter = stacked(recipe.StackedQuarter())
	whole   = stacked(recipe.StackedWhole())
)

func stacked(r recipe.Recipe) *subject {
	return &subject{
		name: r.Name, about: r.About,
		columns: []column{{"modes", false}, {"reverse KL", true}},
		knobs: []knob{
			{"steps", "of training", 4000},
			{"batch", "pictures per step", 64},
			{"latent", "inputs of G", float64(r.Latent)},
			{"lr", "learning rate, which falls to a tenth over the last fifth", 2e-3},
			{"lrg", "G's, as a multiple of it", 1},
			{"every", "steps of D for one of G", 1},
			{"gamma", "weight of R1 and R2 at first", 1},
			{"gamma1", "and at last", 1},
			{"beta2", "of Adam, at last", 0.99},
			{"half", "half-life of the average, in steps", 300},
			{"pairs", "1: of a real and a generated picture; 0: the non-saturating game", 1},
		},
		train: func(ctx context.Context, c choices, seed uint64) (*gan.Report, metrics.Table, error) {
			r := r
			r.Steps, r.Batch, r.LR, r.Latent, r.Seed = int(c["steps"]), int(c["batch"]), c["lr"], int(c["latent"]), seed
			config := r.Config()
			weight := optim.ScheduleFunc(func(step int) float64 {
				return math.Pow(c["gamma1"]/c["gamma"], min(1, float64(step)/float64(r.Steps)))
			})
			config.Penalties = []gan.Penalty{gan.R1{Gamma: c["gamma"], Schedule: weight}, gan.R2{Gamma: c["gamma"], Schedule: weight}}
			adam := config.Optimizer.(optim.Adam)
			adam.Beta2Schedule = optim.Cosine{From: 0.9, To: c["beta2"], Steps: r.Steps}
			config.DiscriminatorOptimizer = adam
			adam.LR *= c["lrg"]
			config.GeneratorOptimizer = adam
			config.EMAHalfLife, config.GeneratorEvery = c["half"], int(c["every"])
			if c["pairs"] == 0 {
				config.Objective = gan.NonSaturating{}
			}
			g, d := r.Networks()
			t, err := gan.New(g, d, config)
			if err != nil {
				return nil, nil, err
			}
			set, err := digits.Load()
			if err != nil {
				return nil, nil, err
			}
			report, err := t.Fit(ctx, datasets.NewLoader(datasets.Stack(set, 3, 1000*r.Batch, seed), r.Batch, datasets.Seed(seed)), gan.Steps(r.Steps))
			if err != nil {
				return nil, nil, err
			}
			judge, err := mnistfeatures.Load()
			if err != nil {
				return nil, nil, err
			}
			seen, err := judge.Modes(t.Generator().Sample(25_600, seed))
			if err != nil {
				return nil, nil, err
			}
			return report, metrics.Modes(seen, 1000), nil
		},
	}
}
