package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/tensor"
)

// Squared distances between all pairs of two sets are ‖a‖² + ‖b‖² − 2·a·b, whose
// last term is a matrix product: fast, but off by rounding, which matters where
// points coincide. So they serve to choose, and what is chosen is computed again
// as Σ(aₖ−bₖ)².

// The block of pairs that is computed at a time: 2 MB.
const (
	blockRows    = 256
	blockColumns = 1024
)

// eachRow calls visit with the approximate squared distances of point i of a
// from the points first, first+1, … of b. For one i, calls come one by one with
// rising first; for different i, at once.
func eachRow(a, b *samples, visit func(i, first int, squared []float64)) {
	scope := tensor.NewScope()
	for lo := 0; lo < a.n; lo += blockRows {
		rows := scope.Adopt(a.t.Slice(0, lo, min(lo+blockRows, a.n)))
		for first := 0; first < b.n; first += blockColumns {
			columns := b.t.Slice(0, first, min(first+blockColumns, b.n))
			width := columns.Dim(0)
			block := tensor.MatMul(rows, columns.T()).Float64s()
			parallel.For(rows.Dim(0), 16, func(from, to int) {
				for r := from; r < to; r++ {
					squared := block[r*width : (r+1)*width]
					for k, dot := range squared {
						squared[k] = a.squares[lo+r] + b.squares[first+k] - 2*dot
					}
					visit(lo+r, first, squared)
				}
			})
		}
		scope.Close()
	}
}

// slack bounds the error of an approximate squared distance, relative to
// ‖a‖²+‖b‖². (A dot product of d terms is off by at most about d·2⁻⁵³·‖a‖·‖b‖.)
func slack(d int) float64 { return float64(4*d+16) * 0x1p-53 }

// exact is the squared distance of point i of a from point j of b.
func exact(a, b *samples, i, j int) (squared float64) {
	y := b.row(j)
	for k, x := range a.row(i) {
		squared += (x - y[k]) * (x - y[k])
	}
	return squared
}

// Neighbor is the nearest point of a set.
type Neighbor struct {
	Index    int
	Distance float64 // Euclidean; exactly 0 for an equal point
}

// NearestNeighbors returns, for each of the points [n, d], the nearest of a set
// [m, d]. Of several that are equally near it is any. It returns an error where
// a number is not finite or the set is empty, and panics with a
// [tensor.ShapeError] on other shapes.
func NearestNeighbors(points, set *tensor.Tensor) ([]Neighbor, error) {
	const op = "NearestNeighbors"
	a, err := read(op, "points", points)
	if err != nil {
		return nil, err
	}
	b, err := read(op, "set", set)
	switch {
	case err != nil:
		return nil, err
	case b.n == 0:
		return nil, fmt.Errorf("metrics: %s: the set is empty", op)
	}
	sameDim(op, a, b)
	nearest := make([]Neighbor, a.n)
	for i := range nearest {
		nearest[i].Distance = math.Inf(1)
	}
	eachRow(a, b, func(i, first int, squared []float64) {
		for k, d := range squared {
			if d < nearest[i].Distance {
				nearest[i] = Neighbor{first + k, d}
			}
		}
	})
	for i := range nearest {
		nearest[i].Distance = math.Sqrt(exact(a, b, i, nearest[i].Index))
	}
	return nearest, nil
}

// Copying compares the samples' distances from their nearest training samples
// with those of real samples that training has not seen:
//
//   - the median distance, whose floor is the unseen ones';
//   - the share of near copies: samples that lie nearer to the training set than
//     all but a hundredth of the unseen ones do. Its floor is 0.01, and a
//     generator that copies comes close to 1.
//
// Distances are Euclidean, between rows of pixels or of features. The error is
// that of [NearestNeighbors], or says that there are no samples to compare.
func Copying(generated, training, unseen *tensor.Tensor) (Table, error) {
	ours, err := sortedDistances(generated, training)
	if err != nil {
		return nil, err
	}
	theirs, err := sortedDistances(unseen, training)
	if err != nil {
		return nil, err
	}
	limit := theirs[len(theirs)/100]
	copies := NewValue("near copies", float64(below(ours, limit))/float64(len(ours)))
	copies.Floor = float64(below(theirs, limit)) / float64(len(theirs))
	distance := NewValue("distance from training set", median(ours))
	distance.Floor = median(theirs)
	return Table{distance, copies}, nil
}

func sortedDistances(points, training *tensor.Tensor) ([]float64, error) {
	nearest, err := NearestNeighbors(points, training)
	switch {
	case err != nil:
		return nil, err
	case len(nearest) == 0:
		return nil, fmt.Errorf("metrics: Copying: there are no samples to compare")
	}
	out := make([]float64, len(nearest))
	for i, n := range nearest {
		out[i] = n.Distance
	}
	slices.Sort(out)
	return out, nil
}

// below counts the sorted numbers under a limit.
func below(sorted []float64, limit float64) int {
	n, _ := slices.BinarySearch(sorted, limit)
	return n
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
