package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// UpsampleNearest repeats each pixel of images [n, c, h, w] scale times along both
// axes: to [n, c, h·scale, w·scale]. It panics with a [tensor.ArgumentError] if the
// scale is below 1 or above 2²⁴, and with a [tensor.ShapeError] if an input is not an
// image batch.
func UpsampleNearest(scale int) Module { return newUpsample("UpsampleNearest", scale) }

// UpsampleBilinear makes images [n, c, h, w] scale times as large along both axes,
// by linear interpolation along each: PyTorch's bilinear mode with
// align_corners=False. Pixels are squares with centres at i+½; beyond the outermost
// centres, their values are repeated. It panics as [UpsampleNearest] does.
func UpsampleBilinear(scale int) Module { return newUpsample("UpsampleBilinear", scale) }

func newUpsample(kind string, scale int) Module {
	if scale < 1 || scale > maxSize {
		panic(&tensor.ArgumentError{Op: kind, Problem: fmt.Sprintf("images cannot be %d times as large", scale), Fix: fmt.Sprintf("give a scale of 1 to %d", maxSize)})
	}
	return &upsample{kind: kind, scale: scale}
}

type upsample struct {
	perSample
	linearInPieces
	weightless
	kind   string
	scale  int
	tables constants // of source pixels and weights, by interpolationKey
}

// interpolationKey names a table of an upsampling: what it holds, for which axis
// of which length.
type interpolationKey struct {
	what   string
	axis   int
	length int
	dtype  tensor.DType
}

func (u *upsample) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	outShape(u, x)
	for axis := 3; axis > 1; axis-- { // gathering keeps the image's order in memory
		if u.kind == "UpsampleNearest" {
			x = autograd.Gather(x, axis, u.table(x.Value(), "nearest", axis))
		} else {
			x = u.linear(x, axis)
		}
	}
	return x
}

// linear interpolates along one axis.
func (u *upsample) linear(x *autograd.Var, axis int) *autograd.Var {
	v := x.Value()
	below := autograd.Gather(x, axis, u.table(v, "below", axis))
	above := autograd.Gather(x, axis, u.table(v, "above", axis))
	return autograd.Add(
		autograd.Mul(below, autograd.Const(u.table(v, "weight below", axis))),
		autograd.Mul(above, autograd.Const(u.table(v, "weight above", axis))))
}

// table returns what an interpolation of x along an axis needs again and again,
// on x's device: the source pixel of each pixel of the result, or that pixel's
// weight, in a shape that broadcasts along the axis.
func (u *upsample) table(x *tensor.Tensor, what string, axis int) *tensor.Tensor {
	in, d := x.Dim(axis), x.Device()
	return u.tables.get(d, interpolationKey{what, axis, in, x.DType()}, func() *tensor.Tensor {
		n := in * u.scale
		pixels, weights := make([]int, n), make([]float64, n)
		for i := range n {
			at := max((float64(i)+0.5)/float64(u.scale)-0.5, 0)
			below := int(at)
			switch what {
			case "nearest":
				pixels[i] = i / u.scale
			case "below":
				pixels[i] = below
			case "above":
				pixels[i] = min(below+1, in-1)
			case "weight below":
				weights[i] = at - float64(below) // 1 minus it, below
			case "weight above":
				weights[i] = at - float64(below)
			}
		}
		if what == "nearest" || what == "below" || what == "above" {
			return d.Positions(pixels...)
		}
		w := d.FromFloat64(weights, []int{n, 1, 1}[:4-axis]...).Cast(x.DType())
		if what == "weight below" {
			w = tensor.Shift(tensor.Neg(w), 1)
		}
		return w
	})
}

func (u *upsample) OutShape(in []int) ([]int, error) {
	if len(in) != 4 {
		return nil, notImages(fmt.Sprintf("%s(%d)", u.kind, u.scale), in)
	}
	return []int{in[0], in[1], in[2] * u.scale, in[3] * u.scale}, nil
}

// Scratch implements [Scratcher].
func (u *upsample) Scratch(in []int) [][]int {
	parts := 1 // the image that is enlarged along one axis
	if u.kind == "UpsampleBilinear" {
		parts = 6 // neighbours, weighted and not, along each
	}
	return [][]int{{parts, in[0], in[1], in[2] * u.scale, in[3] * u.scale}, {8, (in[2] + in[3]) * u.scale}}
}

// Export implements [Exporter].
func (u *upsample) Export(g *Graph, x *Value) *Value {
	attrs := Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
	if u.kind == "UpsampleBilinear" {
		attrs = Attrs{"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
	}
	scale := float32(u.scale)
	return g.Op("Resize", attrs, x, g.Float32s("roi"), g.Float32s("scales", 1, 1, scale, scale))
}

type upsampleSpec struct {
	Scale int `json:"scale"`
}

// Describe implements [Describer].
func (u *upsample) Describe() (string, any) { return u.kind, upsampleSpec{u.scale} }

func init() {
	for _, kind := range []string{"UpsampleNearest", "UpsampleBilinear"} {
		Register(kind, func(c upsampleSpec) (Module, error) {
			return newUpsample(kind, c.Scale), nil
		})
	}
}

// Push implements [PiecewiseLinear].
func (u *upsample) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return u.Forward(nil, autograd.Const(v)).Value()
}

// Pull implements [PiecewiseLinear].
func (u *upsample) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return pull(u, x, g) }
