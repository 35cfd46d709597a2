package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/tensor"
)

// Squared distances between all pairs of two sets are ‖a‖² + ‖b‖² − 2·a·b, whose
// last term is a matrix product: fast, but inexact if points coincide or nearly do.
// They are used to choose pairs, whose distances are then computed again as
// Σ(aₖ−bₖ)².

// The block of pairs that is computed at a time: 2 MB.
const (
	blockRows    = 256
	blockColumns = 1024
)

// eachRow calls visit with the approximate squared distances of point i of a from
// the points first, first+1, … of b. Calls for one i come one after another, first
// increasing; calls for different i may come at the same time.
func eachRow(a, b *samples, visit func(i, first int, squared []float64)) {
	eachBlock(a, b, func(i, first int, dots []float64) {
		for k, dot := range dots {
			dots[k] = a.squares[i] + b.squares[first+k] - 2*dot
		}
		visit(i, first, dots)
	}, func(int) {})
}

// eachBlock calls visit with the dot products of point i of a with the points first,
// first+1, … of b, which visit may overwrite, in the order that [eachRow] tells. done
// is called after each block, with its number of rows.
func eachBlock(a, b *samples, visit func(i, first int, dots []float64), done func(rows int)) {
	scope := tensor.NewScope()
	defer scope.Close()
	for lo := 0; lo < a.n; lo += blockRows {
		rows := scope.Adopt(a.t.Slice(0, lo, min(lo+blockRows, a.n)))
		for first := 0; first < b.n; first += blockColumns {
			columns := b.t.Slice(0, first, min(first+blockColumns, b.n))
			width := columns.Dim(0)
			block := tensor.MatMul(rows, columns.T()).Float64s()
			parallel.For(rows.Dim(0), 16, func(from, to int) {
				for r := from; r < to; r++ {
					visit(lo+r, first, block[r*width:(r+1)*width])
				}
			})
			done(rows.Dim(0))
		}
		scope.Close()
	}
}

// slack returns a bound of the error of an approximate squared distance, relative
// to ‖a‖²+‖b‖². (The error of a dot product of d terms is at most about
// d·2⁻⁵³·‖a‖·‖b‖.)
func slack(d int) float64 { return float64(4*d+16) * 0x1p-53 }

// exact returns the squared distance of point i of a from point j of b.
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

// NearestNeighbors returns, for each of the points [n, d], the nearest point of a
// set [m, d], any of them if several are equally near. It returns an error if a
// number is not finite or the set is empty, and panics with a [tensor.ShapeError]
// on other shapes.
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
//   - the median distance, whose floor is that of the unseen samples;
//   - the share of near copies: samples that are nearer to the training set than 99
//     of 100 unseen ones are. Its floor is 0.01; for a generator that copies it is
//     close to 1.
//
// Distances are Euclidean, between rows of pixels or of features. It returns the
// errors of [NearestNeighbors], and an error if generated or unseen is empty.
func Copying(generated, training, unseen *tensor.Tensor) (Table, error) {
	ofGenerated, err := sortedDistances(generated, training)
	if err != nil {
		return nil, err
	}
	ofUnseen, err := sortedDistances(unseen, training)
	if err != nil {
		return nil, err
	}
	limit := ofUnseen[len(ofUnseen)/100]
	copies := NewValue("near copies", float64(below(ofGenerated, limit))/float64(len(ofGenerated)))
	copies.Floor = float64(below(ofUnseen, limit)) / float64(len(ofUnseen))
	distance := NewValue("distance from training set", median(ofGenerated))
	distance.Floor = median(ofUnseen)
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

// below returns the number of sorted numbers that are less than a limit.
func below(sorted []float64, limit float64) int {
	n, _ := slices.BinarySearch(sorted, limit)
	return n
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
