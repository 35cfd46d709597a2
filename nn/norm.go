package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// BatchNorm1D normalises each of the features of [n, features] or of the
// channels of [n, channels, length] to mean 0 and variance 1 over the batch; see
// [BatchNorm2D].
func BatchNorm1D(features int, opts ...NormOption) Module {
	return newBatchNorm("BatchNorm1D", features, opts)
}

// BatchNorm2D normalises each channel of images [n, channels, h, w] to mean 0
// and variance 1: (x−mean)/√(variance+ε)·weight + bias (Ioffe and Szegedy,
// "Batch normalization: accelerating deep network training by reducing internal
// covariate shift", 2015).
//
// In training, mean and variance are the batch's, and running averages of them
// are kept: at each step they move by the momentum towards the batch's mean and
// its unbiased variance, if the pass collects [Updates]. Otherwise the running
// averages are used, and a sample's output does not depend on its batch. A variance
// that is no number of the type, such as that of float32 numbers about 10²⁰, is
// infinite, and what is divided by its root 0.
//
// Its parameters are "weight" (first 1) and "bias" (first 0) [channels]; its
// buffers "running_mean" (first 0), "running_var" (first 1) and
// "num_batches_tracked", all as in PyTorch, and so are ε = 1e-5 and the momentum
// 0.1. It panics with a [tensor.ShapeError] if an input does not fit, and in
// training if it has only one number per channel.
func BatchNorm2D(channels int, opts ...NormOption) Module {
	return newBatchNorm("BatchNorm2D", channels, opts)
}

// LayerNorm normalises each sample over its last axes, which have the given
// shape: (x−mean)/√(variance+ε)·weight + bias (Ba, Kiros, Hinton, "Layer
// normalization", 2016). "weight" (first 1) and "bias" (first 0) have that
// shape. ε is 1e-5. It panics with a [tensor.ShapeError] if the shape is empty, or
// an input's shape does not end in it.
func LayerNorm(shape []int, opts ...NormOption) Module {
	if len(shape) == 0 {
		panic(&tensor.ShapeError{Op: "LayerNorm", Shapes: [][]int{{}}, Problem: "there is nothing to normalise over", Fix: "give at least one dim"})
	}
	return &layerNorm{norm: newNorm("LayerNorm", shape, true, opts)}
}

// GroupNorm divides the channels of [n, channels, …] into groups and normalises
// each group of each sample: (x−mean)/√(variance+ε)·weight + bias (Wu and He,
// "Group normalization", 2018). "weight" (first 1) and "bias" (first 0) have
// one number per channel. ε is 1e-5. It panics with a [tensor.ShapeError] if the
// channels are not a multiple of the groups, or an input does not fit.
func GroupNorm(groups, channels int, opts ...NormOption) Module {
	if groups < 1 || channels < 1 || channels%groups != 0 {
		panic(&tensor.ShapeError{Op: "GroupNorm", Shapes: [][]int{{channels}},
			Problem: fmt.Sprintf("%d channels are not divisible into %d groups", channels, groups), Fix: "give channels that are a multiple of the groups"})
	}
	return &groupNorm{norm: newNorm("GroupNorm", []int{channels}, true, opts), groups: groups}
}

// InstanceNorm2D normalises each channel of each image of [n, channels, h, w]:
// (x−mean)/√(variance+ε) (Ulyanov, Vedaldi, Lempitsky, "Instance normalization:
// the missing ingredient for fast stylization", 2016). As in PyTorch, ε is 1e-5,
// and there are no weight and bias unless asked for by [Affine](true). It panics
// with a [tensor.ShapeError] if an input does not fit.
func InstanceNorm2D(channels int, opts ...NormOption) Module {
	return &instanceNorm{norm: newNorm("InstanceNorm2D", []int{channels}, false, opts)}
}

// NormOption changes a default of a normalisation: [Eps], [Momentum] or [Affine].
type NormOption interface{ applyToNorm(*normConfig) }

type normOption func(*normConfig)

func (o normOption) applyToNorm(c *normConfig) { o(c) }

type normConfig struct {
	eps, momentum float64
	affine        bool
}

// Eps keeps divisors away from zero: a normalisation adds eps to the variance, and
// in [SpectralNorm] a vector's length counts as eps at least. The layer panics with a
// [tensor.ArgumentError] if it is negative or not finite.
func Eps(eps float64) EpsOption { return EpsOption{eps} }

