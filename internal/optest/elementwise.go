package optest

import (
	"math"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// unaryShapes try ranks 0 to 4, no elements, and lengths that are not multiples of
// a vector register's.
var unaryShapes = []string{"[]", "[2 3]", "[2 1 3 2]", "[0 3]", "[37]", "[2 150]"}

// unary returns the row of a function of each element.
func unary(name string, f func(x *ag.Var) *ag.Var, ref func(x float64) float64, domain Domain) Row {
	return Row{
		Name:   name,
		F:      func(xs []*ag.Var) *ag.Var { return f(xs[0]) },
		Ref:    Map(ref),
		Shapes: unaryShapes,
		Domain: []Domain{domain},
	}
}

func unaryRows() []Row {
	anywhere, positive := Domain{Lo: -2, Hi: 2}, Domain{Lo: 0.4, Hi: 3}
	abs := unary("Abs", ag.Abs, math.Abs, Domain{Lo: -2, Hi: 2, Kinks: []float64{0}})
	abs.Kinks = []Kink{{In: [][]float64{{-1, 0, math.Copysign(0, -1), 1}}, Grad: [][]float64{{-1, 0, 0, 1}}}}
	clamp := unary("Clamp", func(x *ag.Var) *ag.Var { return ag.Clamp(x, -1, 0.5) },
		func(x float64) float64 { return min(max(x, -1), 0.5) }, Domain{Lo: -2, Hi: 2, Kinks: []float64{-1, 0.5}})
	clamp.Kinks = []Kink{{In: [][]float64{{-1.25, -1, 0, 0.5, 0.75}}, Grad: [][]float64{{0, 1, 1, 1, 0}}}}
	pow := func(name string, p float64, domain Domain) Row {
		return unary("Pow/"+name, func(x *ag.Var) *ag.Var { return ag.Pow(x, p) },
			func(x float64) float64 { return math.Pow(x, p) }, domain)
	}
	cube := pow("3", 3, anywhere)
	cube.Tol32 = 5e-6
	square := pow("2", 2, anywhere)
	square.Kinks = []Kink{{In: [][]float64{{0, -1}}, Grad: [][]float64{{0, -2}}}}
	first := pow("1", 1, anywhere)
	first.Kinks = []Kink{{In: [][]float64{{0, -1}}, Grad: [][]float64{{1, 1}}}}
	zeroth := pow("0", 0, anywhere)
	zeroth.Kinks = []Kink{{In: [][]float64{{0, -1}}, Grad: [][]float64{{0, 0}}}}
	return []Row{
		abs, clamp, cube, square, first, zeroth,
		pow("2.5", 2.5, positive), pow("-1.5", -1.5, positive),
		unary("Neg", ag.Neg, func(x float64) float64 { return -x }, anywhere),
		unary("Scale", func(x *ag.Var) *ag.Var { return ag.Scale(x, -1.5) }, func(x float64) float64 { return -1.5 * x }, anywhere),
		unary("Shift", func(x *ag.Var) *ag.Var { return ag.Shift(x, 0.75) }, func(x float64) float64 { return x + 0.75 }, anywhere),
		unary("Square", ag.Square, func(x float64) float64 { return x * x }, anywhere),
		unary("Sqrt", ag.Sqrt, math.Sqrt, positive),
		unary("Reciprocal", ag.Reciprocal, func(x float64) float64 { return 1 / x }, positive),
		unary("Exp", ag.Exp, math.Exp, anywhere),
		unary("Log", ag.Log, math.Log, positive),
		unary("GELU", ag.GELU, gelu, Domain{Lo: -3, Hi: 3}),
		unary("Erf", ag.Erf, math.Erf, Domain{Lo: -3, Hi: 3}),
		unary("Erfc", ag.Erfc, math.Erfc, Domain{Lo: -3, Hi: 3}),
		unary("Sin", ag.Sin, math.Sin, Domain{Lo: -10, Hi: 10}),
		unary("Cos", ag.Cos, math.Cos, Domain{Lo: -10, Hi: 10}),
	}
}

// activations are those that a layer can apply to its result, with their
// definitions.
var activations = []struct {
	name string
	act  tensor.Activation
	ref  func(x float64) float64
}{
	{"identity", tensor.Activation{}, func(x float64) float64 { return x }},
	{"tanh", tensor.TanhActivation(), math.Tanh},
	{"sigmoid", tensor.SigmoidActivation(), sigmoid},
	{"relu", tensor.ReLUActivation(), relu},
	{"leaky", tensor.LeakyReLUActivation(0.2), func(x float64) float64 { return leakyReLU(x, 0.2) }},
	{"leaky negative", tensor.LeakyReLUActivation(-0.5), func(x float64) float64 { return leakyReLU(x, -0.5) }},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func gelu(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }

func relu(x float64) float64 { return max(x, 0) }

func leakyReLU(x, slope float64) float64 {
	if x > 0 {
		return x
	}
	return slope * x
}

func activationRows() []Row {
	wide := Domain{Lo: -6, Hi: 6}
	kinked := Domain{Lo: -2, Hi: 2, Kinks: []float64{0}}
	reluRow := unary("ReLU", ag.ReLU, relu, kinked)
	reluRow.Kinks = []Kink{{In: [][]float64{{-1, 0, math.Copysign(0, -1), 1}}, Grad: [][]float64{{0, 0, 0, 1}}}}
	leaky := func(name string, slope float64) Row {
		r := unary("LeakyReLU/"+name, func(x *ag.Var) *ag.Var { return ag.LeakyReLU(x, slope) },
			func(x float64) float64 { return leakyReLU(x, slope) }, kinked)
		r.Kinks = []Kink{{In: [][]float64{{-1, 0, math.Copysign(0, -1), 1}}, Grad: [][]float64{{slope, slope, slope, 1}}}}
		return r
	}
	elu := unary("ELU", func(x *ag.Var) *ag.Var { return ag.ELU(x, 0.7) }, func(x float64) float64 {
		if x > 0 {
			return x
		}
		return 0.7 * math.Expm1(x)
	}, Domain{Lo: -3, Hi: 3, Kinks: []float64{0}})
	elu.Kinks = []Kink{{In: [][]float64{{0, math.Copysign(0, -1), 2}}, Grad: [][]float64{{0.7, 0.7, 1}}}}
	rows := []Row{
		elu,
		reluRow,
		leaky("0.2", 0.2),
		leaky("negative", -0.5),
		unary("Tanh", ag.Tanh, math.Tanh, wide),
		unary("Sigmoid", ag.Sigmoid, sigmoid, wide),
		unary("Softplus", ag.Softplus, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, wide),
		unary("Softplus/far", ag.Softplus, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, Domain{Lo: -900, Hi: 900}),
	}
	for _, c := range activations[1:] {
		domain := wide
		if c.act.IsPiecewiseLinear() {
			domain = kinked
		}
		r := unary("Activate/"+c.name, func(x *ag.Var) *ag.Var { return ag.Activate(x, c.act) }, c.ref, domain)
		r.Op = c.act.String()
		rows = append(rows, r)
	}
	return rows
}

// binaryShapes try equal shapes, broadcasting of either or both inputs, and no
// elements.
var binaryShapes = []string{
	"[2 3] [2 3]", "[2 3] [3]", "[2 1] [3]", "[] [2 2]", "[2 2] []", "[2 1 3] [4 1]", "[1 37] [2 1]",
	"[0 3] [3]", "[0 3] [1 3]", "[1] [0]", "[2 0] [1]",
}

var doNotBroadcast = []Misuse{
	{Shapes: "[2 3] [2]", Says: "do not broadcast"},
	{Shapes: "[2 3] [4 3]", Says: "do not broadcast"},
	{Shapes: "[0] [2]", Says: "do not broadcast"},
}

// binary returns the row of a broadcasting function of two elements.
func binary(name string, f func(x, y *ag.Var) *ag.Var, ref func(x, y float64) float64, domain ...Domain) Row {
	return Row{
		Name:   name,
		F:      func(xs []*ag.Var) *ag.Var { return f(xs[0], xs[1]) },
		Ref:    Zip(ref),
		Shapes: binaryShapes,
		Domain: domain,
		Misuse: doNotBroadcast,
	}
}

// mask returns a condition of a shape for the inputs' dtype and device: 0 at
// every other element, other numbers between.
func mask(like *ag.Var, shape ...int) *tensor.Tensor {
	return maskArray(shape).Tensor(like.Value().DType()).To(like.Value().Device())
}

func maskArray(shape []int) Array {
	i := 0
	return Build(shape, func([]int) float64 { i++; return float64(i % 2 * i) })
}

// where returns a row of Where with a condition of one shape.
func where(name string, shape ...int) Row {
	return Row{
		Name: "Where/" + name,
		F:    func(xs []*ag.Var) *ag.Var { return ag.Where(mask(xs[0], shape...), xs[0], xs[1]) },
		Ref: func(xs []Array) Array {
			cond := maskArray(shape)
			return Build(Broadcast(cond, xs[0], xs[1]), func(index []int) float64 {
				if cond.At(index...) != 0 {
					return xs[0].At(index...)
				}
				return xs[1].At(index...)
			})
		},
		Shapes: []string{"[2 3] [2 3]", "[2 3] [3]", "[1 1] [2 1]", "[] [2 3]", "[3] []"},
		Misuse: []Misuse{
			{Shapes: "[4 3] [2 3]", Says: "do not broadcast"},
			{Shapes: "[2 3] [2 4]", Says: "do not broadcast"},
		},
	}
}

func binaryRows() []Row {
	add := func(x, y float64) float64 { return x + y }
	extreme := func(name string, f func(x, y *ag.Var) *ag.Var, ref func(x, y float64) float64, larger, smaller float64) Row {
		r := binary(name, f, ref)
		r.Kinks = []Kink{{
			In:   [][]float64{{1, 2, 3}, {1, 3, 2}},
			Grad: [][]float64{{0.5, smaller, larger}, {0.5, larger, smaller}},
		}}
		return r
	}
	empty := where("empty", 0, 3)
	empty.Shapes = []string{"[1 3] [3]", "[0 3] [0 1]"}
	return []Row{
		binary("Add", ag.Add, add),
		binary("Sub", ag.Sub, func(x, y float64) float64 { return x - y }),
		binary("Mul", ag.Mul, func(x, y float64) float64 { return x * y }),
		binary("Div", ag.Div, func(x, y float64) float64 { return x / y }, Domain{Lo: -2, Hi: 2}, Domain{Lo: 0.5, Hi: 3}),
		extreme("Max", ag.Max, func(x, y float64) float64 { return max(x, y) }, 1, 0),
		extreme("Min", ag.Min, func(x, y float64) float64 { return min(x, y) }, 0, 1),
		where("full", 2, 3),
		where("row", 3),
		where("column", 2, 1),
		empty,
	}
}
