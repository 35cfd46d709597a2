// Package backend defines what package tensor asks of a device that holds numbers
// and computes with them. A [Backend] has families of methods; an operand is a
// buffer with a layout, and the destination comes first.
//
// # The contract of a device
//
// Operations take effect in the order of the calls, from whichever goroutine
// they are made: a device has one queue. A method may return before the work is
// done, but host memory given to [Backend.Upload] and [Backend.Download] belongs
// to the caller again on return. A device that has failed panics with a
// [*Failure], at the latest in Download or Sync; running out of memory is a
// Failure of Alloc and leaves the device usable.
//
// Device memory is freed when its buffer is garbage. A backend whose memory is not
// the garbage collector's does so by [runtime.AddCleanup] on the buffer: while an
// operation is queued, its operands keep their buffers alive, and memory is freed
// in queue order, so none is freed that is still in use. The collector does not
// know how much device memory its garbage holds, so Alloc collects it, by
// [runtime.GC], before it fails. [Backend.Free] frees memory early.
//
// Backends trust their caller: package tensor checks shapes, dtypes and lifetimes
// before it calls, so a backend contains arithmetic only. Every backend must pass
// backendtest.Run, which compares it with the slow float64 backend in package ref.
// Package far is a device for tests whose memory is not host memory.
//
// CONTRIBUTING.md lists the places that a new operation needs.
package backend

