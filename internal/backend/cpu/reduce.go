package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/parallel"
)

// Reduce folds x along each axis where dst has dim 1.
func (b *Backend) Reduce(op backend.ReduceOp, dst, x backend.Operand) {
	// Bring the array into the form [kept, folded] or [folded, kept], without
	// gaps. Axes of dim 1 count for whatever suits.
	folded := func(k int) bool { return dst.Layout.Dims[k] == 1 && x.Layout.Dims[k] != 1 }
	kept := func(k int) bool { return dst.Layout.Dims[k] != 1 }
	rank := x.Layout.Rank
	changes, firstFolded, last := 0, false, -1
	for k := range rank {
		if !folded(k) && !kept(k) {
			continue
		}
		if last < 0 {
			firstFolded = folded(k)
		} else if folded(k) != folded(last) {
			changes++
		}
		last = k
	}
	rows, cols := dst.Layout.Len(), 1
	for k := range rank {
		if folded(k) {
			cols *= x.Layout.Dims[k]
		}
	}
	columns := changes == 1 && firstFolded
	if !x.Layout.IsContiguous() || changes > 1 {
		// Kept axes first, then the folded ones.
		var order []int
		for k := range rank {
			if !folded(k) {
				order = append(order, k)
			}
		}
		for k := range rank {
			if folded(k) {
				order = append(order, k)
			}
		}
		from := backend.Operand{Buffer: x.Buffer, Layout: x.Layout.Permute(order...)}
		x = backend.Operand{Buffer: backend.NewHost(x.Buffer.DType(), from.Layout.Len()), Layout: from.Layout.Packed()}
		b.Copy(x, from)
		columns = false
	}
	out := dst
	if !dst.Layout.IsContiguous() {
		out = backend.Operand{Buffer: backend.NewHost(dst.Buffer.DType(), rows), Layout: dst.Layout.Packed()}
	}
	if is64(dst) {
		reduce(kernel.ReduceOp(op), slice64(out)[:rows], slice64(x)[:rows*cols], rows, cols, columns)
	} else {
		reduce(kernel.ReduceOp(op), slice32(out)[:rows], slice32(x)[:rows*cols], rows, cols, columns)
	}
	if out != dst {
		b.Copy(dst, out)
	}
}

// reduceJob folds x, which is [rows, cols], or [cols, rows] where columns is
// set, into dst [rows].
type reduceJob[T kernel.Float] struct {
	op         kernel.ReduceOp
	dst, x     []T
	rows, cols int
	columns    bool
}

// Run computes rows lo to hi of the result.
func (j *reduceJob[T]) Run(lo, hi int) {
	if j.columns {
		kernel.ReduceCols(j.op, j.dst[lo:hi], j.x[min(lo, len(j.x)):], j.cols, hi-lo, j.rows)
	} else {
		kernel.ReduceRows(j.op, j.dst[lo:hi], j.x[lo*j.cols:], hi-lo, j.cols, j.cols)
	}
}

func reduce[T kernel.Float](op kernel.ReduceOp, dst, x []T, rows, cols int, columns bool) {
	if rows == 1 {
		dst[0] = T(kernel.Reduce(op, x))
		return
	}
	grain := max(1, grainCheap/max(cols, 1))
	if columns {
		grain = max(32, grain&^31) // whole cache lines
	}
	pool := poolOf[T]()
	j := pool.reduce.Get().(*reduceJob[T])
	*j = reduceJob[T]{op, dst, x, rows, cols, columns}
	parallel.Run(rows, grain, j)
	*j = reduceJob[T]{}
	pool.reduce.Put(j)
}
