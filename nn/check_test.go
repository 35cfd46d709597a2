package nn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// check compares the derivatives, to second order, by the input and all
// parameters with finite differences.
func check(t *testing.T, m nn.Module, seed uint64, input ...int) {
	t.Helper()
	nn.Init(m, seed, tensor.Float64)
	xs := []*tensor.Tensor{tensor.NewStream(seed, "input").Normal(tensor.Float64, input...)}
	for _, p := range nn.Params(m) {
		xs = append(xs, p.Param.Value())
	}
	f := func(vs []*autograd.Var) *autograd.Var {
		return m.Forward(&nn.Ctx{Weights: nn.With(m, vs[1:])}, vs[0])
	}
	require.NoError(t, autograd.Check(f, xs, autograd.CheckOptions{Seed: seed}))
}

var activations = map[string]nn.Module{
	"Tanh": nn.Tanh(), "ReLU": nn.ReLU(), "Sigmoid": nn.Sigmoid(), "Softplus": nn.Softplus(),
	"LeakyReLU": nn.LeakyReLU(0.2), "LeakyReLU0": nn.LeakyReLU(0), "LeakyReLU-": nn.LeakyReLU(-0.5),
}

// smooth returns a seed by which no element of what before makes of the input
// is so close to zero, where some activations have a kink, that finite
// differences would cross it.
func smooth(t *testing.T, before nn.Module, input ...int) uint64 {
	for seed := uint64(1); seed < 1000; seed++ {
		nn.Init(before, seed, tensor.Float64)
		x := autograd.Const(tensor.NewStream(seed, "input").Normal(tensor.Float64, input...))
		nearest := math.Inf(1)
		for _, v := range before.Forward(nil, x).Value().Float64s() {
			nearest = min(nearest, math.Abs(v))
		}
		if nearest > 0.1 {
			return seed
		}
	}
	t.Fatal("no such seed")
	return 0
}

func TestActivationDerivatives(t *testing.T) {
	for name, a := range activations {
		t.Run(name, func(t *testing.T) {
			check(t, a, smooth(t, nn.Sequential(), 2, 3), 2, 3)
			// In one pass with a linear layer, with and without bias.
			l := nn.Linear(3, 2)
			check(t, nn.Sequential(l, a), smooth(t, l, 3, 3), 3, 3)
			l = nn.Linear(3, 2, nn.NoBias())
			check(t, nn.Sequential(l, a), smooth(t, l, 3, 3), 3, 3)
			l = nn.Linear(3, 2)
			check(t, nn.Sequential(l, a), smooth(t, l, 2, 2, 3), 2, 2, 3)
		})
	}
}

func TestLayerDerivatives(t *testing.T) {
	check(t, nn.Linear(4, 3), 1, 5, 4)
	check(t, nn.Linear(4, 3, nn.NoBias()), 2, 5, 4)
	check(t, nn.Linear(4, 3), 3, 4)
	check(t, nn.Linear(4, 3), 4, 2, 3, 4)
	check(t, nn.Linear(1, 1), 5, 1, 1)
	check(t, nn.Flatten(), 6, 2, 3, 2)
	check(t, nn.Reshape(2, -1), 7, 3, 4)
	check(t, nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Reshape(2, 3), nn.Linear(3, 3), nn.Sigmoid(), nn.Flatten(),
		nn.Sequential(nn.Linear(6, 2), nn.Softplus())), 8, 3, 4)
	// A part that comes twice: its parameters collect both gradients.
	twice := nn.Linear(3, 3)
	check(t, nn.Sequential(twice, nn.Tanh(), twice), 9, 2, 3)
}

