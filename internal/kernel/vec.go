package kernel

import "math"

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
	PowScalar                 // xᵃ
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
	Max                           // the larger; NaN if either is; +0 over −0
	Min                           // the smaller; NaN if either is; −0 over +0
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

// Unary sets dst[i] = op(x[i]) for each i of dst. x is at least as long as dst,
// and is the same memory or apart.
func Unary[T Float](op UnaryOp, dst, x []T, a, b float64) {
	unaryGeneric(op, dst, x[:len(dst)], T(a), T(b))
}

// Binary sets dst[i] = op(x[i], y[i]) for each i of dst. An operand of length 1
// is broadcast; otherwise it is at least as long as dst, and is the same memory
// or apart.
func Binary[T Float](op BinaryOp, dst, x, y []T, a float64) {
	n := len(dst)
	spreadX, spreadY := len(x) == 1 && n > 1, len(y) == 1 && n > 1
	if !spreadX && !spreadY {
		binaryGeneric(op, dst, x[:n], y[:n], T(a))
		return
	}
	// One loop per function is enough: broadcast operands are spread over a
	// piece of the stack, and the work cut to its size.
	var bufX, bufY [128]T
	if spreadX {
		fill(bufX[:min(n, len(bufX))], x[0])
	}
	if spreadY {
		fill(bufY[:min(n, len(bufY))], y[0])
	}
	for i := 0; i < n; i += len(bufX) {
		m := min(n-i, len(bufX))
		px, py := bufX[:m], bufY[:m]
		if !spreadX {
			px = x[i : i+m]
		}
		if !spreadY {
			py = y[i : i+m]
		}
		binaryGeneric(op, dst[i:i+m], px, py, T(a))
	}
}

func fill[T Float](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// Where sets dst[i] = x[i] where cond[i] ≠ 0 (NaN counts as ≠ 0), else y[i].
func Where[T Float](dst, cond, x, y []T) {
	n := len(dst)
	cond, x, y = cond[:n], x[:n], y[:n]
	for i := range dst {
		if cond[i] != 0 {
			dst[i] = x[i]
		} else {
			dst[i] = y[i]
		}
	}
}

// Axpy sets dst[i] += a·x[i], the product rounded before the sum.
func Axpy[T Float](dst []T, a float64, x []T) {
	x = x[:len(dst)]
	s := T(a)
	for i := range dst {
		dst[i] += T(s * x[i])
	}
}

// MulAdd sets dst[i] = x[i]·y[i] + z[i], the product rounded before the sum.
func MulAdd[T Float](dst, x, y, z []T) {
	n := len(dst)
	x, y, z = x[:n], y[:n], z[:n]
	for i := range dst {
		dst[i] = T(x[i]*y[i]) + z[i]
	}
}

// Lerp sets dst[i] += w·(x[i]−dst[i]), each operation rounded: an exponential
// moving average with decay 1−w.
func Lerp[T Float](dst, x []T, w float64) {
	x = x[:len(dst)]
	s := T(w)
	for i := range dst {
		dst[i] += T(s * (x[i] - dst[i]))
	}
}

// BiasAct sets c[i][j] = act(c[i][j] + bias[j]) over a rows×cols block whose
// rows start ldc elements apart. A nil bias adds nothing. act is one of Tanh,
// Sigmoid, Softplus, ReLU, LeakyReLU (slope a), or NumUnary for none.
func BiasAct[T Float](act UnaryOp, c []T, ldc, rows, cols int, bias []T, a float64) {
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

func truth[T Float](b bool) T {
	if b {
		return 1
	}
	return 0
}

// sigmoid is 1/(1+e⁻ˣ), by whichever form keeps the small tail accurate.
func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// softplus is ln(1+eˣ).
func softplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}
