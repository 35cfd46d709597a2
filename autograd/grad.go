package autograd

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Opts are the options of [Grad]; the zero value is the usual case.
type Opts struct {
	// CreateGraph records the gradient's own computation, so that it can be
	// differentiated again.
	CreateGraph bool
	// Seed is the gradient by y to start from, of y's shape and dtype. Nil means 1,
	// for a y of a single element.
	Seed *Var
	// AllowConstant gives zeros if y depends on none of the xs, which is a panic
	// otherwise: mostly, something was not tracked that should have been.
	AllowConstant bool
}

// Grad returns the gradient of y by each of xs: ∂y/∂x, of x's shape. The gradient by an
// x that y does not depend on is zeros, if y depends on another of them; so is that by
// a parameter that was a constant when y was computed. Nothing is accumulated, and the
// graph can be used again. The results may share memory with each other and with the
// graph, so do not write to them in place.
//
// It panics with a [GradError] if y is not a single element and no seed is given,
// if the seed does not have y's shape and dtype, if an x is not tracked, or if y
// depends on none of the xs and [Opts].AllowConstant is not set; and with an
// [InPlaceError] if a value that is needed was overwritten.
func Grad(y *Var, xs []*Var, o Opts) []*Var {
	seed := o.Seed
	switch {
	case y == nil || slices.Contains(xs, nil):
		panic(noVar("Grad"))
	case seed == nil && y.value.Len() != 1:
		panic(&GradError{"Grad", fmt.Sprintf("the result has shape %v, not a single element", y.Shape()),
			"reduce it with Sum or Mean, or give Opts.Seed"})
	case seed == nil:
		seed = filled(y.value, 1)
	case !seed.value.SameShape(y.value):
		panic(&GradError{"Grad", fmt.Sprintf("the seed has shape %v, the result %v", seed.Shape(), y.Shape()),
			"give a seed of the result's shape"})
	case seed.value.DType() != y.value.DType():
		panic(&GradError{"Grad", fmt.Sprintf("the seed is %v, the result %v", seed.value.DType(), y.value.DType()),
			"convert the seed with Cast"})
	}
	if !o.CreateGraph {
		seed = seed.Detach()
	}
	for i, x := range xs {
		if !x.Tracked() {
			panic(&GradError{"Grad", fmt.Sprintf("input %d of shape %v is not tracked", i, x.Shape()),
				"make it with Leaf before the computation, or let the module track its parameters"})
		}
	}
	e := engines.Get().(*engine)
	if e.plan(y, xs); len(xs) > 0 && !o.AllowConstant && !e.reached(xs) {
		panic(&GradError{"Grad", fmt.Sprintf("the result of shape %v does not depend on any of the %d inputs", y.Shape(), len(xs)),
			"compute it from them, track parameters by nn.Ctx.Track, and take a gradient that it is made of with Opts.CreateGraph; or set Opts.AllowConstant for zeros"})
	}
	e.run(seed, o.CreateGraph)
	out := make([]*Var, len(xs))
	for i, x := range xs {
		if at := e.index[x]; at != unplanned {
			out[i] = e.steps[at].grad
		}
		if out[i] == nil {
			out[i] = filled(x.value, 0)
		}
	}
	e.release()
	return out
}

// filled returns a constant of t's shape, in t's scope, whose elements are all a.
func filled(t *tensor.Tensor, a float64) *Var { return Const(tensor.FullLike(t, a)) }

// step is one Var of the plan.
type step struct {
	v      *Var
	needed bool // it is an x, or depends on one
	target bool // it is one of xs
	grad   *Var // accumulated so far
}

// engine is the working memory of one call.
type engine struct {
	index map[*Var]int // place in steps, or unplanned
	steps []step       // inputs before what is computed from them
	stack []visit
	back  Back
}

// visit is a Var on the way to its first input not yet planned.
type visit struct {
	v    *Var
	next int
}

// unplanned is the place of a target that is not in steps.
const unplanned = -1

var engines = sync.Pool{New: func() any { return &engine{index: map[*Var]int{}} }}

// release keeps the engine for the next call, unless an unusually long graph
// has made it large: clearing its index would slow every later call.
func (e *engine) release() {
	const usual = 1 << 14
	if len(e.steps) > usual {
		return
	}
	clear(e.index)
	clear(e.steps)
	clear(e.stack[:cap(e.stack)])
	clear(e.back.grads[:cap(e.back.grads)])
	e.back.v = nil
	e.steps, e.stack = e.steps[:0], e.stack[:0]
	engines.Put(e)
}

