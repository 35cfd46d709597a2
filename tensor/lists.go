package tensor

import (
	"fmt"
	"math"
	"sync"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
)

// Functions that training applies to all parameters of a network take lists, so
// that a device can do the work in one pass.

// AdamParams are the constants of one step of [AdamInto].
type AdamParams = op.AdamParams

// AdamInto does one step of Adam (Kingma and Ba, 2015) in place, with PyTorch's
// arithmetic, on parameters p with gradients g, first moments m and second
// moments v, in one pass if the device can. If c.Decoupled, the step is AdamW's
// (Loshchilov and Hutter, 2019). Tensors at the same place of the four lists have
// one shape. It panics with a [ShapeError], before it changes anything, if they do
// not fit.
func AdamInto(p, g, m, v []*Tensor, c AdamParams) {
	checkLists("AdamInto", p, g, m, v)
	for i := range p {
		for _, t := range [...]*Tensor{p[i], m[i], v[i]} {
			t.writable("AdamInto")
		}
	}
	if len(p) == 0 {
		return
	}
	if fused, ok := lists(p, m, v); ok {
		contiguous := g
		for i := range g {
			if !g[i].IsContiguous() {
				contiguous = append([]*Tensor(nil), contiguous...)
				contiguous[i] = g[i].Clone()
			}
		}
		o := borrowOperands(p, contiguous, m, v)
		fused.Adam(o.list[0], o.list[1], o.list[2], o.list[3], c)
		o.giveBack()
	} else {
		for i := range p {
			adamComposed(p[i], g[i], m[i], v[i], c)
		}
	}
	written(p)
	written(m)
	written(v)
}

// adamComposed is one step made of other operations: the reference of the fused
// one.
func adamComposed(p, g, m, v *Tensor, c AdamParams) {
	s := NewScope()
	defer s.Release()
	defer s.Close()
	x, square := s.Adopt(p), s.Adopt(v)
	g = s.Adopt(g)
	if c.WeightDecay != 0 {
		if c.Decoupled {
			p.CopyFrom(Scale(x, 1-c.LR*c.WeightDecay))
		} else {
			g = Add(g, Scale(x, c.WeightDecay))
		}
	}
	LerpInto(m, m, g, 1-c.Beta1)
	v.CopyFrom(Add(Scale(square, c.Beta2), Scale(Square(g), 1-c.Beta2)))
	denominator := Shift(Scale(Sqrt(square), 1/math.Sqrt(c.Correction2)), c.Eps)
	AddScaledInto(p, p, -c.LR/c.Correction1, Div(s.Adopt(m), denominator))
}

// AverageInto updates moving averages with new values x, in place: each average
// becomes average + weight·(x−average), for the x at the same place of the other
// list. Each pair has one shape. It panics with a [ShapeError], before it changes
// anything, if they do not fit.
func AverageInto(averages, x []*Tensor, weight float64) {
	checkLists("AverageInto", averages, x)
	for _, t := range averages {
		t.writable("AverageInto")
	}
	if len(averages) == 0 {
		return
	}
	if fused, ok := lists(averages, x); ok {
		o := borrowOperands(averages, x)
		fused.Lerp(o.list[0], o.list[1], weight)
		o.giveBack()
		written(averages)
		return
	}
	for i, t := range averages {
		LerpInto(t, t, x[i], weight)
	}
}

// ClampInto sets each element x of each tensor to min(max(x, lo), hi), in place;
// NaN stays NaN.
func ClampInto(ts []*Tensor, lo, hi float64) {
	checkLists("ClampInto", ts)
	for _, t := range ts {
		t.writable("ClampInto")
	}
	if len(ts) == 0 {
		return
	}
	if fused, ok := lists(ts); ok {
		o := borrowOperands(ts)
		fused.Clamp(o.list[0], lo, hi)
		o.giveBack()
	} else {
		for _, t := range ts {
			t.store.device.backend.Unary(op.Clamp, t.operand(), t.operand(), lo, hi)
		}
	}
	written(ts)
}

