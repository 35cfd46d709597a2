package datasets_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

func TestRows(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		x := tensor.NewStream(1, "test").Normal(dt, 5, 2, 3)
		set := datasets.FromTensor(x, []int{4, 3, 2, 1, 0})
		require.Equal(t, 5, set.Len())
		require.Equal(t, []int{2, 3}, set.Shape())
		require.Equal(t, 3, set.(datasets.Labeler).Label(1))
		for _, as := range []tensor.DType{tensor.Float32, tensor.Float64} {
			back, err := datasets.AsTensor(set, as)
			require.NoError(t, err)
			require.Equal(t, as, back.DType())
			require.Equal(t, x.Shape(), back.Shape())
			require.Equal(t, x.Cast(as).Float64s(), back.Float64s())
		}
		want := x.Float64s()
		x.Fill(0)
		for b, err := range datasets.NewLoader(set, 5, datasets.InOrder(), datasets.KeepShape(), datasets.DType(dt), datasets.Conditions()).Epoch(t.Context(), 0, 0) {
			require.NoError(t, err)
			require.Equal(t, []int{5, 2, 3}, b.X.Shape())
			require.Equal(t, want, b.X.Float64s(), "it is a copy")
			require.Equal(t, []int{4, 3, 2, 1, 0}, tensor.ArgMax(b.Condition, 1))
		}
	}
	for b, err := range datasets.NewLoader(datasets.FromTensor(tensor.Arange(tensor.Float32, 3), nil), 2, datasets.InOrder()).Epoch(t.Context(), 0, 1) {
		require.NoError(t, err)
		require.Equal(t, []float32{2}, b.X.Float32s())
	}
	// Not contiguous.
	set := datasets.FromTensor(tensor.Arange(tensor.Float32, 6).Reshape(2, 3).T(), nil)
	back, err := datasets.AsTensor(set, tensor.Float32)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 3, 1, 4, 2, 5}, back.Float32s())
	require.Empty(t, datasets.FromTensor(tensor.Arange(tensor.Float32, 3), nil).Shape())
	require.Zero(t, datasets.FromTensor(tensor.New(tensor.Float64, 0, 3), nil).Len())

	unreadable := errors.New("unreadable")
	_, err = datasets.AsTensor(broken{counter(3), func(i int) error {
		if i == 2 {
			return unreadable
		}
		return nil
	}}, tensor.Float64)
	require.ErrorIs(t, err, unreadable)
	require.ErrorContains(t, err, "sample 2")

	for name, f := range map[string]func(){
		"nil":    func() { datasets.FromTensor(nil, nil) },
		"no set": func() { datasets.AsTensor(nil, tensor.Float32) },
		"scalar": func() { datasets.FromTensor(tensor.Scalar(tensor.Float32, 1), nil) },
		"labels": func() { datasets.FromTensor(tensor.New(tensor.Float32, 2, 1), []int{1}) },
		"below":  func() { set.Fill(-1, make([]float32, 2)) },
		"above":  func() { set.(datasets.Filler64).Fill64(3, make([]float64, 2)) },
		"small":  func() { set.Fill(0, make([]float32, 1)) },
		"large":  func() { set.(datasets.Filler64).Fill64(0, make([]float64, 3)) },
		"label":  func() { datasets.FromTensor(tensor.New(tensor.Float32, 1), []int{0}).(datasets.Labeler).Label(1) },
	} {
		require.ErrorAs(t, tensor.Catch(f), new(tensor.Misuse), name)
	}
}
