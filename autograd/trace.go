package autograd

import (
	"sync/atomic"

	"github.com/gander-ml/gander/tensor"
)

// Event is an operation that has run; see [Trace].
type Event struct {
	Op string // its name
	// Backward says that this is the operation's derivative rule: In are its inputs
	// and, last, the gradient by its result; Out are the gradients by its inputs, nil
	// for those that are not wanted.
	Backward bool
	// Rule is the name of the operation whose derivative rule has run this one as a
	// part of it; "" if none has.
	Rule    string
	In, Out []*tensor.Tensor
	// Of is the result, forward, of the operation that the event belongs to: this
	// one's or, if Backward or Rule is set, that of the rule's operation. It tells
	// which of several operations of a name that was.
	Of *tensor.Tensor
}

// tracer is what Trace has turned on.
type tracer struct {
	do   func(Event)
	rule string // that runs
	of   *tensor.Tensor
}

var tracing atomic.Pointer[tracer]

// Trace calls do after each operation and each derivative rule in the whole
// program, until stop is called: to find out where a NaN comes from, say. Neither
// do nor another goroutine may compute with variables meanwhile. It is for
// debugging; while it is off, it costs a test per operation.
func Trace(do func(Event)) (stop func()) {
	if do == nil {
		panic(&tensor.ArgumentError{Op: "Trace", Problem: "the function is nil", Fix: "give one of an Event"})
	}
	tracing.Store(&tracer{do: do})
	return func() { tracing.Store(nil) }
}

// forward tells about an operation.
func (t *tracer) forward(op Op, in []*tensor.Tensor, out *tensor.Tensor) {
	e := Event{Op: op.Name(), Rule: t.rule, In: in, Out: []*tensor.Tensor{out}, Of: out}
	if t.rule != "" {
		e.Of = t.of
	}
	t.do(e)
}

// backward runs a derivative rule and tells about it.
func (t *tracer) backward(b *Back, gy *Var) []*Var {
	v, outer := b.v, *t
	n := v.node
	t.rule, t.of = n.op.Name(), v.value
	grads := n.op.VJP(b, gy)
	*t = outer
	e := Event{Op: n.op.Name(), Backward: true, Rule: outer.rule, Of: v.value}
	for _, in := range n.in {
		e.In = append(e.In, in.v.value)
	}
	e.In = append(e.In, gy.value)
	for _, g := range grads {
		if g == nil {
			e.Out = append(e.Out, nil)
		} else {
			e.Out = append(e.Out, g.value)
		}
	}
	t.do(e)
	return grads
}
