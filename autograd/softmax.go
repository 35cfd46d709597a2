package autograd

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// LogSumExp returns ln Σ eˣ along one axis, which it drops, without overflow;
// −Inf of no elements. It panics with a [tensor.ShapeError] where there is no
// such axis.
func LogSumExp(x *Var, axis int) *Var {
	checkAxis("LogSumExp", x, axis)
	top := finite(MaxOver(x.Detach(), axis)) // shifts both sides alike
	s := Log(Sum(Exp(Sub(x, Reshape(top, keepDims(x.Shape(), []int{axis})...))), axis))
	return Add(s, top)
}

// LogSoftmax returns x − ln Σ eˣ along one axis. It panics as [LogSumExp] does.
func LogSoftmax(x *Var, axis int) *Var {
	checkAxis("LogSoftmax", x, axis)
	return Sub(x, Reshape(LogSumExp(x, axis), keepDims(x.Shape(), []int{axis})...))
}

// Softmax returns eˣ / Σ eˣ along one axis. It panics as [LogSumExp] does.
func Softmax(x *Var, axis int) *Var {
	checkAxis("Softmax", x, axis)
	return Exp(LogSoftmax(x, axis))
}

// finite replaces ±Inf by the largest numbers of x's type, because the
// difference of two infinities is not a number.
func finite(x *Var) *Var {
	limit := math.MaxFloat64
	if x.value.DType() == tensor.Float32 {
		limit = math.MaxFloat32
	}
	return Clamp(x, -limit, limit)
}

// checkAxis panics where x has no such axis.
func checkAxis(op string, x *Var, axis int) {
	if r := x.value.Rank(); axis < -r || axis >= r {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{x.Shape()},
			Problem: fmt.Sprintf("there is no axis %d", axis), Fix: fmt.Sprintf("give one from %d to %d", -r, r-1)})
	}
}
