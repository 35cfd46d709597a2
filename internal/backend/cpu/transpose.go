package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
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
	for _, axis := range [...]int{k, last} {
		to, from = to.Slice(axis, 0, 1, 1), from.Slice(axis, 0, 1, 1)
	}
	layout.Coalesce(&to, &from)
	t.to, t.from = to, from
	return t, true
}

// transposeCols is the number of columns in one piece of work.
const transposeCols = 64

// pieces returns the number of pieces of each matrix.
func (t *transposition) pieces() int { return (t.cols + transposeCols - 1) / transposeCols }

type transposeJob[T gemm.Float] struct {
	transposition
	dst, src []T
}

// transpose does the copy.
func transpose[T gemm.Float](t transposition, dst, src []T) {
	grain := max(1, grainCheap/(t.rows*min(t.cols, transposeCols)))
	share(&poolOf[T]().transpose, t.to.Len()*t.pieces(), grain, transposeJob[T]{t, dst, src})
}

// Run transposes the pieces lo to hi, counted over all matrices.
func (j *transposeJob[T]) Run(lo, hi int) {
	for i := lo; i < hi; i++ {
		to, from := places(&j.to, &j.from, i/j.pieces())
		first := i % j.pieces() * transposeCols
		gemm.Transpose(j.dst[to+first*j.ldd:], j.ldd, j.src[from+first:], j.lds, j.rows, min(transposeCols, j.cols-first))
	}
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
