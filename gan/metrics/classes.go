package metrics

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Histogram returns the share of each of k classes, 0 to k−1, among samples of
// these classes. If there are no samples, every share is 0. It panics with a
// [tensor.ArgumentError] if a class is not one of these.
func Histogram(classes []int, k int) []float64 {
	shares := make([]float64, k)
	for i, c := range classes {
		if c < 0 || c >= k {
			panic(&tensor.ArgumentError{Op: "Histogram", Problem: fmt.Sprintf("sample %d is of class %d of %d", i, c, k), Fix: "count classes from 0"})
		}
		shares[c]++
	}
	for c := range shares {
		shares[c] /= float64(max(len(classes), 1))
	}
	return shares
}

// Rarest returns the smallest share of a histogram: 1/k is ideal for k classes
// that are equally frequent, and 0 means that one is missing. It returns 0 if
// there are no classes.
func Rarest(shares []float64) float64 {
	if len(shares) == 0 {
		return 0
	}
	return slices.Min(shares)
}
