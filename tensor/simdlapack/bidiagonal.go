package simdlapack

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/lapack/gonum"
)

const (
	epsilon = 0x1p-53   // half the distance from 1 to the next number
	tiny    = 0x1p-1022 // the smallest normal number
)

// relative is how far a computed singular value of a bidiagonal matrix may be
// changed by neglecting an element, relative to its size.
const relative = 64 * epsilon

// bidiagonal is an upper bidiagonal matrix with the diagonal d and e above it, which
// diagonalise reduces to a diagonal one by rotations of rows and of columns, as
// Golub and Kahan have it, with the criteria and the iteration without a shift by
// Demmel and Kahan, "Accurate singular values of bidiagonal matrices" (SIAM J. Sci. Stat.
// Comput. 11, 1990): each singular value is found to high relative accuracy, however small.
type bidiagonal struct {
	d, e  []float64
	turns *turns // of the left vectors and of the right ones

	sweepsEach int // how many sweeps over everything there may be for each value
}

// diagonalise reports whether it succeeded. If not, some of e are not zero. The
// diagonal is neither sorted nor positive.
func (b *bidiagonal) diagonalise() bool {
	d, e := b.d, b.e
	n := len(d)
	neglect := b.smallest()
	budget := b.sweepsEach * n * n // of rotations
	previous, flipped := n, false
	for end := n - 1; end > 0; {
		if budget < 0 {
			return false
		}
		// The block from begin to end has nothing negligible above its diagonal.
		begin := end
		for begin > 0 && !(math.Abs(e[begin-1]) <= neglect) {
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
			b.pair(begin)
			end -= 2
			continue
		}
		if begin < previous {
			// No part of the block before. Sweeps should go from large elements to small.
			flipped = math.Abs(d[begin]) < math.Abs(d[end])
		}
		previous = begin
		x := chase{d: d[begin : end+1], e: e[begin:end]}
		first, step := begin, 1
		if flipped {
			// The transpose with rows and columns in reverse is upper bidiagonal too.
			x.reverse()
			first, step = end, -1
		}
		if !x.split() {
			budget -= len(x.e)
			left, right := b.turns.sweep(first, step, len(x.e))
			x.left, x.right = left, right
			if flipped {
				x.left, x.right = right, left
			}
			if shift := x.shift(n); shift == 0 {
				x.sweepUnshifted()
			} else {
				x.sweep(shift)
			}
			if last := &x.e[len(x.e)-1]; math.Abs(*last) <= neglect {
				*last = 0
			}
		}
		if flipped {
			x.reverse()
		}
	}
	return true
}

// smallest returns what is negligible anywhere: little of a lower bound of the
// smallest singular value.
func (b *bidiagonal) smallest() float64 {
	n := len(b.d)
	mu := math.Abs(b.d[0])
	least := mu
	for i := 1; i < n && least > 0; i++ {
		mu = math.Abs(b.d[i]) * (mu / (mu + math.Abs(b.e[i-1])))
		least = min(least, mu)
	}
	return max(relative*least/math.Sqrt(float64(n)), float64(b.sweepsEach*n*n)*tiny)
}

// pair diagonalises the block of the elements at and at+1.
func (b *bidiagonal) pair(at int) {
	small, large, sinR, cosR, sinL, cosL := gonum.Implementation{}.Dlasv2(b.d[at], b.e[at], b.d[at+1])
	b.d[at], b.e[at], b.d[at+1] = large, 0, small
	left, right := b.turns.sweep(at, 1, 1)
	left[0].C, left[0].S = cosL, sinL
	right[0].C, right[0].S = cosR, sinR
}

// chase is a block of a bidiagonal matrix, three rows or more, with an iteration from
// its first element to the last. left and right are the rotations of rows and columns.
type chase struct {
	d, e        []float64
	left, right rotations

	least, largest float64 // bounds of the singular values, found by split
}

func (x *chase) reverse() {
	slices.Reverse(x.d)
	slices.Reverse(x.e)
}

// split looks for elements that are negligible where they are, and reports whether
// it found one, which is zero then.
func (x *chase) split() bool {
	d, e := x.d, x.e
	if last := len(e) - 1; math.Abs(e[last]) <= relative*math.Abs(d[last+1]) {
		e[last] = 0
		return true
	}
	mu := math.Abs(d[0])
	x.least, x.largest = mu, mu
	for i, v := range e {
		v = math.Abs(v)
		if v <= relative*mu {
			e[i] = 0
			return true
		}
		size := math.Abs(d[i+1])
		mu = size * (mu / (mu + v))
		x.least = min(x.least, mu)
		x.largest = max(x.largest, v, size)
	}
	return false
}

// shift returns the next iteration's shift: the smaller singular value of the last
// two rows and columns, or 0 if a shift would spoil the smallest singular value or is
// too small to matter. n is the order of the whole matrix.
func (x *chase) shift(n int) float64 {
	if float64(n)*relative*(x.least/x.largest) <= max(epsilon, relative/100) {
		return 0
	}
	k := len(x.d) - 2
	shift, _ := gonum.Implementation{}.Dlas2(x.d[k], x.e[k], x.d[k+1])
	if first := math.Abs(x.d[0]); first > 0 {
		if ratio := shift / first; ratio*ratio < epsilon {
			return 0
		}
	}
	return shift
}

// sweep is an iteration with a shift (Golub and Van Loan, "Matrix Computations", section
// 8.6): the first rotation makes an element below the diagonal, which the others chase out.
func (x *chase) sweep(shift float64) {
	d, e, k := x.d, x.e, len(x.e)
	left, right := x.left[:k], x.right[:k]
	d = d[:k+1]
	f := (math.Abs(d[0]) - shift) * (math.Copysign(1, d[0]) + shift/d[0])
	g := e[0]
	di := d[0] // of this row
	for i := range e {
		c, s, r := rotation(f, g)
		right[i].C, right[i].S = c, s
		if i > 0 {
			e[i-1] = r
		}
		ei, next := e[i], d[i+1]
		f, ei = c*di+s*ei, c*ei-s*di
		g, next = s*next, c*next
		c, s, r = rotation(f, g)
		left[i].C, left[i].S = c, s
		d[i] = r
		f, di = c*ei+s*next, c*next-s*ei
		if i+1 < k {
			g, e[i+1] = s*e[i+1], c*e[i+1]
		}
	}
	d[k], e[k-1] = di, f
}

// sweepUnshifted is an iteration whose shift is zero, in a form by Demmel and Kahan that
// subtracts nothing.
func (x *chase) sweepUnshifted() {
	d, e, k := x.d, x.e, len(x.e)
	left, right := x.left[:k], x.right[:k]
	d = d[:k+1]
	c, cLast, sLast := 1.0, 1.0, 0.0
	for i := range e {
		var s, r float64
		c, s, r = rotation(c*d[i], e[i])
		right[i].C, right[i].S = c, s
		if i > 0 {
			e[i-1] = sLast * r
		}
		cLast, sLast, d[i] = rotation(cLast*r, s*d[i+1])
		left[i].C, left[i].S = cLast, sLast
	}
	h := c * d[k]
	d[k], e[k-1] = h*cLast, h*sLast
}
