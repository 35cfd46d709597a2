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

// TestResidualFuses: a block whose body ends in a Linear gives the bits that it gives
// with the sum and the activation apart, values and gradients of both orders; and its
// layers run in the order of the parts, so that random numbers and buffers are the same.
func TestResidualFuses(t *testing.T) {
	blocks := map[string]func(end func(nn.Module) nn.Module) nn.Module{
		"Linear": func(end func(nn.Module) nn.Module) nn.Module { return nn.Residual(end(nn.Linear(6, 6)), nil) },
		"no bias, skip": func(end func(nn.Module) nn.Module) nn.Module {
			return nn.Residual(end(nn.Linear(6, 5, nn.NoBias())), nn.Linear(6, 5))
		},
		"deep": func(end func(nn.Module) nn.Module) nn.Module {
			return nn.Residual(nn.Sequential(nn.Linear(6, 4), nn.LeakyReLU(0.2), nn.Sequential(nn.Tanh(), end(nn.Linear(4, 5)))), nn.Linear(6, 5, nn.NoBias()))
		},
		"wrapped": func(end func(nn.Module) nn.Module) nn.Module {
			return nn.Residual(nn.Sequential(nn.Tanh(), end(doubled{doubled{nn.Linear(6, 5)}})), nn.Linear(6, 5))
		},
		"spectral": func(end func(nn.Module) nn.Module) nn.Module {
			return nn.Residual(end(nn.SpectralNorm(nn.Linear(6, 5))), nn.SpectralNorm(nn.Linear(6, 5)))
		},
		"within another": func(end func(nn.Module) nn.Module) nn.Module {
			return nn.Residual(nn.Sequential(nn.Residual(end(nn.Linear(6, 6)), nil), end(nn.Linear(6, 6))), nn.Residual(end(nn.Linear(6, 6)), nn.Tanh()))
		},
		"drawing": func(end func(nn.Module) nn.Module) nn.Module {
			return nn.Residual(nn.Sequential(nn.Dropout(0.3), end(nn.Linear(6, 6))), nn.Dropout(0.4))
		},
	}
	shared := nn.BatchNorm1D(6)
	blocks["one norm, twice"] = func(end func(nn.Module) nn.Module) nn.Module {
		return nn.Residual(nn.Sequential(shared, end(nn.Linear(6, 6))), nn.Sequential(nn.Tanh(), shared))
	}
	r := tensor.NewStream(1, "input")
	for name, block := range blocks {
		for _, act := range []nn.Module{nn.LeakyReLU(0.2), nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.LeakyReLU(-0.2), nn.Softplus(), nil} {
			for _, shape := range [][]int{{4, 6}, {2, 3, 6}, {6}} {
				if len(shape) != 2 && (name == "drawing" || name == "one norm, twice") {
					continue
				}
				x := autograd.Leaf(r.Normal(tensor.Float32, shape...))
				weights := autograd.Const(r.Normal(tensor.Float32, 6))
				// run returns all that a pass gives, the block's layers being fused or not.
				run := func(end func(nn.Module) nn.Module) (numbers [][]float32, ops int) {
					m := block(end)
					if act != nil {
						m = nn.Sequential(m, act)
					}
					nn.Init(m, 1, tensor.Float32, tensor.CPU())
					defer autograd.Trace(func(e autograd.Event) {
						if !e.Backward {
							ops++
						}
					})()
					ctx := &nn.Ctx{Train: true, Track: true, Rand: tensor.NewStream(3, "drop"), Updates: &nn.Updates{}}
					y := m.Forward(ctx, x)
					forward := ops
					in := []*autograd.Var{x}
					for _, p := range nn.Params(m) {
						if !p.Param.Buffer() {
							in = append(in, p.Param.Leaf())
						}
					}
					numbers = append(numbers, y.Value().Float32s())
					sum := autograd.Sum(autograd.Mul(y, autograd.Slice(weights, 0, 0, y.Value().Dim(-1))))
					first := autograd.Grad(sum, in, autograd.Opts{})
					for _, g := range first {
						numbers = append(numbers, g.Value().Float32s())
					}
					again := autograd.Grad(sum, in[:1], autograd.Opts{CreateGraph: true})
					for _, g := range autograd.Grad(autograd.Sum(autograd.Square(again[0])), in, autograd.Opts{}) {
						numbers = append(numbers, g.Value().Float32s())
					}
					ctx.Updates.Apply()
					for _, p := range nn.Params(m) {
						if p.Param.Buffer() {
							numbers = append(numbers, p.Param.Value().Float32s())
						}
					}
					return numbers, forward
				}
				one, ops := run(func(m nn.Module) nn.Module { return m })
				two, more := run(func(m nn.Module) nn.Module { return apart{m} })
				if name == "within another" { // whose x has four uses, of which the gradients are added in another order
					require.Equal(t, two[0], one[0], "%s %v and %v", name, shape, act)
					for i := range two {
						require.InDeltaSlice(t, two[i], one[i], 1e-4, "%s %v and %v", name, shape, act)
					}
				} else {
					require.Equal(t, two, one, "%s %v and %v", name, shape, act)
				}
				if len(shape) == 2 { // others are reshaped
					require.Less(t, ops, more, "%s %v and %v", name, shape, act)
				}
			}
		}
	}
}

// TestResidualEnters: a watcher is told of the same parts, whether the last layer waits
// for the skip or not.
func TestResidualEnters(t *testing.T) {
	m := ready(nn.Sequential(nn.Residual(nn.Sequential(nn.Tanh(), nn.Sequential(nn.Linear(3, 3))), nn.Linear(3, 3)), nn.ReLU()), 1, tensor.Float64)
	var told []string
	path := ""
	ctx := &nn.Ctx{Enter: func(name string, _ nn.Module) func() {
		before := path
		path += "/" + name
		return func() { path = before }
	}}
	defer autograd.Trace(func(e autograd.Event) { told = append(told, e.Op+" in "+path) })()
	m.Forward(ctx, autograd.Leaf(tensor.New(tensor.Float64, 2, 3)))
	require.Empty(t, path)
	require.Equal(t, []string{"Tanh in /0/body/0", "Linear in /0/skip", "LinearAdd in /0/body/1/0"}, told)
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
