package simdblas

import (
	"sync"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/gemm"
)

// smallMatrix is the number of elements up to which a matrix is multiplied by a
// vector in one call of assembly, if there is any, and elsewhere by gonum.
const smallMatrix = 4096

// narrowRows and narrowCols are the least rows of a transposed matrix, and columns of
// one that is not, which a product of matrices needs to be fast.
const (
	narrowRows = 48
	narrowCols = 64
)

// wide reports whether op(A)·x is computed as a product of matrices.
func wide(tA blas.Transpose, m, n int) bool {
	return m > 0 && n > 0 && m >= (smallMatrix+n-1)/n && (tA == blas.NoTrans && n >= narrowCols || tA != blas.NoTrans && m >= narrowRows)
}

// tinyGaps is the number of a matrix's elements below which preparing a product for
// a vector that has gaps takes longer than gonum needs.
const tinyGaps = 144

// middleMatrix is the number of elements up to which rows of any length are faster
// without the preparations of a product of matrices, and largeMatrix that from which
// a narrow matrix, too, is divided among processors.
const (
	middleMatrix = 1 << 16
	largeMatrix  = 1 << 20
)

// maxStride bounds the strides that assembly gets, so that no check of a length
// overflows.
const maxStride = 1 << 30

// narrowMatVec is [routines.matVec] for what assembly computes fast, in calls of
// a bounded length: matrices with few columns, and transposed ones with few rows or
// columns.
func narrowMatVec(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) bool {
	t, ok := flag(tA)
	lenY, lenX := swapIf(t, m, n)
	if !gemm.SmallVectors() || !ok || m > largeMatrix/n || alpha == 0 || lda > maxStride || incX > maxStride || incY > maxStride ||
		!fits(a, m, n, lda) || !spans(x, lenX, incX) || !spans(y, lenY, incY) {
		return false
	}
	switch {
	case !t && (n <= gemm.SmallGaps || incX == 1 && m*n <= middleMatrix && n <= smallMatrix/4):
		for i, step := 0, smallMatrix/n; i < m; i += step {
			if incX == 1 {
				gemm.SmallMatVec(min(step, m-i), n, alpha, a[i*lda:], lda, x, beta, y[i*incY:], incY)
			} else {
				gemm.SmallMatVecGaps(min(step, m-i), n, alpha, a[i*lda:], lda, x, incX, beta, y[i*incY:], incY)
			}
		}
		return true
	case t && (m <= narrowRows || n <= narrowCols):
		for j := 0; j < n; j += narrowCols {
			cols, b := min(narrowCols, n-j), beta
			for i, step := 0, smallMatrix/cols; i < m; i, b = i+step, 1 {
				gemm.SmallVecMat(min(step, m-i), cols, alpha, a[i*lda+j:], lda, x[i*incX:], incX, b, y[j*incY:], incY)
			}
		}
		return true
	}
	return false
}

// spans reports whether x holds n elements inc apart. Negative increments are left
// to gonum.
func spans[T gemm.Float](x []T, n, inc int) bool {
	return inc > 0 && (n <= 1 && len(x) >= n || n > 1 && inc <= (len(x)-1)/(n-1)) // n·inc may be no int
}

// poolsOf are the pools of memory for elements of one type.
type poolsOf struct {
	vectors sync.Pool // copies of vectors with an increment
	squares sync.Pool // blocks of the diagonal
}

var singlePools, doublePools poolsOf

func pools[T gemm.Float]() *poolsOf {
	var x T
	switch unsafe.Sizeof(x) {
	case 4:
		return &singlePools
	case 8:
		return &doublePools
	default:
		panic("simdblas: unknown element type")
	}
}

// vector is a vector of increment 1: the caller's, or a copy.
type vector[T gemm.Float] struct {
	data []T
	copy *[]T // nil if data is the caller's
}

