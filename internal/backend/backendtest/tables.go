package backendtest

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
)

// tolerance bounds the error of a result at ε·(ulps·|want| + abs), where ε is
// the distance from 1 to the next number of the dtype. It does not grow with
// the size of arrays. The numbers leave room for the rounding of each step, for
// elements of a size up to about ten.
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
	epsilon, tiny := 0x1p-52, 0x1p-1022
	if dt == backend.Float32 {
		epsilon, tiny = 0x1p-23, 0x1p-126
	}
	if tol.ulps == 0 {
		return false
	}
	// A result as small as tiny may be flushed to zero.
	return math.Abs(got-want) <= epsilon*tol.ulps*math.Abs(want)+epsilon*tol.abs+tiny
}

// unaryTable has a row for each function: its tolerance, and the constants that
// it is checked with.
var unaryTable = [backend.NumUnary]struct {
	name      string
	tolerance tolerance
	constants [][2]float64
}{
	backend.Neg:        {"Neg", exact, nil},
	backend.Abs:        {"Abs", exact, nil},
	backend.Sign:       {"Sign", exact, nil},
	backend.Square:     {"Square", exact, nil},
	backend.Sqrt:       {"Sqrt", exact, nil},
	backend.Reciprocal: {"Reciprocal", exact, nil},
	backend.Exp:        {"Exp", tolerance{ulps: 2}, nil},
	backend.Log:        {"Log", tolerance{ulps: 2.5}, nil},
	backend.Sin:        {"Sin", tolerance{ulps: 2}, nil},
	backend.Cos:        {"Cos", tolerance{ulps: 2}, nil},
	backend.Tanh:       {"Tanh", tolerance{ulps: 2.5}, nil},
	backend.Sigmoid:    {"Sigmoid", tolerance{ulps: 3.5}, nil},
	backend.Softplus:   {"Softplus", tolerance{ulps: 3.5}, nil},
	backend.ReLU:       {"ReLU", exact, nil},
	backend.LeakyReLU:  {"LeakyReLU", tolerance{ulps: 2}, [][2]float64{{0.25}, {0.01}, {-1}, {0}}},
	backend.Scale:      {"Scale", tolerance{ulps: 2}, [][2]float64{{-1.75}, {0.1}, {0}}},
	backend.Shift:      {"Shift", tolerance{ulps: 1, abs: 1}, [][2]float64{{0.75}, {-0.1}}},
	backend.PowScalar:  {"PowScalar", tolerance{ulps: 2}, [][2]float64{{2}, {3}, {0.5}, {-1}, {0}, {-2.5}}},
	backend.Clamp:      {"Clamp", equal, [][2]float64{{-1.5, 2}, {0, 0}, {math.Inf(-1), 1}, {0.5, math.Inf(1)}}},
}

// binaryTable has a row for each function.
var binaryTable = [backend.NumBinary]struct {
	name      string
	tolerance tolerance
	constants []float64
}{
	backend.Add:           {"Add", exact, nil},
	backend.Sub:           {"Sub", exact, nil},
	backend.Mul:           {"Mul", exact, nil},
	backend.Div:           {"Div", exact, nil},
	backend.Max:           {"Max", equal, nil},
	backend.Min:           {"Min", equal, nil},
	backend.Pow:           {"Pow", tolerance{ulps: 2}, nil},
	backend.Greater:       {"Greater", exact, nil},
	backend.GreaterEqual:  {"GreaterEqual", exact, nil},
	backend.Equal:         {"Equal", exact, nil},
	backend.TanhGrad:      {"TanhGrad", tolerance{ulps: 3, abs: 16}, nil},
	backend.SigmoidGrad:   {"SigmoidGrad", tolerance{ulps: 3, abs: 16}, nil},
	backend.SoftplusGrad:  {"SoftplusGrad", tolerance{ulps: 4.5}, nil},
	backend.ReLUGrad:      {"ReLUGrad", exact, nil},
	backend.LeakyReLUGrad: {"LeakyReLUGrad", tolerance{ulps: 2}, []float64{0.25, 0.01, 0}},
	backend.AddScaled:     {"AddScaled", tolerance{ulps: 1, abs: 32}, []float64{0.5, -1.75, 0}},
	backend.Lerp:          {"Lerp", tolerance{ulps: 1, abs: 32}, []float64{0.25, 0.001, 1}},
}

// reduceTable has a row for each reduction: the tolerance is for ordinary
// numbers; small whole numbers must come out exact.
var reduceTable = [backend.NumReduce]struct {
	name      string
	tolerance tolerance
}{
	backend.Sum:       {"Sum", tolerance{ulps: 4, abs: 2048}},
	backend.MaxReduce: {"MaxReduce", equal},
}

// activationTable has a row for each activation of a fused linear layer: the
// function that it equals and its constant.
var activationTable = [backend.NumActivation]struct {
	name     string
	function backend.UnaryOp
	a        float64
}{
	backend.Identity:     {"Identity", backend.Scale, 1},
	backend.ActTanh:      {"Tanh", backend.Tanh, 0},
	backend.ActSigmoid:   {"Sigmoid", backend.Sigmoid, 0},
	backend.ActReLU:      {"ReLU", backend.ReLU, 0},
	backend.ActLeakyReLU: {"LeakyReLU", backend.LeakyReLU, 0.2},
}

// randomTable has a row for each distribution. In float32 all bits are given.
var randomTable = [backend.NumDistribution]struct {
	name string
	f64  tolerance
}{
	backend.Uniform: {"Uniform", exact},
	backend.Normal:  {"Normal", tolerance{ulps: 4, abs: 4}},
}

// The rest have one row each.
var (
	productTolerance = tolerance{ulps: 4, abs: 2048}
	linearTolerance  = tolerance{ulps: 16, abs: 512}
	adamTolerance    = tolerance{ulps: 6, abs: 6}
)
