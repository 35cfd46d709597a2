package optim

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Optimizer applies a [Method] to a list of parameters. It serves one goroutine at
// a time.
type Optimizer struct {
	method Method
	memory memory
	update Update
}

// New returns an optimizer of the parameters, which [Optimizer.Step] will change
// in place. They have one dtype and lie on one device; the state lies there
// too. New panics with a [MethodError] if a hyper-parameter is out of its range,
// and with an error of package tensor if there are no parameters, if one is listed
// twice, or if one lives in a scope.
func New(m Method, params []*tensor.Tensor) *Optimizer {
	if m == nil {
		panic(&tensor.ArgumentError{Op: "optim.New", Problem: "the method is nil", Fix: "give one, such as Adam"})
	}
	if err := m.Validate(); err != nil {
		panic(&MethodError{m.Name(), err})
	}
	slots, scalars := m.State()
	o := &Optimizer{method: m, memory: newMemory("optim.New", m.Name(), params, slots, scalars)}
	o.update = Update{
		Params: slices.Clone(params), Slots: o.memory.slots, Scalars: o.memory.scalars,
		Scratch: tensor.NewScope(),
	}
	return o
}

// Step updates each parameter by its gradient, in place. grads are in the order of
// the parameters and have their shapes; they are only read, and may live in a
// [tensor.Scope]. Step panics with an error of package tensor, before it changes
// anything, if they do not fit, and with a [MethodError] if a schedule gives a rate
// that is negative or not finite, or a β₂ that is not from 0 to below 1.
func (o *Optimizer) Step(grads []*tensor.Tensor) {
	o.check(grads)
	u := &o.update
	u.Step, u.Rate, u.Grads = o.memory.steps, o.LR(), grads
	if !(u.Rate >= 0 && u.Rate <= math.MaxFloat64) { // with a negative one, parameters would climb
		panic(&MethodError{o.method.Name(), fmt.Errorf("the rate after %d steps is %v; let the schedule give finite numbers of 0 or more", u.Step, u.Rate)})
	}
	o.method.Apply(u)
	u.Grads = nil
	u.Scratch.Close()
	o.memory.steps++
}

func (o *Optimizer) check(grads []*tensor.Tensor) {
	const op = "Optimizer.Step"
	params := o.update.Params
	if len(grads) != len(params) {
		panic(&tensor.ArgumentError{Op: op,
			Problem: fmt.Sprintf("there are %d gradients for %d parameters", len(grads), len(params)),
			Fix:     "give one gradient per parameter, in the same order"})
	}
	for i, g := range grads {
		p := params[i]
		if g == nil {
			panic(&tensor.ShapeError{Op: op, Shapes: [][]int{p.Shape()},
				Problem: fmt.Sprintf("the gradient of parameter %d is nil", i),
				Fix:     "give zeros, or leave the parameter out of the optimizer"})
		}
		if !g.SameShape(p) {
			panic(&tensor.ShapeError{Op: op, Shapes: [][]int{p.Shape(), g.Shape()},
				Problem: fmt.Sprintf("parameter %d and its gradient differ in shape", i),
				Fix:     "give the gradients in the order of the parameters"})
		}
		tensor.Check(op, p, g)
	}
}

// Steps returns the number of steps done.
func (o *Optimizer) Steps() int { return o.memory.steps }

// LR returns the learning rate of the next step.
func (o *Optimizer) LR() float64 { return o.method.Rate(o.memory.steps) }

// State returns copies of everything that the next step depends on besides the
// parameters and their gradients: "step" and the method's scalars as Float64
// tensors of rank 0, and each slot's tensor of each parameter, "m.0", "v.0",
// "m.1", ….
func (o *Optimizer) State() map[string]*tensor.Tensor { return o.memory.state() }

// Restore copies what State of an optimizer with the same method and the same
// parameters has returned. If names, shapes, dtypes or numbers do not fit, it
// changes nothing and returns an error that names the first entry that does not.
func (o *Optimizer) Restore(state map[string]*tensor.Tensor) error { return o.memory.restore(state) }

// Save copies to s everything that the next step depends on besides the
// parameters and their gradients, for [Optimizer.GoBack]. Unlike
// [Optimizer.State] it reuses the memory of s.
func (o *Optimizer) Save(s *Saved) { o.memory.save(s) }

// GoBack restores what [Optimizer.Save] of the same optimizer has copied. It panics with
// a [tensor.ArgumentError] if that was another, or none.
func (o *Optimizer) GoBack(s *Saved) { o.memory.goBack(s) }
