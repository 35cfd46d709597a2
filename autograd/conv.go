package autograd

import "github.com/gander-ml/gander/tensor"

// Conv2D returns the convolution of pictures x [n, in, h, w] with the weight w
// [out, in/groups, kh, kw], which is [n, out, oh, ow]; see [tensor.Conv2D]. The
// gradient is [Conv2DInputGrad] and [Conv2DWeightGrad]: the three are closed
// under differentiation, so that derivatives of all orders exist. It panics with
// a [tensor.ShapeError] where the shapes do not fit.
func Conv2D(x, w *Var, p tensor.ConvParams) *Var { return Apply(conv2D{p}, x, w) }

type conv2D struct{ p tensor.ConvParams }

func (conv2D) Name() string { return "Conv2D" }
func (o conv2D) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2D(in[0], in[1], o.p)
}
func (o conv2D) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = Conv2DInputGrad(gy, b.In(1), b.Dim(0, 2), b.Dim(0, 3), o.p)
	}
	if b.Needs(1) {
		out[1] = Conv2DWeightGrad(b.In(0), gy, b.Dim(1, 2), b.Dim(1, 3), o.p)
	}
	return out
}

// Conv2DInputGrad returns the gradient of [Conv2D] by its input [n, in, height,
// width], where gy [n, out, oh, ow] is that by its result. As an operation of
// its own it is the transposed convolution. Its gradient is [Conv2D] and
// [Conv2DWeightGrad]. It panics with a [tensor.ShapeError] where the shapes do
// not fit.
func Conv2DInputGrad(gy, w *Var, height, width int, p tensor.ConvParams) *Var {
	return Apply(conv2DInputGrad{height, width, p}, gy, w)
}

type conv2DInputGrad struct {
	height, width int
	p             tensor.ConvParams
}

func (conv2DInputGrad) Name() string { return "Conv2DInputGrad" }
func (o conv2DInputGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2DInputGrad(in[0], in[1], o.height, o.width, o.p)
}
func (o conv2DInputGrad) VJP(b *Back, gx *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = Conv2D(gx, b.In(1), o.p)
	}
	if b.Needs(1) {
		out[1] = Conv2DWeightGrad(gx, b.In(0), b.Dim(1, 2), b.Dim(1, 3), o.p)
	}
	return out
}

// Conv2DWeightGrad returns the gradient of [Conv2D] by its weight [out,
// in/groups, kh, kw], where x [n, in, h, w] is its input and gy [n, out, oh, ow]
// the gradient by its result. Its gradient is [Conv2DInputGrad] and [Conv2D]. It
// panics with a [tensor.ShapeError] where the shapes do not fit.
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
		out[0] = Conv2DInputGrad(b.In(1), gw, b.Dim(0, 2), b.Dim(0, 3), o.p)
	}
	if b.Needs(1) {
		out[1] = Conv2D(b.In(0), gw, o.p)
	}
	return out
}
