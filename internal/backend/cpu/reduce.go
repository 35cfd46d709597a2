package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/vec"
)

// Reduce folds x along each axis along which dst has dim 1.
func (b *Backend) Reduce(f op.Reduce, dst, x backend.Operand) {
	layout.SortAxes(&x.Layout, &dst.Layout)
	// Rearrange the array to [kept, folded] or [folded, kept], without gaps. Axes
	// of dim 1 fit either part.
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
	blocks, columns := 1, changes == 1 && firstFolded
	if changes == 2 && !firstFolded && !folded(last) && x.Layout.IsContiguous() {
		// [kept, folded, kept], as in a mean over the pixels of channels-last images:
		// each block is [folded, kept], so that an image gives the same alone and
		// among others.
		columns = true
		for k := 0; !folded(k); k++ {
			blocks *= x.Layout.Dims[k]
		}
	} else if !x.Layout.IsContiguous() || changes > 1 {
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
		x = b.packed(backend.Operand{Buffer: x.Buffer, Layout: x.Layout.Permute(order...)})
		columns = false
	}
	out := dst
	if !dst.Layout.IsContiguous() {
		out = blank(dst)
	}
	if dst.Is64() {
		reduce(f, elements[float64](out)[:rows], elements[float64](x)[:rows*cols], blocks, cols, columns)
	} else {
		reduce(f, elements[float32](out)[:rows], elements[float32](x)[:rows*cols], blocks, cols, columns)
	}
	if out != dst {
		b.Copy(dst, out)
	}
}

// reduceJob folds x into dst: each row of x [rows, cols], or, if columns is set,
// each column of every block of x [blocks, cols, rows/blocks].
type reduceJob[T vec.Float] struct {
	f          op.Reduce
	dst, x     []T
	rows, cols int
	width      int // of a block; 0: the rows are folded
}

// Run computes elements lo to hi of the result.
func (j *reduceJob[T]) Run(lo, hi int) {
	if j.width == 0 {
		vec.ReduceRows(j.f, j.dst[lo:hi], j.x[lo*j.cols:], hi-lo, j.cols, j.cols)
		return
	}
	for lo < hi {
		block, column := lo/j.width, lo%j.width
		n := min(j.width-column, hi-lo)
		at := block*j.cols*j.width + column
		vec.ReduceCols(j.f, j.dst[lo:lo+n], j.x[min(at, len(j.x)):], j.cols, n, j.width)
		lo += n
	}
}

func reduce[T vec.Float](f op.Reduce, dst, x []T, blocks, cols int, columns bool) {
	rows := len(dst)
	switch rows {
	case 0:
		return
	case 1:
		dst[0] = T(vec.Reduce(f, x))
		return
	}
	grain, width := max(1, grainCheap/max(cols, 1)), 0
	if columns {
		grain = max(32, grain&^31) // whole cache lines
		width = rows / blocks
	}
	share(&poolOf[T]().reduce, rows, grain, reduceJob[T]{f, dst, x, rows, cols, width})
}
