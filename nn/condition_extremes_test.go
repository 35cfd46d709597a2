package nn_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestExtremesOfLatestLayers: what layers make of numbers that are not finite, of
// none and of few samples, is as documented: a sample that is sound is not touched
// by another one's, gradients to second order are those of finite differences, and
// what does not fit is told with the layer's name, the shapes and a repair.
func TestExtremesOfLatestLayers(t *testing.T) {
	const n = 4
	type layer struct {
		m     nn.Module
		shape []int // of a sample
	}
	layers := map[string]layer{
		"concat":          {nn.ConcatCondition(3, 1.5), []int{2}},
		"concat tiny":     {nn.ConcatCondition(3, 1e-300), []int{2}},
		"concat huge":     {nn.ConcatCondition(3, -1e300), []int{2}},
		"concat planes":   {nn.ConcatCondition(3, 2), []int{2, 2, 3}},
		"embed":           {nn.EmbedCondition(nn.Linear(3, 2)), []int{2}},
		"embed planes":    {nn.EmbedCondition(nn.Linear(3, 2, nn.NoBias())), []int{1, 2, 2}},
		"embed spectral":  {nn.EmbedCondition(nn.SpectralNorm(nn.Linear(3, 2))), []int{2}},
		"projection":      {nn.Projection(nn.Linear(4, 1), nn.Linear(3, 4, nn.NoBias())), []int{4}},
		"projection norm": {nn.Projection(nn.SpectralNorm(nn.Linear(4, 1)), nn.SpectralNorm(nn.Linear(3, 4))), []int{4}},
		"augment":         {nn.DiffAugment(nn.Augmentations{Colour: true, Shift: .3, Cutout: .5}), []int{2, 4, 5}},
		"augment grey":    {nn.DiffAugment(nn.Augmentations{Colour: true, Shift: .9, Cutout: 1}), []int{1, 1, 1}},
		"enlarged":        {nn.Sequential(nn.UpsampleNearest(2), nn.Conv2D(2, 2, 3, nn.Padding(1)), nn.Sigmoid()), []int{2, 2, 3}},
		"enlarged tanh":   {nn.Sequential(nn.UpsampleNearest(3), nn.Conv2D(1, 2, 2), nn.Tanh()), []int{1, 1, 1}},
	}
	for name, l := range layers {
		nn.Init(l.m, 1, tensor.Float64, tensor.CPU())
		r := tensor.NewStream(5, name)
		key, _ := tensor.NewStream(9, name).State()
		pass := func(x, c *autograd.Var, train bool) *autograd.Var {
			return l.m.Forward(&nn.Ctx{Train: train, Track: true, Condition: c, Rand: tensor.StreamAt(key, 0)}, x)
		}
		batch := func(n int) []int { return append([]int{n}, l.shape...) }
		x, c := r.Normal(tensor.Float64, batch(n)...), r.Normal(tensor.Float64, n, 3)
		if name == "concat tiny" || name == "concat huge" { // at sizes whose products are neither
			c = tensor.New(tensor.Float64, n, 3)
		}
		augments := len(l.shape) == 3 && (name == "augment" || name == "augment grey")
		clean := pass(autograd.Const(x), autograd.Const(c), augments).Value()
		each := clean.Len() / n

		// None, one, and each sample as in the batch.
		empty := pass(autograd.Const(tensor.New(tensor.Float64, batch(0)...)), autograd.Const(tensor.New(tensor.Float64, 0, 3)), augments)
		require.Equal(t, append([]int{0}, clean.Shape()[1:]...), empty.Shape(), name)
		one := pass(autograd.Const(x.Slice(0, 0, 1)), autograd.Const(c.Slice(0, 0, 1)), augments).Value()
		require.InDeltaSlice(t, clean.Slice(0, 0, 1).Float64s(), one.Float64s(), 1e-14, name)

		// What is not finite, or very small, in one sample or its condition.
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 5e-324, 1e-310, 1e308} {
			for _, where := range []string{"sample", "condition"} {
				x, c := x.Clone(), c.Clone()
				if where == "sample" {
					x.Reshape(x.Len()).Set(bad, x.Len()/n)
				} else {
					c.Set(bad, 1, 2)
				}
				y := pass(autograd.Const(x), autograd.Const(c), augments).Value()
				got, want := y.Float64s(), clean.Float64s()
				for i := range got {
					if i/each != 1 {
						require.InDelta(t, want[i], got[i], 1e-14, "%s: sample %d of a %s with %g in sample 1", name, i/each, where, bad)
					}
				}
				if math.IsNaN(bad) && (where == "sample" || !augments && name[:4] != "enla") {
					require.Contains(t, nans(got[each:2*each]), true, "%s: a NaN of a %s is gone", name, where)
				}
			}
		}

		// Gradients by the input, the condition and all weights, to second order.
		cs := autograd.Leaf(c)
		leaf := autograd.Leaf(x)
		if name != "concat huge" { // whose derivatives are
			require.NoError(t, autograd.Check(func(in []*autograd.Var) *autograd.Var {
				return l.m.Forward(&nn.Ctx{Train: augments, Track: true, Condition: in[1], Rand: tensor.StreamAt(key, 0)}, in[0])
			}, []*tensor.Tensor{x, c}, autograd.CheckOptions{Tolerance: 1e-5}), name)
			if len(nn.Params(l.m)) > 0 {
				require.NoError(t, nn.CheckGrad(&nn.Ctx{Condition: cs}, l.m, leaf, autograd.CheckOptions{Tolerance: 1e-5}), name)
			}
		}

		// What does not fit.
		refused := func(f func(), what string) {
			err := tensor.Catch(f)
			require.Error(t, err, "%s: %s", name, what)
			var shape *tensor.ShapeError
			var dtype *tensor.DTypeError
			var state *nn.StateError
			switch {
			case errors.As(err, &shape):
				require.NotEmpty(t, shape.Op, what)
				require.NotEmpty(t, shape.Fix, what)
			case errors.As(err, &dtype):
				require.NotEmpty(t, dtype.Op, what)
				require.NotEmpty(t, dtype.Fix, what)
			default:
				require.ErrorAs(t, err, &state, "%s: %s", name, what)
			}
		}
		refused(func() { pass(autograd.Const(tensor.New(tensor.Float64)), cs, augments) }, "a number")
		refused(func() { pass(autograd.Const(tensor.New(tensor.Float64, n)), cs, augments) }, "a row")
		if !augments && name[:4] != "enla" {
			for _, shape := range [][]int{{n, 2}, {n, 4}, {n - 1, 3}, {n, 3, 1}, {3}, {}, {1, 3}, {n * 3}} {
				refused(func() { pass(leaf, autograd.Const(tensor.New(tensor.Float64, shape...)), false) }, "a condition of another shape")
			}
			refused(func() { pass(leaf, autograd.Const(tensor.New(tensor.Float32, n, 3)), false) }, "a condition of another type")
			refused(func() { pass(leaf, nil, false) }, "no condition")
		}
		if len(nn.Params(l.m)) > 0 {
			refused(func() { pass(autograd.Const(tensor.New(tensor.Float32, batch(n)...)), cs, augments) }, "an input of another type")
		}
	}
}

func nans(xs []float64) []bool {
	out := make([]bool, len(xs))
	for i, x := range xs {
		out[i] = math.IsNaN(x)
	}
	return out
}
