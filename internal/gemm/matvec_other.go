//go:build !amd64 || purego

package gemm

// SmallVectors reports whether [SmallMatVec] and the others here may be called.
func SmallVectors() bool { return false }

// SmallMatVec is never called.
func SmallMatVec(m, n int, alpha float64, a []float64, lda int, x []float64, beta float64, y []float64, incY int) {
	panic("gemm: no SmallMatVec")
}

// SmallMatVecGaps is never called.
func SmallMatVecGaps(m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	panic("gemm: no SmallMatVecGaps")
}

// SmallVecMat is never called.
func SmallVecMat(m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	panic("gemm: no SmallVecMat")
}

// Twice is never called.
func Twice(n int, a []float64, lda int, x []float64, scaled *[4]float64, y []float64, sums *[4]float64) {
	panic("gemm: no Twice")
}
