package optim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// TestZero: Zero is 0, and 0 the default.
func TestZero(t *testing.T) {
	const x, g, lr = 2.0, 0.5, 0.25
	zeros := [2]float64{optim.Zero, optim.Zero}
	for name, c := range map[string]struct {
		method optim.Method
		want   float64 // after one step
	}{
		// m = g and v = g², so that the step is the gradient's sign.
		"Adam":             {optim.Adam{LR: lr, Betas: zeros, Eps: optim.Zero, WeightDecay: optim.Zero}, x - lr},
		"AdamW":            {optim.AdamW{LR: lr, Betas: zeros, Eps: optim.Zero, WeightDecay: optim.Zero}, x - lr},
		"AdamW's default":  {optim.AdamW{LR: lr, Betas: zeros, Eps: optim.Zero}, x*(1-lr*0.01) - lr},
		"RMSprop":          {optim.RMSprop{LR: lr, Alpha: optim.Zero, Eps: optim.Zero, WeightDecay: optim.Zero, Momentum: optim.Zero}, x - lr},
		"RMSprop's α":      {optim.RMSprop{LR: lr, Eps: optim.Zero}, x - 10*lr}, // v = g²/100
		"SGD":              {optim.SGD{LR: lr, Momentum: optim.Zero, WeightDecay: optim.Zero}, x - lr*g},
		"Adam, once of 0":  {optim.Adam{LR: lr, Betas: [2]float64{0, optim.Zero}, Eps: optim.Zero}, x - lr},
		"Adam's defaults":  {optim.Adam{LR: lr}, x - lr*g/(g+1e-8)},
		"Adam with ε of ½": {optim.Adam{LR: lr, Eps: 0.5}, x - lr*g/(g+0.5)},
	} {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			p := []*tensor.Tensor{tensor.Full(dt, x, 3)}
			slots, _ := c.method.State()
			require.Equal(t, name == "SGD", len(slots) == 0)
			optim.New(c.method, p).Step([]*tensor.Tensor{tensor.Full(dt, g, 3)})
			require.InDelta(t, c.want, p[0].At(1), 1e-6, "%s, %v", name, dt)
		}
	}
	// A divisor of 0 is one.
	p := []*tensor.Tensor{tensor.Full(tensor.Float64, x, 1)}
	optim.New(optim.RMSprop{LR: lr, Eps: optim.Zero}, p).Step([]*tensor.Tensor{tensor.New(tensor.Float64, 1)})
	require.True(t, p[0].At(0) != p[0].At(0))
}
