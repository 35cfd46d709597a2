package main

import (
	"context"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

const (
	points = 500 // shown
	cells  = 36  // per side, at whose corners the discriminator is asked
	half   = 2.0 // what is shown is [−half, half]²
)

// small is recipe.Ring in networks of half the width, the generator of half the depth,
// with fewer waves, an eighth of the points in a step, fewer steps, and settings for so
// few: all modes are found after some 400 of the 2,000.
func small(seed uint64) recipe.Recipe {
	const width, waves = 64, 24
	r := recipe.Ring()
	r.Steps, r.Batch, r.LR, r.Seed = 2000, 64, 3e-3, seed
	r.Build = func(r recipe.Recipe) (g, d nn.Module) {
		layer := func(in, out int, gain float64) nn.Module {
			return nn.Linear(in, out, nn.WeightInit(nn.HeNormal(gain)), nn.BiasInit(nn.Constant(0)))
		}
		relu, leaky := math.Sqrt(2), math.Sqrt(2/1.04)
		g = nn.Sequential(
			layer(r.Latent, width, relu), nn.ReLU(),
			layer(width, width, relu), nn.ReLU(),
			layer(width, width, relu), nn.ReLU(),
			layer(width, 2, 1))
		d = nn.Sequential(
			nn.FourierFeatures(frequencies(waves, r.Seed)),
			layer(2+2*waves, width, leaky), nn.LeakyReLU(0.2),
			layer(width, width, leaky), nn.LeakyReLU(0.2),
			layer(width, 1, 1))
		return g, d
	}
	r.Settings = brief
	return r
}

// brief settings are those of recipe.Ring but for what a short run leaves no time for: the
// penalty falls from 0.1 to a tenth of it within four fifths, and no further, and both
// rates fall along half a cosine.
func brief(r recipe.Recipe) gan.Config {
	c := recipe.Ring().Config()
	weight := optim.ScheduleFunc(func(step int) float64 {
		return math.Pow(0.1, min(1, float64(step)/(0.8*float64(r.Steps))))
	})
	c.Penalties = []gan.Penalty{gan.R1{Gamma: 0.1, Schedule: weight}, gan.R2{Gamma: 0.1, Schedule: weight}}
	adam := optim.Adam{LR: r.LR, Betas: [2]float64{0, 0.99},
		Schedule:      optim.Cosine{From: 1, To: 0.01, Steps: r.Steps},
		Beta2Schedule: optim.Linear{From: 0.9, To: 0.99, Steps: r.Steps / 5}}
	c.GeneratorOptimizer, c.DiscriminatorOptimizer = adam, adam
	return c
}

// frequencies have uniform directions, and lengths from 0.2 to 2 whose logarithms
// are uniform.
func frequencies(n int, seed uint64) [][]float64 {
	u := tensor.NewStream(seed, "frequencies").Uniform(tensor.Float64, n, 2).Float64s()
	out := make([][]float64, n)
	for k := range out {
		sin, cos := math.Sincos(2 * math.Pi * u[2*k])
		length := 0.2 * math.Pow(10, u[2*k+1])
		out[k] = []float64{length * cos, length * sin}
	}
	return out
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
	config := r.Config()
	config.EMAHalfLife = 100
	t, err := gan.New(g, d, config)
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