// Norm returns the Euclidean norm of all elements of all tensors together, √Σx²,
// as a Float64 tensor of rank 0 in their scope; the norm of none is 0. It is
// computed in float64, and squares neither overflow nor underflow: the norm is NaN
// or infinite exactly if an element is, or if the norm itself exceeds the range of
// float64. So it also tells whether any of many numbers is not finite.
func Norm(ts []*Tensor) *Tensor {
	scope := checkLists("Norm", ts)
	if len(ts) == 0 {
		return Scalar(Float64, 0)
	}
	d := ts[0].store.device
	if fused, ok := lists(ts); ok {
		out := empty(scope, d, Float64, checkShape("Norm", nil))
		o := borrowOperands(ts)
		fused.Norm(out.operand(), o.list[0])
		o.giveBack()
		return out
	}
	// Divide by the largest, so that no square leaves the range.
	parts := make([]*Tensor, len(ts))
	for i, t := range ts {
		parts[i] = MaxOver(Abs(t.Cast(Float64))).Reshape(1)
	}
	divisor := usable(MaxOver(Concat(0, parts...)))
	for i, t := range ts {
		parts[i] = Sum(Square(Div(t.Cast(Float64), divisor))).Reshape(1)
	}
	return Mul(Sqrt(Sum(Concat(0, parts...))), divisor)
}

// usable returns the largest of some magnitudes as a divisor of them, and 1 where it is
// 0 or not finite, by which dividing would give NaN.
func usable(largest *Tensor) *Tensor {
	zero := Scale(largest, 0)
	return Where(Mul(Greater(largest, zero), Equal(Sub(largest, largest), zero)), largest, FullLike(largest, 1))
}

// checkLists panics unless the lists have one length, the tensors at each place
// have one shape, and all share one dtype, one device and at most one scope. It
// returns that scope.
func checkLists(name string, lists ...[]*Tensor) (scope *Scope) {
	first := lists[0]
	for _, l := range lists[1:] {
		if len(l) != len(first) {
			panic(&ShapeError{Op: name, Problem: fmt.Sprintf("lists of %d and %d tensors", len(first), len(l)), Fix: "give lists of one length"})
		}
	}
	for i, t := range first {
		for _, l := range lists {
			s := checkOperands(name, first[0], l[i])
			if s != nil && scope != nil && s != scope {
				panic(&LifetimeError{Op: name, Shapes: shapesOf(t, l[i]), Problem: "the operands live in different scopes", Fix: "Keep one of them first"})
			}
			if s != nil {
				scope = s
			}
			if !l[i].SameShape(t) {
				shapePanic(name, fmt.Sprintf("the shapes at place %d differ", i), "give lists in the same order", t, l[i])
			}
		}
	}
	return scope
}

// lists returns the device's methods for lists of tensors; ok is false if it has
// none, or if a tensor is not contiguous.
func lists(all ...[]*Tensor) (backend.ListBackend, bool) {
	fused, ok := all[0][0].store.device.backend.(backend.ListBackend)
	for _, l := range all {
		for _, t := range l {
			ok = ok && t.IsContiguous()
		}
	}
	return fused, ok
}

// operands are lists of operands that are reused, so that an update allocates
// nothing.
type operands struct{ list [4][]backend.Operand }

var operandLists = sync.Pool{New: func() any { return new(operands) }}

func borrowOperands(lists ...[]*Tensor) *operands {
	o := operandLists.Get().(*operands)
	for k, l := range lists {
		for _, t := range l {
			o.list[k] = append(o.list[k], t.operand())
		}
	}
	return o
}

func (o *operands) giveBack() {
	for k := range o.list {
		clear(o.list[k])
		o.list[k] = o.list[k][:0]
	}
	operandLists.Put(o)
}

// written counts an in-place write of each tensor.
func written(ts []*Tensor) {
	for _, t := range ts {
		t.store.version.Add(1)
	}
}
