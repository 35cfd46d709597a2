package tensor

import (
	"fmt"
	"strings"

	"github.com/gander-ml/gander/internal/backend"
)

// Misuse is implemented by every typed panic of this module, which are about
// mistakes in the program, as opposed to those of the outside world. [Catch]
// returns it as an error.
type Misuse interface {
	error
	// Misuse returns the likely repair, in a few words.
	Misuse() string
}

// ShapeError says that the shapes, an axis or an index given to an operation
// do not fit.
type ShapeError struct {
	Op      string  // the operation, "Add"
	Shapes  [][]int // the shape of every operand, in order
	Problem string  // what does not fit
	Fix     string  // the likely repair
}

func (e *ShapeError) Error() string {
	return describe(e.Op, listed(e.Shapes), e.Problem, e.Fix)
}

// Misuse returns the likely repair.
func (e *ShapeError) Misuse() string { return e.Fix }

// ArgumentError says that an argument other than a shape is wrong: a probability
// of 2, an interval of 0 steps, 0 workers.
type ArgumentError struct {
	Op      string // the function, "Dropout"
	Problem string // what is wrong, with the value received
	Fix     string // the likely repair
}

func (e *ArgumentError) Error() string { return describe(e.Op, "", e.Problem, e.Fix) }

// Misuse returns the likely repair.
func (e *ArgumentError) Misuse() string { return e.Fix }

// DTypeError says that operands have different element types, or a type that
// the operation does not take. There is no promotion.
type DTypeError struct {
	Op     string
	DTypes []DType // of every operand, in order
	Shapes [][]int
	Fix    string
}

func (e *DTypeError) Error() string {
	var ops []string
	for i, d := range e.DTypes {
		ops = append(ops, fmt.Sprintf("%v %v", d, e.Shapes[i]))
	}
	return describe(e.Op, strings.Join(ops, " and "), "the dtypes do not fit", e.Fix)
}

// Misuse returns the likely repair.
func (e *DTypeError) Misuse() string { return e.Fix }

// DeviceError says that the operands of an operation lie on different devices.
type DeviceError struct {
	Op      string
	Devices []string // of every operand, in order
	Shapes  [][]int
}

func (e *DeviceError) Error() string {
	var ops []string
	for i, d := range e.Devices {
		ops = append(ops, fmt.Sprintf("%v %v", d, e.Shapes[i]))
	}
	return describe(e.Op, strings.Join(ops, " and "), "the operands lie on different devices", e.Misuse())
}

// Misuse returns the likely repair.
func (e *DeviceError) Misuse() string { return "move one with Tensor.To" }

// LifetimeError says that a tensor was used after its [Scope] was closed, or
// together with one of another scope.
type LifetimeError struct {
	Op      string
	Shapes  [][]int
	Problem string
	Fix     string
}

func (e *LifetimeError) Error() string {
	return describe(e.Op, listed(e.Shapes), e.Problem, e.Fix)
}

// Misuse returns the likely repair.
func (e *LifetimeError) Misuse() string { return e.Fix }

// DeviceFailure says that a device could not do its work: it is out of memory,
// was lost, or reports an error. It is not the program's mistake, and so not a
// [Misuse].
type DeviceFailure = backend.Failure

func listed(shapes [][]int) string {
	var out []string
	for _, s := range shapes {
		out = append(out, fmt.Sprint(s))
	}
	return strings.Join(out, " and ")
}

func describe(op, operands, problem, fix string) string {
	var b strings.Builder
	b.WriteString(op)
	if operands != "" {
		b.WriteString(" of " + operands)
	}
	b.WriteString(": " + problem)
	if fix != "" {
		b.WriteString("; " + fix)
	}
	return b.String()
}

// Catch runs f and returns the [Misuse] or the [DeviceFailure] that it panics
// with as an error. It does not recover any other panic.
func Catch(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case Misuse:
			err = p
		case *DeviceFailure:
			err = p
		default:
			panic(p)
		}
	}()
	f()
	return nil
}

// Check panics, as an operation named op would, unless all tensors are usable and
// share one dtype, one device and at most one scope. Code that changes several
// tensors calls it before it changes the first.
func Check(op string, ts ...*Tensor) {
	if len(ts) > 0 {
		checkOperands(op, ts...)
	}
}

func shapesOf(ts ...*Tensor) [][]int {
	out := make([][]int, len(ts))
	for i, t := range ts {
		out[i] = t.Shape()
	}
	return out
}

func shapePanic(op, problem, fix string, operands ...*Tensor) {
	panic(&ShapeError{Op: op, Shapes: shapesOf(operands...), Problem: problem, Fix: fix})
}
