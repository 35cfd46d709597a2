package metrics

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// samples is a set of points in float64, checked.
type samples struct {
	n, d    int
	x       []float64      // [n, d], row by row
	t       *tensor.Tensor // the same, times 2^−exp
	exp     int            // so that the largest magnitude in t is in [½, 1)
	squares []float64      // squared norms of the rows of t
}

// read copies samples [n, d]. It panics if that is not their shape, and returns an
// error if a number is not finite, or not below 2¹⁰⁰⁰, so that all distances are
// finite. what names the samples in both.
//
// What is squared is squared in t: the squares of the numbers themselves may be too
// large for a float64, or, which nothing would tell, so small that they are 0.
// Multiplication by a power of two rounds nothing.
func read(op, what string, t *tensor.Tensor) (*samples, error) {
	if t == nil {
		panic(&tensor.ArgumentError{Op: op, Problem: what + " are nil", Fix: "give [n, d]"})
	}
	if t.Rank() != 2 || t.Dim(1) == 0 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{t.Shape()}, Problem: what + " are not rows of numbers", Fix: "give [n, d], d ≥ 1"})
	}
	s := &samples{n: t.Dim(0), d: t.Dim(1), x: t.Float64s(), squares: make([]float64, t.Dim(0))}
	largest := 0.0
	for i, v := range s.x {
		if !(math.Abs(v) < 0x1p1000) {
			return nil, fmt.Errorf("metrics: %s: number %d of row %d of the %s is %g", op, i%s.d, i/s.d, what, v)
		}
		largest = max(largest, math.Abs(v))
	}
	_, s.exp = math.Frexp(largest)
	scaled := make([]float64, len(s.x))
	for i, v := range s.x {
		scaled[i] = math.Ldexp(v, -s.exp)
		s.squares[i/s.d] += scaled[i] * scaled[i]
	}
	s.t = tensor.FromFloat64(scaled, s.n, s.d)
	return s, nil
}

// sameDim panics unless two sets have the same dimension.
func sameDim(op string, a, b *samples) {
	if a.d != b.d {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{{a.n, a.d}, {b.n, b.d}},
			Problem: "the dimensions differ", Fix: "give features of one network"})
	}
}

func (s *samples) row(i int) []float64 { return s.x[i*s.d : (i+1)*s.d] }
