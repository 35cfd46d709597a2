package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestFlattenBesideCondition: Flatten and ConcatCondition give the same bits as one
// operation and as two: values, gradients to the second order, and what is pushed and
// pulled through them, of rows and of images in either memory order, with a scope and
// without.
func TestFlattenBesideCondition(t *testing.T) {
	const k = 3
	r := tensor.NewStream(1, "input")
	condition := nn.ConcatCondition(k, 1.5)
	one, two := nn.Sequential(nn.Flatten(), condition), nn.Sequential(apart{nn.Flatten()}, condition)
	layers, ok := nn.PiecewiseLayers(one)
	require.True(t, ok)
	require.Len(t, layers, 1)
	for _, shape := range [][]int{{4, 5, 2, 3}, {1, 5, 2, 3}, {4, 1, 3, 1}, {4, 6, 1, 1}, {2, 7}, {3, 2, 2}, {0, 2, 2, 2}} {
		for _, last := range []bool{false, true} {
			for _, scope := range []*tensor.Scope{nil, tensor.NewScope()} {
				given := r.Normal(tensor.Float32, shape...)
				if last && len(shape) == 4 {
					given = r.Normal(tensor.Float32, shape[0], shape[2], shape[3], shape[1]).Permute(0, 3, 1, 2)
				}
				c := r.Normal(tensor.Float32, shape[0], k)
				if scope != nil {
					given, c = scope.Adopt(given), scope.Adopt(c)
				}
				x, conditions := autograd.Leaf(given), autograd.Leaf(c)
				ctx := &nn.Ctx{Track: true, Condition: conditions}
				var values [2][]*tensor.Tensor
				for i, m := range []nn.Module{one, two} {
					y := m.Forward(ctx, x)
					values[i] = append(values[i], y.Value())
					in := []*autograd.Var{x, conditions}
					first := autograd.Grad(autograd.Sum(autograd.Mul(autograd.Square(y), y)), in, autograd.Opts{CreateGraph: true})
					second := autograd.Grad(autograd.Add(autograd.Sum(autograd.Square(first[0])), autograd.Sum(autograd.Square(first[1]))), in, autograd.Opts{})
					for _, g := range append(first, second...) {
						values[i] = append(values[i], g.Value())
					}
				}
				features := values[0][0].Dim(1) - k
				y, g := values[0][0], r.Normal(tensor.Float32, shape[0], features+k)
				values[0] = append(values[0], layers[0].Push(y, given), layers[0].Pull(given, y, g))
				values[1] = append(values[1], tensor.Pad(given.Reshape(shape[0], features), 1, 0, 1, features+k), g.Slice(1, 0, features).Reshape(shape...))
				for i, want := range values[1] {
					require.Equal(t, want.Shape(), values[0][i].Shape())
					require.Equal(t, want.Float32s(), values[0][i].Float32s(), "%v, value %d", shape, i)
				}
				if scope != nil {
					require.Same(t, scope, values[0][0].Scope())
				}
			}
		}
	}
	out, err := layers[0].(nn.Shaper).OutShape([]int{4, 5, 2, 3})
	require.NoError(t, err)
	require.Equal(t, []int{4, 33}, out)

	// Refused as the two are.
	x := autograd.Const(tensor.New(tensor.Float32, 2, 1, 2, 2))
	for _, c := range []*autograd.Var{
		nil, autograd.Const(tensor.New(tensor.Float32, 1, k)), autograd.Const(tensor.New(tensor.Float64, 2, k)),
		autograd.Const(tensor.NewScope().Adopt(tensor.New(tensor.Float64, 2, k))),
	} {
		ctx := &nn.Ctx{Condition: c}
		want := tensor.Catch(func() { two.Forward(ctx, x) })
		require.Error(t, want)
		require.EqualError(t, tensor.Catch(func() { one.Forward(ctx, x) }), want.Error())
	}
}
