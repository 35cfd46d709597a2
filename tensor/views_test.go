package tensor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// requireView checks a view's elements, and that it shares x's memory.
func requireView(t *testing.T, x, view *tensor.Tensor, shape []int, want []float64) {
	t.Helper()
	require.Equal(t, shape, view.Shape())
	require.Equal(t, want, view.Float64s())
	require.Equal(t, x.DType(), view.DType())
	if len(want) > 0 {
		before, at := view.Float64s()[0], make([]int, len(shape))
		old := x.Version()
		if view.IsContiguous() {
			view.Set(before, at...)
			require.Equal(t, old+1, x.Version(), "it must be a view, not a copy")
		} else {
			require.Equal(t, x.Version(), view.Version())
		}
	}
}

func TestReshape(t *testing.T) {
	x := tensor.Arange(tensor.Float32, 12).Reshape(3, 4)
	requireView(t, x, x.Reshape(2, 6), []int{2, 6}, scaled(12, 1))
	requireView(t, x, x.Reshape(2, -1, 3), []int{2, 2, 3}, scaled(12, 1))
	requireView(t, x, x.Reshape(-1), []int{12}, scaled(12, 1))
	requireView(t, x, x.T().Reshape(2, 2, 3), []int{2, 2, 3}, []float64{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11})
	one := tensor.Scalar(tensor.Float64, 5)
	requireView(t, one, one.Reshape(1, 1), []int{1, 1}, []float64{5})
	requireView(t, one, one.Reshape(1).Reshape(), []int{}, []float64{5})
	none := tensor.New(tensor.Float64, 0, 3)
	requireView(t, none, none.Reshape(2, 0), []int{2, 0}, []float64{})
	requireView(t, none, none.Reshape(-1), []int{0}, []float64{})

	// If the strides do not allow a view, there is a copy.
	c := x.T().Reshape(12)
	require.Equal(t, []float64{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, c.Float64s())
	require.True(t, c.IsContiguous())
	c.Fill(0)
	require.Equal(t, scaled(12, 1), x.Float64s())
}

func TestPermuteAndT(t *testing.T) {
	x := tensor.Arange(tensor.Float64, 6).Reshape(1, 2, 3)
	want := []float64{0, 3, 1, 4, 2, 5}
	requireView(t, x, x.T(), []int{1, 3, 2}, want)
	requireView(t, x, x.Permute(2, 1, 0), []int{3, 2, 1}, want)
	requireView(t, x, x.Permute(-1, 0, -2), []int{3, 1, 2}, want)
	requireView(t, x, x.Permute(0, 1, 2), []int{1, 2, 3}, scaled(6, 1))
	one := tensor.Scalar(tensor.Float64, 1)
	requireView(t, one, one.Permute(), []int{}, []float64{1})
}

func TestSlice(t *testing.T) {
	x := tensor.Arange(tensor.Float32, 12).Reshape(3, 4)
	requireView(t, x, x.Slice(0, 1, 3), []int{2, 4}, []float64{4, 5, 6, 7, 8, 9, 10, 11})
	requireView(t, x, x.SliceStep(-1, 0, 4, 2), []int{3, 2}, []float64{0, 2, 4, 6, 8, 10})
	requireView(t, x, x.SliceStep(1, 1, 4, 2).SliceStep(0, 0, 3, 2), []int{2, 2}, []float64{1, 3, 9, 11})
	requireView(t, x, x.Slice(1, 2, 2), []int{3, 0}, []float64{})
	requireView(t, x, x.SliceStep(1, 0, 4, 100), []int{3, 1}, []float64{0, 4, 8})
}

func TestBroadcastTo(t *testing.T) {
	x := tensor.FromFloat64([]float64{1, 2}, 2, 1)
	requireView(t, x, x.BroadcastTo(2, 3), []int{2, 3}, []float64{1, 1, 1, 2, 2, 2})
	requireView(t, x, x.BroadcastTo(2, 2, 1), []int{2, 2, 1}, []float64{1, 2, 1, 2})
	requireView(t, x, x.BroadcastTo(2, 0), []int{2, 0}, []float64{})
	requireView(t, x, x.BroadcastTo(2, 1), []int{2, 1}, []float64{1, 2})
}

func TestUnsqueeze(t *testing.T) {
	x := tensor.Arange(tensor.Float64, 6).Reshape(2, 3)
	requireView(t, x, x.Unsqueeze(0), []int{1, 2, 3}, scaled(6, 1))
	requireView(t, x, x.Unsqueeze(1), []int{2, 1, 3}, scaled(6, 1))
	requireView(t, x, x.Unsqueeze(2), []int{2, 3, 1}, scaled(6, 1))
	requireView(t, x, x.T().Unsqueeze(1), []int{3, 1, 2}, []float64{0, 3, 1, 4, 2, 5})
	one := tensor.Scalar(tensor.Float64, 1)
	requireView(t, one, one.Unsqueeze(0), []int{1}, []float64{1})
}

// TestEmptyViews: a view without elements is harmless wherever it begins.
func TestEmptyViews(t *testing.T) {
	x := tensor.New(tensor.Float32, 5, 0).Slice(0, 3, 5)
	require.Equal(t, []float64{0, 0}, tensor.Sum(x, 1).Float64s())
	require.Equal(t, []float64{}, tensor.Exp(x.T()).Float64s())
	require.Equal(t, []float64{0, 0, 0, 0}, tensor.MatMul(x, x.T()).Float64s())
	x.Fill(1)
	x.SetFloat32(nil)
	tensor.NewStream(1, "test").NormalInto(x)
	tensor.NewStream(1, "test").NormalInto(tensor.New(tensor.Float64, 4, 0).Slice(0, 2, 4))
	tensor.AdamInto(list(x), list(x.Clone()), list(x.Clone()), list(x.Clone()), tensor.AdamParams{})
}

// TestPart: the same elements, with a count of writes of its own.
func TestPart(t *testing.T) {
	x := tensor.FromFloat64([]float64{0, 1, 2, 3, 4, 5}, 2, 3)
	part := x.Slice(0, 1, 2).Part()
	require.Equal(t, x.Float64s(), x.Part().Float64s())
	x.Fill(7)
	require.Equal(t, []float64{7, 7, 7}, part.Float64s())
	whole, own := x.Version(), part.Version()
	part.Slice(1, 0, 1).Fill(9)
	require.Equal(t, own+1, part.Version())
	require.Equal(t, whole, x.Version())
	require.Equal(t, 9.0, x.At(1, 0))
	// An operation on both takes account of their overlap.
	square := tensor.FromFloat64([]float64{1, 2, 3, 4}, 2, 2)
	square.Part().CopyFrom(square.T())
	require.Equal(t, []float64{1, 3, 2, 4}, square.Float64s())

	scope := tensor.NewScope()
	lent := scope.Empty(x.Device(), tensor.Float64, 2).Part()
	require.Same(t, scope, lent.Scope())
	scope.Close()
	require.Error(t, tensor.Catch(func() { lent.Float64s() }))
}
