package gan

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// family is a critic made of one kind of layer, for samples of a shape.
type family struct {
	critic nn.Module
	shape  []int
	exact  bool // it is linear between kinks
}

func families() map[string]family {
	picture := []int{1, 4, 4}
	steep := nn.WeightInit(nn.HeNormal(1.5))
	last := func(std float64) nn.LinearOption { return nn.WeightInit(nn.Normal(std)) } // for slopes above 1
	mlp := func(activation nn.Module, std float64) nn.Module {
		return nn.Sequential(nn.Flatten(), nn.Linear(16, 6, steep), activation,
			nn.Sequential(nn.Linear(6, 5, steep), activation), nn.Linear(5, 1, last(std)))
	}
	small := nn.BiasInit(nn.Normal(0.3))
	conv := func(activation nn.Module, std float64) nn.Module {
		return nn.Sequential(
			nn.Conv2D(1, 4, 3, nn.Padding(1), steep, small), activation,
			nn.Conv2D(4, 4, 3, nn.Padding(1), nn.Stride(2, 1), nn.Groups(2), steep, small), activation,
			nn.Conv2D(4, 2, 2, nn.Dilation(1, 2), steep, small), activation,
			nn.Flatten(), nn.Linear(4, 1, last(std)))
	}
	// between puts parts between two convolutions.
	between := func(std float64, parts ...nn.Module) nn.Module {
		parts = append([]nn.Module{nn.Conv2D(1, 4, 3, nn.Padding(1), steep, small)}, parts...)
		return nn.Sequential(append(parts, nn.Conv2D(4, 2, 2, nn.Stride(2), steep, small), nn.LeakyReLU(0.2),
			nn.AdaptiveAvgPool2D(1, 1), nn.Flatten(), nn.Linear(2, 1, last(std)))...)
	}
	// normal does enough iterations for the derivative of the power method's
	// vectors, which gradients leave out, to vanish.
	normal := func(layer nn.Module) nn.Module { return nn.SpectralNorm(layer, nn.PowerIterations(60)) }
	waves := nn.FourierFeatures([][]float64{{0.2, -0.1, 0.3}, {0.1, 0.4, -0.2}})
	return map[string]family{
		"leaky":             {mlp(nn.LeakyReLU(0.2), 2), picture, true},
		"relu":              {mlp(nn.ReLU(), 2), picture, true},
		"tanh":              {mlp(nn.Tanh(), 2), picture, false},
		"softplus":          {mlp(nn.Softplus(), 2), picture, false},
		"sigmoid":           {mlp(nn.Sigmoid(), 20), picture, false},
		"convolution/leaky": {conv(nn.LeakyReLU(0.2), 4), picture, true},
		"convolution/tanh":  {conv(nn.Tanh(), 4), picture, false},
		"pooling/average":   {between(20, nn.LeakyReLU(0.2), nn.AvgPool2D(2)), picture, true},
		"pooling/max":       {between(20, nn.LeakyReLU(0.2), nn.MaxPool2D(2)), picture, false},
		"transposed":        {between(4, nn.ReLU(), nn.ConvTranspose2D(4, 4, 2, nn.Stride(2), steep, small)), picture, true},
		"resampling":        {between(20, nn.ReLU(), nn.UpsampleBilinear(2), nn.UpsampleNearest(2)), picture, true},
		"norm/group":        {between(20, nn.GroupNorm(2, 4), nn.SiLU()), picture, false},
		"norm/instance":     {between(20, nn.InstanceNorm2D(4), nn.ELU(1)), picture, false},
		"norm/layer":        {between(20, nn.LayerNorm([]int{4, 4, 4}), nn.GELU()), picture, false},
		"spectral":          {nn.Sequential(nn.Flatten(), normal(nn.Linear(16, 6, steep)), nn.LeakyReLU(0.2), normal(nn.Linear(6, 5, steep)), nn.Linear(5, 1, last(8))), picture, false},
		"spectral/convolution": {nn.Sequential(normal(nn.Conv2D(1, 3, 3, nn.Padding(1), steep, small)), nn.Tanh(),
			normal(nn.ConvTranspose2D(3, 2, 2, nn.Stride(2), steep, small)), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1, last(8))), picture, false},
		"waves": {nn.Sequential(waves, nn.Linear(7, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1, last(2))), []int{3}, true},
		"condition/beside": {nn.Sequential(nn.Flatten(), nn.ConcatCondition(3, 0.7), nn.Linear(19, 6, steep), nn.LeakyReLU(0.2), nn.ConcatCondition(3, 1),
			nn.Linear(9, 5, steep), nn.ReLU(), nn.Linear(5, 1, last(2))), picture, true},
		"condition/planes": {nn.Sequential(nn.ConcatCondition(3, 2), nn.Conv2D(4, 3, 3, nn.Padding(1), steep, small), nn.LeakyReLU(0.2), nn.EmbedCondition(nn.Linear(3, 2)),
			nn.Conv2D(5, 2, 2, nn.Stride(2), steep, small), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8, 1, last(4))), picture, true},
		"condition/embedded": {nn.Sequential(nn.Flatten(), nn.EmbedCondition(nn.Linear(3, 4, nn.NoBias())), nn.Linear(20, 6, steep), nn.Tanh(), nn.Linear(6, 1, last(4))), picture, false},
		"condition/projection": {nn.Sequential(nn.Flatten(), nn.Linear(16, 6, steep), nn.LeakyReLU(0.2), nn.Linear(6, 5, steep), nn.LeakyReLU(0.2),
			nn.Projection(nn.Linear(5, 1, last(2)), nn.Linear(3, 5, nn.NoBias(), last(1)))), picture, true},
		"condition/projection/softplus": {nn.Sequential(nn.Flatten(), nn.Linear(16, 6, steep), nn.Softplus(), nn.Linear(6, 5, steep), nn.Softplus(),
			nn.Projection(nn.Linear(5, 1, last(2)), nn.Linear(3, 5, last(1)))), picture, false},
		"condition/spectral": {nn.Sequential(nn.Flatten(), nn.EmbedCondition(normal(nn.Linear(3, 4))), nn.Linear(20, 6, steep), nn.LeakyReLU(0.2),
			nn.Projection(normal(nn.Linear(6, 1)), normal(nn.Linear(3, 6)))), picture, false},
		"waves/inside": {nn.Sequential(nn.Linear(3, 3), waves, nn.Tanh(), nn.Linear(7, 1, last(2))), []int{3}, false},
	}
}

