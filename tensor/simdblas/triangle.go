package simdblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/gemm"
)

// A triangular matrix is divided into two triangles and the square between them,
// and these triangles again. The squares are matrix products; the smallest
// triangles are gonum's.

// triangleBlock is the order of a triangle that is not divided.
const triangleBlock = 16

// triangle is a triangular matrix A with the matrix B that it is applied to.
type triangle[T gemm.Float] struct {
	*routines[T]
	side       blas.Side
	ul         blas.Uplo
	tA         blas.Transpose
	diag       blas.Diag
	transposed bool
	order      int // of A
	other      int // B's dimension that A is not applied to
	a          []T
	lda        int
	b          []T
	ldb        int
}

// triangle returns the operands of a product or a solution; ok is false if gonum
// should compute it.
func (r *routines[T]) triangle(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int) (t triangle[T], ok bool) {
	transposed, ok := flag(tA)
	order := orderOf(s, m, n)
	ok = ok && (s == blas.Left || s == blas.Right) && validTriangle(ul, d) && alpha != 0 &&
		fits(a, order, order, lda) && fits(b, m, n, ldb)
	return triangle[T]{r, s, ul, tA, d, transposed, order, m + n - order, a, lda, b, ldb}, ok
}

// orderOf returns the order of a triangle on side s of an m×n matrix.
func orderOf(s blas.Side, m, n int) int {
	if s == blas.Left {
		return m
	}
	return n
}

// forward reports whether a solution begins with the first unknowns.
func forward(left bool, ul blas.Uplo, transposed bool) bool {
	lower := (ul == blas.Lower) != transposed // op(A)
	return lower == left
}

// halves divides the unknowns [i,i+n) into the half that is solved first and the
// half that depends on it. Both begin a multiple of block after i.
func halves(forward bool, i, n, block int) (i1, n1, i2, n2 int) {
	half := (n/2 + block - 1) / block * block
	if forward {
		return i, half, i + half, n - half
	}
	return i + half, n - half, i, half
}

func (t *triangle[T]) halves(i, n int) (i1, n1, i2, n2 int) {
	return halves(forward(t.side == blas.Left, t.ul, t.transposed), i, n, triangleBlock)
}

// solve solves for the unknowns [i,i+n). Those that they depend on must be solved
// and subtracted already.
func (t *triangle[T]) solve(i, n int, alpha T) {
	if n <= triangleBlock {
		m, n := t.shape(n)
		t.trsm(gonum.Implementation{}, t.side, t.ul, t.tA, t.diag, m, n, alpha, t.block(i, i), t.lda, t.part(i), t.ldb)
		return
	}
	i1, n1, i2, n2 := t.halves(i, n)
	t.solve(i1, n1, alpha)
	t.add(i2, n2, i1, n1, -1, alpha)
	t.solve(i2, n2, 1)
}

// multiply computes the rows or columns [i,i+n) of the product with A's triangle
// there.
func (t *triangle[T]) multiply(i, n int, alpha T) {
	if n <= triangleBlock {
		m, n := t.shape(n)
		t.trmm(gonum.Implementation{}, t.side, t.ul, t.tA, t.diag, m, n, alpha, t.block(i, i), t.lda, t.part(i), t.ldb)
		return
	}
	i1, n1, i2, n2 := t.halves(i, n)
	t.multiply(i2, n2, alpha)
	t.add(i2, n2, i1, n1, alpha, 1)
	t.multiply(i1, n1, alpha)
}

// add computes B₂ = alpha·op(A)₂₁·B₁ + beta·B₂, or B₂ = alpha·B₁·op(A)₁₂ + beta·B₂,
// for the parts of B from i1 and i2 on.
func (t *triangle[T]) add(i2, n2, i1, n1 int, alpha, beta T) {
	if t.side == blas.Left {
		t.gemm(t.transposed, false, n2, t.other, n1, alpha, t.block(i2, i1), t.lda, t.part(i1), t.ldb, beta, t.part(i2), t.ldb)
	} else {
		t.gemm(false, t.transposed, t.other, n2, n1, alpha, t.part(i1), t.ldb, t.block(i1, i2), t.lda, beta, t.part(i2), t.ldb)
	}
}

// shape returns the shape of n rows or columns of B.
func (t *triangle[T]) shape(n int) (rows, cols int) {
	if t.side == blas.Left {
		return n, t.other
	}
	return t.other, n
}

// part returns B from its row or column i on.
func (t *triangle[T]) part(i int) []T {
	if t.side == blas.Left {
		return t.b[i*t.ldb:]
	}
	return t.b[i:]
}

// block returns A from row i and column j of op(A) on.
func (t *triangle[T]) block(i, j int) []T {
	i, j = swapIf(t.transposed, i, j)
	return t.a[i*t.lda+j:]
}
