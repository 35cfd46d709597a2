package gan_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// passOf is a discriminator's pass as a penalty gets it.
func passOf(critic func(*autograd.Var) *autograd.Var, real, fake *tensor.Tensor) *gan.Pass {
	p := &gan.Pass{Critic: critic, Rand: tensor.NewStream(1, "penalty")}
	p.Real.X, p.Fake.X = autograd.Leaf(real), autograd.Leaf(fake)
	p.Real.D, p.Fake.D = critic(p.Real.X), critic(p.Fake.X)
	return p
}

// A linear critic has the same slope everywhere, so that every penalty is known.
func TestPenaltiesOfALinearCritic(t *testing.T) {
	random := tensor.NewStream(1, "linear")
	real, fake := random.Normal(tensor.Float64, 4, 3), random.Normal(tensor.Float64, 4, 3)
	for _, w := range [][]float64{{0.3, -0.2, 0.1}, {3, -4, 12}, {0, 0, 0}} {
		square := w[0]*w[0] + w[1]*w[1] + w[2]*w[2]
		excess := math.Sqrt(square) - 1
		weight := autograd.Leaf(tensor.FromFloat64(w, 3, 1))
		for _, c := range []struct {
			gan.Penalty
			want float64
		}{
			{gan.R1{Gamma: 1}, square / 2},
			{gan.R2{Gamma: 1}, square / 2},
			{gan.GradientPenalty{Lambda: 1}, excess * excess},
			{gan.GradientPenalty{Lambda: 1, OneSided: true}, max(excess, 0) * max(excess, 0)},
		} {
			terms := c.Terms(passOf(func(x *autograd.Var) *autograd.Var { return autograd.MatMul(x, weight) }, real, fake))
			require.Equal(t, []int{4}, terms.Shape(), c.Name())
			for _, v := range terms.Value().Float64s() {
				require.InDelta(t, c.want, v, 1e-12*max(1, c.want), "%s of %v", c.Name(), w)
			}
			for _, g := range autograd.Grad(autograd.Mean(terms), []*autograd.Var{weight}, autograd.Opts{})[0].Value().Float64s() {
				require.False(t, math.IsNaN(g) || math.IsInf(g, 0), "%s of %v", c.Name(), w)
			}
		}
	}
}

// Derivatives by the critic's weights, which training goes by, against finite
// differences.
func TestPenaltyGradients(t *testing.T) {
	random := tensor.NewStream(2, "critic")
	real, fake := random.Normal(tensor.Float64, 4, 3), random.Normal(tensor.Float64, 4, 3)
	weights := []*tensor.Tensor{random.Normal(tensor.Float64, 3, 5), random.Normal(tensor.Float64, 5), random.Normal(tensor.Float64, 5, 1)}
	for _, p := range []gan.Penalty{
		gan.R1{Gamma: 1}, gan.R2{Gamma: 1}, gan.GradientPenalty{Lambda: 1}, gan.GradientPenalty{Lambda: 1, OneSided: true},
	} {
		require.NoError(t, autograd.Check(func(w []*autograd.Var) *autograd.Var {
			critic := func(x *autograd.Var) *autograd.Var {
				return autograd.MatMul(autograd.Tanh(autograd.Add(autograd.MatMul(x, w[0]), w[1])), w[2])
			}
			return p.Terms(passOf(critic, real, fake))
		}, weights, autograd.CheckOptions{Tolerance: 1e-6}), p.Name())
	}
}

// The trainer adds each penalty with the weight of the step, and the penalty
// pulls at the weights: with no slope in the objective, R1 alone shrinks them as
// its derivative says.
func TestPenaltyInTraining(t *testing.T) {
	d := nn.Linear(4, 1, nn.WeightInit(nn.Constant(0.5)), nn.BiasInit(nn.Constant(0)))
	g := nn.Linear(latentSize, 4)
	later := optim.ScheduleFunc(func(step int) float64 { return float64(step / 5) })
	trainer, err := gan.New(g, d, gan.Config{
		Latent: latentSize, Objective: indifferent{}, DType: tensor.Float64, Optimizer: optim.SGD{LR: 0.1},
		Penalties: []gan.Penalty{gan.R1{Gamma: 3, Schedule: optim.Linear{From: 1, To: 0, Steps: 3}}, gan.R2{Gamma: 1, Schedule: later}},
	})
	require.NoError(t, err)
	x := tensor.New(tensor.Float64, 5, 4)
	w := 0.5
	for step := range 5 {
		gamma := 3 * max(0, 1-float64(step)/3)
		losses, err := trainer.Step(gan.Batch{X: x})
		require.NoError(t, err)
		require.InDelta(t, gamma*4*w*w/2, losses.Penalty, 1e-12, "step %d", step)
		require.InDelta(t, losses.Penalty, losses.Discriminator(), 1e-12)
		w -= 0.1 * gamma * w
		require.InDelta(t, w, copies(d)[0].At(0, 3), 1e-12, "step %d", step)
	}
}

