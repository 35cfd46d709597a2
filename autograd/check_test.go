package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// cube is x³ with the given rule.
func cube(rule func(b *ag.Back, gy *ag.Var) *ag.Var) func(xs []*ag.Var) *ag.Var {
	op := custom{"Cube",
		func(in []*tensor.Tensor) *tensor.Tensor { return tensor.PowScalar(in[0], 3) },
		func(b *ag.Back, gy *ag.Var) []*ag.Var { return []*ag.Var{rule(b, gy)} }}
	return func(xs []*ag.Var) *ag.Var { return ag.Apply(op, xs[0]) }
}

func TestCheck(t *testing.T) {
	at := []*tensor.Tensor{tensor.FromFloat64([]float64{0.5, -1, 2})}

	right := cube(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.Scale(ag.Mul(gy, ag.Square(b.In(0))), 3) })
	require.NoError(t, ag.Check(right, at, ag.CheckOptions{}))

	factor := cube(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.Scale(ag.Mul(gy, ag.Square(b.In(0))), 3.00001) })
	assert.ErrorContains(t, ag.Check(factor, at, ag.CheckOptions{}), "first derivative")

	// The value of 3x², but as a constant: right to first order only.
	frozen := cube(func(b *ag.Back, gy *ag.Var) *ag.Var {
		return ag.Scale(ag.Mul(gy, ag.Square(b.In(0)).Detach()), 3)
	})
	require.NoError(t, ag.Check(frozen, at, ag.CheckOptions{Order: 1}))
	assert.ErrorContains(t, ag.Check(frozen, at, ag.CheckOptions{}), "second derivative")

	// Half of it as a constant.
	half := cube(func(b *ag.Back, gy *ag.Var) *ag.Var {
		return ag.Scale(ag.Mul(gy, ag.Mul(b.In(0), b.In(0).Detach())), 3)
	})
	require.NoError(t, ag.Check(half, at, ag.CheckOptions{Order: 1}))
	assert.ErrorContains(t, ag.Check(half, at, ag.CheckOptions{}), "second derivative")

	// The incoming gradient as a constant.
	cut := cube(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.Scale(ag.Mul(gy.Detach(), ag.Square(b.In(0))), 3) })
	require.NoError(t, ag.Check(cut, at, ag.CheckOptions{Order: 1}))
	assert.ErrorContains(t, ag.Check(cut, at, ag.CheckOptions{}), "second derivative")

	// Not linear in the incoming gradient, which a second derivative shows.
	square := cube(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.Square(gy) })
	assert.Error(t, ag.Check(square, at, ag.CheckOptions{}))

	missing := cube(func(*ag.Back, *ag.Var) *ag.Var { return nil })
	assert.ErrorContains(t, ag.Check(missing, at, ag.CheckOptions{}), "first derivative")

	nan := func(xs []*ag.Var) *ag.Var { return ag.Log(xs[0]) }
	assert.Error(t, ag.Check(nan, at, ag.CheckOptions{}), "NaN is not near anything")
}

// Where a function bends much, the difference is coarse, which the error says; it does
// not of a wrong gradient, not even there.
func TestCheckStep(t *testing.T) {
	at := []*tensor.Tensor{tensor.FromFloat64([]float64{0.5, -1, 2})}
	wave := func(xs []*ag.Var) *ag.Var { return ag.Sin(ag.Scale(xs[0], 100)) }
	assert.ErrorContains(t, ag.Check(wave, at, ag.CheckOptions{}), "a smaller CheckOptions.Step will do")
	require.NoError(t, ag.Check(wave, at, ag.CheckOptions{Step: 1e-5}))

	wrong := cube(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.Scale(ag.Mul(gy, ag.Square(b.In(0))), 3.00001) })
	for _, f := range []func([]*ag.Var) *ag.Var{wrong, func(xs []*ag.Var) *ag.Var { return ag.Add(wave(xs), wrong(xs)) }} {
		err := ag.Check(f, at, ag.CheckOptions{Step: 1e-4})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "will do")
	}
}

func TestCheckOfSeveralInputs(t *testing.T) {
	r := tensor.NewStream(4, "test")
	at := []*tensor.Tensor{r.Normal(tensor.Float64, 2, 3), r.Normal(tensor.Float64, 3, 2)}
	product := func(second func(b *ag.Back, gy *ag.Var) *ag.Var) func(xs []*ag.Var) *ag.Var {
		op := custom{"Product",
			func(in []*tensor.Tensor) *tensor.Tensor { return tensor.MatMul(in[0], in[1]) },
			func(b *ag.Back, gy *ag.Var) []*ag.Var {
				return []*ag.Var{ag.MatMul(gy, ag.Transpose(b.In(1))), second(b, gy)}
			}}
		return func(xs []*ag.Var) *ag.Var { return ag.Apply(op, xs...) }
	}
	right := product(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.MatMul(ag.Transpose(b.In(0)), gy) })
	require.NoError(t, ag.Check(right, at, ag.CheckOptions{}))
	frozen := product(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.MatMul(ag.Transpose(b.In(0).Detach()), gy) })
	assert.ErrorContains(t, ag.Check(frozen, at, ag.CheckOptions{}), "second derivative")
}

func TestCheckOptions(t *testing.T) {
	at := []*tensor.Tensor{tensor.FromFloat64([]float64{0.5, -1})}
	slightly := cube(func(b *ag.Back, gy *ag.Var) *ag.Var { return ag.Scale(ag.Mul(gy, ag.Square(b.In(0))), 3.0003) })
	assert.Error(t, ag.Check(slightly, at, ag.CheckOptions{}))
	assert.NoError(t, ag.Check(slightly, at, ag.CheckOptions{Tolerance: 1e-2}))

	constant := func([]*ag.Var) *ag.Var { return ag.Const(tensor.Scalar(tensor.Float64, 1)) }
	assert.NoError(t, ag.Check(constant, at, ag.CheckOptions{}))
	nothing := func([]*ag.Var) *ag.Var { return constant(nil) }
	assert.ErrorContains(t, ag.Check(nothing, nil, ag.CheckOptions{}), "no inputs")

	f32 := []*tensor.Tensor{tensor.New(tensor.Float32, 2)}
	assert.ErrorContains(t, ag.Check(constant, f32, ag.CheckOptions{}), "input 0 is float32")
}
