package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/vec"
)

// If elements that are neighbours in dst's memory and those that are in src's lie
// along different axes, a copy consists of matrices to transpose: images that are
// copied from channels-last to row-major memory, for example.

// transposition describes such a copy: column j of a matrix of src becomes row j
// of one of dst.
type transposition struct {
	to, from   layout.Layout // of the matrices' first elements
	rows, cols int           // of a matrix in src
	ldd, lds   int
	near       bool // the matrices are small and have no gaps: they go through the L1 cache
}

// transpositionOf returns a copy as transpositions; ok is false if it would not be
// faster.
func transpositionOf(dst, src *layout.Layout) (t transposition, ok bool) {
	to, from := *dst, *src
	layout.SortAxes(&to, &from)
	layout.Coalesce(&to, &from)
	last := to.Rank - 1
	if last < 1 || to.Strides[last] != 1 || from.Strides[last] == 1 {
		return t, false
	}
	k := last - 1
	for k >= 0 && from.Strides[k] != 1 {
		k--
	}
	const few = 4 // rows or columns below which it is not faster
	if k < 0 || from.Strides[last] < from.Dims[k] || min(to.Dims[k], to.Dims[last]) < few {
		return t, false
	}
	t = transposition{rows: to.Dims[last], cols: to.Dims[k], ldd: to.Strides[k], lds: from.Strides[last]}
	t.near = t.lds == t.cols && t.ldd == t.rows && t.rows*t.cols <= nearLength
	for _, axis := range [...]int{k, last} {
		to, from = to.Slice(axis, 0, 1, 1), from.Slice(axis, 0, 1, 1)
	}
	layout.Coalesce(&to, &from)
	t.to, t.from = to, from
	return t, true
}

// transposeCols is the number of columns in one piece of work.
const transposeCols = 64

// nearLength is the number of elements of which two matrices and more fit into the L1
// cache. What a transposition reads and writes is scattered, and no prefetcher sees it
// coming. To copy a matrix to the cache, and the result from there, is so much faster
// than to wait for either that both together take half the time.
const nearLength = 2048

// pieces returns the number of pieces of each matrix.
func (t *transposition) pieces() int {
	if t.near {
		return 1
	}
	return (t.cols + transposeCols - 1) / transposeCols
}

type transposeJob[T gemm.Float] struct {
	transposition
	dst, src []T
}

// transpose does the copy.
func transpose[T gemm.Float](t transposition, dst, src []T) {
	share(&poolOf[T]().transpose, t.to.Len()*t.pieces(), t.grain(), transposeJob[T]{t, dst, src})
}

// grain returns the pieces that are worth a piece of work.
func (t *transposition) grain() int { return max(1, grainCheap*t.pieces()/(t.rows*t.cols)) }

// Run transposes the pieces lo to hi, counted over all matrices.
func (j *transposeJob[T]) Run(lo, hi int) {
	if j.near {
		near := nearTo(&j.transposition, j.src)
		for i := lo; i < hi; i++ {
			to, from := places(&j.to, &j.from, i)
			copy(j.dst[to:], near.transposed(from))
		}
		near.giveBack()
		return
	}
	for i := lo; i < hi; i++ {
		to, from := places(&j.to, &j.from, i/j.pieces())
		first := i % j.pieces() * transposeCols
		gemm.Transpose(j.dst[to+first*j.ldd:], j.ldd, j.src[from+first:], j.lds, j.rows, min(transposeCols, j.cols-first))
	}
}

// near transposes matrices within the L1 cache.
type near[T gemm.Float] struct {
	*transposition
	*memory[T]
	src []T
}

func nearTo[T gemm.Float](t *transposition, src []T) near[T] {
	return near[T]{t, borrow[T](2 * nearLength), src}
}

// transposed returns the transpose of the matrix at a place in src, until the next
// call.
func (n *near[T]) transposed(from int) []T {
	length := n.rows * n.cols
	matrix, out := n.data[:length], n.data[nearLength:][:length]
	copy(matrix, n.src[from:])
	gemm.Transpose(out, n.rows, matrix, n.cols, n.rows, n.cols)
	return out
}

// nearBinaryJob is a binary function whose first argument is transposed in the L1
// cache, matrix by matrix, and is not stored. The others are alike in memory.
type nearBinaryJob[T gemm.Float] struct {
	transposition
	f         op.Binary
	a         float64
	dst, x, y []T
	behind    int // y's elements behind dst's
}

// nearBinary does such a function, if x and the others are so. x must not be overwritten
// by matrices before the one that it is read for.
func nearBinary[T gemm.Float](f op.Binary, a float64, grain int, dst, x, y backend.Operand) bool {
	if dst.Buffer == x.Buffer {
		return false
	}
	for k := range dst.Layout.Rank {
		if dst.Layout.Strides[k] != y.Layout.Strides[k] && dst.Layout.Dims[k] != 1 {
			return false
		}
	}
	t, ok := transpositionOf(&dst.Layout, &x.Layout)
	if !ok || !t.near {
		return false
	}
	share(&poolOf[T]().nearBinary, t.to.Len(), max(1, grain/(t.rows*t.cols)), nearBinaryJob[T]{
		t, f, a, buffer[T](dst), buffer[T](x), buffer[T](y), y.Layout.Offset - dst.Layout.Offset,
	})
	return true
}

// Run computes the matrices lo to hi.
func (j *nearBinaryJob[T]) Run(lo, hi int) {
	near := nearTo(&j.transposition, j.x)
	for i := lo; i < hi; i++ {
		to, from := places(&j.to, &j.from, i)
		x := near.transposed(from)
		vec.Binary(j.f, j.dst[to:][:len(x)], x, j.y[to+j.behind:][:len(x)], j.a)
	}
	near.giveBack()
}

// transposedCopy returns x, or a copy of it in dst's memory order if that is a
// transposition, because reading x in that order would be element by element. The
// copy lies in the memory that is returned.
func transposedCopy[T gemm.Float](x backend.Operand, dst *layout.Layout) (backend.Operand, *memory[T]) {
	l := dst.Dense()
	t, ok := transpositionOf(&l, &x.Layout)
	if !ok {
		return x, nil
	}
	m := borrow[T](l.Len())
	transpose(t, m.data, buffer[T](x))
	return operandOf(m.data, l), m
}
