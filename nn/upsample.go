package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// UpsampleNearest repeats each pixel of pictures [n, c, h, w] scale times along
// both axes: to [n, c, h·scale, w·scale]. It panics with a [tensor.ShapeError]
// on a scale below 1, and where an input is no picture.
func UpsampleNearest(scale int) Module { return newUpsample("UpsampleNearest", scale) }

// UpsampleBilinear makes pictures [n, c, h, w] scale times as large, with pixels
// between those of the input, each the mean of its neighbours weighted by their
// nearness: PyTorch's bilinear mode with align_corners=False. Pixels are squares
// whose centre lies at i+½; beyond the outermost centres the picture goes on
// unchanged. It panics with a [tensor.ShapeError] on a scale below 1, and where
// an input is no picture.
func UpsampleBilinear(scale int) Module { return newUpsample("UpsampleBilinear", scale) }

func newUpsample(kind string, scale int) Module {
	if scale < 1 {
		panic(&tensor.ShapeError{Op: kind, Problem: fmt.Sprintf("pictures cannot be %d times as large", scale), Fix: "give a scale of 1 or more"})
	}
	return upsample{kind: kind, scale: scale}
}

type upsample struct {
	perSample
	linearInPieces
	weightless
	kind  string
	scale int
}

func (u upsample) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	out := outShape(u, x)
	if u.kind == "UpsampleNearest" {
		for axis := 3; axis > 1; axis-- { // gathering keeps the picture's order in memory
			from := make([]int, out[axis])
			for i := range from {
				from[i] = i / u.scale
			}
			x = autograd.Gather(x, axis, from)
		}
		return x
	}
	for axis := 3; axis > 1; axis-- {
		x = u.linear(x, axis)
	}
	return x
}

// linear interpolates along one axis.
func (u upsample) linear(x *autograd.Var, axis int) *autograd.Var {
	in := x.Value().Dim(axis)
	below, above := make([]int, in*u.scale), make([]int, in*u.scale)
	weight := make([]float64, in*u.scale)
	for i := range weight {
		at := max((float64(i)+0.5)/float64(u.scale)-0.5, 0)
		below[i] = int(at)
		above[i] = min(below[i]+1, in-1)
		weight[i] = at - float64(below[i])
	}
	shape := []int{len(weight), 1, 1}[:4-axis] // along the axis
	near := like(x.Value(), shape...)
	near.SetFloat64(weight)
	far := tensor.Shift(tensor.Neg(near), 1)
	return autograd.Add(
		autograd.Mul(autograd.Gather(x, axis, below), autograd.Const(far)),
		autograd.Mul(autograd.Gather(x, axis, above), autograd.Const(near)))
}

func (u upsample) OutShape(in []int) ([]int, error) {
	if len(in) != 4 {
		return nil, &tensor.ShapeError{Op: fmt.Sprintf("%s(%d)", u.kind, u.scale), Shapes: [][]int{slices.Clone(in)},
			Problem: "these are no pictures", Fix: "give [n, channels, height, width]; reshape vectors first"}
	}
	return []int{in[0], in[1], in[2] * u.scale, in[3] * u.scale}, nil
}

type upsampleSpec struct {
	Scale int `json:"scale"`
}

// Describe implements [Describer].
func (u upsample) Describe() (string, any) { return u.kind, upsampleSpec{u.scale} }

func init() {
	for _, kind := range []string{"UpsampleNearest", "UpsampleBilinear"} {
		Register(kind, func(c upsampleSpec) (Module, error) {
			if c.Scale > maxFeatures {
				return nil, fmt.Errorf("a scale of %d is not possible", c.Scale)
			}
			return newUpsample(kind, c.Scale), nil
		})
	}
}

// Push implements [PiecewiseLinear].
func (u upsample) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return u.Forward(nil, autograd.Const(v)).Value()
}

// Pull implements [PiecewiseLinear].
func (u upsample) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return pull(u, x, g) }
