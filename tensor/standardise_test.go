package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// Axes that are the last are done in one pass on the CPU, others by composition;
// both are the formulas.
func TestStandardise(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.NewStream(1, "x").Normal(dt, 3, 4, 5)
		gy := tensor.NewStream(1, "gy").Normal(dt, 3, 4, 5)
		for _, axes := range [][]int{{2}, {-1, 1}, {0, 1, 2}, {0}, {1}, {0, 2}, {}} {
			size := 1.0
			kept := []int{3, 4, 5}
			for _, a := range axes {
				a = (a + 3) % 3
				size *= float64(kept[a])
				kept[a] = 1
			}
			mean := func(x *tensor.Tensor) *tensor.Tensor {
				if len(axes) == 0 {
					return x
				}
				return tensor.Scale(tensor.Sum(x, axes...), 1/size).Reshape(kept...)
			}
			s := tensor.InverseDeviation(x, 0.5, axes...)
			centred := tensor.Sub(x, mean(x))
			near(t, dt, tensor.Reciprocal(tensor.Sqrt(tensor.Shift(mean(tensor.Square(centred)), 0.5))).Float64s(), s.Float64s(), axes)
			require.Equal(t, kept, s.Shape())
			y := tensor.Standardise(x, s, axes...)
			near(t, dt, tensor.Mul(centred, s).Float64s(), y.Float64s(), axes)
			g := tensor.StandardiseGrad(gy, y, s, axes...)
			want := tensor.Mul(tensor.Sub(tensor.Sub(gy, mean(gy)), tensor.Mul(y, mean(tensor.Mul(gy, y)))), s)
			near(t, dt, want.Float64s(), g.Float64s(), axes)

			// Views of any order are as good.
			turned := x.Permute(2, 0, 1).Contiguous().Permute(1, 2, 0)
			near(t, dt, s.Float64s(), tensor.InverseDeviation(turned, 0.5, axes...).Float64s(), axes)
			near(t, dt, y.Float64s(), tensor.Standardise(turned, s, axes...).Float64s(), axes)
		}
		require.True(t, math.IsNaN(tensor.InverseDeviation(tensor.New(dt, 2, 0), 1, 1).At(1, 0)))
		require.Empty(t, tensor.Standardise(tensor.New(dt, 2, 0), tensor.New(dt, 2, 1), 1).Float64s())
	}
}

// Numbers that are nearly equal keep their digits, whichever way it is done.
func TestStandardiseNearlyEqual(t *testing.T) {
	for _, c := range []struct {
		dt   tensor.DType
		mean float64
	}{{tensor.Float32, 3e6}, {tensor.Float32, 1 << 22}, {tensor.Float64, 3e14}} {
		// 0, 0, 0, 1 and so on beyond a large number: mean ¼, variance 3/16.
		x := tensor.Map(tensor.New(c.dt, 2, 400), func(float64) float64 { return c.mean })
		for k := 3; k < 400; k += 4 {
			for i := range 2 {
				x.Set(c.mean+1, i, k)
			}
		}
		for _, turned := range []bool{false, true} {
			x, axis := x, 1
			if turned {
				x, axis = x.T().Contiguous(), 0
			}
			s := tensor.InverseDeviation(x, 0, axis)
			require.InDelta(t, 4/math.Sqrt(3), s.Float64s()[0], 1e-6, "%v", turned)
			y := tensor.Standardise(x, s, axis)
			if turned {
				y = y.T()
			}
			require.InDelta(t, math.Sqrt(3), y.At(1, 399), 1e-6, "%v", turned)
			require.InDelta(t, -1/math.Sqrt(3), y.At(1, 398), 1e-6, "%v", turned)
		}
	}
}

// Numbers whose squares are beyond their type are brought to deviation 1 all the same.
func TestStandardiseLarge(t *testing.T) {
	for dt, scales := range map[tensor.DType][]float64{tensor.Float32: {1, 1e20, 1e37}, tensor.Float64: {1, 1e160, 1e300}} {
		for _, scale := range scales {
			x := tensor.Scale(tensor.FromFloat64([]float64{1, -1, 3, 1, -1, 1, 1, -1}, 2, 4).Cast(dt), scale)
			s := tensor.InverseDeviation(x, 1e-5, 1)
			require.InDeltaSlice(t, []float64{0, -math.Sqrt2, math.Sqrt2, 0, -1, 1, 1, -1}, tensor.Standardise(x, s, 1).Float64s(), 2e-5, "%v, %g", dt, scale)
		}
		for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
			x := tensor.FromFloat64([]float64{1, v, 2}, 1, 3).Cast(dt)
			require.True(t, math.IsNaN(tensor.InverseDeviation(x, 1e-5, 1).At(0, 0)))
		}
	}
}

func TestStandardiseMisuse(t *testing.T) {
	x, s := tensor.New(tensor.Float32, 2, 3), tensor.New(tensor.Float32, 2, 1)
	for want, f := range map[string]func(){
		"InverseDeviation": func() { tensor.InverseDeviation(x, 1, 2) },
		"named twice":      func() { tensor.InverseDeviation(x, 1, 1, -1) },
		"do not belong":    func() { tensor.Standardise(x, s, 0) },
		"these are not":    func() { tensor.StandardiseGrad(x, x.T(), s, 1) },
	} {
		var e *tensor.ShapeError
		require.ErrorAs(t, tensor.Catch(f), &e)
		require.ErrorContains(t, e, want)
	}
}
