package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestEnlargedConv: a convolution of enlarged images is the same in one operation
// and in two, with its gradients of both orders.
func TestEnlargedConv(t *testing.T) {
	r := tensor.NewStream(1, "input")
	for _, c := range []struct {
		scale int
		conv  func() nn.Module
	}{
		{2, func() nn.Module { return nn.Conv2D(3, 4, 3, nn.Padding(1)) }},
		{2, func() nn.Module { return nn.Conv2D(3, 1, 3, nn.Padding(1), nn.NoBias()) }},
		{2, func() nn.Module { return nn.Conv2D(3, 2, 3) }},
		{2, func() nn.Module { return nn.Conv2D(3, 2, 3, nn.Padding(2)) }},
		{2, func() nn.Module { return nn.Conv2D(3, 2, 5, nn.Padding(2)) }},
		{2, func() nn.Module { return nn.Conv2D(3, 2, 1) }},
		{2, func() nn.Module { return nn.Conv2D(3, 2, 1, nn.KernelSize(4, 2), nn.Padding(0, 1)) }},
		{3, func() nn.Module { return nn.Conv2D(3, 2, 3, nn.Padding(1)) }},
		{3, func() nn.Module { return nn.Conv2D(3, 2, 5, nn.Padding(1)) }},
		{4, func() nn.Module { return nn.Conv2D(3, 2, 2, nn.Padding(1)) }},
	} {
		for _, act := range []nn.Module{nn.LeakyReLU(0.2), nn.Tanh(), nn.Flatten()} { // the last cannot be fused
			conv := ready(c.conv(), 1, tensor.Float64)
			name := nn.Summary(conv, 1, 3, 20, 20)
			one := nn.Sequential(nn.UpsampleNearest(c.scale), conv, act)
			two := nn.Sequential(nn.UpsampleNearest(c.scale), apart{conv}, act)
			x := autograd.Leaf(r.Normal(tensor.Float64, 2, 3, 4, 5))
			in := []*autograd.Var{x}
			in = append(in, nn.Leaves(conv)...)
			first, second := [2][]float64{}, [2][]float64{}
			var weights, toSum *autograd.Var
			for k, m := range []nn.Module{one, two} {
				y := m.Forward(&nn.Ctx{Track: true}, x)
				if weights == nil {
					weights, toSum = autograd.Const(r.Normal(tensor.Float64, y.Shape()...)), autograd.Const(r.Normal(tensor.Float64, x.Shape()...))
				}
				gs := autograd.Grad(autograd.Sum(autograd.Mul(y, weights)), in, autograd.Opts{CreateGraph: true})
				first[k] = append(first[k], y.Value().Float64s()...)
				for _, g := range gs {
					first[k] = append(first[k], g.Value().Float64s()...)
				}
				// A penalty on the gradient by the input.
				p := autograd.Sum(autograd.Mul(autograd.Square(gs[0]), toSum))
				for _, g := range autograd.Grad(p, in, autograd.Opts{AllowConstant: true}) {
					second[k] = append(second[k], g.Value().Float64s()...)
				}
			}
			require.InDeltaSlice(t, first[1], first[0], 1e-12, "%d, %s", c.scale, name)
			require.InDeltaSlice(t, second[1], second[0], 1e-11, "%d, %s", c.scale, name)
		}
	}
}
