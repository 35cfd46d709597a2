package exact_test

import (
	"math"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/exact"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

type (
	bits = exact.Bits
	real = exact.Real
)

// unary is a row of a function of one argument.
func unary(name string, f func(x *ag.Var) *ag.Var, g func(p bits, x real) real) row {
	return row{name: name, orders: 2,
		f:     func(x []*ag.Var) *ag.Var { return f(x[0]) },
		exact: func(p bits, x []real) real { return g(p, x[0]) }}
}

// binary is one of two arguments.
func binary(name string, f func(x, y *ag.Var) *ag.Var, g func(p bits, x, y real) real) row {
	return row{name: name, orders: 1, at: grid(few, few),
		f:     func(x []*ag.Var) *ag.Var { return f(x[0], x[1]) },
		exact: func(p bits, x []real) real { return g(p, x[0], x[1]) }}
}

// module is the row of a layer that works on each element.
func module(m nn.Module, name string, g func(p bits, x real) real) row {
	return unary(name, func(x *ag.Var) *ag.Var { return m.Forward(nil, x) }, g)
}

// grid is each number of x with each of y.
func grid(x, y []float64) (out [][]float64) {
	for _, a := range x {
		for _, b := range y {
			out = append(out, []float64{a, b})
		}
	}
	return out
}

// where restricts a row to a part of its points.
func (r row) where(in func(x []float64) bool) row {
	if before := r.in; before != nil {
		r.in = func(x []float64) bool { return before(x) && in(x) }
	} else {
		r.in = in
	}
	return r
}

// among gives a row its points.
func (r row) among(at [][]float64) row { r.at = at; return r }

// above states floors, in ε, and their reason.
func (r row) above(floors [3]float64, why string) row {
	r.floors, r.why = floors, why
	return r
}

// twice adds the second derivative by each argument.
func (r row) twice() row { r.orders = 2; return r }

func positive(x []float64) bool { return x[0] > 0 }
func notHuge(x []float64) bool  { return math.Abs(x[0]) < 1e38 && math.Abs(x[1]) < 1e38 }
func nonzero(x []float64) bool  { return x[0] != 0 }
func differ(x []float64) bool   { return x[0] != x[1] }

const (
	fromValue = "derivatives follow from the value, which is rounded"
	cancels   = "numbers of size 1 cancel"
)

func relu(p bits, x real) real { return p.Max(x, p.Num(0)) }

func gelu(p bits, x real) real {
	return p.Shift(p.Mul(x, p.Erfc(p.Neg(p.Quo(x, p.Sqrt(p.Num(2)))))), -1)
}

func geluTanh(p bits, x real) real {
	// The library's constant is the float64 next to 0.044715.
	cubic := p.Mul(x, p.Add(p.Num(1), p.Mul(p.Num(0.044715), p.Mul(x, x))))
	return p.Mul(x, p.Sigmoid(p.Mul(cubic, p.Sqrt(p.Quo(p.Num(8), p.Pi())))))
}

func elu(p bits, x real) real {
	if x.Sign() > 0 {
		return x
	}
	return p.Sub((p + 1200).Exp(x), p.Num(1))
}

func leaky(a float64) func(p bits, x real) real {
	return func(p bits, x real) real {
		if x.Sign() > 0 {
			return x
		}
		return p.Mul(x, p.Num(a))
	}
}

// crossEntropy is ln(e^x + e^y) − x = softplus(y−x).
func crossEntropy(p bits, x []real) real { return p.Softplus(p.Sub(x[1], x[0])) }

func pairOf(x []*ag.Var) *ag.Var {
	n := x[0].Value().Len()
	return ag.Concat(1, ag.Reshape(x[0], n, 1), ag.Reshape(x[1], n, 1))
}

func firstOf(x *ag.Var) *ag.Var { return ag.Reshape(ag.Slice(x, 1, 0, 1), x.Value().Dim(0)) }

// bce is the cross-entropy of a probability.
func bce(p bits, prob, t real) real {
	one := p.Num(1)
	return p.Neg(p.Add(p.Mul(t, p.Log(prob)), p.Mul(p.Sub(one, t), p.Log1p(p.Neg(prob)))))
}

// probabilities are some whose variance is not held at 10⁻¹².
var probabilities = []float64{2e-12, 1e-9, 1e-7, 1e-4, 0.01, 0.3, 0.5, 0.77, 0.99, 0.9999, 0.999999, 1 - 0x1p-24}

func objective(o gan.Objective, part string, f func(o gan.Objective, x *ag.Var) *ag.Var, g func(p bits, x real) real) row {
	return unary(o.Name()+" "+part, func(x *ag.Var) *ag.Var {
		return ag.Reshape(f(o, ag.Reshape(x, x.Value().Len(), 1)), x.Value().Len())
	}, g)
}

func ofReal(o gan.Objective, x *ag.Var) *ag.Var {
	return o.Discriminator(x, ag.Const(tensor.FullLike(x.Value(), 0))).Real
}
func ofFake(o gan.Objective, x *ag.Var) *ag.Var {
	return o.Discriminator(ag.Const(tensor.FullLike(x.Value(), 0)), x).Fake
}
func ofGenerator(o gan.Objective, x *ag.Var) *ag.Var {
	return o.Generator(x, func() *ag.Var { return ag.Const(tensor.FullLike(x.Value(), 0)) })
}

func half(p bits, x real) real { return p.Shift(p.Mul(x, x), -1) }

func pow(name string, a float64) row {
	r := unary("Pow "+name, func(x *ag.Var) *ag.Var { return ag.Pow(x, a) }, func(p bits, x real) real { return p.Pow(x, a) })
	if a != math.Trunc(a) {
		r = r.where(positive)
	}
	return r.where(nonzero)
}

var rows = []row{
	unary("Neg", ag.Neg, bits.Neg),
	unary("Abs", ag.Abs, bits.Abs),
	unary("Scale", func(x *ag.Var) *ag.Var { return ag.Scale(x, 0.75) }, func(p bits, x real) real { return p.Mul(x, p.Num(0.75)) }),
	unary("Shift", func(x *ag.Var) *ag.Var { return ag.Shift(x, -1) }, func(p bits, x real) real { return p.Sub(x, p.Num(1)) }),
	unary("Square", ag.Square, func(p bits, x real) real { return p.Mul(x, x) }),
	unary("Sqrt", ag.Sqrt, bits.Sqrt).where(positive),
	unary("Reciprocal", ag.Reciprocal, func(p bits, x real) real { return p.Quo(p.Num(1), x) }),
	unary("Exp", ag.Exp, bits.Exp),
	unary("Log", ag.Log, bits.Log).where(positive),
	unary("Sin", ag.Sin, bits.Sin),
	unary("Cos", ag.Cos, bits.Cos),
	unary("Erf", ag.Erf, bits.Erf),
	unary("Erfc", ag.Erfc, bits.Erfc),
	unary("Tanh", ag.Tanh, bits.Tanh).above([3]float64{0, 1, 2}, fromValue),
	unary("Sigmoid", ag.Sigmoid, bits.Sigmoid).above([3]float64{0, 1, 1}, fromValue),
	unary("Softplus", ag.Softplus, bits.Softplus),
	unary("ReLU", ag.ReLU, relu),
	unary("LeakyReLU", func(x *ag.Var) *ag.Var { return ag.LeakyReLU(x, 0.25) }, leaky(0.25)),
	unary("ELU", func(x *ag.Var) *ag.Var { return ag.ELU(x, 1) }, elu),
	unary("Clamp", func(x *ag.Var) *ag.Var { return ag.Clamp(x, -1.5, 2.75) }, func(p bits, x real) real {
		return p.Neg(p.Max(p.Neg(p.Max(x, p.Num(-1.5))), p.Num(-2.75)))
	}),
	pow("3", 3), pow("4", 4), pow("½", 0.5), pow("−½", -0.5), pow("−2", -2), pow("7", 7), pow("1.7", 1.7), pow("−0.3", -0.3).where(func(x []float64) bool { return x[0] > 1e-29 }), // whose gradient is p times what may overflow
	pow("1.0001", 1.0001).where(func(x []float64) bool { return x[0] > 1e-37 }),
	pow("40.5", 40.5), pow("1000.25", 1000.25),

	binary("Add", ag.Add, bits.Add),
	binary("Sub", ag.Sub, bits.Sub),
	binary("Mul", ag.Mul, bits.Mul),
	binary("Div", ag.Div, bits.Quo),
	binary("Max", ag.Max, bits.Max).where(differ),
	binary("Min", ag.Min, func(p bits, x, y real) real { return p.Neg(p.Max(p.Neg(x), p.Neg(y))) }).where(differ),

	{name: "LogSumExp", orders: 2, floors: [3]float64{1, 1, 1}, why: cancels, at: grid(few, few), f: func(x []*ag.Var) *ag.Var { return ag.LogSumExp(pairOf(x), 1) },
		exact: func(p bits, x []real) real { return p.Add(x[0], crossEntropy(p, x)) }},
	{name: "LogSoftmax", orders: 2, floors: [3]float64{1, 1, 1}, why: cancels, at: grid(few, few), f: func(x []*ag.Var) *ag.Var { return firstOf(ag.LogSoftmax(pairOf(x), 1)) },
		exact: func(p bits, x []real) real { return p.Neg(crossEntropy(p, x)) }},
	{name: "Softmax", orders: 2, floors: [3]float64{0, 1, 1}, why: cancels, at: grid(few, few), f: func(x []*ag.Var) *ag.Var { return firstOf(ag.Softmax(pairOf(x), 1)) },
		exact: func(p bits, x []real) real { return p.Sigmoid(p.Sub(x[0], x[1])) }},

	module(nn.GELU(), "GELU", gelu).above([3]float64{0, 1, 1}, cancels),
	module(nn.GELUTanh(), "GELUTanh", geluTanh).above([3]float64{0, 1, 1}, fromValue),
	module(nn.SiLU(), "SiLU", func(p bits, x real) real { return p.Mul(x, p.Sigmoid(x)) }).above([3]float64{0, 1, 1}, fromValue),

	binary("MSELoss", func(x, t *ag.Var) *ag.Var { return nn.MSELoss(x, t, nn.ReduceNone) }, func(p bits, x, y real) real {
		d := p.Sub(x, y)
		return p.Mul(d, d)
	}),
	binary("L1Loss", func(x, t *ag.Var) *ag.Var { return nn.L1Loss(x, t, nn.ReduceNone) },
		func(p bits, x, y real) real { return p.Abs(p.Sub(x, y)) }).where(differ),
	binary("BCELoss", func(x, t *ag.Var) *ag.Var { return nn.BCELoss(x, t, nn.ReduceNone) }, bce).
		among(grid(probabilities, []float64{0, 0.1, 0.9, 1})).above([3]float64{0, 1, 1}, cancels).twice(),
	binary("BCEWithLogitsLoss", func(x, t *ag.Var) *ag.Var { return nn.BCEWithLogitsLoss(x, t, nn.ReduceNone) }, func(p bits, x, t real) real {
		return p.Add(p.Mul(t, p.Softplus(p.Neg(x))), p.Mul(p.Sub(p.Num(1), t), p.Softplus(x)))
	}).among(grid(few, []float64{0, 0.1, 0.9, 1})).above([3]float64{0, 1, 0}, cancels),
	{name: "CrossEntropyLoss", orders: 2, floors: [3]float64{1, 1, 1}, why: cancels, at: grid(few, few), exact: crossEntropy, f: func(x []*ag.Var) *ag.Var {
		return nn.CrossEntropyLoss(pairOf(x), make([]int, x[0].Value().Len()), nn.ReduceNone)
	}},
	{name: "SoftCrossEntropyLoss", orders: 2, floors: [3]float64{1, 1, 1}, why: cancels, at: grid(few, few), in: notHuge,
		f: func(x []*ag.Var) *ag.Var {
			share := tensor.FullLike(x[0].Value(), 0.75)
			target := pairOf([]*ag.Var{ag.Const(share), ag.Const(tensor.Shift(tensor.Neg(share), 1))})
			return nn.SoftCrossEntropyLoss(pairOf(x), target, nn.ReduceNone)
		},
		exact: func(p bits, x []real) real {
			return p.Add(p.Mul(p.Num(0.75), crossEntropy(p, x)), p.Mul(p.Num(0.25), p.Softplus(p.Sub(x[0], x[1]))))
		}},

	objective(gan.Classic{}, "real", ofReal, func(p bits, x real) real { return p.Neg(p.Log(x)) }).where(isProbability),
	objective(gan.Classic{}, "fake", ofFake, func(p bits, x real) real { return p.Neg(p.Log1p(p.Neg(x))) }).where(isProbability),
	objective(gan.Classic{}, "generator", ofGenerator, func(p bits, x real) real { return p.Neg(p.Log(x)) }).where(isProbability),
	objective(gan.Minimax{}, "real", ofReal, func(p bits, x real) real { return p.Softplus(p.Neg(x)) }),
	objective(gan.Minimax{}, "fake", ofFake, bits.Softplus),
	objective(gan.Minimax{}, "generator", ofGenerator, func(p bits, x real) real { return p.Neg(p.Softplus(x)) }),
	objective(gan.NonSaturating{}, "real", ofReal, func(p bits, x real) real { return p.Softplus(p.Neg(x)) }),
	objective(gan.NonSaturating{}, "fake", ofFake, bits.Softplus),
	objective(gan.NonSaturating{}, "generator", ofGenerator, func(p bits, x real) real { return p.Softplus(p.Neg(x)) }),
	objective(gan.LeastSquares{}, "real", ofReal, func(p bits, x real) real { return half(p, p.Sub(x, p.Num(1))) }),
	objective(gan.LeastSquares{}, "fake", ofFake, half),
	objective(gan.LeastSquares{}, "generator", ofGenerator, func(p bits, x real) real { return half(p, p.Sub(x, p.Num(1))) }),
	objective(gan.Hinge{}, "real", ofReal, func(p bits, x real) real { return relu(p, p.Sub(p.Num(1), x)) }).where(func(x []float64) bool { return x[0] != 1 }),
	objective(gan.Hinge{}, "fake", ofFake, func(p bits, x real) real { return relu(p, p.Add(p.Num(1), x)) }).where(func(x []float64) bool { return x[0] != -1 }),
	objective(gan.Hinge{}, "generator", ofGenerator, bits.Neg),
	objective(gan.Wasserstein{}, "real", ofReal, bits.Neg),
	objective(gan.Wasserstein{}, "fake", ofFake, func(_ bits, x real) real { return x }),
	objective(gan.Wasserstein{}, "generator", ofGenerator, bits.Neg),
	objective(gan.Relativistic{}, "real", ofReal, func(p bits, x real) real { return p.Softplus(p.Neg(x)) }),
	objective(gan.Relativistic{}, "generator", ofGenerator, func(p bits, x real) real { return p.Softplus(p.Neg(x)) }),
	objective(gan.RelativisticAverage{}, "real", ofReal, func(p bits, x real) real { return p.Softplus(p.Neg(x)) }),
	objective(gan.RelativisticAverage{}, "fake", ofFake, bits.Softplus),
}

func isProbability(x []float64) bool { return x[0] > 2e-12 && x[0] < 1-2e-12 }
