package tensor

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/internal/layout"
)

// view returns another layout over t's storage.
func (t *Tensor) view(l layout.Layout) *Tensor {
	if t.scope != nil {
		o := t.scope.header()
		o.tensor = Tensor{layout: l, store: t.store, scope: t.scope, epoch: t.epoch}
		return &o.tensor
	}
	return &Tensor{layout: l, store: t.store}
}

// Part returns a view whose in-place writes are counted separately: writing
// through it, or through a view of it, does not change t's [Tensor.Version], and
// writing through t does not change the part's. It is for a block of memory that
// is divided into independent tensors, and is written only through these.
func (t *Tensor) Part() *Tensor {
	t.alive("Part")
	o := new(owned)
	o.init(t.store.device, t.store.buffer, t.layout)
	o.storage.lender, o.storage.epoch = t.store.lender, t.store.epoch
	o.tensor.scope, o.tensor.epoch = t.scope, t.epoch
	return &o.tensor
}

// Reshape returns the same elements, in row-major order, in a new shape. One dim
// may be −1, and follows from the others. The result is a view if the strides
// allow it, else a copy. It panics with a [ShapeError] if the lengths differ.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	t.alive("Reshape")
	dims := t.inferDims(shape)
	l, ok := t.layout.Reshape(dims.Shape())
	if !ok {
		c := t.clone()
		c.layout = dims
		return c
	}
	return t.view(l)
}

// inferDims fills in the one dim of −1.
func (t *Tensor) inferDims(shape []int) layout.Layout {
	bad := func() {
		shapePanic("Reshape", fmt.Sprintf("%d elements do not fill the shape %v", t.Len(), slices.Clone(shape)),
			"give dims that multiply to that number, at most one of them −1", t)
	}
	var dims [MaxRank]int
	if len(shape) > MaxRank {
		shapePanic("Reshape", fmt.Sprintf("the rank of %v is above %d", slices.Clone(shape), MaxRank), "merge some axes", t)
	}
	copy(dims[:], shape)
	unknown, known := -1, 1
	for k, d := range shape {
		switch {
		case d == -1 && unknown < 0:
			unknown = k
		case d < 0:
			bad()
		default:
			known *= d
		}
	}
	if unknown >= 0 {
		if known == 0 || t.Len()%known != 0 {
			bad()
		}
		dims[unknown] = t.Len() / known
		known *= dims[unknown]
	}
	if known != t.Len() {
		bad()
	}
	return checkShape("Reshape", dims[:len(shape)]) // the product may have overflowed
}

// Permute returns a view whose axis k is t's axis axes[k]; negative axes count
// from the end. It panics with a [ShapeError] unless axes names each axis once.
func (t *Tensor) Permute(axes ...int) *Tensor {
	t.alive("Permute")
	bad := func() {
		shapePanic("Permute", fmt.Sprintf("the axes %v are not a permutation", slices.Clone(axes)), "name each axis once", t)
	}
	if len(axes) != t.layout.Rank {
		bad()
	}
	var order [MaxRank]int
	var seen [MaxRank]bool
	for k, a := range axes {
		if a < 0 {
			a += t.layout.Rank
		}
		if a < 0 || a >= t.layout.Rank || seen[a] {
			bad()
		}
		order[k], seen[a] = a, true
	}
	return t.view(t.layout.Permute(order[:len(axes)]...))
}

// T returns a view with the last two axes swapped. It panics with a
// [ShapeError] on a rank below 2.
func (t *Tensor) T() *Tensor {
	t.alive("T")
	r := t.layout.Rank
	if r < 2 {
		shapePanic("T", "the rank is below 2", "reshape to [1, n] or [n, 1] first", t)
	}
	l := t.layout
	l.Dims[r-1], l.Dims[r-2] = l.Dims[r-2], l.Dims[r-1]
	l.Strides[r-1], l.Strides[r-2] = l.Strides[r-2], l.Strides[r-1]
	return t.view(l)
}

// Slice returns a view of the indices start, start+1, … below stop of one axis.
// It panics with a [ShapeError] unless 0 ≤ start ≤ stop ≤ dim.
func (t *Tensor) Slice(axis, start, stop int) *Tensor { return t.slice("Slice", axis, start, stop, 1) }

// SliceStep returns a view of the indices start, start+step, … below stop of one
// axis. It panics with a [ShapeError] unless 0 ≤ start ≤ stop ≤ dim and step ≥ 1.
func (t *Tensor) SliceStep(axis, start, stop, step int) *Tensor {
	return t.slice("SliceStep", axis, start, stop, step)
}

func (t *Tensor) slice(op string, axis, start, stop, step int) *Tensor {
	t.alive(op)
	a := t.axis(op, axis)
	if start < 0 || start > stop || stop > t.layout.Dims[a] || step < 1 {
		asked, fix := fmt.Sprintf("%d:%d", start, stop), "keep 0 ≤ start ≤ stop ≤ dim"
		if op == "SliceStep" {
			asked, fix = fmt.Sprintf("%s:%d", asked, step), fix+" and step ≥ 1"
		}
		shapePanic(op, fmt.Sprintf("%s does not lie in axis %d", asked, axis), fix, t)
	}
	return t.view(t.layout.Slice(a, start, stop, step))
}

// BroadcastTo returns a view that repeats t along new leading axes and along
// axes of dim 1. A view that repeats elements cannot be written to. It panics with
// a [ShapeError] if the shapes do not fit.
func (t *Tensor) BroadcastTo(shape ...int) *Tensor {
	t.alive("BroadcastTo")
	want := checkShape("BroadcastTo", shape)
	l, ok := t.layout.Broadcast(want.Shape())
	if !ok {
		shapePanic("BroadcastTo", fmt.Sprintf("it does not broadcast to %v", slices.Clone(shape)),
			"only axes of dim 1 and missing leading axes are repeated", t)
	}
	return t.view(l)
}

// Unsqueeze returns a view with a new axis of dim 1 at the given place, 0 to
// rank.
func (t *Tensor) Unsqueeze(axis int) *Tensor {
	t.alive("Unsqueeze")
	r := t.layout.Rank
	if axis < 0 || axis > r || r == MaxRank {
		shapePanic("Unsqueeze", fmt.Sprintf("there is no place %d for a new axis", axis),
			fmt.Sprintf("give a place from 0 to rank, and keep the rank below %d", MaxRank), t)
	}
	l := t.layout
	copy(l.Dims[axis+1:], t.layout.Dims[axis:r])
	copy(l.Strides[axis+1:], t.layout.Strides[axis:r])
	l.Dims[axis], l.Strides[axis] = 1, 1
	l.Rank++
	return t.view(l)
}
