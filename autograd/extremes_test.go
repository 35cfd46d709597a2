package autograd_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

var dtypes = map[tensor.DType]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-14}

// derivatives returns f, f′ and f″ of each element.
func derivatives(f func(x *autograd.Var) *autograd.Var, dt tensor.DType, at ...float64) [3][]float64 {
	x := autograd.Leaf(tensor.FromFloat64(at).Cast(dt))
	by := []*autograd.Var{x}
	y := f(x)
	first := autograd.Grad(autograd.Sum(y), by, autograd.Opts{CreateGraph: true})[0]
	second := autograd.Grad(autograd.Sum(first), by, autograd.Opts{})[0]
	return [3][]float64{y.Value().Float64s(), first.Value().Float64s(), second.Value().Float64s()}
}

// requireClose compares relative to each number wanted, however small it is.
func requireClose(t *testing.T, want, got []float64, tolerance float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i, w := range want {
		same := got[i] == w || math.IsNaN(got[i]) && math.IsNaN(w) || math.Abs(got[i]-w) <= tolerance*math.Abs(w) && !math.IsInf(w, 0)
		require.True(t, same, "%s, element %d: %g, want %g", what, i, got[i], w)
	}
}

// TestTails: far from 0 and near it, values and derivatives keep their digits
// relative to what they are, not to 1.
func TestTails(t *testing.T) {
	exp := func(x float64) float64 { return math.Exp(x) }
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for name, c := range map[string]struct {
		f    func(x *autograd.Var) *autograd.Var
		want [3]func(x float64) float64
		at   []float64
	}{
		"ELU": {func(x *autograd.Var) *autograd.Var { return autograd.ELU(x, 1) }, [3]func(x float64) float64{math.Expm1, exp, exp},
			[]float64{-80, -40, -20, -16, -8, -1, -1e-3, -1e-8, -1e-30}},
		"Softplus": {autograd.Softplus, [3]func(x float64) float64{func(x float64) float64 { return math.Log1p(math.Exp(x)) }, sigmoid,
			func(x float64) float64 { return sigmoid(x) * sigmoid(-x) }}, []float64{-80, -40, -20, -16, -8, -1, 0, 1, 8, 16, 20, 40, 80}},
		"Sigmoid": {autograd.Sigmoid, [3]func(x float64) float64{sigmoid, func(x float64) float64 { return sigmoid(x) * sigmoid(-x) },
			func(x float64) float64 { return sigmoid(x) * sigmoid(-x) * math.Tanh(-x/2) }}, []float64{-80, -40, -20, -16, -8, -1}},
	} {
		for dt, tolerance := range dtypes {
			var at []float64 // as the type holds it
			for _, x := range tensor.FromFloat64(c.at).Cast(dt).Float64s() {
				at = append(at, x)
			}
			for order, got := range derivatives(c.f, dt, at...) {
				want := make([]float64, len(at))
				for i, x := range at {
					want[i] = c.want[order](x)
				}
				requireClose(t, want, got, 4*tolerance, fmt.Sprintf("%s, %v, derivative %d", name, dt, order))
			}
		}
	}
}

// TestSoftmaxOfLargeLogits: only differences count, and their digits stay.
func TestSoftmaxOfLargeLogits(t *testing.T) {
	for _, c := range []struct {
		dt       tensor.DType
		x, delta []float64 // the same but for a shift
	}{
		{tensor.Float32, []float64{1e8, 1e8}, []float64{0, 0}},
		{tensor.Float32, []float64{1e6, 1e6 - 1, 1e6 - 2.5}, []float64{0, -1, -2.5}},
		{tensor.Float32, []float64{-1e8, -1e8 - 8, -1e30}, []float64{0, -8, math.Inf(-1)}},
		{tensor.Float32, []float64{30, 16}, []float64{0, -14}},
		{tensor.Float64, []float64{1e15, 1e15 + 1, 1e15 - 1}, []float64{0, 1, -1}},
		{tensor.Float64, []float64{1e300, 1e300, -1e300}, []float64{0, 0, math.Inf(-1)}},
	} {
		sum := 0.0
		for _, d := range c.delta {
			sum += math.Exp(d)
		}
		n := len(c.x)
		soft, logs, gradient, second := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i, d := range c.delta {
			soft[i], logs[i] = math.Exp(d)/sum, d-math.Log(sum)
			if d == math.Inf(-1) {
				logs[i] = c.x[i] - c.x[0]
			}
		}
		for i := range n { // of −LogSoftmax at 0, and of that gradient's first element
			gradient[i], second[i] = soft[i], -soft[0]*soft[i]
		}
		gradient[0], second[0] = -(sum-math.Exp(c.delta[0]))/sum, soft[0]*(1-soft[0])

		tolerance := 4 * dtypes[c.dt]
		x := autograd.Leaf(tensor.FromFloat64(c.x).Cast(c.dt))
		by := []*autograd.Var{x}
		requireClose(t, soft, autograd.Softmax(x, 0).Value().Float64s(), tolerance, fmt.Sprint("softmax of ", c.x))
		l := autograd.LogSoftmax(x, 0)
		first := func(v *autograd.Var) *autograd.Var { return autograd.Sum(autograd.Slice(v, 0, 0, 1)) }
		g := autograd.Grad(autograd.Neg(first(l)), by, autograd.Opts{CreateGraph: true})[0]
		gg := autograd.Grad(first(g), by, autograd.Opts{})[0]
		// What is near 0 comes of a rounded number near 1.
		near := func(want []float64, got *autograd.Var, what string) {
			for i, v := range got.Value().Float64s() {
				require.InDelta(t, want[i], v, tolerance*max(1, math.Abs(want[i])), "%s of %v, element %d", what, c.x, i)
			}
		}
		near(logs, l, "log-softmax")
		near(gradient, g, "gradient")
		near(second, gg, "second derivative")
	}
	loss := autograd.LogSoftmax(autograd.Const(tensor.FromFloat32([]float32{30, 16})), 0)
	require.InEpsilon(t, -8.315e-7, loss.Value().At(0), 0.05)
}

