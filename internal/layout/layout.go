// Package layout describes how an n-dimensional array lies in a flat buffer:
// its dims, the stride of each axis in elements, and the offset of its first
// element. Reshaping, permuting, slicing and broadcasting are arithmetic on
// this description and do not use the elements.
//
// A Layout is a small value without pointers, so that views do not allocate. That
// is why the rank is limited to [MaxRank].
package layout

import (
	"fmt"
	"math"
	"slices"
)

// MaxRank is the largest rank of an array.
const MaxRank = 6

// Layout maps an index [i0, i1, …] to Offset + Σ i_k·Strides[k]. Entries of
// Dims and Strides at Rank and beyond are zero, so layouts compare with ==.
type Layout struct {
	Rank    int
	Dims    [MaxRank]int
	Strides [MaxRank]int
	Offset  int
}

// Contiguous returns the row-major layout of a shape. It panics if the rank
// exceeds MaxRank or a dim is negative; callers with outside input check first.
func Contiguous(shape ...int) Layout {
	l := Layout{Rank: len(shape)}
	copy(l.Dims[:], shape[:l.Rank])
	l.setRowMajor()
	return l
}

// setRowMajor computes the row-major strides of l's dims.
func (l *Layout) setRowMajor() {
	step := 1
	for k := l.Rank - 1; k >= 0; k-- {
		l.Strides[k] = step
		step *= max(l.Dims[k], 1)
	}
}

// Packed returns the row-major layout of the same shape at offset 0.
func (l Layout) Packed() Layout {
	l.Offset = 0
	l.setRowMajor()
	return l
}

// Dense returns a layout of the same dims without gaps, at offset 0, whose axes
// follow one another in memory in the order that l's do: [n, c, h, w] that lies
// in memory as [n, h, w, c] stays so. If elements are repeated, it is the
// row-major layout.
func (l Layout) Dense() Layout {
	var room [MaxRank]int
	order, ok := l.memoryOrder(room[:0])
	if !ok || l.IsContiguous() {
		return l.Packed()
	}
	step := 1
	for i := len(order) - 1; i >= 0; i-- {
		k := order[i]
		l.Strides[k] = step
		step *= max(l.Dims[k], 1)
	}
	l.Offset = 0
	return l
}

// memoryOrder appends the axes to order, from the widest stride to the narrowest,
// but first those of dim 1, whose strides mean nothing. ok is false if an axis
// repeats its elements or has a negative stride.
func (l *Layout) memoryOrder(order []int) (axes []int, ok bool) {
	for k := range l.Rank {
		if l.Dims[k] != 1 && l.Strides[k] <= 0 {
			return nil, false
		}
		at := len(order)
		for at > 0 && l.width(k) > l.width(order[at-1]) {
			at--
		}
		order = slices.Insert(order, at, k)
	}
	return order, true
}

// width returns an axis's stride, for sorting. That of an axis of dim 1 means
// nothing; such axes come first.
func (l *Layout) width(axis int) int {
	if l.Dims[axis] == 1 {
		return math.MaxInt
	}
	return l.Strides[axis]
}

// SortAxes reorders the axes of all the given layouts, of equal rank, in place, so
// that those of the first are in order from the widest stride to the narrowest. If
// the first repeats elements, it does nothing.
func SortAxes(ls ...*Layout) {
	var room [MaxRank]int
	order, ok := ls[0].memoryOrder(room[:0])
	if !ok {
		return
	}
	for _, l := range ls {
		*l = l.Permute(order...)
	}
}

// Shape returns the dims as a slice of l's own array; do not keep it.
func (l *Layout) Shape() []int { return l.Dims[:l.Rank] }

// Len returns the number of elements; a rank-0 layout has one.
func (l *Layout) Len() int {
	n := 1
	for _, d := range l.Dims[:l.Rank] {
		n *= d
	}
	return n
}

// Overlaps reports whether elements are repeated, by an axis of stride 0. The
// functions of this package return no layouts that overlap in another way.
func (l *Layout) Overlaps() bool {
	overlaps := false
	for k := range l.Rank {
		if l.Dims[k] == 0 {
			return false
		}
		overlaps = overlaps || l.Strides[k] == 0 && l.Dims[k] > 1
	}
	return overlaps
}

// SameShape reports whether both have equal rank and dims.
func (l *Layout) SameShape(m *Layout) bool { return l.Rank == m.Rank && l.Dims == m.Dims }

// IsContiguous reports whether the elements lie in row-major order without
// gaps. The stride of an axis of dim 1 does not matter, nor does anything if
// there are no elements.
func (l *Layout) IsContiguous() bool {
	step, even := 1, true
	for k := l.Rank - 1; k >= 0; k-- {
		switch d := l.Dims[k]; d {
		case 0:
			return true
		case 1:
		default:
			even = even && l.Strides[k] == step
			step *= d
		}
	}
	return even
}

