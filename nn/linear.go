package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Linear computes x·Wᵀ + b over the last axis: […, in] to […, out]. Its
// parameters are "weight" [out, in] and "bias" [out], as in PyTorch, and start
// with PyTorch's default, uniform on ±1/√in. It panics with a
// [tensor.ShapeError] if in or out is below 1, or an input does not have in
// features.
func Linear(in, out int, opts ...LinearOption) Module {
	if in < 1 || out < 1 {
		panic(&tensor.ShapeError{Op: "Linear", Shapes: [][]int{{out, in}},
			Problem: "a layer needs at least one input and one output", Fix: "give in ≥ 1 and out ≥ 1"})
	}
	c := linearConfig{weight: TorchDefault(), bias: TorchDefault(), hasBias: true}
	for _, o := range opts {
		o(&c)
	}
	l := &linear{in: in, out: out, weight: NewParam("weight", c.weight, in, out, out, in)}
	if c.hasBias {
		l.bias = NewParam("bias", c.bias, in, out, out)
	}
	return l
}

// LinearOption changes a default of [Linear], and of other layers with a weight.
type LinearOption func(*linearConfig)

type linearConfig struct {
	weight, bias Initializer
	hasBias      bool
}

// WeightInit chooses the weight's first value.
func WeightInit(i Initializer) LinearOption { return func(c *linearConfig) { c.weight = i } }

// BiasInit chooses the bias's first value.
func BiasInit(i Initializer) LinearOption { return func(c *linearConfig) { c.bias = i } }

// NoBias leaves the bias out.
func NoBias() LinearOption { return func(c *linearConfig) { c.hasBias = false } }

// weightInit returns the first value of the weight of a layer without a bias: first,
// unless options choose another. It panics if they are about a bias.
func weightInit(op string, first Initializer, opts []LinearOption) Initializer {
	c := linearConfig{weight: first, hasBias: true}
	for _, o := range opts {
		o(&c)
	}
	if c.bias != nil || !c.hasBias {
		panic(&tensor.ArgumentError{Op: op, Problem: "an option is about a bias, and there is none", Fix: "give WeightInit, or no option"})
	}
	return c.weight
}

type linear struct {
	perSample
	linearInPieces
	in, out      int
	weight, bias *Param // bias may be nil
}

func (l *linear) Params() []*Param {
	if l.bias == nil {
		return []*Param{l.weight}
	}
	return []*Param{l.weight, l.bias}
}

func (l *linear) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	return l.ForwardFused(ctx, x, tensor.Activation{})
}

// ForwardFused implements [Fusing].
func (l *linear) ForwardFused(ctx *Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var {
	return l.forwardAdding(ctx, x, nil, act)
}

// forwardAdding is ForwardFused with add, unless it is nil, added before the
// activation. It has the result's shape.
func (l *linear) forwardAdding(ctx *Ctx, x, add *autograd.Var, act tensor.Activation) *autograd.Var {
	v := x.Value()
	r := v.Rank()
	if r < 1 || v.Dim(-1) != l.in {
		panic(l.misfit(v.Shape()))
	}
	weight := ctx.Var(l.weight)
	var bias *autograd.Var
	if l.bias != nil {
		bias = ctx.Var(l.bias)
	}
	layer := func(x, add *autograd.Var) *autograd.Var {
		if add == nil {
			return autograd.Linear(x, weight, bias, act)
		}
		return autograd.LinearAdd(x, weight, bias, add, act)
	}
	if r == 2 {
		return layer(x, add)
	}
	shape, samples := v.Shape(), v.Len()/l.in
	shape[r-1] = l.out
	if add != nil {
		add = autograd.Reshape(add, samples, l.out)
	}
	return autograd.Reshape(layer(autograd.Reshape(x, samples, l.in), add), shape...)
}

func (l *linear) OutShape(in []int) ([]int, error) {
	if len(in) == 0 || in[len(in)-1] != l.in {
		return nil, l.misfit(in)
	}
	out := slices.Clone(in)
	out[len(out)-1] = l.out
	return out, nil
}

func (l *linear) misfit(in []int) error {
	return misfit(fmt.Sprintf("Linear(%d, %d)", l.in, l.out), in, fmt.Sprintf("the last axis does not hold %d features", l.in), "flatten images first, or change the layer's in")
}

// Push implements [PiecewiseLinear].
func (l *linear) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return rowsAgain(tensor.Linear(rows(v), l.weight.Value(), nil, tensor.Activation{}), v)
}

// Pull implements [PiecewiseLinear].
func (l *linear) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return rowsAgain(tensor.MatMul(rows(g), l.weight.Value()), g)
}

// WeightGrad implements [PiecewiseLinear].
func (l *linear) WeightGrad(g, x, c *tensor.Tensor) []*tensor.Tensor {
	weight := tensor.MatMul(rows(g).T(), rows(x))
	switch {
	case l.bias == nil:
		return []*tensor.Tensor{weight}
	case c == nil:
		return []*tensor.Tensor{weight, tensor.Sum(rows(g), 0)}
	}
	return []*tensor.Tensor{weight, tensor.Sum(rows(sumSamples(c, g)), 0)}
}

// sumSamples returns the sum of g [n, …] over the samples, each times its number in c
// [n, 1], as a batch of one.
func sumSamples(c, g *tensor.Tensor) *tensor.Tensor {
	shape := g.Shape()
	n := shape[0]
	shape[0] = 1
	return tensor.MatMul(c.T(), g.Reshape(n, product(shape))).Reshape(shape...)
}

// rows returns […, features] as [rows, features].
func rows(x *tensor.Tensor) *tensor.Tensor {
	if x.Rank() == 2 {
		return x
	}
	features := x.Dim(-1)
	return x.Reshape(x.Len()/max(features, 1), features)
}

// rowsAgain gives y [rows, features] the leading axes of like.
func rowsAgain(y, like *tensor.Tensor) *tensor.Tensor {
	if like.Rank() == 2 {
		return y
	}
	shape := like.Shape()
	shape[len(shape)-1] = y.Dim(1)
	return y.Reshape(shape...)
}

// Export implements [Exporter].
func (l *linear) Export(g *Graph, x *Value) *Value {
	if len(x.Shape) == 2 && l.bias != nil {
		return g.Op("Gemm", Attrs{"transB": 1}, x, g.Param(l.weight), g.Param(l.bias))
	}
	y := g.Op("MatMul", nil, x, g.Const("weight.transposed", g.Param(l.weight).Const.T()))
	if l.bias != nil {
		y = g.Op("Add", nil, y, g.Param(l.bias))
	}
	return y
}

type linearSpec struct {
	In   int  `json:"in"`
	Out  int  `json:"out"`
	Bias bool `json:"bias"`
}

// Describe implements [Describer].
func (l *linear) Describe() (string, any) { return "Linear", linearSpec{l.in, l.out, l.bias != nil} }

func init() {
	Register("Linear", func(c linearSpec) (Module, error) {
		if !c.Bias {
			return Linear(c.In, c.Out, NoBias()), nil
		}
		return Linear(c.In, c.Out), nil
	})
}
