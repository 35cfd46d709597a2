package cpu

import (
	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/layout"
)

// MatMul sets dst = x·y over the last two axes, one product after another along
// the leading ones.
func (b *Backend) MatMul(dst, x, y backend.Operand) {
	r := dst.Layout.Rank
	m, n, k := dst.Layout.Dims[r-2], dst.Layout.Dims[r-1], x.Layout.Dims[r-1]
	if k == 0 {
		b.Fill(dst, 0)
	}
	if k == 0 || dst.Layout.Len() == 0 {
		return
	}
	x, y = b.asMatrix(x), b.asMatrix(y)
	out := dst
	if trans, _, ok := matrixOf(&dst.Layout); !ok || trans {
		out = backend.Operand{Buffer: backend.NewHost(dst.Buffer.DType(), dst.Layout.Len()), Layout: dst.Layout.Packed()}
	}
	tx, ldx, _ := matrixOf(&x.Layout)
	ty, ldy, _ := matrixOf(&y.Layout)
	_, ldo, _ := matrixOf(&out.Layout)
	batch := 1
	for _, d := range out.Layout.Dims[:r-2] {
		batch *= d
	}
	impl := b.blas.Load()
	for i := range batch {
		c, a, bb := matrixAt(out, i), matrixAt(x, i), matrixAt(y, i)
		switch {
		case is64(dst) && impl.F64 != nil:
			impl.F64.Dgemm(flag(tx), flag(ty), m, n, k, 1, slice64(a), ldx, slice64(bb), ldy, 0, slice64(c), ldo)
		case is64(dst):
			kernel.Dgemm(tx, ty, m, n, k, 1, slice64(a), ldx, slice64(bb), ldy, 0, slice64(c), ldo)
		case impl.F32 != nil:
			impl.F32.Sgemm(flag(tx), flag(ty), m, n, k, 1, slice32(a), ldx, slice32(bb), ldy, 0, slice32(c), ldo)
		default:
			kernel.Sgemm(tx, ty, m, n, k, 1, slice32(a), ldx, slice32(bb), ldy, 0, slice32(c), ldo)
		}
	}
	if out != dst {
		b.Copy(dst, out)
	}
}

// matrixOf reads the last two axes of a layout as a BLAS matrix: row-major with
// a leading dimension, or the transpose of one. ok is false where it is
// neither.
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

func flag(trans bool) blas.Transpose {
	if trans {
		return blas.Trans
	}
	return blas.NoTrans
}

// asMatrix returns o, or a contiguous copy where its last two axes are not a
// BLAS matrix.
func (b *Backend) asMatrix(o backend.Operand) backend.Operand {
	if _, _, ok := matrixOf(&o.Layout); ok {
		return o
	}
	c := backend.Operand{Buffer: backend.NewHost(o.Buffer.DType(), o.Layout.Len()), Layout: o.Layout.Packed()}
	b.Copy(c, o)
	return c
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

// biasAct applies bias and activation to blocks of a finished product.
type biasAct[T kernel.Float] struct {
	act  kernel.UnaryOp
	bias []T
	a    float64
}

// Apply is called with each element once, as soon as its block is final.
func (e *biasAct[T]) Apply(c []T, ldc, i0, i1, j0, j1 int) {
	bias := e.bias
	if bias != nil {
		bias = bias[j0:j1]
	}
	kernel.BiasAct(e.act, c[i0*ldc+j0:], ldc, i1-i0, j1-j0, bias, e.a)
}

// actCode translates an activation to the kernel's code; NumUnary is none.
func actCode(act backend.Activation) kernel.UnaryOp {
	switch act {
	case backend.ActTanh:
		return kernel.Tanh
	case backend.ActSigmoid:
		return kernel.Sigmoid
	case backend.ActReLU:
		return kernel.ReLU
	case backend.ActLeakyReLU:
		return kernel.LeakyReLU
	}
	return kernel.NumUnary
}

// Linear sets dst = act(x·wᵀ + b).
func (b *Backend) Linear(act backend.Activation, dst, x, w, bias backend.Operand, a float64) {
	impl := b.blas.Load()
	x, w = b.asMatrix(x), b.asMatrix(w)
	if is64(dst) {
		linear(dst, x, w, bias, act, a, kernel.DgemmEpilogue, impl.F64 != nil, b)
	} else {
		linear(dst, x, w, bias, act, a, kernel.SgemmEpilogue, impl.F32 != nil, b)
	}
}

type gemmEpilogue[T kernel.Float] func(tA, tB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, epi kernel.Epilogue[T])

func linear[T kernel.Float](dst, x, w, bias backend.Operand, act backend.Activation, a float64, gemm gemmEpilogue[T], plugged bool, b *Backend) {
	m, n, k := dst.Layout.Dims[0], dst.Layout.Dims[1], x.Layout.Dims[1]
	pool := poolOf[T]()
	e := pool.epilogue.Get().(*biasAct[T])
	*e = biasAct[T]{act: actCode(act), a: a}
	if bias.Buffer != nil {
		bias = b.packed(bias)
		e.bias = elements[T](bias)[bias.Layout.Offset:][:n]
	}
	c := elements[T](dst)[dst.Layout.Offset:]
	if plugged {
		wt := backend.Operand{Buffer: w.Buffer, Layout: w.Layout.Permute(1, 0)}
		b.MatMul(dst, x, wt)
		e.Apply(c, n, 0, m, 0, n)
	} else {
		tx, ldx, _ := matrixOf(&x.Layout)
		tw, ldw, _ := matrixOf(&w.Layout)
		gemm(tx, !tw, m, n, k, 1, elements[T](x)[x.Layout.Offset:], ldx, elements[T](w)[w.Layout.Offset:], ldw, 0, c, max(n, 1), e)
	}
	*e = biasAct[T]{}
	pool.epilogue.Put(e)
}

// packed returns o, or a copy without gaps.
func (b *Backend) packed(o backend.Operand) backend.Operand {
	if o.Layout.IsContiguous() {
		return o
	}
	c := backend.Operand{Buffer: backend.NewHost(o.Buffer.DType(), o.Layout.Len()), Layout: o.Layout.Packed()}
	b.Copy(c, o)
	return c
}
