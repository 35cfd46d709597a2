package nn

import (
	"math"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// FourierFeatures adds waves to its input: [n, in] to [n, in+2k], x itself, then
// sin 2πfᵢ·x for each of the k frequencies fᵢ, then cos 2πfᵢ·x. Networks on few
// inputs learn what is smooth first and fine detail late; waves of a suitable
// length make detail easy (Tancik et al., "Fourier features let networks learn
// high frequency functions in low dimensional domains", 2020).
//
// Frequencies are rows of in numbers each, in periods per unit of the input.
// They are fixed: the network's description holds them, and there are no
// parameters. FourierFeatures panics with a [tensor.ArgumentError] if there are
// no frequencies, and with a [tensor.ShapeError] if their lengths differ or an input
// is not [n, in].
func FourierFeatures(frequencies [][]float64) Module {
	f := &fourierFeatures{k: len(frequencies)}
	var angular []float64
	for _, row := range frequencies {
		if f.in = len(row); f.in == 0 || f.in != len(frequencies[0]) {
			panic(&tensor.ShapeError{Op: "FourierFeatures", Shapes: [][]int{{len(frequencies[0])}, {len(row)}},
				Problem: "a frequency has no component, or another number of them than the first", Fix: "give rows of one length"})
		}
		f.frequencies = append(f.frequencies, slices.Clone(row))
		for _, v := range row {
			angular = append(angular, 2*math.Pi*v)
		}
	}
	if f.k == 0 {
		panic(&tensor.ArgumentError{Op: "FourierFeatures", Problem: "there are no frequencies", Fix: "give one or more"})
	}
	f.angular = tensor.FromFloat64(angular, f.k, f.in)
	return f
}

type fourierFeatures struct {
	perSample
	weightless
	in, k       int
	frequencies [][]float64
	angular     *tensor.Tensor // [k, in], 2π times the frequencies, in Float64
	matrices    constants      // the same by dtype, on each device
}

func (f *fourierFeatures) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	outShape(f, x)
	phase := autograd.Linear(x, autograd.Const(f.matrix(x.Value())), nil, tensor.Activation{})
	return autograd.Concat(1, x, autograd.Sin(phase), autograd.Cos(phase))
}

// matrix returns the angular frequencies in the dtype and on the device of x.
func (f *fourierFeatures) matrix(x *tensor.Tensor) *tensor.Tensor {
	return f.matrices.get(x.Device(), x.DType(), func() *tensor.Tensor { return f.angular.Cast(x.DType()).To(x.Device()) })
}

func (f *fourierFeatures) OutShape(in []int) ([]int, error) {
	if len(in) != 2 || in[1] != f.in {
		return nil, &tensor.ShapeError{Op: "FourierFeatures", Shapes: [][]int{slices.Clone(in), {f.k, f.in}},
			Problem: "the input does not fit the frequencies", Fix: "give [n, in] with as many inputs as a frequency has components"}
	}
	return []int{in[0], f.in + 2*f.k}, nil
}

// waves returns the sines and cosines of an output.
func (f *fourierFeatures) waves(y *tensor.Tensor) (sin, cos *tensor.Tensor) {
	return y.Slice(1, f.in, f.in+f.k), y.Slice(1, f.in+f.k, f.in+2*f.k)
}

// Linearity implements [PiecewiseLinear].
func (*fourierFeatures) Linearity() Linearity { return CurvedInput }

// Push implements [PiecewiseLinear].
func (f *fourierFeatures) Push(y, v *tensor.Tensor) *tensor.Tensor {
	sin, cos := f.waves(y)
	phase := tensor.Linear(v, f.matrix(v), nil, tensor.Activation{})
	return tensor.Concat(1, v, tensor.Mul(cos, phase), tensor.Neg(tensor.Mul(sin, phase)))
}

// Pull implements [PiecewiseLinear].
func (f *fourierFeatures) Pull(_, y, g *tensor.Tensor) *tensor.Tensor {
	sin, cos := f.waves(y)
	gSin, gCos := f.waves(g)
	phase := tensor.Sub(tensor.Mul(gSin, cos), tensor.Mul(gCos, sin))
	return tensor.Add(g.Slice(1, 0, f.in), tensor.MatMul(phase, f.matrix(g)))
}

// Scratch implements [Scratcher]: the products, their sines and their cosines.
func (f *fourierFeatures) Scratch(in []int) [][]int { return [][]int{{3, in[0], f.k}} }

// Export implements [Exporter].
func (f *fourierFeatures) Export(g *Graph, x *Value) *Value {
	phase := g.Op("MatMul", nil, x, g.Const("frequencies", f.angular.T()))
	return g.Op("Concat", Attrs{"axis": 1}, x, g.Op("Sin", nil, phase), g.Op("Cos", nil, phase))
}

type fourierSpec struct {
	Frequencies [][]float64 `json:"frequencies"`
}

// Describe implements [Describer].
func (f *fourierFeatures) Describe() (string, any) {
	return "FourierFeatures", fourierSpec{f.frequencies}
}

func init() {
	Register("FourierFeatures", func(c fourierSpec) (Module, error) { return FourierFeatures(c.Frequencies), nil })
}
