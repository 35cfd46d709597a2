package nn

import (
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Tanh applies tanh x to each element.
func Tanh() Module { return activation{function: tanh} }

// ReLU applies max(x, 0) to each element.
func ReLU() Module { return activation{function: relu} }

// Sigmoid applies 1/(1+e⁻ˣ) to each element.
func Sigmoid() Module { return activation{function: sigmoid} }

// Softplus applies ln(1+eˣ) to each element.
func Softplus() Module { return activation{function: softplus} }

// LeakyReLU applies x where x > 0, else slope·x, to each element. PyTorch's
// default slope is 0.01; GANs mostly use 0.2.
func LeakyReLU(slope float64) Module { return activation{function: leakyReLU, a: slope} }

// ELU applies x where x > 0, else alpha·(eˣ−1), to each element (Clevert,
// Unterthiner, Hochreiter, "Fast and accurate deep network learning by
// exponential linear units", 2016). Its derivative at 0 is alpha; PyTorch's
// default is 1.
func ELU(alpha float64) Module { return activation{function: elu, a: alpha} }

// GELU applies x·Φ(x) to each element, Φ being the distribution function of the
// standard normal distribution, ½·(1+erf(x/√2)) (Hendrycks and Gimpel, "Gaussian
// error linear units", 2016). Values and gradients keep their digits far below 0.
// The value at −Inf, −∞·0, is NaN.
func GELU() Module { return activation{function: gelu} }

// GELUTanh applies an approximation of [GELU] to each element,
// ½·x·(1+tanh(√(2/π)·(x+0.044715·x³))): PyTorch's approximate="tanh". The value
// at −Inf is NaN.
func GELUTanh() Module { return activation{function: geluTanh} }

// SiLU applies x/(1+e⁻ˣ), which is also called Swish, to each element. As in
// PyTorch, the value at −Inf, −∞/∞, is NaN, and so are the gradients at ±Inf.
func SiLU() Module { return activation{function: silu} }

// function is a row of the table of activations. a is the constant, of those that
// have one.
type function struct {
	name string
	// fused is what a layer in front of it can apply to its own result; nil if
	// the derivative does not follow from the value.
	fused func(a float64) tensor.Activation
	// forward is what it is without such a layer; nil if fused tells.
	forward func(x *autograd.Var, a float64) *autograd.Var
	// spec describes the constant; nil if there is none.
	spec func(a float64) any
	// export adds the function to a graph.
	export func(g *Graph, x *Value, a float64) *Value
}

// The activations. A new one is a row here and a constructor above.
var (
	tanh    = &function{name: "Tanh", fused: func(float64) tensor.Activation { return tensor.TanhActivation() }, export: exportAs("Tanh", "")}
	relu    = &function{name: "ReLU", fused: func(float64) tensor.Activation { return tensor.ReLUActivation() }, export: exportAs("Relu", "")}
	sigmoid = &function{name: "Sigmoid", fused: func(float64) tensor.Activation { return tensor.SigmoidActivation() }, export: exportAs("Sigmoid", "")}

	leakyReLU = &function{name: "LeakyReLU", fused: tensor.LeakyReLUActivation, spec: func(a float64) any { return leakySpec{a} },
		export: exportAs("LeakyRelu", "alpha")}

	softplus = &function{name: "Softplus", forward: func(x *autograd.Var, _ float64) *autograd.Var { return autograd.Softplus(x) },
		export: exportAs("Softplus", "")}

	elu = &function{name: "ELU", forward: autograd.ELU, spec: func(a float64) any { return eluSpec{a} },
		export: exportAs("Elu", "alpha")}

	gelu = &function{name: "GELU", forward: func(x *autograd.Var, _ float64) *autograd.Var { return autograd.GELU(x) },
		export: func(g *Graph, x *Value, _ float64) *Value {
			erf := g.Op("Erf", nil, g.Op("Mul", nil, x, g.Scalar(math.Sqrt2/2)))
			return g.Op("Mul", nil, g.Op("Mul", nil, x, g.Scalar(0.5)), g.Op("Add", nil, erf, g.Scalar(1)))
		}}

	// ½·(1+tanh u) is the sigmoid of 2u.
	geluTanh = &function{name: "GELUTanh", forward: func(x *autograd.Var, _ float64) *autograd.Var {
		inner := autograd.Clamp(x, -40, 40) // where x³ does not overflow; beyond, the sigmoid is 0 or 1
		cubic := autograd.Mul(inner, autograd.Shift(autograd.Scale(autograd.Square(inner), 0.044715), 1))
		return autograd.Mul(x, autograd.Sigmoid(autograd.Scale(cubic, 2*math.Sqrt(2/math.Pi))))
	}, export: func(g *Graph, x *Value, _ float64) *Value {
		cubic := g.Op("Add", nil, g.Op("Mul", nil, g.Op("Mul", nil, x, x), g.Scalar(0.044715)), g.Scalar(1))
		twice := g.Op("Mul", nil, g.Op("Mul", nil, x, cubic), g.Scalar(2*math.Sqrt(2/math.Pi)))
		return g.Op("Mul", nil, x, g.Op("Sigmoid", nil, twice))
	}}

	silu = &function{name: "SiLU", forward: func(x *autograd.Var, _ float64) *autograd.Var {
		return autograd.Mul(x, autograd.Sigmoid(x))
	}, export: func(g *Graph, x *Value, _ float64) *Value { return g.Op("Mul", nil, x, g.Op("Sigmoid", nil, x)) }}
)

// exportAs is the export of a function that is one operation, with its constant as
// the attribute, or none if that is "".
func exportAs(op, attribute string) func(g *Graph, x *Value, a float64) *Value {
	return func(g *Graph, x *Value, a float64) *Value {
		if attribute == "" {
			return g.Op(op, nil, x)
		}
		return g.Op(op, Attrs{attribute: a}, x)
	}
}

type leakySpec struct {
	Slope float64 `json:"slope"`
}

type eluSpec struct {
	Alpha float64 `json:"alpha"`
}

// activation is a function with its constant as a module.
type activation struct {
	elementwise
	weightless
	*function
	a float64
}

func (l activation) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	if l.fused != nil {
		return autograd.Activate(x, l.fused(l.a))
	}
	return l.forward(x, l.a)
}

