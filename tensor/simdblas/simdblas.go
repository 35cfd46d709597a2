package simdblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/gemm"
)

// Implementation is a BLAS: gonum's, with the routines that the package comment
// lists replaced. The zero value is ready to use, from several goroutines at once.
//
// Its methods have gonum's arguments, meaning and panics.
type Implementation struct {
	gonum.Implementation
}

var (
	_ blas.Float32 = Implementation{}
	_ blas.Float64 = Implementation{}
)

// Each method computes what gets faster, and leaves the rest to gonum: small
// operands, and arguments that are unusual or wrong, whose panics are then gonum's
// own.

// routines are the parts that the generic code is made of, for one element type.
type routines[T gemm.Float] struct {
	gemm func(tA, tB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	symv func(_ gonum.Implementation, ul blas.Uplo, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
	trsv func(_ gonum.Implementation, ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []T, lda int, x []T, incX int)
	trmv func(_ gonum.Implementation, ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []T, lda int, x []T, incX int)
	trsm func(_ gonum.Implementation, s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
	trmm func(_ gonum.Implementation, s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
}

var (
	single = &routines[float32]{
		gemm: gemm.Sgemm, symv: gonum.Implementation.Ssymv, trsv: gonum.Implementation.Strsv, trmv: gonum.Implementation.Strmv,
		trsm: gonum.Implementation.Strsm, trmm: gonum.Implementation.Strmm,
	}
	double = &routines[float64]{
		gemm: gemm.Dgemm, symv: gonum.Implementation.Dsymv, trsv: gonum.Implementation.Dtrsv, trmv: gonum.Implementation.Dtrmv,
		trsm: gonum.Implementation.Dtrsm, trmm: gonum.Implementation.Dtrmm,
	}
)

// Sgemm computes C = alpha·op(A)·op(B) + beta·C, where op(X) is X or Xᵀ, for
// row-major matrices: op(A) is m×k, op(B) is k×n and C is m×n. C is not read if
// beta is 0; A and B are not read if alpha is 0.
func (i Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !single.product(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		i.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dgemm is Sgemm in float64.
func (i Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if !double.product(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		i.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Ssyrk computes one triangle of the symmetric matrix C = alpha·A·Aᵀ + beta·C,
// for an n×k matrix A, or if tA asks for a transpose of C = alpha·Aᵀ·A + beta·C, for
// a k×n matrix A. The other triangle is neither read nor written.
func (i Implementation) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	if n < smallSymmetric || !single.symmetric(ul, tA, n, k, alpha, a, lda, nil, 0, beta, c, ldc) {
		i.Implementation.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	}
}

// Dsyrk is Ssyrk in float64.
func (i Implementation) Dsyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	if n < smallSymmetric || !double.symmetric(ul, tA, n, k, alpha, a, lda, nil, 0, beta, c, ldc) {
		i.Implementation.Dsyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	}
}

// Ssyr2k is Ssyrk for C = alpha·(A·Bᵀ + B·Aᵀ) + beta·C, or if tA asks for a
// transpose for C = alpha·(Aᵀ·B + Bᵀ·A) + beta·C.
func (i Implementation) Ssyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if n < smallSymmetric || b == nil || !single.symmetric(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		i.Implementation.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dsyr2k is Ssyr2k in float64.
func (i Implementation) Dsyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if n < smallSymmetric || b == nil || !double.symmetric(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		i.Implementation.Dsyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Strsm solves op(A)·X = alpha·B, or X·op(A) = alpha·B, for a triangular matrix A
// and an m×n matrix B, which becomes X.
func (i Implementation) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	if orderOf(s, m, n) > triangleBlock {
		if t, ok := single.triangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb); ok {
			t.solve(0, t.order, alpha)
			return
		}
	}
	i.Implementation.Strsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrsm is Strsm in float64.
func (i Implementation) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	if orderOf(s, m, n) > triangleBlock {
		if t, ok := double.triangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb); ok {
			t.solve(0, t.order, alpha)
			return
		}
	}
	i.Implementation.Dtrsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Strmm computes B = alpha·op(A)·B, or B = alpha·B·op(A), for a triangular matrix
// A and an m×n matrix B.
func (i Implementation) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	if orderOf(s, m, n) > triangleBlock {
		if t, ok := single.triangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb); ok {
			t.multiply(0, t.order, alpha)
			return
		}
	}
	i.Implementation.Strmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrmm is Strmm in float64.
func (i Implementation) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	if orderOf(s, m, n) > triangleBlock {
		if t, ok := double.triangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb); ok {
			t.multiply(0, t.order, alpha)
			return
		}
	}
	i.Implementation.Dtrmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Sgemv computes y = alpha·op(A)·x + beta·y for an m×n matrix A.
func (i Implementation) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if tinyMatVec(tA, m, n, lda, len(a), incX, incY) && alpha != 0 && len(x) >= n && len(y) >= m {
		for r := range y[:m] {
			v := alpha * dot(x[:n], a[r*lda:])
			if beta != 0 {
				v += beta * y[r]
			}
			y[r] = v
		}
		return
	}
	if tinyMatVecT(tA, m, n, lda, len(a), incX, incY) && alpha != 0 && len(x) >= m && len(y) >= n {
		x = x[:m]
		for c := range y[:n] {
			sum, at := float32(0), c
			for _, v := range x {
				sum += v * a[at]
				at += lda
			}
			sum *= alpha
			if beta != 0 {
				sum += beta * y[c]
			}
			y[c] = sum
		}
		return
	}
	if fewElements(tA, m, n, incX) && fewMatVec(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) {
		return
	}
	if wide(tA, m, n) && single.matVec(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) {
		return
	}
	i.Implementation.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv is Sgemv in float64.
func (i Implementation) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	// Few elements take less time than another call with these arguments.
	if gemm.SmallVectors() && m > 0 && n > 0 && m <= smallMatrix && n <= smallMatrix && m*n <= smallMatrix && alpha != 0 &&
		lda >= n && lda <= maxStride && len(a) >= lda*(m-1)+n && 0 < incX && incX <= maxStride && 0 < incY && incY <= maxStride {
		if tA == blas.NoTrans && incX == 1 && len(x) >= n && len(y) > (m-1)*incY {
			gemm.SmallMatVec(m, n, alpha, a, lda, x, beta, y, incY)
			return
		}
		if tA == blas.NoTrans && n <= gemm.SmallGaps && len(x) > (n-1)*incX && len(y) > (m-1)*incY {
			gemm.SmallMatVecGaps(m, n, alpha, a, lda, x, incX, beta, y, incY)
			return
		}
		if tA == blas.Trans && len(x) > (m-1)*incX && len(y) > (n-1)*incY {
			gemm.SmallVecMat(m, n, alpha, a, lda, x, incX, beta, y, incY)
			return
		}
	}
	if !gemm.SmallVectors() && tinyMatVec(tA, m, n, lda, len(a), incX, incY) && alpha != 0 && len(x) >= n && len(y) >= m {
		for r := range y[:m] {
			v := alpha * dot(x[:n], a[r*lda:])
			if beta != 0 {
				v += beta * y[r]
			}
			y[r] = v
		}
		return
	}
	if !gemm.SmallVectors() && tinyMatVecT(tA, m, n, lda, len(a), incX, incY) && alpha != 0 && len(x) >= m && len(y) >= n {
		x = x[:m]
		for c := range y[:n] {
			sum, at := float64(0), c
			for _, v := range x {
				sum += v * a[at]
				at += lda
			}
			sum *= alpha
			if beta != 0 {
				sum += beta * y[c]
			}
			y[c] = sum
		}
		return
	}
	if m*n >= tinyGaps && (narrowMatVec(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) ||
		wide(tA, m, n) && double.matVec(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)) {
		return
	}
	i.Implementation.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Ssymv computes y = alpha·A·x + beta·y for a symmetric matrix A, of which it
// reads one triangle.
func (i Implementation) Ssymv(ul blas.Uplo, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if n < 2*symmetricRows {
		if tinySymmetricVec(ul, n, alpha, a, lda, x, incX, beta, y, incY) {
			return
		}
	} else if single.symmetricVec(ul, n, alpha, a, lda, x, incX, beta, y, incY) {
		return
	}
	i.Implementation.Ssymv(ul, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dsymv is Ssymv in float64.
func (i Implementation) Dsymv(ul blas.Uplo, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	if n > tinySymmetric && symmetricTwice(ul, n, alpha, a, lda, x, incX, beta, y, incY) {
		return
	}
	if n < 2*symmetricRows {
		if tinySymmetricVec(ul, n, alpha, a, lda, x, incX, beta, y, incY) {
			return
		}
	} else if double.symmetricVec(ul, n, alpha, a, lda, x, incX, beta, y, incY) {
		return
	}
	i.Implementation.Dsymv(ul, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Strsv solves op(A)·x = b for a triangular matrix A. x holds b on entry.
func (i Implementation) Strsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	if n < smallTriangle {
		if tinySolve(ul, tA, d, n, a, lda, x, incX) {
			return
		}
	} else if single.triangleVec(ul, tA, d, n, a, lda, x, incX, true) {
		return
	}
	i.Implementation.Strsv(ul, tA, d, n, a, lda, x, incX)
}

// Dtrsv is Strsv in float64.
func (i Implementation) Dtrsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float64, lda int, x []float64, incX int) {
	if n < smallTriangle {
		if tinySolve(ul, tA, d, n, a, lda, x, incX) {
			return
		}
	} else if double.triangleVec(ul, tA, d, n, a, lda, x, incX, true) {
		return
	}
	i.Implementation.Dtrsv(ul, tA, d, n, a, lda, x, incX)
}

// Strmv computes x = op(A)·x for a triangular matrix A.
func (i Implementation) Strmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	if n < smallTriangle {
		if tinyMultiply(ul, tA, d, n, a, lda, x, incX) {
			return
		}
	} else if single.triangleVec(ul, tA, d, n, a, lda, x, incX, false) {
		return
	}
	i.Implementation.Strmv(ul, tA, d, n, a, lda, x, incX)
}

// Dtrmv is Strmv in float64.
func (i Implementation) Dtrmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float64, lda int, x []float64, incX int) {
	if n < smallTriangle {
		if tinyMultiply(ul, tA, d, n, a, lda, x, incX) {
			return
		}
	} else if double.triangleVec(ul, tA, d, n, a, lda, x, incX, false) {
		return
	}
	i.Implementation.Dtrmv(ul, tA, d, n, a, lda, x, incX)
}
