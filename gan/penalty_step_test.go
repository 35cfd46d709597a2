package gan_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// everyPenalty are the penalties alone and in company.
var everyPenalty = [][]gan.Penalty{
	{gan.R1{Gamma: 1}}, {gan.R2{Gamma: 1}}, {gan.R1{Gamma: 1}, gan.R2{Gamma: 1}},
	{gan.GradientPenalty{Lambda: 10}}, {gan.GradientPenalty{Lambda: 10, OneSided: true}, gan.R1{Gamma: 1}},
}

// A step with penalties, pass by pass: whatever derivatives the discriminator's
// step takes, none enters the generator; the generator's step comes every third
// time, goes through the updated discriminator, and asks for no gradient of its
// weights; in between the generator stays as it is.
func TestPassesUnderPenalties(t *testing.T) {
	for _, penalties := range everyPenalty {
		for _, o := range []gan.Objective{gan.Hinge{}, gan.Relativistic{}} {
			what := fmt.Sprintf("%s, %+v", o.Name(), penalties)
			var events []event
			g0, d0 := tiny(o.Output())
			generator, critic := newProbe("G", latentSize, &events), newProbe("D", 4, &events)
			c := tinyConfig(o)
			c.Penalties, c.GeneratorEvery = penalties, 3
			trainer, err := gan.New(nn.Sequential(generator, g0), nn.Sequential(critic, d0), c)
			require.NoError(t, err)
			x := batch(t, tinyNoise(1))
			for step := 1; step <= 7; step++ {
				beforeG, beforeD := generator.weight.Value().At(0), critic.weight.Value().At(0)
				events = nil
				_, err = trainer.Step(gan.Batch{X: x})
				require.NoError(t, err)
				require.NotEqual(t, beforeD, critic.weight.Value().At(0), "%s, step %d", what, step)

				var first, second []string // before and after the discriminator's update
				for _, e := range events {
					if second != nil || e.what == "D forward" && e.weight != beforeD {
						second = append(second, e.what)
					} else {
						first = append(first, e.what)
					}
				}
				require.Equal(t, "G forward", first[0])
				require.Contains(t, first, "D backward x") // by the penalty
				require.Contains(t, first, "D backward w")
				for _, e := range first[1:] {
					require.Equal(t, "D", e[:1], "%s, step %d: %v", what, step, first)
				}
				if step%3 != 0 {
					require.Empty(t, second)
					require.Equal(t, beforeG, generator.weight.Value().At(0))
					continue
				}
				want := []string{"D forward", "D backward x", "G backward w"}
				if o == (gan.Relativistic{}) {
					want = slices.Insert(want, 0, "D forward")
				}
				require.Equal(t, want, second, what)
				require.NotEqual(t, beforeG, generator.weight.Value().At(0))
			}
		}
	}
}

// Penalties are the discriminator's alone: with one that stands still, the
// generator learns the same, bit for bit, with penalties and without.
func TestPenaltiesLeaveTheGeneratorAlone(t *testing.T) {
	weights := func(penalties ...gan.Penalty) (out [][]float64) {
		g, d := tiny(gan.Logits)
		c := tinyConfig(gan.NonSaturating{})
		c.DType, c.Penalties = tensor.Float64, penalties
		c.DiscriminatorOptimizer = optim.SGD{LR: 1e-300}
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		x := tensor.NewStream(1, "samples").Normal(tensor.Float64, 5, 4)
		for range 4 {
			_, err := trainer.Step(gan.Batch{X: x})
			require.NoError(t, err)
		}
		for _, w := range copies(g) {
			out = append(out, w.Float64s())
		}
		return out
	}
	want := weights()
	for _, penalties := range everyPenalty {
		require.Equal(t, want, weights(penalties...), "%+v", penalties)
	}
}

// witness passes its input on and keeps a copy.
type witness struct{ seen []*tensor.Tensor }

func (w *witness) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	w.seen = append(w.seen, x.Value().Keep())
	return x
}

func (*witness) OutShape(in []int) ([]int, error) { return in, nil }