import (
	"fmt"

	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// DType is the type of an array's elements.
type DType uint8

// The closed set of element types. Float64 is what gradient checks and metrics
// run in; Float32 is what networks train in.
const (
	Float32 DType = iota
	Float64
)

// String returns "float32" or "float64".
func (d DType) String() string {
	switch d {
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Size returns the bytes of one element. It panics on an unknown dtype.
func (d DType) Size() int {
	switch d {
	case Float32:
		return 4
	case Float64:
		return 8
	}
	panic(UnknownDType(d))
}

// UnknownDType returns the error that switches over dtypes panic with in their
// default case, so that a third type cannot be taken for one of the two.
func UnknownDType(d DType) error { return fmt.Errorf("backend: unknown dtype %v", d) }

// Buffer is a flat run of elements on one device.
type Buffer interface {
	DType() DType
	Len() int // elements
}

// Operand is an array: a buffer and the places of its elements in it.
type Operand struct {
	Buffer Buffer
	Layout layout.Layout
}

// Is64 reports whether an operand holds float64, and not float32. It panics on any
// other type.
func (o Operand) Is64() bool {
	switch dt := o.Buffer.DType(); dt {
	case Float32:
		return false
	case Float64:
		return true
	default:
		panic(UnknownDType(dt))
	}
}

// Distribution names what Random draws.
type Distribution uint8

// The distributions.
const (
	Uniform Distribution = iota // on [0, 1)
	Normal                      // mean 0, variance 1
	NumDistribution
)

// Precision is how a device may round the factors of products of Float32
// matrices.
type Precision uint8

// The precisions.
const (
	FullPrecision Precision = iota // not at all
	BFloat16                       // to bfloat16, in large products
	TF32                           // to TF32, likewise
)

// String returns "float32", "bfloat16" or "tf32".
func (p Precision) String() string {
	switch p {
	case FullPrecision:
		return "float32"
	case BFloat16:
		return "bfloat16"
	case TF32:
		return "tf32"
	}
	return fmt.Sprintf("Precision(%d)", uint8(p))
}

// Backend is a device. The destination never overlaps a source, except that in
// element-wise families both may be the same array, element for element.
type Backend interface {
	// Name returns the device's name: "cpu", "ref", "cuda:0".
	Name() string

	// Alloc returns a buffer of n elements, all zero.
	Alloc(dt DType, n int) Buffer
	// Free frees the buffer's memory, after all work queued so far. No operand
	// may use the buffer afterwards.
	Free(b Buffer)
	// Upload copies host memory to dst, which is contiguous, of src's dtype and
	// length.
	Upload(dst Operand, src *Host)
	// Download copies src, which is contiguous, of dst's dtype and length, to
	// host memory.
	Download(dst *Host, src Operand)
	// Sync returns when all work queued so far is done.
	Sync()
	// ImageOrder returns a layout of images [n, c, h, w] with the dims of l, without
	// gaps, in the memory order that convolutions prefer.
	ImageOrder(l layout.Layout) layout.Layout

	// Copy sets dst = src element for element, converting between dtypes.
	Copy(dst, src Operand)
	// Fill sets every element of dst to v.
	Fill(dst Operand, v float64)
	// Unary sets dst = f(x); both have the same dims.
	Unary(f op.Unary, dst, x Operand, a, b float64)
	// Binary sets dst = f(x, y); all have the same dims (broadcast operands
	// come with stride 0).
	Binary(f op.Binary, dst, x, y Operand, a float64)
	// Where sets dst = x if cond ≠ 0 (NaN counts as ≠ 0), else y.
	Where(dst, cond, x, y Operand)
	// Reduce folds x along each axis along which dst has dim 1; the ranks are
	// equal.
	Reduce(f op.Reduce, dst, x Operand)
	// MatMul sets dst = x·y over the last two axes; leading axes are a batch,
	// already broadcast to equal dims.
	MatMul(dst, x, y Operand)
	ConvBackend
	EpilogueBackend
	// Gather sets dst[…, i, …] = x[…, index[i], …] along an axis. index has rank
	// 1, either dtype and any stride, and holds whole numbers. An entry that does
	// not lie in the axis, or is not whole, gives NaN.
	Gather(dst, x Operand, axis int, index Operand)
	// ScatterAdd adds x[…, i, …] to dst[…, index[i], …] along an axis, in order
	// of i. It leaves out an entry that does not lie in the axis or is not whole.
	ScatterAdd(dst, x Operand, axis int, index Operand)
	// Random fills dst, which is contiguous, with numbers that depend only on
	// key, counter and position (see package philox).
	Random(d Distribution, dst Operand, key, counter uint64)
}

// Position returns an entry of an index as a position along an axis of dim n, or
// −1 if it is not one.
func Position(index float64, n int) int {
	if i := int(index); index >= 0 && index < float64(n) && float64(i) == index {
		return i
	}
	return -1
}

// PrecisionBackend is implemented by a backend with a choice of precisions.
type PrecisionBackend interface {
	// SetPrecision sets the precision of all later products. The error says why the
	// device does not have it, or which it has.
	SetPrecision(Precision) error
	Precision() Precision
}

// ArithmeticBackend is implemented by a backend whose bits depend on more than
// its name.
type ArithmeticBackend interface {
	// Arithmetic names everything that they depend on: "cpu avx512 float32".
	Arithmetic() string
}

// Meter is implemented by a backend that counts the memory it has allocated.
type Meter interface {
	// Memory returns the number of buffers that are allocated and not freed, and
	// their bytes, after all work queued so far.
	Memory() (buffers int, bytes int64)
}

// StandardiseBackend is implemented by a backend that can bring rows of numbers to
// mean 0 and variance 1 in one pass, and compute the gradient of that in another.
// x, y and gy are [rows, n], of any layout, and dst is contiguous; s [rows] is
// contiguous. For a backend without it, package tensor computes the same by
// Reduce, Unary and Binary.
type StandardiseBackend interface {
	// InverseDeviation sets each s to 1/√(variance+eps) of a row of x. The variance is
	// the mean of the squares of the distances from the row's mean.
	InverseDeviation(s, x Operand, eps float64)
	// Standardise sets each row of dst to (x−mean)·s.
	Standardise(dst, x, s Operand)
	// StandardiseGrad sets each row of dst to s·(gy − mean(gy) − y·mean(gy·y)).
	StandardiseGrad(dst, gy, y, s Operand)
}

// MulAddBackend is implemented by a backend that can compute x·y + z in one pass. For a
// backend without it, package tensor computes the same by Binary, in two.
type MulAddBackend interface {
	// MulAdd sets dst = x·y + z, the product rounded before the sum; all have the same
	// dims (broadcast operands come with stride 0), and dst is none of the others.
	MulAdd(dst, x, y, z Operand)
}

// LinearAddBackend is implemented by a backend that can add a matrix to the result of
// a linear layer before the epilogue's function, in the same pass. For a backend
// without it, package tensor computes the same by Linear, Binary and Unary, in up to
// three.
type LinearAddBackend interface {
	// LinearAdd sets dst [n, out] to f((x·wᵀ + bias) + add) for x [n, in], w [out, in]
	// and add [n, out], each operation rounded. dst is none of the others.
	LinearAdd(dst, x, w, add Operand, e Epilogue)
}

// LookingBackend is implemented by a backend that can look at the elements of a
// product as it writes them, while they are in the cache. For a backend without it,
// they are read again where somebody needs to know.
type LookingBackend interface {
	// MatMulLooking is MatMul, and reports whether it has seen that all elements of
	// dst are finite. False says nothing.
	MatMulLooking(dst, x, y Operand) (finite bool)
}

// ListBackend is implemented by a backend that can apply the operations of
// training to whole lists of arrays, a network's parameters with their gradients,
// in one pass. Operands at the same place of several lists are contiguous and have
// one length. For a backend without it, package tensor computes the same by Unary,
// Binary and Reduce, entry by entry.
type ListBackend interface {
	// Adam does one step of Adam on parameters p with gradients g and first and
	// second moments m and v.
	Adam(p, g, m, v []Operand, c op.AdamParams)
	// Lerp moves each dst towards x: dst + a·(x−dst), each operation rounded.
	Lerp(dst, x []Operand, a float64)
	// Clamp sets each element of each x to min(max(x, lo), hi).
	Clamp(x []Operand, lo, hi float64)
	// Norm sets dst, a single Float64, to the Euclidean norm of all elements of
	// all xs together: √Σx² in float64, whose squares must neither overflow nor
	// underflow. It is NaN or infinite exactly if an element is, or if the norm
	// itself exceeds the range of float64.
	Norm(dst Operand, xs []Operand)
}
