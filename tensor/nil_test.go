package tensor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// TestNilTensors: a tensor that was forgotten is told as misuse is, wherever among
// the operands it is.
func TestNilTensors(t *testing.T) {
	x, y := tensor.New(tensor.Float32, 2, 2), tensor.New(tensor.Float64, 2, 2)
	calls := map[string]func(){
		"Mul, second": func() { tensor.Mul(x, nil) }, "Mul, other types": func() { tensor.MulAdd(x, y, nil) },
		"Where, third": func() { tensor.Where(x, x, nil) }, "MatMul, second": func() { tensor.MatMul(x, nil) },
		"Concat, second": func() { tensor.Concat(0, x, nil) }, "Gather, index": func() { tensor.Gather(x, 0, nil) },
		"ScatterAdd, index": func() { tensor.ScatterAdd(x, 0, 2, nil) }, "Tensor.CopyFrom": func() { x.CopyFrom(nil) },
		"Conv2D, weights": func() { tensor.Conv2D(x, nil, nil, tensor.ConvParams{}, tensor.Activation{}) },
		"Tensor.To":       func() { x.To(nil) }, "Scope.Empty": func() { tensor.NewScope().Empty(nil, tensor.Float32, 2) }, "Map, function": func() { tensor.Map(x, nil) },
		"Linear, weights":          func() { tensor.Linear(x, nil, nil, tensor.Activation{}) },
		"LinearAdd, what is added": func() { tensor.LinearAdd(x, x, nil, nil, tensor.Activation{}) },
	}
	for name, use := range uses {
		if use != nil && !strings.HasPrefix(name, "Tensor.") { // methods of nil fail as all in Go do
			calls[name] = func() { use(nil) }
			calls[name+", empty"] = func() { use(new(tensor.Tensor)) }
		}
	}
	for name, f := range calls {
		func() {
			defer func() {
				p := recover()
				misuse, ok := p.(tensor.Misuse)
				require.True(t, ok, "%s: %v", name, p)
				require.ErrorContains(t, misuse, "nil", name)
			}()
			f()
		}()
	}
}
