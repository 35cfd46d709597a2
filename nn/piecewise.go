package nn

import "github.com/gander-ml/gander/tensor"

// PiecewiseLinear is a module that is linear, but for a constant, between the
// kinks of its activation. Its derivative there does not depend on the input,
// which gives some second derivatives the price of first ones. All tensors are
// plain values: x is the input of a pass, y its output. One that needs to know more
// of the pass is [PassBound].
type PiecewiseLinear interface {
	Module
	// Linearity says whether this module, with the constants it has, is
	// linear between kinks. The other methods are called only if it is, or if
	// it is [CurvedInput] and comes first.
	Linearity() Linearity
	// Push returns the derivative at the pass applied to a change v of the
	// input.
	Push(y, v *tensor.Tensor) *tensor.Tensor
	// Pull returns the derivative's transpose applied to a gradient g by the
	// output. If this module is an [Activator], x may be y: the input is not kept
	// if a layer, which is [Fusing], applies the activation. That layer gets the
	// activation's y for its own.
	Pull(x, y, g *tensor.Tensor) *tensor.Tensor
	// WeightGrad returns, in the order of [Params], the gradient by the weight
	// for inputs x and a gradient g by the outputs, and that by the bias for
	// the gradient c·g by the outputs, with a number c [n, 1] for each sample, or 1 if c
	// is nil. A module without parameters returns nil.
	WeightGrad(g, x, c *tensor.Tensor) []*tensor.Tensor
}

// Linearity says how the derivative of a [PiecewiseLinear] depends on its input.
type Linearity uint8

const (
	// Curved modules have a derivative that changes with the input.
	Curved Linearity = iota
	// LinearInPieces modules have the same derivative between two kinks.
	LinearInPieces
	// CurvedInput modules have no parameters and a derivative that changes with
	// the input. As the first layer of a network they do as well: neither their
	// input nor their derivative depends on weights.
	CurvedInput
)

// PiecewiseLayers takes a network apart into layers that are [PiecewiseLinear],
// in order; [Flatten] and a [ConcatCondition] after it are one. ok is false if it is not
// made of such layers, one after another.
func PiecewiseLayers(m Module) (layers []PiecewiseLinear, ok bool) {
	if c, is := m.(Chain); is {
		for _, part := range c.Children() {
			more, ok := PiecewiseLayers(part.Module)
			if !ok || len(layers) > 0 && len(more) > 0 && more[0].Linearity() == CurvedInput {
				return nil, false
			}
			if last := len(layers) - 1; last >= 0 && len(more) > 0 {
				if m, is := more[0].(*concatCondition); is {
					if both, ok := m.absorb(layers[last]); ok {
						layers, more = append(layers[:last], both.(PiecewiseLinear)), more[1:]
					}
				}
			}
			layers = append(layers, more...)
		}
		return layers, true
	}
	if l, is := m.(PiecewiseLinear); is && l.Linearity() != Curved {
		return []PiecewiseLinear{l}, true
	}
	return nil, false
}

// linearInPieces is embedded in modules that are linear between kinks.
type linearInPieces struct{}

// Linearity implements [PiecewiseLinear].
func (linearInPieces) Linearity() Linearity { return LinearInPieces }

// weightless is embedded in modules without parameters.
type weightless struct{}

// WeightGrad implements [PiecewiseLinear].
func (weightless) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor { return nil }
