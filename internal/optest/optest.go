// Package optest tests operations from a table. A [Row] holds one operation (a
// primitive, a composite, a layer or a loss, which are all functions of Vars),
// its definition written as plain loops, and the points and shapes to try.
// [Run] then checks, for every row:
//
//   - the value against the definition, in float64 and float32, also with NaN
//     and ±Inf among the inputs;
//   - the first and second derivative against finite differences in float64,
//     and the float32 one against that;
//   - the derivative at kinks, which is a convention, exactly;
//   - inputs that are permuted, strided or repeated views;
//   - a device that is not host memory (package far) against the CPU;
//   - the same bits inside a scope whose memory holds old elements;
//   - every subset of tracked inputs;
//   - typed panics that name the operation, the shapes and a repair.
//
// Samples with dims of zero belong in every row that allows them.
// [Functions] and [OpTypes] list what a package's table has to cover.
package optest

import (
	"strings"
	"testing"

	"github.com/gander-ml/gander/autograd"
)

// Row is one operation with what is needed to test it.
type Row struct {
	// Name is the function's name, with a variant after a slash: "Linear/tanh".
	Name string
	// F is the function under test. Constants that it makes must have the
	// dtype and device of the inputs.
	F func(xs []*autograd.Var) *autograd.Var
	// Ref is F's definition.
	Ref func(xs []Array) Array
	// Shapes has one sample per entry: the inputs' shapes, as "[2 3] [3]". The
	// last axes of one sample should be longer than a vector register.
	Shapes []string
	// Domain has the interval that each input is drawn from. The last one is also
	// that of all inputs that follow; an empty list means [−2, 2].
	Domain []Domain
	// Tol and Tol32 are the deviations allowed in float64 and float32,
	// relative to the larger of 1 and the number wanted, whatever the size of
	// the arrays. Derivatives are allowed four times as much. Default 1e-13
	// and 2e-6.
	Tol, Tol32 float64
	// Kinks are points at which the derivative is a convention.
	Kinks []Kink
	// Misuse has calls that must panic.
	Misuse []Misuse
	// Op is the operation's name in messages. Default is Name up to the slash.
	Op string
	// Composite says that F has no rule of its own, so that messages may name
	// the operations it is made of.
	Composite bool
}

// Domain is the interval [Lo, Hi] without the neighbourhoods of the Kinks.
type Domain struct {
	Lo, Hi float64
	Kinks  []float64
}

// Kink is a point at which the derivative is a convention: In has a vector per
// input, and Grad the gradient of the result's sum by each.
type Kink struct {
	In, Grad [][]float64
}

// Misuse is a call that must panic with a [tensor.ShapeError], or with a
// [tensor.ArgumentError].
type Misuse struct {
	// Shapes of the inputs, as "[2 3] [3]".
	Shapes string
	// F is called in place of the row's F, unless it is nil.
	F func(xs []*autograd.Var) *autograd.Var
	// Says is a part of the message.
	Says string
}

func (r Row) withDefaults() Row {
	if len(r.Domain) == 0 {
		r.Domain = []Domain{{Lo: -2, Hi: 2}}
	}
	if r.Op == "" {
		r.Op, _, _ = strings.Cut(r.Name, "/")
	}
	if r.Tol == 0 {
		r.Tol = 1e-13
	}
	if r.Tol32 == 0 {
		r.Tol32 = 2e-6
	}
	return r
}

// Samples returns the inputs of each of the row's samples.
func (r Row) Samples() [][]Array {
	r = r.withDefaults()
	var out [][]Array
	for _, shapes := range r.Shapes {
		var s sequence
		var xs []Array
		for i, shape := range parse(shapes) {
			xs = append(xs, s.draw(shape, r.Domain[min(i, len(r.Domain)-1)]))
		}
		out = append(out, xs)
	}
	return out
}

// aspects are the properties that a row is tested for.
var aspects = []struct {
	name  string
	check func(Row) error
}{
	{"forward", checkForward},
	{"special values", checkSpecial},
	{"derivatives", checkDerivatives},
	{"float32", checkFloat32},
	{"kinks", checkKinks},
	{"layouts", checkLayouts},
	{"scope", checkScope},
	{"tracking", checkTracking},
	{"misuse", checkMisuse},
	{"device far", func(r Row) error { return checkDevice(r, "far") }},
}

// Run tests each row in a subtest of its name.
func Run(t *testing.T, rows []Row) {
	for _, r := range rows {
		r = r.withDefaults()
		t.Run(r.Name, func(t *testing.T) {
			for _, a := range aspects {
				if err := a.check(r); err != nil {
					t.Errorf("%s: %v", a.name, err)
				}
			}
		})
	}
}

// RunOn compares the results on a device with those of the CPU.
func RunOn(t *testing.T, rows []Row, device string) {
	for _, r := range rows {
		r = r.withDefaults()
		t.Run(r.Name, func(t *testing.T) {
			if err := checkDevice(r, device); err != nil {
				t.Error(err)
			}
		})
	}
}