// EpsOption is what [Eps] returns: a [NormOption] and a [SpectralOption].
type EpsOption struct{ eps float64 }

func (o EpsOption) applyToNorm(c *normConfig)         { c.eps = o.eps }
func (o EpsOption) applyToSpectral(c *spectralConfig) { c.eps = o.eps }

// Momentum is how far the running averages of [BatchNorm2D] move towards a batch's
// statistics at each step, from 0, not at all, to 1, all the way. The default is
// 0.1. The layer panics with a [tensor.ArgumentError] if it is anything else.
func Momentum(m float64) NormOption { return normOption(func(c *normConfig) { c.momentum = m }) }

// Affine says whether a learned weight and bias follow the normalisation.
func Affine(on bool) NormOption { return normOption(func(c *normConfig) { c.affine = on }) }

// norm is what the normalisations have in common.
type norm struct {
	kind string
	normConfig
	shape        []int  // of weight and bias
	weight, bias *Param // nil if not affine
}

func newNorm(kind string, shape []int, affine bool, opts []NormOption) norm {
	if slices.Min(shape) < 1 {
		panic(&tensor.ShapeError{Op: kind, Shapes: [][]int{slices.Clone(shape)}, Problem: "there is nothing to normalise", Fix: "give dims of 1 or more"})
	}
	n := norm{kind: kind, normConfig: normConfig{1e-5, 0.1, affine}, shape: slices.Clone(shape)}
	for _, o := range opts {
		o.applyToNorm(&n.normConfig)
	}
	if !(n.eps >= 0 && n.eps <= math.MaxFloat64) {
		panic(&tensor.ArgumentError{Op: kind, Problem: fmt.Sprintf("ε = %g is not possible", n.eps), Fix: "give a small number, such as 1e-5"})
	}
	if !(n.momentum >= 0 && n.momentum <= 1) {
		panic(&tensor.ArgumentError{Op: kind, Problem: fmt.Sprintf("a momentum of %g is not possible", n.momentum), Fix: "give 0 to 1, such as 0.1"})
	}
	if n.affine {
		n.weight, n.bias = NewParam("weight", Constant(1), 1, 1, shape...), NewParam("bias", Constant(0), 1, 1, shape...)
	}
	return n
}

func (n *norm) Params() []*Param {
	if !n.affine {
		return nil
	}
	return []*Param{n.weight, n.bias}
}

// scaled applies weight and bias, which are brought to the given shape.
func (n *norm) scaled(ctx *Ctx, x *autograd.Var, shape ...int) *autograd.Var {
	if !n.affine {
		return x
	}
	weight, bias := autograd.Reshape(ctx.Var(n.weight), shape...), autograd.Reshape(ctx.Var(n.bias), shape...)
	return autograd.Add(autograd.Mul(x, weight), bias)
}

// normalised returns (x−mean)/√(variance+ε) over some axes, with mean and
// variance, in which these axes have dim 1.
func (n *norm) normalised(x *autograd.Var, axes ...int) (y, mean, variance *autograd.Var) {
	kept := x.Shape()
	for _, a := range axes {
		kept[a] = 1
	}
	mean = autograd.Reshape(autograd.Mean(x, axes...), kept...)
	centred := autograd.Sub(x, mean)
	variance = autograd.Reshape(autograd.Mean(autograd.Square(centred), axes...), kept...)
	return autograd.Mul(centred, n.inverse(variance)), mean, variance
}

// standardised returns (x−mean)/√(variance+ε) over some axes.
func (n *norm) standardised(x *autograd.Var, axes ...int) *autograd.Var {
	o := standardise{n.eps, axes}
	return autograd.Apply(o, x, autograd.Apply(inverseDeviation{o}, x))
}

// standardise is y = (x−mean)·s over some axes, of x and s, which is
// [inverseDeviation]; gradient s·(gy − mean(gy) − y·mean(gy·y)) by x. It is that
// of y as a function of x alone, so s has none.
type standardise struct {
	eps  float64
	axes []int
}

func (standardise) Name() string { return "Standardise" }

func (o standardise) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Standardise(in[0], in[1], o.axes...)
}

func (o standardise) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	out := b.Grads()
	out[0] = autograd.Apply(standardiseGrad{o}, gy, b.Out(), b.In(1))
	return out
}

