package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// PReLU applies x where x > 0, else a·x, to each element, with a slope a that is
// learned (He, Zhang, Ren, Sun, "Delving deep into rectifiers: surpassing
// human-level performance on ImageNet classification", 2015). With n = 1 there
// is one slope for inputs of any shape; otherwise each of the n channels of
// [batch, n, …] has its own. Its parameter is "weight" [n], first 0.25; at 0 its
// derivative is a. All this is as in PyTorch. It panics with a [tensor.ShapeError]
// if n is below 1, or an input does not have n channels, and with a
// [tensor.ArgumentError] on an option other than [WeightInit].
func PReLU(n int, opts ...LinearOption) Module {
	if n < 1 {
		panic(&tensor.ShapeError{Op: "PReLU", Shapes: [][]int{{n}}, Problem: "there are no slopes", Fix: "give 1, or the number of channels"})
	}
	return &prelu{n: n, weight: NewParam("weight", weightInit("PReLU", Constant(0.25), opts), 1, 1, n)}
}

// prelu is linear between kinks, but not [PiecewiseLinear]: the gradient by the
// slopes depends on the sign of the input.
type prelu struct {
	perSample
	n      int
	weight *Param
}

func (p *prelu) Params() []*Param { return []*Param{p.weight} }

func (p *prelu) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	along := make([]int, max(len(outShape(p, x))-1, 1)) // [n, 1, …], which broadcasts along axis 1
	for k := range along {
		along[k] = 1
	}
	along[0] = p.n
	slope := autograd.Reshape(ctx.Var(p.weight), along...)
	if p.n == 1 {
		slope = autograd.Reshape(slope)
	}
	return autograd.Apply(leaky{}, x, slope)
}

// leaky is x where x > 0, else x·slope, of a slope that broadcasts to x. Its
// gradient by the slope is 0 above 0, also at +Inf.
type leaky struct{}

func (leaky) Name() string { return "PReLU" }

func (leaky) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.PReLU(in[0], in[1]) }

func (leaky) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	x, slope := b.In(0), b.In(1)
	zero := tensor.FullLike(x.Value(), 0)
	positive := tensor.Greater(x.Value(), zero)
	out := b.Grads()
	if b.Needs(0) {
		out[0] = autograd.Where(positive, gy, autograd.Mul(gy, slope))
	}
	if b.Needs(1) {
		out[1] = autograd.Mul(gy, autograd.Where(positive, autograd.Const(zero), x))
	}
	return out
}

func (p *prelu) OutShape(in []int) ([]int, error) {
	if p.n > 1 && (len(in) < 2 || in[1] != p.n) {
		return nil, misfit(fmt.Sprintf("PReLU(%d)", p.n), in, fmt.Sprintf("the input does not have %d channels", p.n), fmt.Sprintf("give [batch, %d, …], or use PReLU(1)", p.n))
	}
	return in, nil
}

// Scratch implements [Scratcher].
func (*prelu) Scratch(in []int) [][]int { return copies(4, in) }

// Export implements [Exporter].
func (p *prelu) Export(g *Graph, x *Value) *Value {
	slope := g.Param(p.weight)
	if along := len(x.Shape) - 1; p.n > 1 && along > 1 {
		shape := slices.Repeat([]int{1}, along)
		shape[0] = p.n
		slope = g.Const("slope", slope.Const.Reshape(shape...))
	}
	return g.Op("PRelu", nil, x, slope)
}

type preluSpec struct {
	N int `json:"n"`
}

// Describe implements [Describer].
func (p *prelu) Describe() (string, any) { return "PReLU", preluSpec{p.n} }

func init() {
	Register("PReLU", func(c preluSpec) (Module, error) {
		return PReLU(c.N), nil
	})
}
