package autograd

import (
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Op is an operation with its derivative. An implementation is a small struct
// that holds the operation's constants, and a function that calls [Apply] with it:
//
//	type square struct{}
//
//	func Square(x *Var) *Var { return Apply(square{}, x) }
//
//	func (square) Name() string                            { return "Square" }
//	func (square) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Square(in[0]) }
//	func (square) VJP(b *Back, gy *Var) []*Var             { return b.Only(Scale(Mul(gy, b.In(0)), 2)) }
//
// Programs that import this package add operations in the same way.
type Op interface {
	// Name is what messages call the operation.
	Name() string
	// Eval computes the value. It returns a new tensor or a view of an input,
	// changes nothing, and does not keep the slice.
	Eval(in []*tensor.Tensor) *tensor.Tensor
	// VJP returns, for each input, the product of the output's gradient gy
	// with the derivative by that input (the vector-Jacobian product), or nil
	// if it is zero or [Back.Needs] is false. It is written in differentiable
	// operations, so that second derivatives exist. A gradient may have the
	// shape that the input was broadcast to; the engine sums it to the input's.
	VJP(b *Back, gy *Var) []*Var
}

// Apply runs an operation and, if an input is tracked, records it. The type parameter
// spares one that is not recorded an allocation.
func Apply[O Op](op O, in ...*Var) *Var {
	args := argumentLists.Get().(*[]*tensor.Tensor)
	values := (*args)[:0]
	tracked := false
	for _, v := range in {
		if v == nil {
			panic(noVar(op.Name()))
		}
		values = append(values, v.value)
		tracked = tracked || v.node != nil
	}
	value := op.Eval(values)
	if t := tracing.Load(); t != nil {
		t.forward(op, values, value)
	}
	clear(values)
	*args = values
	argumentLists.Put(args)
	if !tracked {
		return Const(value)
	}
	y := track(value, op)
	n := y.node
	n.in = n.room[:0]
	for _, v := range in {
		n.in = append(n.in, input{v, v.value.Version()})
	}
	return y
}

// argumentLists are the slices that Eval is called with, between calls.
var argumentLists = sync.Pool{New: func() any { return new([]*tensor.Tensor) }}

// Back gives a derivative rule access to the operation being differentiated. It
// is valid only during the call of the rule.
type Back struct {
	v     *Var
	needs []bool
	grads []*Var
	live  bool
}

// In returns input i: tracked if [Opts].CreateGraph is set, so that the gradient
// can be differentiated again, else as a constant. It panics with an
// [InPlaceError] if the tensor was overwritten since the operation ran.
func (b *Back) In(i int) *Var {
	n := b.v.node
	x := n.in[i].v
	if x.value.Version() != n.in[i].version {
		panic(&InPlaceError{Op: n.op.Name(), Input: i, Shape: x.Shape()})
	}
	if b.live || x.node == nil {
		return x
	}
	return &x.node.constant
}

// Out returns the operation's result, as In returns an input.
func (b *Back) Out() *Var {
	n := b.v.node
	if b.v.value.Version() != n.outVersion {
		panic(&InPlaceError{Op: n.op.Name(), Input: -1, Shape: b.v.Shape()})
	}
	if b.live {
		return b.v
	}
	return &n.constant
}

// value returns input i's tensor, to ask for its shape.
func (b *Back) value(i int) *tensor.Tensor { return b.v.node.in[i].v.value }

// Shape returns the shape of input i, even if its elements were overwritten.
func (b *Back) Shape(i int) []int { return b.value(i).Shape() }

// Dim returns the length of an axis of input i, even if its elements were
// overwritten; negative axes count from the end.
func (b *Back) Dim(i, axis int) int { return b.value(i).Dim(axis) }

// Recorded reports whether [Opts].CreateGraph is set. If it is not, a rule may
// compute with tensors directly, by functions that have no derivative of their own;
// the differentiable form is their reference.
func (b *Back) Recorded() bool { return b.live }

// Needs reports whether the gradient by input i is wanted. If it is not, the rule
// may return nil for it.
func (b *Back) Needs(i int) bool { return b.needs[i] }

// Grads returns one nil per input, for the rule to fill in and return. It saves
// a rule with several inputs an allocation.
func (b *Back) Grads() []*Var { return b.grads }

// Only returns g as the list that the rule of an operation with one input returns. It
// saves an allocation, too.
func (b *Back) Only(g *Var) []*Var {
	b.grads[0] = g
	return b.grads
}

// list is a short list of dims or axes that an operation holds.
type list struct {
	n  int
	of [tensor.MaxRank]int
}

// listOf returns a copy of dims or axes. Of more than any tensor has, the rest is left
// out, and ok is false.
func listOf(dims []int) (l list, ok bool) {
	l.n = copy(l.of[:], dims)
	return l, l.n == len(dims)
}

// shapeOf returns t's dims.
func shapeOf(t *tensor.Tensor) (l list) {
	for l.n < t.Rank() {
		l.of[l.n] = t.Dim(l.n)
		l.n++
	}
	return l
}

func (l *list) slice() []int { return l.of[:l.n] }
