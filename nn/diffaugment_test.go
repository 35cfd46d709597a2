package nn_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// plainAugment is DiffAugment by its definition, pixel by pixel, of the numbers u,
// eight for each image.
func plainAugment(a nn.Augmentations, x optest.Array, u []float64) optest.Array {
	n, c, h, w := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	out := optest.Build(x.Shape, func(o []int) float64 { return x.At(o...) })
	part := func(length int, of float64) int { return int(float64(length)*of + .5) }
	for i := range n {
		u := u[8*i : 8*i+8]
		at := func(k, y, x int) *float64 { return &out.Data[((i*c+k)*h+y)*w+x] }
		each := func(f func(k, y, x int)) {
			for k := range c {
				for y := range h {
					for x := range w {
						f(k, y, x)
					}
				}
			}
		}
		if a.Colour {
			each(func(k, y, x int) { *at(k, y, x) += u[0] - .5 })
			for y := range h {
				for x := range w {
					mean := 0.
					for k := range c {
						mean += *at(k, y, x) / float64(c)
					}
					for k := range c {
						*at(k, y, x) = mean + (*at(k, y, x)-mean)*2*u[1]
					}
				}
			}
			mean := 0.
			each(func(k, y, x int) { mean += *at(k, y, x) / float64(c*h*w) })
			each(func(k, y, x int) { *at(k, y, x) = mean + (*at(k, y, x)-mean)*(u[2]+.5) })
		}
		sy, sx := part(h, a.Shift), part(w, a.Shift)
		dy, dx := int(u[3]*float64(2*sy+1))-sy, int(u[4]*float64(2*sx+1))-sx
		before := optest.Build(x.Shape, func(o []int) float64 { return out.At(o...) })
		each(func(k, y, x int) { *at(k, y, x) = pixel(before, i, k, y-dy, x-dx, 0) })
		if a.Cutout > 0 {
			ch, cw := part(h, a.Cutout), part(w, a.Cutout)
			oy, ox := int(u[5]*float64(h+1-ch%2)), int(u[6]*float64(w+1-cw%2))
			for y := oy - ch/2; y < oy-ch/2+ch; y++ {
				for x := ox - cw/2; x < ox-cw/2+cw; x++ {
					for k := range c {
						if y >= 0 && y < h && x >= 0 && x < w {
							*at(k, y, x) = 0
						}
					}
				}
			}
		}
	}
	return out
}

var augmentations = map[string]nn.Augmentations{
	"all":     {Colour: true, Shift: .125, Cutout: .5},
	"colour":  {Colour: true},
	"shift":   {Shift: .4},
	"cutout":  {Cutout: .3},
	"a pixel": {Cutout: .15},
	"whole":   {Shift: .9, Cutout: 1},
	"too few": {Shift: .01, Cutout: .01},
}

func TestDiffAugment(t *testing.T) {
	for name, a := range augmentations {
		for _, shape := range [][]int{{40, 3, 8, 8}, {23, 1, 5, 7}, {9, 2, 1, 6}, {0, 3, 4, 4}} {
			for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
				x := tensor.NewStream(1, name).Normal(dt, shape...)
				u := tensor.NewStream(2, name).Uniform(dt, shape[0], 8).Float64s()
				want := plainAugment(a, optest.Array{Shape: shape, Data: x.Float64s()}, u)
				m := nn.DiffAugment(a)
				got := m.Forward(&nn.Ctx{Train: true, Rand: tensor.NewStream(2, name)}, autograd.Const(x))
				tolerance := map[tensor.DType]float64{tensor.Float32: 3e-6, tensor.Float64: 1e-14}[dt]
				require.Equal(t, shape, got.Shape())
				require.InDeltaSlice(t, want.Data, got.Value().Float64s(), tolerance, "%s %v %v", name, shape, dt)
				v := autograd.Const(x)
				require.Same(t, v, m.Forward(nil, v), "evaluation")
			}
		}
	}
}

// The numbers of real and generated samples are the same in one batch or in two.
func TestDiffAugmentDraws(t *testing.T) {
	for name, a := range augmentations {
		m := nn.DiffAugment(a)
		x := tensor.NewStream(1, name).Normal(tensor.Float32, 6, 3, 5, 4)
		whole := m.Forward(&nn.Ctx{Train: true, Rand: tensor.NewStream(2, name)}, autograd.Const(x)).Value()
		ctx := &nn.Ctx{Train: true, Rand: tensor.NewStream(2, name)}
		for i := range 6 {
			one := m.Forward(ctx, autograd.Const(x.Slice(0, i, i+1))).Value()
			require.Equal(t, whole.Slice(0, i, i+1).Float64s(), one.Float64s(), name)
		}
	}
	requireMisuse[*nn.StateError](t, "nn: DiffAugment needs random numbers, and this pass has none; set Ctx.Rand", func() {
		nn.DiffAugment(nn.Augmentations{Shift: .1}).Forward(&nn.Ctx{Train: true}, autograd.Const(tensor.New(tensor.Float32, 2, 1, 2, 2)))
	})
}

