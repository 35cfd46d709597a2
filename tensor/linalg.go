package tensor

import (
	"fmt"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// MatMul returns the matrix product over the last two axes, [.., m, k] by
// [.., k, n]; leading axes are a batch and broadcast. It panics with a
// [ShapeError] where the ranks are below 2 or the inner dims differ.
func MatMul(x, y *Tensor) *Tensor {
	scope := together("MatMul", x, y)
	rx, ry := x.layout.Rank, y.layout.Rank
	if rx < 2 || ry < 2 {
		shapePanic("MatMul", "the rank of an operand is below 2", "reshape a vector to [1, n] or [n, 1]", x, y)
	}
	m, k, n := x.layout.Dims[rx-2], x.layout.Dims[rx-1], y.layout.Dims[ry-1]
	if y.layout.Dims[ry-2] != k {
		shapePanic("MatMul", fmt.Sprintf("the inner dims %d and %d differ", k, y.layout.Dims[ry-2]),
			"transpose one with T, or check which axis holds the features", x, y)
	}
	bx := layout.Contiguous(x.layout.Dims[:rx-2]...)
	by := layout.Contiguous(y.layout.Dims[:ry-2]...)
	lead, ok := layout.BroadcastShapes(&bx, &by)
	if !ok {
		shapePanic("MatMul", "the leading axes do not broadcast", "from the right, dims must be equal or 1", x, y)
	}
	full := func(rows, cols int) layout.Layout {
		l := lead
		l.Dims[l.Rank], l.Dims[l.Rank+1] = rows, cols
		l.Rank += 2
		return l
	}
	lo, lx, ly := full(m, n), full(m, k), full(k, n)
	out := empty(scope, x.store.device, x.DType(), lo.Packed())
	x.store.device.backend.MatMul(out.operand(), x.stretched(&lx), y.stretched(&ly))
	return out
}

// Activation is a function that [Linear] can apply to its result.
type Activation = op.Activation

// The activations of [Linear].
const (
	Identity     = op.Identity
	ActTanh      = op.ActTanh
	ActSigmoid   = op.ActSigmoid
	ActReLU      = op.ActReLU
	ActLeakyReLU = op.ActLeakyReLU
)

// Linear returns act(x·wᵀ + b) for x [n, in], w [out, in] and b [out] or nil,
// in one pass where the device can. slope is LeakyReLU's and must be above
// zero there. It panics with a [ShapeError] where the shapes do not fit.
func Linear(x, w, b *Tensor, act Activation, slope float64) *Tensor {
	var scope *Scope
	if b == nil {
		scope = together("Linear", x, w)
	} else {
		scope = together("Linear", x, w, b)
	}
	if x.layout.Rank != 2 || w.layout.Rank != 2 || x.layout.Dims[1] != w.layout.Dims[1] {
		shapePanic("Linear", "the input's features do not match the weight's [out, in]",
			"give an input [n, in]; flatten pictures first", x, w)
	}
	if b != nil && (b.layout.Rank != 1 || b.layout.Dims[0] != w.layout.Dims[0]) {
		shapePanic("Linear", "the bias does not match the weight's [out, in]", "give a bias [out]", x, w, b)
	}
	if fused, ok := x.store.device.backend.(backend.LinearBackend); ok {
		out := empty(scope, x.store.device, x.DType(), layout.Contiguous(x.layout.Dims[0], w.layout.Dims[0]))
		var bias backend.Operand
		if b != nil {
			bias = b.operand()
		}
		fused.Linear(act, out.operand(), x.operand(), w.operand(), bias, slope)
		return out
	}
	y := MatMul(x, w.T())
	if b != nil {
		y = Add(y, b)
	}
	if f, ok := act.Unary(); ok {
		y = unary(f, y, slope, 0)
	}
	return y
}

// LinearGrad returns the gradient before the activation of a [Linear] layer, gy
// times the activation's slope at the layer's result y, and that gradient's sums
// over the first axis, which are the gradient by the bias. All but the sums are
// [n, out]. It panics with a [ShapeError] where the shapes differ.
func LinearGrad(gy, y *Tensor, act Activation, slope float64) (gz, gb *Tensor) {
	scope := together("LinearGrad", gy, y)
	if gy.layout.Rank != 2 || !gy.SameShape(y) {
		shapePanic("LinearGrad", "gradient and result differ in shape", "give the gradient by the layer's result [n, out]", gy, y)
	}
	f, ok := act.Grad()
	if !ok {
		return gy, Sum(gy, 0)
	}
	fused, ok := y.store.device.backend.(backend.LinearBackend)
	if !ok {
		gz = binary(f, gy, y, slope)
		return gz, Sum(gz, 0)
	}
	gz = empty(scope, y.store.device, y.DType(), y.layout.Packed())
	gb = empty(scope, y.store.device, y.DType(), layout.Contiguous(y.layout.Dims[1]))
	fused.LinearGrad(act, gz.operand(), gb.operand(), gy.operand(), y.operand(), slope)
	return gz, gb
}
