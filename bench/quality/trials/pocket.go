package main

import (
	"context"
	"math"

	"github.com/gander-ml/gander/bench/quality/pocket"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

var small = &subject{
	name: recipe.Pocket().Name, about: recipe.Pocket().About + "; MNIST's training digits, judged by bench/quality/pocket",
	columns: []column{{pocket.Variance, false}, {pocket.Copies, true}, {"near copies", true}, {pocket.Fidelity, false}},
	knobs: []knob{
		{"steps", "of training", 20_000},
		{"batch", "digits per step", 64},
		{"latent", "inputs of G", 32},
		{"lr", "learning rate at first", 2e-3},
		{"lrend", "part of it that is left at last", 0.02},
		{"gamma", "weight of R1 and R2 at first", 0.5},
		{"gamma1", "and at last", 0.2},
		{"dkind", "0: a convolutional D, 1: an MLP", 0},
		{"gkind", "0: a convolutional G, 1: an MLP", 0},
		{"louder", "size of the label in D", 3},
		{"beta2", "of Adam, at last", 0.99},
		{"half", "half-life of the average, in steps", 300},
	},
	train: func(ctx context.Context, c choices, seed uint64) (*gan.Report, metrics.Table, error) {
		train, err := datasets.MNIST(*data, datasets.Train)
		if err != nil {
			return nil, nil, err
		}
		test, err := datasets.MNIST(*data, datasets.Test)
		if err != nil {
			return nil, nil, err
		}
		r := recipe.Pocket()
		r.Steps, r.Batch, r.LR, r.Latent, r.Seed = int(c["steps"]), int(c["batch"]), c["lr"], int(c["latent"]), seed
		config := r.Config()
		weight := optim.ScheduleFunc(func(step int) float64 {
			return math.Pow(c["gamma1"]/c["gamma"], min(1, float64(step)/float64(r.Steps)))
		})
		config.Penalties = []gan.Penalty{gan.R1{Gamma: c["gamma"], Schedule: weight}, gan.R2{Gamma: c["gamma"], Schedule: weight}}
		adam := config.Optimizer.(optim.Adam)
		adam.Schedule = optim.Cosine{From: 1, To: c["lrend"], Steps: r.Steps}
		adam.Beta2Schedule = optim.Cosine{From: 0.9, To: c["beta2"], Steps: r.Steps}
		config.Optimizer, config.EMAHalfLife = adam, c["half"]
		g, d := c.pocket(r)
		t, err := gan.New(g, d, config)
		if err != nil {
			return nil, nil, err
		}
		report, err := t.Fit(ctx, datasets.NewLoader(pocket.Digits(train), r.Batch, datasets.Seed(seed), datasets.Conditions()), gan.Steps(r.Steps))
		if err != nil {
			return nil, nil, err
		}
		judge, err := pocket.New(ctx, train, test)
		if err != nil {
			return nil, nil, err
		}
		v, err := judge.Judge(t.Generator().Sample(10_000, seed), t.Generator().Labels(10_000, seed))
		return report, v, err
	},
}

// pocket returns networks of the sizes of that model card, or smaller.
func (c choices) pocket(r recipe.Recipe) (g, d nn.Module) {
	g, d = r.Networks()
	w, zero := nn.WeightInit(nn.HeNormal(math.Sqrt(2/1.04))), nn.BiasInit(nn.Constant(0))
	if c["gkind"] == 1 {
		g = nn.Sequential(nn.ConcatCondition(10, 1.5),
			nn.Linear(r.Latent+10, 128, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(128, 128, w, zero), nn.LeakyReLU(0.2),
			nn.Linear(128, 64, nn.WeightInit(nn.HeNormal(0.4)), zero), nn.Tanh())
	}
	switch c["dkind"] {
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
