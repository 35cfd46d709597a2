package autograd

import (
	"errors"
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// CheckOptions are the options of [Check]; the zero value is the usual case.
type CheckOptions struct {
	// Order of the highest derivative to check: 1 or 2. Default 2.
	Order int
	// Directions is how many random directions are tried. Default 3.
	Directions int
	// Tolerance is the largest deviation allowed, relative to the larger of 1
	// and the derivative. Default 1e-7.
	Tolerance float64
	// Step of the finite difference. Default 1e-3. Kinks closer than twice the
	// step to the given point make the difference meaningless, and where f bends much
	// within a step, it is coarse.
	Step float64
	// Seed of the random directions.
	Seed uint64
}

func (o CheckOptions) withDefaults() CheckOptions {
	if o.Order == 0 {
		o.Order = 2
	}
	if o.Directions == 0 {
		o.Directions = 3
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-7
	}
	if o.Step == 0 {
		o.Step = 1e-3
	}
	return o
}

// Check compares the gradient of f at xs, which are Float64, with finite
// differences, and returns an error that describes the first one that is too large. If
// the deviation gets much smaller with half the step, the error says so: then it is the
// difference that is wrong rather than the gradient, and a smaller [CheckOptions.Step]
// will do.
//
// For the first order it takes L = Σ fᵢ·(cᵢ + fᵢ/2) of f's result with random c,
// and a random direction d, and compares ∇L·d with the central difference of L
// along d. For the second it takes S = ∇L·d, which itself depends on xs, and
// compares its gradient with the central difference of S along a second direction;
// so it checks every derivative that a gradient penalty uses. The square in L makes
// the gradient by f's result depend on xs, as it does within a larger loss. The
// difference is of fourth order: (8(L₁−L₋₁) − (L₂−L₋₂))/12h.
//
// f must be differentiable around xs and give the same result every time.
func Check(f func(xs []*Var) *Var, xs []*tensor.Tensor, o CheckOptions) error {
	o = o.withDefaults()
	if len(xs) == 0 {
		return errors.New("autograd: Check: there are no inputs to differentiate by")
	}
	for i, x := range xs {
		if x == nil {
			panic(noTensor("Check"))
		}
		if x.DType() != tensor.Float64 {
			return fmt.Errorf("autograd: Check: input %d is %v; finite differences need float64", i, x.DType())
		}
	}
	random := tensor.NewStream(o.Seed, "autograd.Check")
	draw := func(like []*tensor.Tensor) []*tensor.Tensor {
		out := make([]*tensor.Tensor, len(like))
		for i, t := range like {
			out[i] = random.Normal(tensor.Float64, t.Shape()...)
		}
		return out
	}
	result := f(constants(xs)).value
	for dir := range o.Directions {
		weight := Const(random.Normal(tensor.Float64, result.Shape()...))
		loss := func(xs []*Var) *Var {
			y := f(xs)
			return Sum(Mul(y, Add(weight, Scale(y, 0.5))))
		}
		d := draw(xs)
		if err := compare(loss, xs, d, o, fmt.Sprintf("first derivative, direction %d", dir)); err != nil {
			return err
		}
		if o.Order < 2 {
			continue
		}
		derivative := func(vs []*Var) *Var {
			// The caller may pass constants, for values only.
			leaves := make([]*Var, len(vs))
			for i, v := range vs {
				leaves[i] = v
				if !v.Tracked() {
					leaves[i] = Leaf(v.value)
				}
			}
			return dot(Grad(loss(leaves), leaves, Opts{CreateGraph: true, AllowConstant: true}), d)
		}
		if err := compare(derivative, xs, draw(xs), o, fmt.Sprintf("second derivative, direction %d", dir)); err != nil {
			return err
		}
	}
	return nil
}

// compare compares the gradient of the scalar f along d with its finite
// difference.
func compare(f func([]*Var) *Var, xs, d []*tensor.Tensor, o CheckOptions, what string) error {
	leaves := make([]*Var, len(xs))
	for i, x := range xs {
		leaves[i] = Leaf(x)
	}
	y := f(leaves)
	got := 0.0
	if y.Tracked() {
		got = dot(Grad(y, leaves, Opts{AllowConstant: true}), d).Item()
	}
	difference := func(step float64) float64 {
		at := func(k float64) float64 {
			moved := make([]*Var, len(xs))
			for i, x := range xs {
				moved[i] = Const(tensor.Add(x, tensor.Scale(d[i], k*step)))
			}
			return f(moved).Item()
		}
		return (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * step)
	}
	want := difference(o.Step)
	diff, allowed := math.Abs(got-want), o.Tolerance*max(1, math.Abs(want))
	if diff <= allowed {
		return nil
	}
	err := fmt.Errorf("autograd: %s: the gradient gives %.12g, the finite difference %.12g (off by %.3g, allowed %.3g)", what, got, want, diff, allowed)
	// Of a function that is smooth, the error of the difference falls to a sixteenth.
	if half := math.Abs(got - difference(o.Step/2)); half < diff/8 {
		err = fmt.Errorf("%w; with half the step it is off by %.3g: a smaller CheckOptions.Step will do", err, half)
	}
	return err
}

func constants(xs []*tensor.Tensor) []*Var {
	out := make([]*Var, len(xs))
	for i, x := range xs {
		out[i] = Const(x)
	}
	return out
}

// dot returns Σ gs·d over all inputs.
func dot(gs []*Var, d []*tensor.Tensor) *Var {
	var total *Var
	for i, g := range gs {
		s := Sum(Mul(g, Const(d[i])))
		if total == nil {
			total = s
		} else {
			total = Add(total, s)
		}
	}
	return total
}
