package vec

import "math"

// ScaledSumSquares returns Σ(x·2^exponent)² in float64, for numbers whose squares
// leave its range.
func ScaledSumSquares[T Float](x []T, exponent int) float64 {
	scale, sum := math.Ldexp(1, exponent), 0.0
	for _, v := range x {
		s := float64(v) * scale
		sum += float64(s * s)
	}
	return sum
}

// MaxAbs returns the largest |x|, 0 of none, and NaN if an element is NaN.
func MaxAbs[T Float](x []T) float64 {
	largest := 0.0
	for _, v := range x {
		largest = larger(largest, math.Abs(float64(v)))
	}
	return largest
}
