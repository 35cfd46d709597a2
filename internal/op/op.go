// Package op is the list of operations that tensors, backends and kernels speak
// of: a code and a formula for each. Package ref computes the formulas as they
// stand here; package kernel says how near its own results come.
//
// NaN goes through everything: a result is NaN wherever an operand is, unless
// the formula says otherwise. A comparison is 0 where either operand is NaN.
package op

import "fmt"

// Unary is a function of a number x, with up to two constants a and b.
type Unary uint8

// The unary functions.
const (
	Neg        Unary = iota // −x
	Abs                     // |x|
	Sign                    // −1 or 1; ±0 and NaN stay
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
	ReLU                    // 0 where x < 0, else x (−0 and NaN stay)
	LeakyReLU               // x where x > 0, else a·x
	Scale                   // a·x
	Shift                   // x+a
	PowScalar               // xᵃ; NaN⁰ = 1, and the rest of math.Pow's corner cases
	Clamp                   // x held within [a, b]
	Erf                     // the error function, (2/√π)·∫₀ˣ exp(−t²) dt
	NumUnary
)

var unaryNames = [NumUnary]string{
	"Neg", "Abs", "Sign", "Square", "Sqrt", "Reciprocal", "Exp", "Log", "Sin", "Cos", "Tanh", "Sigmoid",
	"Softplus", "ReLU", "LeakyReLU", "Scale", "Shift", "PowScalar", "Clamp", "Erf",
}

// String returns the constant's name, "Tanh".
func (f Unary) String() string { return name("Unary", unaryNames[:], int(f)) }

// Binary is a function of two numbers x and y, with a constant a.
type Binary uint8

// The binary functions. Those named Grad are the products of a gradient x with
// an activation's slope, in one pass. The slope is a factor, not a choice: where
// it is 0, a gradient of NaN or Inf still gives NaN.
const (
	Add           Binary = iota // x+y
	Sub                         // x−y
	Mul                         // x·y
	Div                         // x/y
	Max                         // the larger, of zeros either; NaN if either is
	Min                         // the smaller, of zeros either; NaN if either is
	Greater                     // 1 where x > y, else 0
	GreaterEqual                // 1 where x ≥ y, else 0
	Equal                       // 1 where x = y, else 0
	AddScaled                   // x+a·y, the product rounded before the sum
	Lerp                        // x+a·(y−x), each operation rounded: a moving average x of y
	TanhGrad                    // x·(1−y²), y = tanh
	SigmoidGrad                 // x·(y·(1−y)), y = sigmoid
	SoftplusGrad                // x·sigmoid(y), y = softplus's input
	ReLUGrad                    // x·(y > 0 ? 1 : 0), y = ReLU or its input
	LeakyReLUGrad               // x·(y > 0 ? 1 : a), y = LeakyReLU (if a > 0) or its input
	NumBinary
)

var binaryNames = [NumBinary]string{
	"Add", "Sub", "Mul", "Div", "Max", "Min", "Greater", "GreaterEqual", "Equal", "AddScaled", "Lerp",
	"TanhGrad", "SigmoidGrad", "SoftplusGrad", "ReLUGrad", "LeakyReLUGrad",
}

// String returns the constant's name, "Add".
func (f Binary) String() string { return name("Binary", binaryNames[:], int(f)) }

// Reduce is a fold of many numbers into one.
type Reduce uint8

// The reductions.
const (
	Sum       Reduce = iota // Σx; 0 of none
	MaxReduce               // the largest; −Inf of none
	NumReduce
)

var reduceNames = [NumReduce]string{"Sum", "MaxReduce"}

// String returns the constant's name, "Sum".
func (f Reduce) String() string { return name("Reduce", reduceNames[:], int(f)) }

// Activation is a function that a fused linear layer applies to its result.
type Activation uint8

// The activations: those whose slope follows from their own value, which is
// what allows the fused layer to forget the sum before the activation.
const (
	Identity     Activation = iota
	ActTanh                 // Tanh
	ActSigmoid              // Sigmoid
	ActReLU                 // ReLU
	ActLeakyReLU            // LeakyReLU with a slope a > 0
	NumActivation
)

// Unary returns the function that an activation is; ok is false for Identity.
func (act Activation) Unary() (f Unary, ok bool) {
	switch act {
	case ActTanh:
		return Tanh, true
	case ActSigmoid:
		return Sigmoid, true
	case ActReLU:
		return ReLU, true
	case ActLeakyReLU:
		return LeakyReLU, true
	}
	return 0, false
}

// Grad returns the product of a gradient with the activation's slope at its
// value; ok is false for Identity.
func (act Activation) Grad() (f Binary, ok bool) {
	switch act {
	case ActTanh:
		return TanhGrad, true
	case ActSigmoid:
		return SigmoidGrad, true
	case ActReLU:
		return ReLUGrad, true
	case ActLeakyReLU:
		return LeakyReLUGrad, true
	}
	return 0, false
}

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
	return fmt.Sprintf("%s(%d)", family, code)
}
