package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// repeatLength is the number of elements in the copies of a short row that a matrix
// is combined with at once.
const repeatLength = 1024

// repeat computes a function of a matrix of short rows and one row that is
// broadcast to all of them: images in channels-last memory and a number per
// channel, for example. It reports false, and does nothing, if the operands are
// others.
func repeat(f op.Binary, dst, x, y backend.Operand, a float64) bool {
	d, l, r := dst.Layout, x.Layout, y.Layout
	layout.SortAxes(&d, &l, &r)
	layout.Coalesce(&d, &l, &r)
	if d.Rank != 2 || d.Dims[1] > repeatLength/2 || d.Dims[0] < 4 {
		return false
	}
	matrix := func(l *layout.Layout) bool { return l.Strides == d.Strides }
	row := func(l *layout.Layout) bool { return l.Strides[0] == 0 && l.Strides[1] == 1 }
	swapped := row(&l) && matrix(&r)
	if d.Strides[0] != d.Dims[1] || d.Strides[1] != 1 || !swapped && !(matrix(&l) && row(&r)) {
		return false
	}
	if swapped {
		x, y = y, x
	}
	if dst.Is64() {
		runRepeat[float64](f, dst, x, y, a, d.Dims[0], d.Dims[1], swapped)
	} else {
		runRepeat[float32](f, dst, x, y, a, d.Dims[0], d.Dims[1], swapped)
	}
	return true
}

// repeatJob combines the rows of x with the repeated row.
type repeatJob[T vec.Float] struct {
	f        op.Binary
	a        float64
	dst, x   []T
	repeated [repeatLength]T
	rows     int // in repeated
	cols     int
	swapped  bool // the row is the function's first argument
}

func runRepeat[T vec.Float](f op.Binary, dst, x, y backend.Operand, a float64, rows, cols int, swapped bool) {
	j := take[repeatJob[T]](&poolOf[T]().repeat)
	j.f, j.a, j.swapped = f, a, swapped
	j.dst, j.x = elements[T](dst)[:rows*cols], elements[T](x)[:rows*cols]
	j.rows, j.cols = repeatLength/cols, cols
	row := elements[T](y)[:cols]
	for i := range j.rows {
		copy(j.repeated[i*cols:], row)
	}
	grain := max(1, grainCheap/(j.rows*cols)) * j.rows
	parallel.Run(rows, grain, j)
	j.dst, j.x = nil, nil
	poolOf[T]().repeat.Put(j)
}

// Run computes the rows lo to hi.
func (j *repeatJob[T]) Run(lo, hi int) {
	for lo < hi {
		n := min(j.rows, hi-lo) * j.cols
		x, y := j.x[lo*j.cols:][:n], j.repeated[:n]
		if j.swapped {
			x, y = y, x
		}
		vec.Binary(j.f, j.dst[lo*j.cols:][:n], x, y, j.a)
		lo += j.rows
	}
}
