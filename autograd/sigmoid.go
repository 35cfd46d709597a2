package autograd

import "github.com/gander-ml/gander/tensor"

// Sigmoid returns y = 1/(1+e⁻ˣ); gradient gy·y·(1−y). The gradient comes from
// the value: where y is rounded to 1, x above 17 in float32, it is 0.
func Sigmoid(x *Var) *Var { return Apply(sigmoid{}, x) }

type sigmoid struct{}

func (sigmoid) Name() string                            { return "Sigmoid" }
func (sigmoid) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Sigmoid(in[0]) }
func (sigmoid) VJP(b *Back, gy *Var) []*Var             { return []*Var{sigmoidSlope(gy, b.Out())} }

// sigmoidSlope returns g·y·(1−y) in one pass; gradient gg·y·(1−y) by g and
// gg·g·(1−2y) by y.
func sigmoidSlope(g, y *Var) *Var { return Apply(sigmoidGrad{}, g, y) }

type sigmoidGrad struct{}

func (sigmoidGrad) Name() string                            { return "SigmoidGrad" }
func (sigmoidGrad) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.SigmoidGrad(in[0], in[1]) }
func (sigmoidGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = sigmoidSlope(gg, b.In(1))
	}
	if b.Needs(1) {
		out[1] = Mul(Mul(gg, b.In(0)), Shift(Scale(b.In(1), -2), 1))
	}
	return out
}

// Softplus returns ln(1+eˣ) without overflow; gradient gy·sigmoid x.
func Softplus(x *Var) *Var { return Apply(softplus{}, x) }

type softplus struct{}

func (softplus) Name() string                            { return "Softplus" }
func (softplus) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Softplus(in[0]) }
func (softplus) VJP(b *Back, gy *Var) []*Var             { return []*Var{softplusSlope(gy, b.In(0))} }

// softplusSlope returns g·sigmoid(x) in one pass; gradient gg·sigmoid(x) by g
// and gg·g·σ′(x) by x.
func softplusSlope(g, x *Var) *Var { return Apply(softplusGrad{}, g, x) }

type softplusGrad struct{}

func (softplusGrad) Name() string { return "SoftplusGrad" }
func (softplusGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.SoftplusGrad(in[0], in[1])
}
func (softplusGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = softplusSlope(gg, b.In(1))
	}
	if b.Needs(1) {
		out[1] = sigmoidSlope(Mul(gg, b.In(0)), Sigmoid(b.In(1)))
	}
	return out
}
