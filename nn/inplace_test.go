package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestParametersCountTheirWrites: a gradient that is yet to be taken minds what it
// needs, and nothing else of the network.
func TestParametersCountTheirWrites(t *testing.T) {
	m := ready(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), 1, tensor.Float64)
	ps := nn.Params(m)
	x := autograd.Leaf(tensor.NewStream(1, "input").Normal(tensor.Float64, 3, 2))
	pass := func() *autograd.Var { return autograd.Sum(m.Forward(&nn.Ctx{Track: true}, x)) }
	gradient := func(y *autograd.Var, by *autograd.Var) *tensor.Tensor {
		return autograd.Grad(y, []*autograd.Var{by}, autograd.Opts{})[0].Value()
	}

	// The gradient by the last weight needs the first layer, not the last.
	y := pass()
	want := gradient(y, ps[2].Param.Leaf()).Float64s()
	for _, p := range ps[2:] {
		p.Param.Value().Fill(7)
	}
	require.Equal(t, want, gradient(y, ps[2].Param.Leaf()).Float64s())
	requireMisuse[*autograd.InPlaceError](t, "gradient of Linear: input 1 of shape [1 2] was changed in place since; "+
		"take the gradient before the change, or Clone the tensor first", func() { gradient(y, x) })

	// A view of a parameter is that parameter.
	y = pass()
	ps[0].Param.Value().Slice(0, 0, 1).Fill(0)
	requireMisuse[*autograd.InPlaceError](t, "gradient of Linear: input 1 of shape [2 2] was changed in place since; "+
		"take the gradient before the change, or Clone the tensor first", func() { gradient(y, x) })
	nn.State(m)["0.weight"].Fill(1)
	version := ps[0].Param.Value().Version()
	nn.State(m)["0.weight"].Fill(2)
	require.Equal(t, version+1, ps[0].Param.Value().Version())
}

// TestUpdatesBeforeTheGradient: what moves running averages does not disturb
// gradients that are yet to be taken.
func TestUpdatesBeforeTheGradient(t *testing.T) {
	m := ready(nn.Sequential(nn.BatchNorm1D(2), nn.Linear(2, 1)), 1, tensor.Float64)
	ctx := &nn.Ctx{Train: true, Track: true, Updates: new(nn.Updates)}
	x := autograd.Leaf(tensor.NewStream(1, "input").Normal(tensor.Float64, 3, 2))
	y := autograd.Sum(autograd.Square(m.Forward(ctx, x)))
	leaves := []*autograd.Var{x, nn.Params(m)[0].Param.Leaf()}
	want := autograd.Grad(y, leaves, autograd.Opts{})
	ctx.Updates.Apply()
	for i, g := range autograd.Grad(y, leaves, autograd.Opts{}) {
		require.Equal(t, want[i].Value().Float64s(), g.Value().Float64s())
	}
	// In evaluation, what the gradient needs of an average was computed from it by
	// then; what needs a weight minds.
	y = autograd.Sum(m.Forward(nil, x))
	nn.State(m)["0.running_mean"].Fill(3)
	autograd.Grad(y, leaves[:1], autograd.Opts{})
	y = autograd.Sum(m.Forward(nil, x))
	nn.State(m)["1.weight"].Fill(3)
	require.Error(t, tensor.Catch(func() { autograd.Grad(y, leaves[:1], autograd.Opts{}) }))
}