// Permute reorders the axes: axis k of the result is axis axes[k] of l.
func (l Layout) Permute(axes ...int) Layout {
	out := Layout{Rank: l.Rank, Offset: l.Offset}
	for k, a := range axes {
		out.Dims[k], out.Strides[k] = l.Dims[a], l.Strides[a]
	}
	return out
}

// Slice keeps indices start, start+step, … below stop of one axis; step > 0.
func (l Layout) Slice(axis, start, stop, step int) Layout {
	n := 0
	if start < stop {
		n = (stop-start-1)/step + 1 // does not overflow, whatever the step
	}
	l.Dims[axis] = n
	if l.Len() > 0 { // else the first element may lie outside of the buffer
		l.Offset += start * l.Strides[axis]
	}
	if n > 1 {
		l.Strides[axis] *= step
	}
	return l
}

// Broadcast stretches l to a shape: missing leading axes and axes of dim 1 are
// repeated with stride 0. ok is false if the shapes do not fit.
func (l Layout) Broadcast(shape []int) (out Layout, ok bool) {
	lead := len(shape) - l.Rank
	if lead < 0 {
		return Layout{}, false
	}
	out = Layout{Rank: len(shape), Offset: l.Offset}
	for k, d := range shape {
		out.Dims[k] = d
		if k < lead {
			continue
		}
		switch l.Dims[k-lead] {
		case d:
			out.Strides[k] = l.Strides[k-lead]
		case 1: // stride 0 repeats the one element
		default:
			return Layout{}, false
		}
	}
	return out, true
}

// Reshape returns a layout of the same elements, in row-major order, in a new
// shape of equal length. ok is false if there is none, so that it takes a copy.
func (l Layout) Reshape(shape []int) (out Layout, ok bool) {
	out = Layout{Rank: len(shape), Offset: l.Offset}
	copy(out.Dims[:], shape)
	if l.Len() == 0 || l.IsContiguous() {
		out.setRowMajor()
		return out, true
	}
	// Divide both shapes, from the left, into groups of equal length. Within a group
	// the old axes must be evenly spaced for the new strides to exist.
	i, j := 0, 0
	for i < l.Rank && j < len(shape) {
		oi, nj := i, j
		oldN, newN := l.Dims[i], shape[j]
		for oldN != newN {
			if oldN < newN {
				i++
				oldN *= l.Dims[i]
			} else {
				j++
				newN *= shape[j]
			}
		}
		// The innermost axis of more than one element sets the spacing.
		step, want, found := 1, 0, false
		for k := i; k >= oi; k-- {
			if l.Dims[k] == 1 {
				continue
			}
			if !found {
				step, found = l.Strides[k], true
				want = step
			}
			if l.Strides[k] != want {
				return Layout{}, false
			}
			want *= l.Dims[k]
		}
		for k := j; k >= nj; k-- {
			out.Strides[k] = step
			step *= shape[k]
		}
		i++
		j++
	}
	for ; j < len(shape); j++ { // trailing axes of dim 1
		out.Strides[j] = 1
	}
	return out, true
}

// Coalesce merges neighbouring axes that are evenly spaced in all the given
// layouts, and drops axes of dim 1, so that loops over the remaining axes are few
// and long. All layouts must have the same dims; they are changed in place.
func Coalesce(ls ...*Layout) {
	first := ls[0]
	n := 0 // axes kept so far
	for k := 0; k < first.Rank; k++ {
		d := first.Dims[k]
		if d == 1 {
			continue
		}
		merge := n > 0
		for _, l := range ls {
			if merge && l.Strides[n-1] != l.Strides[k]*d {
				merge = false
			}
		}
		for _, l := range ls {
			if merge {
				l.Dims[n-1] *= d
				l.Strides[n-1] = l.Strides[k]
			} else {
				l.Dims[n], l.Strides[n] = d, l.Strides[k]
			}
		}
		if !merge {
			n++
		}
	}
	for _, l := range ls {
		for k := n; k < l.Rank; k++ {
			l.Dims[k], l.Strides[k] = 0, 0
		}
		l.Rank = n
	}
}

// BroadcastShapes returns the common shape of two by NumPy's rule: axes are matched
// from the right, and dims must be equal or one of them 1.
func BroadcastShapes(a, b *Layout) (out Layout, ok bool) {
	out.Rank = max(a.Rank, b.Rank)
	for k := 1; k <= out.Rank; k++ {
		da, db := 1, 1
		if k <= a.Rank {
			da = a.Dims[a.Rank-k]
		}
		if k <= b.Rank {
			db = b.Dims[b.Rank-k]
		}
		switch {
		case da == db || db == 1:
			out.Dims[out.Rank-k] = da
		case da == 1:
			out.Dims[out.Rank-k] = db
		default:
			return Layout{}, false
		}
	}
	out.setRowMajor()
	return out, true
}

// String shows the dims as "[2 3]".
func (l Layout) String() string { return fmt.Sprint(l.Dims[:l.Rank]) }
