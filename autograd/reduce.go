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
	shape := b.Shape(0)
	return []*Var{BroadcastTo(Reshape(gy, keepDims(shape, o.axes)...), shape...)}
}

// keepDims returns the shape with the dims of the given axes, or all dims if none
// is given, set to 1.
func keepDims(shape, axes []int) []int {
	out := append([]int(nil), shape...)
	for k := range out {
		if len(axes) == 0 {
			out[k] = 1
		}
	}
	for _, a := range axes {
		if a < 0 {
			a += len(out)
		}
		out[a] = 1
	}
	return out
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
func BroadcastTo(x *Var, shape ...int) *Var { return Apply(broadcastTo{slices.Clone(shape)}, x) }

type broadcastTo struct{ shape []int }

func (broadcastTo) Name() string { return "BroadcastTo" }
func (o broadcastTo) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return in[0].BroadcastTo(o.shape...)
}
func (broadcastTo) VJP(_ *Back, gy *Var) []*Var { return []*Var{gy} } // the engine sums

// SumTo sums x to a shape that broadcasts to its own: the reverse of
// [BroadcastTo]. The gradient is repeated. It panics with a [tensor.ShapeError] if
// the shape does not broadcast to x's.
func SumTo(x *Var, shape ...int) *Var { return Apply(sumTo{slices.Clone(shape)}, x) }

type sumTo struct{ shape []int }

func (sumTo) Name() string                              { return "SumTo" }
func (o sumTo) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.SumTo(in[0], o.shape...) }
func (sumTo) VJP(b *Back, gy *Var) []*Var               { return []*Var{BroadcastTo(gy, b.Shape(0)...)} }
