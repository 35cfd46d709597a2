package simdblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/gemm"
)

// Implementation is a BLAS: gonum's, with faster matrix products. The zero
// value is ready to use, from several goroutines at once.
type Implementation struct {
	gonum.Implementation
}

var (
	_ blas.Float32 = Implementation{}
	_ blas.Float64 = Implementation{}
)

// Sgemm computes C = alpha·op(A)·op(B) + beta·C, where op(X) is X or Xᵀ, for
// row-major matrices: op(A) is m×k, op(B) is k×n and C is m×n. C is not read if
// beta is 0; A and B are not read if alpha is 0. It panics on bad arguments with
// gonum's messages.
func (Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	ta, tb := checkGemm(tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	gemm.Sgemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm is Sgemm in float64.
func (Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	ta, tb := checkGemm(tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	gemm.Dgemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Ssyrk computes one triangle of the symmetric matrix C = alpha·A·Aᵀ + beta·C,
// where A is n×k, or with a transpose of C = alpha·Aᵀ·A + beta·C, where A is
// k×n. The other triangle is neither read nor written. It panics on bad
// arguments with gonum's messages.
func (Implementation) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	t := checkSyrk(ul, tA, n, k, len(a), lda, len(c), ldc)
	syrk(gemm.Sgemm, ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

// Dsyrk is Ssyrk in float64.
func (Implementation) Dsyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	t := checkSyrk(ul, tA, n, k, len(a), lda, len(c), ldc)
	syrk(gemm.Dgemm, ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

// syrkBlock is how many rows of C are computed together. What lies beside the
// diagonal is one product per block; only the block on the diagonal is computed
// in full and used by half.
const syrkBlock = 128

type product[T float32 | float64] func(tA, tB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)

func syrk[T float32 | float64](mul product[T], ul blas.Uplo, t bool, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int) {
	if k == 0 || alpha == 0 {
		a, k = nil, 0 // the slice may be empty
	}
	// rows is op(A) from row i on.
	rows := func(i int) []T {
		switch {
		case k == 0:
			return nil
		case t:
			return a[i:]
		}
		return a[i*lda:]
	}
	square := make([]T, min(n, syrkBlock)*min(n, syrkBlock))
	for i := 0; i < n; i += syrkBlock {
		m := min(syrkBlock, n-i)
		j, end := 0, i // the columns beside the diagonal
		if ul == blas.Upper {
			j, end = i+m, n
		}
		if j < end {
			mul(t, !t, m, end-j, k, alpha, rows(i), lda, rows(j), lda, beta, c[i*ldc+j:], ldc)
		}
		mul(t, !t, m, m, k, alpha, rows(i), lda, rows(i), lda, 0, square, m)
		for r := range m {
			from, to := 0, r+1
			if ul == blas.Upper {
				from, to = r, m
			}
			row := c[(i+r)*ldc+i:]
			for s := from; s < to; s++ {
				x := square[r*m+s]
				if beta != 0 {
					x += beta * row[s]
				}
				row[s] = x
			}
		}
	}
}