// TestCriticGradients holds the gradient of the critic's whole loss by its
// weights, second derivatives included, to finite differences: every objective
// with every penalty on every kind of layer, on the trainer's own paths.
func TestCriticGradients(t *testing.T) {
	objectives := append([]Objective{Classic{}}, OnLogits...)
	if testing.Short() {
		objectives = []Objective{Classic{}, Hinge{}, RelativisticAverage{}}
	}
	twoSided, oneSided := GradientPenalty{Lambda: 1.5}, GradientPenalty{Lambda: 2.5, OneSided: true}
	penalties := [][]Penalty{
		nil, {R1{Gamma: 0.7}}, {R2{Gamma: 1.3}}, {twoSided}, {oneSided},
		{R1{Gamma: 0.7}, R2{Gamma: 1.3}}, {R1{Gamma: 0.7}, twoSided}, {oneSided, R2{Gamma: 1.3}, R1{Gamma: 0.7}},
	}
	for name, f := range families() {
		for _, o := range objectives {
			critic := f.critic
			if o.Output() == Probabilities {
				critic = nn.Sequential(critic, nn.Linear(1, 1, nn.WeightInit(nn.Constant(0.1))), nn.Sigmoid()) // not too sure of itself
			}
			nn.Init(critic, 1, tensor.Float64, tensor.CPU())
			random := tensor.NewStream(2, "samples")
			shape := append([]int{4}, f.shape...)
			real, fake := random.Normal(tensor.Float64, shape...), random.Normal(tensor.Float64, shape...)
			for i, ps := range penalties {
				t.Run(fmt.Sprintf("%s/%s/%d", name, o.Name(), i), func(t *testing.T) {
					g := criticGame(t, critic, o, ps, f.shape...)
					slopesOnly := i == 1 || i == 2 || i == 5
					require.Equal(t, f.exact && o.Output() == Logits && slopesOnly, isExact(g))
					for path, err := range gradientErrors(t, g, real, fake) {
						require.LessOrEqual(t, err, 1e-7, path)
					}
				})
			}
		}
	}
}

func isExact(g *game) bool {
	_, ok := g.strategy.(*exact)
	return ok
}

