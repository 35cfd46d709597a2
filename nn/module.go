package nn

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Module computes an output from an input and its parameters. A module holds no
// state of a pass, so any number of goroutines may run it at once while none changes
// its parameters.
//
// A module with parameters of its own also implements [Owner]; one made of other
// modules implements [Parent]. One that is to be saved with its architecture
// implements [Describer] and is registered with [Register].
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

// Chain is a [Parent] whose Forward feeds each part's output to the next part
// and does nothing else, as that of [Sequential] does. [Summary] lists its
// parts, and [PiecewiseLayers] takes it apart.
type Chain interface {
	Parent
	// Chain does nothing; it says that the module is one.
	Chain()
}

// Fusing is a layer that can apply an activation to its result before that leaves
// the cache, as [Linear], [Conv2D] and [ConvTranspose2D] do. A [Sequential] asks it
// to if an [Activator] follows.
type Fusing interface {
	Module
	// ForwardFused is Forward followed by the activation.
	ForwardFused(ctx *Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var
}

// Activator is a module that is a function of each element, as [Tanh] is.
type Activator interface {
	Module
	// Activation returns the function. ok is false if no layer can apply it,
	// which is so unless its derivative follows from its value.
	Activation() (act tensor.Activation, ok bool)
}

// Wrapper is a module that runs another one in a pass of its own making, as
// [SpectralNorm] runs a layer with another weight. Its Forward is
//
//	w.Unwrap().Forward(w.Pass(ctx, x), x)
//
// which lets a [Sequential] run the wrapped layer and the activation after it as
// one operation. A Wrapper is not a [Parent]: its Params are its own and those of
// the wrapped module, under their names.
type Wrapper interface {
	Module
	// Unwrap returns the wrapped module.
	Unwrap() Module
	// Pass returns the pass of the wrapped module on the wrapper's input x; see
	// [Ctx.Replace].
	Pass(ctx *Ctx, x *autograd.Var) *Ctx
}

// Child is a named part of a module.
type Child struct {
	Name   string
	Module Module
}

// Ctx is what a forward pass depends on besides its input; there are no global
// settings. The zero value, or nil, evaluates the network and does not track its
// parameters.
type Ctx struct {
	// Train selects the behaviour of layers that differ between training and
	// evaluation, such as [BatchNorm2D] and [Dropout].
	Train bool
	// Track records operations on the parameters that are not frozen, so that
	// gradients by them can be taken. Without it the parameters are constants, and
	// [autograd.Grad] panics if there is nothing else to differentiate by.
	Track bool
	// Condition is what the samples of the pass are to be or are, [n, size]: the
	// one-hot of a class, or any other numbers. It is for the parts of a network
	// that are [Conditioned]; nil if there is none.
	Condition *autograd.Var
	// Rand is the stream of layers that draw random numbers.
	Rand *tensor.Stream
	// Updates collects the changes of buffers that the pass asks for; if nil, they
	// are dropped.
	Updates *Updates
	// Weights replaces the parameters' values by constants; see [Snapshot].
	Weights *Weights
	// Enter, unless it is nil, is called by a module before the pass of one of its
	// parts, with the part's name, and leave after it: to say where in a network a
	// number comes from. [Sequential] and [Residual] call it.
	Enter func(name string, part Module) (leave func())

	replaced *replacement
}

// replacement is another value for one parameter.
type replacement struct {
	param *Param
	by    *autograd.Var
	older *replacement
}

// enter calls Enter, if there is one, with the name of a part, or its number if it
// has none.
func (c *Ctx) enter(number int, name string, part Module) (leave func()) {
	switch {
	case c == nil || c.Enter == nil:
		return stay
	case name == "":
		name = strconv.Itoa(number)
	}
	return c.Enter(name, part)
}

func stay() {}

// Replace returns the pass with another value for a parameter, which may depend
// on parameters itself. The pass it is called on, which may be nil, is as before.
func (c *Ctx) Replace(p *Param, by *autograd.Var) *Ctx {
	var inner Ctx
	if c != nil {
		inner = *c
	}
	inner.replaced = &replacement{p, by, inner.replaced}
	return &inner
}

// Var returns a parameter's value in this pass, tracked if the pass has Track set
// and the parameter is not frozen. It panics with a [StateError] if the parameter has
// no value yet, or Weights are another network's.
func (c *Ctx) Var(p *Param) *autograd.Var {
	if c != nil {
		for r := c.replaced; r != nil; r = r.older {
			if r.param == p {
				return r.by
			}
		}
	}
	switch {
	case c != nil && c.Weights != nil:
		if v, ok := c.Weights.vars[p]; ok {
			return v
		}
		panic(&StateError{Problem: "the weights of this pass are another network's", Fix: "take the Snapshot of this one"})
	case p.leaf == nil:
		panic(&StateError{Problem: fmt.Sprintf("parameter %s%v has no value yet", p.name, p.shape),
			Fix: "call nn.Init on the network, or load its weights; a module of your own must list it in Params"})
	case c != nil && c.Track && !p.Frozen():
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
// several parts share is listed once, under its first name. It panics with a
// [StateError] if two parameters have the same name.
func Params(m Module) []NamedParam {
	seen, taken := map[*Param]bool{}, map[string]bool{}
	return slices.DeleteFunc(everyParam(m, "", nil), func(p NamedParam) bool {
		if seen[p.Param] {
			return true
		}
		if taken[p.Name] {
			panic(&StateError{Problem: "two parameters are called " + p.Name, Fix: "give parts and parameters of one module different names"})
		}
		seen[p.Param], taken[p.Name] = true, true
		return false
	})
}

// everyParam appends the parameters of m and its parts to out, parents first,
// and those that are shared under each of their names.
func everyParam(m Module, path string, out []NamedParam) []NamedParam {
	if o, ok := m.(Owner); ok {
		for _, p := range o.Params() {
			out = append(out, NamedParam{path + p.name, p})
		}
	}
	if p, ok := m.(Parent); ok {
		for _, c := range p.Children() {
			out = everyParam(c.Module, path+c.Name+".", out)
		}
	}
	return out
}

// Freeze makes all parameters of a module constants or, with false, lets them be
// trained again. Passes do not track frozen parameters, their gradients are zero, and
// training does not change them. Freeze must not run at the same time as a pass.
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
