package nn

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Tanh applies tanh x to each element.
func Tanh() Module { return activation{kind: "Tanh"} }

// ReLU applies max(x, 0) to each element.
func ReLU() Module { return activation{kind: "ReLU"} }

// Sigmoid applies 1/(1+e⁻ˣ) to each element.
func Sigmoid() Module { return activation{kind: "Sigmoid"} }

// Softplus applies ln(1+eˣ) to each element.
func Softplus() Module { return activation{kind: "Softplus"} }

// LeakyReLU applies x where x > 0, else slope·x, to each element. PyTorch's
// default slope is 0.01; networks of this field like 0.2.
func LeakyReLU(slope float64) Module { return activation{kind: "LeakyReLU", slope: slope} }

type activation struct {
	elementwise
	weightless
	kind  string
	slope float64
}

func (a activation) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	switch a.kind {
	case "Tanh":
		return autograd.Tanh(x)
	case "ReLU":
		return autograd.ReLU(x)
	case "Sigmoid":
		return autograd.Sigmoid(x)
	case "Softplus":
		return autograd.Softplus(x)
	}
	return autograd.LeakyReLU(x, a.slope)
}

// fused returns how a linear layer names the activation, if it can apply it
// itself.
func (a activation) fused() (act tensor.Activation, ok bool) {
	switch a.kind {
	case "Tanh":
		return tensor.ActTanh, true
	case "ReLU":
		return tensor.ActReLU, true
	case "Sigmoid":
		return tensor.ActSigmoid, true
	case "LeakyReLU":
		return tensor.ActLeakyReLU, true
	}
	return tensor.Identity, false
}

// Linearity implements [PiecewiseLinear].
func (a activation) Linearity() Linearity {
	if a.kind == "ReLU" || a.kind == "LeakyReLU" && a.slope > 0 {
		return LinearInPieces
	}
	return Curved
}

// Push implements [PiecewiseLinear].
func (a activation) Push(y, v *tensor.Tensor) *tensor.Tensor {
	if a.kind == "ReLU" {
		return tensor.ReLUGrad(v, y)
	}
	return tensor.LeakyReLUGrad(v, y, a.slope) // y has x's sign
}

// Pull implements [PiecewiseLinear]: the slopes are a diagonal matrix.
func (a activation) Pull(_, y, g *tensor.Tensor) *tensor.Tensor { return a.Push(y, g) }

type leakySpec struct {
	Slope float64 `json:"slope"`
}

// Describe implements [Describer].
func (a activation) Describe() (string, any) {
	if a.kind == "LeakyReLU" {
		return a.kind, leakySpec{a.slope}
	}
	return a.kind, nil
}

func init() {
	for _, m := range []Module{Tanh(), ReLU(), Sigmoid(), Softplus()} {
		kind, _ := m.(Describer).Describe()
		Register(kind, func(struct{}) (Module, error) { return m, nil })
	}
	Register("LeakyReLU", func(c leakySpec) (Module, error) { return LeakyReLU(c.Slope), nil })
}