// gradientErrors returns, for each strategy, the deviation of the
// gradient from the finite difference along a random direction, relative to the
// largest of the difference, the loss and 1. All draw the same random numbers.
func gradientErrors(t *testing.T, g *game, real, fake *tensor.Tensor) map[string]float64 {
	const h = 1e-6 // small, so that kinks are seldom met
	start, condition := *g.random, someCondition(g, real.Dim(0))
	weights := flat(autograd.Values(g.dLeaves))
	loss := func(w []float64) float64 {
		setFlat(g.discriminator, w)
		*g.random = start
		r := result{d: general{}.gradients(g, real, fake, condition)}
		r.d.read(&r.losses)
		return r.losses.Discriminator()
	}
	got := eachPath(t, g, real, fake)
	if len(g.penalties) > 0 && g.objective.Output() == Logits {
		require.NotZero(t, got["general"].losses.Penalty)
	}
	out := map[string]float64{}
	direction := tensor.NewStream(3, "direction").Normal(tensor.Float64, len(weights)).Float64s()
	at := func(k float64) float64 {
		moved := make([]float64, len(weights))
		for i, w := range weights {
			moved[i] = w + k*h*direction[i]
		}
		return loss(moved)
	}
	want := (at(1) - at(-1)) / (2 * h)
	size := max(1, math.Abs(want), got["general"].losses.Discriminator()) // the larger, the more is rounded off
	for path, r := range got {
		along := 0.0
		for i, slope := range flat(r.d.grads) {
			along += slope * direction[i]
		}
		out[path] = math.Abs(along-want) / size
	}
	setFlat(g.discriminator, weights)
	return out
}

// Taking R2 away takes R2's own gradient away and nothing else, which the
// penalty alone tells, without any objective.
func TestR2IsAPartOfTheGradient(t *testing.T) {
	for name, f := range families() {
		for _, o := range []Objective{NonSaturating{}, Relativistic{}} {
			r1, r2 := R1{Gamma: 0.7}, R2{Gamma: 1.3}
			nn.Init(f.critic, 1, tensor.Float64, tensor.CPU())
			random := tensor.NewStream(2, "samples")
			shape := append([]int{4}, f.shape...)
			real, fake := random.Normal(tensor.Float64, shape...), random.Normal(tensor.Float64, shape...)
			both := criticGame(t, f.critic, o, []Penalty{r1, r2}, f.shape...)
			alone := general{}.pass(both, real, fake, someCondition(both, 4))
			part := flat(autograd.Values(autograd.Grad(autograd.Scale(autograd.Mean(r2.Terms(alone)), 1.3), both.dLeaves, autograd.Opts{})))
			with := eachPath(t, both, real, fake)
			for path, without := range eachPath(t, criticGame(t, f.critic, o, []Penalty{r1}, f.shape...), real, fake) {
				rest := flat(without.d.grads)
				for i, g := range flat(with[path].d.grads) {
					require.InDelta(t, part[i], g-rest[i], 1e-14*max(1, math.Abs(g)), "%s, %s, %s", name, o.Name(), path)
				}
				require.Greater(t, norm2(part), 1e-3*norm2(rest), name)
			}
		}
	}
}

func norm2(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}

// Frozen layers have no gradient, and leave the others' as it is.
func TestPenaltiesOfFrozenLayers(t *testing.T) {
	random := tensor.NewStream(2, "samples")
	real, fake := random.Normal(tensor.Float64, 4, 5), random.Normal(tensor.Float64, 4, 5)
	critic := nn.Sequential(nn.Linear(5, 4), nn.LeakyReLU(0.2), nn.Linear(4, 3), nn.LeakyReLU(0.2), nn.Linear(3, 1))
	nn.Init(critic, 1, tensor.Float64, tensor.CPU())
	penalties := []Penalty{R1{Gamma: 0.7}, R2{Gamma: 1.3}}
	want := eachPath(t, criticGame(t, critic, Hinge{}, penalties, 5), real, fake)["general"].d.grads
	nn.Freeze(critic.(nn.Parent).Children()[2].Module, true)
	got := eachPath(t, criticGame(t, critic, Hinge{}, penalties, 5), real, fake)
	require.Len(t, got, 2)
	for path, r := range got {
		close12(t, flat(append(want[:2:2], want[4:]...)), flat(r.d.grads), path)
	}
}

