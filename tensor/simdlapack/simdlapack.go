package simdlapack

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/gonum"
)

// Implementation is a LAPACK: gonum's, with Dgesvd and Dsyev replaced. The zero
// value is ready to use, from several goroutines at once.
//
// Its methods have gonum's arguments, meaning and panics.
type Implementation struct {
	gonum.Implementation
}

var _ lapack.Float64 = Implementation{}

// Each method computes what gets faster, and leaves the rest to gonum: small
// matrices, those that are not finite, and arguments that are unusual or wrong, whose
// panics are then gonum's own.

// workspace is the memory of a decomposition besides its arguments.
type workspace struct {
	left, right panels
	turns       turns
	order       []int
	negate      []bool
	sorted      []float64 // a panel
	matrix      []float64
	factor      []float64
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// descending has w.order list d from the largest value to the smallest, and puts
// d into that order; d may be negative, then w.negate is true and d's sign is lost.
func (w *workspace) descending(d []float64) {
	w.negate = resize(w.negate, len(d))
	for i, v := range d {
		w.negate[i] = math.Signbit(v)
		d[i] = math.Abs(v)
	}
	w.sort(d, func(x, y float64) int { return cmp.Compare(y, x) })
}

// ascending has w.order list d from the smallest value to the largest, and puts d into
// that order.
func (w *workspace) ascending(d []float64) {
	w.negate = nil
	w.sort(d, cmp.Compare[float64])
}

func (w *workspace) sort(d []float64, compare func(x, y float64) int) {
	w.order = resize(w.order, len(d))
	for i := range w.order {
		w.order[i] = i
	}
	slices.SortStableFunc(w.order, func(i, j int) int { return compare(d[i], d[j]) })
	slices.SortStableFunc(d, compare)
}

// fits reports whether x holds a rows×cols matrix with leading dimension ld, with
// at least one element.
func fits(x []float64, rows, cols, ld int) bool {
	return rows > 0 && cols > 0 && ld >= cols && len(x) >= cols && (len(x)-cols)/ld >= rows-1
}
