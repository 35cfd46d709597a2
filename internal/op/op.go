// Package op lists the operations of tensors and backends, with a code and a
// formula for each. Package ref computes the formulas as they are written here;
// package vec states the errors of its own results.
//
// NaN propagates: a result is NaN if an operand is, unless the formula says
// otherwise. A comparison is 0 if an operand is NaN.
package op

import "fmt"

// Unary is a function of a number x, with up to two constants a and b.
type Unary uint8

// The unary functions.
const (
	None       Unary = iota // x
	Neg                     // −x
	Abs                     // |x|
	Sign                    // −1 or 1; x if x is ±0 or NaN
	Square                  // x²
	Sqrt                    // √x; √−0 = −0
	Reciprocal              // 1/x
	Exp                     // eˣ
	Log                     // ln x; −Inf at ±0, NaN below
	Sin                     // sin x
	Cos                     // cos x
	Tanh                    // tanh x; tanh −0 = −0
	Sigmoid                 // 1/(1+e⁻ˣ)
	Softplus                // ln(1+eˣ), without overflow
	ReLU                    // 0 if x < 0, else x, −0 and NaN included
	LeakyReLU               // x if x > 0, else a·x
	Scale                   // a·x
	Shift                   // x+a
	PowScalar               // xᵃ, with math.Pow's special cases: NaN⁰ = 1
	Clamp                   // min(max(x, a), b)
	Erf                     // the error function, (2/√π)·∫₀ˣ exp(−t²) dt
	Erfc                    // 1 − erf x, accurate even if that is near 0
	GELU                    // x·Φ(x), Φ(x) = ½·(1+erf(x/√2)); NaN at −Inf
	ELU                     // x where x > 0, else a·(eˣ−1)
	NumUnary
)

// unaries has a row for each unary function: its name, and the member of the
// Grad family that belongs to it, if any; Add stands for none.
var unaries = [NumUnary]struct {
	name string
	grad Binary
}{
	None:       {name: "None"},
	Neg:        {name: "Neg"},
	Abs:        {name: "Abs"},
	Sign:       {name: "Sign"},
	Square:     {name: "Square"},
	Sqrt:       {name: "Sqrt"},
	Reciprocal: {name: "Reciprocal"},
	Exp:        {name: "Exp"},
	Log:        {name: "Log"},
	Sin:        {name: "Sin"},
	Cos:        {name: "Cos"},
	Tanh:       {"Tanh", TanhGrad},
	Sigmoid:    {"Sigmoid", SigmoidGrad},
	Softplus:   {name: "Softplus"},
	ReLU:       {"ReLU", ReLUGrad},
	LeakyReLU:  {"LeakyReLU", LeakyReLUGrad},
	Scale:      {name: "Scale"},
	Shift:      {name: "Shift"},
	PowScalar:  {name: "PowScalar"},
	Clamp:      {name: "Clamp"},
	Erf:        {name: "Erf"},
	Erfc:       {name: "Erfc"},
	GELU:       {name: "GELU"},
	ELU:        {name: "ELU"},
}

// String returns the constant's name, "Tanh".
func (f Unary) String() string {
	if f < NumUnary {
		return unaries[f].name
	}
	return unknown("Unary", int(f))
}

// Grad returns the function that multiplies a gradient by f's derivative, given
// f's value; ok is false if there is none. LeakyReLU's derivative follows from its
// value only if a > 0. A linear layer or a convolution can apply a function with a
// Grad to its result, because it need not keep the function's argument.
func (f Unary) Grad() (g Binary, ok bool) {
	if f < NumUnary {
		g = unaries[f].grad
	}
	return g, g != Add
}

// Binary is a function of two numbers x and y, with a constant a.
type Binary uint8

// The binary functions. Those named Grad are the products of a gradient x with
// the derivative of a unary function, in one pass. The derivative is a factor:
// even if it is 0, a gradient of NaN or Inf gives NaN.
const (
	Add           Binary = iota // x+y
	Sub                         // x−y
	Mul                         // x·y
	Div                         // x/y
	Max                         // the larger, either of two zeros; NaN if either is
	Min                         // the smaller, either of two zeros; NaN if either is
	Greater                     // 1 if x > y, else 0
	GreaterEqual                // 1 if x ≥ y, else 0
	Equal                       // 1 if x = y, else 0
	AddScaled                   // x+a·y, the product rounded before the sum
	Lerp                        // x+a·(y−x), each operation rounded: a moving average x of y
	TanhGrad                    // x·(1−y²), y = tanh
	SigmoidGrad                 // x·(y·(1−y)), y = sigmoid
	SoftplusGrad                // x·sigmoid(y), y = softplus's input
	ReLUGrad                    // x·(y > 0 ? 1 : 0), y = ReLU or its input
	LeakyReLUGrad               // x·(y > 0 ? 1 : a), y = LeakyReLU (if a > 0) or its input
	GELUGrad                    // x·(Φ(y)+y·φ(y)), y = GELU's input, φ = Φ′
	Gauss                       // x·exp(−a·y²), for a power of two a ≥ 0
	ELUGrad                     // x·(y > 0 ? 1 : a·eʸ), y = ELU's input
	PReLU                       // x where x > 0, else x·y
	NumBinary
)

var binaryNames = [NumBinary]string{
	"Add", "Sub", "Mul", "Div", "Max", "Min", "Greater", "GreaterEqual", "Equal", "AddScaled", "Lerp",
	"TanhGrad", "SigmoidGrad", "SoftplusGrad", "ReLUGrad", "LeakyReLUGrad",
	"GELUGrad", "Gauss", "ELUGrad", "PReLU",
}

// String returns the constant's name, "Add".
func (f Binary) String() string { return name("Binary", binaryNames[:], int(f)) }

// Reduce is a fold of many numbers into one.
type Reduce uint8

// The reductions.
const (
	Sum        Reduce = iota // Σx; 0 for none
	MaxReduce                // the largest; −Inf for none
	SumSquares               // Σx², the squares in float64; 0 for none
	NumReduce
)

var reduceNames = [NumReduce]string{"Sum", "MaxReduce", "SumSquares"}

// String returns the constant's name, "Sum".
func (f Reduce) String() string { return name("Reduce", reduceNames[:], int(f)) }

// AdamParams are the constants of one Adam step, with PyTorch's names.
type AdamParams struct {
	LR, Beta1, Beta2, Eps float64
	Correction1           float64 // 1 − β₁ᵗ
	Correction2           float64 // 1 − β₂ᵗ
	WeightDecay           float64
	Decoupled             bool // AdamW: the decay multiplies p and skips the moments
}

func name(family string, names []string, code int) string {
	if code < len(names) {
		return names[code]
	}
	return unknown(family, code)
}

func unknown(family string, code int) string { return fmt.Sprintf("%s(%d)", family, code) }