// plan lists what y was computed from, inputs first, without recursion, and marks
// what lies between y and xs.
func (e *engine) plan(y *Var, xs []*Var) {
	for _, x := range xs {
		e.index[x] = unplanned
	}
	if y.node != nil {
		e.stack = append(e.stack, visit{v: y})
	}
	for len(e.stack) > 0 {
		top := &e.stack[len(e.stack)-1]
		if top.next < len(top.v.node.in) {
			u := top.v.node.in[top.next].v
			top.next++
			if at, seen := e.index[u]; u.node != nil && (!seen || at == unplanned) {
				e.stack = append(e.stack, visit{v: u})
			}
			continue
		}
		v := top.v
		e.stack = e.stack[:len(e.stack)-1]
		_, target := e.index[v]
		s := step{v: v, needed: target, target: target}
		for _, in := range v.node.in {
			s.needed = s.needed || e.needed(in.v)
		}
		e.index[v] = len(e.steps)
		e.steps = append(e.steps, s)
	}
}

// reached reports whether y depends on one of xs.
func (e *engine) reached(xs []*Var) bool {
	for _, x := range xs {
		if e.index[x] != unplanned {
			return true
		}
	}
	return false
}

// needed reports whether u, an input of a planned Var, is an x or depends on one.
func (e *engine) needed(u *Var) bool { return u.node != nil && e.steps[e.index[u]].needed }

// run walks the plan backwards. A gradient is dropped as soon as it has been
// passed on, unless it was asked for.
func (e *engine) run(seed *Var, live bool) {
	if len(e.steps) == 0 {
		return
	}
	e.steps[len(e.steps)-1].grad = seed
	back := &e.back
	back.live = live
	for i := len(e.steps) - 1; i >= 0; i-- {
		s := &e.steps[i]
		gy := s.grad
		if !s.needed || gy == nil || s.v.node.op == nil {
			continue
		}
		if !s.target {
			s.grad = nil
		}
		n := s.v.node
		back.v, back.needs, back.grads = s.v, back.needs[:0], back.grads[:0]
		any := false
		for _, in := range n.in {
			need := e.needed(in.v)
			any = any || need
			back.needs, back.grads = append(back.needs, need), append(back.grads, nil)
		}
		if !any {
			continue
		}
		var gs []*Var
		if t := tracing.Load(); t != nil {
			gs = t.backward(back, gy)
		} else {
			gs = n.op.VJP(back, gy)
		}
		if len(gs) != len(n.in) {
			panic(&GradError{n.op.Name(), fmt.Sprintf("its rule returned %d gradients for %d inputs", len(gs), len(n.in)),
				"return one per input, nil for zero"})
		}
		for j, g := range gs {
			if g == nil || !back.needs[j] {
				continue
			}
			u := n.in[j].v
			to := &e.steps[e.index[u]]
			g = fit(n.op, j, g, u)
			if to.grad == nil {
				to.grad = g
			} else {
				to.grad = Add(to.grad, g)
			}
		}
	}
}

// fit returns the gradient g by input i, which is x, in x's shape: summed over the
// axes that broadcasting has repeated.
func fit(op Op, i int, g, x *Var) *Var {
	switch {
	case g.value.DType() != x.value.DType():
		panic(&GradError{op.Name(), fmt.Sprintf("its rule returned a %v gradient for input %d, which is %v", g.value.DType(), i, x.value.DType()),
			"return the input's dtype"})
	case g.value.SameShape(x.value):
		return g
	case !broadcasts(x.value, g.value):
		panic(&GradError{op.Name(), fmt.Sprintf("its rule returned a gradient of shape %v for input %d of shape %v", g.Shape(), i, x.Shape()),
			"return the input's shape, or the shape it was broadcast to"})
	}
	return SumTo(g, x.Shape()...)
}

// broadcasts reports whether x can be broadcast to y's shape.
func broadcasts(x, y *tensor.Tensor) bool {
	lead := y.Rank() - x.Rank()
	for k := range x.Rank() {
		if lead < 0 || x.Dim(k) != 1 && x.Dim(k) != y.Dim(lead+k) {
			return false
		}
	}
	return lead >= 0
}
