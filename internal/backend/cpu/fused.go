package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// linearGradJob multiplies a gradient by an activation's slope and sums the
// columns while they are in the cache.
type linearGradJob[T vec.Float] struct {
	f             op.Binary
	gz, gb, gy, y []T
	rows, cols    int
	a             float64
}

// Run computes columns lo to hi.
func (j *linearGradJob[T]) Run(lo, hi int) {
	rows, n := j.rows, hi-lo
	if n == j.cols { // the rows are one
		rows, n = 1, j.rows*n
	}
	for i := range rows {
		at := i*j.cols + lo
		vec.Binary(j.f, j.gz[at:at+n], j.gy[at:at+n], j.y[at:at+n], j.a)
	}
	vec.ReduceCols(op.Sum, j.gb[lo:hi], j.gz[min(lo, len(j.gz)):], j.rows, hi-lo, j.cols)
}

// LinearGrad sets gz to gy times the activation's slope at y, and gb to gz's
// column sums.
func (b *Backend) LinearGrad(act op.Activation, gz, gb, gy, y backend.Operand, a float64) {
	f, _ := act.Grad()
	gy, y = b.packed(gy), b.packed(y)
	if is64(gz) {
		linearGrad[float64](f, gz, gb, gy, y, a)
	} else {
		linearGrad[float32](f, gz, gb, gy, y, a)
	}
}

func linearGrad[T vec.Float](f op.Binary, gz, gb, gy, y backend.Operand, a float64) {
	rows, cols := gz.Layout.Dims[0], gz.Layout.Dims[1]
	n := rows * cols
	// Wide enough for long rows, narrow enough to be shared by threads.
	grain := max(128, grainCheap/max(rows, 1)&^31)
	if parallel.Threads() == 1 {
		grain = max(cols, 1)
	}
	share(&poolOf[T]().linearGrad, cols, grain, linearGradJob[T]{
		f: f, gz: elements[T](gz)[:n], gb: elements[T](gb)[:cols], gy: elements[T](gy)[:n], y: elements[T](y)[:n],
		rows: rows, cols: cols, a: a,
	})
}
