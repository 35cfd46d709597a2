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
	t       *tensor.Tensor // the same
	squares []float64      // ‖xᵢ‖²
}

// read copies samples [n, d]. It panics if that is not their shape, and returns an
// error if a number, or its square, is not finite. what names the samples in both.
func read(op, what string, t *tensor.Tensor) (*samples, error) {
	if t == nil {
		panic(&tensor.ArgumentError{Op: op, Problem: what + " are nil", Fix: "give [n, d]"})
	}
	if t.Rank() != 2 || t.Dim(1) == 0 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{t.Shape()}, Problem: what + " are not rows of numbers", Fix: "give [n, d], d ≥ 1"})
	}
	s := &samples{n: t.Dim(0), d: t.Dim(1), x: t.Float64s(), squares: make([]float64, t.Dim(0))}
	for i := range s.squares {
		for _, v := range s.row(i) {
			s.squares[i] += v * v
		}
		if s.squares[i] <= math.MaxFloat64/8 {
			continue
		}
		for k, v := range s.row(i) {
			if !(math.Abs(v) < math.Sqrt(math.MaxFloat64)/8) {
				return nil, fmt.Errorf("metrics: %s: number %d of row %d of the %s is %g", op, k, i, what, v)
			}
		}
		return nil, fmt.Errorf("metrics: %s: row %d of the %s is too large to compute with", op, i, what)
	}
	s.t = tensor.FromFloat64(s.x, s.n, s.d)
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
