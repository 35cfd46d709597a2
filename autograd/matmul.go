package autograd

import "github.com/gander-ml/gander/tensor"

// MatMul returns the matrix product over the last two axes, [.., m, k] by
// [.., k, n]; leading axes are a batch and broadcast. Gradient gy·yᵀ and xᵀ·gy.
// It panics as [tensor.MatMul] does.
func MatMul(x, y *Var) *Var { return Apply(matMul{}, x, y) }

type matMul struct{}

func (matMul) Name() string                            { return "MatMul" }
func (matMul) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.MatMul(in[0], in[1]) }
func (matMul) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = MatMul(gy, Transpose(b.In(1)))
	}
	if b.Needs(1) {
		out[1] = MatMul(Transpose(b.In(0)), gy)
	}
	return out
}

// Linear returns y = act(x·wᵀ + b) for x [n, in], w [out, in] and b [out] or
// nil, in one pass; an activation that does not fuse, see
// [tensor.Activation.Fuses], takes a second pass. The gradient is gz·w, gzᵀ·x and
// the column sums of gz, the gradient before the activation, which follows from gy
// and y. It panics with a [tensor.ShapeError] if the shapes do not fit.
func Linear(x, w, b *Var, act tensor.Activation) *Var {
	if !act.Fuses() {
		return Activate(Linear(x, w, b, tensor.Activation{}), act)
	}
	if b == nil {
		return Apply(linear{act: act}, x, w)
	}
	return Apply(linear{act: act}, x, w, b)
}

// LinearAdd returns y = act((x·wᵀ + b) + add), [Linear] with add [n, out] added before
// the activation, in one pass if the device can. The gradient by add is gz, that before
// the activation; the others are Linear's. It panics with a [tensor.ShapeError] if the
// shapes do not fit; none is broadcast but b.
func LinearAdd(x, w, b, add *Var, act tensor.Activation) *Var {
	if !act.Fuses() {
		return Activate(LinearAdd(x, w, b, add, tensor.Activation{}), act)
	}
	if b == nil {
		return Apply(linear{act, true}, x, w, add)
	}
	return Apply(linear{act, true}, x, w, add, b)
}

// linear is the operation of x, w, a matrix to add if adds, and a bias or none.
type linear struct {
	act  tensor.Activation
	adds bool
}

func (o linear) Name() string {
	if o.adds {
		return "LinearAdd"
	}
	return "Linear"
}

func (o linear) Eval(in []*tensor.Tensor) *tensor.Tensor {
	if o.adds {
		return tensor.LinearAdd(in[0], in[1], biasOf(in, 3), in[2], o.act)
	}
	return tensor.Linear(in[0], in[1], biasOf(in, 2), o.act)
}

func (o linear) VJP(b *Back, gy *Var) []*Var {
	out, bias := b.Grads(), 2
	if o.adds {
		bias = 3
	}
	gz, gb := epilogueGrad(b, gy, bias, o.act)
	if b.Needs(0) {
		out[0] = MatMul(gz, b.In(1))
	}
	if b.Needs(1) {
		out[1] = MatMul(Transpose(gz), b.In(0))
	}
	if o.adds && b.Needs(2) {
		out[2] = gz
	}
	if gb != nil {
		out[bias] = gb
	}
	return out
}
