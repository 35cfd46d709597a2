package kernel

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/cpu"
)

// Float is the closed set of element types.
type Float interface{ float32 | float64 }

// UnaryOp names a function of one number, with up to two constants a and b.
type UnaryOp uint8

// The unary functions. ULP bounds are for float32 under every implementation;
// in float64 each is package math's.
const (
	Neg        UnaryOp = iota // −x
	Abs                       // |x|
	Sign                      // −1, 0 or 1; NaN for NaN
	Square                    // x²
	Sqrt                      // √x, correctly rounded; √−0 = −0
	Reciprocal                // 1/x
	Exp                       // eˣ within 1.5 ulp
	Log                       // ln x within 2 ulp; −Inf at ±0, NaN below
	Sin                       // sin x within 1 ulp
	Cos                       // cos x within 1 ulp
	Tanh                      // tanh x within 2 ulp; tanh −0 = −0
	Sigmoid                   // 1/(1+e⁻ˣ) within 3 ulp
	Softplus                  // ln(1+eˣ) within 3 ulp, without overflow
	ReLU                      // 0 where x < 0, else x (NaN and −0 stay)
	LeakyReLU                 // x where x > 0, else a·x
	Scale                     // a·x
	Shift                     // x+a
	PowScalar                 // xᵃ; fast for a of 2 and −1
	Clamp                     // x held within [a, b]; NaN for NaN
	NumUnary
)

// BinaryOp names a function of two numbers, with a constant a.
type BinaryOp uint8

// The binary functions. The last five are the products of a gradient x with an
// activation's slope, in one pass. Their slope is a factor, not a choice: where
// it is 0, a gradient of NaN or Inf still gives NaN.
const (
	Add           BinaryOp = iota // x+y
	Sub                           // x−y
	Mul                           // x·y
	Div                           // x/y
	Max                           // the larger, y where equal; NaN if either is
	Min                           // the smaller, y where equal; NaN if either is
	Pow                           // xʸ
	Greater                       // 1 where x > y, else 0
	GreaterEqual                  // 1 where x ≥ y, else 0
	Equal                         // 1 where x = y, else 0
	TanhGrad                      // x·(1−y²), y = tanh
	SigmoidGrad                   // x·(y·(1−y)), y = sigmoid
	SoftplusGrad                  // x·sigmoid(y), y = softplus's input
	ReLUGrad                      // x·(y > 0 ? 1 : 0), NaN where y is
	LeakyReLUGrad                 // x·(y > 0 ? 1 : a), NaN where y is
	NumBinary
)

// chunk bounds one call of assembly, which cannot be preempted, to some 20 µs.
const chunk = 16384

// vecArgs are the operands of a routine. x and y advance by their steps from
// one vector to the next where the routine broadcasts, else by a vector.
type vecArgs struct {
	dst, x, y, z unsafe.Pointer
	n            int        // elements
	xstep, ystep int        // bytes
	rows, ld     int        // of a matrix; ld in bytes
	k            [8]float32 // constants
}

// vectors tells whether assembly for elements T may run.
func vectors[T Float]() bool { return hasVectors && single[T]() && cpu.AVX2 }

// pointer is where x lies; x may be empty.
func pointer[T Float](x []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }

// Unary sets dst[i] = op(x[i]) for each i of dst. x is at least as long as dst,
// and is the same memory or apart.
func Unary[T Float](op UnaryOp, dst, x []T, a, b float64) {
	x = x[:len(dst)]
	switch {
	case op == PowScalar && a == 2:
		op = Square
	case op == PowScalar && a == -1:
		op = Reciprocal
	}
	if !vectors[T]() {
		unaryGeneric(op, dst, x, T(a), T(b))
		return
	}
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		args := vecArgs{dst: pointer(dst), x: pointer(x), n: n, k: [8]float32{float32(a), float32(b)}}
		if !callUnary(op, &args) {
			unaryGeneric(op, dst[:n], x[:n], T(a), T(b))
		}
		dst, x = dst[n:], x[n:]
	}
}

// Binary sets dst[i] = op(x[i], y[i]) for each i of dst. An operand of length 1
// is broadcast; otherwise it is at least as long as dst, and is the same memory
// or apart.
func Binary[T Float](op BinaryOp, dst, x, y []T, a float64) {
	// One loop per function is enough: a broadcast operand is spread over a
	// piece of the stack. Assembly takes it as one vector that it does not
	// advance over; the plain loops have their work cut to its length.
	var bufX, bufY [64]T
	n := len(dst)
	spreadX, spreadY := len(x) == 1 && n > 1, len(y) == 1 && n > 1
	if !spreadX {
		x = x[:n]
	} else {
		x = fill(bufX[:], x[0])
	}
	if !spreadY {
		y = y[:n]
	} else {
		y = fill(bufY[:], y[0])
	}
	if vectors[T]() && binary32(op, dst, x, y, spreadX, spreadY, a) {
		return
	}
	piece := n
	if spreadX || spreadY {
		piece = len(bufX)
	}
	for i := 0; i < n; i += piece {
		px, py := x, y
		if !spreadX {
			px = x[i:]
		}
		if !spreadY {
			py = y[i:]
		}
		binaryGeneric(op, dst[i:min(i+piece, n)], px, py, T(a))
	}
}

