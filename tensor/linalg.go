package tensor

import (
	"fmt"
	"math"

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

// AdamParams are the constants of one step of [AdamInto].
type AdamParams = op.AdamParams

// AdamInto does one step of Adam (Kingma and Ba, 2015) in place, with PyTorch's
// arithmetic, on parameter p with gradient g, first moment m and second moment
// v, in one pass where the device can. The four have one shape and are
// contiguous. AdamW (Loshchilov and Hutter, 2019) is c.Decoupled.
func AdamInto(p, g, m, v *Tensor, c AdamParams) {
	together("AdamInto", p, g, m, v)
	for _, t := range [...]*Tensor{p, m, v} {
		t.writable("AdamInto")
	}
	if !p.SameShape(g) || !p.SameShape(m) || !p.SameShape(v) {
		shapePanic("AdamInto", "the shapes differ", "give gradient and moments the parameter's shape", p, g, m, v)
	}
	if !g.IsContiguous() {
		g = g.Clone()
	}
	fused, ok := p.store.device.backend.(backend.AdamBackend)
	if ok && p.IsContiguous() && m.IsContiguous() && v.IsContiguous() {
		fused.Adam(p.operand(), g.operand(), m.operand(), v.operand(), c)
	} else {
		adamComposed(p, g, m, v, c)
	}
	for _, t := range [...]*Tensor{p, m, v} {
		t.store.version.Add(1)
	}
}

// adamComposed is the plain form of AdamInto, and the reference of its fused
// one.
func adamComposed(p, g, m, v *Tensor, c AdamParams) {
	if c.WeightDecay != 0 {
		if c.Decoupled {
			p.CopyFrom(Scale(p, 1-c.LR*c.WeightDecay))
		} else {
			g = Add(g, Scale(p, c.WeightDecay))
		}
	}
	LerpInto(m, m, g, 1-c.Beta1)
	v.CopyFrom(Add(Scale(v, c.Beta2), Scale(Square(g), 1-c.Beta2)))
	denominator := Shift(Scale(Sqrt(v), 1/math.Sqrt(c.Correction2)), c.Eps)
	AddScaledInto(p, p, -c.LR/c.Correction1, Div(m, denominator))
}
