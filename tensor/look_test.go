package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend/backendtest/far"
	"github.com/gander-ml/gander/tensor"
)

// What is seen of a product holds for its views until something is written to it.
func TestSeenFinite(t *testing.T) {
	r := tensor.NewStream(1, "test")
	gy, x := r.Normal(tensor.Float32, 16, 40), r.Normal(tensor.Float32, 16, 50)
	product := func() *tensor.Tensor { return tensor.MatMul(gy.T(), x) }
	if !product().SeenFinite() {
		t.Skip("this machine does not look at products")
	}
	require.False(t, gy.SeenFinite(), "nobody has looked")
	w := product()
	view := w.Slice(0, 3, 5).Reshape(100)
	require.True(t, view.SeenFinite())
	require.False(t, w.Clone().SeenFinite())
	view.Set(math.NaN(), 7)
	require.False(t, w.SeenFinite())
	w = product()
	tensor.ClampInto([]*tensor.Tensor{w}, -1, 1)
	require.False(t, w.SeenFinite())

	x.Set(math.Inf(1), 2, 3)
	require.False(t, product().SeenFinite())
	x.Set(1e30, 2, 3)
	gy.Set(1e30, 2, 4)
	require.False(t, product().SeenFinite())
}

// Items reads numbers of both types in one transfer, wherever they lie.
func TestItems(t *testing.T) {
	device, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	for _, d := range []*tensor.Device{tensor.CPU(), device} {
		a, b := d.FromFloat64([]float64{1, 0.1}), d.FromFloat32([]float32{3, 4, 5, 6}, 2, 2)
		_, before := far.Opened(0).Transfers()
		require.Equal(t, []float64{6, 0.1, 3}, tensor.Items(b.Slice(0, 1, 2).Slice(1, 1, 2), a.Slice(0, 1, 2).Reshape(), b.Slice(0, 0, 1).Slice(1, 0, 1)))
		_, after := far.Opened(0).Transfers()
		if d == device {
			require.Equal(t, before+1, after)
		}
		require.Empty(t, tensor.Items())
	}
}
