package tensor

import (
	"fmt"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// MatMul returns the matrix product over the last two axes, [.., m, k] by
// [.., k, n]; leading axes are a batch and broadcast. It panics with a
// [ShapeError] if a rank is below 2, or if the inner dims differ or the leading
// axes do not broadcast.
func MatMul(x, y *Tensor) *Tensor {
	scope := checkOperands("MatMul", x, y)
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
	checkResult("MatMul", &lo, x, y)
	out := empty(scope, x.store.device, x.DType(), lo.Packed())
	d := x.store.device.backend
	if looking, ok := d.(backend.LookingBackend); ok && isWeightGrad(x) {
		out.store.seen = looking.MatMulLooking(out.operand(), x.stretched(&lx), y.stretched(&ly))
		return out
	}
	d.MatMul(out.operand(), x.stretched(&lx), y.stretched(&ly))
	return out
}

// isWeightGrad reports whether x, as a left factor, is a transposed matrix, as in the
// gradient by weights, xᵀ·y. Before training changes weights, it asks whether that is
// finite. To look while the product is computed costs less than to read it again.
func isWeightGrad(x *Tensor) bool {
	return x.layout.Rank == 2 && x.layout.Strides[0] == 1 && x.layout.Strides[1] > 1
}

// SeenFinite reports whether all elements of t are known to be finite: some products of
// matrices look at what they compute, on some devices. False says nothing. What is
// written through a [Tensor.Part] of t is not noticed.
func (t *Tensor) SeenFinite() bool { return t.store.seen && t.store.version.Load() == 0 }
