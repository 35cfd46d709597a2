package autograd_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// TestEpiloguesAreTheirParts: a layer with a bias and an activation gives, in
// float32, bit for bit what its parts give one after another: its value, and
// its gradients in a pass that is recorded and in one that is not.
func TestEpiloguesAreTheirParts(t *testing.T) {
	p := tensor.ConvParams{Stride: [2]int{2, 2}, Pad: [2]int{1, 1}}
	none := tensor.Activation{}
	perChannel := func(y, b *ag.Var) *ag.Var { return ag.Add(y, ag.Reshape(b, b.Value().Len(), 1, 1)) }
	// What is added to a layer depends on its input, and does not lie by rows.
	beside := func(x *ag.Var, channels int) *ag.Var {
		w := ag.Const(tensor.NewStream(2, "beside").Normal(tensor.Float32, channels, 7))
		return ag.Transpose(ag.Linear(w, x, nil, none))
	}
	for _, channels := range []int{1, 3, 16} {
		for name, c := range map[string]struct {
			x, w  []int
			fused func(x, w, b *ag.Var, act tensor.Activation) *ag.Var
			parts func(x, w, b *ag.Var) *ag.Var
		}{
			"Linear": {[]int{9, 7}, []int{channels, 7}, ag.Linear,
				func(x, w, b *ag.Var) *ag.Var { return ag.Add(ag.Linear(x, w, nil, none), b) }},
			"LinearAdd": {[]int{9, 7}, []int{channels, 7},
				func(x, w, b *ag.Var, act tensor.Activation) *ag.Var {
					return ag.LinearAdd(x, w, b, beside(x, channels), act)
				},
				func(x, w, b *ag.Var) *ag.Var { return ag.Add(ag.Linear(x, w, b, none), beside(x, channels)) }},
			"Conv2D": {[]int{5, 4, 9, 8}, []int{channels, 4, 4, 4},
				func(x, w, b *ag.Var, act tensor.Activation) *ag.Var { return ag.Conv2D(x, w, b, p, act) },
				func(x, w, b *ag.Var) *ag.Var { return perChannel(ag.Conv2D(x, w, nil, p, none), b) }},
			"Conv2DInputGrad": {[]int{5, 4, 4, 4}, []int{4, channels, 4, 4},
				func(x, w, b *ag.Var, act tensor.Activation) *ag.Var {
					return ag.Conv2DInputGrad(x, w, b, 9, 8, p, act)
				},
				func(x, w, b *ag.Var) *ag.Var {
					return perChannel(ag.Conv2DInputGrad(x, w, nil, 9, 8, p, none), b)
				}},
		} {
			for _, act := range []tensor.Activation{
				none, tensor.TanhActivation(), tensor.SigmoidActivation(), tensor.ReLUActivation(),
				tensor.LeakyReLUActivation(0.2), tensor.LeakyReLUActivation(-0.2),
			} {
				r := tensor.NewStream(1, "test")
				x, w, b := ag.Leaf(r.Normal(tensor.Float32, c.x...)), ag.Leaf(r.Normal(tensor.Float32, c.w...)), ag.Leaf(r.Normal(tensor.Float32, channels))
				y, want := c.fused(x, w, b, act), ag.Activate(c.parts(x, w, b), act)
				what := fmt.Sprintf("%s to %d, %v", name, channels, act)
				require.Equal(t, want.Value().Float32s(), y.Value().Float32s(), what)
				// A gradient in row-major memory, as layers behind a Flatten return it.
				g := ag.Const(r.Normal(tensor.Float32, y.Shape()...))
				for _, recorded := range []bool{false, true} {
					opts := ag.Opts{CreateGraph: recorded}
					in := []*ag.Var{x, w, b}
					got := ag.Grad(ag.Sum(ag.Mul(g, y)), in, opts)
					for i, want := range ag.Grad(ag.Sum(ag.Mul(g, want)), in, opts) {
						require.Equal(t, want.Value().Float32s(), got[i].Value().Float32s(), "%s by input %d, recorded %v", what, i, recorded)
					}
				}
			}
		}
	}
}
