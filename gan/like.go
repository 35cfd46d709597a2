package gan

import "github.com/gander-ml/gander/tensor"

// fullLike returns a tensor of t's shape, and in its scope, filled with v.
func fullLike(t *tensor.Tensor, v float64) *tensor.Tensor {
	out := emptyLike(t, t.Shape()...)
	out.Fill(v)
	return out
}

// emptyLike returns a tensor of t's dtype and device, in t's scope or in none,
// whose elements are yet to be written.
func emptyLike(t *tensor.Tensor, shape ...int) *tensor.Tensor {
	s := t.Scope()
	if s == nil {
		return t.Device().New(t.DType(), shape...)
	}
	return s.Empty(t.Device(), t.DType(), shape...)
}
