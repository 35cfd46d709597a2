package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// apart keeps a layer from being fused with what follows it.
type apart struct{ nn.Module }

func (a apart) Children() []nn.Child { return []nn.Child{{Name: "", Module: a.Module}} }

// TestSequentialFuses: a layer and the activation after it give the same bits,
// values and gradients, in one operation and in two.
func TestSequentialFuses(t *testing.T) {
	layers := map[string]func() nn.Module{
		"Linear":          func() nn.Module { return nn.Linear(6, 5) },
		"Linear, no bias": func() nn.Module { return nn.Linear(6, 5, nn.NoBias()) },
		"Conv2D":          func() nn.Module { return nn.Conv2D(3, 4, 3, nn.Padding(1), nn.Stride(2)) },
		"Conv2D, no bias": func() nn.Module { return nn.Conv2D(3, 4, 3, nn.NoBias()) },
		"ConvTranspose2D": func() nn.Module { return nn.ConvTranspose2D(3, 4, 4, nn.Padding(1), nn.Stride(2)) },
		"spectral Conv2D": func() nn.Module { return nn.SpectralNorm(nn.Conv2D(3, 4, 3)) },
		"doubled twice":   func() nn.Module { return doubled{doubled{nn.Conv2D(3, 4, 3)}} },
		"AvgPool2D":       func() nn.Module { return nn.AvgPool2D(2) },
	}
	activations := map[string]nn.Module{
		"Tanh": nn.Tanh(), "Sigmoid": nn.Sigmoid(), "ReLU": nn.ReLU(), "LeakyReLU": nn.LeakyReLU(0.2),
		"falling LeakyReLU": nn.LeakyReLU(-0.2), "Softplus": nn.Softplus(), "ELU": nn.ELU(0.5), "SiLU": nn.SiLU(),
	}
	r := tensor.NewStream(1, "input")
	for layer, make := range layers {
		for name, act := range activations {
			m := ready(make(), 1, tensor.Float32)
			x := autograd.Leaf(r.Normal(tensor.Float32, 2, 3, 6, 6))
			ctx := &nn.Ctx{Track: true}
			in := []*autograd.Var{x}
			for _, p := range nn.Params(m) {
				if !p.Param.Buffer() {
					in = append(in, p.Param.Leaf())
				}
			}
			one, two := nn.Sequential(m, act).Forward(ctx, x), nn.Sequential(apart{m}, act).Forward(ctx, x)
			require.Equal(t, two.Value().Float32s(), one.Value().Float32s(), "%s and %s", layer, name)
			weights := autograd.Const(r.Normal(tensor.Float32, one.Shape()...))
			sum := func(y *autograd.Var) *autograd.Var { return autograd.Sum(autograd.Mul(y, weights)) }
			want := autograd.Grad(sum(two), in, autograd.Opts{})
			for i, g := range autograd.Grad(sum(one), in, autograd.Opts{}) {
				require.Equal(t, want[i].Value().Float32s(), g.Value().Float32s(), "%s and %s, gradient %d", layer, name, i)
			}
		}
	}
}

// scaled is a layer of someone's own that takes an activation along.
type scaled struct {
	by    float64
	fused []string // with what
}

func (s *scaled) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return s.ForwardFused(ctx, x, tensor.Activation{})
}

func (s *scaled) ForwardFused(_ *nn.Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var {
	s.fused = append(s.fused, act.String())
	return autograd.Activate(autograd.Scale(x, s.by), act)
}

// squared is an activation of someone's own that no layer can apply.
type squared struct{}

func (squared) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Square(x) }
func (squared) Activation() (tensor.Activation, bool)            { return tensor.ReLUActivation(), false }

// TestFusing: a Sequential asks any layer, and only with activations that fuse.
func TestFusing(t *testing.T) {
	s := &scaled{by: 2}
	m := nn.Sequential(s, nn.ReLU(), s, nn.Softplus(), s, squared{}, s, nn.LeakyReLU(-1), s, s, nn.LeakyReLU(0.5))
	x := autograd.Const(tensor.FromFloat64([]float64{-1, 0.25}))
	got := m.Forward(nil, x)
	require.Equal(t, []string{"ReLU", "None", "None", "None", "None", "LeakyReLU"}, s.fused)
	want := autograd.ReLU(autograd.Scale(x, 2))
	want = autograd.Softplus(autograd.Scale(want, 2))
	want = autograd.Square(autograd.Scale(want, 2))
	want = autograd.LeakyReLU(autograd.Scale(want, 2), -1)
	want = autograd.LeakyReLU(autograd.Scale(want, 4), 0.5)
	require.Equal(t, want.Value().Float64s(), got.Value().Float64s())
}
