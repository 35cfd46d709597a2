// Package backend is the seam between tensors and the machines that hold and
// process their numbers. A Backend is about sixteen methods in families; an
// operand is a buffer with a layout, and the destination comes first.
//
// Backends trust their caller: package tensor has checked shapes, dtypes and
// lifetimes before it calls, so a backend contains arithmetic only. Every
// backend must pass backendtest.Run, which holds it against the slow float64
// backend in package ref.
//
// To add an operation, add its code to package op, its formula to ref, its
// kernel to package kernel, a function to tensor and a row to backendtest.
package backend

import (
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
	if d == Float64 {
		return "float64"
	}
	return "float32"
}

// Size returns the bytes of one element.
func (d DType) Size() int {
	if d == Float64 {
		return 8
	}
	return 4
}

// Buffer is a flat run of elements on one device.
type Buffer interface {
	DType() DType
	Len() int // elements
}

// Operand is an array: a buffer and where its elements lie in it.
type Operand struct {
	Buffer Buffer
	Layout layout.Layout
}

// Distribution names what Random draws.
type Distribution uint8

// The distributions.
const (
	Uniform Distribution = iota // on [0, 1)
	Normal                      // mean 0, variance 1
	NumDistribution
)

// Backend computes. The destination never overlaps a source, except where both
// are the same array element for element, which element-wise families allow.
// Methods may return before the work is done; Sync waits for it.
type Backend interface {
	// Name is what a user calls the device: "cpu", "ref", "cuda".
	Name() string

	// Alloc returns a buffer of n elements, all zero.
	Alloc(dt DType, n int) Buffer
	// Upload copies host memory to the first src.Len() elements of dst.
	Upload(dst Buffer, src *Host)
	// Download copies the first dst.Len() elements of src to host memory.
	Download(dst *Host, src Buffer)
	// Sync returns when all work begun so far is done.
	Sync()

	// Copy sets dst = src element for element, converting between dtypes.
	Copy(dst, src Operand)
	// Fill sets every element of dst to v.
	Fill(dst Operand, v float64)
	// Unary sets dst = f(x); both have the same dims.
	Unary(f op.Unary, dst, x Operand, a, b float64)
	// Binary sets dst = f(x, y); all have the same dims (broadcast operands
	// come with stride 0).
	Binary(f op.Binary, dst, x, y Operand, a float64)
	// Where sets dst = x where cond ≠ 0 (NaN counts as ≠ 0), else y.
	Where(dst, cond, x, y Operand)
	// Reduce folds x along each axis where dst has dim 1; equal ranks.
	Reduce(f op.Reduce, dst, x Operand)
	// MatMul sets dst = x·y over the last two axes; leading axes are a batch,
	// already broadcast to equal dims.
	MatMul(dst, x, y Operand)
	ConvBackend
	EpilogueBackend
	// Gather sets dst[…, i, …] = x[…, index[i], …] along an axis.
	Gather(dst, x Operand, axis int, index []int)
	// ScatterAdd adds x[…, i, …] to dst[…, index[i], …] along an axis, in
	// order of i.
	ScatterAdd(dst, x Operand, axis int, index []int)
	// Random fills dst, which is contiguous, with numbers that depend only on
	// key, counter and position (see package philox).
	Random(d Distribution, dst Operand, key, counter uint64)
}

// AdamBackend is the optional fusion of one Adam step over contiguous operands
// of one length: parameter p, gradient g, first and second moment m and v.
type AdamBackend interface {
	Adam(p, g, m, v Operand, c op.AdamParams)
}