// standardiseGrad is s·(gy − mean(gy) − y·mean(gy·y)) over some axes, of gy, y and s.
// For the gradient g by it, the gradients are
//
//	s·(g − mean(g) − y·mean(g·y)), −s·(g·mean(gy·y) + gy·mean(g·y)) and Σ g·(gy − mean(gy) − y·mean(gy·y)).
type standardiseGrad struct{ standardise }

func (standardiseGrad) Name() string { return "StandardiseGrad" }

func (o standardiseGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.StandardiseGrad(in[0], in[1], in[2], o.axes...)
}

func (o standardiseGrad) VJP(b *autograd.Back, g *autograd.Var) []*autograd.Var {
	gy, y, s, out := b.In(0), b.In(1), b.In(2), b.Grads()
	if b.Needs(0) {
		out[0] = autograd.Apply(o, g, y, s)
	}
	if !b.Needs(1) && !b.Needs(2) {
		return out
	}
	m := o.mean(autograd.Mul(gy, y))
	if b.Needs(1) {
		sum := autograd.Add(autograd.Mul(g, m), autograd.Mul(gy, o.mean(autograd.Mul(g, y))))
		out[1] = autograd.Mul(autograd.Neg(sum), s)
	}
	if b.Needs(2) {
		out[2] = autograd.Mul(g, autograd.Sub(autograd.Sub(gy, o.mean(gy)), autograd.Mul(y, m)))
	}
	return out // the engine sums the last
}

// kept is x's shape in which the axes have dim 1, and size the numbers along them.
func (o standardise) kept(x *tensor.Tensor) (shape []int, size float64) {
	shape, size = x.Shape(), 1
	for _, a := range o.axes {
		size *= float64(shape[a])
		shape[a] = 1
	}
	return shape, size
}

func (o standardise) mean(x *autograd.Var) *autograd.Var {
	shape, _ := o.kept(x.Value())
	return autograd.Reshape(autograd.Mean(x, o.axes...), shape...)
}

// inverseDeviation is s = 1/√(variance+ε) over some axes; gradient −gy·s²·y/size by
// x, y being [standardise].
type inverseDeviation struct{ standardise }

func (inverseDeviation) Name() string { return "InverseDeviation" }

func (o inverseDeviation) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.InverseDeviation(in[0], o.eps, o.axes...)
}

func (o inverseDeviation) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	x, s := b.In(0), b.Out()
	_, size := o.kept(x.Value())
	y := autograd.Apply(o.standardise, x, s)
	out := b.Grads()
	out[0] = autograd.Mul(y, autograd.Scale(autograd.Mul(gy, autograd.Square(s)), -1/size))
	return out
}

// inverse is 1/√(variance+ε).
func (n *norm) inverse(variance *autograd.Var) *autograd.Var {
	return autograd.Reciprocal(autograd.Sqrt(autograd.Shift(variance, n.eps)))
}

func (n *norm) misfit(in []int, want string) error {
	return misfit(fmt.Sprintf("%s%v", n.kind, n.shape), in, "the input does not fit the layer", "give "+want)
}

// along is the shape by which a value per channel meets [n, channels, …].
func (n *norm) along(rank int) []int {
	shape := make([]int, rank-1)
	for k := range shape {
		shape[k] = 1
	}
	shape[0] = n.shape[0]
	return shape
}

// Scratch implements [Scratcher].
func (norm) Scratch(in []int) [][]int { return copies(7, in) }

type batchNorm struct {
	norm
	mean, variance, batches *Param // running
}

func newBatchNorm(kind string, channels int, opts []NormOption) Module {
	return &batchNorm{newNorm(kind, []int{channels}, true, opts),
		NewBuffer("running_mean", Constant(0), channels), NewBuffer("running_var", Constant(1), channels),
		NewBuffer("num_batches_tracked", Constant(0))}
}

func (b *batchNorm) Params() []*Param { return append(b.norm.Params(), b.mean, b.variance, b.batches) }

