package autograd

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// LogSumExp returns ln Σ eˣ along one axis, which it drops, without overflow;
// −Inf for no elements. It panics with a [tensor.ShapeError] if there is no such
// axis.
//
// Its gradient is [Softmax]. Elements of −Inf count as absent, and have a
// gradient of 0; if all are −Inf, the value is −Inf and the gradients NaN. If an
// element is +Inf, the value is +Inf and its gradient NaN.
func LogSumExp(x *Var, axis int) *Var {
	checkAxis("LogSumExp", x, axis)
	s, top := shifted(x, axis)
	return Add(Log(Sum(Exp(s), axis)), Reshape(top, dropAxis(x.Shape(), axis)...))
}

// LogSoftmax returns x − ln Σ eˣ along one axis, accurate for elements of any
// size. It panics as [LogSumExp] does. If all elements are −Inf, values and
// gradients are NaN. If one is +Inf, its value and gradient are NaN, and the values
// of the others −Inf.
func LogSoftmax(x *Var, axis int) *Var {
	checkAxis("LogSoftmax", x, axis)
	s, _ := shifted(x, axis)
	return Sub(s, Apply(reshape{keepDims(shapeOf(x.value), axis)}, Log(Sum(Exp(s), axis))))
}

// Softmax returns eˣ / Σ eˣ along one axis. It panics as [LogSumExp] does. If all
// elements are −Inf, values and gradients are NaN. If one is +Inf, its value is
// NaN, the values of the finite ones are 0, and all gradients are NaN.
//
// For the gradient gy by the result y, the gradient is y·(gy − Σ gy·y).
func Softmax(x *Var, axis int) *Var {
	checkAxis("Softmax", x, axis)
	return Apply(softmax{axis}, x)
}

type softmax struct{ axis int }

func (softmax) Name() string { return "Softmax" }

func (o softmax) Eval(in []*tensor.Tensor) *tensor.Tensor {
	x := in[0]
	kept, limit := keepDims(shapeOf(x), o.axis), largest(x)
	e := tensor.Exp(tensor.Sub(x, tensor.Clamp(tensor.MaxOver(x, o.axis), -limit, limit).Reshape(kept.slice()...)))
	return tensor.Div(e, tensor.Sum(e, o.axis).Reshape(kept.slice()...))
}

func (o softmax) VJP(b *Back, gy *Var) []*Var {
	y := b.Out()
	dot := Apply(reshape{keepDims(shapeOf(y.value), o.axis)}, Sum(Mul(gy, y), o.axis))
	return b.Only(Mul(y, Sub(gy, dot)))
}

// shifted returns x minus its largest element along an axis, and that element,
// with dim 1 there. Shifting changes neither softmax nor its derivatives, so the
// shift is a constant. Subtracting it before the sum keeps the digits in which
// large elements differ; subtracting ln Σ eˣ from x at the end would not.
func shifted(x *Var, axis int) (s, top *Var) {
	top = Apply(reshape{keepDims(shapeOf(x.value), axis)}, finite(MaxOver(x.Detach(), axis)))
	return Sub(x, top), top
}

// dropAxis returns a shape without one of its axes.
func dropAxis(shape []int, axis int) []int {
	if axis < 0 {
		axis += len(shape)
	}
	return slices.Delete(shape, axis, axis+1)
}

// finite replaces ±Inf by the largest numbers of x's type, because the
// difference of two infinities is NaN.
func finite(x *Var) *Var {
	limit := largest(x.value)
	return Clamp(x, -limit, limit)
}

// largest is the largest number of x's type.
func largest(x *tensor.Tensor) float64 {
	switch dt := x.DType(); dt {
	case tensor.Float32:
		return math.MaxFloat32
	case tensor.Float64:
		return math.MaxFloat64
	default:
		panic(&tensor.DTypeError{Op: "LogSumExp", DTypes: []tensor.DType{dt}, Shapes: [][]int{x.Shape()}, Fix: "convert it with Cast"})
	}
}

// checkAxis panics if x has no such axis.
func checkAxis(op string, x *Var, axis int) {
	if x == nil {
		panic(noVar(op))
	}
	if r := x.value.Rank(); axis < -r || axis >= r {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{x.Shape()},
			Problem: fmt.Sprintf("there is no axis %d", axis), Fix: fmt.Sprintf("give one from %d to %d", -r, r-1)})
	}
}