func TestLossDerivatives(t *testing.T) {
	s := tensor.NewStream(1, "losses")
	a, b := s.Normal(tensor.Float64, 3, 4), s.Normal(tensor.Float64, 3, 4)
	apart := tensor.Add(a, tensor.Add(tensor.Sign(b), b)) // |apart − a| ≥ 1
	p := tensor.Shift(tensor.Scale(s.Uniform(tensor.Float64, 3, 4), 0.8), 0.1)
	q := s.Uniform(tensor.Float64, 3, 4)
	two := func(f func(x, y *autograd.Var, r ...nn.Reduction) *autograd.Var) func(r nn.Reduction) func([]*autograd.Var) *autograd.Var {
		return func(r nn.Reduction) func([]*autograd.Var) *autograd.Var {
			return func(v []*autograd.Var) *autograd.Var { return f(v[0], v[1], r) }
		}
	}
	for name, c := range map[string]struct {
		f  func(r nn.Reduction) func([]*autograd.Var) *autograd.Var
		xs []*tensor.Tensor
	}{
		"BCE":              {two(nn.BCELoss), []*tensor.Tensor{p, q}},
		"BCEWithLogits":    {two(nn.BCEWithLogitsLoss), []*tensor.Tensor{a, q}},
		"MSE":              {two(nn.MSELoss), []*tensor.Tensor{a, b}},
		"L1":               {two(nn.L1Loss), []*tensor.Tensor{a, apart}},
		"SoftCrossEntropy": {two(nn.SoftCrossEntropyLoss), []*tensor.Tensor{a, q}},
		"CrossEntropy": {func(r nn.Reduction) func([]*autograd.Var) *autograd.Var {
			return func(v []*autograd.Var) *autograd.Var { return nn.CrossEntropyLoss(v[0], []int{3, 0, 3}, r) }
		}, []*tensor.Tensor{a}},
	} {
		for _, r := range []nn.Reduction{nn.ReduceMean, nn.ReduceSum, nn.ReduceNone} {
			t.Run(fmt.Sprint(name, r), func(t *testing.T) {
				require.NoError(t, autograd.Check(c.f(r), c.xs, autograd.CheckOptions{Tolerance: 1e-6, Step: 5e-4}))
			})
		}
	}
}

// TestFusedActivations: a linear layer that applies the activation itself does
// what the two do apart.
func TestFusedActivations(t *testing.T) {
	for name, a := range activations {
		for _, shape := range [][]int{{5, 7}, {7}, {2, 3, 7}, {0, 7}} {
			l := nn.Linear(7, 33)
			fused, apart := nn.Sequential(l, a), nn.Sequential(l, nn.Sequential(a))
			nn.Init(l, 3, tensor.Float64)
			x := tensor.NewStream(3, "input").Normal(tensor.Float64, shape...)
			var values, slopes [2][]float64
			for i, m := range []nn.Module{fused, apart} {
				in := autograd.Leaf(x)
				leaves := []*autograd.Var{in}
				for _, p := range nn.Params(m) {
					leaves = append(leaves, p.Param.Leaf())
				}
				y := m.Forward(&nn.Ctx{Track: true}, in)
				values[i] = y.Value().Float64s()
				for _, g := range autograd.Grad(autograd.Sum(autograd.Square(y)), leaves, autograd.Opts{}) {
					slopes[i] = append(slopes[i], g.Value().Float64s()...)
				}
			}
			require.InDeltaSlice(t, values[1], values[0], 1e-14, "%s %v", name, shape)
			require.InDeltaSlice(t, slopes[1], slopes[0], 1e-12, "%s %v", name, shape)
		}
	}
}

// TestEmptyBatch: no samples in, no samples out, and gradients of zero.
func TestEmptyBatch(t *testing.T) {
	m := nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Reshape(2, -1), nn.Flatten(), nn.Linear(4, 1), nn.Softplus())
	nn.Init(m, 1, tensor.Float32)
	y := m.Forward(&nn.Ctx{Track: true}, autograd.Const(tensor.New(tensor.Float32, 0, 2, 3)))
	require.Equal(t, []int{0, 1}, y.Shape())
	for _, p := range nn.Params(m) {
		g := autograd.Grad(autograd.Sum(y), []*autograd.Var{p.Param.Leaf()}, autograd.Opts{})[0]
		require.Equal(t, make([]float64, g.Value().Len()), g.Value().Float64s())
	}
}
