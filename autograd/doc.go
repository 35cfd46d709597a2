// Package autograd differentiates computations on tensors, to any order.
//
// # Values
//
// A [Var] is a tensor and, where it is tracked, the operation and the inputs
// that made it. [Leaf] starts tracking, [Const] does not, and [Var.Detach]
// stops. Operations are functions of Vars: [Mul], [Tanh], [MatMul], [Linear], ….
// What they compute is recorded exactly when one of their inputs is tracked.
//
// So there is no switch that turns recording off. A frozen network, an
// evaluation and a served model are the same thing: parameters handed out as
// constants. Such a switch would have to be global, and one goroutine could not
// train while another serves.
//
// # Gradients
//
// [Grad] walks the record backwards and returns ∂y/∂x for each x asked for. It
// is a function: it stores nothing in the Vars, and the record can be used
// again. Only what lies between y and the xs is computed, so that the gradient
// by a network's input does not cost those by its weights.
//
// Rules are written in the operations themselves. With [Opts].CreateGraph the
// gradient is therefore recorded like any other value, and can be part of a
// loss; for y = x³:
//
//	x := autograd.Leaf(tensor.Scalar(tensor.Float64, 2))
//	y := autograd.Pow(x, 3)
//	g := autograd.Grad(y, []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0] // 3x²
//	h := autograd.Grad(g, []*autograd.Var{x}, autograd.Opts{})[0]                  // 6x
//
// Gradient penalties of adversarial networks are such losses. Without
// CreateGraph, gradients are constants.
//
// # Conventions
//
// Where a function has a kink, its derivative is one by convention, which the
// operation's comment states: ReLU′(0) = 0, Abs′(0) = 0, LeakyReLU′(0) is the
// slope, Clamp passes the gradient on its closed interval, and equal maxima
// share it. No product with zero is left out, so NaN and infinities get through.
//
// # Operations of your own
//
// An [Op] is a type with three methods: a name, the value, and the rule that
// turns the gradient by the result into those by the inputs. [Apply] runs it;
// there is nothing to register. The rule gets at inputs and result by
// [Back.In] and [Back.Out], and is written in differentiable operations,
// because that is what makes second derivatives right. [Back.Needs] tells which
// gradients are wanted, and [Back.Shape] and [Back.Dim] are for rules that need
// no elements. A rule need not care about broadcasting: it may return a gradient
// of the broadcast shape, and the engine sums it to the input's.
//
// [Check] compares a function's first and second derivatives with finite
// differences. Give every operation a test that calls it: a rule that is right
// to first order can be wrong to second, for example where it uses a value that
// it should have recomputed from [Back.In].
//
// # Memory
//
// A recorded value keeps what it was computed from alive. Keep losses as
// numbers ([Var.Item]) and detach what outlives a step. Inside a
// [tensor.Scope], results and gradients live in the scope of the inputs.
//
// Writing to a tensor in place after an operation has used it does no harm
// unless a rule needs the old elements; then Grad panics with an
// [InPlaceError]. So an optimizer may update parameters once the gradients are
// there. Gradients may share memory with each other and with the record; treat
// them as read-only.
//
// # Goroutines
//
// Vars do not change. Any number of goroutines may compute with the same ones
// and call Grad at once, as long as nobody writes to the tensors below, and
// scopes, which serve one goroutine each, are not shared.
//
// # Errors
//
// Misuse panics with a value that implements [tensor.Misuse]: shapes that do
// not fit ([tensor.ShapeError]), a gradient that cannot be taken or a rule that
// returned nonsense ([GradError]), a value that is gone ([InPlaceError]).
package autograd
