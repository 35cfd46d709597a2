package optim

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// memory is what an Optimizer or an EMA keeps from step to step. It does not live
// in a scope, and each slot is one flat tensor with a view per parameter.
type memory struct {
	owner       string // for errors: "Adam"
	steps       int
	scalarNames []string
	scalars     []float64
	slotNames   []string
	slots       [][]*tensor.Tensor // by slot, then by parameter
}

// newMemory returns zeros for parameters of one dtype on one device. It panics in
// the name of op if they are not, if one lives in a scope, or if one is listed
// twice.
func newMemory(op, owner string, params []*tensor.Tensor, slots, scalars []string) memory {
	if len(params) == 0 {
		panic(&tensor.ArgumentError{Op: op, Problem: "there are no parameters", Fix: "give at least one"})
	}
	seen := map[*tensor.Tensor]int{}
	for i, p := range params {
		if p == nil {
			panic(&tensor.ArgumentError{Op: op, Problem: fmt.Sprintf("parameter %d is nil", i), Fix: "leave it out"})
		}
		if p.Scope() != nil {
			panic(&tensor.LifetimeError{Op: op, Shapes: [][]int{p.Shape()},
				Problem: fmt.Sprintf("parameter %d lives in a scope", i), Fix: "Keep it first"})
		}
		if first, ok := seen[p]; ok {
			panic(&tensor.ShapeError{Op: op, Shapes: [][]int{p.Shape()},
				Problem: fmt.Sprintf("parameters %d and %d are the same tensor", first, i), Fix: "give each once"})
		}
		seen[p] = i
	}
	tensor.Check(op, params...)
	m := memory{owner: owner, scalarNames: scalars, scalars: make([]float64, len(scalars)), slotNames: slots}
	for range slots {
		m.slots = append(m.slots, zerosLike(params))
	}
	return m
}

// zerosLike returns views of one flat tensor, of the parameters' shapes.
func zerosLike(params []*tensor.Tensor) []*tensor.Tensor {
	n := 0
	for _, p := range params {
		n += p.Len()
	}
	flat := params[0].Device().New(params[0].DType(), n)
	views, at := make([]*tensor.Tensor, len(params)), 0
	for i, p := range params {
		views[i] = flat.Slice(0, at, at+p.Len()).Reshape(p.Shape()...)
		at += p.Len()
	}
	return views
}

// Saved is a copy of what an [Optimizer] or an [EMA] keeps from step to step. The
// zero value is ready for their Save methods, which reuse its memory.
type Saved struct {
	of      *memory // whose copy it is; nil: nobody's yet
	steps   int
	scalars []float64
	slots   [][]*tensor.Tensor
}

// save copies everything to s.
func (m *memory) save(s *Saved) {
	if s.of != m {
		slots := make([][]*tensor.Tensor, len(m.slots))
		for k, slot := range m.slots {
			slots[k] = zerosLike(slot) // the device may be out of memory
		}
		s.of, s.slots = m, slots
	}
	s.steps = m.steps
	s.scalars = append(s.scalars[:0], m.scalars...)
	copySlots(s.slots, m.slots)
}

// goBack copies everything from s.
func (m *memory) goBack(s *Saved) {
	if s.of != m {
		panic(&tensor.ArgumentError{Op: "GoBack", Problem: "this " + m.owner + " has not been saved here", Fix: "call its Save first"})
	}
	m.steps = s.steps
	copy(m.scalars, s.scalars)
	copySlots(m.slots, s.slots)
}

func copySlots(dst, src [][]*tensor.Tensor) {
	for k, slot := range dst {
		for i, t := range slot {
			t.CopyFrom(src[k][i])
		}
	}
}

// entry names the tensor of a slot for one parameter: "m.0".
func (m *memory) entry(slot, param int) string { return fmt.Sprintf("%s.%d", m.slotNames[slot], param) }

// state returns copies of everything.
func (m *memory) state() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{"step": tensor.Scalar(tensor.Float64, float64(m.steps))}
	for k, name := range m.scalarNames {
		out[name] = tensor.Scalar(tensor.Float64, m.scalars[k])
	}
	for k, slot := range m.slots {
		for i, t := range slot {
			out[m.entry(k, i)] = t.Clone()
		}
	}
	return out
}

// restore copies what state returned, or returns an error and changes nothing.
func (m *memory) restore(state map[string]*tensor.Tensor) error {
	if err := m.accepts(state); err != nil {
		return fmt.Errorf("optim: restoring %s: %w", m.owner, err)
	}
	m.steps = int(state["step"].Item())
	for k, name := range m.scalarNames {
		m.scalars[k] = state[name].Item()
	}
	for k, slot := range m.slots {
		for i, t := range slot {
			t.CopyFrom(state[m.entry(k, i)])
		}
	}
	return nil
}

func (m *memory) accepts(state map[string]*tensor.Tensor) error {
	number := tensor.New(tensor.Float64)
	want := map[string]*tensor.Tensor{"step": number}
	for _, name := range m.scalarNames {
		want[name] = number
	}
	for k, slot := range m.slots {
		for i, t := range slot {
			want[m.entry(k, i)] = t
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w, t := want[name], state[name]
		switch {
		case t == nil:
			return fmt.Errorf("%q is missing", name)
		case !t.SameShape(w):
			return fmt.Errorf("%q has shape %v, want %v", name, t.Shape(), w.Shape())
		case t.DType() != w.DType():
			return fmt.Errorf("%q is %v, want %v", name, t.DType(), w.DType())
		}
		tensor.Check("Restore", t)
		if w == number {
			if v := t.Item(); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%q is %v, want a finite number", name, v)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if want[name] == nil {
			return fmt.Errorf("%q is not part of it", name)
		}
	}
	if v := state["step"].Item(); v != math.Trunc(v) || v < 0 || v > 1<<53 {
		return fmt.Errorf(`"step" is %v, want a number of steps`, v)
	}
	return nil
}
