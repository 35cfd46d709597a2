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
	leave := ctx.enter(0, "body", r.body)
	body, skip := r.body.Forward(ctx, x), x
	leave()
	if r.skip != nil {
		leave := ctx.enter(0, "skip", r.skip)
		skip = r.skip.Forward(ctx, x)
		leave()
	}
	if !body.Value().SameShape(skip.Value()) {
		panic(r.misfit(x.Shape(), body.Shape(), skip.Shape()))
	}
	return autograd.Add(body, skip)
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