// The gradient penalty's places lie between a real sample and a generated one:
// one uniform number for each sample of each step, the same for all its pixels.
// With ones for real and zeros for generated ones, the places are the numbers.
func TestGradientPenaltyDrawsPerSample(t *testing.T) {
	const steps, size = 40, 50
	zero := nn.WeightInit(nn.Constant(0))
	g := nn.Sequential(nn.Linear(1, 6, zero, nn.NoBias()), nn.Reshape(1, 2, 3))
	w := &witness{}
	trainer, err := gan.New(g, nn.Sequential(w, nn.Flatten(), nn.Linear(6, 1)), gan.Config{
		Latent: 1, Objective: gan.Wasserstein{}, Penalties: []gan.Penalty{gan.GradientPenalty{Lambda: 1}},
		GeneratorEvery: steps + 1, DType: tensor.Float64, Seed: 5,
	})
	require.NoError(t, err)
	var drawn []float64
	for range steps {
		w.seen = nil
		_, err := trainer.Step(gan.Batch{X: tensor.Full(tensor.Float64, 1, size, 1, 2, 3)})
		require.NoError(t, err)
		require.Len(t, w.seen, 3, "real, generated, between")
		pixels := w.seen[2].Float64s()
		for i := range size {
			sample := pixels[6*i : 6*i+6]
			require.Equal(t, slices.Repeat(sample[:1], 6), sample)
			drawn = append(drawn, sample[0])
		}
	}
	n := float64(len(drawn))
	together := 0.0 // of neighbours
	for i := range drawn[1:] {
		together += 12 * (drawn[i] - 0.5) * (drawn[i+1] - 0.5) / n
	}
	assert.Less(t, math.Abs(together), 3.3/math.Sqrt(n), "neighbours are correlated")
	slices.Sort(drawn)
	require.Len(t, slices.Compact(slices.Clone(drawn)), len(drawn), "each is drawn once")
	furthest := 0.0 // from the uniform distribution: Kolmogorov and Smirnov's distance
	for i, v := range drawn {
		furthest = max(furthest, math.Abs(v-float64(i)/n), math.Abs(v-float64(i+1)/n))
	}
	assert.Less(t, furthest, 1.95/math.Sqrt(n), "not uniform on [0, 1)") // one in a thousand
}

// Norms are of each sample's own gradient, over all of its axes. The critic
// ½Σ a·x² has the gradient a·x, which is different everywhere.
func TestPenaltyNormsArePerSample(t *testing.T) {
	random := tensor.NewStream(4, "pictures")
	real, fake := random.Normal(tensor.Float64, 3, 2, 2, 3), random.Normal(tensor.Float64, 3, 2, 2, 3)
	a := random.Normal(tensor.Float64, 2, 2, 3)
	var between *tensor.Tensor
	p := passOf(func(x *autograd.Var) *autograd.Var {
		between = x.Value()
		return autograd.Reshape(autograd.Sum(autograd.Scale(autograd.Mul(autograd.Const(a), autograd.Square(x)), 0.5), 1, 2, 3), 3, 1)
	}, real, fake)
	squares := func(x *tensor.Tensor) []float64 {
		out := make([]float64, 3)
		factors := a.Float64s()
		for i, v := range x.Float64s() {
			out[i/12] += math.Pow(factors[i%12]*v, 2)
		}
		return out
	}
	r1, r2 := gan.R1{Gamma: 1}.Terms(p).Value().Float64s(), gan.R2{Gamma: 1}.Terms(p).Value().Float64s()
	twoSided := gan.GradientPenalty{Lambda: 1}.Terms(p).Value().Float64s()
	atBetween := squares(between)
	for i := range 3 {
		require.InEpsilon(t, squares(real)[i]/2, r1[i], 1e-13)
		require.InEpsilon(t, squares(fake)[i]/2, r2[i], 1e-13)
		require.InEpsilon(t, math.Pow(math.Sqrt(atBetween[i])-1, 2), twoSided[i], 1e-12)
	}
}

