package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

func TestRulesThatReturnNonsense(t *testing.T) {
	x := ag.Leaf(tensor.New(tensor.Float64, 2, 3))
	of := func(dt tensor.DType, shape ...int) *ag.Var { return ag.Const(tensor.New(dt, shape...)) }
	for _, c := range []struct {
		says string
		op   custom
	}{
		{"Odd: its rule returned 0 gradients for 1 inputs", custom{"Odd", first, returns()}},
		{"Odd: its rule returned 2 gradients for 1 inputs", custom{"Odd", first, returns(nil, nil)}},
		{"Odd: its rule returned a gradient of shape [3 2] for input 0 of shape [2 3]", custom{"Odd", first, returns(of(tensor.Float64, 3, 2))}},
		{"Odd: its rule returned a gradient of shape [3] for input 0 of shape [2 3]", custom{"Odd", first, returns(of(tensor.Float64, 3))}},
		{"Odd: its rule returned a float32 gradient for input 0, which is float64", custom{"Odd", first, returns(of(tensor.Float32, 2, 3))}},
	} {
		e := misuse[*ag.GradError](t, func() { grad(ag.Apply(c.op, x), x) })
		assert.Contains(t, e.Error(), c.says)
	}
	assert.Equal(t, make([]float64, 6), grad(ag.Apply(custom{"Flat", first, returns(nil)}, x), x), "nil is zero")
}

// A rule may leave broadcasting to the engine.
func TestBroadcastingIsUndone(t *testing.T) {
	add := custom{"Plus", sum2, func(_ *ag.Back, gy *ag.Var) []*ag.Var { return []*ag.Var{gy, gy} }}
	for _, shape := range [][]int{{}, {1}, {3}, {2, 1}, {1, 3}, {4, 2, 3}, {1, 1, 1}, {0, 1, 3}} {
		x, y := ag.Leaf(tensor.New(tensor.Float64, shape...)), ag.Leaf(tensor.New(tensor.Float64, 2, 3))
		z := ag.Apply(add, x, y)
		g := ag.Grad(ag.Sum(z), []*ag.Var{x, y}, ag.Opts{})
		require.Equal(t, shape, g[0].Shape())
		require.Equal(t, []int{2, 3}, g[1].Shape())
		for i, v := range []*ag.Var{x, y} {
			for _, got := range g[i].Value().Float64s() {
				assert.Equal(t, float64(z.Value().Len())/float64(v.Value().Len()), got)
			}
		}
	}
}

// More inputs than an operation usually has.
func TestManyInputs(t *testing.T) {
	var xs []*ag.Var
	for i := range 9 {
		xs = append(xs, vector(float64(i), 1))
	}
	y := ag.Sum(ag.Square(ag.Concat(0, xs...)))
	for i, g := range ag.Grad(y, xs, ag.Opts{}) {
		assert.Equal(t, []float64{2 * float64(i), 2}, g.Value().Float64s())
	}
}

func TestBackTellsAboutInputs(t *testing.T) {
	var shape []int
	var dims [2]int
	op := custom{"Spy", first, func(b *ag.Back, gy *ag.Var) []*ag.Var {
		shape, dims = b.Shape(0), [2]int{b.Dim(0, 0), b.Dim(0, -1)}
		assert.Same(t, b.In(0).Value(), b.Out().Value())
		assert.Equal(t, gy.Tracked() || b.In(0).Tracked(), b.Out().Tracked())
		return []*ag.Var{ag.Mul(gy, ag.Div(b.In(0), b.Out()))}
	}}
	x := ag.Leaf(tensor.Full(tensor.Float64, 1, 2, 3))
	y := ag.Apply(op, x)
	x.Value().Len()
	assert.Len(t, grad(y, x), 6)
	assert.Equal(t, []int{2, 3}, shape)
	assert.Equal(t, [2]int{2, 3}, dims)
	assert.True(t, recorded(y, x).Tracked(), "live inputs make a live gradient")
	assert.False(t, ag.Grad(ag.Sum(y), []*ag.Var{x}, ag.Opts{})[0].Tracked())
}