// TestGradientsOfNothing: what the documentation says of NaN and the infinities.
func TestGradientsOfNothing(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	scalar := func(x *autograd.Var, v float64) *autograd.Var {
		return autograd.Const(tensor.Scalar(x.Value().DType(), v))
	}
	at := []float64{nan, inf, -inf}
	for name, c := range map[string]struct {
		f           func(x *autograd.Var) *autograd.Var
		value, grad []float64
	}{
		"ReLU":      {autograd.ReLU, []float64{nan, inf, 0}, []float64{nan, 1, 0}},
		"LeakyReLU": {func(x *autograd.Var) *autograd.Var { return autograd.LeakyReLU(x, 0.25) }, []float64{nan, inf, -inf}, []float64{nan, 1, 0.25}},
		"ELU":       {func(x *autograd.Var) *autograd.Var { return autograd.ELU(x, 0.5) }, []float64{nan, inf, -0.5}, []float64{nan, 1, 0}},
		"Abs":       {autograd.Abs, []float64{nan, inf, inf}, []float64{nan, 1, -1}},
		"Clamp":     {func(x *autograd.Var) *autograd.Var { return autograd.Clamp(x, -1, 1) }, []float64{nan, 1, -1}, []float64{0, 0, 0}},
		"Max":       {func(x *autograd.Var) *autograd.Var { return autograd.Max(x, scalar(x, 0)) }, []float64{nan, inf, 0}, []float64{0, 1, 0}},
		"Min":       {func(x *autograd.Var) *autograd.Var { return autograd.Min(x, scalar(x, 0)) }, []float64{nan, 0, -inf}, []float64{0, 0, 1}},
		"MaxOver": {func(x *autograd.Var) *autograd.Var { return autograd.MaxOver(autograd.Reshape(x, 3, 1), 1) },
			[]float64{nan, inf, -inf}, []float64{nan, 1, 1}},
		"Sigmoid":  {autograd.Sigmoid, []float64{nan, 1, 0}, []float64{nan, 0, 0}},
		"Tanh":     {autograd.Tanh, []float64{nan, 1, -1}, []float64{nan, 0, 0}},
		"Softplus": {autograd.Softplus, []float64{nan, inf, 0}, []float64{nan, 1, 0}},
		// The other elements have gradients of NaN too.
		"LogSumExp":  {func(x *autograd.Var) *autograd.Var { return autograd.LogSumExp(x, 0) }, []float64{nan}, []float64{nan, nan, nan}},
		"LogSoftmax": {func(x *autograd.Var) *autograd.Var { return autograd.LogSoftmax(autograd.Reshape(x, 3, 1), 1) }, []float64{nan, nan, nan}, []float64{nan, nan, nan}},
	} {
		for dt := range dtypes {
			x := autograd.Leaf(tensor.FromFloat64(at).Cast(dt))
			y := c.f(x)
			g := autograd.Grad(autograd.Sum(y), []*autograd.Var{x}, autograd.Opts{})[0]
			requireClose(t, c.value, y.Value().Float64s(), 0, name)
			requireClose(t, c.grad, g.Value().Float64s(), 0, name+"'s gradient")
		}
	}
	// Rows of logits that are not finite.
	for _, c := range []struct{ x, lse, soft, logs, gradient []float64 }{
		{[]float64{-inf, -inf}, []float64{-inf}, []float64{nan, nan}, []float64{nan, nan}, []float64{nan, nan}},
		{[]float64{inf, 0}, []float64{inf}, []float64{nan, 0}, []float64{nan, -inf}, []float64{nan, 0}},
		{[]float64{-inf, 0}, []float64{0}, []float64{0, 1}, []float64{-inf, 0}, []float64{0, 1}},
	} {
		x := autograd.Leaf(tensor.FromFloat64(c.x))
		lse := autograd.LogSumExp(x, 0)
		requireClose(t, c.lse, lse.Value().Float64s(), 0, "LogSumExp")
		requireClose(t, c.gradient, autograd.Grad(lse, []*autograd.Var{x}, autograd.Opts{})[0].Value().Float64s(), 0, "LogSumExp's gradient")
		requireClose(t, c.soft, autograd.Softmax(x, 0).Value().Float64s(), 0, "Softmax")
		requireClose(t, c.logs, autograd.LogSoftmax(x, 0).Value().Float64s(), 0, "LogSoftmax")
		for _, f := range []func(x *autograd.Var, axis int) *autograd.Var{autograd.Softmax, autograd.LogSoftmax} {
			y := f(x, 0)
			seed := autograd.Const(tensor.FromFloat64([]float64{1, 2}))
			g := autograd.Grad(y, []*autograd.Var{x}, autograd.Opts{Seed: seed})[0].Value().At(0)
			require.Equal(t, math.IsNaN(c.gradient[0]), math.IsNaN(g))
		}
	}
}
