package autograd

// LogSumExp returns ln Σ eˣ along one axis, which it drops, without overflow.
// It panics with a [tensor.ShapeError] where there is no such axis.
func LogSumExp(x *Var, axis int) *Var {
	keep := keepDims(x.Shape(), []int{axisOf(x, axis)})
	top := Reshape(MaxOver(x.Detach(), axis), keep...) // shifts both sides alike
	s := Log(Sum(Exp(Sub(x, top)), axis))
	return Add(s, Reshape(top, s.Shape()...))
}

// LogSoftmax returns x − ln Σ eˣ along one axis. It panics as [LogSumExp] does.
func LogSoftmax(x *Var, axis int) *Var {
	keep := keepDims(x.Shape(), []int{axisOf(x, axis)})
	return Sub(x, Reshape(LogSumExp(x, axis), keep...))
}

// Softmax returns eˣ / Σ eˣ along one axis. It panics as [LogSumExp] does.
func Softmax(x *Var, axis int) *Var { return Exp(LogSoftmax(x, axis)) }

// axisOf resolves a negative axis; Dim panics where there is none.
func axisOf(x *Var, axis int) int {
	x.value.Dim(axis)
	if axis < 0 {
		axis += x.value.Rank()
	}
	return axis
}
