package tensor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

func TestGather(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.Arange(dt, 6).Reshape(2, 3)
		y := tensor.Gather(x, 1, tensor.Positions(2, 0, 2, 1))
		require.Equal(t, []int{2, 4}, y.Shape())
		require.Equal(t, []float64{2, 0, 2, 1, 5, 3, 5, 4}, y.Float64s())
		require.Equal(t, []float64{3, 4, 5}, tensor.Gather(x, -2, tensor.Positions(1)).Float64s())
		require.Equal(t, []float64{1, 4}, tensor.Gather(x.T(), 0, tensor.Positions(1)).Float64s())
		require.Equal(t, []int{2, 0}, tensor.Gather(x, 1, tensor.Positions()).Shape())
	}
}

func TestScatterAdd(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.Arange(dt, 6).Reshape(2, 3)
		y := tensor.ScatterAdd(x, 1, 4, tensor.Positions(3, 0, 3))
		require.Equal(t, []int{2, 4}, y.Shape())
		require.Equal(t, []float64{1, 0, 0, 2, 4, 0, 0, 8}, y.Float64s())
		require.Equal(t, []float64{3, 5, 7}, tensor.ScatterAdd(x, -2, 1, tensor.Positions(0, 0)).Float64s())
		require.Equal(t, []float64{0, 0}, tensor.ScatterAdd(tensor.New(dt, 0), 0, 2, tensor.Positions()).Float64s())
		require.Equal(t, []int{0}, tensor.ScatterAdd(tensor.New(dt, 0), 0, 0, tensor.Positions()).Shape())
	}
}

func TestPad(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.FromFloat64([]float64{1, 2, 3, 4}, 2, 2).Cast(dt)
		require.Equal(t, []float64{0, 1, 2, 0, 3, 4}, tensor.Pad(x, 1, 1, 1, 3).Float64s())
		require.Equal(t, []float64{1, 0, 2, 3, 0, 4}, tensor.Pad(x, -1, 0, 2, 3).Float64s())
		require.Equal(t, []float64{1, 2, 0, 0, 0, 0, 3, 4, 0, 0}, tensor.Pad(x, 0, 0, 3, 5).Float64s())
		require.Equal(t, []float64{0, 0}, tensor.Pad(tensor.New(dt, 0), 0, 7, 1, 2).Float64s())
		// The reverse of Slice.
		y := tensor.Pad(x.T(), 0, 2, 3, 7)
		require.Equal(t, x.T().Float64s(), y.SliceStep(0, 2, 7, 3).Float64s())
		require.Equal(t, 10.0, tensor.Sum(y).Item())
	}
}

func TestConcat(t *testing.T) {
	for _, dt := range dtypes {
		x, y := tensor.Arange(dt, 4).Reshape(2, 2), tensor.Full(dt, 9, 1, 2)
		require.Equal(t, []float64{0, 1, 2, 3, 9, 9}, tensor.Concat(0, x, y).Float64s())
		z := tensor.Concat(-1, x, y.T(), x.T())
		require.Equal(t, []int{2, 5}, z.Shape())
		require.Equal(t, []float64{0, 1, 9, 0, 2, 2, 3, 9, 1, 3}, z.Float64s())
		only := tensor.Concat(1, x)
		only.Fill(7)
		require.Equal(t, scaled(4, 1), x.Float64s(), "Concat must copy")
		require.Equal(t, x.Float64s(), tensor.Concat(0, tensor.New(dt, 0, 2), x).Float64s())
	}
}

func TestOneHot(t *testing.T) {
	require.Equal(t, []int{0, 3}, tensor.OneHot(tensor.Float32, 3, nil).Shape())
	require.Equal(t, []float64{0, 1, 0, 1}, tensor.OneHot(tensor.Float64, 2, []int{1, 1}).Float64s())
}
