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
			numbers, norm := look(grads, loss, nil, loss)
			require.Equal(t, []float64{1.5, 0, 1.5}, numbers, what)
			require.InEpsilon(t, largest*math.Sqrt(float64(6+grads[1].Len())), norm, 1e-12, what)
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				numbers, _ := look(grads, loss, tensor.Full(dt, bad))
				require.Equal(t, 1.5, numbers[0])
				require.False(t, isFinite(numbers[1]), what)
				values := grads[1].Cast(tensor.Float64).Float64s()
				for i := range values {
					values[i] = bad
					one := tensor.FromFloat64(values, shape...).Cast(dt)
					_, norm := look([]*tensor.Tensor{grads[0], one, grads[2]}, loss)
					require.False(t, isFinite(norm), "%s: %v at %d", what, bad, i)
					values[i] = -largest // so that infinities of both signs are seen
				}
			}
		}
	}
}
