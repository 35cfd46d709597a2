package simdblas

import (
	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/gemm"
)

// tinyProduct is the number of multiplications up to which a plain loop is faster
// than tiles.
const tinyProduct = 64

// product computes a matrix product and reports whether it did.
func (r *routines[T]) product(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	ta, okA := flag(tA)
	tb, okB := flag(tB)
	rowsA, colsA := swapIf(ta, m, k)
	rowsB, colsB := swapIf(tb, k, n)
	if !okA || !okB || alpha == 0 || !fits(a, rowsA, colsA, lda) || !fits(b, rowsB, colsB, ldb) || !fits(c, m, n, ldc) {
		return false
	}
	if max(m, n, k) <= tinyProduct && m*n*k <= tinyProduct {
		tiny(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	} else {
		r.gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
	return true
}

// tiny is a product as a plain loop.
func tiny[T gemm.Float](ta, tb bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	stepA, nextA, stepB, nextB := 1, lda, ldb, 1
	if ta {
		stepA, nextA = nextA, stepA
	}
	if tb {
		stepB, nextB = nextB, stepB
	}
	for i := range m {
		row := c[i*ldc:][:n]
		for j := range row {
			atA, atB := i*nextA, j*nextB
			var sum T
			for range k {
				sum += a[atA] * b[atB]
				atA += stepA
				atB += stepB
			}
			sum *= alpha
			if beta != 0 {
				sum += beta * row[j]
			}
			row[j] = sum
		}
	}
}

// symmetricBlock is the order of the blocks on the diagonal, of which both
// triangles are computed and one is used.
const symmetricBlock = 32

// smallSymmetric is the order up to which gonum's loops are faster, because they
// compute a triangle alone.
const smallSymmetric = 16

// symmetric computes a triangle of alpha·op(A)·op(A)ᵀ + beta·C, or if b is not nil
// of alpha·(op(A)·op(B)ᵀ + op(B)·op(A)ᵀ) + beta·C, and reports whether it did.
func (r *routines[T]) symmetric(ul blas.Uplo, tA blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	t, ok := flag(tA)
	rows, cols := swapIf(t, n, k)
	two := b != nil
	if !ok || !validTriangle(ul, blas.Unit) || alpha == 0 || !fits(a, rows, cols, lda) || two && !fits(b, rows, cols, ldb) || !fits(c, n, n, ldc) {
		return false
	}
	if !two {
		b, ldb = a, lda
	}
	p := symmetricProduct[T]{r, ul == blas.Upper, t, two, k, alpha, a, lda, b, ldb, beta, c, ldc}
	p.compute(0, n)
	return true
}

type symmetricProduct[T gemm.Float] struct {
	*routines[T]
	upper, transposed, two bool
	k                      int
	alpha                  T
	a                      []T
	lda                    int
	b                      []T
	ldb                    int
	beta                   T
	c                      []T
	ldc                    int
}

// rowsOf is op(X) from row i on.
func (p *symmetricProduct[T]) rowsOf(x []T, ld, i int) []T {
	if p.transposed {
		return x[i:]
	}
	return x[i*ld:]
}

// compute computes the triangle of the rows and columns [i,i+n): two triangles and
// the square between them.
func (p *symmetricProduct[T]) compute(i, n int) {
	if n <= symmetricBlock {
		p.diagonal(i, n)
		return
	}
	half := (n/2 + symmetricBlock - 1) / symmetricBlock * symmetricBlock
	p.compute(i, half)
	p.compute(i+half, n-half)
	row, rows, col, cols := i+half, n-half, i, half
	if p.upper {
		row, rows, col, cols = i, half, i+half, n-half
	}
	c := p.c[row*p.ldc+col:]
	p.gemm(p.transposed, !p.transposed, rows, cols, p.k, p.alpha, p.rowsOf(p.a, p.lda, row), p.lda, p.rowsOf(p.b, p.ldb, col), p.ldb, p.beta, c, p.ldc)
	if p.two {
		p.gemm(p.transposed, !p.transposed, rows, cols, p.k, p.alpha, p.rowsOf(p.b, p.ldb, row), p.ldb, p.rowsOf(p.a, p.lda, col), p.lda, 1, c, p.ldc)
	}
}

// diagonal computes a block of the diagonal.
func (p *symmetricProduct[T]) diagonal(i, n int) {
	pool := &pools[T]().squares
	square, ok := pool.Get().(*[symmetricBlock * symmetricBlock]T)
	if !ok {
		square = new([symmetricBlock * symmetricBlock]T)
	}
	p.gemm(p.transposed, !p.transposed, n, n, p.k, p.alpha, p.rowsOf(p.a, p.lda, i), p.lda, p.rowsOf(p.b, p.ldb, i), p.ldb, 0, square[:], n)
	for r := range n {
		from, to := p.columns(r, n)
		row, sums := p.c[(i+r)*p.ldc+i:], square[r*n:]
		for s := from; s < to; s++ {
			x := sums[s]
			if p.two {
				x += square[s*n+r]
			}
			if p.beta != 0 {
				x += p.beta * row[s]
			}
			row[s] = x
		}
	}
	pool.Put(square)
}

// columns returns the range of columns of row r that belong to the triangle of
// order n.
func (p *symmetricProduct[T]) columns(r, n int) (from, to int) {
	if p.upper {
		return r, n
	}
	return 0, r + 1
}
