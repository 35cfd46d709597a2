package tensor

import (
	"fmt"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// Positions returns an index for [Gather] and [ScatterAdd] on the CPU, as a
// Float64 tensor [len(at)].
func Positions(at ...int) *Tensor { return cpuDevice.Positions(at...) }

// Gather picks along an axis: out[…, i, …] = x[…, index[i], …]. index [n] holds
// whole numbers, in either dtype; [Positions] makes one. It is copied to x's
// device if it lies on another, so keep one that is used repeatedly on x's.
//
// Gather panics with a [ShapeError] if the rank of index is not 1. If index lies
// in host memory, as on the CPU, it also panics if an entry is not whole or not in
// the axis. On other devices such an entry gives NaN, because reading the numbers
// would make the program wait for the device.
func Gather(x *Tensor, axis int, index *Tensor) *Tensor {
	x.alive("Gather")
	a := x.axis("Gather", axis)
	index = x.index("Gather", a, x.layout.Dims[a], index)
	out := empty(x.scope, x.store.device, x.DType(), x.resized("Gather", a, index.Len()))
	x.store.device.backend.Gather(out.operand(), x.operand(), a, index.operand())
	return out
}

// ScatterAdd is the reverse of [Gather]: into zeros of dim n along the axis, it
// adds x[…, i, …] at index[i], in order of i. It panics with a [ShapeError]
// unless index has one entry per element of the axis. An entry that is not one
// of 0 to n−1 makes it panic too, or is left out if index is not in host memory.
func ScatterAdd(x *Tensor, axis, n int, index *Tensor) *Tensor {
	x.alive("ScatterAdd")
	index.alive("ScatterAdd")
	a := x.axis("ScatterAdd", axis)
	if index.Len() != x.layout.Dims[a] {
		shapePanic("ScatterAdd", fmt.Sprintf("%d indices for an axis of %d", index.Len(), x.layout.Dims[a]), "give one index per element", x)
	}
	index = x.index("ScatterAdd", a, n, index)
	out := empty(x.scope, x.store.device, x.DType(), x.resized("ScatterAdd", a, n))
	out.fill(0)
	x.store.device.backend.ScatterAdd(out.operand(), x.operand(), a, index.operand())
	return out
}

// index returns the index on t's device. It checks the entries if they lie in host
// memory.
func (t *Tensor) index(op string, axis, n int, index *Tensor) *Tensor {
	index.alive(op)
	if index.Rank() != 1 {
		shapePanic(op, "an index has rank 1", "reshape it to [n]", t, index)
	}
	if h, ok := index.store.buffer.(*backend.Host); ok {
		for i := range index.Len() {
			v := h.At(index.layout.Offset + i*index.layout.Strides[0])
			if backend.Position(v, n) < 0 {
				shapePanic(op, outside(v, axis, n), positionFix, t)
			}
		}
	}
	return index.To(t.store.device)
}

// outside says that an index does not lie in an axis of dim n.
func outside(index any, axis, n int) string {
	return fmt.Sprintf("index %v does not lie in axis %d of dim %d", index, axis, n)
}

const positionFix = "give whole numbers from 0 to dim−1"

// Arange returns 0, 1, …, n−1 on the CPU. It panics as [New] does.
func Arange(dt DType, n int) *Tensor { return cpuDevice.Arange(dt, n) }

// OneHot returns [len(index), n] on the CPU, with 1 at [i, index[i]] and 0
// elsewhere. It panics with a [ShapeError] if an index does not lie in 0 to n−1.
func OneHot(dt DType, n int, index []int) *Tensor { return cpuDevice.OneHot(dt, n, index) }

// resized returns the layout of t's shape with dim n along an axis, without
// gaps, in t's order in memory.
func (t *Tensor) resized(op string, axis, n int) layout.Layout {
	l := t.layout
	l.Dims[axis] = n
	checkShape(op, l.Shape())
	return l.Dense()
}

// Pad puts zeros before and after x along one axis, and step−1 zeros between
// neighbours: the reverse of [Tensor.Slice]. The result has dim n, with x at
// start, start+step, …. It panics with a [ShapeError] if x does not fit.
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
	if d == 0 {
		out.fill(0)
		return out
	}
	end := start + (d-1)*step + 1
	part := func(from, to, step int) backend.Operand {
		o := out.operand()
		o.Layout = o.Layout.Slice(a, from, to, step)
		return o
	}
	if step > 1 {
		out.fill(0)
	} else {
		for _, zeros := range [2]backend.Operand{part(0, start, 1), part(end, n, 1)} {
			if zeros.Layout.Len() > 0 {
				x.store.device.backend.Fill(zeros, 0)
			}
		}
	}
	x.store.device.backend.Copy(part(start, end, step), x.operand())
	return out
}

// Concat joins tensors along an axis. It panics with a [ShapeError] if there are
// no tensors, or if their other dims differ.
func Concat(axis int, xs ...*Tensor) *Tensor {
	if len(xs) == 0 {
		panic(&ShapeError{Op: "Concat", Problem: "there is nothing to join", Fix: "give at least one tensor"})
	}
	scope := checkOperands("Concat", xs...)
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
	checkResult("Concat", &l, xs...)
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