// Scratch implements [Scratcher]: what the operations make of which a function
// without a kernel of its own consists.
func (l activation) Scratch(in []int) [][]int {
	if l.fused != nil {
		return nil
	}
	return copies(9, in)
}

// Activation implements [Activator].
func (l activation) Activation() (act tensor.Activation, ok bool) {
	if l.fused == nil {
		return tensor.Activation{}, false
	}
	act = l.fused(l.a)
	return act, act.Fuses()
}

// Linearity implements [PiecewiseLinear].
func (l activation) Linearity() Linearity {
	if act, ok := l.Activation(); ok && act.IsPiecewiseLinear() {
		return LinearInPieces
	}
	return Curved
}

// Push implements [PiecewiseLinear]; y tells which side of the kink x is on.
func (l activation) Push(y, v *tensor.Tensor) *tensor.Tensor {
	return tensor.ActivationGrad(v, y, l.fused(l.a))
}

// Pull implements [PiecewiseLinear]: the derivatives are a diagonal matrix.
func (l activation) Pull(_, y, g *tensor.Tensor) *tensor.Tensor { return l.Push(y, g) }

// Export implements [Exporter].
func (l activation) Export(g *Graph, x *Value) *Value { return l.export(g, x, l.a) }

// Describe implements [Describer].
func (l activation) Describe() (string, any) {
	if l.spec == nil {
		return l.name, nil
	}
	return l.name, l.spec(l.a)
}

func init() {
	for _, f := range []*function{tanh, relu, sigmoid, softplus, gelu, geluTanh, silu} {
		Register(f.name, func(struct{}) (Module, error) { return activation{function: f}, nil })
	}
	Register(leakyReLU.name, func(c leakySpec) (Module, error) { return LeakyReLU(c.Slope), nil })
	Register(elu.name, func(c eluSpec) (Module, error) { return ELU(c.Alpha), nil })
}
