package kernel

import "github.com/gander-ml/gander/internal/parallel"

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
	for i := lo; i < hi; i++ {
		sum := p.alpha * dot(p.left.data[i*p.left.next:][:p.k], x)
		if p.beta != 0 {
			sum += p.c[i*next]
		}
		p.c[i*next] = sum
	}
	p.finish(lo, hi, 0, 1)
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
