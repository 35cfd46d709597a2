package main

import (
	"context"
	"math"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

var (
	ring = mixture("ring", "8 Gaussians on a circle", mixturesSay, 5000)
	grid = mixture("grid", "25 Gaussians on a grid", " What is said of ring holds here too.", 7000)
)

const mixturesSay = " While the penalty is strong, modes get equal shares and stay at half their width, because the " +
	"discriminator sees nothing smaller. When it has become weak, they widen. If that is early, shares are lost (reverse KL 0.02 to 0.2), " +
	"since points between modes, which carry shares from one to another, have become few; late, at a low rate of the generator, they are kept. " +
	"The discriminator must keep its rate meanwhile. Depth of the generator and larger batches bring quality; more inputs of it, or waves of them, " +
	"exchange quality for width; wider networks change little. A rate of 0.002 instead of 0.003 improves shares most."

func mixture(name, about, says string, steps int) *kind {
	return &kind{
		name: name, about: about, says: says, plain: true,
		columns: []table.Column{{Name: "modes"}, {Name: "high-quality share", Percent: 2}, {Name: "reverse KL", Less: true}, {Name: "KL with off-mode", Less: true}, {Name: "spread in σ"}},
		best:    always("spread in σ"),
		words: []word{
			integer("steps", "of training", steps),
			integer("batch", "points per step", 256),
			integer("latent", "inputs of G", 2),
			integer("gwidth", "units of a hidden layer of G", 128),
			integer("gdepth", "hidden layers of G", 4),
			integer("gwaves", "waves of the latent vector that G sees", 0),
			number("gwmax", "frequency of the shortest of them", 1),
			integer("slots", "points that G's last layer mixes by a softmax; 0: it has no softmax", 0),
			number("sharp", "first size of the softmax's inputs", 1),
			number("skip", "first size of a matrix from the latent vector to G's output; 0: none", 0),
			integer("dwidth", "units of a hidden layer of D", 128),
			integer("ddepth", "hidden layers of D", 2),
			integer("waves", "waves that D sees", 32),
			number("fmin", "frequency of the longest", 0.2),
			number("fmax", "frequency of the shortest", 2),
			number("gamma", "weight of R1 and R2 at first", 0.1),
			number("gamma1", "and later", 0.01),
			number("gend", "part of the run after which it is", 0.8),
			number("gamma2", "weight that they fall to from then on; 0: none", 0),
			number("gend2", "part of the run after which they have it", 1),
			number("lr", "learning rate at first", 3e-3),
			number("lrg", "G's, as a multiple of it", 1),
			number("hold", "part of the run before it falls", 0),
			number("lrend", "part of it that is left at last", 0.01),
			choice("gexp", "1: G's rate falls exponentially, otherwise as a cosine", 0, 1),
			number("holdd", "as hold, of D and beyond it", 0),
			number("lrendd", "as lrend, D's as a multiple of it", 1),
			integer("every", "steps of D for one of G", 1),
			number("beta2", "of Adam, from a fifth of the run on", 0.99),
			number("half", "half-life of the average, in steps", 500),
		},
		recipe: func(c choices) recipe.Recipe {
			return recipe.Recipe{Name: "trial", Latent: c.n("latent"), Batch: c.n("batch"), Steps: c.n("steps"), LR: c["lr"], Seed: 1,
				Build:    func(r recipe.Recipe) (g, d nn.Module) { return c.planar(r.Seed) },
				Settings: func(recipe.Recipe) gan.Config { return c.planarConfig() }}
		},
		load: func(context.Context, string) (*subject.Subject, error) { return subject.Mixture(name), nil },
	}
}

func (c choices) planar(seed uint64) (g, d nn.Module) {
	zero := nn.BiasInit(nn.Constant(0))
	stack := func(layers []nn.Module, in, width, depth, out int, gain float64, act nn.Module) nn.Module {
		for range depth {
			layers = append(layers, nn.Linear(in, width, nn.WeightInit(nn.HeNormal(gain)), zero), act)
			in = width
		}
		return nn.Sequential(append(layers, nn.Linear(in, out, nn.WeightInit(nn.HeNormal(1)), zero))...)
	}
	var front []nn.Module
	in := c.n("latent")
	if k := c.n("gwaves"); k > 0 {
		front = append(front, nn.FourierFeatures(frequencies(k, in, 0.1, c["gwmax"], seed)))
		in += 2 * k
	}
	g = stack(front, in, c.n("gwidth"), c.n("gdepth"), 2, math.Sqrt(2), nn.ReLU())
	if slots := c.n("slots"); slots > 0 {
		width := c.n("gwidth")
		g = stack(front, in, width, c.n("gdepth")-1, width, math.Sqrt(2), nn.ReLU())
		g = nn.Sequential(g, nn.ReLU(),
			nn.Linear(width, slots, nn.WeightInit(nn.HeNormal(c["sharp"])), zero), nn.Softmax(1),
			nn.Linear(slots, 2, nn.WeightInit(nn.Normal(1)), nn.NoBias()))
	}
	if gain := c["skip"]; gain > 0 {
		g = nn.Residual(g, nn.Linear(c.n("latent"), 2, nn.WeightInit(nn.HeNormal(gain)), nn.NoBias()))
	}
	waves := c.n("waves")
	d = stack([]nn.Module{nn.FourierFeatures(frequencies(waves, 2, c["fmin"], c["fmax"], seed))},
		2+2*waves, c.n("dwidth"), c.n("ddepth"), 1, math.Sqrt(2/1.04), nn.LeakyReLU(0.2))
	return g, d
}

// frequencies have uniform directions, and lengths whose logarithms are uniform.
func frequencies(n, dim int, lo, hi float64, seed uint64) [][]float64 {
	out := make([][]float64, n)
	if dim != 2 {
		random := tensor.NewStream(seed, "frequencies")
		x, u := random.Normal(tensor.Float64, n, dim).Float64s(), random.Uniform(tensor.Float64, n).Float64s()
		for k := range out {
			norm := 0.0
			for _, v := range x[k*dim : (k+1)*dim] {
				norm += v * v
			}
			for _, v := range x[k*dim : (k+1)*dim] {
				out[k] = append(out[k], lo*math.Pow(hi/lo, u[k])*v/math.Sqrt(norm))
			}
		}
		return out
	}
	u := tensor.NewStream(seed, "frequencies").Uniform(tensor.Float64, n, 2).Float64s()
	for k := range out {
		sin, cos := math.Sincos(2 * math.Pi * u[2*k])
		length := lo * math.Pow(hi/lo, u[2*k+1])
		out[k] = []float64{length * cos, length * sin}
	}
	return out
}

func (c choices) planarConfig() gan.Config {
	steps := c.n("steps")
	weight := optim.ScheduleFunc(func(step int) float64 {
		f := float64(step) / float64(steps)
		w := math.Pow(c["gamma1"]/c["gamma"], min(1, f/c["gend"]))
		if c["gamma2"] > 0 && f > c["gend"] {
			w *= math.Pow(c["gamma2"]/c["gamma1"], min(1, (f-c["gend"])/(c["gend2"]-c["gend"])))
		}
		return w
	})
	adam := func(lr, hold, last float64) optim.Adam {
		first := int(hold * float64(steps))
		fall := optim.Cosine{From: 1, To: last, Steps: steps - first}
		return optim.Adam{LR: lr, Betas: [2]float64{0, c["beta2"]},
			Schedule:      optim.ScheduleFunc(func(step int) float64 { return fall.At(max(step-first, 0)) }),
			Beta2Schedule: optim.Linear{From: 0.9, To: c["beta2"], Steps: steps / 5}}
	}
	forG := adam(c["lr"]*c["lrg"], c["hold"], c["lrend"])
	if c["gexp"] == 1 {
		forG.Schedule = optim.ScheduleFunc(func(step int) float64 {
			return math.Pow(c["lrend"], max(0, float64(step)/float64(steps)-c["hold"])/(1-c["hold"]))
		})
	}
	return gan.Config{
		Objective:              gan.Relativistic{},
		Penalties:              []gan.Penalty{gan.R1{Gamma: c["gamma"], Schedule: weight}, gan.R2{Gamma: c["gamma"], Schedule: weight}},
		DiscriminatorOptimizer: adam(c["lr"], c["hold"]+c["holdd"], c["lrend"]*c["lrendd"]), GeneratorOptimizer: forG,
		GeneratorEvery: c.n("every"), EMAHalfLife: c["half"], FreshLatent: true,
	}
}
