package nn

import "github.com/gander-ml/gander/tensor"

// PiecewiseLinear is a module that is linear, but for a constant, between the
// kinks of its activation. Its derivative there does not depend on the input,
// which gives some second derivatives the price of first ones. All tensors are
// plain values: x is the input of a pass, y its output.
type PiecewiseLinear interface {
	Module
	// Push returns the derivative at the pass applied to a change v of the
	// input: the module without its constant, at the slopes of the pass.
	Push(y, v *tensor.Tensor) *tensor.Tensor
	// Pull returns the derivative's transpose applied to a gradient g by the
	// output.
	Pull(x, y, g *tensor.Tensor) *tensor.Tensor
	// WeightGrad returns, in the order of Params, the gradient by the weight
	// for inputs x and a gradient g by the outputs, and that by the bias for
	// the gradient biasG by the outputs. A module without parameters returns
	// nil.
	WeightGrad(g, x, biasG *tensor.Tensor) []*tensor.Tensor
}

// PiecewiseLayers takes a network apart into layers that are
// [PiecewiseLinear], in order. ok is false where it is not made of such.
//
// The first layer may be [FourierFeatures] all the same: what comes in there
// does not depend on weights, and neither does the derivative, curved as it is.
func PiecewiseLayers(m Module) (layers []PiecewiseLinear, ok bool) {
	switch m := m.(type) {
	case sequential:
		for _, part := range m {
			more, ok := PiecewiseLayers(part)
			if !ok || len(layers) > 0 && curved(more) {
				return nil, false
			}
			layers = append(layers, more...)
		}
		return layers, true
	case activation:
		return []PiecewiseLinear{m}, m.kind == "ReLU" || m.kind == "LeakyReLU" && m.slope > 0
	case PiecewiseLinear:
		return []PiecewiseLinear{m}, true
	}
	return nil, false
}

// curved reports whether layers begin with one whose derivative depends on its
// input.
func curved(layers []PiecewiseLinear) bool {
	if len(layers) == 0 {
		return false
	}
	_, is := layers[0].(*fourierFeatures)
	return is
}

// Push implements [PiecewiseLinear].
func (l *linear) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return tensor.Linear(v, l.weight.Value(), nil, tensor.Identity, 0)
}

// Pull implements [PiecewiseLinear].
func (l *linear) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return tensor.MatMul(g, l.weight.Value())
}

// WeightGrad implements [PiecewiseLinear].
func (l *linear) WeightGrad(g, x, biasG *tensor.Tensor) []*tensor.Tensor {
	weight := tensor.MatMul(g.T(), x)
	if l.bias == nil {
		return []*tensor.Tensor{weight}
	}
	return []*tensor.Tensor{weight, tensor.Sum(biasG, 0)}
}

// Push implements [PiecewiseLinear].
func (a activation) Push(y, v *tensor.Tensor) *tensor.Tensor {
	if a.kind == "ReLU" {
		return tensor.ReLUGrad(v, y)
	}
	return tensor.LeakyReLUGrad(v, y, a.slope) // y has x's sign
}

// Pull implements [PiecewiseLinear]: the slopes are a diagonal matrix.
func (a activation) Pull(_, y, g *tensor.Tensor) *tensor.Tensor { return a.Push(y, g) }

// WeightGrad implements [PiecewiseLinear].
func (activation) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor { return nil }

// Push implements [PiecewiseLinear].
func (flatten) Push(y, v *tensor.Tensor) *tensor.Tensor { return v.Reshape(y.Shape()...) }

// Pull implements [PiecewiseLinear].
func (flatten) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return g.Reshape(x.Shape()...) }

// WeightGrad implements [PiecewiseLinear].
func (flatten) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor { return nil }

// Push implements [PiecewiseLinear].
func (reshape) Push(y, v *tensor.Tensor) *tensor.Tensor { return v.Reshape(y.Shape()...) }

// Pull implements [PiecewiseLinear].
func (reshape) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return g.Reshape(x.Shape()...) }

// WeightGrad implements [PiecewiseLinear].
func (reshape) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor { return nil }
