package metrics

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// KernelDistance compares two sets of features, [n, d] and [m, d], by the unbiased
// estimate of the squared maximum mean discrepancy,
//
//	mean k(xᵢ, xⱼ) + mean k(yᵢ, yⱼ) − 2·mean k(xᵢ, yⱼ)     i ≠ j in the first two
//	k(x, y) = (x·y/d + 1)³
//
// (Bińkowski et al., "Demystifying MMD GANs", 2018: the kernel inception distance,
// in whatever features are given). Unlike the Fréchet distance it has no bias, so
// that its floor is 0 for any n, and a value below 0 is no mistake.
//
// Both sets are cut into blocks, of about the given number of rows of the smaller
// one, of which the i-th is compared with the i-th; the value is the mean over these,
// and StdErr its standard error, which a single block does not have. The rows must
// be in no particular order. A thousand rows are usual, 0 means that.
//
// Numbers that are small beside 1 do not count in this kernel, and of numbers above
// some 10⁵⁰ the cubes may be too large.
//
// It returns an error if a number, or the result, is not finite or a set has fewer than
// two rows. It panics with a [tensor.ShapeError] on other shapes, and with a
// [tensor.ArgumentError] if block is negative or 1.
func KernelDistance(reference, generated *tensor.Tensor, block int) (Value, error) {
	const op = "KernelDistance"
	v := NewValue("kernel distance", math.NaN())
	if block < 0 || block == 1 {
		panic(&tensor.ArgumentError{Op: op, Problem: fmt.Sprintf("blocks of %d rows", block), Fix: "give 2 or more, or 0 for 1,000"})
	}
	if block == 0 {
		block = 1000
	}
	a, err := read(op, "reference", reference)
	if err != nil {
		return v, err
	}
	b, err := read(op, "samples", generated)
	if err != nil {
		return v, err
	}
	sameDim(op, a, b)
	if min(a.n, b.n) < 2 {
		return v, fmt.Errorf("metrics: %s: %d and %d rows are too few; give 2 or more", op, a.n, b.n)
	}
	blocks := max(min(a.n, b.n)/block, 1)
	estimates := make([]float64, blocks)
	for i := range estimates {
		estimates[i] = discrepancy(a.part(i, blocks), b.part(i, blocks))
	}
	v.Value, v.StdErr = meanStdErr(estimates)
	v.Floor = 0
	if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
		return v, fmt.Errorf("metrics: %s: the numbers are too large to compute with", op)
	}
	return v, nil
}

// part returns part i of n of the rows.
func (s *samples) part(i, n int) *samples {
	lo, hi := i*s.n/n, (i+1)*s.n/n
	return &samples{n: hi - lo, d: s.d, x: s.x[lo*s.d : hi*s.d], t: s.t.Slice(0, lo, hi), exp: s.exp, squares: s.squares[lo:hi]}
}

// discrepancy is the unbiased estimate for all pairs of rows.
func discrepancy(a, b *samples) float64 {
	within := func(s *samples) float64 {
		sum, n := kernelSum(s, s), float64(s.n)
		for _, square := range s.squares {
			sum -= cubic(math.Ldexp(square, 2*s.exp), s.d)
		}
		return sum / (n * (n - 1))
	}
	return within(a) + within(b) - 2*kernelSum(a, b)/(float64(a.n)*float64(b.n))
}

// cubic is the kernel of two rows with a dot product.
func cubic(dot float64, d int) float64 {
	k := dot/float64(d) + 1
	return k * k * k
}

// kernelSum returns the sum of the kernel over all pairs of rows.
func kernelSum(a, b *samples) (sum float64) {
	scale := [2]float64{math.Ldexp(1, a.exp), math.Ldexp(1, b.exp)} // their product may be too large
	sums := make([]float64, blockRows)                              // of the rows of a block
	eachBlock(a, b, func(i, _ int, dots []float64) {
		s := 0.0
		for _, dot := range dots {
			s += cubic(dot*scale[0]*scale[1], a.d)
		}
		sums[i%blockRows] = s
	}, func(rows int) {
		for _, s := range sums[:rows] { // in order, whoever has computed them
			sum += s
		}
	})
	return sum
}
