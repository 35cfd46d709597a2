package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Shaper is a module that knows its output's shape without running.
type Shaper interface {
	// OutShape returns the output's shape for an input's, or an error if the
	// module does not take that input. It does not keep or change in, but may
	// return it.
	OutShape(in []int) ([]int, error)
}

// ErrUnknownShape says that a module is not a [Shaper].
var ErrUnknownShape = errors.New("the module does not tell its output's shape")

// OutShape returns the shape that a module makes of an input's shape. The error
// wraps [ErrUnknownShape] if a part is not a [Shaper]; if a part does not take
// its input, it is what Forward would panic with.
func OutShape(m Module, in []int) ([]int, error) {
	s, ok := m.(Shaper)
	if !ok {
		return nil, fmt.Errorf("nn: %T: %w; give it a method OutShape", m, ErrUnknownShape)
	}
	return s.OutShape(slices.Clone(in))
}

// outShape returns the shape that a module makes of x, and panics if the module
// does not take it. Forward begins with it.
func outShape(m Shaper, x *autograd.Var) []int {
	out, err := m.OutShape(x.Shape())
	if err != nil {
		panic(err)
	}
	return out
}

// misfit is the error of a layer that does not take inputs of a shape.
func misfit(layer string, in []int, problem, fix string) error {
	return &tensor.ShapeError{Op: layer, Shapes: [][]int{slices.Clone(in)}, Problem: problem, Fix: fix}
}

// notImages is the error of a layer that takes images, whatever their channels.
func notImages(layer string, in []int) error {
	return misfit(layer, in, "this is not an image batch", "give [n, channels, height, width]; reshape vectors first")
}

// elementwise is embedded in modules that act on each element by itself, in a
// tensor of any shape.
type elementwise struct{ perSample }

// OutShape implements [Shaper].
func (elementwise) OutShape(in []int) ([]int, error) { return in, nil }
