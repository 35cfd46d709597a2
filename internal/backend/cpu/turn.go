package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
)

// A copy whose neighbours in dst and neighbours in src lie along different axes
// is made of matrices that are to be turned: pictures that go from channels-last
// to row-major memory, for example.

// turning describes such a copy: column j of a matrix of src becomes row j of
// one of dst.
type turning struct {
	to, from   layout.Layout // where the matrices begin
	rows, cols int           // of a matrix in src
	ldd, lds   int
}

// turningOf reports whether a copy is one, and how.
func turningOf(dst, src *layout.Layout) (t turning, ok bool) {
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
	const few = 4 // rows or columns, which are not worth it
	if k < 0 || from.Strides[last] < from.Dims[k] || min(to.Dims[k], to.Dims[last]) < few {
		return t, false
	}
	t = turning{rows: to.Dims[last], cols: to.Dims[k], ldd: to.Strides[k], lds: from.Strides[last]}
	for _, axis := range [...]int{k, last} {
		to, from = to.Slice(axis, 0, 1, 1), from.Slice(axis, 0, 1, 1)
	}
	layout.Coalesce(&to, &from)
	t.to, t.from = to, from
	return t, true
}

// turnCols is the columns in one piece of work.
const turnCols = 64

// pieces is the number of pieces of each matrix.
func (t *turning) pieces() int { return (t.cols + turnCols - 1) / turnCols }

type turnJob[T gemm.Float] struct {
	turning
	dst, src []T
}

// turn does the copy.
func turn[T gemm.Float](t turning, dst, src []T) {
	grain := max(1, grainCheap/(t.rows*min(t.cols, turnCols)))
	share(&poolOf[T]().turn, t.to.Len()*t.pieces(), grain, turnJob[T]{t, dst, src})
}

// Run turns the pieces lo to hi, counted over all matrices.
func (j *turnJob[T]) Run(lo, hi int) {
	for i := lo; i < hi; i++ {
		to, from := places(&j.to, &j.from, i/j.pieces())
		first := i % j.pieces() * turnCols
		gemm.Transpose(j.dst[to+first*j.ldd:], j.ldd, j.src[from+first:], j.lds, j.rows, min(turnCols, j.cols-first))
	}
}

// straightened returns x, or a copy of it in dst's order in memory where that
// means turning: reading it as it lies would go one by one. The copy lies in the
// memory that is returned.
func straightened[T gemm.Float](x backend.Operand, dst *layout.Layout) (backend.Operand, *memory[T]) {
	l := dst.Dense()
	t, ok := turningOf(&l, &x.Layout)
	if !ok {
		return x, nil
	}
	m := borrow[T](l.Len())
	turn(t, m.data, buffer[T](x))
	return operandOf(m.data, l), m
}
