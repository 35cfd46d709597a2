package vec

import "math"

// SumSquares returns Σ(x·2^exponent)² in float64. The tree is that of [Reduce].
func SumSquares[T Float](x []T, exponent int) float64 {
	scale := math.Ldexp(1, exponent)
	if vectors[T]() && exponent == 0 {
		// The last row is filled up with zeros.
		whole := len(x) / lanes * lanes
		var row [lanes]T
		copy(row[:], x[whole:])
		args := foldArgs{x: pointer(x), rows: whole / lanes, last: pointer(row[:])}
		if callSquares(&args) {
			return args.result
		}
	}
	var acc [lanes]float64
	for len(x) >= lanes {
		for k, v := range x[:lanes] {
			s := float64(v) * scale
			acc[k] += float64(s * s)
		}
		x = x[lanes:]
	}
	for k, v := range x {
		s := float64(v) * scale
		acc[k] += float64(s * s)
	}
	for n := lanes / 2; n > 0; n /= 2 {
		for k := range n {
			acc[k] += acc[k+n]
		}
	}
	return acc[0]
}

// MaxAbs returns the largest |x|, 0 of none, and NaN if an element is NaN.
func MaxAbs[T Float](x []T) float64 {
	largest := 0.0
	for _, v := range x {
		largest = larger(largest, math.Abs(float64(v)))
	}
	return largest
}
