package autograd

import (
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Var is a value in a computation: a tensor and, if it is tracked, the operation
// and the inputs that made it. Vars are immutable, and any number of goroutines
// may compute with the same ones.
type Var struct {
	value *tensor.Tensor
	node  *node // nil: not tracked
}

// node is the record of how a tracked Var was computed.
type node struct {
	op         Op // nil: a leaf
	in         []input
	outVersion uint32   // of the result's storage, after the operation
	constant   Var      // the same value untracked, for rules to use
	room       [3]input // what in points at for most operations
}

// input is an operand of a recorded operation.
type input struct {
	v       *Var
	version uint32 // of the storage, when the operation ran
}

// track returns t as a tracked Var, in one allocation with its node.
func track(t *tensor.Tensor, op Op) *Var {
	r := new(struct {
		v Var
		n node
	})
	r.v = Var{value: t, node: &r.n}
	r.n.op = op
	r.n.outVersion = t.Version()
	r.n.constant.value = t
	return &r.v
}

// Const returns t as a constant: an operation is not recorded because of it.
func Const(t *tensor.Tensor) *Var {
	if t == nil {
		panic(noTensor("Const"))
	}
	if t.Scope() == nil {
		return &Var{value: t}
	}
	list := spareConstants.Get().(*[]Var)
	if len(*list) == 0 {
		*list = make([]Var, 32)
	}
	v := &(*list)[0]
	*list = (*list)[1:]
	spareConstants.Put(list)
	v.value = t
	return v
}

// spareConstants are Vars not handed out yet. Those for tensors in a scope are allocated
// many at a time, as these are: one that is kept keeps the others, and they keep no
// memory but the scope's.
var spareConstants = sync.Pool{New: func() any { return new([]Var) }}

// Leaf returns t as a tracked value: what is computed from it is recorded, and
// [Grad] can differentiate with respect to it.
func Leaf(t *tensor.Tensor) *Var {
	if t == nil {
		panic(noTensor("Leaf"))
	}
	return track(t, nil)
}

// noTensor is the error of an operation that was given none.
func noTensor(op string) error {
	return &tensor.ArgumentError{Op: op, Problem: "the tensor is nil", Fix: "give one, such as tensor.New makes"}
}

// noVar is the error of an operation that was given no Var.
func noVar(op string) error {
	return &tensor.ArgumentError{Op: op, Problem: "an operand is nil", Fix: "give a Var, such as Const makes of a tensor"}
}

// Value returns the tensor. Writing to it in place changes the operand of later
// operations; if it happens between a recorded operation and its gradient, and the
// old value is needed, [Grad] panics.
func (v *Var) Value() *tensor.Tensor {
	if v == nil {
		panic(noVar("Value"))
	}
	return v.value
}

// Values returns the tensors of several variables, such as the gradients that [Grad]
// returns.
func Values(vs []*Var) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(vs))
	for i, v := range vs {
		out[i] = v.Value()
	}
	return out
}

// Tracked reports whether operations on v are recorded.
func (v *Var) Tracked() bool { return v.node != nil }

// Detach returns the same tensor as a constant: gradients do not flow through it.
func (v *Var) Detach() *Var {
	if v.node == nil {
		return v
	}
	return Const(v.value)
}

// Shape returns a copy of the value's dims.
func (v *Var) Shape() []int { return v.Value().Shape() }

// Item returns the value's only element, as [tensor.Tensor.Item] does.
func (v *Var) Item() float64 { return v.value.Item() }

// String prints the value.
func (v *Var) String() string { return v.value.String() }
