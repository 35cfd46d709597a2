package backendtest

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
)

// tolerance limits the error of a result to ε·(ulps·|want| + abs), where ε is the
// distance from 1 to the next number of the dtype. It does not grow with the size
// of arrays. The numbers leave room for the rounding of each step, for elements of
// magnitude up to about ten.
type tolerance struct {
	ulps, abs float64
	zeros     bool // −0 may stand for 0 and the reverse
}

var (
	exact = tolerance{} // for operations that round once or not at all
	equal = tolerance{zeros: true}
)

func (tol tolerance) accepts(dt backend.DType, got, want float64) bool {
	switch {
	case math.IsNaN(want):
		return math.IsNaN(got)
	case math.IsInf(want, 0) || got == want && want != 0:
		return got == want
	case want == 0 && got == 0:
		return math.Signbit(got) == math.Signbit(want) || tol.zeros
	}
	var epsilon, tiny float64
	switch dt {
	case backend.Float32:
		epsilon, tiny = 0x1p-23, 0x1p-126
	case backend.Float64:
		epsilon, tiny = 0x1p-52, 0x1p-1022
	default:
		panic(backend.UnknownDType(dt))
	}
	if tol.ulps == 0 {
		return false
	}
	// A result as small as tiny may be flushed to zero.
	return math.Abs(got-want) <= epsilon*tol.ulps*math.Abs(want)+epsilon*tol.abs+tiny
}

// unaryTable has a row for each function: its tolerance, and the constants that
// it is checked with.
var unaryTable = [op.NumUnary]struct {
	name      string
	tolerance tolerance
	constants [][2]float64
}{
	op.None:       {"None", exact, nil},
	op.Neg:        {"Neg", exact, nil},
	op.Abs:        {"Abs", exact, nil},
	op.Sign:       {"Sign", exact, nil},
	op.Square:     {"Square", exact, nil},
	op.Sqrt:       {"Sqrt", exact, nil},
	op.Reciprocal: {"Reciprocal", exact, nil},
	op.Exp:        {"Exp", tolerance{ulps: 2}, nil},
	op.Log:        {"Log", tolerance{ulps: 2.5}, nil},
	op.Sin:        {"Sin", tolerance{ulps: 2}, nil},
	op.Cos:        {"Cos", tolerance{ulps: 2}, nil},
	op.Tanh:       {"Tanh", tolerance{ulps: 2.5}, nil},
	op.Sigmoid:    {"Sigmoid", tolerance{ulps: 3.5}, nil},
	op.Softplus:   {"Softplus", tolerance{ulps: 3.5}, nil},
	op.ReLU:       {"ReLU", exact, nil},
	op.LeakyReLU:  {"LeakyReLU", tolerance{ulps: 2}, [][2]float64{{0.25}, {0.01}, {-1}, {0}}},
	op.Scale:      {"Scale", tolerance{ulps: 2}, [][2]float64{{-1.75}, {0.1}, {0}}},
	op.Shift:      {"Shift", tolerance{ulps: 1, abs: 1}, [][2]float64{{0.75}, {-0.1}}},
	op.Erf:        {"Erf", tolerance{ulps: 2.5}, nil},
	op.Erfc:       {"Erfc", tolerance{ulps: 4}, nil},
	op.ELU:        {"ELU", tolerance{ulps: 4}, [][2]float64{{1}, {0.25}, {-2}}},
	op.GELU:       {"GELU", tolerance{ulps: 64}, nil},
	op.PowScalar:  {"PowScalar", tolerance{ulps: 4}, [][2]float64{{2}, {3}, {0.5}, {-1}, {0}, {-2.5}}},
	op.Clamp:      {"Clamp", equal, [][2]float64{{-1.5, 2}, {0, 0}, {math.Inf(-1), 1}, {0.5, math.Inf(1)}}},
}

// binaryTable has a row for each function.
var binaryTable = [op.NumBinary]struct {
	name      string
	tolerance tolerance
	constants []float64
}{
	op.Add:           {"Add", exact, nil},
	op.Sub:           {"Sub", exact, nil},
	op.Mul:           {"Mul", exact, nil},
	op.Div:           {"Div", exact, nil},
	op.Max:           {"Max", equal, nil},
	op.Min:           {"Min", equal, nil},
	op.Greater:       {"Greater", exact, nil},
	op.GreaterEqual:  {"GreaterEqual", exact, nil},
	op.Equal:         {"Equal", exact, nil},
	op.AddScaled:     {"AddScaled", tolerance{ulps: 1, abs: 32}, []float64{0.5, -1.75, 0}},
	op.Lerp:          {"Lerp", tolerance{ulps: 1, abs: 32}, []float64{0.25, 0.001, 1}},
	op.TanhGrad:      {"TanhGrad", tolerance{ulps: 3, abs: 16}, nil},
	op.SigmoidGrad:   {"SigmoidGrad", tolerance{ulps: 3, abs: 16}, nil},
	op.SoftplusGrad:  {"SoftplusGrad", tolerance{ulps: 4.5}, nil},
	op.ReLUGrad:      {"ReLUGrad", exact, nil},
	op.LeakyReLUGrad: {"LeakyReLUGrad", tolerance{ulps: 2}, []float64{0.25, 0.01, 0}},
	op.ELUGrad:       {"ELUGrad", tolerance{ulps: 4}, []float64{1, 0.25, -2}},
	op.PReLU:         {"PReLU", exact, nil},
	op.GELUGrad:      {"GELUGrad", tolerance{ulps: 64, abs: 32, zeros: true}, nil},
	op.Gauss:         {"Gauss", tolerance{ulps: 64}, []float64{1, 0.5}},
}

// reduceTable has a row for each reduction. The tolerance is for ordinary numbers;
// results of small whole numbers must be exact.
var reduceTable = [op.NumReduce]struct {
	name      string
	tolerance tolerance
}{
	op.Sum:        {"Sum", tolerance{ulps: 4, abs: 2048}},
	op.MaxReduce:  {"MaxReduce", equal},
	op.SumSquares: {"SumSquares", tolerance{ulps: 256}},
}

// randomTable has a row for each distribution. In float32 all bits must agree.
var randomTable = [backend.NumDistribution]struct {
	name string
	f64  tolerance
}{
	backend.Uniform: {"Uniform", exact},
	backend.Normal:  {"Normal", tolerance{ulps: 4, abs: 4}},
}

// The rest have one row each.
var (
	productTolerance      = tolerance{ulps: 4, abs: 2048}
	convTolerance         = tolerance{ulps: 8, abs: 16384}
	linearTolerance       = tolerance{ulps: 16, abs: 512}
	epilogueGradTolerance = tolerance{ulps: 16, abs: 2048}
	adamTolerance         = tolerance{ulps: 6, abs: 6}
	normTolerance         = tolerance{ulps: 1000} // of the plain sum that it is compared with
	deviationTolerance    = tolerance{ulps: 64}
	standardTolerance     = tolerance{ulps: 2, abs: 64}
	standardGradTolerance = tolerance{ulps: 8, abs: 512}
)
