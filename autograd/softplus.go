package autograd

import "github.com/gander-ml/gander/tensor"

// Softplus returns ln(1+eˣ) without overflow; gradient gy·sigmoid x.
func Softplus(x *Var) *Var { return Apply(softplus{}, x) }

type softplus struct{}

func (softplus) Name() string                            { return "Softplus" }
func (softplus) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Softplus(in[0]) }
func (softplus) VJP(b *Back, gy *Var) []*Var             { return b.Only(softplusProduct(gy, b.In(0))) }

// softplusProduct returns g·sigmoid(x) in one pass; gradient gg·sigmoid(x) by g
// and gg·g·σ′(x) by x.
func softplusProduct(g, x *Var) *Var { return Apply(softplusGrad{}, g, x) }

type softplusGrad struct{}

func (softplusGrad) Name() string { return "SoftplusGrad" }
func (softplusGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.SoftplusGrad(in[0], in[1])
}
func (softplusGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = softplusProduct(gg, b.In(1))
	}
	if b.Needs(1) {
		// σ′ is even, and accurate where σ is small.
		small := Sigmoid(Neg(Abs(b.In(1))))
		out[1] = activationProduct(Mul(gg, b.In(0)), small, tensor.SigmoidActivation())
	}
	return out
}
