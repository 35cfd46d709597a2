package main

import (
	"context"
	"fmt"
	"math"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

var (
	ring = mixture("ring", "8 Gaussians on a circle", datasets.Ring(), 5000)
	grid = mixture("grid", "25 Gaussians on a grid", datasets.GaussianGrid(), 7000)
)

const mixturesSay = " While the penalty is strong, modes get equal shares and stay at half their width, because the " +
	"discriminator sees nothing smaller. When it has become weak, they widen. If that is early, shares are lost (reverse KL 0.02 to 0.2), " +
	"since points between modes, which carry shares from one to another, have become few; late, at a low rate of the generator, they are kept. " +
	"The discriminator must keep its rate meanwhile. Depth of the generator and larger batches bring quality; more inputs of it, or waves of them, " +
	"exchange quality for width; wider networks change little. A rate of 0.002 instead of 0.003 improves shares most."

func mixture(name, about string, target datasets.Mixture, steps float64) *subject {
	return &subject{
		name: name, about: about, says: mixturesSay,
		columns: []column{{"modes", false}, {"high-quality share", false}, {"reverse KL", true}, {"KL with off-mode", true}, {"spread in σ", false}},
		knobs: []knob{
			{"steps", "of training", steps},
			{"batch", "points per step", 256},
			{"latent", "inputs of G", 2},
			{"gwidth", "units of a hidden layer of G", 128},
			{"gdepth", "hidden layers of G", 4},
			{"gwaves", "waves of the latent vector that G sees", 0},
			{"gwmax", "frequency of the shortest of them", 1},
			{"slots", "points that G's last layer mixes by a softmax; 0: it has no softmax", 0},
			{"sharp", "first size of the softmax's inputs", 1},
			{"skip", "first size of a matrix from the latent vector to G's output; 0: none", 0},
			{"dwidth", "units of a hidden layer of D", 128},
			{"ddepth", "hidden layers of D", 2},
			{"waves", "waves that D sees", 32},
			{"fmin", "frequency of the longest", 0.2},
			{"fmax", "frequency of the shortest", 2},
			{"gamma", "weight of R1 and R2 at first", 0.1},
			{"gamma1", "and later", 0.01},
			{"gend", "part of the run after which it is", 0.8},
			{"gamma2", "weight that they fall to from then on; 0: none", 0},
			{"gend2", "part of the run after which they have it", 1},
			{"lr", "learning rate at first", 3e-3},
			{"lrg", "G's, as a multiple of it", 1},
			{"hold", "part of the run before it falls", 0},
			{"lrend", "part of it that is left at last", 0.01},
			{"gexp", "1: G's rate falls exponentially, otherwise as a cosine", 0},
			{"holdd", "as hold, of D and beyond it", 0},
			{"lrendd", "as lrend, D's as a multiple of it", 1},
			{"every", "steps of D for one of G", 1},
			{"beta2", "of Adam, from a fifth of the run on", 0.99},
			{"half", "half-life of the average, in steps", 500},
		},
		train: func(ctx context.Context, c choices, seed uint64) (*gan.Report, metrics.Table, error) {
			g, d := c.planar(seed)
			t, err := gan.New(g, d, c.planarConfig(seed))
			if err != nil {
				return nil, nil, err
			}
			tenth := gan.Every(max(int(c["steps"])/10, 1))
			course := gan.Hook{Step: func(s *gan.StepInfo) error {
				if !*verbose || !tenth(s.Step) {
					return nil
				}
				score, err := metrics.MeasureMixture(target, t.Generator().Sample(10_000, seed))
				fmt.Printf("step %d: %d modes, quality %.4f, reverse KL %.4f, spread %.3f\n", s.Step, score.Modes, score.Quality, score.ReverseKL, score.Spread)
				return err
			}}
			report, err := t.Fit(ctx, datasets.Synthetic{From: target, Batch: int(c["batch"]), PerEpoch: 500, Seed: seed}, gan.Steps(int(c["steps"])), gan.On(course))
			if err != nil {
				return nil, nil, err
			}
			score, err := metrics.MeasureMixture(target, t.Generator().Sample(10_000, seed))
			return report, score.Table(), err
		},
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
	in := int(c["latent"])
	if k := int(c["gwaves"]); k > 0 {
		front = append(front, nn.FourierFeatures(frequencies(k, in, 0.1, c["gwmax"], seed)))
		in += 2 * k
	}
	g = stack(front, in, int(c["gwidth"]), int(c["gdepth"]), 2, math.Sqrt(2), nn.ReLU())
	if slots := int(c["slots"]); slots > 0 {
		width := int(c["gwidth"])
		g = stack(front, in, width, int(c["gdepth"])-1, width, math.Sqrt(2), nn.ReLU())
		g = nn.Sequential(g, nn.ReLU(),
			nn.Linear(width, slots, nn.WeightInit(nn.HeNormal(c["sharp"])), zero), nn.Softmax(1),
			nn.Linear(slots, 2, nn.WeightInit(nn.Normal(1)), nn.NoBias()))
	}
	if gain := c["skip"]; gain > 0 {
		g = nn.Residual(g, nn.Linear(int(c["latent"]), 2, nn.WeightInit(nn.HeNormal(gain)), nn.NoBias()))
	}
	waves := int(c["waves"])
	d = stack([]nn.Module{nn.FourierFeatures(frequencies(waves, 2, c["fmin"], c["fmax"], seed))},
		2+2*waves, int(c["dwidth"]), int(c["ddepth"]), 1, math.Sqrt(2/1.04), nn.LeakyReLU(0.2))
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

func (c choices) planarConfig(seed uint64) gan.Config {
	steps := int(c["steps"])
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
		Latent: int(c["latent"]), Seed: seed, Objective: gan.Relativistic{},
		Penalties:              []gan.Penalty{gan.R1{Gamma: c["gamma"], Schedule: weight}, gan.R2{Gamma: c["gamma"], Schedule: weight}},
		DiscriminatorOptimizer: adam(c["lr"], c["hold"]+c["holdd"], c["lrend"]*c["lrendd"]), GeneratorOptimizer: forG,
		GeneratorEvery: int(c["every"]), EMAHalfLife: c["half"], FreshLatent: true,
	}
}
