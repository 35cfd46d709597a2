package nn

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// flatCondition is [Flatten] and a [ConcatCondition] after it. Channels-last images
// become rows by being copied, and go to their place beside the condition at once.
type flatCondition struct{ *concatCondition }

// absorb implements [absorber].
func (m *concatCondition) absorb(before Module) (Module, bool) {
	_, ok := before.(flatten)
	return flatCondition{m}, ok
}

// Forward is that of the two.
func (m flatCondition) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	v := x.Value()
	if v.Rank() < 3 || v.Len() == 0 || !m.fits(ctx, v) {
		return m.concatCondition.Forward(ctx, flatten{}.Forward(ctx, x)) // which may panic
	}
	op := concatFlat{rank: v.Rank(), rest: m.size}
	copy(op.dims[:], v.Shape())
	return autograd.Apply(op, x, m.features(ctx, x))
}

// fits reports whether the pass has a condition that one operation can put beside x.
func (m flatCondition) fits(ctx *Ctx, x *tensor.Tensor) bool {
	if ctx == nil || ctx.Condition == nil {
		return false
	}
	c := ctx.Condition.Value()
	return c.Rank() == 2 && c.Dim(0) == x.Dim(0) && c.Dim(1) == m.size &&
		c.DType() == x.DType() && c.Device() == x.Device() && c.Scope() == x.Scope()
}

// OutShape implements [Shaper].
func (m flatCondition) OutShape(in []int) ([]int, error) {
	flat, err := flatten{}.OutShape(in)
	if err != nil {
		return nil, err
	}
	return m.concatCondition.OutShape(flat)
}

// Push implements [PiecewiseLinear].
func (m flatCondition) Push(_, v *tensor.Tensor) *tensor.Tensor {
	out, rest := flattened(v, m.size)
	rest.Fill(0)
	return out
}

// Pull implements [PiecewiseLinear].
func (m flatCondition) Pull(x, _, g *tensor.Tensor) *tensor.Tensor {
	return firstFeatures(g, g.Dim(1)-m.size).Reshape(x.Shape()...)
}

// flattened returns rows that begin with those of x [n, …], and the rest of them,
// more numbers each, which is to be written.
func flattened(x *tensor.Tensor, more int) (out, rest *tensor.Tensor) {
	shape := x.Shape()
	n, f := shape[0], product(shape[1:])
	out = tensor.EmptyLike(x, n, f+more)
	firstFeatures(out, f).Reshape(shape...).CopyFrom(x) // a view: features are neighbours
	return out, out.Slice(1, f, f+more)
}

// concatFlat is the operation: x [n, …] of that shape, and rows [n, rest].
type concatFlat struct {
	dims       [tensor.MaxRank]int
	rank, rest int
}

func (concatFlat) Name() string { return "Concat" }

func (o concatFlat) Eval(in []*tensor.Tensor) *tensor.Tensor {
	out, rest := flattened(in[0], o.rest)
	rest.CopyFrom(in[1])
	return out
}

func (o concatFlat) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	out, f := b.Grads(), product(o.dims[1:o.rank])
	if b.Needs(0) {
		out[0] = autograd.Reshape(autograd.Slice(gy, 1, 0, f), o.dims[:o.rank]...)
	}
	if b.Needs(1) {
		out[1] = autograd.Slice(gy, 1, f, f+o.rest)
	}
	return out
}
