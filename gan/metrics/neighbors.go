package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/tensor"
)

// Squared distances between all pairs of two sets are ‖a‖² + ‖b‖² − 2·a·b, whose
// last term is a matrix product: fast, but inexact if points coincide or nearly do,
// are far from the origin, or are of sizes that differ much. They only tell which
// pairs need not be looked at: where the bound of their error leaves a doubt, the
// distance is computed as Σ(aₖ−bₖ)².

// The block of pairs that is computed at a time: 2 MB.
const (
	blockRows    = 256
	blockColumns = 1024
)

// pairs are two sets whose distances are compared, in a scale that fits both.
type pairs struct {
	a, b                   *samples
	exp                    int     // distances are those of the points times 2^−exp
	ofA, ofB, ofDots, slop float64 // what squares and dot products are multiplied by
}

func newPairs(a, b *samples) *pairs {
	p := &pairs{a: a, b: b, exp: max(a.exp, b.exp)}
	down := func(s *samples) int { return s.exp - p.exp }
	p.ofA, p.ofB = math.Ldexp(1, 2*down(a)), math.Ldexp(1, 2*down(b))
	p.ofDots = math.Ldexp(1, 1+down(a)+down(b))
	// The error of a dot product of d terms is at most about d·2⁻⁵³·‖a‖·‖b‖.
	p.slop = float64(4*a.d+16) * 0x1p-53
	return p
}

// each calls visit with the approximate squared distances of point i of a from the
// points first, first+1, … of b. Calls for one i come one after another, first
// increasing; calls for different i may come at the same time.
func (p *pairs) each(visit func(i, first int, squared []float64)) {
	eachBlock(p.a, p.b, func(i, first int, dots []float64) {
		own := p.ofA * p.a.squares[i]
		for k, dot := range dots {
			dots[k] = own + p.ofB*p.b.squares[first+k] - p.ofDots*dot
		}
		visit(i, first, dots)
	}, func(int) {})
}

// doubt returns a bound of the error of an approximate squared distance. Its second
// part is that of numbers too small for a float64.
func (p *pairs) doubt(i, j int) float64 {
	return p.slop*(p.ofA*p.a.squares[i]+p.ofB*p.b.squares[j]) + 0x1p-900
}

// within reports whether point i of a is no farther than that from point j of b.
func (p *pairs) within(i, j int, squared float64, limit square) bool {
	doubt := p.doubt(i, j)
	gap := squared - limit.times(-2*p.exp)
	return gap < -doubt || gap <= doubt && !limit.less(p.exact(i, j))
}

// nearer returns the exact squared distance of point i of a from point j of b if
// that is less than limit.
func (p *pairs) nearer(i, j int, squared float64, limit square) (exact square, ok bool) {
	if squared-p.doubt(i, j) > limit.times(-2*p.exp) {
		return square{}, false
	}
	exact = p.exact(i, j)
	return exact, exact.less(limit)
}

// exact returns the squared distance of point i of a from point j of b.
func (p *pairs) exact(i, j int) square {
	x, y := p.a.row(i), p.b.row(j)
	sum, largest := 0.0, 0.0
	for k := range x {
		v := math.Abs(x[k] - y[k])
		sum += v * v
		largest = max(largest, v)
	}
	exp := 0
	if sum < 0x1p-800 || sum > 0x1p1000 {
		_, exp = math.Frexp(largest)
		sum = 0
		for k := range x {
			v := math.Ldexp(x[k]-y[k], -exp)
			sum += v * v
		}
	}
	m, e := math.Frexp(sum)
	return square{m, e + 2*exp}
}

// square is a number that may be too large or too small for a float64, such as the
// square of one: mant·2^exp with mant in [½, 1), or 0.
type square struct {
	mant float64
	exp  int
}

// infinite is larger than all others.
var infinite = square{math.Inf(1), math.MaxInt32}

func (s square) less(t square) bool {
	if s.mant == 0 || t.mant == 0 || s.exp == t.exp {
		return s.mant < t.mant
	}
	return s.exp < t.exp
}

// times returns s·2^exp, rounded.
func (s square) times(exp int) float64 { return math.Ldexp(s.mant, s.exp+exp) }

// root returns the root of s.
func (s square) root() float64 {
	odd := s.exp & 1
	return math.Ldexp(math.Sqrt(math.Ldexp(s.mant, odd)), (s.exp-odd)/2)
}

// eachBlock calls visit with the dot products of point i of a with the points first,
// first+1, … of b, which visit may overwrite, in the order that [pairs.each] tells. done
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

// Neighbor is the nearest point of a set.
type Neighbor struct {
	Index    int
	Distance float64 // Euclidean; exactly 0 for an equal point
}

// NearestNeighbors returns, for each of the points [n, d], the nearest point of a
// set [m, d], the first of them if several are equally near. It returns an error if a
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
	nearest, squares := make([]Neighbor, a.n), make([]square, a.n)
	for i := range squares {
		squares[i] = infinite
	}
	p := newPairs(a, b)
	p.each(func(i, first int, squared []float64) {
		for k, d := range squared {
			if exact, ok := p.nearer(i, first+k, d, squares[i]); ok {
				nearest[i].Index, squares[i] = first+k, exact
			}
		}
	})
	for i := range nearest {
		nearest[i].Distance = squares[i].root()
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
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}
