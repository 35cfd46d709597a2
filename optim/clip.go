package optim

import (
	"github.com/gander-ml/gander/tensor"
)

// ClipNorm scales the gradients, taken as one vector, to a norm of max if it is
// larger (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
// neural networks", 2013): all are multiplied by min(1, max/(norm + 1e-6)), as
// PyTorch does. It replaces the elements of grads and returns the norm before
// clipping.
//
// A norm of NaN makes all gradients NaN. ClipNorm panics with a [MethodError]
// unless max is above 0.
func ClipNorm(grads []*tensor.Tensor, max float64) (norm float64) {
	if err := checkAboveZero("max", max); err != nil {
		panic(&MethodError{"ClipNorm", err})
	}
	norm = tensor.Norm(grads).Item()
	// A factor of NaN is not at least 1 and so is applied.
	if factor := max / (norm + 1e-6); !(factor >= 1) {
		for i, g := range grads {
			grads[i] = tensor.Scale(g, factor)
		}
	}
	return norm
}

// ClipValue clamps each element of the gradients to [−limit, limit]; NaN stays
// NaN. It replaces the elements of grads. It panics with a [MethodError] unless
// limit is above 0.
func ClipValue(grads []*tensor.Tensor, limit float64) {
	if err := checkAboveZero("limit", limit); err != nil {
		panic(&MethodError{"ClipValue", err})
	}
	for i, g := range grads {
		grads[i] = tensor.Clamp(g, -limit, limit)
	}
}
