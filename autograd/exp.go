package autograd

import (
	"math"

	"github.com/gander-ml/gander/tensor"
)

// Exp returns eˣ; gradient gy·eˣ.
func Exp(x *Var) *Var { return Apply(exp{}, x) }

type exp struct{}

func (exp) Name() string                            { return "Exp" }
func (exp) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Exp(in[0]) }
func (exp) VJP(b *Back, gy *Var) []*Var             { return b.Only(Mul(gy, b.Out())) }

// Log returns ln x; gradient gy/x.
func Log(x *Var) *Var { return Apply(log{}, x) }

type log struct{}

func (log) Name() string                            { return "Log" }
func (log) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Log(in[0]) }
func (log) VJP(b *Back, gy *Var) []*Var             { return b.Only(Div(gy, b.In(0))) }

// Erf returns the error function (2/√π)·∫₀ˣ exp(−t²) dt; gradient
// (2/√π)·exp(−x²)·gy.
func Erf(x *Var) *Var { return Apply(erf{}, x) }

type erf struct{}

func (erf) Name() string                            { return "Erf" }
func (erf) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Erf(in[0]) }
func (erf) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Scale(bell(gy, b.In(0), 1), 2/math.SqrtPi))
}

// bell returns g·exp(−a·x²) in one pass, for a power of two a; gradient
// gg·exp(−a·x²) by g and −2a·x·gg·g·exp(−a·x²) by x.
func bell(g, x *Var, a float64) *Var { return Apply(gauss{a}, g, x) }

type gauss struct{ a float64 }

func (gauss) Name() string                              { return "Gauss" }
func (o gauss) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Gauss(in[0], in[1], o.a) }
func (o gauss) VJP(b *Back, gg *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = bell(gg, b.In(1), o.a)
	}
	if b.Needs(1) {
		// Beyond the bounds of the factor the result is 0.
		out[1] = bell(Scale(Mul(Mul(gg, b.In(0)), Clamp(b.In(1), -1e4, 1e4)), -2*o.a), b.In(1), o.a)
	}
	return out
}

// Erfc returns 1 − erf x, accurate even if that is near 0; gradient
// −(2/√π)·exp(−x²)·gy.
func Erfc(x *Var) *Var { return Apply(erfc{}, x) }

type erfc struct{}

func (erfc) Name() string                            { return "Erfc" }
func (erfc) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Erfc(in[0]) }
func (erfc) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Scale(bell(gy, b.In(0), 1), -2/math.SqrtPi))
}

// Sin returns sin x, x in radians; gradient gy·cos x.
func Sin(x *Var) *Var { return Apply(sin{}, x) }

type sin struct{}

func (sin) Name() string                            { return "Sin" }
func (sin) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Sin(in[0]) }
func (sin) VJP(b *Back, gy *Var) []*Var             { return b.Only(Mul(gy, Cos(b.In(0)))) }

// Cos returns cos x, x in radians; gradient −gy·sin x.
func Cos(x *Var) *Var { return Apply(cos{}, x) }

type cos struct{}

func (cos) Name() string                            { return "Cos" }
func (cos) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Cos(in[0]) }
func (cos) VJP(b *Back, gy *Var) []*Var             { return b.Only(Neg(Mul(gy, Sin(b.In(0))))) }
