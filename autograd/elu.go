package autograd

import (
	"math"

	"github.com/gander-ml/gander/tensor"
)

// ELU returns y = x if x > 0, else alpha·(eˣ−1); gradient gy if x > 0, else
// gy·alpha·eˣ, so gy·alpha at the kink. Both are accurate near 0 and far below it.
// At NaN they are NaN.
func ELU(x *Var, alpha float64) *Var { return Apply(elu{alpha}, x) }

type elu struct{ alpha float64 }

func (elu) Name() string { return "ELU" }

func (o elu) Eval(in []*tensor.Tensor) *tensor.Tensor {
	// eˣ−1 = tanh(x/2)·(eˣ+1) loses no digits near 0. Elements above 0 are clamped,
	// so that eˣ does not overflow.
	x := in[0]
	tensor.Check("ELU", x)
	low := tensor.Clamp(x, math.Inf(-1), 0)
	expm1 := tensor.Mul(tensor.Tanh(tensor.Scale(low, 0.5)), tensor.Shift(tensor.Exp(low), 1))
	return tensor.Where(positive(x), x, tensor.Scale(expm1, o.alpha))
}

func (o elu) VJP(b *Back, gy *Var) []*Var {
	// The rule is not that of the product above, whose terms cancel far below 0.
	x := b.In(0)
	below := Scale(Exp(Clamp(x, math.Inf(-1), 0)), o.alpha)
	return []*Var{Mul(gy, Where(positive(x.value), filled(x.value, 1), below))}
}

// positive returns 1 if x > 0, else 0.
func positive(x *tensor.Tensor) *tensor.Tensor { return tensor.Greater(x, filled(x, 0).value) }
