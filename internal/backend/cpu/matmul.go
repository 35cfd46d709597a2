package cpu

import (
	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/vec"
)

// product is a matrix product with BLAS's arguments, and an epilogue or nil.
type product[T vec.Float] func(tA, tB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, epi gemm.Epilogue[T])

// sgemm and dgemm return package gemm's products, or those that UseBLAS has set.
func (b *Backend) sgemm() product[float32] {
	switch other := b.blas.Load().f32; {
	case other != nil:
		return productOf(other.Sgemm)
	case b.bfloat16.Load():
		return gemm.SgemmBFloat16
	}
	return gemm.SgemmEpilogue
}

func (b *Backend) dgemm() product[float64] {
	other := b.blas.Load().f64
	if other == nil {
		return gemm.DgemmEpilogue
	}
	return productOf(other.Dgemm)
}

// productOf makes a product of a BLAS routine. The epilogue follows the whole
// product.
func productOf[T vec.Float](f func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)) product[T] {
	flag := func(trans bool) blas.Transpose {
		if trans {
			return blas.Trans
		}
		return blas.NoTrans
	}
	return func(tA, tB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, epi gemm.Epilogue[T]) {
		f(flag(tA), flag(tB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		if epi != nil {
			epi.Apply(c, ldc, 0, m, 0, n)
		}
	}
}

// MatMul sets dst = x·y over the last two axes, one product after another along
// the leading ones.
func (b *Backend) MatMul(dst, x, y backend.Operand) {
	if dst.Is64() {
		multiply(b, b.dgemm(), dst, x, y, nil)
	} else {
		multiply(b, b.sgemm(), dst, x, y, nil)
	}
}

// MatMulLooking is MatMul, and reports whether it has seen that all elements of dst are
// finite.
func (b *Backend) MatMulLooking(dst, x, y backend.Operand) (finite bool) {
	if dst.Is64() {
		return multiplyLooking(b, b.dgemm(), dst, x, y)
	}
	return multiplyLooking(b, b.sgemm(), dst, x, y)
}

func multiplyLooking[T vec.Float](b *Backend, mul product[T], dst, x, y backend.Operand) (finite bool) {
	if dst.Layout.Rank != 2 { // several products
		multiply(b, mul, dst, x, y, nil)
		return false
	}
	pool := &poolOf[T]().look
	l := take[gemm.Look[T]](pool)
	l.Finite = false
	multiply(b, mul, dst, x, y, l)
	finite = l.Finite
	pool.Put(l)
	return finite
}

// multiply sets dst = x·y, followed by an epilogue or nil.
func multiply[T vec.Float](b *Backend, mul product[T], dst, x, y backend.Operand, epi gemm.Epilogue[T]) {
	r := dst.Layout.Rank
	m, n, k := dst.Layout.Dims[r-2], dst.Layout.Dims[r-1], x.Layout.Dims[r-1]
	if dst.Layout.Len() == 0 {
		return
	}
	out := dst
	trans, ldo, ok := matrixOf(&dst.Layout)
	if !ok || trans {
		out, ldo = blank(dst), n
	}
	x, tx, ldx := b.asMatrix(x)
	y, ty, ldy := b.asMatrix(y)
	if k == 0 { // not every BLAS accepts it
		b.Fill(out, 0)
		if epi != nil {
			epi.Apply(elements[T](out), ldo, 0, m, 0, n)
		}
	} else {
		for i := range dst.Layout.Len() / (m * n) {
			mul(tx, ty, m, n, k, 1, elements[T](matrixAt(x, i)), ldx, elements[T](matrixAt(y, i)), ldy, 0, elements[T](matrixAt(out, i)), ldo, epi)
		}
	}
	if out != dst {
		b.Copy(dst, out)
	}
}

// matrixOf reads the last two axes of a layout as a BLAS matrix: row-major with
// a leading dimension, or the transpose of one. ok is false if it is neither.
func matrixOf(l *layout.Layout) (trans bool, ld int, ok bool) {
	r, c := l.Dims[l.Rank-2], l.Dims[l.Rank-1]
	sr, sc := l.Strides[l.Rank-2], l.Strides[l.Rank-1]
	if r == 1 {
		sr = max(c, 1)
	}
	if c == 1 {
		sc = 1
		if r == 1 {
			sr = 1
		}
	}
	if sc == 1 && sr >= max(c, 1) {
		return false, sr, true
	}
	if r == 1 {
		sr = 1
	}
	if sr == 1 && sc >= max(r, 1) {
		return true, sc, true
	}
	return false, 0, false
}

// asMatrix returns o as a BLAS matrix, copied if its last two axes are not one.
func (b *Backend) asMatrix(o backend.Operand) (matrix backend.Operand, trans bool, ld int) {
	trans, ld, ok := matrixOf(&o.Layout)
	if !ok {
		return b.packed(o), false, o.Layout.Dims[o.Layout.Rank-1]
	}
	return o, trans, ld
}

// matrixAt returns o with its offset at matrix i of the batch.
func matrixAt(o backend.Operand, i int) backend.Operand {
	for k := o.Layout.Rank - 3; k >= 0; k-- {
		d := o.Layout.Dims[k]
		o.Layout.Offset += i % d * o.Layout.Strides[k]
		i /= d
	}
	return o
}

// Linear sets dst = x·wᵀ, followed by the epilogue.
func (b *Backend) Linear(dst, x, w backend.Operand, e backend.Epilogue) {
	if dst.Is64() {
		linear(b, b.dgemm(), dst, x, w, e)
	} else {
		linear(b, b.sgemm(), dst, x, w, e)
	}
}

func linear[T vec.Float](b *Backend, mul product[T], dst, x, w backend.Operand, e backend.Epilogue) {
	pool := &poolOf[T]().epilogue
	s := take[biasAct[T]](pool)
	s.set(b, e)
	w.Layout = w.Layout.Permute(1, 0)
	multiply(b, mul, dst, x, w, s)
	reset(s)
	pool.Put(s)
}