func vectorOf[T gemm.Float](x []T, n, inc int) vector[T] {
	if inc == 1 {
		return vector[T]{data: x[:n]}
	}
	buffer, ok := pools[T]().vectors.Get().(*[]T)
	if !ok {
		buffer = new([]T)
	}
	if cap(*buffer) < n {
		*buffer = make([]T, n)
	}
	data := (*buffer)[:n]
	for i := range data {
		data[i] = x[i*inc]
	}
	return vector[T]{data, buffer}
}

// release gives the copy's memory back.
func (v vector[T]) release() {
	if v.copy != nil {
		pools[T]().vectors.Put(v.copy)
	}
}

// store writes the copy to the caller's vector, and gives its memory back.
func (v vector[T]) store(x []T, inc int) {
	if v.copy != nil {
		for i, e := range v.data {
			x[i*inc] = e
		}
		v.release()
	}
}

// matVec computes y = alpha·op(A)·x + beta·y and reports whether it did.
func (r *routines[T]) matVec(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) bool {
	t, ok := flag(tA)
	lenY, lenX := swapIf(t, m, n)
	if !ok || alpha == 0 || !fits(a, m, n, lda) || !spans(x, lenX, incX) || !spans(y, lenY, incY) {
		return false
	}
	vx, vy := vectorOf(x, lenX, incX), vectorOf(y, lenY, incY)
	r.times(t, m, n, alpha, a, lda, vx.data, beta, vy.data)
	vx.release()
	vy.store(y, incY)
	return true
}

// times is matVec for vectors of increment 1.
func (r *routines[T]) times(t bool, m, n int, alpha T, a []T, lda int, x []T, beta T, y []T) {
	if t {
		gemm.VecMat(m, n, alpha, x, a, lda, beta, y)
	} else {
		r.gemm(false, false, m, 1, n, alpha, a, lda, x, 1, beta, y, 1)
	}
}

// symmetricRows is how many rows of a symmetric matrix are multiplied together;
// the block of the diagonal among them is gonum's.
const symmetricRows = 32

// symmetricVec computes y = alpha·A·x + beta·y and reports whether it did. Each
// block beside the diagonal is used twice, as it is and transposed, while it is in
// the cache.
func (r *routines[T]) symmetricVec(ul blas.Uplo, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) bool {
	if !validTriangle(ul, blas.Unit) || alpha == 0 || !fits(a, n, n, lda) || !spans(x, n, incX) || !spans(y, n, incY) {
		return false
	}
	vx, vy := vectorOf(x, n, incX), vectorOf(y, n, incY)
	x0, y0 := vx.data, vy.data
	for i := range y0 {
		if beta == 0 {
			y0[i] = 0
		} else {
			y0[i] *= beta
		}
	}
	for i := 0; i < n; i += symmetricRows {
		m := min(symmetricRows, n-i)
		r.symv(gonum.Implementation{}, ul, m, alpha, a[i*lda+i:], lda, x0[i:i+m], 1, 1, y0[i:i+m], 1)
		j, end := 0, i // the columns beside the diagonal
		if ul == blas.Upper {
			j, end = i+m, n
		}
		if j < end {
			r.times(false, m, end-j, alpha, a[i*lda+j:], lda, x0[j:end], 1, y0[i:i+m])
			r.times(true, m, end-j, alpha, a[i*lda+j:], lda, x0[i:i+m], 1, y0[j:end])
		}
	}
	vx.release()
	vy.store(y, incY)
	return true
}

// twiceColumns is how many columns of four rows are multiplied in one call.
const twiceColumns = 2048

