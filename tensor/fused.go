package tensor

import (
	"slices"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// Activation is a function of each element that [Linear], [LinearAdd], [Conv2D] and
// [Conv2DInputGrad] apply to their result in the same pass. The zero value is
// the identity. Equal ones compare equal.
type Activation struct {
	f op.Unary
	a float64
}

// TanhActivation is tanh x.
func TanhActivation() Activation { return Activation{f: op.Tanh} }

// SigmoidActivation is 1/(1+e⁻ˣ).
func SigmoidActivation() Activation { return Activation{f: op.Sigmoid} }

// ReLUActivation is max(x, 0).
func ReLUActivation() Activation { return Activation{f: op.ReLU} }

// LeakyReLUActivation is x if x > 0, else slope·x.
func LeakyReLUActivation(slope float64) Activation { return Activation{op.LeakyReLU, slope} }

// String returns the function's name, "Tanh", and "None" for the identity.
func (act Activation) String() string { return act.f.String() }

// Fuses reports whether the derivative follows from the result, which is all
// that a layer keeps. That is so for all but a LeakyReLU whose slope is not above
// 0.
func (act Activation) Fuses() bool { return act.f != op.LeakyReLU || act.a > 0 }

// IsPiecewiseLinear reports whether the derivative is a step function: that of the
// identity, [ReLU] and [LeakyReLU].
func (act Activation) IsPiecewiseLinear() bool {
	return act.f == op.None || act.f == op.ReLU || act.f == op.LeakyReLU
}

// Activate returns act(x).
func Activate(x *Tensor, act Activation) *Tensor {
	if act.f == op.None {
		x.alive("Activate")
		return x
	}
	return unary(act.f, x, act.a, 0)
}

// ActivationGrad returns the gradient by x, for the gradient gy by y = act(x): gy
// times the derivative of act at x, in one pass, broadcasting. That is gy·(1−y²)
// for tanh and gy·y·(1−y) for the sigmoid; for [ReLU] and [LeakyReLU] it is gy if
// y > 0, else 0·gy or slope·gy; for the identity it is gy. If the activation does
// not fuse, give x in place of y.
func ActivationGrad(gy, y *Tensor, act Activation) *Tensor {
	f, ok := act.f.Grad()
	if !ok { // the identity
		checkOperands("ActivationGrad", gy, y)
		return gy
	}
	return binary(f, gy, y, act.a)
}

// epilogue returns a bias, which may be nil, and an activation as the backend
// takes them.
func epilogue(b *Tensor, act Activation) backend.Epilogue {
	e := backend.Epilogue{F: act.f, A: act.a}
	if b != nil {
		e.Bias = b.operand()
	}
	return e
}

// Linear returns act(x·wᵀ + b) for x [n, in], w [out, in] and b [out] or nil, in
// one pass if the device can. It panics with a [ShapeError] if the shapes do not
// fit.
func Linear(x, w, b *Tensor, act Activation) *Tensor {
	var scope *Scope
	if b == nil {
		scope = checkOperands("Linear", x, w)
	} else {
		scope = checkOperands("Linear", x, w, b)
	}
	checkLinear("Linear", x, w, b, nil)
	l := layout.Contiguous(x.layout.Dims[0], w.layout.Dims[0])
	checkResult("Linear", &l, x, w)
	out := empty(scope, x.store.device, x.DType(), l)
	x.store.device.backend.Linear(out.operand(), x.operand(), w.operand(), epilogue(b, act))
	return out
}

// checkLinear panics unless x, w and b fit each other. b may be nil, and so may add,
// which the message lists.
func checkLinear(name string, x, w, b, add *Tensor) {
	problem, fix := "", ""
	switch {
	case x.layout.Rank != 2 || w.layout.Rank != 2 || x.layout.Dims[1] != w.layout.Dims[1]:
		problem, fix = "the input's features do not match the weight's [out, in]", "give an input [n, in]; flatten images first"
		b = nil // as if it were not there: it may be right
	case b != nil && (b.layout.Rank != 1 || b.layout.Dims[0] != w.layout.Dims[0]):
		problem, fix = "the bias does not match the weight's [out, in]", "give a bias [out]"
	default:
		return
	}
	shapePanic(name, problem, fix, given(x, w, b, add)...)
}

// given lists those that are not nil.
func given(all ...*Tensor) []*Tensor {
	return slices.DeleteFunc(all, func(t *Tensor) bool { return t == nil })
}

// LinearAdd returns act((x·wᵀ + b) + add), [Linear] with add [n, out] added before the
// activation, in one pass if the device can: the end of a residual block. The numbers
// are those of Linear, [Add] and [Activate], to the last bit on the CPU. It panics with
// a [ShapeError] if the shapes do not fit; none is broadcast but b.
func LinearAdd(x, w, b, add *Tensor, act Activation) *Tensor {
	var scope *Scope
	if b == nil {
		scope = checkOperands("LinearAdd", x, w, add)
	} else {
		scope = checkOperands("LinearAdd", x, w, b, add)
	}
	checkLinear("LinearAdd", x, w, b, add)
	n, out := x.layout.Dims[0], w.layout.Dims[0]
	if add.layout.Rank != 2 || add.layout.Dims[0] != n || add.layout.Dims[1] != out {
		shapePanic("LinearAdd", "what is added does not have the result's shape [n, out]", "give one of that shape", given(x, w, b, add)...)
	}
	y := empty(scope, x.store.device, x.DType(), layout.Contiguous(n, out))
	dst := y.operand()
	switch d := x.store.device.backend.(type) {
	case backend.LinearAddBackend:
		d.LinearAdd(dst, x.operand(), w.operand(), add.operand(), epilogue(b, act))
	default:
		d.Linear(dst, x.operand(), w.operand(), epilogue(b, Activation{}))
		d.Binary(op.Add, dst, dst, add.operand(), 0)
		epilogue(nil, act).Apply(d, dst)
	}
	return y
}

// EpilogueGrad returns the gradients through the activation and by the bias of a
// layer, [Linear] or a convolution, for its result y and the gradient gy by it,
// both [n, channels] or [n, channels, h, w]. gz is [ActivationGrad] of gy and y,
// and gb [channels], the gradient by the bias, is the sum of gz over the other
// axes. It panics with a [ShapeError] if the shapes differ or have another rank.
func EpilogueGrad(gy, y *Tensor, act Activation) (gz, gb *Tensor) {
	scope := checkOperands("EpilogueGrad", gy, y)
	if r := y.layout.Rank; !gy.SameShape(y) || r != 2 && r != 4 {
		shapePanic("EpilogueGrad", "these are not a layer's result and the gradient by it",
			"give two of the same shape, [n, channels] or [n, channels, h, w]", gy, y)
	}
	if act.f == op.None {
		if y.layout.Rank == 2 {
			return gy, Sum(gy, 0)
		}
		return gy, Sum(gy, 0, 2, 3)
	}
	gz = empty(scope, y.store.device, y.DType(), arranged(y.layout.Packed(), gy, y))
	gb = empty(scope, y.store.device, y.DType(), layout.Contiguous(y.layout.Dims[1]))
	y.store.device.backend.EpilogueGrad(act.f, gz.operand(), gb.operand(), gy.operand(), y.operand(), act.a)
	return gz, gb
}
