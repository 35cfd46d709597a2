//go:build !purego

package gemm

import "github.com/gander-ml/gander/internal/isa"

//go:noescape
func matVecAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64, incY int)

//go:noescape
func matVecGapsAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64, incY int)

//go:noescape
func vecMatAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64, incY int)

//go:noescape
func twiceAVX2F64(n int, a *float64, lda int, x *float64, scaled *[4]float64, y *float64, sums *[4]float64)

// SmallVectors reports whether [SmallMatVec] and the others here may be called.
func SmallVectors() bool { return isa.AVX2 }

// SmallMatVec computes y = alpha·A·x + beta·y for an m×n matrix A, where y's elements are
// incY > 0 apart. y is not read if beta is 0. Nothing is checked: m and n are at least 1,
// lda ≥ n, and the slices as long as that needs. It is one call of assembly, so m·n should
// be a few thousand.
func SmallMatVec(m, n int, alpha float64, a []float64, lda int, x []float64, beta float64, y []float64, incY int) {
	matVecAVX2F64(m, n, alpha, &a[0], lda, &x[0], 1, beta, &y[0], incY)
}

// SmallMatVecGaps is SmallMatVec for an x whose elements are incX > 0 apart. n is at most
// [SmallGaps].
func SmallMatVecGaps(m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	matVecGapsAVX2F64(m, n, alpha, &a[0], lda, &x[0], incX, beta, &y[0], incY)
}

// SmallVecMat is SmallMatVec for y = alpha·xᵀ·A + beta·y, where x's elements are incX > 0
// apart too.
func SmallVecMat(m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	vecMatAVX2F64(m, n, alpha, &a[0], lda, &x[0], incX, beta, &y[0], incY)
}

// Twice uses the elements of a 4×n matrix A for two products: it sets sums to A·x, and
// adds Aᵀ·scaled to y. It checks as little as [SmallMatVec].
func Twice(n int, a []float64, lda int, x []float64, scaled *[4]float64, y []float64, sums *[4]float64) {
	twiceAVX2F64(n, &a[0], lda, &x[0], scaled, &y[0], sums)
}
