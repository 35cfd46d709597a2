package optim_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

func TestNorm(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		ts := []*tensor.Tensor{tensor.Full(dt, 2, 3, 3), tensor.Scalar(dt, -8), tensor.New(dt, 0, 2)}
		require.Equal(t, 10.0, tensor.Norm(ts).Item())
		ts[1] = tensor.Scalar(dt, math.Inf(-1))
		require.Equal(t, math.Inf(1), tensor.Norm(ts).Item())
	}
	require.Zero(t, tensor.Norm(nil).Item())
}

// A gradient that serves two parameters is clipped once, and who else holds it
// sees no change.
func TestClippingLeavesTheGradientsOfOthers(t *testing.T) {
	g := tensor.FromFloat64([]float64{3, 4})
	grads := []*tensor.Tensor{g, g}
	norm := optim.ClipNorm(grads, 1)
	require.InEpsilon(t, math.Sqrt(50), norm, 1e-15)
	require.InEpsilon(t, 1, tensor.Norm(grads).Item(), 1e-6)
	optim.ClipValue(grads, 0.5)
	short := 3 * (1 / (norm + 1e-6))
	require.Equal(t, [][]float64{{short, 0.5}, {short, 0.5}}, values(grads))
	require.Equal(t, []float64{3, 4}, g.Float64s())
}

func TestClippingCleansNothing(t *testing.T) {
	grads := []*tensor.Tensor{tensor.FromFloat64([]float64{1, math.NaN()}), tensor.FromFloat64([]float64{2})}
	optim.ClipValue(grads, 1.5)
	require.True(t, math.IsNaN(grads[0].At(1)))
	require.Equal(t, []float64{1.5}, grads[1].Float64s())
	require.True(t, math.IsNaN(optim.ClipNorm(grads, 1)))
	require.True(t, math.IsNaN(grads[0].At(0)))
	require.True(t, math.IsNaN(grads[1].At(0)))

	// An infinite element divided by an infinite norm.
	grads = []*tensor.Tensor{tensor.FromFloat64([]float64{1, math.Inf(1)})}
	require.Equal(t, math.Inf(1), optim.ClipNorm(grads, 1))
	require.Zero(t, grads[0].At(0))
	require.True(t, math.IsNaN(grads[0].At(1)))
}

func TestClippingRefuses(t *testing.T) {
	g := []*tensor.Tensor{tensor.New(tensor.Float32, 2)}
	for want, f := range map[string]func(){
		"optim: ClipNorm: max is 0; give a number above 0":       func() { optim.ClipNorm(g, 0) },
		"optim: ClipNorm: max is NaN; give a number above 0":     func() { optim.ClipNorm(g, math.NaN()) },
		"optim: ClipValue: limit is -1; give a number above 0":   func() { optim.ClipValue(g, -1) },
		"optim: ClipValue: limit is +Inf; give a number above 0": func() { optim.ClipValue(g, math.Inf(1)) },
	} {
		assert.EqualError(t, tensor.Catch(f), want)
	}
}
