package main

import (
	"context"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

const (
	points = 500 // shown
	cells  = 36  // per side, at whose corners the discriminator is asked
	half   = 2.0 // what is shown is [−half, half]²
)

// small is recipe.Ring with smaller networks, an eighth of the points in a step, fewer
// steps, and a higher rate for so few: all modes are found after some 500 of the 2,000.
func small(seed uint64) recipe.Recipe {
	r := recipe.Ring()
	r.Steps, r.Batch, r.LR, r.Seed = 2000, 64, 5e-3, seed
	r.Build = recipe.PlanarNetworks(4, 64, 16)
	return r
}

// frame is what is shown of a training.
type frame struct {
	step, steps int
	points      []float32 // x and y of each
	field       []float32 // what the discriminator says, row by row from the top
	modes       int       // that the points have found, of 8
	quality     float64   // share of points within 3σ of one
}

// train trains on the ring and shows a frame after each step that is due and after
// the last.
func train(ctx context.Context, seed uint64, due func(step int) bool, show func(frame)) error {
	r := small(seed)
	g, d := r.Networks()
	t, err := gan.New(g, d, r.Config())
	if err != nil {
		return err
	}
	corners := make([]float64, 0, 2*(cells+1)*(cells+1))
	for row := range cells + 1 {
		for column := range cells + 1 {
			corners = append(corners, half*(2*float64(column)/cells-1), half*(1-2*float64(row)/cells))
		}
	}
	asked := autograd.Const(tensor.FromFloat64(corners, len(corners)/2, 2).Cast(tensor.Float32))
	ring := datasets.Ring()
	source := datasets.Synthetic{From: ring, Batch: r.Batch, PerEpoch: r.Steps, Seed: seed}
	shoot := func(t *gan.Trainer) error {
		x := t.Sample(points, 1)
		score, err := metrics.MeasureMixture(ring, x)
		if err != nil {
			return err
		}
		show(frame{t.Steps(), r.Steps, x.Float32s(), t.Discriminator().Forward(nil, asked).Value().Float32s(), score.Modes, score.Quality})
		return nil
	}
	_, err = t.Fit(ctx, source, gan.Steps(r.Steps), gan.On(gan.After(func(step int) bool { return step == r.Steps || due(step) }, shoot)))
	return err
}
