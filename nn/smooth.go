package nn

import (
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// ELU applies x where x > 0, else alpha·(eˣ−1), to each element (Clevert,
// Unterthiner, Hochreiter, "Fast and accurate deep network learning by
// exponential linear units", 2016). Its slope at 0 is alpha; PyTorch's default
// is 1.
func ELU(alpha float64) Module { return smooth{"ELU", alpha} }

// GELU applies x·Φ(x) to each element, Φ being the distribution function of the
// standard normal distribution, ½·(1+erf(x/√2)) (Hendrycks and Gimpel, "Gaussian
// error linear units", 2016).
func GELU() Module { return smooth{kind: "GELU"} }

// GELUTanh applies an approximation of [GELU] to each element,
// ½·x·(1+tanh(√(2/π)·(x+0.044715·x³))): PyTorch's approximate="tanh".
func GELUTanh() Module { return smooth{kind: "GELUTanh"} }

// SiLU applies x/(1+e⁻ˣ), which is also called Swish, to each element.
func SiLU() Module { return smooth{kind: "SiLU"} }

// smooth is an activation whose slope does not follow from its value.
type smooth struct {
	kind  string
	alpha float64
}

func (s smooth) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	switch s.kind {
	case "ELU":
		// eˣ−1 = tanh(x/2)·(eˣ+1) loses no digits near 0. What lies above 0 is
		// cut off, lest eˣ overflow; Clamp lets the gradient at 0 through.
		low := autograd.Clamp(x, math.Inf(-1), 0)
		expm1 := autograd.Mul(autograd.Tanh(autograd.Scale(low, 0.5)), autograd.Shift(autograd.Exp(low), 1))
		above := tensor.Greater(x.Value(), tensor.ScalarLike(x.Value(), 0))
		return autograd.Where(above, x, autograd.Scale(expm1, s.alpha))
	case "GELU":
		return autograd.Mul(x, autograd.Shift(autograd.Scale(autograd.Erf(autograd.Scale(x, 1/math.Sqrt2)), 0.5), 0.5))
	case "GELUTanh":
		// ½·(1+tanh u) is the sigmoid of 2u.
		cubic := autograd.Mul(x, autograd.Shift(autograd.Scale(autograd.Square(x), 0.044715), 1))
		return autograd.Mul(x, autograd.Sigmoid(autograd.Scale(cubic, 2*math.Sqrt(2/math.Pi))))
	}
	return autograd.Mul(x, autograd.Sigmoid(x))
}

func (smooth) OutShape(in []int) ([]int, error) { return in, nil }

// MixesBatch implements [BatchMixer].
func (smooth) MixesBatch() bool { return false }

// Softmax makes eˣ/Σ eˣ of the numbers along an axis; negative axes count from
// the end, and −1 is the usual one. It panics with a [tensor.ShapeError] where
// an input has no such axis.
func Softmax(axis int) Module { return softmax{axis} }

type softmax struct{ axis int }

func (s softmax) Forward(_ *Ctx, x *autograd.Var) *autograd.Var { return autograd.Softmax(x, s.axis) }

func (s softmax) OutShape(in []int) ([]int, error) {
	return in, tensor.Catch(func() { tensor.New(tensor.Float32, make([]int, len(in))...).Dim(s.axis) })
}

// MixesBatch implements [BatchMixer]. Axis 0 is the batch.
func (s softmax) MixesBatch() bool { return s.axis == 0 }

type eluSpec struct {
	Alpha float64 `json:"alpha"`
}

type axisSpec struct {
	Axis int `json:"axis"`
}

// Describe implements [Describer].
func (s smooth) Describe() (string, any) {
	if s.kind == "ELU" {
		return s.kind, eluSpec{s.alpha}
	}
	return s.kind, nil
}

// Describe implements [Describer].
func (s softmax) Describe() (string, any) { return "Softmax", axisSpec{s.axis} }

func init() {
	for _, m := range []smooth{{kind: "GELU"}, {kind: "GELUTanh"}, {kind: "SiLU"}} {
		Register(m.kind, func(struct{}) (Module, error) { return m, nil })
	}
	Register("ELU", func(c eluSpec) (Module, error) { return ELU(c.Alpha), nil })
	Register("Softmax", func(c axisSpec) (Module, error) { return Softmax(c.Axis), nil })
}
