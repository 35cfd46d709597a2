package gan

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// One element that is not finite is found at every place, and the largest finite
// ones are taken for what they are.
func TestLookFindsWhatIsNotFinite(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		largest := 1e300 // whose norm is a float64, too
		if dt == tensor.Float32 {
			largest = math.MaxFloat32
		}
		for _, shape := range [][]int{{}, {1}, {70}, {3, 5}, {2, 3, 2, 2}} {
			what := fmt.Sprint(dt, shape)
			grads := []*tensor.Tensor{tensor.New(dt, 4), tensor.Full(dt, largest, shape...), tensor.Full(dt, largest, 3, 2)}
			loss := tensor.Full(dt, 1.5)
			numbers, finite := look(grads, loss, nil, loss)
			require.Equal(t, []float64{1.5, 0, 1.5}, numbers, what)
			require.True(t, finite, what)
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				numbers, _ := look(grads, loss, tensor.Full(dt, bad))
				require.Equal(t, 1.5, numbers[0])
				require.False(t, isFinite(numbers[1]), what)
				values := grads[1].Float64s()
				for i := range values {
					values[i] = bad
					one := tensor.FromFloat64(values, shape...).Cast(dt)
					_, finite := look([]*tensor.Tensor{grads[0], one, grads[2]}, loss)
					require.False(t, finite, "%s: %v at %d", what, bad, i)
					values[i] = -largest // so that infinities of both signs are seen
				}
			}
		}
	}
}

// The same of gradients that the product has looked at already, whose bits tell that
// they are finite before they are read.
func TestLookTrustsProducts(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		large := map[tensor.DType]float64{tensor.Float32: 1e30, tensor.Float64: 1e200}[dt]
		for _, batch := range []int{2, 64, 3000} {
			gy, x := tensor.New(dt, batch, 37), tensor.New(dt, batch, 45)
			bias := tensor.New(dt, 37)
			_, finite := look([]*tensor.Tensor{tensor.MatMul(gy.T(), x), bias})
			require.True(t, finite)
			gy.Set(large, 1, 36)
			x.Set(large, 1, 44)
			_, finite = look([]*tensor.Tensor{tensor.MatMul(gy.T(), x), bias})
			require.False(t, finite, "%v, batch %d", dt, batch)
			x.Set(1/large, 1, 44)
			_, finite = look([]*tensor.Tensor{tensor.MatMul(gy.T(), x), bias})
			require.True(t, finite)
			_, finite = look([]*tensor.Tensor{tensor.MatMul(gy.T(), x), tensor.Full(dt, math.Inf(-1), 1)})
			require.False(t, finite)
		}
	}
}
