package nn_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// doubled runs a layer with twice its weight: a wrapper of someone's own.
type doubled struct{ layer nn.Module }

func (d doubled) Params() []*nn.Param { return d.layer.(nn.Owner).Params() }
func (d doubled) Unwrap() nn.Module   { return d.layer }
func (d doubled) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return d.layer.Forward(d.Pass(ctx, x), x)
}
func (d doubled) Pass(ctx *nn.Ctx, _ *autograd.Var) *nn.Ctx {
	weight := d.Params()[0]
	return ctx.Replace(weight, autograd.Scale(ctx.Var(weight), 2))
}

// chain feeds one part's output to the next.
type chain []nn.Module

func (c chain) Chain() {}
func (c chain) Children() (out []nn.Child) {
	for i, m := range c {
		out = append(out, nn.Child{Name: string(rune('a' + i)), Module: m})
	}
	return out
}
func (c chain) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	for _, m := range c {
		x = m.Forward(ctx, x)
	}
	return x
}

// TestWrapper: what wraps a layer is treated as SpectralNorm is, whoever wrote
// it, and wrappers may wrap each other.
func TestWrapper(t *testing.T) {
	twice := ready(nn.Sequential(doubled{doubled{nn.Linear(3, 2)}}, nn.Tanh()), 1, tensor.Float64)
	plain := nn.Sequential(nn.Linear(3, 2), nn.Tanh())
	require.NoError(t, nn.LoadState(plain, map[string]*tensor.Tensor{
		"0.weight": tensor.Scale(nn.State(twice)["0.weight"], 4), "0.bias": nn.State(twice)["0.bias"]}))
	x := autograd.Const(tensor.NewStream(1, "input").Normal(tensor.Float64, 5, 3))
	require.Equal(t, plain.Forward(nil, x).Value().Float64s(), twice.Forward(nil, x).Value().Float64s())

	// The gradient is that by the parameter itself.
	leaf := func(m nn.Module) []*autograd.Var { return []*autograd.Var{nn.Params(m)[0].Param.Leaf()} }
	track := &nn.Ctx{Track: true}
	want := autograd.Grad(autograd.Sum(plain.Forward(track, x)), leaf(plain), autograd.Opts{})[0].Value()
	got := autograd.Grad(autograd.Sum(twice.Forward(track, x)), leaf(twice), autograd.Opts{})[0].Value()
	require.InDeltaSlice(t, tensor.Scale(want, 4).Float64s(), got.Float64s(), 1e-15)

	mixes, known := nn.MixesBatch(twice)
	require.True(t, !mixes && known)
	mixes, known = nn.MixesBatch(doubled{nn.BatchNorm1D(2)})
	require.True(t, mixes && known)
	require.Contains(t, nn.Summary(twice, 3), "0 nn_test.doubled nn_test.doubled Linear")
	_, ok := nn.PiecewiseLayers(nn.Sequential(doubled{nn.Linear(3, 2)}))
	require.False(t, ok) // not until a wrapper says so
}

// TestReplace: the pass that is replaced in stays as it was.
func TestReplace(t *testing.T) {
	p := nn.Params(ready(nn.Linear(1, 1), 1, tensor.Float64))[0].Param
	one, two := autograd.Const(tensor.Scalar(tensor.Float64, 1)), autograd.Const(tensor.Scalar(tensor.Float64, 2))
	outer := (*nn.Ctx)(nil).Replace(p, one)
	inner := outer.Replace(p, two)
	require.Same(t, one, outer.Var(p))
	require.Same(t, two, inner.Var(p))
	require.Equal(t, p.Value(), (*nn.Ctx)(nil).Var(p).Value())
}

// TestChain: a chain of someone's own comes apart as a Sequential does.
func TestChain(t *testing.T) {
	c := chain{nn.Linear(3, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 1))}
	layers, ok := nn.PiecewiseLayers(c)
	require.True(t, ok)
	require.Len(t, layers, 3)
	require.Contains(t, nn.Summary(c, 3), "c.0 Linear")
}

// outputsLast is a layer with a weight [in, out].
type outputsLast struct{ nn.Module }

func (o outputsLast) Params() []*nn.Param { return o.Module.(nn.Owner).Params() }
func (o outputsLast) OutputAxis() int     { return 1 }

// TestOutputAxis: rows of the matrix that is normalised are the outputs.
func TestOutputAxis(t *testing.T) {
	m := nn.SpectralNorm(outputsLast{nn.Linear(4, 6)}) // here the weight is [6, 4]
	shapes := map[string][]int{}
	for _, p := range nn.Params(m) {
		shapes[p.Name] = slices.Clone(p.Param.Shape())
	}
	require.Equal(t, []int{4}, shapes["parametrizations.weight.0._u"])
	require.Equal(t, []int{6}, shapes["parametrizations.weight.0._v"])
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	require.True(t, nn.Ready(m))
}
