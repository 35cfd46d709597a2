package kernel

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/parallel"
)

// A product with a vector whose matrix has contiguous rows is a dot product per
// row: there is nothing to tile, and the memory sets the pace.

// matVec computes C = alpha·left·right + beta·C for a right factor of a single
// column.
func (p *product[T]) matVec(left, right operand[T], m, k int) {
	p.left, p.right, p.m, p.n, p.k = left, right, m, 1, k
	if right.step != 1 {
		p.packedRight = resize(p.packedRight, k)
		for i := range p.packedRight {
			p.packedRight[i] = right.data[i*right.step]
		}
		p.right = operand[T]{p.packedRight, 1, 1}
	}
	grain := max(16, taskFlops/(2*k))
	parallel.Run(m, grain, dotter[T]{p})
}

type dotter[T Float] struct{ *product[T] }

func (p dotter[T]) Run(lo, hi int) {
	if p.beta != 0 && p.beta != 1 {
		p.scale(lo, hi, 0, 1)
	}
	next := p.ldc // of C
	if p.swapped {
		next = 1
	}
	x := p.right.data[:p.k]
	for i := lo; i < hi; {
		n := 1
		if i+4 <= hi {
			n = 4
		}
		sums := dotRows(p.left.data[i*p.left.next:], p.left.next, n, x)
		for _, sum := range sums[:n] {
			c := &p.c[i*next]
			if sum *= p.alpha; p.beta != 0 {
				sum += *c
			}
			*c = sum
			i++
		}
	}
	p.finish(lo, hi, 0, 1)
}

// dots asks the assembly for the scalar products of four rows with x, whose
// length k is a multiple of 32 bytes.
type dots struct {
	a   unsafe.Pointer
	rs  int // bytes from row to row of a
	x   unsafe.Pointer
	k   int
	sum unsafe.Pointer // the four results
}

// dotRows returns the scalar products of n rows of a, one or four, with x. The
// sum of a row does not depend on n.
//
//go:noinline
func dotRows[T Float](a []T, ld, n int, x []T) (sum [4]T) {
	size, done := sizeof[T](), 0
	if canDot() {
		rs := ld * size
		if n == 1 {
			rs = 0 // four times the same row
		}
		_ = a[(n-1)*ld+len(x)-1]
		for lanes := 32 / size; done+lanes <= len(x); {
			var part [4]T
			d := dots{unsafe.Pointer(&a[done]), rs, unsafe.Pointer(&x[done]), min(4096, (len(x)-done)/lanes*lanes), unsafe.Pointer(&part)}
			dotsAsm(&d, size)
			for i, v := range part {
				sum[i] += v
			}
			done += d.k
		}
	}
	for i := range n {
		sum[i] += dot(a[i*ld+done:][:len(x)-done], x[done:])
	}
	return sum
}

// dot is the scalar product of two vectors of equal length, in four partial
// sums.
func dot[T Float](x, y []T) T {
	var s [4]T
	y = y[:len(x)]
	for len(x) >= 4 {
		s[0] += x[0] * y[0]
		s[1] += x[1] * y[1]
		s[2] += x[2] * y[2]
		s[3] += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i := range x {
		s[i] += x[i] * y[i]
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
