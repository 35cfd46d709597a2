package autograd

import "github.com/gander-ml/gander/tensor"

// Tanh returns y = tanh x; gradient gy·(1−y²). The gradient comes from the
// value: where y is rounded to ±1, |x| above 9 in float32, it is 0.
func Tanh(x *Var) *Var { return Apply(tanh{}, x) }

type tanh struct{}

func (tanh) Name() string                            { return "Tanh" }
func (tanh) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Tanh(in[0]) }
func (tanh) VJP(b *Back, gy *Var) []*Var             { return []*Var{tanhSlope(gy, b.Out())} }

// tanhSlope returns g·(1−y²) in one pass; gradient gg·(1−y²) by g and
// −2·gg·g·y by y.
func tanhSlope(g, y *Var) *Var { return Apply(tanhGrad{}, g, y) }

type tanhGrad struct{}

func (tanhGrad) Name() string                            { return "TanhGrad" }
func (tanhGrad) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.TanhGrad(in[0], in[1]) }
func (tanhGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = tanhSlope(gg, b.In(1))
	}
	if b.Needs(1) {
		out[1] = Scale(Mul(Mul(gg, b.In(0)), b.In(1)), -2)
	}
	return out
}