// binary32 runs the assembly, and reports whether there is any.
func binary32[T Float](op BinaryOp, dst, x, y []T, spreadX, spreadY bool, a float64) bool {
	step := 32
	if cpu.AVX512 {
		step = 64
	}
	args := vecArgs{xstep: step, ystep: step, k: [8]float32{float32(a)}}
	if spreadX {
		args.xstep = 0
	}
	if spreadY {
		args.ystep = 0
	}
	for i := 0; i < len(dst); i += chunk {
		args.dst, args.x, args.y = pointer(dst[i:]), pointer(x), pointer(y)
		if !spreadX {
			args.x = pointer(x[i:])
		}
		if !spreadY {
			args.y = pointer(y[i:])
		}
		args.n = min(chunk, len(dst)-i)
		if !callBinary(op, &args) {
			return false
		}
	}
	return true
}

func fill[T Float](dst []T, v T) []T {
	for i := range dst {
		dst[i] = v
	}
	return dst
}

// Where sets dst[i] = x[i] where cond[i] ≠ 0 (NaN counts as ≠ 0), else y[i].
func Where[T Float](dst, cond, x, y []T) {
	n := len(dst)
	cond, x, y = cond[:n], x[:n], y[:n]
	for i := 0; i < n; i += chunk {
		end := min(i+chunk, n)
		args := vecArgs{dst: pointer(dst[i:]), x: pointer(cond[i:]), y: pointer(x[i:]), z: pointer(y[i:]), n: end - i}
		if !vectors[T]() || !callWhere(&args) {
			whereGeneric(dst[i:end], cond[i:end], x[i:end], y[i:end])
		}
	}
}

// Axpy sets dst[i] += a·x[i], the product rounded before the sum.
func Axpy[T Float](dst []T, a float64, x []T) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += chunk {
		end := min(i+chunk, len(dst))
		args := vecArgs{dst: pointer(dst[i:]), x: pointer(x[i:]), n: end - i, k: [8]float32{float32(a)}}
		if !vectors[T]() || !callAxpy(&args) {
			axpyGeneric(dst[i:end], T(a), x[i:end])
		}
	}
}

// MulAdd sets dst[i] = x[i]·y[i] + z[i], the product rounded before the sum.
func MulAdd[T Float](dst, x, y, z []T) {
	n := len(dst)
	x, y, z = x[:n], y[:n], z[:n]
	for i := 0; i < n; i += chunk {
		end := min(i+chunk, n)
		args := vecArgs{dst: pointer(dst[i:]), x: pointer(x[i:]), y: pointer(y[i:]), z: pointer(z[i:]), n: end - i}
		if !vectors[T]() || !callMulAdd(&args) {
			mulAddGeneric(dst[i:end], x[i:end], y[i:end], z[i:end])
		}
	}
}

// Lerp sets dst[i] += w·(x[i]−dst[i]), each operation rounded: an exponential
// moving average with decay 1−w.
func Lerp[T Float](dst, x []T, w float64) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += chunk {
		end := min(i+chunk, len(dst))
		args := vecArgs{dst: pointer(dst[i:]), x: pointer(x[i:]), n: end - i, k: [8]float32{float32(w)}}
		if !vectors[T]() || !callLerp(&args) {
			lerpGeneric(dst[i:end], x[i:end], T(w))
		}
	}
}

// BiasAct sets c[i][j] = act(c[i][j] + bias[j]) over a rows×cols block whose
// rows start ldc elements apart. A nil bias adds nothing. act is one of Tanh,
// Sigmoid, Softplus, ReLU, LeakyReLU (slope a), or NumUnary for none.
func BiasAct[T Float](act UnaryOp, c []T, ldc, rows, cols int, bias []T, a float64) {
	if rows == 0 || cols == 0 {
		return
	}
	_ = c[(rows-1)*ldc+cols-1]
	if bias != nil {
		bias = bias[:cols]
		if vectors[T]() && cols <= chunk && biasAct32(act, c, ldc, rows, bias, a) {
			return
		}
	}
	for i := range rows {
		row := c[i*ldc:][:cols]
		if bias != nil {
			Binary(Add, row, row, bias, 0)
		}
		if act != NumUnary {
			Unary(act, row, row, a, 0)
		}
	}
}

// biasAct32 runs the assembly, some chunk of elements at a time, and reports
// whether there is any.
func biasAct32[T Float](act UnaryOp, c []T, ldc, rows int, bias []T, a float64) bool {
	band := max(chunk/len(bias), 1)
	for i := 0; i < rows; i += band {
		args := vecArgs{dst: pointer(c[i*ldc:]), y: pointer(bias), n: len(bias), rows: min(band, rows-i), ld: 4 * ldc, k: [8]float32{float32(a)}}
		if !callBiasAct(act, &args) {
			return false
		}
	}
	return true
}
