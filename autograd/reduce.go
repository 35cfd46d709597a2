package autograd

import (
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Sum adds along the given axes, or along all of them if none is given, and drops
// those axes; negative axes count from the end. The gradient is repeated along
// them. It panics as [tensor.Sum] does.
func Sum(x *Var, axes ...int) *Var { return Apply(sum{slices.Clone(axes)}, x) }

type sum struct{ axes []int }

func (sum) Name() string                              { return "Sum" }
func (o sum) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Sum(in[0], o.axes...) }
func (o sum) VJP(b *Back, gy *Var) []*Var {
	shape := shapeOf(b.value(0))
	return b.Only(Apply(broadcastTo{shape}, Apply(reshape{keepDims(shape, o.axes...)}, gy)))
}

// keepDims returns the shape with the dims of the given axes, or all dims if none
// is given, set to 1.
func keepDims(shape list, axes ...int) list {
	for k := range shape.n {
		if len(axes) == 0 {
			shape.of[k] = 1
		}
	}
	for _, a := range axes {
		if a < 0 {
			a += shape.n
		}
		shape.of[a] = 1
	}
	return shape
}

// Mean averages along the given axes, or along all of them if none is given, and
// drops those axes. The mean of no elements is NaN. It panics as [Sum] does.
func Mean(x *Var, axes ...int) *Var {
	s := Sum(x, axes...)
	n := float64(x.value.Len()) / float64(s.value.Len())
	return Scale(s, 1/n)
}

// BroadcastTo repeats x along new leading axes and along axes of dim 1. The
// gradient is summed over the repetitions. It panics with a
// [tensor.ShapeError] if the shapes do not fit.
func BroadcastTo(x *Var, shape ...int) *Var {
	l, ok := listOf(shape)
	if !ok {
		x.value.BroadcastTo(shape...) // panics
	}
	return Apply(broadcastTo{l}, x)
}

type broadcastTo struct{ shape list }

func (broadcastTo) Name() string { return "BroadcastTo" }
func (o broadcastTo) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return in[0].BroadcastTo(o.shape.slice()...)
}
func (broadcastTo) VJP(b *Back, gy *Var) []*Var { return b.Only(gy) } // the engine sums

// SumTo sums x to a shape that broadcasts to its own: the reverse of
// [BroadcastTo]. The gradient is repeated. It panics with a [tensor.ShapeError] if
// the shape does not broadcast to x's.
func SumTo(x *Var, shape ...int) *Var {
	l, ok := listOf(shape)
	if !ok {
		tensor.SumTo(x.value, shape...) // panics
	}
	return Apply(sumTo{l}, x)
}

type sumTo struct{ shape list }

func (sumTo) Name() string { return "SumTo" }
func (o sumTo) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.SumTo(in[0], o.shape.slice()...)
}
func (sumTo) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Apply(broadcastTo{shapeOf(b.value(0))}, gy))
}