// On a device that is not host memory, the same is drawn.
func TestDiffAugmentFar(t *testing.T) {
	device, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	for name, a := range augmentations {
		m := nn.DiffAugment(a)
		pass := func(d *tensor.Device) []float64 {
			x := tensor.NewStream(1, name).Normal(tensor.Float32, 6, 3, 5, 4).To(d)
			leaf := autograd.Leaf(x)
			y := m.Forward(&nn.Ctx{Train: true, Rand: tensor.NewStream(2, name)}, leaf)
			g := autograd.Grad(autograd.Sum(autograd.Square(y)), []*autograd.Var{leaf}, autograd.Opts{})[0]
			return append(y.Value().Float64s(), g.Value().Float64s()...)
		}
		require.InDeltaSlice(t, pass(tensor.CPU()), pass(device), 1e-5, name)
	}
}

// Gradients are right to the second order, and what the layer says of its derivative
// in one pass is what is found.
func TestDiffAugmentGradients(t *testing.T) {
	for name, a := range augmentations {
		m := nn.DiffAugment(a)
		x := tensor.NewStream(1, name).Normal(tensor.Float64, 3, 2, 4, 3)
		require.NoError(t, autograd.Check(func(xs []*autograd.Var) *autograd.Var {
			y := m.Forward(&nn.Ctx{Train: true, Rand: tensor.NewStream(2, name)}, xs[0])
			return autograd.Sum(autograd.Mul(y, autograd.Square(y)))
		}, []*tensor.Tensor{x}, autograd.CheckOptions{}), name)

		layers, ok := nn.PiecewiseLayers(nn.Sequential(m))
		require.True(t, ok)
		ctx := func(train bool) *nn.Ctx {
			return &nn.Ctx{Train: train, Rand: tensor.NewStream(2, name)}
		}
		for _, train := range []bool{true, false} {
			bound := layers[0].(nn.PassBound).Bind(ctx(train))
			leaf := autograd.Leaf(x)
			y := m.Forward(ctx(train), leaf)
			require.Equal(t, y.Value().Float64s(), bound.Forward(ctx(train), autograd.Const(x)).Value().Float64s())
			random := tensor.NewStream(3, name)
			g, v := random.Normal(tensor.Float64, y.Shape()...), random.Normal(tensor.Float64, y.Shape()...)
			want := autograd.Grad(y, []*autograd.Var{leaf}, autograd.Opts{Seed: autograd.Const(g)})[0].Value()
			require.InDeltaSlice(t, want.Float64s(), bound.Pull(x, y.Value(), g).Float64s(), 1e-14, name)
			moved := m.Forward(ctx(train), autograd.Const(tensor.Add(x, v))).Value()
			require.InDeltaSlice(t, tensor.Sub(moved, y.Value()).Float64s(), bound.Push(y.Value(), v).Float64s(), 1e-13, name)
			require.Nil(t, bound.WeightGrad(nil, nil, nil))
		}
		for _, f := range []func(){func() { layers[0].Push(nil, nil) }, func() { layers[0].Pull(nil, nil, nil) }} {
			require.ErrorContains(t, tensor.Catch(f), "call Bind first")
		}
	}
}

func TestDiffAugmentRefuses(t *testing.T) {
	for want, a := range map[string]nn.Augmentations{
		"nothing is to be changed":                         {},
		"a shift by 1 and a cutout of 0 of an image":       {Shift: 1},
		"a shift by -0.5 and a cutout of 0 of an image":    {Shift: -.5},
		"a shift by 0 and a cutout of 1.5 of an image":     {Cutout: 1.5},
		"a shift by NaN and a cutout of 0.5 of an image":   {Shift: math.NaN(), Cutout: .5},
		"a shift by 0.125 and a cutout of NaN of an image": {Shift: .125, Cutout: math.NaN()},
	} {
		require.ErrorContains(t, tensor.Catch(func() { nn.DiffAugment(a) }), want)
	}
	require.ErrorContains(t, tensor.Catch(func() {
		nn.DiffAugment(nn.Augmentations{Colour: true}).Forward(nil, autograd.Const(tensor.New(tensor.Float32, 2, 3)))
	}), "this is not an image batch")
}
