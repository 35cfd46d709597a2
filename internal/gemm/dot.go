package gemm

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
	grain := max(dotsAtOnce, taskFlops/(2*k))
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
	var sums [dotsAtOnce]T
	for i := lo; i < hi; i += dotsAtOnce {
		n := min(dotsAtOnce, hi-i)
		dotRows(&sums, p.left.data[i*p.left.next:], p.left.next, n, p.right.data[:p.k])
		for r, sum := range sums[:n] {
			c := &p.c[(i+r)*next]
			if sum *= p.alpha; p.beta != 0 {
				sum += *c
			}
			*c = sum
		}
	}
	p.finish(lo, hi, 0, 1)
}

// dotsAtOnce is how many rows are multiplied together; dotsLength is how much
// of them, so that a call of assembly stays short.
const (
	dotsAtOnce = 64
	dotsLength = 2048
)

// dots asks the assembly for the scalar products with x of n times four rows,
// whose length k is a multiple of 32 bytes.
type dots struct {
	a   unsafe.Pointer
	rs  int // bytes from row to row of a
	x   unsafe.Pointer
	k   int
	n   int
	sum unsafe.Pointer // the results
}

// dotRows sets sum to the scalar products of the n ≤ dotsAtOnce rows of a with
// x. What it computes for a row does not depend on the other rows.
//
//go:noinline
func dotRows[T Float](sum *[dotsAtOnce]T, a []T, ld, n int, x []T) {
	clear(sum[:n])
	size, done := sizeof[T](), 0
	if asm.canDot() {
		_ = a[(n-1)*ld+len(x)-1]
		var part [dotsAtOnce]T
		for lanes := 32 / size; done+lanes <= len(x); {
			d := dots{x: unsafe.Pointer(&x[done]), k: min(dotsLength, (len(x)-done)/lanes*lanes)}
			i := n / 4 * 4
			if i > 0 {
				d.a, d.rs, d.n, d.sum = unsafe.Pointer(&a[done]), ld*size, n/4, unsafe.Pointer(&part)
				asm.dots(&d, size)
			}
			if n > 4 && i < n { // the last four, some of them again
				d.a, d.n, d.sum = unsafe.Pointer(&a[(n-4)*ld+done]), 1, unsafe.Pointer(&part[n-4])
				asm.dots(&d, size)
				i = n
			}
			for ; i < n; i++ { // four times the same row
				var same [4]T
				d.a, d.rs, d.n, d.sum = unsafe.Pointer(&a[i*ld+done]), 0, 1, unsafe.Pointer(&same)
				asm.dots(&d, size)
				part[i] = same[0]
			}
			for i, v := range part[:n] {
				sum[i] += v
			}
			done += d.k
		}
	}
	if done == len(x) {
		return
	}
	for i := range n {
		sum[i] += dot(a[i*ld+done:][:len(x)-done], x[done:])
	}
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

// VecMat computes y = alpha·xᵀ·A + beta·y for an m×n matrix A with leading
// dimension lda, on the calling goroutine. Like [Sgemm] it skips no product, and
// does not read y if beta is 0. It panics if a dimension is negative or a slice is
// too short; y must not overlap A or x.
func VecMat[T Float](m, n int, alpha T, x []T, a []T, lda int, beta T, y []T) {
	checkMatrix("x", false, 1, m, len(x), max(m, 1))
	checkMatrix("A", false, m, n, len(a), lda)
	checkMatrix("y", false, 1, n, len(y), max(n, 1))
	y = y[:n]
	for j := range y {
		if beta == 0 {
			y[j] = 0
		} else if beta != 1 {
			y[j] *= beta
		}
	}
	if m == 0 || n == 0 {
		return
	}
	if rowShape[T]().cols == 0 {
		for i, x := range x[:m] {
			x *= alpha
			for j, v := range a[i*lda:][:n] {
				y[j] += x * v
			}
		}
		return
	}
	w := takeWorkspace[T]()
	defer w.release()
	if alpha != 1 {
		w.out = resize(w.out, m)
		for i := range w.out {
			w.out[i] = alpha * x[i]
		}
		x = w.out
	}
	s := ProductSum[T]{M: 1, N: n, K: m, Count: [2]int{1, 1}, Batch: [2]int{1, 1}, A: x, LDA: m, B: a, LDB: lda, C: y, LDC: n, Add: true}
	s.Compute()
}

// SmallGaps is how many elements an x with gaps may have in [SmallMatVecGaps].
const SmallGaps = 64
