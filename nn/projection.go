package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Projection is the last layer of a discriminator that judges a sample by its
// features h [n, f] and its condition c [n, k]: output(h) + ⟨embedding(c), h⟩, [n,
// 1] (Miyato and Koyama, "cGANs with projection discriminator", 2018). The first
// term says whether the sample looks real, the second whether it looks like its
// class.
//
//	nn.Projection(nn.Linear(128, 1), nn.Linear(10, 128, nn.NoBias()))
//
// The two are [Linear] layers, within a [SpectralNorm] or not, from f to 1 and from
// k to f, and are called "output" and "embedding". TorchDefault starts the
// embedding of a one-hot with numbers of size 1/√k; WeightInit(Normal(1/√f)) lets
// both terms start alike.
//
// Projection panics with a [StateError] if a part is another module, and with a
// [tensor.ShapeError] if their sizes do not fit; its pass panics with a StateError
// if there is no condition, and with a ShapeError if that is not [n, k].
func Projection(output, embedding Module) Module {
	m := projection{output: newEmbedder("Projection", output), embedding: newEmbedder("Projection", embedding)}
	if o, e := m.output.linear, m.embedding.linear; o.out != 1 || o.in != e.out {
		panic(&tensor.ShapeError{Op: "Projection", Shapes: [][]int{{o.in, o.out}, {e.in, e.out}},
			Problem: "the two layers do not fit", Fix: "give Linear(features, 1) and Linear(size of the condition, features)"})
	}
	return m
}

type projection struct {
	perSample
	output, embedding embedder
}

// ConditionSize implements [Conditioned].
func (m projection) ConditionSize() int { return m.embedding.linear.in }

func (m projection) Children() []Child {
	return []Child{{"output", m.output.module}, {"embedding", m.embedding.module}}
}

func (m projection) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	shape := outShape(m, x)
	c := ctx.condition(m, x, m.embedding.linear.in)
	leave := ctx.enter(0, "output", m.output.module)
	real := m.output.module.Forward(ctx, x)
	leave()
	leave = ctx.enter(0, "embedding", m.embedding.module)
	e := m.embedding.module.Forward(ctx, c)
	leave()
	return autograd.Add(real, autograd.Reshape(autograd.Sum(autograd.Mul(e, x), 1), shape...))
}

func (m projection) name() string {
	return fmt.Sprintf("Projection(%d, %d)", m.output.linear.in, m.embedding.linear.in)
}

func (m projection) OutShape(in []int) ([]int, error) {
	if len(in) != 2 || in[1] != m.output.linear.in {
		return nil, misfit(m.name(), in, fmt.Sprintf("these are not rows of %d features", m.output.linear.in), "flatten or pool images first, or change the layers' sizes")
	}
	return []int{in[0], 1}, nil
}

// Scratch implements [Scratcher]: the condition, its embedding, and the product.
func (m projection) Scratch(in []int) [][]int {
	return append(copies(2, in), []int{in[0], m.embedding.linear.in})
}

// Linearity implements [PiecewiseLinear].
func (m projection) Linearity() Linearity {
	if m.output.plain() && m.embedding.plain() {
		return LinearInPieces
	}
	return Curved
}

// Push implements [PiecewiseLinear]; see boundProjection.
func (m projection) Push(_, _ *tensor.Tensor) *tensor.Tensor { panic(unbound(m.name())) }

// Pull implements [PiecewiseLinear].
func (m projection) Pull(_, _, _ *tensor.Tensor) *tensor.Tensor { panic(unbound(m.name())) }

// WeightGrad implements [PiecewiseLinear].
func (m projection) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor { panic(unbound(m.name())) }

// Bind implements [PassBound].
func (m projection) Bind(ctx *Ctx) PiecewiseLinear { return &boundProjection{projection: m, ctx: ctx} }

// boundProjection is a projection in one pass, in which it is a linear layer with a
// weight for each sample, W + E·c.
type boundProjection struct {
	projection
	ctx *Ctx
	e   *tensor.Tensor // E·c, made once
}

func (m *boundProjection) embedded() *tensor.Tensor {
	if m.e == nil {
		inner := *m.ctx
		inner.Track = false
		m.e = m.embedding.module.Forward(&inner, m.ctx.Condition).Value()
	}
	return m.e
}

// Push implements [PiecewiseLinear].
func (m *boundProjection) Push(y, v *tensor.Tensor) *tensor.Tensor {
	own := tensor.Sum(tensor.Mul(m.embedded(), v), 1).Reshape(v.Dim(0), 1)
	return tensor.Add(m.output.linear.Push(y, v), own)
}

// Pull implements [PiecewiseLinear].
func (m *boundProjection) Pull(x, y, g *tensor.Tensor) *tensor.Tensor {
	return tensor.Add(m.output.linear.Pull(x, y, g), tensor.Mul(m.embedded(), g))
}

// WeightGrad implements [PiecewiseLinear].
func (m *boundProjection) WeightGrad(g, x, c *tensor.Tensor) []*tensor.Tensor {
	gx := tensor.Mul(x, g)
	return append(m.output.linear.WeightGrad(g, x, c), m.embedding.linear.WeightGrad(gx, m.ctx.Condition.Value(), nil)...)
}

// Export implements [Exporter].
func (m projection) Export(g *Graph, x *Value) *Value {
	real, e := g.Part("output", m.output.module, x), g.Part("embedding", m.embedding.module, g.Condition())
	return g.Op("Add", nil, real, g.Op("ReduceSum", Attrs{"axes": []int{1}}, g.Op("Mul", nil, e, x)))
}

type projectionSpec struct {
	Output    Part `json:"output"`
	Embedding Part `json:"embedding"`
}

// Describe implements [Describer].
func (m projection) Describe() (string, any) {
	return "Projection", projectionSpec{Part{m.output.module}, Part{m.embedding.module}}
}

func init() {
	Register("Projection", func(c projectionSpec) (Module, error) {
		return Projection(c.Output.Module, c.Embedding.Module), nil
	})
}
