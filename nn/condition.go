package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Conditioned is a module that reads the condition of its pass, [Ctx.Condition]. A
// module with parts speaks for itself only; [ConditionSize] asks the parts.
type Conditioned interface {
	// ConditionSize returns how many numbers the condition of one sample has.
	ConditionSize() int
}

// ConditionSize returns how many numbers the condition of one sample has that the
// parts of a network read, or 0 if none is [Conditioned]. The error tells two parts
// that want different sizes.
func ConditionSize(m Module) (int, error) {
	size, _, err := conditionSize(m, 0, "")
	return size, err
}

// conditionSize adds what m says to what was found before.
func conditionSize(m Module, size int, by string) (int, string, error) {
	if c, ok := m.(Conditioned); ok {
		switch own := c.ConditionSize(); {
		case own == size || own == 0:
		case size != 0:
			return 0, "", fmt.Errorf("nn: %s reads a condition of %d numbers and %s one of %d; give a network's layers one size", by, size, kindOf(m), own)
		default:
			size, by = own, kindOf(m)
		}
	}
	var parts []Child
	switch m := m.(type) {
	case Wrapper:
		parts = []Child{{Module: m.Unwrap()}}
	case Parent:
		parts = m.Children()
	}
	for _, c := range parts {
		var err error
		if size, by, err = conditionSize(c.Module, size, by); err != nil {
			return 0, "", err
		}
	}
	return size, by, nil
}

// PassBound is a [PiecewiseLinear] module that needs more of a pass than its input
// and output: the condition, or what it draws. Whoever asks for its derivatives
// binds it first.
type PassBound interface {
	PiecewiseLinear
	// Bind returns the module as it is in one pass with ctx: Forward, Push, Pull
	// and WeightGrad of what it returns belong together.
	Bind(ctx *Ctx) PiecewiseLinear
}

// titled is a layer with a name for messages.
type titled interface{ name() string }

// condition returns the pass's condition [n, size] for the input x [n, …] of a
// layer. It panics if there is none, or if it does not fit.
func (c *Ctx) condition(layer titled, x *autograd.Var, size int) *autograd.Var {
	if c == nil || c.Condition == nil {
		panic(&StateError{Problem: fmt.Sprintf("%s needs a condition, and this pass has none", layer.name()),
			Fix: fmt.Sprintf("set Ctx.Condition to [n, %d]", size)})
	}
	v := c.Condition.Value()
	if v.Rank() != 2 || v.Dim(1) != size || x.Value().Rank() == 0 || v.Dim(0) != x.Value().Dim(0) {
		panic(&tensor.ShapeError{Op: layer.name(), Shapes: [][]int{x.Shape(), v.Shape()},
			Problem: fmt.Sprintf("the condition does not have %d numbers for each sample", size), Fix: fmt.Sprintf("give [n, %d] with the n of the samples", size)})
	}
	return c.Condition
}

// embedder is the linear layer that a condition goes through, within a [Wrapper]
// or not.
type embedder struct {
	module Module
	linear *linear
}

// newEmbedder panics if m is another layer.
func newEmbedder(op string, m Module) embedder {
	inner := m
	for w, ok := inner.(Wrapper); ok; w, ok = inner.(Wrapper) {
		inner = w.Unwrap()
	}
	l, ok := inner.(*linear)
	if !ok {
		panic(&StateError{Problem: fmt.Sprintf("%s of %s", op, nameOf(m)), Fix: "give a Linear, in a SpectralNorm or not"})
	}
	return embedder{m, l}
}

// plain reports whether the layer's weight is a parameter, and not computed.
func (e embedder) plain() bool { return e.module == Module(e.linear) }

// nameOf is what messages call a module that may be missing.
func nameOf(m Module) string {
	if m == nil {
		return "nil"
	}
	return kindOf(m)
}

// firstFeatures returns the first f numbers along axis 1.
func firstFeatures(g *tensor.Tensor, f int) *tensor.Tensor { return g.Slice(1, 0, f) }

// widened returns in with more features along axis 1, if it has that axis.
func widened(layer titled, in []int, more int) ([]int, error) {
	if len(in) < 2 {
		return nil, misfit(layer.name(), in, "there is no axis of features or channels", "give [n, features] or [n, channels, …]")
	}
	out := append([]int{}, in...)
	out[1] += more
	return out, nil
}

// beside puts features [n, k] beside x along axis 1: as they are beside rows, and
// as planes of one value beside the channels of images.
func beside(x, features *autograd.Var) *autograd.Var {
	if x.Value().Rank() > 2 {
		shape := x.Shape()
		k := features.Value().Dim(1)
		column := []int{shape[0], k}
		for range shape[2:] {
			column = append(column, 1)
		}
		shape[1] = k
		features = autograd.BroadcastTo(autograd.Reshape(features, column...), shape...)
	}
	return autograd.Concat(1, x, features)
}

// exportBeside is beside, of k features.
func exportBeside(g *Graph, x, features *Value, k int) *Value {
	if pixels := x.Shape[2:]; len(pixels) > 0 {
		column, plane := []int{k}, []int{1, 1}
		for _, d := range pixels {
			column, plane = append(column, 1), append(plane, d)
		}
		features = g.Op("Expand", nil, g.Reshape(features, column...), g.Ints("plane", plane...))
	}
	return g.Op("Concat", Attrs{"axis": 1}, x, features)
}
