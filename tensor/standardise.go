package tensor

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// InverseDeviation returns s = 1/√(variance+eps) along the given axes, of which it
// keeps dim 1. The variance is the mean of (x−mean)². Without elements along the
// axes, s is NaN. It panics with a [ShapeError] on an axis that does not exist or is
// named twice.
func InverseDeviation(x *Tensor, eps float64, axes ...int) *Tensor {
	a := along("InverseDeviation", x, axes)
	if a.fused == nil {
		variance := Scale(SumSquares(a.centred(x), a.axes...), 1/float64(a.size)).Reshape(a.kept.Shape()...)
		return Reciprocal(Sqrt(Shift(variance, eps)))
	}
	out := empty(x.scope, x.store.device, x.DType(), a.kept)
	a.fused.InverseDeviation(a.each(out), a.rows(x), eps)
	return out
}

// Standardise returns (x−mean)·s along the given axes, for the s that
// [InverseDeviation] returns. It panics with a [ShapeError] as that does, or if s
// has another shape.
func Standardise(x, s *Tensor, axes ...int) *Tensor {
	scope := checkOperands("Standardise", x, s)
	a := along("Standardise", x, axes)
	if !s.layout.SameShape(&a.kept) {
		shapePanic("Standardise", "the deviations do not belong to the numbers", "give what InverseDeviation returns for them", x, s)
	}
	if a.fused == nil {
		return Mul(a.centred(x), s)
	}
	out := empty(scope, x.store.device, x.DType(), x.layout.Packed())
	a.fused.Standardise(a.rows(out), a.rows(x), a.each(s))
	return out
}

// StandardiseGrad returns the gradient by x, for the gradient gy by what
// [Standardise] returns as y if its s is a function of x, too:
// s·(gy − mean(gy) − y·mean(gy·y)) along the given axes. It panics with a
// [ShapeError] as Standardise does, or if gy and y differ in shape.
func StandardiseGrad(gy, y, s *Tensor, axes ...int) *Tensor {
	scope := checkOperands("StandardiseGrad", gy, y, s)
	a := along("StandardiseGrad", y, axes)
	if !gy.SameShape(y) || !s.layout.SameShape(&a.kept) {
		shapePanic("StandardiseGrad", "these are not the result, the gradient by it and the deviations", "give gy of y's shape, and what InverseDeviation returns", gy, y, s)
	}
	if a.fused == nil {
		return Mul(Sub(Sub(gy, Mul(y, a.mean(Mul(gy, y)))), a.mean(gy)), s)
	}
	out := empty(scope, y.store.device, y.DType(), y.layout.Packed())
	a.fused.StandardiseGrad(a.rows(out), a.rows(gy), a.rows(y), a.each(s))
	return out
}

// alongAxes is what the functions above need to know of a shape and its axes.
type alongAxes struct {
	axes  []int
	kept  layout.Layout // of dim 1 along them
	count int           // of what is kept
	size  int           // elements along them

	// fused is set if the axes are the last ones, so that they are rows, and if the
	// device has methods for these.
	fused backend.StandardiseBackend
}

func along(op string, x *Tensor, axes []int) alongAxes {
	x.alive(op)
	a := alongAxes{axes: axes, kept: x.layout.Packed(), size: 1}
	gone := [MaxRank]bool{}
	for _, axis := range axes {
		k := x.axis(op, axis)
		if gone[k] {
			shapePanic(op, "an axis is named twice", "name it once", x)
		}
		gone[k] = true
		a.size *= a.kept.Dims[k]
		a.kept.Dims[k] = 1
	}
	a.kept = a.kept.Packed()
	a.count = a.kept.Len()
	for k := x.layout.Rank - len(axes); k < x.layout.Rank; k++ {
		if !gone[k] {
			return a
		}
	}
	a.fused, _ = x.store.device.backend.(backend.StandardiseBackend)
	return a
}

// rows is x as an operand [rows, size].
func (a *alongAxes) rows(x *Tensor) backend.Operand { return x.Reshape(a.count, a.size).operand() }

// each is s as an operand [rows].
func (a *alongAxes) each(s *Tensor) backend.Operand {
	o := s.Reshape(a.count).operand()
	if !o.Layout.IsContiguous() {
		o = s.clone().Reshape(a.count).operand()
	}
	return o
}

// mean averages along the axes.
func (a *alongAxes) mean(x *Tensor) *Tensor {
	return Scale(Sum(x, a.axes...), 1/float64(a.size)).Reshape(a.kept.Shape()...)
}

// centred is x−mean. What the rounding of the mean has left is taken away as well,
// so that numbers which are nearly equal keep their digits.
func (a *alongAxes) centred(x *Tensor) *Tensor {
	c := Sub(x, a.mean(x))
	return Sub(c, a.mean(c))
}
