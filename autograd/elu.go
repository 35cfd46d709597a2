package autograd

import "github.com/gander-ml/gander/tensor"

// ELU returns y = x if x > 0, else alpha·(eˣ−1); gradient gy if x > 0, else
// gy·alpha·eˣ, so gy·alpha at the kink. Both are accurate near 0 and far below it.
// At NaN they are NaN.
func ELU(x *Var, alpha float64) *Var { return Apply(elu{alpha}, x) }

type elu struct{ alpha float64 }

func (elu) Name() string                              { return "ELU" }
func (o elu) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.ELU(in[0], o.alpha) }
func (o elu) VJP(b *Back, gy *Var) []*Var             { return b.Only(eluProduct(gy, b.In(0), o.alpha)) }

// eluProduct returns g where x > 0, else g·alpha·eˣ, in one pass; its gradient is
// the same of gg by g, and by x 0 where x > 0, else gg·g·alpha·eˣ.
func eluProduct(g, x *Var, alpha float64) *Var { return Apply(eluGrad{alpha}, g, x) }

type eluGrad struct{ alpha float64 }

func (eluGrad) Name() string { return "ELUGrad" }
func (o eluGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.ELUGrad(in[0], in[1], o.alpha)
}
func (o eluGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = eluProduct(gg, b.In(1), o.alpha)
	}
	if b.Needs(1) {
		x := b.In(1)
		below := Shift(Neg(Const(positive(x.value))), 1)
		out[1] = Mul(eluProduct(Mul(gg, b.In(0)), x, o.alpha), below)
	}
	return out
}

// positive returns 1 if x > 0, else 0.
func positive(x *tensor.Tensor) *tensor.Tensor { return tensor.Greater(x, filled(x, 0).value) }
