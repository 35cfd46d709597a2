package vec

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/op"
)

// Float is the closed set of element types.
type Float interface{ float32 | float64 }

// chunk bounds one call of assembly, which cannot be preempted, to some 20 µs.
const chunk = 16384

// vecArgs are the operands of a routine. x and y advance by their steps from
// one vector to the next if the routine broadcasts, else by a vector.
type vecArgs struct {
	dst, x, y, z unsafe.Pointer
	n            int        // elements
	xstep, ystep int        // bytes
	rows, ld     int        // of a matrix; ld in bytes
	k            [8]float32 // constants
}

// vectors reports whether assembly for elements T may run.
func vectors[T Float]() bool { return hasVectors && single[T]() && isa.AVX2 }

// pointer is the address of x, which may be empty.
func pointer[T Float](x []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }

// Unary sets dst[i] = f(x[i]) for each i of dst. x is at least as long as dst,
// and is the same memory or apart.
//
// In float32 and under every implementation, Exp is within 1.5 ulp, Log, Tanh,
// Erf, Sin and Cos within 2, Sigmoid, Softplus, ELU and PowScalar within 3, GELU
// and Erfc within 5; all others are correctly rounded. In float64, PowScalar and GELU are within 3
// ulp, and the rest is package math's. PowScalar alone has its constant in float64.
func Unary[T Float](f op.Unary, dst, x []T, a, b float64) {
	x = x[:len(dst)]
	if f == op.PowScalar {
		powScalar(dst, x, a)
		return
	}
	if !vectors[T]() {
		unaryGeneric(f, dst, x, T(a), T(b))
		return
	}
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		args := vecArgs{dst: pointer(dst), x: pointer(x), n: n, k: [8]float32{float32(a), float32(b)}}
		if !callUnary(f, &args) {
			unaryGeneric(f, dst[:n], x[:n], T(a), T(b))
		} else if f == op.Sin || f == op.Cos {
			finishWaves(f, dst[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

// finishWaves computes the sines or cosines that the assembly leaves: those of
// arguments too large for it, which are still there.
func finishWaves[T Float](f op.Unary, y []T) {
	for i, v := range y {
		if v > 1 || v < -1 {
			unaryGeneric(f, y[i:i+1], y[i:i+1], 0, 0)
		}
	}
}

// Binary sets dst[i] = f(x[i], y[i]) for each i of dst. An operand of length 1
// is broadcast; otherwise it is at least as long as dst, and is the same memory
// or apart. Each operation of the formula is rounded by itself; of zeros that
// are equal, Max and Min take y. SoftplusGrad, ELUGrad and Gauss are within 4 ulp in
// float32, GELUGrad within 6 or 2⁻²³·|x|.
func Binary[T Float](f op.Binary, dst, x, y []T, a float64) {
	n := len(dst)
	spreadX, spreadY := len(x) == 1 && n > 1, len(y) == 1 && n > 1
	if spreadX || spreadY {
		binarySpread(f, dst, x, y, spreadX, spreadY, a)
		return
	}
	x, y = x[:n], y[:n]
	if !vectors[T]() || !binary32(f, dst, x, y, false, false, a) {
		binaryGeneric(f, dst, x, y, T(a))
	}
}

// binarySpread is Binary with a broadcast operand, which it spreads over a
// piece of the stack, so that one loop per function is enough: assembly takes
// the piece as one vector that it does not advance over; the plain loops have
// their work cut to its length.
func binarySpread[T Float](f op.Binary, dst, x, y []T, spreadX, spreadY bool, a float64) {
	var bufX, bufY [64]T
	n := len(dst)
	if spreadX {
		x = fill(bufX[:], x[0])
	}
	if spreadY {
		y = fill(bufY[:], y[0])
	}
	if vectors[T]() && binary32(f, dst, x, y, spreadX, spreadY, a) {
		return
	}
	for i := 0; i < n; i += len(bufX) {
		px, py := x, y
		if !spreadX {
			px = x[i:]
		}
		if !spreadY {
			py = y[i:]
		}
		binaryGeneric(f, dst[i:min(i+len(bufX), n)], px, py, T(a))
	}
}

// binary32 runs the assembly, and reports whether there is any.
func binary32[T Float](f op.Binary, dst, x, y []T, spreadX, spreadY bool, a float64) bool {
	step := 32
	if isa.AVX512 {
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
		if !callBinary(f, &args) {
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

// Where sets dst[i] to x[i] if cond[i] ≠ 0, as NaN is, else to y[i].
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

// BiasAct sets c[i][j] = f(c[i][j] + bias[j]) over a rows×cols block whose rows
// start ldc elements apart. A nil bias adds nothing; a is f's constant. Each
// element is what [Binary] and [Unary] make of it.
func BiasAct[T Float](f op.Unary, c []T, ldc, rows, cols int, bias []T, a float64) {
	if rows == 0 || cols == 0 {
		return
	}
	_ = c[(rows-1)*ldc+cols-1]
	if bias != nil {
		bias = bias[:cols]
		if vectors[T]() && cols <= chunk && biasAct32(f, c, ldc, rows, bias, a) {
			return
		}
	}
	for i := range rows {
		row := c[i*ldc:][:cols]
		if bias != nil {
			Binary(op.Add, row, row, bias, 0)
		}
		if f != op.None {
			Unary(f, row, row, a, 0)
		}
	}
}

// biasAct32 runs the assembly, some chunk of elements at a time, and reports
// whether there is any.
func biasAct32[T Float](f op.Unary, c []T, ldc, rows int, bias []T, a float64) bool {
	band := max(chunk/len(bias), 1)
	for i := 0; i < rows; i += band {
		args := vecArgs{dst: pointer(c[i*ldc:]), y: pointer(bias), n: len(bias), rows: min(band, rows-i), ld: 4 * ldc, k: [8]float32{float32(a)}}
		if !callBiasAct(f, &args) {
			return false
		}
	}
	return true
}
