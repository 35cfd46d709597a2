package nn

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// ConcatCondition puts the pass's condition c, of size numbers for each sample,
// times scale beside its input: rows [n, f] become [n, f+size], and images [n, c,
// h, w] get size more channels, each of one value (Mirza and Osindero,
// "Conditional generative adversarial nets", 2014). In a generator it comes first,
// beside the latent vector; in a discriminator beside the input or, which works
// better, beside the features of a hidden layer.
//
// The scale says how loud a one-hot is among the features: 1 is like a feature of
// variance 1, and more is heard sooner. No gradient flows to the condition unless
// it is tracked. ConcatCondition panics with a [tensor.ArgumentError] if size is
// below 1, or the scale is 0 or not finite; its pass with a [StateError] if there
// is no condition, and with a [tensor.ShapeError] if that is not [n, size].
func ConcatCondition(size int, scale float64) Module {
	if size < 1 || scale == 0 || math.IsNaN(scale) || math.IsInf(scale, 0) {
		panic(&tensor.ArgumentError{Op: "ConcatCondition", Problem: fmt.Sprintf("a condition of %d numbers times %g is not possible", size, scale),
			Fix: "give 1 number or more, and a scale such as 1"})
	}
	return &concatCondition{size: size, scale: scale}
}

type concatCondition struct {
	perSample
	linearInPieces
	weightless
	size  int
	scale float64
}

// ConditionSize implements [Conditioned].
func (m *concatCondition) ConditionSize() int { return m.size }

func (m *concatCondition) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	if x.Value().Rank() < 2 {
		outShape(m, x) // panics
	}
	return beside(x, m.features(ctx, x))
}

// features returns the condition as it is put beside x.
func (m *concatCondition) features(ctx *Ctx, x *autograd.Var) *autograd.Var {
	c := ctx.condition(m, x, m.size)
	if m.scale != 1 {
		c = autograd.Scale(c, m.scale)
	}
	return c
}

func (m *concatCondition) name() string {
	return fmt.Sprintf("ConcatCondition(%d, %g)", m.size, m.scale)
}

func (m *concatCondition) OutShape(in []int) ([]int, error) { return widened(m, in, m.size) }

// Push implements [PiecewiseLinear].
func (m *concatCondition) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return tensor.Pad(v, 1, 0, 1, v.Dim(1)+m.size)
}

// Pull implements [PiecewiseLinear].
func (*concatCondition) Pull(x, _, g *tensor.Tensor) *tensor.Tensor {
	return firstFeatures(g, x.Dim(1))
}

// Export implements [Exporter].
func (m *concatCondition) Export(g *Graph, x *Value) *Value {
	c := g.Condition()
	if m.scale != 1 {
		c = g.Op("Mul", nil, c, g.Scalar(m.scale))
	}
	return exportBeside(g, x, c, m.size)
}

type concatConditionSpec struct {
	Size  int     `json:"size"`
	Scale float64 `json:"scale"`
}

// Describe implements [Describer].
func (m *concatCondition) Describe() (string, any) {
	return "ConcatCondition", concatConditionSpec{m.size, m.scale}
}

func init() {
	Register("ConcatCondition", func(c concatConditionSpec) (Module, error) {
		return ConcatCondition(c.Size, c.Scale), nil
	})
}
