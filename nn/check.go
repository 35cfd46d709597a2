package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// CheckGrad compares the first and second derivatives of a module's output with
// finite differences, as [autograd.Check] does, by every parameter that is not
// frozen, and by x too if it is tracked. It is for tests of modules of your own:
//
//	m := NewReZero(nn.Linear(3, 3))
//	nn.Init(m, 1, tensor.Float64, tensor.CPU())
//	x := autograd.Leaf(tensor.NewStream(1, "input").Normal(tensor.Float64, 5, 3))
//	err := nn.CheckGrad(&nn.Ctx{Train: true}, m, x, autograd.CheckOptions{})
//
// The passes are those of ctx, which may be nil. They must not draw random numbers,
// which differ from pass to pass; and a [SpectralNorm] must evaluate, since its
// vectors, which its gradient takes for constants, move in training. Parameters and
// buffers are as before afterwards, but nobody else may use the network meanwhile. The
// error tells where the derivatives differ, that something is not float64, or that a
// module reads a parameter otherwise than by [Ctx.Var]: neither gradients nor snapshots
// would reach it there.
//
// Whatever is computed by a network is checked by its weights as the output of a module
// that has the network as a part: the penalty of package gan's example of Penalty is.
func CheckGrad(ctx *Ctx, m Module, x *autograd.Var, o autograd.CheckOptions) error {
	given("CheckGrad", x)
	params := Params(m)
	xs := []*tensor.Tensor{x.Value()}
	fixed := map[*Param]*autograd.Var{}
	var free []*Param
	for _, p := range params {
		v := ctx.Var(p.Param)
		fixed[p.Param] = v.Detach()
		if p.Param.Frozen() {
			continue
		}
		if v.Value().DType() != tensor.Float64 {
			return fmt.Errorf("nn: CheckGrad: parameter %s is %v; finite differences need float64", p.Name, v.Value().DType())
		}
		free, xs = append(free, p.Param), append(xs, v.Value())
	}
	if !x.Tracked() {
		xs = xs[1:]
	}
	var pass Ctx
	if ctx != nil {
		pass = *ctx
	}
	pass.Updates = nil
	if err := readByPass(pass, m, params, fixed, x); err != nil {
		return err
	}
	return autograd.Check(func(vs []*autograd.Var) *autograd.Var {
		pass, input := pass, x
		if x.Tracked() {
			input, vs = vs[0], vs[1:]
		}
		vars := make(map[*Param]*autograd.Var, len(params))
		for _, p := range params {
			vars[p.Param] = fixed[p.Param]
			if i := slices.Index(free, p.Param); i >= 0 {
				vars[p.Param] = vs[i]
			}
		}
		pass.Weights = &Weights{vars: vars}
		return m.Forward(&pass, input)
	}, xs, o)
}

// readByPass returns an error if passes with given values for the parameters depend on
// something else: on what changes from one to the next, or on the values that the
// network has itself, which it changes for a moment.
func readByPass(pass Ctx, m Module, params []NamedParam, values map[*Param]*autograd.Var, x *autograd.Var) error {
	vars := map[*Param]*autograd.Var{}
	for p, v := range values {
		vars[p] = autograd.Leaf(v.Value().Clone())
	}
	pass.Weights = &Weights{vars: vars}
	var want []float64
	same := func() bool {
		y := m.Forward(&pass, x).Value().Cast(tensor.Float64).Float64s()
		if want == nil {
			want = y
		}
		return slices.EqualFunc(want, y, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	}
	if same(); !same() {
		return errors.New("nn: CheckGrad: two passes give different outputs; they must not draw random numbers, nor depend on what changes otherwise")
	}
	unmoved := func(v *tensor.Tensor) bool {
		before := v.Clone()
		defer v.CopyFrom(before)
		v.CopyFrom(tensor.Shift(tensor.Scale(before, 1.5), 1))
		return same()
	}
	for _, p := range params {
		if v := p.Param.Value(); v != nil && !unmoved(v) { // nil: the pass has weights of its own
			return fmt.Errorf("nn: CheckGrad: the module reads parameter %s otherwise than by Ctx.Var", p.Name)
		}
	}
	return nil
}
