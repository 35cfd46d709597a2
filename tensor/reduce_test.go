package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

func TestSum(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.Arange(dt, 24).Reshape(2, 3, 4)
		for _, c := range []struct {
			axes, shape []int
			want        []float64
		}{
			{nil, []int{}, []float64{276}},
			{[]int{0, 1, 2}, []int{}, []float64{276}},
			{[]int{2}, []int{2, 3}, []float64{6, 22, 38, 54, 70, 86}},
			{[]int{-1}, []int{2, 3}, []float64{6, 22, 38, 54, 70, 86}},
			{[]int{0}, []int{3, 4}, []float64{12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34}},
			{[]int{1}, []int{2, 4}, []float64{12, 15, 18, 21, 48, 51, 54, 57}},
			{[]int{2, 0}, []int{3}, []float64{60, 92, 124}},
			{[]int{0, -2}, []int{4}, []float64{60, 66, 72, 78}},
		} {
			s := tensor.Sum(x, c.axes...)
			require.Equal(t, c.shape, s.Shape(), "axes %v", c.axes)
			require.Equal(t, c.want, s.Float64s(), "axes %v", c.axes)
			require.Equal(t, dt, s.DType())
			require.True(t, s.IsContiguous())
		}
		require.Equal(t, []float64{12, 48, 15, 51, 18, 54, 21, 57}, tensor.Sum(x.T(), 2).T().Float64s())
		require.Equal(t, []float64{0, 0}, tensor.Sum(tensor.New(dt, 2, 0), 1).Float64s())
		require.Equal(t, []int{0}, tensor.Sum(tensor.New(dt, 2, 0), 0).Shape())
		require.Equal(t, 5.0, tensor.Sum(tensor.Scalar(dt, 5)).Item())
	}
}

func TestMaxOver(t *testing.T) {
	for _, dt := range dtypes {
		x := shaped(dt, []float64{3, -1, nan, 2, 5, -4}, 2, 3)
		require.Equal(t, []float64{3, 5}, tensor.MaxOver(x, 0).Slice(0, 0, 2).Float64s())
		require.True(t, math.IsNaN(tensor.MaxOver(x).Item()))
		m := tensor.MaxOver(x, -1)
		require.Equal(t, []int{2}, m.Shape())
		require.True(t, math.IsNaN(m.At(0)))
		require.Equal(t, 5.0, m.At(1))
		require.Equal(t, []float64{-inf, -inf}, tensor.MaxOver(tensor.New(dt, 0, 2), 0).Float64s())
	}
}

func TestMeanAndStd(t *testing.T) {
	for _, dt := range dtypes {
		x := shaped(dt, []float64{1, 2, 6, -1, -1, -1}, 2, 3)
		require.Equal(t, []float64{3, -1}, tensor.Mean(x, 1).Float64s())
		require.Equal(t, []float64{0, 0.5, 2.5}, tensor.Mean(x, -2).Float64s())
		require.Equal(t, 1.0, tensor.Mean(x).Item())
		require.Equal(t, []float64{41, 3}, tensor.SumSquares(x, 1).Float64s())
		require.InDeltaSlice(t, []float64{math.Sqrt(7), 0}, tensor.Std(x, 1).Float64s(), 1e-6)
		require.InDelta(t, math.Sqrt(38.0/5), tensor.Std(x).Item(), 1e-6)
		require.Equal(t, []int{2}, tensor.Std(x, -1).Shape())
		require.True(t, math.IsNaN(tensor.Std(tensor.New(dt, 0)).Item()))
		require.Equal(t, []int{2, 3}, tensor.Std(tensor.New(dt, 2, 0, 3), 1).Shape())
		for _, scale := range map[tensor.DType][]float64{tensor.Float32: {1e-30, 1e30}, tensor.Float64: {1e-300, 1e160, 1e300}}[dt] {
			far := shaped(dt, []float64{2 * scale, -2 * scale, 4, -4}, 2, 2) // of which no square is of this type
			require.InEpsilonSlice(t, []float64{math.Sqrt(8) * scale, math.Sqrt(32)}, tensor.Std(far, 1).Float64s(), 1e-6)
		}
		require.True(t, math.IsNaN(tensor.Std(shaped(dt, []float64{1, math.Inf(1)}, 2)).Item()))
		require.Zero(t, tensor.Std(tensor.Full(dt, 3, 4)).Item())
		// Numbers that are nearly equal: their mean is not one of the type.
		near := tensor.Shift(tensor.Scale(tensor.NewStream(1, "std").Normal(dt, 1000, 2), 0.01), 1000)
		require.InEpsilonSlice(t, tensor.Std(near.Cast(tensor.Float64), 0).Float64s(), tensor.Std(near, 0).Float64s(), 2e-7)
		require.True(t, math.IsNaN(tensor.Std(x.Slice(0, 0, 1), 0).At(0)))
		require.True(t, math.IsNaN(tensor.Mean(tensor.New(dt, 0, 2)).Item()))
		// Far from 0, the digits that matter are those of the differences.
		require.InDelta(t, 2, tensor.Std(shaped(dt, []float64{1e6 + 2, 1e6 - 2, 1e6, 1e6}, 4)).Item()*math.Sqrt(1.5), 1e-6)
	}
}

