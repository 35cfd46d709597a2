package optim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/gander-ml/gander/internal/backend/backendtest/far" // registers the device
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// TestFar: every method, the average and the norms give on a device that is not
// host memory what they give on the CPU, and state goes from one to the other.
func TestFar(t *testing.T) {
	device, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	for _, m := range []optim.Method{
		optim.SGD{LR: 0.1}, optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.01},
		optim.RMSprop{LR: 0.1}, optim.RMSprop{LR: 0.1, Centered: true, Momentum: 0.5, WeightDecay: 0.01},
		optim.Adam{LR: 0.1}, optim.Adam{LR: 0.1, WeightDecay: 0.1}, optim.AdamW{LR: 0.1, WeightDecay: 0.1},
	} {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			tolerance := map[tensor.DType]float64{tensor.Float32: 1e-5, tensor.Float64: 1e-12}[dt]
			r := tensor.NewStream(1, "test")
			here := []*tensor.Tensor{r.Normal(dt, 3, 4), r.Normal(dt, 5)}
			there := []*tensor.Tensor{here[0].To(device), here[1].To(device)}
			a, b := optim.New(m, here), optim.New(m, there)
			ema, emaThere := optim.NewEMA(here, 0.9), optim.NewEMA(there, 0.9)
			scope := tensor.NewScope()
			for step := range 4 {
				grads := []*tensor.Tensor{r.Normal(dt, 3, 4), r.Normal(dt, 5)}
				gradsThere := []*tensor.Tensor{scope.Adopt(grads[0]).To(device), scope.Adopt(grads[1]).To(device)}
				require.InDelta(t, tensor.Norm(grads).Item(), tensor.Norm(gradsThere).Item(), tolerance)
				a.Step(grads)
				b.Step(gradsThere)
				ema.Update()
				emaThere.Update()
				scope.Close()
				if step == 1 { // each continues with the other's state
					require.NoError(t, b.Restore(a.State()))
					require.NoError(t, a.Restore(b.State()))
				}
			}
			for i := range here {
				require.Same(t, device, there[i].Device())
				require.InDeltaSlice(t, here[i].Float64s(), there[i].Float64s(), tolerance, "%s %v", m.Name(), dt)
				require.InDeltaSlice(t, ema.Values()[i].Float64s(), emaThere.Values()[i].Float64s(), tolerance)
			}
		}
	}
}

// TestNormOfExtremes: norms neither overflow nor underflow, and so clipping keeps
// the gradient's direction.
func TestNormOfExtremes(t *testing.T) {
	far, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	for _, d := range []*tensor.Device{tensor.CPU(), far} {
		for _, c := range []struct {
			dt    tensor.DType
			scale float64
		}{{tensor.Float32, 1e20}, {tensor.Float32, 1e38}, {tensor.Float32, 1e-30}, {tensor.Float32, 1e-44}, {tensor.Float64, 1e160}, {tensor.Float64, 1e308}, {tensor.Float64, 1e-200}, {tensor.Float64, 1e-310}} {
			g := []*tensor.Tensor{d.Full(c.dt, c.scale, 1), d.Full(c.dt, c.scale, 1)}
			each := g[0].Item()
			want := each * 1.4142135623730951
			require.InEpsilon(t, want, tensor.Norm(g).Item(), 1e-12, "%v %v %v", d, c.dt, c.scale)
			if c.scale > 1 {
				require.InEpsilon(t, want, optim.ClipNorm(g, 1), 1e-12)
				require.InEpsilon(t, 0.70710678, g[0].Item(), 1e-6, "%v %v %v", d, c.dt, c.scale)
			}
		}
	}
}
