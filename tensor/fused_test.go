package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/tensor"
)

// TestFusedGradients holds the fused kernels to their composition, which is
// what the reference device computes.
func TestFusedGradients(t *testing.T) {
	ref, err := tensor.OpenDevice("ref")
	require.NoError(t, err)
	random := tensor.NewStream(1, "test")
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		tol := map[tensor.DType]float64{tensor.Float32: 2e-5, tensor.Float64: 1e-13}[dt]
		for _, shape := range [][]int{{0, 3}, {1, 1}, {5, 3}, {64, 784}, {300, 130}, {2, 0}} {
			gy, y := random.Normal(dt, shape...), random.Normal(dt, shape...)
			for _, act := range []tensor.Activation{tensor.Identity, tensor.ActTanh, tensor.ActSigmoid, tensor.ActReLU, tensor.ActLeakyReLU} {
				gz, gb := tensor.LinearGrad(gy, y, act, 0.2)
				wantZ, wantB := tensor.LinearGrad(gy.To(ref), y.To(ref), act, 0.2)
				closeTo(t, wantZ, gz, tol)
				closeTo(t, wantB, gb, tol)

				// A gradient that repeats one row, as a sum's does.
				row := random.Normal(dt, 1, shape[1]).BroadcastTo(shape...)
				gz, gb = tensor.LinearGrad(row, y, act, 0.2)
				wantZ, wantB = tensor.LinearGrad(row.To(ref), y.To(ref), act, 0.2)
				closeTo(t, wantZ, gz, tol)
				closeTo(t, wantB, gb, tol)
			}
		}
	}
}

func closeTo(t *testing.T, want, got *tensor.Tensor, tol float64) {
	t.Helper()
	require.Equal(t, want.Shape(), got.Shape())
	g := got.Float64s()
	for i, w := range want.Float64s() {
		if !(math.Abs(w-g[i]) <= tol*max(1, math.Abs(w))) {
			t.Fatalf("element %d is %v, want %v", i, g[i], w)
		}
	}
}

// TestFusedGradientsMisuse names both shapes and a repair.
func TestFusedGradientsMisuse(t *testing.T) {
	a, b := tensor.New(tensor.Float32, 2, 3), tensor.New(tensor.Float32, 3, 2)
	require.ErrorContains(t, tensor.Catch(func() { tensor.LinearGrad(a, b, tensor.ActTanh, 0) }), "LinearGrad of [2 3] and [3 2]")
}
