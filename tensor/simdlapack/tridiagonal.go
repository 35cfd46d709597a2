package simdlapack

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/lapack/gonum"
)

// tridiagonal is a symmetric tridiagonal matrix with the diagonal d and e beside it,
// which diagonalise reduces to a diagonal one by rotations of rows and columns: the
// implicit QR iteration with Wilkinson's shift (Dubrulle, Martin and Wilkinson, "The
// implicit QL algorithm", Numer. Math. 12, 1968; Golub and Van Loan, section 8.3).
type tridiagonal struct {
	d, e  []float64
	turns *turns // of the eigenvectors, the first set

	sweepsEach int // how many sweeps there may be for each eigenvalue
}

// diagonalise reports whether it succeeded. If not, some of e are not zero. The
// diagonal is not sorted.
func (t *tridiagonal) diagonalise() bool {
	d, e := t.d, t.e
	n := len(d)
	budget := t.sweepsEach * n
	previous, flipped := n, false
	for end := n - 1; end > 0; {
		begin := end
		for begin > 0 && !t.negligible(begin-1) {
			begin--
		}
		if begin > 0 {
			e[begin-1] = 0
		}
		if begin == end {
			end--
			continue
		}
		if begin+1 == end {
			t.pair(begin)
			end -= 2
			continue
		}
		if budget == 0 {
			return false
		}
		budget--
		if begin < previous {
			// No part of the block before. Sweeps should go from large elements to small.
			flipped = math.Abs(d[begin]) < math.Abs(d[end])
		}
		previous = begin
		block := tridiagonal{d: d[begin : end+1], e: e[begin:end]}
		if flipped {
			block.reverse()
			rotations, _ := t.turns.sweep(end, -1, len(block.e))
			block.sweep(rotations)
			block.reverse()
		} else {
			rotations, _ := t.turns.sweep(begin, 1, len(block.e))
			block.sweep(rotations)
		}
	}
	return true
}

func (t *tridiagonal) reverse() {
	slices.Reverse(t.d)
	slices.Reverse(t.e)
}

// negligible reports whether e[i] is so small beside its neighbours that
// eigenvalues change by less than a unit in the last place without it. Their
// product is not formed, because it may be too small for a number.
func (t *tridiagonal) negligible(i int) bool {
	x, y := math.Abs(t.d[i]), math.Abs(t.d[i+1])
	return math.Abs(t.e[i]) <= epsilon*(math.Sqrt(x)*math.Sqrt(y))+tiny/epsilon
}

// pair diagonalises the block of the elements at and at+1.
func (t *tridiagonal) pair(at int) {
	large, small, c, s := gonum.Implementation{}.Dlaev2(t.d[at], t.e[at], t.d[at+1])
	t.d[at], t.e[at], t.d[at+1] = large, 0, small
	rotations, _ := t.turns.sweep(at, 1, 1)
	rotations[0].C, rotations[0].S = c, s
}

// sweep is one iteration from the first element to the last, with the shift by the
// eigenvalue of the last two rows and columns that is nearer to the last element.
func (t *tridiagonal) sweep(turn rotations) {
	d, e, k := t.d, t.e, len(t.e)
	d, turn = d[:k+1], turn[:k]
	half := (d[k-1] - d[k]) / (2 * e[k-1])
	shift := d[k] - e[k-1]/(half+math.Copysign(math.Hypot(half, 1), half))
	// The diagonal element is that of the matrix without a shift; g is what the rotations
	// so far have made of it with one, and p what they have added to it.
	g, p, c, s := d[0]-shift, 0.0, 1.0, 1.0
	for i := range e {
		f, b := s*e[i], c*e[i]
		var r float64
		c, s, r = rotation(g, f)
		turn[i].C, turn[i].S = c, s
		if i > 0 {
			e[i-1] = r
		}
		g = d[i] - p
		r = (d[i+1]-g)*s + 2*c*b
		p = s * r
		d[i] = g + p
		g = c*r - b
	}
	d[k] -= p
	e[k-1] = g
}