func TestArgMax(t *testing.T) {
	for _, dt := range dtypes {
		x := shaped(dt, []float64{3, 7, 7, -2, nan, 5, 9, nan, -inf, -inf, -inf, -inf}, 3, 4)
		require.Equal(t, []int{1, 0, 0}, tensor.ArgMax(x, 1))
		require.Equal(t, []int{1, 0, 1, 1}, tensor.ArgMax(x, 0))
		require.Equal(t, []int{0}, tensor.ArgMax(tensor.Arange(dt, 1), -1))
		var e *tensor.ShapeError
		require.ErrorAs(t, tensor.Catch(func() { tensor.ArgMax(x, 2) }), &e)
		require.ErrorAs(t, tensor.Catch(func() { tensor.ArgMax(tensor.New(dt, 2, 0), 1) }), &e)
	}
}

func TestSumTo(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.Arange(dt, 6).Reshape(2, 3)
		for _, c := range []struct {
			shape []int
			want  []float64
		}{
			{[]int{}, []float64{15}}, {[]int{1}, []float64{15}}, {[]int{3}, []float64{3, 5, 7}},
			{[]int{1, 3}, []float64{3, 5, 7}}, {[]int{2, 1}, []float64{3, 12}}, {[]int{1, 1}, []float64{15}},
		} {
			s := tensor.SumTo(x, c.shape...)
			require.Equal(t, c.shape, s.Shape())
			require.Equal(t, c.want, s.Float64s())
		}
		require.Same(t, x, tensor.SumTo(x, 2, 3))
		require.Equal(t, []float64{0, 0}, tensor.SumTo(tensor.New(dt, 0, 2), 2).Float64s())
		// The reverse of BroadcastTo.
		y := tensor.Full(dt, 1, 2, 1, 3)
		require.Equal(t, []float64{8, 8, 8, 8, 8, 8}, tensor.SumTo(y.BroadcastTo(2, 2, 4, 3), 2, 1, 3).Float64s())
	}
}

// TestReductionsDoNotDependOnThreads, nor does anything else that is shared
// between threads.
func TestReductionsDoNotDependOnThreads(t *testing.T) {
	defer tensor.CPU().SetThreads(0)
	x := tensor.NewStream(1, "test").Normal(tensor.Float32, 300, 500)
	compute := func() []float32 {
		y := tensor.Tanh(tensor.MatMul(x, x.T()))
		z := tensor.Add(tensor.Sum(y, 0), tensor.Sum(y, 1))
		return tensor.Add(z, tensor.Sum(x)).Float32s()
	}
	tensor.CPU().SetThreads(1)
	want := compute()
	for _, n := range []int{2, 3, 7} {
		tensor.CPU().SetThreads(n)
		require.Equal(t, bitsOf(want), bitsOf(compute()), "%d threads", n)
	}
}

func bitsOf(xs []float32) []uint32 {
	out := make([]uint32, len(xs))
	for i, x := range xs {
		out[i] = math.Float32bits(x)
	}
	return out
}
