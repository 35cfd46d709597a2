package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// wrong is a factor whose gradient is off in the given respect.
type wrong struct {
	factor   *nn.Param
	byFactor float64
	byInput  float64
}

func newWrong(byFactor, byInput float64) wrong {
	return wrong{nn.NewParam("factor", nn.Constant(1.5), 1, 1), byFactor, byInput}
}

func (w wrong) Params() []*nn.Param { return []*nn.Param{w.factor} }
func (w wrong) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Apply(w, x, ctx.Var(w.factor))
}
func (wrong) Name() string                            { return "Wrong" }
func (wrong) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Mul(in[0], in[1]) }
func (w wrong) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	return []*autograd.Var{autograd.Scale(autograd.Mul(gy, b.In(1)), w.byInput), autograd.Scale(autograd.Mul(gy, b.In(0)), w.byFactor)}
}

func TestCheckGrad(t *testing.T) {
	values := tensor.NewStream(1, "input").Normal(tensor.Float64, 4, 3)
	input, constant := autograd.Leaf(values), autograd.Const(values)
	check := func(ctx *nn.Ctx, m nn.Module, x *autograd.Var) error {
		nn.Init(m, 1, tensor.Float64, tensor.CPU())
		return nn.CheckGrad(ctx, m, x, autograd.CheckOptions{})
	}
	good := nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1D(4), nn.Tanh(), nn.Linear(4, 2))
	require.NoError(t, check(nil, nn.SpectralNorm(nn.Linear(3, 2)), input))
	for _, ctx := range []*nn.Ctx{nil, {Train: true, Updates: new(nn.Updates)}} {
		require.NoError(t, check(ctx, good, input))
		before := bits(good)
		require.NoError(t, nn.CheckGrad(ctx, good, constant, autograd.CheckOptions{}))
		if ctx != nil {
			ctx.Updates.Apply() // of which there are none
		}
		require.Equal(t, before, bits(good))
	}
	require.NoError(t, check(nil, nn.Embedding(3, 2), autograd.Const(tensor.FromFloat64([]float64{2, 0, 1}))))

	require.NoError(t, check(nil, newWrong(1, 1), input))
	require.ErrorContains(t, check(nil, nn.Sequential(nn.Linear(3, 3), newWrong(1.01, 1)), constant), "autograd: first derivative")
	require.ErrorContains(t, check(nil, newWrong(1, 0.99), input), "autograd: first derivative")
	require.NoError(t, check(nil, newWrong(1, 0.99), constant)) // nobody asked for the input's

	frozen := nn.Sequential(newWrong(2, 1), nn.Linear(3, 1))
	nn.Freeze(nn.Sequential(frozen.(nn.Parent).Children()[0].Module), true)
	require.NoError(t, check(nil, frozen, input))

	single := ready(nn.Sequential(nn.Tanh(), nn.Linear(3, 1)), 1, tensor.Float32)
	require.EqualError(t, nn.CheckGrad(nil, single, input, autograd.CheckOptions{}),
		"nn: CheckGrad: parameter 1.weight is float32; finite differences need float64")
}

// direct is a factor that is read past the pass, in one of two ways.
type direct struct {
	factor *nn.Param
	read   func(*nn.Param) *autograd.Var
}

func (d direct) Params() []*nn.Param { return []*nn.Param{d.factor} }
func (d direct) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Mul(x, d.read(d.factor))
}

// What a pass does not know of has the same values on both sides of a finite difference.
func TestCheckGradKnowsThePass(t *testing.T) {
	x := autograd.Leaf(tensor.NewStream(1, "input").Normal(tensor.Float64, 4, 3))
	for name, read := range map[string]func(*nn.Param) *autograd.Var{
		"value": func(p *nn.Param) *autograd.Var { return autograd.Const(p.Value()) },
		"leaf":  (*nn.Param).Leaf,
	} {
		for kind, p := range map[string]*nn.Param{"parameter": nn.NewParam("factor", nn.Constant(2), 1, 1), "buffer": nn.NewBuffer("factor", nn.Constant(2))} {
			m := nn.Sequential(nn.Linear(3, 3), direct{p, read})
			nn.Init(m, 1, tensor.Float64, tensor.CPU())
			before := bits(m)
			require.EqualError(t, nn.CheckGrad(nil, m, x, autograd.CheckOptions{}),
				"nn: CheckGrad: the module reads parameter 1.factor otherwise than by Ctx.Var", "the %s by its %s", kind, name)
			require.Equal(t, before, bits(m))
		}
	}
	drawing := &nn.Ctx{Train: true, Rand: tensor.NewStream(1, "dropout")}
	require.ErrorContains(t, nn.CheckGrad(drawing, nn.Dropout(.5), x, autograd.CheckOptions{}),
		"two passes give different outputs; they must not draw random numbers")
}
