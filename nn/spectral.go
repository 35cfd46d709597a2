package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// SpectralNorm makes a layer run with W/σ in place of its weight W, where σ is
// W's largest singular value: a linear layer then moves no two outputs further
// apart than their inputs are (Miyato et al., "Spectral normalization for
// generative adversarial networks", 2018). W counts as a matrix with a row for
// each output. Outputs are axis 0 of the weight, unless the layer has a method
// OutputAxis() int that names another one, as that of [ConvTranspose2D] names 1.
//
// The largest singular value comes from the power method: vectors u and v are
// buffers of the network, and σ = uᵀWv. A training pass first does an iteration,
// u ← Wv/‖Wv‖ and then v ← Wᵀu/‖Wᵀu‖, and uses the result; if it collects
// [Updates], it also asks for the new u and v to be kept. So all passes of a step
// start from the same vectors and, while W is the same, compute the same function;
// the vectors of the last pass stay. In PyTorch they change at every pass.
// Evaluation uses the vectors as they are and changes nothing. Gradients of any
// order treat u and v as constants, but not the W in σ. If the weights change faster
// than the vectors follow, W/σ stretches by a few hundredths more than 1.
//
// [Init] starts with a random v and does 15 iterations, and so does SpectralNorm
// itself on a layer that has weights already. A weight of zeros becomes NaN.
//
// The parameters are the layer's own, but the weight is now called
// "parametrizations.weight.original"; the buffers are
// "parametrizations.weight.0._u" [rows] and "parametrizations.weight.0._v"
// [columns]. These names, and the defaults, one iteration and [Eps] of 1e-12, are
// those of PyTorch's parametrizations.spectral_norm.
//
// The layer may be any that has a "weight" of rank 2 or more and no parts, of this
// package or your own. Do not use the wrapped layer by itself afterwards.
// SpectralNorm panics with a [StateError] on other layers and if the weight is
// normalised already, and with a [tensor.ArgumentError] if there is not one iteration
// or more, up to a thousand, or ε is negative or not finite.
func SpectralNorm(layer Module, opts ...SpectralOption) Module {
	n := &spectralNorm{layer: layer, spectralConfig: spectralConfig{iterations: 1, eps: 1e-12}, weight: ownWeight(layer)}
	for _, o := range opts {
		o.applyToSpectral(&n.spectralConfig)
	}
	if n.iterations < 1 || n.iterations > maxIterations || !(n.eps >= 0 && n.eps <= math.MaxFloat64) {
		panic(&tensor.ArgumentError{Op: "SpectralNorm", Problem: fmt.Sprintf("%d power iterations with ε = %g are not possible", n.iterations, n.eps),
			Fix: fmt.Sprintf("give 1 to %d iterations, and an ε of 0 or more", maxIterations)})
	}
	if o, ok := layer.(interface{ OutputAxis() int }); ok {
		n.axis = o.OutputAxis()
	}
	rows := n.weight.shape[n.axis]
	n.weight.name = "parametrizations.weight.original"
	n.u = NewBuffer("parametrizations.weight.0._u", Constant(0), rows)
	n.v = NewBuffer("parametrizations.weight.0._v", n.start, n.weight.len()/max(rows, 1))
	if w := n.weight.Value(); w != nil {
		allocate([]NamedParam{{n.u.name, n.u}, {n.v.name, n.v}}, w.DType(), w.Device())
		n.v.init(n.v.Value(), 1, 1, tensor.NewStream(0, "init"))
	}
	return n
}

// maxIterations is the most iterations of a pass: a description that asks for
// millions would make of its first step one that does not end.
const maxIterations = 1000

// SpectralOption changes a default of [SpectralNorm]: [PowerIterations] or [Eps].
type SpectralOption interface{ applyToSpectral(*spectralConfig) }

// PowerIterations is how many iterations of the power method [SpectralNorm] does
// in each pass of training.
func PowerIterations(n int) SpectralOption {
	return spectralOption(func(c *spectralConfig) { c.iterations = n })
}

type spectralConfig struct {
	iterations int
	eps        float64
}

type spectralOption func(*spectralConfig)

func (o spectralOption) applyToSpectral(c *spectralConfig) { o(c) }

// ownWeight returns the weight that a layer is to be normalised by.
func ownWeight(layer Module) *Param {
	refuse := func(problem, fix string) {
		panic(&StateError{Problem: "SpectralNorm of " + kindOf(layer) + ": " + problem, Fix: fix})
	}
	if _, is := layer.(Parent); is {
		refuse("a module with parts has no weight of its own", "wrap the layers that it is made of")
	}
	var params []*Param
	if o, is := layer.(Owner); is {
		params = o.Params()
	}
	for _, p := range params {
		switch {
		case p.name == "parametrizations.weight.original":
			refuse("the weight is normalised already", "wrap the layer once")
		case p.name == "weight" && len(p.shape) < 2:
			refuse(fmt.Sprintf("its weight%v is not a matrix", p.shape), "wrap linear layers and convolutions")
		case p.name == "weight":
			return p
		}
	}
	refuse("it has no weight", "wrap linear layers and convolutions")
	return nil
}