// Clipping does what it says to the updated weights, and nothing else.
func TestClippedWeights(t *testing.T) {
	const bound = 0.2
	for _, penalties := range [][]gan.Penalty{nil, everyPenalty[2], everyPenalty[3]} {
		weights := func(clip float64) []*tensor.Tensor {
			g, d := tiny(gan.Logits)
			c := tinyConfig(gan.Wasserstein{})
			c.ClipWeights, c.Penalties, c.DType = clip, penalties, tensor.Float64
			trainer, err := gan.New(g, d, c)
			require.NoError(t, err)
			_, err = trainer.Step(gan.Batch{X: tensor.NewStream(1, "samples").Normal(tensor.Float64, 5, 4)})
			require.NoError(t, err)
			return copies(d)
		}
		clipped := 0
		free := weights(0)
		for i, w := range weights(bound) {
			want := free[i].Float64s()
			for k, v := range want {
				if math.Abs(v) > bound {
					clipped++
				}
				want[k] = min(max(v, -bound), bound)
			}
			require.Equal(t, want, w.Float64s())
		}
		require.Positive(t, clipped)
	}
}

// The generator's step goes on from the samples that the discriminator has seen;
// with FreshLatent it draws latent vectors of its own, which are never the same
// again.
func TestFreshLatent(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		g0, d := tiny(gan.Logits)
		w := &witness{}
		c := tinyConfig(gan.Hinge{})
		c.FreshLatent, c.GeneratorEvery = fresh, 2
		trainer, err := gan.New(nn.Sequential(w, g0), d, c)
		require.NoError(t, err)
		for range 6 {
			_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
			require.NoError(t, err)
		}
		if fresh {
			require.Len(t, w.seen, 6+3)
		} else {
			require.Len(t, w.seen, 6)
		}
		numbers := map[float32]bool{}
		for _, z := range w.seen {
			require.Equal(t, []int{5, latentSize}, z.Shape())
			for _, v := range z.Float32s() {
				require.False(t, numbers[v], "%g is drawn twice", v)
				numbers[v] = true
			}
		}
	}
}

// The average halves every so many steps of the generator, and a tenth of the
// run while that is less; the discriminator's steps in between do not count.
func TestAverageCountsTheGeneratorsSteps(t *testing.T) {
	const halfLife, every = 3, 2
	g := nn.Linear(1, 4)
	_, d := tiny(gan.Logits)
	c := tinyConfig(gan.Hinge{})
	c.Latent, c.DType, c.EMAHalfLife, c.GeneratorEvery = 1, tensor.Float64, halfLife, every
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	origin := tensor.New(tensor.Float64, 1, 1)
	average := copies(g)[1].Float64s() // the bias is the sample at the origin
	for step := 1; step <= every*45; step++ {
		_, err := trainer.Step(gan.Batch{X: tensor.NewStream(uint64(step), "samples").Normal(tensor.Float64, 5, 4)})
		require.NoError(t, err)
		if step%every == 0 {
			update := float64(step / every)
			keep := math.Exp2(-1 / min(halfLife, max(1, update/10)))
			for i, v := range copies(g)[1].Float64s() {
				average[i] = keep*average[i] + (1-keep)*v
			}
		}
		require.InDeltaSlice(t, average, trainer.Generator().Map(origin).Float64s(), 1e-13, "step %d", step)
	}
	require.NotEqual(t, average, copies(g)[1].Float64s())
}

// Where the discriminator mixes the samples of a batch, no penalty has a
// meaning, and New says why and what to do; without penalties it may.
func TestPenaltiesRefuseBatchMixers(t *testing.T) {
	for _, penalties := range append(everyPenalty, nil) {
		g, d := tiny(gan.Logits)
		c := tinyConfig(gan.Hinge{})
		c.Penalties = penalties
		_, err := gan.New(g, nn.Sequential(nn.Sequential(mixer{}), d), c)
		if penalties == nil {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, gan.ErrConfig)
		_, normErr := gan.New(g, nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1D(4), d), c)
		require.EqualError(t, normErr, err.Error())
		for _, part := range []string{penalties[0].Name(), "per sample", "mixes the samples of a batch", "group"} {
			require.ErrorContains(t, err, part)
		}
		// What mixes in the generator is nobody's business.
		_, err = gan.New(nn.Sequential(mixer{}, g), d, c)
		require.NoError(t, err)
	}
}
