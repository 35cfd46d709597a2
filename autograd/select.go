package autograd

import (
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Abs returns |x|; gradient gy·sign x, so 0 at the kink and NaN at NaN.
func Abs(x *Var) *Var { return Apply(abs{}, x) }

type abs struct{}

func (abs) Name() string                            { return "Abs" }
func (abs) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Abs(in[0]) }
func (abs) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Mul(gy, Const(tensor.Sign(b.In(0).value))))
}

// Clamp returns y = min(max(x, lo), hi); gradient gy if lo ≤ x ≤ hi, else 0. At
// NaN, the value is NaN and the gradient 0.
func Clamp(x *Var, lo, hi float64) *Var { return Apply(clamp{lo, hi}, x) }

type clamp struct{ lo, hi float64 }

func (clamp) Name() string                              { return "Clamp" }
func (o clamp) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Clamp(in[0], o.lo, o.hi) }
func (o clamp) VJP(b *Back, gy *Var) []*Var {
	x := b.In(0).value
	inside := tensor.Equal(x, tensor.Clamp(x, o.lo, o.hi))
	return b.Only(Mul(gy, Const(inside)))
}

// Max returns the larger of x and y, broadcasting; the gradient goes to the
// larger, and half to each in a tie. If x or y is NaN, so is the value, and no
// gradient goes to either. It panics with a [tensor.ShapeError] if the shapes do
// not broadcast.
func Max(x, y *Var) *Var { return Apply(extreme{max: true}, x, y) }

// Min returns the smaller of x and y, broadcasting; the gradient goes to the
// smaller, and half to each in a tie. It treats NaN and panics as [Max] does.
func Min(x, y *Var) *Var { return Apply(extreme{max: false}, x, y) }

type extreme struct{ max bool }

func (o extreme) Name() string {
	if o.max {
		return "Max"
	}
	return "Min"
}

func (o extreme) Eval(in []*tensor.Tensor) *tensor.Tensor {
	if o.max {
		return tensor.Max(in[0], in[1])
	}
	return tensor.Min(in[0], in[1])
}

func (o extreme) VJP(b *Back, gy *Var) []*Var {
	x, y := b.In(0).value, b.In(1).value
	if !o.max {
		x, y = y, x // x is taken if y is the larger
	}
	out := b.Grads()
	if b.Needs(0) {
		out[0] = Mul(gy, Const(share(x, y)))
	}
	if b.Needs(1) {
		out[1] = Mul(gy, Const(share(y, x)))
	}
	return out
}

// share returns x's share of the gradient of max(x, y): 1, ½ in a tie, or 0.
func share(x, y *tensor.Tensor) *tensor.Tensor {
	return tensor.Scale(tensor.Add(tensor.Greater(x, y), tensor.GreaterEqual(x, y)), 0.5)
}

// Where returns x if cond ≠ 0, else y, element by element, broadcasting; the
// gradient goes to the one that was taken. It panics with a [tensor.ShapeError] if
// the shapes do not broadcast.
func Where(cond *tensor.Tensor, x, y *Var) *Var { return Apply(where{}, Const(cond), x, y) }

type where struct{}

func (where) Name() string                            { return "Where" }
func (where) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Where(in[0], in[1], in[2]) }
func (where) VJP(b *Back, gy *Var) []*Var {
	cond := b.In(0).value
	zero := filled(gy.value, 0)
	out := b.Grads()
	if b.Needs(1) {
		out[1] = Where(cond, gy, zero)
	}
	if b.Needs(2) {
		out[2] = Where(cond, zero, gy)
	}
	return out
}

// MaxOver returns the largest element along the given axes, or along all of them
// if none is given, and drops those axes. The gradient goes to the largest, in
// equal parts if several are. If one is NaN, so are the value and all gradients. It
// panics as [tensor.MaxOver] does.
func MaxOver(x *Var, axes ...int) *Var { return Apply(maxOver{slices.Clone(axes)}, x) }

type maxOver struct{ axes []int }

func (maxOver) Name() string                              { return "MaxOver" }
func (o maxOver) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.MaxOver(in[0], o.axes...) }
func (o maxOver) VJP(b *Back, gy *Var) []*Var {
	x := b.In(0).value
	keep := keepDims(shapeOf(x), o.axes...)
	largest := tensor.Equal(x, b.Out().value.Reshape(keep.slice()...))
	count := tensor.Sum(largest, o.axes...).Reshape(keep.slice()...)
	return b.Only(Mul(Apply(reshape{keep}, gy), Const(tensor.Div(largest, count))))
}
