// Package backend is the seam between tensors and the machines that hold and
// process their numbers. A Backend is about sixteen methods in families; an
// operand is a buffer with a layout, and the destination comes first.
//
// Backends trust their caller: package tensor has checked shapes, dtypes and
// lifetimes before it calls, so a backend contains arithmetic only. Every
// backend must pass backendtest.Run, which holds it against the slow float64
// backend in package ref.
//
// To add an operation, add its code here, its formula to ref, its kernel to
// cpu, a function to tensor and a row to backendtest.
package backend

import "github.com/gander-ml/gander/internal/layout"

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

// UnaryOp is a function of one number, with up to two constants a and b.
type UnaryOp uint8

// The unary functions.
const (
	Neg        UnaryOp = iota // −x
	Abs                       // |x|
	Sign                      // −1 or 1; ±0 and NaN stay
	Square                    // x²
	Sqrt                      // √x
	Reciprocal                // 1/x
	Exp                       // eˣ
	Log                       // ln x
	Sin                       // sin x
	Cos                       // cos x
	Tanh                      // tanh x
	Sigmoid                   // 1/(1+e⁻ˣ)
	Softplus                  // ln(1+eˣ), without overflow
	ReLU                      // 0 where x < 0, else x (−0 and NaN stay)
	LeakyReLU                 // x where x > 0, else a·x
	Scale                     // a·x
	Shift                     // x+a
	PowScalar                 // xᵃ
	Clamp                     // x held within [a, b]; NaN for NaN
	NumUnary
)

// BinaryOp is a function of two numbers, with a constant a.
type BinaryOp uint8

// The binary functions. Those named Grad are products of a gradient with an
// activation's slope, each in one pass.
const (
	Add           BinaryOp = iota // x+y
	Sub                           // x−y
	Mul                           // x·y
	Div                           // x/y
	Max                           // the larger, of zeros either; NaN if either is
	Min                           // the smaller, of zeros either; NaN if either is
	Pow                           // xʸ
	Greater                       // 1 where x > y, else 0
	GreaterEqual                  // 1 where x ≥ y, else 0
	Equal                         // 1 where x = y, else 0
	TanhGrad                      // x·(1−y²), y = tanh
	SigmoidGrad                   // x·y·(1−y), y = sigmoid
	SoftplusGrad                  // x·sigmoid(y), y = softplus's input
	ReLUGrad                      // x·[y > 0]; a NaN in x or y stays
	LeakyReLUGrad                 // x·(y > 0 ? 1 : a); a NaN in x or y stays
	AddScaled                     // x+a·y
	Lerp                          // x+a·(y−x)
	NumBinary
)

// ReduceOp folds many numbers into one.
type ReduceOp uint8

// The reductions.
const (
	Sum       ReduceOp = iota // Σx; 0 of none
	MaxReduce                 // the largest; −Inf of none, NaN if any is
	NumReduce
)

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
	// Unary sets dst = op(x); both have the same dims.
	Unary(op UnaryOp, dst, x Operand, a, b float64)
	// Binary sets dst = op(x, y); all have the same dims (broadcast operands
	// come with stride 0).
	Binary(op BinaryOp, dst, x, y Operand, a float64)
	// Where sets dst = x where cond ≠ 0 (NaN counts as ≠ 0), else y.
	Where(dst, cond, x, y Operand)
	// Reduce folds x along each axis where dst has dim 1; equal ranks.
	Reduce(op ReduceOp, dst, x Operand)
	// MatMul sets dst = x·y over the last two axes; leading axes are a batch,
	// already broadcast to equal dims.
	MatMul(dst, x, y Operand)
	// Gather sets dst[…, i, …] = x[…, index[i], …] along an axis.
	Gather(dst, x Operand, axis int, index []int)
	// ScatterAdd adds x[…, i, …] to dst[…, index[i], …] along an axis, in
	// order of i.
	ScatterAdd(dst, x Operand, axis int, index []int)
	// Random fills dst, which is contiguous, with numbers that depend only on
	// key, counter and position (see package philox).
	Random(d Distribution, dst Operand, key, counter uint64)
}

// Activation is a function that a fused linear layer applies to its result.
type Activation uint8

// The activations whose slope follows from their own value, which is what
// allows the fused layer to forget the sum before the activation.
const (
	Identity Activation = iota
	ActTanh
	ActSigmoid
	ActReLU
	ActLeakyReLU // slope a > 0
	NumActivation
)

// LinearBackend is the optional fusion of a linear layer. A backend without it
// computes the same from MatMul, Binary and Unary.
type LinearBackend interface {
	// Linear sets dst, which is contiguous, to act(x·wᵀ + b) for x [n, in],
	// w [out, in] and b [out]; b.Buffer may be nil.
	Linear(act Activation, dst, x, w, b Operand, a float64)
}

// AdamParams are the constants of one Adam step, PyTorch's names.
type AdamParams struct {
	LR, Beta1, Beta2, Eps float64
	Correction1           float64 // 1 − β₁ᵗ
	Correction2           float64 // 1 − β₂ᵗ
	WeightDecay           float64
	Decoupled             bool // AdamW: the decay multiplies p and skips the moments
}

// AdamBackend is the optional fusion of one Adam step over contiguous operands
// of one length: parameter p, gradient g, first and second moment m and v.
type AdamBackend interface {
	Adam(p, g, m, v Operand, c AdamParams)
}
