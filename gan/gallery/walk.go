package gallery

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Walk returns latent vectors on the way from each vector of from, [n, k], to that of
// to, [n, k], at equal angles: [n·steps, k], of which the first rows, as many as steps,
// lead from the first vector to its goal, both included. Generator.Map draws them, or
// MapOf with as many conditions, in a [Grid] of as many columns as steps.
//
// The way is an arc, and not a straight line (White, "Sampling generative networks",
// 2016): vectors of many normal numbers have about the same length, and the middle of
// a line between two would be shorter than any that the generator has seen. The
// lengths go over evenly. Vectors in opposite directions, between which there is no
// one arc, and vectors of length 0 are joined by a line.
//
// Walk panics with a [tensor.ShapeError] if the shapes are not [n, k] for both, or if
// there are fewer than 2 steps, and with a [tensor.ArgumentError] if one is nil.
func Walk(from, to *tensor.Tensor, steps int) *tensor.Tensor {
	needTensors("gallery.Walk", from, to)
	if from.Rank() != 2 || !slices.Equal(from.Shape(), to.Shape()) || from.DType() != to.DType() || steps < 2 {
		panic(&tensor.ShapeError{Op: "gallery.Walk", Shapes: [][]int{from.Shape(), to.Shape()},
			Problem: fmt.Sprintf("there are no %d steps between these", steps), Fix: "give [n, k] twice, of one type, and 2 steps or more"})
	}
	n, k := from.Dim(0), from.Dim(1)
	a, b := from.Float64s(), to.Float64s()
	out := make([]float64, 0, n*steps*k)
	for i := range n {
		a, b := a[i*k:(i+1)*k], b[i*k:(i+1)*k]
		lengthA, lengthB, dot := norm(a), norm(b), 0.
		for j := range a {
			dot += a[j] / lengthA * (b[j] / lengthB)
		}
		angle := math.Acos(min(max(dot, -1), 1))
		for s := range steps {
			t := float64(s) / float64(steps-1)
			// Of the unit vectors, and then times the length.
			p, q := 1-t, t
			if sin := math.Sin(angle); sin > 1e-6 { // not if a length is 0, and the angle NaN
				length := (1-t)*lengthA + t*lengthB
				p, q = math.Sin((1-t)*angle)/sin*length/lengthA, math.Sin(t*angle)/sin*length/lengthB
			}
			for j := range a {
				out = append(out, p*a[j]+q*b[j])
			}
		}
	}
	return tensor.FromFloat64(out, n*steps, k).Cast(from.DType())
}

func norm(v []float64) float64 {
	sum := 0.
	for _, x := range v {
		sum = math.Hypot(sum, x)
	}
	return sum
}
