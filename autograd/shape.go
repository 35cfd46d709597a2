package autograd

import "github.com/gander-ml/gander/tensor"

// Reshape returns x's elements, in row-major order, in a new shape; one dim may be
// −1, and follows from the others. The gradient is reshaped back. It panics with a
// [tensor.ShapeError] if the lengths differ.
func Reshape(x *Var, shape ...int) *Var {
	l, ok := listOf(shape)
	if !ok {
		x.value.Reshape(shape...) // panics
	}
	return Apply(reshape{l}, x)
}

type reshape struct{ shape list }

func (reshape) Name() string                              { return "Reshape" }
func (o reshape) Eval(in []*tensor.Tensor) *tensor.Tensor { return in[0].Reshape(o.shape.slice()...) }
func (reshape) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Apply(reshape{shapeOf(b.value(0))}, gy))
}

// Permute reorders the axes: axis k of the result is axis axes[k] of x. The
// gradient is permuted back. It panics with a [tensor.ShapeError] unless axes
// names each axis once.
func Permute(x *Var, axes ...int) *Var {
	l, ok := listOf(axes)
	if !ok {
		x.value.Permute(axes...) // panics
	}
	return Apply(permute{l}, x)
}

type permute struct{ axes list }

func (permute) Name() string                              { return "Permute" }
func (o permute) Eval(in []*tensor.Tensor) *tensor.Tensor { return in[0].Permute(o.axes.slice()...) }
func (o permute) VJP(b *Back, gy *Var) []*Var {
	back := list{n: o.axes.n}
	for k, a := range o.axes.slice() {
		if a < 0 {
			a += o.axes.n
		}
		back.of[a] = k
	}
	return b.Only(Apply(permute{back}, gy))
}

// Transpose swaps the last two axes; so does its gradient. It panics with a
// [tensor.ShapeError] on a rank below 2.
func Transpose(x *Var) *Var { return Apply(transpose{}, x) }

type transpose struct{}

func (transpose) Name() string                            { return "Transpose" }
func (transpose) Eval(in []*tensor.Tensor) *tensor.Tensor { return in[0].T() }
func (transpose) VJP(b *Back, gy *Var) []*Var             { return b.Only(Transpose(gy)) }

// Slice returns the indices start, start+1, … below stop of one axis. The
// gradient is padded with zeros ([Pad]). It panics with a [tensor.ShapeError]
// unless 0 ≤ start ≤ stop ≤ dim.
func Slice(x *Var, axis, start, stop int) *Var { return Apply(slice{axis, start, stop, 1}, x) }

// SliceStep is [Slice] of the indices start, start+step, … below stop, with a step
// of 1 or more.
func SliceStep(x *Var, axis, start, stop, step int) *Var {
	return Apply(slice{axis, start, stop, step}, x)
}

type slice struct{ axis, start, stop, step int }

func (slice) Name() string { return "Slice" }
func (o slice) Eval(in []*tensor.Tensor) *tensor.Tensor {
	if o.step == 1 {
		return in[0].Slice(o.axis, o.start, o.stop)
	}
	return in[0].SliceStep(o.axis, o.start, o.stop, o.step)
}
func (o slice) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Pad(gy, o.axis, o.start, o.step, b.Dim(0, o.axis)))
}

// Pad puts zeros around x along one axis, and step−1 zeros between neighbours:
// in the result, of dim n, x lies at start, start+step, …. The gradient is
// sliced ([Slice]). It panics with a [tensor.ShapeError] if x does not fit.
func Pad(x *Var, axis, start, step, n int) *Var { return Apply(pad{axis, start, step, n}, x) }

type pad struct{ axis, start, step, n int }

func (pad) Name() string { return "Pad" }
func (o pad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Pad(in[0], o.axis, o.start, o.step, o.n)
}
func (o pad) VJP(b *Back, gy *Var) []*Var {
	d := b.Dim(0, o.axis)
	if d == 0 { // start may lie anywhere
		return b.Only(Slice(gy, o.axis, 0, 0))
	}
	return b.Only(SliceStep(gy, o.axis, o.start, min(o.n, o.start+d*o.step), o.step))
}

// Concat joins Vars along an axis; the gradient is sliced apart. It panics with a
// [tensor.ShapeError] if there are none, or if their other dims differ.
func Concat(axis int, xs ...*Var) *Var { return Apply(concat{axis}, xs...) }

type concat struct{ axis int }

func (concat) Name() string                              { return "Concat" }
func (o concat) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Concat(o.axis, in...) }
func (o concat) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	at := 0
	for i := range out {
		d := b.Dim(i, o.axis)
		if b.Needs(i) {
			out[i] = Slice(gy, o.axis, at, at+d)
		}
		at += d
	}
	return out
}

// Gather picks along an axis: y[…, i, …] = x[…, index[i], …], for an index [n] of
// whole numbers; see [tensor.Gather]. The gradient is [ScatterAdd] with the same
// index. index must not change afterwards. It panics as tensor.Gather does.
func Gather(x *Var, axis int, index *tensor.Tensor) *Var { return Apply(gather{axis, index}, x) }

type gather struct {
	axis  int
	index *tensor.Tensor
}

func (gather) Name() string { return "Gather" }
func (o gather) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Gather(in[0], o.axis, o.index)
}
func (o gather) VJP(b *Back, gy *Var) []*Var {
	return b.Only(ScatterAdd(gy, o.axis, b.Dim(0, o.axis), o.index))
}

// ScatterAdd adds x[…, i, …] at index[i] along an axis, into zeros of dim n: the
// reverse of [Gather]. Its gradient is Gather with the same index. index must not
// change afterwards. It panics as [tensor.ScatterAdd] does.
func ScatterAdd(x *Var, axis, n int, index *tensor.Tensor) *Var {
	return Apply(scatterAdd{axis, n, index}, x)
}

type scatterAdd struct {
	axis, n int
	index   *tensor.Tensor
}

func (scatterAdd) Name() string { return "ScatterAdd" }
func (o scatterAdd) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.ScatterAdd(in[0], o.axis, o.n, o.index)
}
func (o scatterAdd) VJP(b *Back, gy *Var) []*Var { return b.Only(Gather(gy, o.axis, o.index)) }