type spectralNorm struct {
	layer Module
	spectralConfig
	weight, u, v *Param
	axis         int // of the weight, which the rows of its matrix are
}

func (n *spectralNorm) Params() []*Param {
	return append(slices.Clone(n.layer.(Owner).Params()), n.u, n.v) // v starts when the weight is there
}

func (n *spectralNorm) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	return n.layer.Forward(n.Pass(ctx, x), x)
}

// Unwrap implements [Wrapper].
func (n *spectralNorm) Unwrap() Module { return n.layer }

// Pass implements [Wrapper]: the layer sees the normalised weight.
func (n *spectralNorm) Pass(ctx *Ctx, x *autograd.Var) *Ctx {
	weight := ctx.Var(n.weight)
	matrix := n.matrix(weight)
	u, v := column(x, ctx.Var(n.u)), column(x, ctx.Var(n.v))
	if ctx.training() {
		newU, newV := n.iterate(matrix.Value(), v.Value(), n.iterations)
		ctx.updates().Add(n.u, replaceBy(newU))
		ctx.updates().Add(n.v, replaceBy(newV))
		u, v = autograd.Const(newU), autograd.Const(newV)
	}
	sigma := autograd.MatMul(autograd.Transpose(u), autograd.MatMul(matrix, v))
	return ctx.Replace(n.weight, autograd.Mul(weight, autograd.Reciprocal(autograd.Reshape(sigma))))
}

// matrix returns the weight as [rows, columns].
func (n *spectralNorm) matrix(weight *autograd.Var) *autograd.Var {
	if n.axis != 0 {
		order := []int{n.axis}
		for k := range n.weight.shape {
			if k != n.axis {
				order = append(order, k)
			}
		}
		weight = autograd.Permute(weight, order...)
	}
	return autograd.Reshape(weight, n.u.shape[0], n.v.shape[0])
}

// iterate moves v, and with it u, towards the singular vectors [., 1] of the
// matrix w that belong to its largest singular value.
func (n *spectralNorm) iterate(w, v *tensor.Tensor, times int) (u, newV *tensor.Tensor) {
	for range times {
		u = n.unit(tensor.MatMul(w, v))
		v = n.unit(tensor.MatMul(u.T(), w).T()) // faster than Wᵀu
	}
	return u, v
}

// unit returns x in length 1. The square of its length may be no number of x's type.
func (n *spectralNorm) unit(x *tensor.Tensor) *tensor.Tensor {
	length := tensor.Norm([]*tensor.Tensor{x}).Cast(x.DType())
	return tensor.Div(x, tensor.Clamp(length, n.eps, math.Inf(1)))
}

// start is the [Initializer] of v, and writes u as well.
func (n *spectralNorm) start(v *tensor.Tensor, _, _ int, random *tensor.Stream) {
	first := n.unit(random.Normal(v.DType(), v.Len(), 1).To(v.Device()))
	newU, newV := n.iterate(n.matrix(n.weight.constant).Value(), first, 15)
	replaceBy(newU)(n.u.Value())
	replaceBy(newV)(v)
}

// column returns a vector as [n, 1]. A constant one comes to live in x's scope,
// and with it whatever is computed from it.
func column(x, vector *autograd.Var) *autograd.Var {
	if s := x.Value().Scope(); s != nil && !vector.Tracked() {
		vector = autograd.Const(s.Adopt(vector.Value()))
	}
	return autograd.Reshape(vector, vector.Value().Len(), 1)
}

// replaceBy returns a change that writes a vector [n, 1].
func replaceBy(column *tensor.Tensor) func(value *tensor.Tensor) {
	return func(value *tensor.Tensor) { value.CopyFrom(column.Reshape(value.Shape()...)) }
}

func (n *spectralNorm) OutShape(in []int) ([]int, error) { return OutShape(n.layer, in) }

type spectralSpec struct {
	Layer      Part    `json:"layer"`
	Iterations int     `json:"iterations"`
	Eps        float64 `json:"eps"`
}

// Describe implements [Describer].
func (n *spectralNorm) Describe() (string, any) {
	return "SpectralNorm", spectralSpec{Part{n.layer}, n.iterations, n.eps}
}

func init() {
	Register("SpectralNorm", func(c spectralSpec) (Module, error) {
		return SpectralNorm(c.Layer.Module, PowerIterations(c.Iterations), Eps(c.Eps)), nil
	})
}