func (b *batchNorm) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	shape := x.Shape()
	outShape(b, x)
	along := b.along(len(shape))
	if !ctx.training() {
		centred := autograd.Sub(x, autograd.Reshape(ctx.Var(b.mean), along...))
		return b.scaled(ctx, autograd.Mul(centred, b.inverse(autograd.Reshape(ctx.Var(b.variance), along...))), along...)
	}
	each := product(shape) / shape[1] // numbers per channel
	if each == 1 {
		panic(&tensor.ShapeError{Op: fmt.Sprintf("%s%v", b.kind, b.shape), Shapes: [][]int{shape},
			Problem: "there is only one number per channel to normalise over", Fix: "train with larger batches"})
	}
	axes := []int{0, 2, 3}[:len(shape)-1]
	y, mean, variance := b.normalised(x, axes...)
	if u := ctx.updates(); u != nil && each > 0 {
		unbiased := autograd.Scale(variance.Detach(), float64(each)/float64(each-1))
		u.Add(b.mean, moveTowards(autograd.Reshape(mean.Detach(), b.shape...), u.part(b.momentum)))
		u.Add(b.variance, moveTowards(autograd.Reshape(unbiased, b.shape...), u.part(b.momentum)))
		if u.Average == 0 {
			u.Add(b.batches, func(n *tensor.Tensor) {
				more := n
				if s := mean.Value().Scope(); s != nil {
					more = s.Adopt(n) // so that the sum has the same place step after step
				}
				n.CopyFrom(tensor.Shift(more, 1))
			})
		}
	}
	return b.scaled(ctx, y, along...)
}

func (b *batchNorm) OutShape(in []int) ([]int, error) {
	switch {
	case b.kind == "BatchNorm2D" && (len(in) != 4 || in[1] != b.shape[0]):
		return nil, b.misfit(in, fmt.Sprintf("[n, %d, height, width]", b.shape[0]))
	case b.kind == "BatchNorm1D" && (len(in) != 2 && len(in) != 3 || in[1] != b.shape[0]):
		return nil, b.misfit(in, fmt.Sprintf("[n, %d] or [n, %d, length]", b.shape[0], b.shape[0]))
	}
	return in, nil
}

// MixesBatch implements [BatchMixer].
func (*batchNorm) MixesBatch() bool { return true }

type layerNorm struct {
	perSample
	norm
}

func (l *layerNorm) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	shape := x.Shape()
	outShape(l, x)
	var axes []int
	for k := len(shape) - len(l.shape); k < len(shape); k++ {
		axes = append(axes, k)
	}
	return l.scaled(ctx, l.standardised(x, axes...), l.shape...)
}

func (l *layerNorm) OutShape(in []int) ([]int, error) {
	if first := len(in) - len(l.shape); first < 0 || !slices.Equal(in[first:], l.shape) {
		return nil, l.misfit(in, fmt.Sprintf("a shape that ends in %v", l.shape))
	}
	return in, nil
}

type groupNorm struct {
	perSample
	norm
	groups int
}

func (g *groupNorm) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	shape := x.Shape()
	outShape(g, x)
	rows := product(shape[2:]) * g.shape[0] / g.groups
	y := g.standardised(autograd.Reshape(x, shape[0], g.groups, rows), 2)
	return g.scaled(ctx, autograd.Reshape(y, shape...), g.along(len(shape))...)
}

func (g *groupNorm) OutShape(in []int) ([]int, error) {
	if len(in) < 2 || in[1] != g.shape[0] {
		return nil, g.misfit(in, fmt.Sprintf("[n, %d, …]", g.shape[0]))
	}
	return in, nil
}

type instanceNorm struct {
	perSample
	norm
}

func (i *instanceNorm) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	outShape(i, x)
	return i.scaled(ctx, i.standardised(x, 2, 3), i.along(4)...)
}

func (i *instanceNorm) OutShape(in []int) ([]int, error) {
	if len(in) != 4 || in[1] != i.shape[0] {
		return nil, i.misfit(in, fmt.Sprintf("[n, %d, height, width]", i.shape[0]))
	}
	return in, nil
}

// exportScaled applies weight and bias, which are brought to the given shape.
func (n *norm) exportScaled(g *Graph, x *Value, shape ...int) *Value {
	if !n.affine {
		return x
	}
	weight, bias := g.Param(n.weight).Const.Reshape(shape...), g.Param(n.bias).Const.Reshape(shape...)
	return g.Op("Add", nil, g.Op("Mul", nil, x, g.Const("weight", weight)), g.Const("bias", bias))
}

