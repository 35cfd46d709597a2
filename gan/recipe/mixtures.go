package recipe

import (
	"math"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Mixtures returns the recipes for points in the plane.
func Mixtures() []Recipe { return []Recipe{Ring(), Grid()} }

// Ring learns 8 Gaussians on a circle, datasets.Ring.
func Ring() Recipe {
	r := plane("ring", 6500)
	r.About = "8 Gaussians on a circle: MLPs, one of which sees waves, relativistic pairs, both gradient penalties"
	return r
}

// Grid learns 25 Gaussians on a grid, datasets.GaussianGrid.
func Grid() Recipe {
	r := plane("grid", 8500)
	r.About = "25 Gaussians on a grid: the same for longer"
	return r
}

func plane(name string, steps int) Recipe {
	return Recipe{
		Name: name, Latent: 2, Batch: 512, Steps: steps, LR: 2e-3, Seed: 1,
		Build: PlanarNetworks(6, 128, 64), Settings: sharpening,
	}
}

// PlanarNetworks returns [Recipe.Build] for points in the plane. The generator has so
// many hidden layers, 1 or more, of width units, and the discriminator two: between the
// modes a generator must be steep, which depth makes easy. Its units are ReLU: leaky ones
// let through a trickle there. The discriminator sees waves ([nn.FourierFeatures]), the
// shortest of which are as short as a mode is wide. [Ring] and [Grid] have 6 layers of
// 128 units, and 64 waves.
func PlanarNetworks(hidden, width, waves int) func(Recipe) (g, d nn.Module) {
	layer := func(in, out int, gain float64) nn.Module {
		return nn.Linear(in, out, nn.WeightInit(nn.HeNormal(gain)), zero)
	}
	relu, leaky := math.Sqrt(2), math.Sqrt(2/1.04)
	return func(r Recipe) (g, d nn.Module) {
		draw := []nn.Module{layer(r.Latent, width, relu), nn.ReLU()}
		for range hidden - 1 {
			draw = append(draw, layer(width, width, relu), nn.ReLU())
		}
		g = nn.Sequential(append(draw, layer(width, 2, 1))...)
		d = nn.Sequential(
			nn.FourierFeatures(frequencies(waves, r.Seed)),
			layer(2+2*waves, width, leaky), nn.LeakyReLU(0.2),
			layer(width, width, leaky), nn.LeakyReLU(0.2),
			layer(width, 1, 1))
		return g, d
	}
}

// frequencies have uniform directions, and lengths between 0.2 and 8 whose
// logarithms are uniform.
func frequencies(n int, seed uint64) [][]float64 {
	u := tensor.NewStream(seed, "frequencies").Uniform(tensor.Float64, n, 2).Float64s()
	out := make([][]float64, n)
	for k := range out {
		sin, cos := math.Sincos(2 * math.Pi * u[2*k])
		length := 0.2 * math.Pow(40, u[2*k+1])
		out[k] = []float64{length * cos, length * sin}
	}
	return out
}

// sharpening settings have two parts. For four fifths of a run the penalty falls to a
// tenth: the discriminator is smooth from mode to mode, and the modes get equal shares,
// each of them too narrow. Then the penalty falls to a thousandth of what it was, so that
// the discriminator sees the width of a mode, and keeps its rate, while the generator's,
// half a cosine all along, is low already: shares stay as they are, and modes widen. What
// widens them early costs the balance, which the generator cannot restore once it is steep.
//
// Adam's memory of squared gradients grows from ten steps to a hundred within the first
// fifth.
func sharpening(r Recipe) gan.Config {
	at := func(step int) float64 { return float64(step) / float64(r.Steps) }
	weight := optim.ScheduleFunc(func(step int) float64 {
		return math.Pow(0.1, min(1, at(step)/0.8)) * math.Pow(0.01, max(0, at(step)-0.8)/0.2)
	})
	adam := func(rate optim.Schedule) optim.Adam {
		return optim.Adam{LR: r.LR, Betas: [2]float64{0, 0.99}, Schedule: rate,
			Beta2Schedule: optim.Linear{From: 0.9, To: 0.99, Steps: r.Steps / 5}}
	}
	last := optim.Cosine{From: 1, To: 0.1, Steps: max(r.Steps/10, 1)}
	return gan.Config{
		Objective:          gan.Relativistic{},
		Penalties:          []gan.Penalty{gan.R1{Gamma: 0.2, Schedule: weight}, gan.R2{Gamma: 0.2, Schedule: weight}},
		GeneratorOptimizer: adam(optim.Cosine{From: 1, To: 0.01, Steps: r.Steps}),
		DiscriminatorOptimizer: adam(optim.ScheduleFunc(func(step int) float64 {
			return last.At(max(step-(r.Steps-r.Steps/10), 0))
		})),
		EMAHalfLife: 500,
		FreshLatent: true,
	}
}
