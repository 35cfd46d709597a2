package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Dropout sets each number to zero with probability p, in training, and
// multiplies the others by 1/(1−p), so that the mean stays; otherwise it changes
// nothing (Srivastava et al., "Dropout: a simple way to prevent neural networks
// from overfitting", 2014). It draws from [Ctx.Rand]; a training pass without
// one panics with a [StateError]. Dropout panics with a [tensor.ArgumentError]
// unless 0 ≤ p ≤ 1.
func Dropout(p float64) Module {
	if !(p >= 0 && p <= 1) {
		panic(&tensor.ArgumentError{Op: "Dropout", Problem: fmt.Sprintf("%g is not a probability", p), Fix: "give 0 to 1"})
	}
	return dropout{p: p}
}

type dropout struct {
	elementwise
	p float64
}

func (d dropout) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	t := x.Value()
	tensor.Check("Dropout", t)
	if !ctx.training() || d.p == 0 {
		return x
	}
	if ctx.Rand == nil {
		panic(&StateError{Problem: "Dropout needs random numbers, and this pass has none", Fix: "set Ctx.Rand"})
	}
	u := tensor.EmptyLike(t)
	ctx.Rand.UniformInto(u)
	kept := tensor.GreaterEqual(u, tensor.ScalarLike(t, d.p))
	if d.p < 1 {
		kept = tensor.Scale(kept, 1/(1-d.p))
	}
	return autograd.Mul(x, autograd.Const(kept))
}

// Scratch implements [Scratcher]: in training.
func (dropout) Scratch(in []int) [][]int { return copies(3, in) }

// Export implements [Exporter].
func (dropout) Export(_ *Graph, x *Value) *Value { return x }

type dropoutSpec struct {
	P float64 `json:"p"`
}

// Describe implements [Describer].
func (d dropout) Describe() (string, any) { return "Dropout", dropoutSpec{d.p} }

func init() {
	Register("Dropout", func(c dropoutSpec) (Module, error) { return Dropout(c.P), nil })
}