// exportStandardised normalises each of so many channels of x [n, channels, …].
func (n *norm) exportStandardised(g *Graph, x *Value, channels int) *Value {
	one, zero := g.Const("one", tensor.Full(g.DType, 1, channels)), g.Const("zero", tensor.Full(g.DType, 0, channels))
	return g.Op("InstanceNormalization", Attrs{"epsilon": n.eps}, x, one, zero)
}

// Export implements [Exporter].
func (b *batchNorm) Export(g *Graph, x *Value) *Value {
	weight, bias := g.Const("one", tensor.Full(g.DType, 1, b.shape...)), g.Const("zero", tensor.Full(g.DType, 0, b.shape...))
	if b.affine {
		weight, bias = g.Param(b.weight), g.Param(b.bias)
	}
	// ONNX's reference evaluator moves mean and variance towards those of the batch by
	// 1−momentum, though neither is an output: of ONNX's default of 0.9, a tenth.
	return g.Op("BatchNormalization", Attrs{"epsilon": b.eps, "momentum": 1.0}, x, weight, bias, g.Param(b.mean), g.Param(b.variance))
}

// Export implements [Exporter].
func (l *layerNorm) Export(g *Graph, x *Value) *Value {
	rows := g.Op("Reshape", nil, x, g.Ints("rows", -1, 1, product(l.shape)))
	y := l.exportStandardised(g, rows, 1)
	return l.exportScaled(g, g.Op("Reshape", nil, y, g.Ints("shape", append([]int{-1}, x.Shape[1:]...)...)), l.shape...)
}

// Export implements [Exporter].
func (n *groupNorm) Export(g *Graph, x *Value) *Value {
	y := n.exportStandardised(g, g.Reshape(x, n.groups, product(x.Shape[1:])/n.groups), n.groups)
	return n.exportScaled(g, g.Reshape(y, x.Shape[1:]...), n.along(len(x.Shape))...)
}

// Export implements [Exporter].
func (i *instanceNorm) Export(g *Graph, x *Value) *Value {
	return i.exportScaled(g, i.exportStandardised(g, x, i.shape[0]), i.along(4)...)
}

type normSpec struct {
	Shape    []int    `json:"shape"`
	Groups   int      `json:"groups,omitzero"`
	Eps      float64  `json:"eps"`
	Momentum *float64 `json:"momentum,omitempty"` // BatchNorm's
	Affine   bool     `json:"affine"`
}

func (n *norm) spec() normSpec { return normSpec{Shape: n.shape, Eps: n.eps, Affine: n.affine} }

// Describe implements [Describer].
func (b *batchNorm) Describe() (string, any) {
	s := b.spec()
	s.Momentum = &b.momentum
	return b.kind, s
}

// Describe implements [Describer].
func (l *layerNorm) Describe() (string, any) { return l.kind, l.spec() }

// Describe implements [Describer].
func (g *groupNorm) Describe() (string, any) {
	s := g.spec()
	s.Groups = g.groups
	return g.kind, s
}

// Describe implements [Describer].
func (i *instanceNorm) Describe() (string, any) { return i.kind, i.spec() }

func init() {
	for kind, build := range map[string]func(c normSpec, channels int, opts []NormOption) Module{
		"BatchNorm1D": func(_ normSpec, channels int, opts []NormOption) Module { return BatchNorm1D(channels, opts...) },
		"BatchNorm2D": func(_ normSpec, channels int, opts []NormOption) Module { return BatchNorm2D(channels, opts...) },
		"LayerNorm":   func(c normSpec, _ int, opts []NormOption) Module { return LayerNorm(c.Shape, opts...) },
		"GroupNorm": func(c normSpec, channels int, opts []NormOption) Module {
			return GroupNorm(c.Groups, channels, opts...)
		},
		"InstanceNorm2D": func(_ normSpec, channels int, opts []NormOption) Module { return InstanceNorm2D(channels, opts...) },
	} {
		Register(kind, func(c normSpec) (Module, error) {
			if len(c.Shape) == 0 {
				return nil, fmt.Errorf("normalising over %v is not possible", c.Shape)
			}
			opts := []NormOption{Eps(c.Eps), Affine(c.Affine)}
			if c.Momentum != nil {
				opts = append(opts, Momentum(*c.Momentum))
			}
			return build(c, c.Shape[0], opts), nil
		})
	}
}
