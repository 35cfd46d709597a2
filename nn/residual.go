package nn

import (
	"errors"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Residual adds what its two parts make of the same input: body(x) + skip(x)
// (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016). A
// skip of nil is the identity; one that is not brings x to the body's shape, such
// as a convolution with a kernel of 1, or a pool. The parts are called "body" and
// "skip". It panics with a [StateError] if body is nil, and with a
// [tensor.ShapeError] if the two results differ in shape.
//
// If the body ends in a [Linear], its last operation adds what the skip makes; in a
// [Sequential], it applies the activation after the block, too.
//
// A block that halves images, as discriminators have it:
//
//	nn.Residual(
//		nn.Sequential(nn.Conv2D(32, 64, 3, nn.Padding(1)), nn.LeakyReLU(0.2), nn.AvgPool2D(2)),
//		nn.Sequential(nn.AvgPool2D(2), nn.Conv2D(32, 64, 1, nn.NoBias())))
func Residual(body, skip Module) Module {
	if body == nil {
		panic(&StateError{Problem: "a Residual has no body", Fix: "give one; only the skip may be nil"})
	}
	return residual{body: body, skip: skip}
}

// residual is not [PiecewiseLinear]: what that asks of a layer takes the values
// between the layers of its parts.
type residual struct {
	perSample
	body, skip Module // skip may be nil
}

func (r residual) Children() []Child {
	parts := []Child{{"body", r.body}}
	if r.skip != nil {
		parts = append(parts, Child{"skip", r.skip})
	}
	return parts
}

func (r residual) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	return r.ForwardFused(ctx, x, tensor.Activation{})
}

// ForwardFused implements [Fusing].
func (r residual) ForwardFused(ctx *Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var {
	// The skip's layers come after the body's, but for the body's last, if that can add:
	// those that draw random numbers or change buffers have an order.
	leave := ctx.enter(0, "body", r.body)
	rest := untilLinear(ctx, r.body, x)
	body, skip := (*autograd.Var)(nil), x
	if rest == nil {
		body = r.body.Forward(ctx, x)
	}
	leave()
	if r.skip != nil {
		leave := ctx.enter(0, "skip", r.skip)
		skip = r.skip.Forward(ctx, x)
		leave()
	}
	if rest != nil {
		leave := ctx.enter(0, "body", r.body)
		defer leave()
		return rest(skip, act, func(body []int) error { return r.misfit(x.Shape(), body, skip.Shape()) })
	}
	if !body.Value().SameShape(skip.Value()) {
		panic(r.misfit(x.Shape(), body.Shape(), skip.Shape()))
	}
	return autograd.Activate(autograd.Add(body, skip), act)
}

// adding is a [Linear] that waits for what it is to add before an activation. If that
// does not have its result's shape, it panics with what misfit says.
type adding func(add *autograd.Var, act tensor.Activation, misfit func(shape []int) error) *autograd.Var

// untilLinear does the pass of a module that ends in a [Linear], within [Wrapper]s or
// not, up to that layer. It returns nil, and does nothing, if m does not end so.
func untilLinear(ctx *Ctx, m Module, x *autograd.Var) adding {
	if !endsInLinear(m) {
		return nil
	}
	switch m := m.(type) {
	case sequential:
		last := len(m) - 1
		x = m[:last].Forward(ctx, x)
		leave := ctx.enter(last, "", m[last])
		rest := untilLinear(ctx, m[last], x)
		leave()
		return func(add *autograd.Var, act tensor.Activation, misfit func([]int) error) *autograd.Var {
			defer ctx.enter(last, "", m[last])()
			return rest(add, act, misfit)
		}
	case Wrapper:
		return untilLinear(m.Pass(ctx, x), m.Unwrap(), x)
	}
	l := m.(*linear)
	return func(add *autograd.Var, act tensor.Activation, misfit func([]int) error) *autograd.Var {
		shape, err := l.OutShape(x.Shape())
		switch {
		case err != nil:
			panic(err)
		case !slices.Equal(shape, add.Shape()):
			panic(misfit(shape))
		}
		return l.forwardAdding(ctx, x, add, act)
	}
}

func endsInLinear(m Module) bool {
	switch m := m.(type) {
	case sequential:
		return len(m) > 0 && endsInLinear(m[len(m)-1])
	case Wrapper:
		return endsInLinear(m.Unwrap())
	}
	_, is := m.(*linear)
	return is
}

func (r residual) OutShape(in []int) ([]int, error) {
	body, err := OutShape(r.body, in)
	skip := in
	if err == nil && r.skip != nil {
		skip, err = OutShape(r.skip, in)
	}
	if err == nil && !slices.Equal(body, skip) {
		err = r.misfit(in, body, skip)
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

func (residual) misfit(in, body, skip []int) error {
	return &tensor.ShapeError{Op: "Residual", Shapes: [][]int{slices.Clone(in), body, slices.Clone(skip)},
		Problem: "body and skip make different shapes of the input", Fix: "give a skip that makes the body's shape"}
}

// Export implements [Exporter].
func (r residual) Export(g *Graph, x *Value) *Value {
	body, skip := g.Part("body", r.body, x), x
	if r.skip != nil {
		skip = g.Part("skip", r.skip, x)
	}
	return g.Op("Add", nil, body, skip)
}

type residualSpec struct {
	Body Part `json:"body"`
	Skip Part `json:"skip"`
}

// Describe implements [Describer].
func (r residual) Describe() (string, any) {
	return "Residual", residualSpec{Part{r.body}, Part{r.skip}}
}

func init() {
	Register("Residual", func(c residualSpec) (Module, error) {
		if c.Body.Module == nil {
			return nil, errors.New("there is no body")
		}
		return Residual(c.Body.Module, c.Skip.Module), nil
	})
}
