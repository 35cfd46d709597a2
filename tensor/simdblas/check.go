package simdblas

import (
	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/gemm"
)

// fits reports whether x holds a rows×cols matrix with leading dimension ld, with
// at least one element.
func fits[T gemm.Float](x []T, rows, cols, ld int) bool {
	return rows > 0 && cols > 0 && ld >= cols && len(x) >= cols && (len(x)-cols)/ld >= rows-1
}

// flag reports whether t asks for a transpose; ok is false if t is not valid.
func flag(t blas.Transpose) (transposed, ok bool) {
	switch t {
	case blas.NoTrans:
		return false, true
	case blas.Trans, blas.ConjTrans:
		return true, true
	}
	return false, false
}

// swapIf returns rows and cols, swapped if transposed.
func swapIf(transposed bool, rows, cols int) (r, c int) {
	if transposed {
		return cols, rows
	}
	return rows, cols
}

func validTriangle(ul blas.Uplo, d blas.Diag) bool {
	return (ul == blas.Upper || ul == blas.Lower) && (d == blas.Unit || d == blas.NonUnit)
}
