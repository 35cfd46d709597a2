package optest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// result is the value of a function and its derivatives at one point.
type result struct {
	y     *tensor.Tensor
	first []*tensor.Tensor // the gradient of a loss of y
	next  []*tensor.Tensor // the gradient of Σ first·d for fixed numbers d
}

// evaluate computes a result, all on the inputs' device and in their dtype.
func evaluate(f func([]*autograd.Var) *autograd.Var, xs []*tensor.Tensor) result {
	leaves := apply(autograd.Leaf, xs)
	y := f(leaves)
	var s sequence
	first := autograd.Grad(s.loss(y), leaves, autograd.Opts{CreateGraph: true})
	total := autograd.Const(tensor.Full(y.Value().DType(), 0).To(y.Value().Device()))
	for _, g := range first {
		total = autograd.Add(total, autograd.Sum(autograd.Mul(g, s.like(g))))
	}
	next := autograd.Grad(total, leaves, autograd.Opts{})
	return result{y.Value(), autograd.Values(first), autograd.Values(next)}
}

// loss returns Σ yᵢ·(cᵢ + yᵢ/2) for fixed numbers c, whose gradient by y depends
// on y.
func (s *sequence) loss(y *autograd.Var) *autograd.Var {
	return autograd.Sum(autograd.Mul(y, autograd.Add(s.like(y), autograd.Scale(y, 0.5))))
}

// like returns fixed numbers of v's shape, dtype and device.
func (s *sequence) like(v *autograd.Var) *autograd.Var {
	t := v.Value()
	return autograd.Const(s.draw(t.Shape(), Domain{Lo: -1, Hi: 1}).Tensor(t.DType()).To(t.Device()))
}

func apply(f func(*tensor.Tensor) *autograd.Var, xs []*tensor.Tensor) []*autograd.Var {
	out := make([]*autograd.Var, len(xs))
	for i, x := range xs {
		out[i] = f(x)
	}
	return out
}

func tensors(dt tensor.DType, xs []Array) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(xs))
	for i, x := range xs {
		out[i] = x.Tensor(dt)
	}
	return out
}

// all lists a result's tensors under the names that messages use.
func (r result) all() (names []string, ts []*tensor.Tensor) {
	names, ts = append(names, "value"), append(ts, r.y)
	for i, g := range r.first {
		names, ts = append(names, fmt.Sprintf("gradient by input %d", i)), append(ts, g)
	}
	for i, g := range r.next {
		names, ts = append(names, fmt.Sprintf("second derivative by input %d", i)), append(ts, g)
	}
	return names, ts
}

// near compares two results. Derivatives may deviate four times as much as the
// value, because they are computed by more operations.
func (r result) near(want result, tol float64) error {
	names, got := r.all()
	_, wanted := want.all()
	for i, g := range got {
		if i == 1 {
			tol *= 4
		}
		if err := near(arrayOf(g), arrayOf(wanted[i]), tol); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}

// keep returns the result outside its scope.
func (r result) keep() result {
	keep := func(ts []*tensor.Tensor) (out []*tensor.Tensor) {
		for _, t := range ts {
			out = append(out, t.Keep())
		}
		return out
	}
	return result{r.y.Keep(), keep(r.first), keep(r.next)}
}

// identical compares two results bit for bit.
func (r result) identical(want result) error {
	names, got := r.all()
	_, wanted := want.all()
	for i, g := range got {
		if err := identical(g, wanted[i]); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}

func identical(got, want *tensor.Tensor) error {
	g, w := arrayOf(got), arrayOf(want)
	same := slices.EqualFunc(g.Data, w.Data, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if !slices.Equal(g.Shape, w.Shape) || !same {
		return fmt.Errorf("%v, want the same bits as %v", g, w)
	}
	return nil
}
