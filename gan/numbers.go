package gan

import (
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// look is the one place of a step that reads numbers from the device, in one
// transfer: scalars, of which a nil one reads as 0, and whether they and all
// elements of the gradients are finite.
func look(grads []*tensor.Tensor, scalars ...*tensor.Tensor) (numbers []float64, finite bool) {
	numbers = read(append(scalars, total(grads))...)
	numbers, sum := numbers[:len(scalars)], numbers[len(scalars)]
	for _, v := range numbers {
		if !isFinite(v) {
			return numbers, false
		}
	}
	// A sum that is finite has finite terms. One that is not may have overflowed.
	return numbers, isFinite(sum) || read(nonFinite(grads))[0] == 0
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// read copies scalars from their device in one transfer; a nil one reads as 0.
func read(scalars ...*tensor.Tensor) []float64 {
	var there []*tensor.Tensor
	for _, s := range scalars {
		if s != nil {
			there = append(there, s.Reshape(1))
		}
	}
	numbers := tensor.Concat(0, there...).Float64s()
	out := make([]float64, len(scalars))
	for i, s := range scalars {
		if s != nil {
			out[i], numbers = numbers[0], numbers[1:]
		}
	}
	return out
}

// total returns the sum of all elements of all tensors.
func total(ts []*tensor.Tensor) *tensor.Tensor {
	sums := make([]*tensor.Tensor, len(ts))
	for i, t := range ts {
		if t.Rank() > 1 { // rows first, which many threads can do
			t = tensor.Sum(t.Reshape(t.Dim(0), -1), 1)
		}
		sums[i] = t.Reshape(-1)
	}
	return tensor.Sum(tensor.Concat(0, sums...))
}

// nonFinite returns 0 if all elements of all tensors are finite, and NaN
// otherwise: the sum of their products with 0.
func nonFinite(ts []*tensor.Tensor) *tensor.Tensor {
	zeros := make([]*tensor.Tensor, len(ts))
	for i, t := range ts {
		zeros[i] = tensor.Scale(t, 0)
	}
	return total(zeros)
}

// unwrap returns the variables' values.
func unwrap(vs []*autograd.Var) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(vs))
	for i, v := range vs {
		out[i] = v.Value()
	}
	return out
}
