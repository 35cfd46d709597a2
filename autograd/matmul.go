package autograd

import "github.com/gander-ml/gander/tensor"

// MatMul returns the matrix product over the last two axes, [.., m, k] by
// [.., k, n]; leading axes are a batch and broadcast. Gradient gy·yᵀ and xᵀ·gy.
// It panics with a [tensor.ShapeError] where the ranks are below 2 or the inner
// dims differ.
func MatMul(x, y *Var) *Var { return Apply(matMul{}, x, y) }

type matMul struct{}

func (matMul) Name() string                            { return "MatMul" }
func (matMul) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.MatMul(in[0], in[1]) }
func (matMul) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = MatMul(gy, Transpose(b.In(1)))
	}
	if b.Needs(1) {
		out[1] = MatMul(Transpose(b.In(0)), gy)
	}
	return out
}

// Linear returns y = act(x·wᵀ + b) for x [n, in], w [out, in] and b [out] or
// nil, in one pass. slope is LeakyReLU's, and other activations ignore it; one
// that is not above zero takes a second pass. With gz the gradient before the
// activation, which follows from y, the gradient is gz·w, gzᵀ·x and the column
// sums of gz. It panics with a [tensor.ShapeError] where the shapes do not fit.
func Linear(x, w, b *Var, act tensor.Activation, slope float64) *Var {
	if act == tensor.ActLeakyReLU && !(slope > 0) {
		return LeakyReLU(Linear(x, w, b, tensor.Identity, 0), slope) // y does not tell the sign
	}
	if b == nil {
		return Apply(linear{act, slope}, x, w)
	}
	return Apply(linear{act, slope}, x, w, b)
}

type linear struct {
	act   tensor.Activation
	slope float64
}

// sumRows is made once, because every layer's bias needs it in every step.
var sumRows Op = sum{[]int{0}}

func (linear) Name() string { return "Linear" }

func (o linear) Eval(in []*tensor.Tensor) *tensor.Tensor {
	var bias *tensor.Tensor
	if len(in) == 3 {
		bias = in[2]
	}
	return tensor.Linear(in[0], in[1], bias, o.act, o.slope)
}

func (o linear) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	if !b.Recorded() && len(out) == 3 && b.Needs(2) {
		z, sums := tensor.LinearGrad(gy.value, b.Out().value, o.act, o.slope)
		out[2] = Const(sums)
		return o.products(b, Const(z), out)
	}
	gz := gy
	switch o.act {
	case tensor.ActTanh:
		gz = tanhSlope(gy, b.Out())
	case tensor.ActSigmoid:
		gz = sigmoidSlope(gy, b.Out())
	case tensor.ActReLU:
		gz = reluSlope(gy, b.Out())
	case tensor.ActLeakyReLU:
		gz = leakySlope(gy, b.Out(), o.slope)
	}
	if len(out) == 3 && b.Needs(2) {
		out[2] = Apply(sumRows, gz)
	}
	return o.products(b, gz, out)
}

// products fills in the gradients by input and weight.
func (linear) products(b *Back, gz *Var, out []*Var) []*Var {
	if b.Needs(0) {
		out[0] = MatMul(gz, b.In(1))
	}
	if b.Needs(1) {
		out[1] = MatMul(Transpose(gz), b.In(0))
	}
	return out
}
