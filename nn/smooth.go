package nn

import (
	"math"

	"github.com/gander-ml/gander/autograd"
)

// ELU applies x where x > 0, else alpha·(eˣ−1), to each element (Clevert,
// Unterthiner, Hochreiter, "Fast and accurate deep network learning by
// exponential linear units", 2016). Its slope at 0 is alpha; PyTorch's default
// is 1.
func ELU(alpha float64) Module { return smooth{kind: "ELU", alpha: alpha} }

// GELU applies x·Φ(x) to each element, Φ being the distribution function of the
// standard normal distribution, ½·(1+erf(x/√2)) (Hendrycks and Gimpel, "Gaussian
// error linear units", 2016). Far below 0 the sum cancels, as in PyTorch: values
// are good to about 10⁻⁷·|x| in float32, not to a part of themselves. The value
// at −Inf, −∞·0, is NaN, and so are the gradients at ±Inf.
func GELU() Module { return smooth{kind: "GELU"} }

// GELUTanh applies an approximation of [GELU] to each element,
// ½·x·(1+tanh(√(2/π)·(x+0.044715·x³))): PyTorch's approximate="tanh". It is
// accurate far below 0 as well. At ±Inf it is as GELU is, and its gradients are
// NaN as soon as x² overflows.
func GELUTanh() Module { return smooth{kind: "GELUTanh"} }

// SiLU applies x/(1+e⁻ˣ), which is also called Swish, to each element. As in
// PyTorch, the value at −Inf, −∞/∞, is NaN, and so are the gradients at ±Inf.
func SiLU() Module { return smooth{kind: "SiLU"} }

// smooth is an activation whose slope does not follow from its value.
type smooth struct {
	elementwise
	kind  string
	alpha float64
}

func (s smooth) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	switch s.kind {
	case "ELU":
		return autograd.ELU(x, s.alpha)
	case "GELU":
		return autograd.Mul(x, autograd.Shift(autograd.Scale(autograd.Erf(autograd.Scale(x, 1/math.Sqrt2)), 0.5), 0.5))
	case "GELUTanh":
		// ½·(1+tanh u) is the sigmoid of 2u.
		cubic := autograd.Mul(x, autograd.Shift(autograd.Scale(autograd.Square(x), 0.044715), 1))
		return autograd.Mul(x, autograd.Sigmoid(autograd.Scale(cubic, 2*math.Sqrt(2/math.Pi))))
	}
	return autograd.Mul(x, autograd.Sigmoid(x))
}

type eluSpec struct {
	Alpha float64 `json:"alpha"`
}

// Describe implements [Describer].
func (s smooth) Describe() (string, any) {
	if s.kind == "ELU" {
		return s.kind, eluSpec{s.alpha}
	}
	return s.kind, nil
}

func init() {
	for _, m := range []smooth{{kind: "GELU"}, {kind: "GELUTanh"}, {kind: "SiLU"}} {
		Register(m.kind, func(struct{}) (Module, error) { return m, nil })
	}
	Register("ELU", func(c eluSpec) (Module, error) { return ELU(c.Alpha), nil })
}
