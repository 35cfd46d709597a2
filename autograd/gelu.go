package autograd

import (
	"math"

	"github.com/gander-ml/gander/tensor"
)

// GELU returns y = x·Φ(x), Φ being the distribution function of the standard
// normal distribution and φ its density; gradient gy·(Φ(x)+x·φ(x)). Both keep
// their digits far below 0. At −Inf the value is NaN and the gradient 0; at +Inf
// they are +Inf and gy.
func GELU(x *Var) *Var { return Apply(gelu{}, x) }

type gelu struct{}

func (gelu) Name() string                            { return "GELU" }
func (gelu) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.GELU(in[0]) }
func (gelu) VJP(b *Back, gy *Var) []*Var             { return b.Only(geluProduct(gy, b.In(0))) }

// geluProduct returns g·(Φ(x)+x·φ(x)) in one pass; its gradient is the same of gg
// by g, and gg·g·φ(x)·(2−x²) by x.
func geluProduct(g, x *Var) *Var { return Apply(geluGrad{}, g, x) }

type geluGrad struct{}

func (geluGrad) Name() string { return "GELUGrad" }
func (geluGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.GELUGrad(in[0], in[1])
}
func (geluGrad) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = geluProduct(gg, b.In(1))
	}
	if b.Needs(1) {
		// φ is 0 beyond the bounds, whose square does not overflow.
		x := Clamp(b.In(1), -1e4, 1e4)
		factor := Scale(Mul(Sub(filled(x.value, math.Sqrt2), x), Shift(x, math.Sqrt2)), 1/math.Sqrt(2*math.Pi))
		out[1] = bell(Mul(Mul(gg, b.In(0)), factor), x, 0.5)
	}
	return out
}
