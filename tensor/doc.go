// Package tensor computes with n-dimensional arrays of numbers. It has no rules
// for derivatives: those are package autograd's, which is built on this one and
// on the products that its rules are made of, such as [Conv2DWeightGrad] and
// [EpilogueGrad].
//
// # Tensors
//
// A [Tensor] has a shape, an element type and a device:
//
//	x := tensor.FromFloat32([]float32{1, 2, 3, 4, 5, 6}, 2, 3) // two rows, three columns
//	y := tensor.Full(tensor.Float32, 10, 3)                    // three times 10
//	z := tensor.Add(x, y)                                      // [[11 12 13] [14 15 16]]
//	fmt.Println(z, tensor.Sum(z).Item())
//
// Its shape is a list of dims, one for each axis; the number of axes is the
// rank. A tensor of rank 0, from [Scalar], is one number. Axes count from 0, or
// from −1 backwards. A dim may be 0: the sum of no elements is 0, and a product
// over no features is a matrix of zeros.
//
// Operations are functions that return new tensors and leave their operands
// alone. Those that overwrite one are the methods [Tensor.Set], [Tensor.Fill],
// [Tensor.CopyFrom], [Tensor.SetFloat32] and [Tensor.SetFloat64], and the
// functions and methods named …Into, whose first argument is what they write.
//
// # Broadcasting
//
// Functions of several tensors stretch them to a common shape, by NumPy's rule:
// shapes are matched from the right; two dims fit where they are equal or one
// of them is 1, and a missing axis counts as 1. So [64 3] fits [3], [64 1] and
// [], and does not fit [64]. Nothing is copied for it. Operations that write in
// place do not broadcast, but CopyFrom does. The reverse is [SumTo].
//
// # Views
//
// [Tensor.Reshape], [Tensor.Permute], [Tensor.T], [Tensor.Slice],
// [Tensor.Unsqueeze] and [Tensor.BroadcastTo] return views: tensors over the
// same memory, at no cost. Writing to a tensor therefore shows in its views, and
// the reverse. Reshape alone has an exception, where no strides could describe
// the new shape; then its result is a copy. [Tensor.Clone] always copies, and
// [Tensor.Contiguous] does where the elements do not lie in order.
//
// [AddScaledInto], [LerpInto] and CopyFrom may be given the same tensor, or
// overlapping views, as source and destination: the sources count as read before
// anything is written. What BroadcastTo has repeated cannot be written to,
// because several threads would write the same number in no particular order.
//
// Each write through a tensor or any of its views counts in [Tensor.Version].
//
// # Element types
//
// There are [Float32], in which networks train, and [Float64], in which
// gradients are checked and metrics computed. One operation never mixes them;
// [Tensor.Cast] converts. Single numbers in the interface are float64 and are
// rounded where they are stored. [Sum] accumulates in float64 for either type.
//
// NaN and infinities are numbers like any other. No product is left out because
// a factor is zero, so they reach the result, where they are noticed.
//
// # Misuse
//
// Shapes that do not fit, mixed types, an axis that does not exist and the like
// are mistakes in the program, and panic with a [Misuse]: a [ShapeError],
// [DTypeError], [DeviceError] or [LifetimeError]. Its text names the operation,
// the shapes, the problem and a repair:
//
//	MatMul of [64 784] and [256 784]: the inner dims 784 and 256 differ; transpose one with T, or …
//
// Operands are checked before anything is computed or written. A program that
// serves others, or takes shapes from outside, turns such a panic into an error
// by [Catch].
//
// # Scopes
//
// Memory is the garbage collector's, and a result is yours for ever. A loop that
// computes the same again and again can have its memory lent by a [Scope]
// instead: whatever is computed from a tensor of the scope lives in the scope
// too, Close takes all of it back for the next round, and a warm scope allocates
// nothing. Using a tensor after its scope was closed panics; [Tensor.Keep] makes
// a copy that stays.
//
// # Random numbers
//
// A [Stream] is a sequence of random numbers named by a seed and a purpose. What
// it gives depends on these and on the position, not on the number of threads
// nor, in Float32, on the device; two integers are all it takes to go on later.
//
// # Devices
//
// Constructors make tensors on the [CPU]. [Tensor.To] copies one to another
// [Device], which [OpenDevice] opens by name; results live where their operands
// do. On the CPU, work is shared between threads in pieces that depend on the
// shapes alone, and sums have a fixed order, so that results have the same bits
// for any GOMAXPROCS. [Device.UseBLAS] plugs in another matrix product, and
// [Device.SetPrecision] trades precision for speed in large ones.
//
// Any number of goroutines may read one tensor at once. Writing needs the care
// that writing to a slice does. A Scope and a Stream serve one goroutine at a
// time.
//
// # Advice
//
//   - Write down the shape of each tensor in a comment, [n, features]; most
//     mistakes are mistakes of shape.
//   - A shape that broadcasts by accident is the one mistake of shape that is not
//     reported: the difference of [n] and [n 1] is [n n]. Keep the axis, as
//     [n 1], on both sides.
//   - Get elements by [Tensor.Float32s] or [Tensor.Float64s], all at once;
//     [Tensor.At] and [Tensor.Set] are for tests.
//   - Leave scopes to training loops, and keep what outlives a step out of them:
//     parameters, averages, statistics.
//   - Name a stream for each purpose. Then one more number drawn for one does not
//     change what all the others get.
//   - Check in Float64, train in Float32.
//   - Run the tests with GANDER_POISON=1 now and then, if you use scopes.
package tensor
