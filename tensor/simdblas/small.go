package simdblas

import (
	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/gemm"
)

// A matrix of a few elements is multiplied by a vector, or a triangle of a few
// rows solved, in less time than it takes to hand the arguments on. So plain loops
// do that here, for vectors without gaps.

// tinyVector is the order of a triangle up to which they do, and tinyMatrix that of a
// whole matrix, which gonum multiplies in assembly. Symmetric ones have two products
// in one loop, and more time.
const (
	tinyVector    = 8
	tinySymmetric = 15
	tinyMatrix    = 4
	fewOrder      = 12 // of a matrix that is transposed, or meets gaps, in float32
)

// tinyMatVec reports whether [Implementation.Sgemv] multiplies by itself, and
// [Implementation.Dgemv] without assembly: another call would take too long. The
// vectors are as long as they must be.
func tinyMatVec(tA blas.Transpose, m, n, lda, a, incX, incY int) bool {
	return tA == blas.NoTrans && uint(m-1) < tinyMatrix && uint(n-1) < tinyMatrix && incX == 1 && incY == 1 && lda >= n && a >= lda*(m-1)+n
}

// tinyMatVecT is the same for a transposed matrix, of one row and column less.
func tinyMatVecT(tA blas.Transpose, m, n, lda, a, incX, incY int) bool {
	return tA == blas.Trans && uint(m-1) < tinyMatrix-1 && uint(n-1) < tinyMatrix-1 && incX == 1 && incY == 1 && lda >= n && a >= lda*(m-1)+n
}

// fewElements reports whether an m×n matrix is one for [fewMatVec]: gonum has faster
// sums of products of two rows without gaps.
func fewElements(tA blas.Transpose, m, n, incX int) bool {
	return uint(m-1) < fewOrder && uint(n-1) < fewOrder && (tA != blas.NoTrans || incX != 1)
}

// fewMatVec is [routines.matVec] in float32, four sums at a time, for vectors with gaps too.
// In float64 gonum is faster, and so are the loops of [Implementation.Sgemv] and Dgemv for
// fewer elements still, because this call takes 4 ns of some 10.
func fewMatVec(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) bool {
	t, ok := flag(tA)
	if !ok || alpha == 0 || !fits(a, m, n, lda) || incX > maxStride || incY > maxStride {
		return false
	}
	lenY, lenX, nextY, nextX := m, n, lda, 1 // distances in A from sum to sum and from term to term
	if t {
		lenY, lenX, nextY, nextX = n, m, 1, lda
	}
	if !spans(x, lenX, incX) || !spans(y, lenY, incY) {
		return false
	}
	i, j := 0, 0 // in A and y
	for ; lenY >= 4; lenY -= 4 {
		var s0, s1, s2, s3 float32
		at, k := i, 0
		for range lenX {
			v := x[k]
			s0 += v * a[at]
			s1 += v * a[at+nextY]
			s2 += v * a[at+2*nextY]
			s3 += v * a[at+3*nextY]
			at, k = at+nextX, k+incX
		}
		for _, s := range [4]float32{s0, s1, s2, s3} {
			e := &y[j]
			if s *= alpha; beta != 0 {
				s += beta * *e
			}
			*e = s
			j += incY
		}
		i += 4 * nextY
	}
	for range lenY {
		var s float32
		at, k := i, 0
		for range lenX {
			s += x[k] * a[at]
			at, k = at+nextX, k+incX
		}
		e := &y[j]
		if s *= alpha; beta != 0 {
			s += beta * *e
		}
		*e = s
		i, j = i+nextY, j+incY
	}
	return true
}

// dot is the scalar product of x and the first of y.
func dot[T gemm.Float](x, y []T) (sum T) {
	y = y[:len(x)]
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// scale multiplies y by beta, and does not read it if that is 0.
func scale[T gemm.Float](y []T, beta T) {
	if beta == 0 {
		clear(y)
		return
	}
	for i := range y {
		y[i] *= beta
	}
}

// tinySymmetricVec is [routines.symmetricVec].
func tinySymmetricVec[T gemm.Float](ul blas.Uplo, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) bool {
	if n > tinySymmetric || incX != 1 || incY != 1 || alpha == 0 || !validTriangle(ul, blas.Unit) || !fits(a, n, n, lda) || len(x) < n || len(y) < n {
		return false
	}
	x, y = x[:n], y[:n]
	scale(y, beta)
	for i, v := range x {
		row := a[i*lda:][:n]
		from, to := i+1, n // beside the diagonal
		if ul == blas.Lower {
			from, to = 0, i
		}
		sum := row[i] * v
		v *= alpha
		for j := from; j < to; j++ {
			sum += row[j] * x[j]
			y[j] += row[j] * v
		}
		y[i] += alpha * sum
	}
	return true
}

// tinySolve is the solution of [routines.triangleVec].
func tinySolve[T gemm.Float](ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []T, lda int, x []T, incX int) bool {
	t, ok := flag(tA)
	if !ok || n > tinyVector || incX != 1 || !validTriangle(ul, d) || !fits(a, n, n, lda) || len(x) < n {
		return false
	}
	x = x[:n]
	first, step := 0, 1
	if (ul == blas.Upper) != t { // op(A) is an upper triangle: the last unknown comes first
		first, step = n-1, -1
	}
	for i := first; i >= 0 && i < n; i += step {
		from, to := i+1, n // beside the diagonal, in the row of A
		if ul == blas.Lower {
			from, to = 0, i
		}
		row, v := a[i*lda:][:n], x[i]
		if !t {
			for j := from; j < to; j++ {
				v -= row[j] * x[j]
			}
		}
		if d == blas.NonUnit {
			v /= row[i]
		}
		x[i] = v
		if t {
			for j := from; j < to; j++ {
				x[j] -= row[j] * v
			}
		}
	}
	return true
}

// tinyMultiply is the product of [routines.triangleVec].
func tinyMultiply[T gemm.Float](ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []T, lda int, x []T, incX int) bool {
	t, ok := flag(tA)
	if !ok || n > tinyVector || incX != 1 || !validTriangle(ul, d) || !fits(a, n, n, lda) || len(x) < n {
		return false
	}
	x = x[:n]
	first, step := n-1, -1
	if (ul == blas.Upper) != t { // op(A) is an upper triangle: the first number is needed for no other
		first, step = 0, 1
	}
	for i := first; i >= 0 && i < n; i += step {
		from, to := i+1, n // beside the diagonal, in the row of A
		if ul == blas.Lower {
			from, to = 0, i
		}
		row, v := a[i*lda:][:n], x[i]
		if t {
			for j := from; j < to; j++ {
				x[j] += row[j] * v
			}
		}
		if d == blas.NonUnit {
			v *= row[i]
		}
		if !t {
			for j := from; j < to; j++ {
				v += row[j] * x[j]
			}
		}
		x[i] = v
	}
	return true
}
