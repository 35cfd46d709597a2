package tensor

import (
	"fmt"

	"github.com/gander-ml/gander/internal/layout"
)

// Gather picks along an axis: out[…, i, …] = x[…, index[i], …]. It panics with
// a [ShapeError] where an index does not lie in the axis.
func Gather(x *Tensor, axis int, index []int) *Tensor {
	x.alive("Gather")
	a := x.axis("Gather", axis)
	checkIndex("Gather", x, a, x.layout.Dims[a], index)
	out := empty(x.scope, x.store.device, x.DType(), x.resized("Gather", a, len(index)))
	x.store.device.backend.Gather(out.operand(), x.operand(), a, index)
	return out
}

// ScatterAdd is the reverse of [Gather]: into zeros of dim n along the axis, it
// adds x[…, i, …] at index[i], in order of i. It panics with a [ShapeError]
// where index does not have one entry, from 0 to n−1, per element of the axis.
func ScatterAdd(x *Tensor, axis, n int, index []int) *Tensor {
	x.alive("ScatterAdd")
	a := x.axis("ScatterAdd", axis)
	if len(index) != x.layout.Dims[a] {
		shapePanic("ScatterAdd", fmt.Sprintf("%d indices for an axis of %d", len(index), x.layout.Dims[a]), "give one index per element", x)
	}
	checkIndex("ScatterAdd", x, a, n, index)
	out := empty(x.scope, x.store.device, x.DType(), x.resized("ScatterAdd", a, n))
	out.fill(0)
	x.store.device.backend.ScatterAdd(out.operand(), x.operand(), a, index)
	return out
}

// resized returns the layout of t's shape with dim n along an axis, without
// gaps, in t's order in memory.
func (t *Tensor) resized(op string, axis, n int) layout.Layout {
	l := t.layout
	l.Dims[axis] = n
	checkShape(op, l.Shape())
	return l.Dense()
}

func checkIndex(op string, x *Tensor, axis, n int, index []int) {
	for _, i := range index {
		if i < 0 || i >= n {
			shapePanic(op, fmt.Sprintf("index %d does not lie in axis %d of dim %d", i, axis, n), "give indices from 0 to dim−1", x)
		}
	}
}

// Pad puts zeros before and after x along one axis, and step−1 zeros between
// neighbours: the reverse of [Tensor.Slice]. The result has dim n, with x at
// start, start+step, …. It panics with a [ShapeError] where x does not fit.
func Pad(x *Tensor, axis, start, step, n int) *Tensor {
	x.alive("Pad")
	a := x.axis("Pad", axis)
	d := x.layout.Dims[a]
	// start+(d−1)·step < n, in a form that cannot overflow.
	fits := d == 0 || start < n && d-1 <= (n-1-start)/max(step, 1)
	if start < 0 || step < 1 || n < 0 || !fits {
		shapePanic("Pad", fmt.Sprintf("start %d, step %d and dim %d leave no room along axis %d", start, step, n, axis),
			"keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim", x)
	}
	out := empty(x.scope, x.store.device, x.DType(), x.resized("Pad", a, n))
	out.fill(0)
	if d > 0 {
		hole := out.operand()
		hole.Layout = hole.Layout.Slice(a, start, start+(d-1)*step+1, step)
		x.store.device.backend.Copy(hole, x.operand())
	}
	return out
}

// Concat joins tensors along an axis. It panics with a [ShapeError] where there
// is none, or where other dims differ.
func Concat(axis int, xs ...*Tensor) *Tensor {
	if len(xs) == 0 {
		panic(&ShapeError{Op: "Concat", Problem: "there is nothing to join", Fix: "give at least one tensor"})
	}
	scope := together("Concat", xs...)
	a := xs[0].axis("Concat", axis)
	l := xs[0].layout
	l.Dims[a] = 0
	for _, x := range xs {
		m := x.layout
		if m.Rank == l.Rank {
			l.Dims[a] += m.Dims[a]
			m.Dims[a] = l.Dims[a]
		}
		if !m.SameShape(&l) {
			shapePanic("Concat", fmt.Sprintf("dims other than axis %d differ", axis), "slice or pad them to match", xs...)
		}
	}
	out := empty(scope, xs[0].store.device, xs[0].DType(), l.Dense())
	at := 0
	for _, x := range xs {
		part := out.operand()
		part.Layout = part.Layout.Slice(a, at, at+x.layout.Dims[a], 1)
		x.store.device.backend.Copy(part, x.operand())
		at += x.layout.Dims[a]
	}
	return out
}

// OneHot returns [len(index), n] with 1 at [i, index[i]] and 0 elsewhere. It
// panics with a [ShapeError] where an index does not lie in 0 to n−1.
func OneHot(dt DType, n int, index []int) *Tensor {
	out := New(dt, len(index), n)
	checkIndex("OneHot", out, 1, n, index)
	for i, k := range index {
		l := layout.Layout{Offset: i*n + k}
		o := out.operand()
		o.Layout = l
		out.store.device.backend.Fill(o, 1)
	}
	return out
}
