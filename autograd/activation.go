package autograd

import (
	"fmt"

	"github.com/gander-ml/gander/tensor"
)

// Tanh returns y = tanh x; gradient gy·(1−y²). The gradient is computed from y:
// if y is rounded to ±1, as for |x| above 9 in float32, it is 0.
func Tanh(x *Var) *Var { return Activate(x, tensor.TanhActivation()) }

// Sigmoid returns y = 1/(1+e⁻ˣ); gradient gy·y·(1−y). The gradient is computed
// from y: if y is rounded to 1, as for x above 17 in float32, it is 0.
func Sigmoid(x *Var) *Var { return Activate(x, tensor.SigmoidActivation()) }

// ReLU returns y = max(x, 0); gradient gy if y > 0, else 0, so 0 at the kink. At
// NaN, value and gradient are NaN.
func ReLU(x *Var) *Var { return Activate(x, tensor.ReLUActivation()) }

// LeakyReLU returns y = x if x > 0, else slope·x; gradient gy if x > 0, else
// slope·gy, so slope·gy at the kink. At NaN, value and gradient are NaN.
func LeakyReLU(x *Var, slope float64) *Var { return Activate(x, tensor.LeakyReLUActivation(slope)) }

// Activate returns y = act(x); gradient gy times the derivative of act, which
// is computed from y if the activation fuses, see [tensor.Activation.Fuses].
// [Tanh], [Sigmoid], [ReLU] and [LeakyReLU] call it.
func Activate(x *Var, act tensor.Activation) *Var {
	if act == (tensor.Activation{}) {
		return x
	}
	return Apply(activation{act}, x)
}

type activation struct{ act tensor.Activation }

func (o activation) Name() string { return o.act.String() }
func (o activation) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Activate(in[0], o.act)
}
func (o activation) VJP(b *Back, gy *Var) []*Var {
	if !o.act.Fuses() {
		return b.Only(activationProduct(gy, b.In(0), o.act))
	}
	return b.Only(activationProduct(gy, b.Out(), o.act))
}

// activationProduct returns g times the derivative of an activation, given its
// value y, in one pass. For the gradient gg by the result, its gradient by g is
// gg times the same derivative, and by y
//
//	−2·gg·g·y for tanh, gg·g·(1−2y) for the sigmoid, 0 for ReLU and LeakyReLU,
//
// whose derivative is a step function.
func activationProduct(g, y *Var, act tensor.Activation) *Var {
	if act == (tensor.Activation{}) {
		return g
	}
	return Apply(activationGrad{act}, g, y)
}

type activationGrad struct{ act tensor.Activation }

func (o activationGrad) Name() string { return o.act.String() + "Grad" }
func (o activationGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.ActivationGrad(in[0], in[1], o.act)
}
func (o activationGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = activationProduct(gg, b.In(1), o.act)
	}
	if b.Needs(1) {
		switch {
		case o.act == tensor.TanhActivation():
			out[1] = Scale(Mul(Mul(gg, b.In(0)), b.In(1)), -2)
		case o.act == tensor.SigmoidActivation():
			out[1] = Mul(Mul(gg, b.In(0)), Shift(Scale(b.In(1), -2), 1))
		case !o.act.IsPiecewiseLinear():
			panic(fmt.Sprintf("autograd: the second derivative of %v is not known", o.act))
		}
	}
	return out
}

// biasOf returns the bias among a layer's inputs: the one at that place, the last, or
// nil if there are no more than those before.
func biasOf(in []*tensor.Tensor, place int) *tensor.Tensor {
	if len(in) <= place {
		return nil
	}
	return in[place]
}

// epilogueGrad returns, for a layer that ends in a bias and an activation, the
// gradient gz before the activation and, if it is wanted, the gradient gb by the
// bias, which is the input at that place, if there is one. If the gradient is not
// recorded, one kernel computes both.
func epilogueGrad(b *Back, gy *Var, bias int, act tensor.Activation) (gz, gb *Var) {
	wanted := len(b.Grads()) > bias && b.Needs(bias)
	if wanted && !b.Recorded() {
		z, sums := tensor.EpilogueGrad(gy.value, b.Out().value, act)
		return Const(z), Const(sums)
	}
	gz = activationProduct(gy, b.Out(), act)
	switch {
	case !wanted:
	case gz.value.Rank() == 2:
		gb = Apply(sumRows, gz)
	default:
		gb = Apply(sumPixels, gz)
	}
	return gz, gb
}

// Shared, because every layer with a bias needs one of these in every step.
var sumRows, sumPixels Op = sum{[]int{0}}, sum{[]int{0, 2, 3}}
