package autograd

import (
	"fmt"
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Opts are the options of [Grad]; the zero value is the usual case.
type Opts struct {
	// CreateGraph records the gradient's own computation, so that it can be
	// differentiated again.
	CreateGraph bool
	// Seed is the gradient by y from which to start. Nil means one, for a y of
	// a single element.
	Seed *Var
}

// Grad returns the gradient of y by each of xs: ∂y/∂x, of x's shape. An x that
// y does not depend on has a gradient of zeros. Nothing is accumulated
// anywhere, and the graph can be used again.
//
// It panics with a [GradError] where y is not a single element and no seed is
// given, where the seed does not have y's shape, or where an x is not tracked;
// and with an [InPlaceError] where a value that is needed was overwritten.
func Grad(y *Var, xs []*Var, o Opts) []*Var {
	seed := o.Seed
	switch {
	case seed == nil && y.value.Len() != 1:
		panic(&GradError{"Grad", fmt.Sprintf("the result has shape %v, not a single element", y.Shape()),
			"reduce it with Sum or Mean, or give Opts.Seed"})
	case seed == nil:
		seed = Const(ones(y.value))
	case !seed.value.SameShape(y.value):
		panic(&GradError{"Grad", fmt.Sprintf("the seed has shape %v, the result %v", seed.Shape(), y.Shape()),
			"give a seed of the result's shape"})
	}
	for i, x := range xs {
		if !x.Tracked() {
			panic(&GradError{"Grad", fmt.Sprintf("input %d of shape %v is not tracked", i, x.Shape()),
				"make it with Leaf before the computation, or let the module track its parameters"})
		}
	}
	e := engines.Get().(*engine)
	e.plan(y, xs)
	e.run(seed, o.CreateGraph)
	out := make([]*Var, len(xs))
	for i, x := range xs {
		if at, ok := e.index[x]; ok {
			out[i] = e.steps[at].grad
		}
		if out[i] == nil {
			out[i] = Const(tensor.Scale(x.value, 0))
			out[i].value.Fill(0)
		}
	}
	e.reset()
	engines.Put(e)
	return out
}

// ones returns a tensor of t's shape filled with 1, in t's scope.
func ones(t *tensor.Tensor) *tensor.Tensor {
	var u *tensor.Tensor
	if s := t.Scope(); s != nil {
		u = s.Empty(t.Device(), t.DType(), t.Shape()...)
	} else {
		u = t.Device().New(t.DType(), t.Shape()...)
	}
	u.Fill(1)
	return u
}

// step is one Var of the plan.
type step struct {
	v      *Var
	needed bool // some x is reached through it, or it is one
	target bool // it is one of xs
	grad   *Var // accumulated so far
}

// engine is the working memory of one call.
type engine struct {
	index map[*Var]int // place in steps
	steps []step       // inputs before what is computed from them
	stack []visit
	needs []bool
}

// visit is a Var on the way to its first input not yet planned.
type visit struct {
	v    *Var
	next int
}

var engines = sync.Pool{New: func() any { return &engine{index: map[*Var]int{}} }}

func (e *engine) reset() {
	clear(e.index)
	clear(e.steps)
	clear(e.stack[:cap(e.stack)])
	e.steps, e.stack = e.steps[:0], e.stack[:0]
}

// plan puts what y was computed from in order, without recursion, and marks
// what lies between y and xs.
func (e *engine) plan(y *Var, xs []*Var) {
	for _, x := range xs {
		if _, seen := e.index[x]; !seen {
			e.index[x] = -1 // a target, not planned yet
		}
	}
	if y.node == nil {
		clear(e.index) // y depends on none of xs
		return
	}
	e.stack = append(e.stack, visit{v: y})
	for len(e.stack) > 0 {
		top := &e.stack[len(e.stack)-1]
		if top.next < len(top.v.node.in) {
			u := top.v.node.in[top.next]
			top.next++
			if at, seen := e.index[u]; u.node != nil && (!seen || at < 0) {
				e.stack = append(e.stack, visit{v: u})
			}
			continue
		}
		v := top.v
		e.stack = e.stack[:len(e.stack)-1]
		at, seen := e.index[v]
		if seen && at >= 0 {
			continue // reached twice before it was planned
		}
		s := step{v: v, needed: seen, target: seen}
		for _, u := range v.node.in {
			if k, ok := e.index[u]; ok && k >= 0 {
				s.needed = s.needed || e.steps[k].needed
			}
		}
		e.index[v] = len(e.steps)
		e.steps = append(e.steps, s)
	}
	for _, x := range xs {
		if e.index[x] < 0 {
			delete(e.index, x) // y does not depend on it
		}
	}
}

// run walks the plan backwards. A gradient is dropped as soon as it has been
// passed on, unless it was asked for.
func (e *engine) run(seed *Var, live bool) {
	if len(e.steps) == 0 {
		return
	}
	e.steps[len(e.steps)-1].grad = seed
	back := Back{live: live}
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
		e.needs = e.needs[:0]
		any := false
		for _, u := range n.in {
			k, ok := e.index[u]
			need := ok && e.steps[k].needed
			any = any || need
			e.needs = append(e.needs, need)
		}
		if !any {
			continue
		}
		back.v, back.needs = s.v, e.needs
		gs := n.op.VJP(&back, gy)
		if len(gs) != len(n.in) {
			panic(&GradError{n.op.Name(), fmt.Sprintf("its rule returned %d gradients for %d inputs", len(gs), len(n.in)),
				"return one per input, nil where it is zero"})
		}
		for j, g := range gs {
			if g == nil || !e.needs[j] {
				continue
			}
			u := n.in[j]
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

// fit gives the gradient g its input's shape, summing over what broadcasting
// has repeated.
func fit(op Op, i int, g, x *Var) *Var {
	if g.value.SameShape(x.value) {
		return g
	}
	var out *Var
	if err := tensor.Catch(func() { out = SumTo(g, x.Shape()...) }); err != nil {
		panic(&GradError{op.Name(), fmt.Sprintf("its rule returned a gradient of shape %v for input %d of shape %v", g.Shape(), i, x.Shape()),
			"return the input's shape, or the shape it was broadcast to"})
	}
	return out
}
