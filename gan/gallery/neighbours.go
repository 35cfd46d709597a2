package gallery

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Neighbours returns each of n samples followed by the k samples of the training data
// that are nearest to it, nearest first, by the Euclidean distance of their pixels:
// [n·(k+1), …], for a [Grid] of k+1 columns. A generator that copies has samples that
// are as like the data as two prints of one picture. at are the neighbours' numbers
// in the data, and distances their distances, [n][k]; of equal ones the first in the
// data comes first. A distance that is not a number, from a NaN, counts as infinite.
//
// Neighbours panics with a [tensor.ShapeError] if the samples' shapes or types differ,
// or if k is below 1 or there are fewer than k training samples, and with a
// [tensor.ArgumentError] if one of them is nil.
func Neighbours(samples, data *tensor.Tensor, k int) (x *tensor.Tensor, at [][]int, distances [][]float64) {
	needTensors("gallery.Neighbours", samples, data)
	wrong := func(problem, fix string) {
		panic(&tensor.ShapeError{Op: "gallery.Neighbours", Shapes: [][]int{samples.Shape(), data.Shape()}, Problem: problem, Fix: fix})
	}
	switch {
	case samples.Rank() == 0 || data.Rank() == 0 || !slices.Equal(samples.Shape()[1:], data.Shape()[1:]):
		wrong("the samples are not of the shape of the data", "give [n, …] and [m, …]")
	case samples.DType() != data.DType():
		wrong("the samples are not of the type of the data", "cast one of them")
	case k < 1 || k > data.Dim(0):
		wrong(fmt.Sprintf("%d neighbours", k), "give 1 to the number of training samples")
	}
	n, m := samples.Dim(0), data.Dim(0)
	d := samples.Len() / max(n, 1)
	a, b := samples.Float64s(), data.Float64s()
	rows := make([]*tensor.Tensor, 0, n*(k+1))
	for i := range n {
		row := a[i*d : (i+1)*d]
		near := make([]int, 0, k+1)
		far := make([]float64, 0, k+1) // squared distances of near
		for j := range m {
			squared := 0.
			other := b[j*d : (j+1)*d]
			for p, v := range row {
				squared += (v - other[p]) * (v - other[p])
			}
			if math.IsNaN(squared) {
				squared = math.Inf(1)
			}
			place, _ := slices.BinarySearchFunc(far, squared, func(have, new float64) int {
				if have <= new {
					return -1
				}
				return 1
			})
			if place < k {
				near, far = slices.Insert(near, place, j), slices.Insert(far, place, squared)
				near, far = near[:min(len(near), k)], far[:min(len(far), k)]
			}
		}
		rows = append(rows, samples.Slice(0, i, i+1).To(tensor.CPU()))
		for q, j := range near {
			rows = append(rows, data.Slice(0, j, j+1).To(tensor.CPU()))
			far[q] = math.Sqrt(far[q])
		}
		at, distances = append(at, near), append(distances, far)
	}
	if n == 0 {
		return samples.Clone(), nil, nil
	}
	return tensor.Concat(0, rows...), at, distances
}

// needTensors panics if one is nil.
func needTensors(op string, tensors ...*tensor.Tensor) {
	for _, t := range tensors {
		tensor.Check(op, t)
	}
}