// A sample at which the critic is flat has a penalty of 1, a gradient of zero,
// and no part in what the others get: the norm's derivative, 0/0, goes nowhere.
func TestGradientPenaltyWhereTheCriticIsFlat(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		// A ReLU that is off at the last sample.
		x := tensor.FromFloat64([]float64{1, 2, 2, 1, 3, 1, -1, -2}, 4, 2).Cast(dt)
		weights := []*autograd.Var{
			autograd.Leaf(tensor.FromFloat64([]float64{1, 0.5, 0.25, 2}, 2, 2).Cast(dt)),
			autograd.Leaf(tensor.FromFloat64([]float64{1, 1}, 2, 1).Cast(dt)),
		}
		critic := func(x *autograd.Var) *autograd.Var {
			return autograd.MatMul(autograd.ReLU(autograd.MatMul(x, weights[0])), weights[1])
		}
		for _, oneSided := range []bool{false, true} {
			penalty := GradientPenalty{Lambda: 1, OneSided: oneSided}
			terms := func(n int) *autograd.Var {
				part := autograd.Const(x.Slice(0, 0, n))
				return penalty.at(&Pass{Real: Samples{X: part}, Fake: Samples{X: part}, Critic: critic}, tensor.Full(dt, 0.5, n, 1))
			}
			all, lively := terms(4), terms(3)
			flatOne := 1.0
			if oneSided {
				flatOne = 0
			}
			require.Equal(t, append(lively.Value().Float64s(), flatOne), all.Value().Float64s())
			grads := autograd.Grad(autograd.Sum(all), weights, autograd.Opts{})
			for i, want := range autograd.Grad(autograd.Sum(lively), weights, autograd.Opts{}) {
				require.InDeltaSlice(t, want.Value().Float64s(), grads[i].Value().Float64s(), 1e-6)
				require.NotZero(t, norm2(grads[i].Value().Float64s()))
			}
		}
		// A critic that starts from nothing at all, in the trainer.
		zero := nn.WeightInit(nn.Constant(0))
		d := nn.Sequential(nn.Linear(2, 3, zero), nn.Tanh(), nn.Linear(3, 1, zero))
		tr, err := New(nn.Linear(1, 2), d, Config{Latent: 1, Objective: Wasserstein{}, Penalties: []Penalty{GradientPenalty{Lambda: 10}}, DType: dt})
		require.NoError(t, err)
		for range 5 {
			losses, err := tr.Step(Batch{X: x})
			require.NoError(t, err)
			require.InDelta(t, 10, losses.Penalty, 1)
		}
		for _, p := range nn.Params(d) {
			for _, w := range p.Param.Value().Float64s() {
				require.False(t, math.IsNaN(w) || math.IsInf(w, 0), p.Name)
			}
		}
	}
}

// Samples may be single numbers, without an axis of features: each still has a
// slope of its own.
func TestPenaltiesOfSingleNumbers(t *testing.T) {
	real, fake := tensor.FromFloat64([]float64{1, 2, 3}, 3), tensor.FromFloat64([]float64{-1, 0, 5}, 3)
	critic := func(x *autograd.Var) *autograd.Var { // slope x
		return autograd.Reshape(autograd.Scale(autograd.Square(x), 0.5), 3, 1)
	}
	p := &Pass{Critic: critic, Rand: tensor.NewStream(1, "penalty")}
	p.Real.X, p.Fake.X = autograd.Leaf(real), autograd.Leaf(fake)
	p.Real.D, p.Fake.D = critic(p.Real.X), critic(p.Fake.X)
	require.Equal(t, []float64{0.5, 2, 4.5}, R1{}.Terms(p).Value().Float64s())
	require.Equal(t, []float64{0.5, 0, 12.5}, R2{}.Terms(p).Value().Float64s())
	require.Equal(t, []float64{1, 0, 9}, GradientPenalty{}.at(p, tensor.FromFloat64([]float64{0.5, 0.5, 0.5}, 3)).Value().Float64s())
	require.Equal(t, []int{3}, GradientPenalty{}.Terms(p).Shape())

	// The exact path, too: a slope of 2 everywhere.
	d := nn.Sequential(nn.Flatten(), nn.Linear(1, 1, nn.WeightInit(nn.Constant(2))))
	g := criticGame(t, d, Hinge{}, []Penalty{R1{Gamma: 3}, R2{Gamma: 5}})
	for path, r := range eachPath(t, g, real, fake) {
		require.Equal(t, 3*2.+5*2., r.losses.Penalty, path)
	}
	require.True(t, isExact(g))
}
