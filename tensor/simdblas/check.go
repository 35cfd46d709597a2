package simdblas

import "gonum.org/v1/gonum/blas"

// gonum's panic values.
const (
	mLT0 = "blas: m < 0"
	nLT0 = "blas: n < 0"
	kLT0 = "blas: k < 0"

	badUplo      = "blas: illegal triangle"
	badTranspose = "blas: illegal transpose"

	badLdA = "blas: bad leading dimension of A"
	badLdB = "blas: bad leading dimension of B"
	badLdC = "blas: bad leading dimension of C"

	shortA = "blas: insufficient length of a"
	shortB = "blas: insufficient length of b"
	shortC = "blas: insufficient length of c"
)

// checkGemm panics as gonum does, and tells
// whether A and B are transposed.
func checkGemm(tA, tB blas.Transpose, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int) (ta, tb bool) {
	ta, tb = transposed(tA), transposed(tB)
	checkSize(m, mLT0)
	checkSize(n, nLT0)
	checkSize(k, kLT0)
	rowsA, colsA := turn(ta, m, k)
	rowsB, colsB := turn(tb, k, n)
	checkLD(lda, colsA, badLdA)
	checkLD(ldb, colsB, badLdB)
	checkLD(ldc, n, badLdC)
	if m > 0 && n > 0 {
		checkLength(lenA, rowsA, colsA, lda, shortA)
		checkLength(lenB, rowsB, colsB, ldb, shortB)
		checkLength(lenC, m, n, ldc, shortC)
	}
	return ta, tb
}

// checkSyrk is checkGemm for a symmetric product.
func checkSyrk(ul blas.Uplo, tA blas.Transpose, n, k, lenA, lda, lenC, ldc int) (t bool) {
	if ul != blas.Lower && ul != blas.Upper {
		panic(badUplo)
	}
	t = transposed(tA)
	checkSize(n, nLT0)
	checkSize(k, kLT0)
	rows, cols := turn(t, n, k)
	checkLD(lda, cols, badLdA)
	checkLD(ldc, n, badLdC)
	if n > 0 {
		checkLength(lenA, rows, cols, lda, shortA)
		checkLength(lenC, n, n, ldc, shortC)
	}
	return t
}

func transposed(t blas.Transpose) bool {
	switch t {
	case blas.NoTrans:
		return false
	case blas.Trans, blas.ConjTrans:
		return true
	}
	panic(badTranspose)
}

// turn swaps the dimensions of a transposed matrix.
func turn(t bool, rows, cols int) (r, c int) {
	if t {
		return cols, rows
	}
	return rows, cols
}

func checkSize(n int, message string) {
	if n < 0 {
		panic(message)
	}
}

func checkLD(ld, cols int, message string) {
	if ld < max(1, cols) {
		panic(message)
	}
}

// checkLength allows a matrix without elements any slice, as the kernels do.
func checkLength(n, rows, cols, ld int, message string) {
	if rows > 0 && cols > 0 && (n < cols || (n-cols)/ld < rows-1) {
		panic(message)
	}
}
