package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// EmbedCondition is [ConcatCondition] of what a linear layer makes of the pass's
// condition c: x becomes [x, E·c], with as many more features or channels as the
// layer has outputs. Of a one-hot E·c is the column of E that belongs to the class,
// its embedding, which is learned:
//
//	nn.EmbedCondition(nn.Linear(10, 50, nn.NoBias(), nn.WeightInit(nn.Normal(1))))
//
// The layer is called "embedding". EmbedCondition panics with a [StateError] unless
// it is a [Linear], within a [SpectralNorm] or not; its pass as that of
// ConcatCondition.
func EmbedCondition(embedding Module) Module {
	return embedCondition{embedder: newEmbedder("EmbedCondition", embedding)}
}

type embedCondition struct {
	perSample
	embedder
}

// ConditionSize implements [Conditioned].
func (m embedCondition) ConditionSize() int { return m.linear.in }

func (m embedCondition) Children() []Child { return []Child{{"embedding", m.module}} }

func (m embedCondition) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	outShape(m, x)
	c := ctx.condition(m, x, m.linear.in)
	defer ctx.enter(0, "embedding", m.module)()
	return beside(x, m.module.Forward(ctx, c))
}

func (m embedCondition) name() string {
	return fmt.Sprintf("EmbedCondition(Linear(%d, %d))", m.linear.in, m.linear.out)
}

func (m embedCondition) OutShape(in []int) ([]int, error) { return widened(m, in, m.linear.out) }

// Scratch implements [Scratcher]: the condition and what becomes of it.
func (m embedCondition) Scratch(in []int) [][]int {
	return [][]int{{in[0], m.linear.in}, {in[0], m.linear.out}}
}

// Linearity implements [PiecewiseLinear].
func (m embedCondition) Linearity() Linearity {
	if m.plain() {
		return LinearInPieces
	}
	return Curved
}

// Push implements [PiecewiseLinear].
func (m embedCondition) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return tensor.Pad(v, 1, 0, 1, v.Dim(1)+m.linear.out)
}

// Pull implements [PiecewiseLinear].
func (embedCondition) Pull(x, _, g *tensor.Tensor) *tensor.Tensor {
	return firstFeatures(g, x.Dim(1))
}

// WeightGrad implements [PiecewiseLinear]; see boundEmbedCondition.
func (m embedCondition) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor { panic(unbound(m.name())) }

// Bind implements [PassBound].
func (m embedCondition) Bind(ctx *Ctx) PiecewiseLinear { return boundEmbedCondition{m, ctx} }

// boundEmbedCondition is an embedCondition in one pass.
type boundEmbedCondition struct {
	embedCondition
	ctx *Ctx
}

// WeightGrad implements [PiecewiseLinear]. The embedding adds to the output as a
// bias does: what the derivative by x is does not depend on it.
func (m boundEmbedCondition) WeightGrad(g, _, c *tensor.Tensor) []*tensor.Tensor {
	f := g.Dim(1)
	g = g.Slice(1, f-m.linear.out, f)
	var pixels []int
	for k := 2; k < g.Rank(); k++ {
		pixels = append(pixels, k)
	}
	if len(pixels) > 0 {
		g = tensor.Sum(g, pixels...)
	}
	if c != nil {
		g = tensor.Mul(c, g)
	}
	return m.linear.WeightGrad(g.Contiguous(), m.ctx.Condition.Value(), nil)
}

// unbound is the error of asking a [PassBound] module that is not bound.
func unbound(layer string) error {
	return &StateError{Problem: layer + " does not know its pass", Fix: "call Bind first"}
}

// Export implements [Exporter].
func (m embedCondition) Export(g *Graph, x *Value) *Value {
	return exportBeside(g, x, g.Part("embedding", m.module, g.Condition()), m.linear.out)
}

type embedConditionSpec struct {
	Embedding Part `json:"embedding"`
}

// Describe implements [Describer].
func (m embedCondition) Describe() (string, any) {
	return "EmbedCondition", embedConditionSpec{Part{m.module}}
}

func init() {
	Register("EmbedCondition", func(c embedConditionSpec) (Module, error) {
		return EmbedCondition(c.Embedding.Module), nil
	})
}
