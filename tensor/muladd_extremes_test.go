package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// TestMulAddExtremes: MulAdd is Mul and Add to the last bit, whatever the numbers,
// the shapes and the strides are.
func TestMulAddExtremes(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, -5e-324, 1e-45, -1e-45, 1e-40, 3e38, -3e38, math.MaxFloat64, -math.MaxFloat64, 1e-300, 0x1p-126, 0x1p-1022, 1 + 0x1p-23, 1 - 0x1p-24}
	bits := func(x *tensor.Tensor) []uint64 {
		var out []uint64
		for _, v := range x.Float64s() {
			if math.IsNaN(v) {
				v = math.NaN()
			}
			out = append(out, math.Float64bits(v))
		}
		return out
	}
	n := len(special)
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		v := tensor.FromFloat64(special, n).Cast(dt)
		// All triples, by broadcasting.
		x, y, z := v.Reshape(n, 1, 1), v.Reshape(1, n, 1), v.Reshape(1, 1, n)
		all := []*tensor.Tensor{x, y, z}
		for _, p := range [][3]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {0, 2, 1}} {
			a, b, c := all[p[0]], all[p[1]], all[p[2]]
			require.Equal(t, bits(tensor.Add(tensor.Mul(a, b), c)), bits(tensor.MulAdd(a, b, c)), "%v %v", dt, p)
		}
		// Whole ones, transposed ones, parts, and those of no elements.
		r := tensor.NewStream(1, "x")
		whole := func(shape ...int) *tensor.Tensor { return r.Normal(dt, shape...) }
		for name, c := range map[string][3]*tensor.Tensor{
			"whole":      {whole(7, 9), whole(7, 9), whole(7, 9)},
			"transposed": {whole(9, 7).T(), whole(7, 9), whole(9, 7).T()},
			"steps":      {whole(7, 18).SliceStep(1, 0, 18, 2), whole(7, 9), whole(14, 9).SliceStep(0, 1, 14, 2)},
			"rows":       {whole(7, 9), whole(9), whole(7, 1)},
			"larger sum": {whole(9), whole(1), whole(5, 7, 9)},
			"numbers":    {whole(), whole(), whole()},
			"a number":   {whole(), whole(7, 9), whole()},
			"nothing":    {whole(0, 9), whole(9), whole(1, 9)},
			"one of 0":   {whole(1), whole(0), whole()},
			"same":       {v, v, v},
			"unaligned":  {whole(40).Slice(0, 1, 38), whole(40).Slice(0, 2, 39), whole(40).Slice(0, 3, 40)},
		} {
			want := tensor.Add(tensor.Mul(c[0], c[1]), c[2])
			got := tensor.MulAdd(c[0], c[1], c[2])
			require.Equal(t, want.Shape(), got.Shape(), name)
			require.Equal(t, bits(want), bits(got), "%s %v", name, dt)
		}
	}
	a, b := tensor.New(tensor.Float32, 2, 3), tensor.New(tensor.Float32, 4)
	var shape *tensor.ShapeError
	require.ErrorAs(t, tensor.Catch(func() { tensor.MulAdd(a, a, b) }), &shape)
	require.Equal(t, "MulAdd", shape.Op)
	require.NotEmpty(t, shape.Fix)
	var dtype *tensor.DTypeError
	require.ErrorAs(t, tensor.Catch(func() { tensor.MulAdd(a, a, a.Cast(tensor.Float64)) }), &dtype)
	require.Equal(t, "MulAdd", dtype.Op)
	for i := range 3 {
		args := []*tensor.Tensor{a, a, a}
		args[i] = nil
		require.Error(t, tensor.Catch(func() { tensor.MulAdd(args[0], args[1], args[2]) }))
	}
}
