// Package autograd differentiates computations on tensors, to any order.
//
// # Values
//
// A [Var] is a tensor and, if it is tracked, the operation and the inputs that
// made it. [Leaf] makes a tracked Var and [Const] an untracked one; [Var.Detach]
// ends tracking. Operations are functions of Vars: [Mul], [Tanh], [MatMul],
// [Linear], …. Their results are recorded exactly if one of their inputs is
// tracked.
//
// So there is no switch for recording. A network that is frozen, evaluated or
// served is one whose parameters are constants. A switch would have to be global,
// and one goroutine could not train while another serves.
//
// # Gradients
//
// [Grad] walks the record backwards and returns ∂y/∂x for each given x. It stores
// nothing in the Vars, and the record can be used again. It computes only what lies
// between y and the xs, so that the gradient by a network's input does not cost
// those by its weights.
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
// The derivative at a kink is a convention, which the operation's comment states:
// ReLU′(0) = 0, Abs′(0) = 0, LeakyReLU′(0) is the slope, Clamp′ is 1 on its closed
// interval, and equal maxima share the gradient. No product with zero is left out,
// so NaN and infinities propagate.
//
// # Operations of your own
//
// An [Op] is a type with three methods: its name, its value, and the rule that
// computes the gradients by the inputs from the gradient by the result. [Apply]
// runs it; there is nothing to register. The rule gets inputs and result from
// [Back.In] and [Back.Out], and is written in differentiable operations, so that
// second derivatives are right. [Back.Needs] reports which gradients are wanted,
// and [Back.Shape] and [Back.Dim] are for rules that do not need the elements. A
// rule may ignore broadcasting: if it returns a gradient of the broadcast shape,
// the engine sums it to the input's.
//
// [Check] compares a function's first and second derivatives with finite
// differences. Give every operation a test that calls it: a rule that is right to
// first order can be wrong to second, for example if it uses a value that it
// should have recomputed from [Back.In].
//
// # Memory
//
// A recorded value keeps what it was computed from alive. Keep losses as numbers
// ([Var.Item]) and detach what outlives a step. Results and gradients live in the
// [tensor.Scope] of the inputs, if they have one.
//
// A tensor may be changed in place after an operation has used it, unless a rule
// needs the old elements; then Grad panics with an [InPlaceError]. So an optimizer
// may update parameters once the gradients are computed. Gradients may share
// memory with each other and with the record; treat them as read-only.
//
// # Goroutines
//
// Vars do not change. Any number of goroutines may compute with the same ones and
// call Grad at once, as long as none writes to their tensors, and none of these
// lives in a scope, which serves one goroutine.
//
// # Errors
//
// Misuse panics with a value that implements [tensor.Misuse]: a
// [tensor.ShapeError] if shapes do not fit, a [GradError] if a gradient cannot be
// taken or a rule returns one that does not fit, an [InPlaceError] if a needed
// value was overwritten.
package autograd
