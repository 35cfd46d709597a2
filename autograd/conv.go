package autograd

import "github.com/gander-ml/gander/tensor"

// Conv2D returns y = act(conv(x, w) + b) for images x [n, in, h, w], a weight w
// [out, in/groups, kh, kw] and a bias b [out] or nil, in one pass; see
// [tensor.Conv2D]. y is [n, out, oh, ow]. An activation that does not fuse, see
// [tensor.Activation.Fuses], takes a second pass. The gradient is
// [Conv2DInputGrad], [Conv2DWeightGrad] and the sum over each channel of gz, the
// gradient before the activation, which follows from gy and y. The gradients of
// these three functions are made of the same three, so that derivatives of all
// orders exist. It panics with a [tensor.ShapeError] if the shapes do not fit.
func Conv2D(x, w, b *Var, p tensor.ConvParams, act tensor.Activation) *Var {
	if !act.Fuses() {
		return Activate(Conv2D(x, w, b, p, tensor.Activation{}), act)
	}
	if b == nil {
		return Apply(conv2D{p, act}, x, w)
	}
	return Apply(conv2D{p, act}, x, w, b)
}

type conv2D struct {
	p   tensor.ConvParams
	act tensor.Activation
}

func (conv2D) Name() string { return "Conv2D" }
func (o conv2D) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2D(in[0], in[1], biasOf(in, 2), o.p, o.act)
}
func (o conv2D) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	gz, gb := epilogueGrad(b, gy, 2, o.act)
	if b.Needs(0) {
		out[0] = Conv2DInputGrad(gz, b.In(1), nil, b.Dim(0, 2), b.Dim(0, 3), o.p, tensor.Activation{})
	}
	if b.Needs(1) {
		out[1] = Conv2DWeightGrad(b.In(0), gz, b.Dim(1, 2), b.Dim(1, 3), o.p)
	}
	if gb != nil {
		out[2] = gb
	}
	return out
}

// Conv2DInputGrad returns the gradient by the input [n, in, height, width] of
// [Conv2D], for the gradient gy [n, out, oh, ow] by its result. This is also the
// transposed convolution, which is why it takes a bias b [in] or nil and an
// activation, as Conv2D does. Its gradient is [Conv2D] and [Conv2DWeightGrad]. It
// panics with a [tensor.ShapeError] if the shapes do not fit.
func Conv2DInputGrad(gy, w, b *Var, height, width int, p tensor.ConvParams, act tensor.Activation) *Var {
	if !act.Fuses() {
		return Activate(Conv2DInputGrad(gy, w, b, height, width, p, tensor.Activation{}), act)
	}
	if b == nil {
		return Apply(conv2DInputGrad{height, width, p, act}, gy, w)
	}
	return Apply(conv2DInputGrad{height, width, p, act}, gy, w, b)
}

type conv2DInputGrad struct {
	height, width int
	p             tensor.ConvParams
	act           tensor.Activation
}

func (conv2DInputGrad) Name() string { return "Conv2DInputGrad" }
func (o conv2DInputGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2DInputGrad(in[0], in[1], biasOf(in, 2), o.height, o.width, o.p, o.act)
}
func (o conv2DInputGrad) VJP(b *Back, gx *Var) []*Var {
	out := b.Grads()
	gz, gb := epilogueGrad(b, gx, 2, o.act)
	if b.Needs(0) {
		out[0] = Conv2D(gz, b.In(1), nil, o.p, tensor.Activation{})
	}
	if b.Needs(1) {
		out[1] = Conv2DWeightGrad(gz, b.In(0), b.Dim(1, 2), b.Dim(1, 3), o.p)
	}
	if gb != nil {
		out[2] = gb
	}
	return out
}

// Conv2DWeightGrad returns the gradient by the weight [out, in/groups, kh, kw] of
// [Conv2D], for its input x [n, in, h, w] and the gradient gy [n, out, oh, ow] by
// its result. Its gradient is [Conv2DInputGrad] and [Conv2D]. It panics with a
// [tensor.ShapeError] if the shapes do not fit.
func Conv2DWeightGrad(x, gy *Var, kh, kw int, p tensor.ConvParams) *Var {
	return Apply(conv2DWeightGrad{kh, kw, p}, x, gy)
}

type conv2DWeightGrad struct {
	kh, kw int
	p      tensor.ConvParams
}

func (conv2DWeightGrad) Name() string { return "Conv2DWeightGrad" }
func (o conv2DWeightGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2DWeightGrad(in[0], in[1], o.kh, o.kw, o.p)
}
func (o conv2DWeightGrad) VJP(b *Back, gw *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = Conv2DInputGrad(b.In(1), gw, nil, b.Dim(0, 2), b.Dim(0, 3), o.p, tensor.Activation{})
	}
	if b.Needs(1) {
		out[1] = Conv2D(b.In(0), gw, nil, o.p, tensor.Activation{})
	}
	return out
}