// symmetricTwice is [routines.symmetricVec] where assembly uses an element beside the
// diagonal twice when it has read it, of four rows at a time.
func symmetricTwice(ul blas.Uplo, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) bool {
	if !gemm.SmallVectors() || !validTriangle(ul, blas.Unit) || alpha == 0 || !fits(a, n, n, lda) || !spans(x, n, incX) || !spans(y, n, incY) {
		return false
	}
	vx, vy := vectorOf(x, n, incX), vectorOf(y, n, incY)
	x0, y0 := vx.data[:n], vy.data[:n]
	if beta != 1 {
		scale(y0, beta)
	}
	var scaled, sums [4]float64
	for i, rows := 0, 4; i < n; i += rows {
		from, to := i+4, n // beside the block on the diagonal
		if ul == blas.Lower {
			from, to = 0, i
			rows = 4
			if i == 0 && n%4 != 0 {
				rows = n % 4 // so that no rows are left at the end
			}
		} else if rows = min(4, n-i); rows < 4 {
			from = n
		}
		// The block itself.
		for r := i; r < i+rows; r++ {
			row, v := a[r*lda:][:n], alpha*x0[r]
			scaled[r-i] = v
			lo, hi := r+1, i+rows
			if ul == blas.Lower {
				lo, hi = i, r
			}
			sum := row[r] * x0[r]
			for c := lo; c < hi; c++ {
				sum += row[c] * x0[c]
				y0[c] += row[c] * v
			}
			y0[r] += alpha * sum
		}
		for ; from < to; from += twiceColumns {
			gemm.Twice(min(twiceColumns, to-from), a[i*lda+from:], lda, x0[from:], &scaled, y0[from:], &sums)
			for r, sum := range sums {
				y0[i+r] += alpha * sum
			}
		}
	}
	vx.release()
	vy.store(y, incY)
	return true
}

// smallTriangle is the order below which gonum's loops are as fast with a vector;
// vectorBlock is the order up to which a triangle is not divided for a vector.
const (
	smallTriangle = 96
	vectorBlock   = 32
)

// triangleVec solves op(A)·x = b, or computes op(A)·x, and reports whether it did.
func (r *routines[T]) triangleVec(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []T, lda int, x []T, incX int, solve bool) bool {
	t, ok := flag(tA)
	if !ok || !validTriangle(ul, d) || !fits(a, n, n, lda) || !spans(x, n, incX) {
		return false
	}
	v := vectorOf(x, n, incX)
	tv := triangleVector[T]{r, ul, tA, d, t, a, lda, v.data}
	if solve {
		tv.solve(0, n)
	} else {
		tv.multiply(0, n)
	}
	v.store(x, incX)
	return true
}

// triangleVector is a [triangle] whose B is a vector.
type triangleVector[T gemm.Float] struct {
	*routines[T]
	ul         blas.Uplo
	tA         blas.Transpose
	diag       blas.Diag
	transposed bool
	a          []T
	lda        int
	x          []T
}

func (t *triangleVector[T]) solve(i, n int) {
	if n <= vectorBlock {
		t.trsv(gonum.Implementation{}, t.ul, t.tA, t.diag, n, t.a[i*t.lda+i:], t.lda, t.x[i:i+n], 1)
		return
	}
	i1, n1, i2, n2 := halves(forward(true, t.ul, t.transposed), i, n, vectorBlock)
	t.solve(i1, n1)
	t.add(i2, n2, i1, n1, -1)
	t.solve(i2, n2)
}

func (t *triangleVector[T]) multiply(i, n int) {
	if n <= vectorBlock {
		t.trmv(gonum.Implementation{}, t.ul, t.tA, t.diag, n, t.a[i*t.lda+i:], t.lda, t.x[i:i+n], 1)
		return
	}
	i1, n1, i2, n2 := halves(forward(true, t.ul, t.transposed), i, n, vectorBlock)
	t.multiply(i2, n2)
	t.add(i2, n2, i1, n1, 1)
	t.multiply(i1, n1)
}

// add adds alpha·op(A)₂₁·x₁ to x₂.
func (t *triangleVector[T]) add(i2, n2, i1, n1 int, alpha T) {
	row, col := swapIf(t.transposed, i2, i1)
	m, n := swapIf(t.transposed, n2, n1)
	t.times(t.transposed, m, n, alpha, t.a[row*t.lda+col:], t.lda, t.x[i1:i1+n1], 1, t.x[i2:i2+n2])
}
