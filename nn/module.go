package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Module computes an output from an input and its parameters. A module holds
// no state of a pass, so any number of goroutines may run it at once, as long
// as none changes its parameters meanwhile.
//
// A module with parameters of its own also implements [Owner]; one made of
// other modules implements [Parent]. One that should be saved with its
// architecture implements [Describer] and is known to [Register].
type Module interface {
	Forward(ctx *Ctx, x *autograd.Var) *autograd.Var
}

// Owner is a module with parameters of its own.
type Owner interface {
	// Params returns the parameters in a fixed order.
	Params() []*Param
}

// Parent is a module made of other modules.
type Parent interface {
	// Children returns the parts in a fixed order. Their names become part of
	// the parameters' names: "0" of a Sequential, then "0.weight".
	Children() []Child
}

// Child is a named part of a module.
type Child struct {
	Name   string
	Module Module
}

// Ctx is what a forward pass depends on besides its input: nothing asks a
// global. The zero value, or nil, evaluates the network as it is, recording
// nothing on account of its parameters.
type Ctx struct {
	// Train is set while training: it matters to layers that behave
	// differently then.
	Train bool
	// Track records operations on the parameters that are not frozen, so that
	// gradients by them can be taken.
	Track bool
	// Rand feeds layers that draw random numbers.
	Rand *tensor.Stream
	// Weights replaces the parameters' values; see [Snapshot].
	Weights *Weights
}

// Var returns a parameter as a value of this pass: tracked where the pass asks
// for it and the parameter is not frozen. It panics with a [StateError] where
// the parameter has no value yet.
func (c *Ctx) Var(p *Param) *autograd.Var {
	switch {
	case c != nil && c.Weights != nil:
		if v, ok := c.Weights.vars[p]; ok {
			return v
		}
		panic(&StateError{Problem: "the weights of this pass are another network's", Fix: "take the Snapshot of this one"})
	case p.leaf == nil:
		panic(&StateError{Problem: fmt.Sprintf("parameter %s%v has no value yet", p.name, p.shape),
			Fix: "call nn.Init on the network, or load its weights"})
	case c != nil && c.Track && !p.frozen:
		return p.leaf
	}
	return p.constant
}

// NamedParam is a parameter under its full name, "0.weight".
type NamedParam struct {
	Name  string
	Param *Param
}

// Params returns the parameters of a module and its parts, in order. One that
// several parts share is listed once, under its first name.
func Params(m Module) []NamedParam {
	var out []NamedParam
	seen := map[*Param]bool{}
	walk(m, "", func(path string, m Module) {
		o, ok := m.(Owner)
		if !ok {
			return
		}
		for _, p := range o.Params() {
			if !seen[p] {
				seen[p] = true
				out = append(out, NamedParam{path + p.name, p})
			}
		}
	})
	return out
}

// walk visits m and its parts, parents first, with the prefix of their
// parameters' names.
func walk(m Module, path string, visit func(path string, m Module)) {
	visit(path, m)
	if p, ok := m.(Parent); ok {
		for _, c := range p.Children() {
			walk(c.Module, path+c.Name+".", visit)
		}
	}
}

// Freeze stops, or with false allows again, the tracking of all of a module's
// parameters: passes treat them as constants, and training leaves them alone.
func Freeze(m Module, frozen bool) {
	for _, p := range Params(m) {
		p.Param.frozen = frozen
	}
}

// StateError says that a network is not ready for what was asked of it. It is a
// [tensor.Misuse].
type StateError struct {
	Problem string
	Fix     string
}

func (e *StateError) Error() string { return "nn: " + e.Problem + "; " + e.Fix }

// Misuse returns the likely repair.
func (e *StateError) Misuse() string { return e.Fix }
