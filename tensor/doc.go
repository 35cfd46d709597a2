// Package tensor computes with n-dimensional arrays of numbers. The rules for
// derivatives are package autograd's; this one has the products that they are
// made of, such as [Conv2DWeightGrad] and [EpilogueGrad].
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
// functions and methods named …Into, whose first argument is what they write;
// [AdamInto] writes the moments as well.
//
// # Broadcasting
//
// Functions of several tensors stretch them to a common shape, by NumPy's rule:
// shapes are matched from the right; two dims fit if they are equal or one of
// them is 1, and a missing axis counts as 1. So [64 3] fits [3], [64 1] and [],
// and does not fit [64]. Nothing is copied for it. Operations that write in
// place do not broadcast, but CopyFrom does. The reverse is [SumTo].
//
// # Views
//
// [Tensor.Reshape], [Tensor.Permute], [Tensor.T], [Tensor.Slice],
// [Tensor.Unsqueeze] and [Tensor.BroadcastTo] return views: tensors over the
// same memory, at no cost. Writing to a tensor therefore shows in its views, and
// the reverse. Only Reshape copies if no strides can describe the new shape.
// [Tensor.Clone] always copies, and [Tensor.Contiguous] does if the elements are
// not in row-major order without gaps.
//
// [AddScaledInto], [LerpInto] and CopyFrom may be given the same tensor, or
// overlapping views, as source and destination: the result is as if the sources
// were read before anything is written. A view from BroadcastTo that repeats
// elements cannot be written to, because several threads would write the same
// number in no particular order.
//
// Each write through a tensor or any of its views counts in [Tensor.Version].
//
// # Element types
//
// There are [Float32], in which networks train, and [Float64], in which
// gradients are checked and metrics computed. One operation never mixes them;
// [Tensor.Cast] converts. Scalar arguments and results are float64 and are
// rounded to the element type when they are stored. [Sum] accumulates in float64
// for either type.
//
// NaN and infinities propagate: no product is left out because a factor is zero.
//
// # Misuse
//
// Shapes that do not fit, mixed types, an axis that does not exist and the like
// are mistakes in the program, and panic with a [Misuse]: a [ShapeError],
// [ArgumentError], [DTypeError], [DeviceError] or [LifetimeError]. Its text names
// the operation, the shapes, the problem and a repair:
//
//	MatMul of [64 784] and [256 784]: the inner dims 784 and 256 differ; transpose one with T, or …
//
// Operands are checked before anything is computed or written. [Catch] returns
// such a panic as an error, for programs that serve others or take shapes from
// outside.
//
// # Scopes
//
// Memory is the garbage collector's, and a result stays valid as long as it is
// referenced. A loop that repeats the same computation can use the memory of a
// [Scope] instead: whatever is computed from a tensor of the scope lives in the
// scope too, Close takes all of it back for the next round, and from the second
// round on nothing is allocated. Using a tensor after its scope was closed
// panics; [Tensor.Keep] makes a copy that stays.
//
// # Random numbers
//
// A [Stream] is a sequence of random numbers named by a seed and a purpose. Its
// numbers depend on these and on the position, not on the number of threads nor,
// in Float32, on the device. Two integers are its whole state.
//
// # Devices
//
// Constructors make tensors on the [CPU]. [Tensor.To] copies one to another
// [Device], which [OpenDevice] opens by name, one of [DeviceNames]; results live
// where their operands do. On the CPU, work is shared between threads in pieces
// that depend on the shapes alone, and sums have a fixed order, so that results
// have the same bits for any GOMAXPROCS. Another instruction set may give other
// last bits; [Device.Arithmetic] names what they depend on. A device that cannot do
// its work, because it is out of memory for example, panics with a [DeviceFailure],
// which [Catch] returns as well. [Device.UseBLAS] sets another matrix product, and
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
//   - A shape that broadcasts by accident is not reported: the difference of [n]
//     and [n 1] is [n n]. Keep the axis, as [n 1], on both sides.
//   - Get elements by [Tensor.Float32s] or [Tensor.Float64s], all at once;
//     [Tensor.At] and [Tensor.Set] are for tests.
//   - Leave scopes to training loops, and keep what outlives a step out of them:
//     parameters, averages, statistics.
//   - Name a stream for each purpose. Then drawing one more number for one purpose
//     does not change the numbers of the others.
//   - Check in Float64, train in Float32.
//   - Run the tests with GANDER_POISON=1 now and then, if you use scopes.
package tensor
