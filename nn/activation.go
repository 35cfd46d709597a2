package nn

import (
	"fmt"

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

// fused returns how a linear layer can apply the activation itself, which it
// can where the slope follows from the activation's result.
func (a activation) fused() (act tensor.Activation, ok bool) {
	switch a.kind {
	case "Tanh":
		return tensor.ActTanh, true
	case "ReLU":
		return tensor.ActReLU, true
	case "Sigmoid":
		return tensor.ActSigmoid, true
	case "LeakyReLU":
		return tensor.ActLeakyReLU, a.slope > 0
	}
	return tensor.Identity, false
}

func (activation) OutShape(in []int) ([]int, error) { return in, nil }

// Flatten keeps the first axis and merges all others: [n, …] to [n, features].
// It panics with a [tensor.ShapeError] on a rank of 0.
func Flatten() Module { return flatten{} }

type flatten struct{}

func (flatten) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	n := x.Value().Dim(0)
	return autograd.Reshape(x, n, x.Value().Len()/max(n, 1))
}

func (flatten) OutShape(in []int) ([]int, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("nn: Flatten needs a batch axis")
	}
	n := 1
	for _, d := range in[1:] {
		n *= d
	}
	return []int{in[0], n}, nil
}

// Reshape keeps the first axis and gives the others a new shape: [n, features]
// to [n, shape…]. One dim may be −1. It panics with a [tensor.ShapeError] where
// the lengths differ.
func Reshape(shape ...int) Module { return reshape{shape} }

type reshape struct{ shape []int }

func (r reshape) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Reshape(x, append([]int{x.Value().Dim(0)}, r.shape...)...)
}

func (r reshape) OutShape(in []int) (out []int, err error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("nn: Reshape needs a batch axis")
	}
	err = tensor.Catch(func() {
		one := append([]int{1}, in[1:]...)
		out = tensor.New(tensor.Float32, one...).Reshape(append([]int{1}, r.shape...)...).Shape()
		out[0] = in[0]
	})
	return out, err
}
