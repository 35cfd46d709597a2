package nn_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

var dtypes = map[tensor.DType]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-14}

// TestBCENearCertainty: the loss of a probability near 0 or 1 has its digits, in
// the value and in both derivatives.
func TestBCENearCertainty(t *testing.T) {
	for dt, tolerance := range dtypes {
		for _, v := range []float64{0.5, 0.1, 1e-3, 1e-6, 1e-8, 1e-15, 1e-30, 0} {
			rounded := tensor.FromFloat64([]float64{v}).Cast(dt)
			p, v := autograd.Leaf(rounded), rounded.Item()
			target := autograd.Leaf(tensor.New(dt, 1))
			loss := nn.BCELoss(p, target)
			require.InEpsilon(t, 1-math.Log1p(-v), 1+loss.Value().Item(), tolerance)
			if v > 0 {
				require.InEpsilon(t, -math.Log1p(-v), loss.Value().Item(), tolerance, "%v of %g", dt, v)
			}
			first := autograd.Grad(loss, []*autograd.Var{p, target}, autograd.Opts{CreateGraph: true})
			require.InDelta(t, math.Log1p(-v)-max(math.Log(v), -100), first[1].Value().Item(), tolerance*100, "%v of %g", dt, v)
			if v*(1-v) < 1e-12 {
				continue // the gradient by p is held there, as in PyTorch
			}
			require.InEpsilon(t, 1/(1-v), first[0].Value().Item(), tolerance, "%v of %g", dt, v)
			second := autograd.Grad(first[0], []*autograd.Var{p}, autograd.Opts{})[0]
			require.InEpsilon(t, 1/(1-v)/(1-v), second.Value().Item(), 2*tolerance, "%v of %g", dt, v)
		}
		one := autograd.Const(tensor.Full(dt, 1, 1))
		require.Equal(t, 100.0, nn.BCELoss(one, autograd.Const(tensor.New(dt, 1))).Value().Item())
		require.Zero(t, nn.BCELoss(one, one).Value().Item())
		for _, outside := range []float64{-0.5, 1.5, math.Inf(1), math.Inf(-1), math.NaN()} {
			p := autograd.Const(tensor.Full(dt, outside, 1))
			half := autograd.Const(tensor.Full(dt, 0.5, 1))
			require.True(t, math.IsNaN(nn.BCELoss(p, half).Value().Item()), "%g", outside)
		}
	}
}

// TestCrossEntropyOfLargeLogits: only the logits' differences count.
func TestCrossEntropyOfLargeLogits(t *testing.T) {
	for _, c := range []struct {
		dt                 tensor.DType
		logits             []float64
		loss, first, delta float64
	}{
		{tensor.Float32, []float64{1e8, 1e8}, math.Ln2, -0.5, 1e-7},
		{tensor.Float32, []float64{30, 16}, 8.3152837e-7, -8.31528e-7, 6e-8},
		{tensor.Float32, []float64{1e6, 1e6}, math.Ln2, -0.5, 1e-7},
		{tensor.Float64, []float64{1e15, 1e15 + 1}, math.Log1p(math.E), -math.E / (1 + math.E), 1e-15},
		{tensor.Float64, []float64{1e300, 1e300}, math.Ln2, -0.5, 1e-16},
	} {
		x := autograd.Leaf(tensor.FromFloat64(c.logits, 1, 2).Cast(c.dt))
		p := autograd.Const(tensor.FromFloat64([]float64{1, 0}, 1, 2).Cast(c.dt))
		for _, loss := range []*autograd.Var{nn.CrossEntropyLoss(x, []int{0}), nn.SoftCrossEntropyLoss(x, p)} {
			require.InDelta(t, c.loss, loss.Value().Item(), c.delta)
			g := autograd.Grad(loss, []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0]
			require.InDeltaSlice(t, []float64{c.first, -c.first}, g.Value().Float64s(), c.delta)
			gg := autograd.Grad(autograd.Sum(autograd.Slice(g, 1, 0, 1)), []*autograd.Var{x}, autograd.Opts{})[0]
			curvature := -c.first * (1 + c.first)
			require.InDeltaSlice(t, []float64{curvature, -curvature}, gg.Value().Float64s(), c.delta)
		}
	}
}

// TestActivationsAtInfinity: what the documentation says.
func TestActivationsAtInfinity(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for dt := range dtypes {
		for _, m := range []nn.Module{nn.SiLU(), nn.GELU(), nn.GELUTanh()} {
			x := autograd.Leaf(tensor.FromFloat64([]float64{nan, inf, -inf}).Cast(dt))
			y := m.Forward(nil, x)
			g := autograd.Grad(autograd.Sum(y), []*autograd.Var{x}, autograd.Opts{})[0].Value().Float64s()
			require.True(t, math.IsNaN(y.Value().At(0)) && y.Value().At(1) == inf && math.IsNaN(y.Value().At(2)), "%v", y.Value())
			if m == nn.GELU() {
				require.True(t, math.IsNaN(g[0]) && g[1] == 1 && g[2] == 0, "%v", g)
				continue
			}
			require.True(t, math.IsNaN(g[0]) && math.IsNaN(g[1]) && math.IsNaN(g[2]), "%v", g)
		}
	}
}

// TestTailsOfActivations: far below 0, values and first derivatives keep their digits
// relative to what they are.
func TestTailsOfActivations(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	density := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	below := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for name, c := range map[string]struct {
		m            nn.Module
		value, first func(x float64) float64
	}{
		"SiLU": {nn.SiLU(), func(x float64) float64 { return x * sigmoid(x) }, func(x float64) float64 { return sigmoid(x) * (1 + x*sigmoid(-x)) }},
		"GELU": {nn.GELU(), func(x float64) float64 { return x * below(x) }, func(x float64) float64 { return below(x) + x*density(x) }},
		"ELU":  {nn.ELU(1), func(x float64) float64 { return max(x, 0) + math.Expm1(min(x, 0)) }, math.Exp},
	} {
		for dt, tolerance := range dtypes {
			for _, v := range []float64{-12, -10, -8, -6, -5, -4, -2, -0.5, 0.5, 3} {
				x := autograd.Leaf(tensor.Full(dt, v, 1))
				y := c.m.Forward(nil, x)
				require.InEpsilon(t, c.value(v), y.Value().Item(), tolerance*max(4, v*v), "%s at %g, %v", name, v, dt)
				if c.first(v) == 0 || name == "ELU" && v > 0 {
					continue
				}
				g := autograd.Grad(y, []*autograd.Var{x}, autograd.Opts{})[0]
				require.InEpsilon(t, c.first(v), g.Value().Item(), tolerance*max(8, v*v), "the derivative of %s at %g, %v", name, v, dt)
			}
		}
	}
}