// A penalty that would do nothing, or something else than it says, is refused.
func TestPenaltiesThatAreNone(t *testing.T) {
	slope := func(create bool) func(*gan.Pass) *autograd.Var {
		return func(p *gan.Pass) *autograd.Var {
			return autograd.Square(autograd.Grad(autograd.Sum(p.Real.D), []*autograd.Var{p.Real.X}, autograd.Opts{CreateGraph: create})[0])
		}
	}
	over := func(f func(*gan.Pass) *autograd.Var, axes ...int) func(*gan.Pass) *autograd.Var {
		return func(p *gan.Pass) *autograd.Var { return autograd.Sum(f(p), axes...) }
	}
	for _, c := range []struct {
		terms func(*gan.Pass) *autograd.Var
		want  string // "" if nothing is wrong
	}{
		{over(slope(true), 1), ""},
		{func(p *gan.Pass) *autograd.Var { return autograd.Reshape(over(slope(true), 1)(p), -1, 1) }, ""},
		{over(slope(false), 1), "its terms depend on none of the discriminator's trained weights; take its gradients with autograd.Opts{CreateGraph: true}"},
		{over(slope(true)), "its terms are [] for 5 samples; return one for each sample"},
		{over(slope(true), 0), "its terms are [4] for 5 samples"},
		{slope(true), "its terms are [5 4] for 5 samples"},
		{func(*gan.Pass) *autograd.Var { return nil }, "its terms are nil"},
	} {
		for _, last := range []nn.Module{nn.Tanh(), nn.LeakyReLU(0.2)} {
			stepTells(t, last, gan.Config{Penalties: []gan.Penalty{written{c.terms}}}, "the penalty \"written down\": ", c.want)
		}
	}
}

// What is drawn for samples is drawn for each of them: of other numbers, the processes of a
// group would draw different ones.
func TestPassDrawsForEachSample(t *testing.T) {
	linear := func(x *autograd.Var) *autograd.Var { return autograd.Sum(x, 1) }
	p := passOf(linear, tensor.New(tensor.Float32, 5, 4), tensor.New(tensor.Float32, 5, 4))
	require.Equal(t, []int{5, 2}, p.Uniform(5, 2).Shape())
	require.Equal(t, []int{5}, p.Normal(5).Shape())
	require.EqualError(t, tensor.Catch(func() { p.Uniform() }), "Pass.Uniform of []: these are not numbers for each of 5 samples; give [5, …], and draw others from Pass.Rand")
	require.ErrorContains(t, tensor.Catch(func() { p.Normal(1, 4) }), "Pass.Normal of [1 4]: these are not numbers for each of 5 samples")
}

// A weight that only a later step has is refused by that step, which is undone.
func TestPenaltyOfAnImpossibleWeight(t *testing.T) {
	for what, w := range map[string]float64{"-0.5": -0.5, "NaN": math.NaN(), "+Inf": math.Inf(1)} {
		for _, last := range []nn.Module{nn.Tanh(), nn.LeakyReLU(0.2)} { // by differentiation, and without
			g, d := nn.Linear(latentSize, 4), nn.Sequential(nn.Linear(4, 4), last, nn.Linear(4, 1))
			late := optim.ScheduleFunc(func(step int) float64 { return []float64{1, w}[min(step, 1)] })
			trainer, err := gan.New(g, d, gan.Config{Latent: latentSize, Penalties: []gan.Penalty{gan.R2{Gamma: 1, Schedule: late}}})
			require.NoError(t, err)
			x := tensor.New(tensor.Float32, 5, 4)
			_, err = trainer.Step(gan.Batch{X: x})
			require.NoError(t, err)
			before := copies(d)
			_, err = trainer.Step(gan.Batch{X: x})
			var misuse tensor.Misuse
			require.ErrorAs(t, err, &misuse)
			require.ErrorContains(t, err, "gan: step 2: the penalty R2: its weight is now "+what+"; give a finite one, of 0 or more")
			require.Equal(t, 1, trainer.Steps())
			for i, v := range copies(d) {
				require.Equal(t, before[i].Float32s(), v.Float32s())
			}
		}
	}
}

// written is a penalty of a function.
type written struct {
	terms func(*gan.Pass) *autograd.Var
}

func (written) Name() string                      { return "written down" }
func (written) Weight(int) float64                { return 1 }
func (w written) Terms(p *gan.Pass) *autograd.Var { return w.terms(p) }

// indifferent is an objective without a slope.
type indifferent struct{ gan.Wasserstein }

func (indifferent) Discriminator(real, fake *autograd.Var) gan.Terms {
	return gan.Terms{Fake: autograd.Scale(fake, 0)}
}
