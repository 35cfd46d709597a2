package cpu

import (
	"math"
	"sync"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/vec"
)

// Gather sets dst[…, i, …] = x[…, index[i], …].
func (*Backend) Gather(dst, x backend.Operand, axis int, index backend.Operand) {
	pick(dst, x, axis, x.Layout.Dims[axis], index, false)
}

// ScatterAdd adds x[…, i, …] to dst[…, index[i], …], in order of i.
func (*Backend) ScatterAdd(dst, x backend.Operand, axis int, index backend.Operand) {
	pick(dst, x, axis, dst.Layout.Dims[axis], index, true)
}

// positions are the entries of an index, −1 for those that are not positions.
type positions struct{ at []int }

var positionLists sync.Pool

func pick(dst, x backend.Operand, axis, dim int, index backend.Operand, add bool) {
	p := take[positions](&positionLists)
	defer positionLists.Put(p)
	p.at = p.at[:0]
	h, step := index.Buffer.(*backend.Host), index.Layout.Strides[0]
	for i := range index.Layout.Len() {
		p.at = append(p.at, backend.Position(h.At(index.Layout.Offset+i*step), dim))
	}
	switch {
	case dst.Layout.Len() == 0 || add && x.Layout.Len() == 0:
	case dst.Is64():
		runPick[float64](dst, x, axis, p.at, add)
	default:
		runPick[float32](dst, x, axis, p.at, add)
	}
}

// pickJob copies or adds rows between two arrays. A row lies along the innermost
// axis other than the indexed one if its elements are neighbours in both arrays;
// else it is a single element. Each position along all other axes is a piece of
// work.
type pickJob[T vec.Float] struct {
	dst, x        []T
	to, from      layout.Layout // the other axes
	toStep, xStep int           // along the axis that is indexed
	row           int
	index         []int // −1: none
	add           bool
}

func runPick[T vec.Float](dst, x backend.Operand, axis int, index []int, add bool) {
	j := pickJob[T]{
		dst: buffer[T](dst), x: buffer[T](x), to: dst.Layout, from: x.Layout,
		toStep: dst.Layout.Strides[axis], xStep: x.Layout.Strides[axis], row: 1, index: index, add: add,
	}
	j.to.Dims[axis], j.from.Dims[axis] = 1, 1
	layout.SortAxes(&j.to, &j.from)
	layout.Coalesce(&j.to, &j.from)
	if last := j.to.Rank - 1; last >= 0 && j.to.Strides[last] == 1 && j.from.Strides[last] == 1 {
		j.row = j.to.Dims[last]
		j.to.Rank, j.from.Rank = last, last
	}
	share(&poolOf[T]().pick, j.to.Len(), max(1, grainCheap/(j.row*len(index))), j)
}

// Run copies or adds the rows at the positions lo to hi.
func (j *pickJob[T]) Run(lo, hi int) {
	for i := lo; i < hi; i++ {
		to, from := places(&j.to, &j.from, i)
		switch {
		case j.add:
			for i, k := range j.index {
				if k < 0 {
					continue
				}
				addRow(j.dst[to+k*j.toStep:][:j.row], j.x[from+i*j.xStep:])
			}
		case j.row == 1:
			for i, k := range j.index {
				if k < 0 {
					j.dst[to+i*j.toStep] = T(math.NaN())
				} else {
					j.dst[to+i*j.toStep] = j.x[from+k*j.xStep]
				}
			}
		default:
			for i, k := range j.index {
				if k < 0 {
					fillNaN(j.dst[to+i*j.toStep:][:j.row])
					continue
				}
				copyRow(j.dst[to+i*j.toStep:][:j.row], j.x[from+k*j.xStep:])
			}
		}
	}
}

// places returns the places of element i, in row-major order, in two layouts of
// one shape.
func places(a, b *layout.Layout, i int) (inA, inB int) {
	inA, inB = a.Offset, b.Offset
	for k := a.Rank - 1; k >= 0; k-- {
		at := i % a.Dims[k]
		i /= a.Dims[k]
		inA += at * a.Strides[k]
		inB += at * b.Strides[k]
	}
	return inA, inB
}

func fillNaN[T vec.Float](dst []T) {
	for i := range dst {
		dst[i] = T(math.NaN())
	}
}

// copyRow copies src to dst. For a short row, a call costs more than it saves.
func copyRow[T vec.Float](dst, src []T) {
	if len(dst) > 64 {
		copy(dst, src)
		return
	}
	src = src[:len(dst)]
	for len(dst) >= 8 {
		*(*[8]T)(dst) = *(*[8]T)(src)
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] = src[i]
	}
}

// addRow adds src to dst. For a short row, a call costs more than it saves.
func addRow[T vec.Float](dst, src []T) {
	if len(dst) > 32 {
		vec.Binary(op.Add, dst, dst, src, 0)
		return
	}
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}
