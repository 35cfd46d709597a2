package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

func TestInPlaceChangesAreNoticed(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(x, w *ag.Var) *ag.Var
		input int
	}{
		{"Mul", ag.Mul, 1},
		{"Linear", func(x, w *ag.Var) *ag.Var { return ag.Linear(x, w, nil, tensor.Activation{}) }, 1},
		{"MatMul", func(x, w *ag.Var) *ag.Var { return ag.MatMul(w, x) }, 0},
		{"Exp", func(_, w *ag.Var) *ag.Var { return ag.Exp(ag.Reshape(w, -1)) }, -1},
	} {
		x, w := ag.Leaf(tensor.Full(tensor.Float64, 2, 3, 3)), ag.Leaf(tensor.Full(tensor.Float64, 3, 3, 3))
		y := c.f(x, w)
		if c.input < 0 {
			y.Value().Fill(0) // the result itself
			x = w
		} else {
			w.Value().Slice(0, 0, 1).Fill(0) // through a view
		}
		e := misuse[*ag.InPlaceError](t, func() { grad(y, x) })
		assert.Equal(t, c.name, e.Op)
		assert.Equal(t, c.input, e.Input)
		assert.Contains(t, e.Error(), "gradient of "+c.name)
		assert.Contains(t, e.Error(), "changed in place")
		if c.input < 0 {
			assert.Contains(t, e.Error(), "the result of shape [9]")
		} else {
			assert.Contains(t, e.Error(), "of shape [3 3]")
		}
	}
}

// Rules that need no elements do not mind that these are gone.
func TestInPlaceChangesThatDoNotMatter(t *testing.T) {
	for name, f := range map[string]func(x *ag.Var) *ag.Var{
		"Add":         func(x *ag.Var) *ag.Var { return ag.Add(x, x) },
		"Sub":         func(x *ag.Var) *ag.Var { return ag.Sub(x, x) },
		"Neg":         ag.Neg,
		"Scale":       func(x *ag.Var) *ag.Var { return ag.Scale(x, 2) },
		"Shift":       func(x *ag.Var) *ag.Var { return ag.Shift(x, 2) },
		"Sum":         func(x *ag.Var) *ag.Var { return ag.Sum(x, 0) },
		"Mean":        func(x *ag.Var) *ag.Var { return ag.Mean(x, 0) },
		"BroadcastTo": func(x *ag.Var) *ag.Var { return ag.BroadcastTo(x, 2, 2, 3) },
		"SumTo":       func(x *ag.Var) *ag.Var { return ag.SumTo(x, 3) },
		"Reshape":     func(x *ag.Var) *ag.Var { return ag.Reshape(x, 6) },
		"Permute":     func(x *ag.Var) *ag.Var { return ag.Permute(x, 1, 0) },
		"Transpose":   ag.Transpose,
		"Slice":       func(x *ag.Var) *ag.Var { return ag.Slice(x, 0, 0, 1) },
		"Pad":         func(x *ag.Var) *ag.Var { return ag.Pad(x, 0, 1, 1, 4) },
		"Concat":      func(x *ag.Var) *ag.Var { return ag.Concat(0, x, x) },
		"Gather":      func(x *ag.Var) *ag.Var { return ag.Gather(x, 0, tensor.Positions(1)) },
		"ScatterAdd":  func(x *ag.Var) *ag.Var { return ag.ScatterAdd(x, 0, 3, tensor.Positions(1, 1)) },
		"Where":       func(x *ag.Var) *ag.Var { return ag.Where(tensor.New(tensor.Float64, 2, 3), x, x) },
		"Tanh":        ag.Tanh, // needs its result only
	} {
		x := ag.Leaf(tensor.Full(tensor.Float64, 0.5, 2, 3))
		y := f(x)
		want := grad(y, x)
		x.Value().Fill(9)
		assert.NoError(t, tensor.Catch(func() { assert.Equal(t, want, grad(y, x), name) }), name)
	}

	// An optimizer's order of things: gradients, then the step, then a new
	// forward pass with the same leaf.
	w := vector(1, 2)
	g := ag.Grad(ag.Sum(ag.Square(w)), []*ag.Var{w}, ag.Opts{})[0]
	tensor.AddScaledInto(w.Value(), w.Value(), -0.5, g.Value())
	assert.Equal(t, []float64{0, 0}, w.Value().Float64s())
	assert.Equal(t, []float64{0, 0}, grad(ag.Square(w), w))
	e := misuse[*ag.InPlaceError](t, func() {
		y := ag.Square(w)
		w.Value().Fill(3)
		grad(y, w)
	})
	assert.Equal(t, "Square", e.Op)
}

// If one input's rule needs an overwritten value and another's does not, the
// second can still be had.
func TestInPlaceMattersPerInput(t *testing.T) {
	x, w := vector(2), vector(3)
	y := ag.Mul(x, w)
	w.Value().Fill(0)
	assert.Equal(t, []float64{2}, grad(y, w))
	misuse[*ag.InPlaceError](t, func() { grad(y, x) })
}
