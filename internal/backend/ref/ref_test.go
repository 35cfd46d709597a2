package ref

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

var (
	inf     = math.Inf(1)
	nan     = math.NaN()
	negZero = math.Copysign(0, -1)
)

// same is equality up to the last bits, signs of zero included.
func same(t *testing.T, want, got float64, args ...any) {
	t.Helper()
	switch {
	case math.IsNaN(want):
		require.True(t, math.IsNaN(got), args...)
		return
	case math.IsInf(want, 0):
		require.Equal(t, want, got, args...)
		return
	}
	require.InDelta(t, want, got, 1e-15*max(1, math.Abs(want)), args...)
	require.Equal(t, math.Signbit(want), math.Signbit(got), args...)
}

// TestUnary compares the reference itself with values computed by hand.
func TestUnary(t *testing.T) {
	type point struct{ x, want float64 }
	for code, c := range [op.NumUnary]struct {
		a, b   float64
		points []point
	}{
		op.None:       {0, 0, []point{{2, 2}, {negZero, negZero}, {-inf, -inf}, {nan, nan}}},
		op.Neg:        {0, 0, []point{{2, -2}, {0, negZero}, {inf, -inf}, {nan, nan}}},
		op.Abs:        {0, 0, []point{{-2, 2}, {negZero, 0}, {-inf, inf}, {nan, nan}}},
		op.Sign:       {0, 0, []point{{-0.5, -1}, {7, 1}, {0, 0}, {negZero, negZero}, {-inf, -1}, {nan, nan}}},
		op.Square:     {0, 0, []point{{-3, 9}, {0.5, 0.25}, {-inf, inf}, {nan, nan}}},
		op.Sqrt:       {0, 0, []point{{6.25, 2.5}, {-1, nan}, {negZero, negZero}, {inf, inf}}},
		op.Reciprocal: {0, 0, []point{{-4, -0.25}, {0, inf}, {negZero, -inf}, {-inf, negZero}, {nan, nan}}},
		op.Exp:        {0, 0, []point{{0, 1}, {1, math.E}, {-inf, 0}, {inf, inf}, {nan, nan}}},
		op.Log:        {0, 0, []point{{1, 0}, {math.E, 1}, {0, -inf}, {-1, nan}, {inf, inf}}},
		op.Sin:        {0, 0, []point{{math.Pi / 6, 0.5}, {-math.Pi / 2, -1}, {negZero, negZero}, {inf, nan}}},
		op.Cos:        {0, 0, []point{{math.Pi / 3, 0.5}, {0, 1}, {inf, nan}}},
		op.Tanh:       {0, 0, []point{{0.5 * math.Log(3), 0.5}, {negZero, negZero}, {-inf, -1}, {nan, nan}}},
		op.Sigmoid:    {0, 0, []point{{0, 0.5}, {math.Log(3), 0.75}, {-inf, 0}, {inf, 1}, {nan, nan}}},
		op.Softplus:   {0, 0, []point{{0, math.Ln2}, {1000, 1000}, {-1000, 0}, {math.Log(math.E - 1), 1}, {inf, inf}, {nan, nan}}},
		op.ReLU:       {0, 0, []point{{2, 2}, {-2, 0}, {negZero, negZero}, {-inf, 0}, {nan, nan}}},
		op.LeakyReLU:  {0.25, 0, []point{{2, 2}, {-2, -0.5}, {negZero, negZero}, {-inf, -inf}, {nan, nan}}},
		op.Scale:      {-2, 0, []point{{3, -6}, {0, negZero}, {inf, -inf}, {nan, nan}}},
		op.Shift:      {-2, 0, []point{{3, 1}, {2, 0}, {inf, inf}, {nan, nan}}},
		op.PowScalar:  {3, 0, []point{{-2, -8}, {0.5, 0.125}, {inf, inf}, {nan, nan}}},
		op.Erfc:       {0, 0, []point{{0, 1}, {0.4769362762044699, 0.5}, {inf, 0}, {-inf, 2}, {nan, nan}}},
		op.Erf:        {0, 0, []point{{0, 0}, {negZero, negZero}, {0.4769362762044699, 0.5}, {-inf, -1}, {nan, nan}}},
		op.ELU:        {0.5, 0, []point{{2, 2}, {negZero, negZero}, {math.Log(0.5), -0.25}, {-inf, -0.5}, {inf, inf}, {nan, nan}}},
		op.GELU:       {0, 0, []point{{1, 0.841344746068542948585}, {-1, -0.158655253931457051415}, {0, 0}, {inf, inf}, {-inf, nan}, {nan, nan}}},
		op.Clamp:      {-1, 2, []point{{-3, -1}, {-1, -1}, {0.5, 0.5}, {5, 2}, {-inf, -1}, {nan, nan}}},
	} {
		require.NotEmpty(t, c.points, "unary function %d has no row", code)
		for _, p := range c.points {
			same(t, p.want, Unary(op.Unary(code), p.x, c.a, c.b), "function %d of %v", code, p.x)
		}
	}
	require.Panics(t, func() { Unary(op.NumUnary, 0, 0, 0) })
}

func TestBinary(t *testing.T) {
	type point struct{ x, y, want float64 }
	for code, c := range [op.NumBinary]struct {
		a      float64
		points []point
	}{
		op.Add:           {0, []point{{1, 2, 3}, {inf, -inf, nan}}},
		op.Sub:           {0, []point{{1, 2, -1}, {inf, inf, nan}}},
		op.Mul:           {0, []point{{-3, 2, -6}, {0, inf, nan}, {0, -1, negZero}}},
		op.Div:           {0, []point{{-3, 2, -1.5}, {0, 0, nan}, {1, negZero, -inf}}},
		op.Max:           {0, []point{{1, 2, 2}, {2, 1, 2}, {-inf, 0, 0}, {nan, 1, nan}, {1, nan, nan}}},
		op.Min:           {0, []point{{1, 2, 1}, {2, 1, 1}, {-inf, 0, -inf}, {nan, 1, nan}, {1, nan, nan}}},
		op.Greater:       {0, []point{{1, 2, 0}, {2, 1, 1}, {1, 1, 0}, {nan, 1, 0}, {1, nan, 0}}},
		op.GreaterEqual:  {0, []point{{1, 2, 0}, {2, 1, 1}, {1, 1, 1}, {nan, nan, 0}}},
		op.Equal:         {0, []point{{1, 2, 0}, {1, 1, 1}, {0, negZero, 1}, {nan, nan, 0}}},
		op.TanhGrad:      {0, []point{{2, 0.5, 1.5}, {-4, 1, negZero}, {nan, 1, nan}, {1, nan, nan}, {inf, 1, nan}}},
		op.SigmoidGrad:   {0, []point{{8, 0.25, 1.5}, {-1, 1, negZero}, {nan, 1, nan}, {1, nan, nan}}},
		op.SoftplusGrad:  {0, []point{{8, math.Log(3), 6}, {2, 0, 1}, {3, -inf, 0}, {nan, 0, nan}, {1, nan, nan}}},
		op.ReLUGrad:      {0, []point{{3, 2, 3}, {3, -2, 0}, {3, 0, 0}, {nan, -1, nan}, {3, nan, nan}, {inf, -1, nan}}},
		op.LeakyReLUGrad: {0.25, []point{{4, 2, 4}, {4, -2, 1}, {4, 0, 1}, {nan, -1, nan}, {4, nan, nan}}},
		op.ELUGrad:       {0.5, []point{{2, 1, 2}, {2, 0, 1}, {2, -inf, 0}, {2, inf, 2}, {nan, 1, nan}, {1, nan, nan}}},
		op.PReLU:         {0, []point{{2, 5, 2}, {-2, 0.25, -0.5}, {0, 3, 0}, {negZero, 3, negZero}, {inf, 0, inf}, {nan, 1, nan}, {-1, nan, nan}, {1, nan, 1}}},
		op.GELUGrad:      {0, []point{{2, 0, 1}, {1, 1, 0.841344746068542948585 + 0.241970724519143349798}, {3, -inf, 0}, {3, inf, 3}, {nan, 0, nan}, {1, nan, nan}}},
		op.Gauss:         {0.5, []point{{2, 0, 2}, {1, 2, math.Exp(-2)}, {3, -inf, 0}, {inf, inf, nan}, {nan, 0, nan}, {1, nan, nan}}},
		op.AddScaled:     {-2, []point{{1, 3, -5}, {inf, inf, nan}}},
		op.Lerp:          {0.25, []point{{1, 5, 2}, {4, 0, 3}, {inf, 1, nan}}},
	} {
		require.NotEmpty(t, c.points, "binary function %d has no row", code)
		for _, p := range c.points {
			same(t, p.want, Binary(op.Binary(code), p.x, p.y, c.a), "function %d of %v and %v", code, p.x, p.y)
		}
	}
	require.Panics(t, func() { Binary(op.NumBinary, 0, 0, 0) })
}

// operand wraps values of a shape, which is not copied.
func operand(values []float64, shape ...int) backend.Operand {
	return backend.Operand{Buffer: backend.Host64(values), Layout: layout.Contiguous(shape...)}
}

func TestFamilies(t *testing.T) {
	x := operand([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	xt := x
	xt.Layout = x.Layout.Permute(1, 0)
	for name, c := range map[string]struct {
		call func(dst backend.Operand)
		dst  backend.Operand
		want []float64
	}{
		"copy": {func(d backend.Operand) { Backend{}.Copy(d, xt) }, operand(make([]float64, 6), 3, 2), []float64{1, 4, 2, 5, 3, 6}},
		"fill": {func(d backend.Operand) { Backend{}.Fill(d, 7) }, operand(make([]float64, 2), 2), []float64{7, 7}},
		"unary": {func(d backend.Operand) { Backend{}.Unary(op.Square, d, xt, 0, 0) },
			operand(make([]float64, 6), 3, 2), []float64{1, 16, 4, 25, 9, 36}},
		"binary": {func(d backend.Operand) { Backend{}.Binary(op.Sub, d, x, d, 0) },
			operand([]float64{6, 5, 4, 3, 2, 1}, 2, 3), []float64{-5, -3, -1, 1, 3, 5}},
		"where": {func(d backend.Operand) { Backend{}.Where(d, operand([]float64{0, 1, nan, negZero, 0, 2}, 2, 3), x, d) },
			operand([]float64{-1, -2, -3, -4, -5, -6}, 2, 3), []float64{-1, 2, 3, -4, -5, 6}},
		"sum of rows":    {func(d backend.Operand) { Backend{}.Reduce(op.Sum, d, x) }, operand(make([]float64, 2), 2, 1), []float64{6, 15}},
		"sum of columns": {func(d backend.Operand) { Backend{}.Reduce(op.Sum, d, x) }, operand(make([]float64, 3), 1, 3), []float64{5, 7, 9}},
		"sum of nothing": {func(d backend.Operand) { Backend{}.Reduce(op.Sum, d, operand(nil, 2, 0)) },
			operand([]float64{9, 9}, 2, 1), []float64{0, 0}},
		"sum that cancels": {func(d backend.Operand) { Backend{}.Reduce(op.Sum, d, operand([]float64{1e100, 1, -1e100}, 3)) },
			operand([]float64{9}, 1), []float64{1}},
		"sum with infinity": {func(d backend.Operand) { Backend{}.Reduce(op.Sum, d, operand([]float64{1, -inf, 1}, 3)) },
			operand([]float64{9}, 1), []float64{-inf}},
		"sum of infinities": {func(d backend.Operand) { Backend{}.Reduce(op.Sum, d, operand([]float64{inf, 1, -inf}, 3)) },
			operand([]float64{9}, 1), []float64{nan}},
		"max of columns": {func(d backend.Operand) { Backend{}.Reduce(op.MaxReduce, d, x) }, operand(make([]float64, 3), 1, 3), []float64{4, 5, 6}},
		"max of nothing": {func(d backend.Operand) { Backend{}.Reduce(op.MaxReduce, d, operand(nil, 0)) }, operand([]float64{9}, 1), []float64{-inf}},
		"max with NaN": {func(d backend.Operand) { Backend{}.Reduce(op.MaxReduce, d, operand([]float64{1, nan, 3}, 3)) },
			operand([]float64{9}, 1), []float64{nan}},
		"matmul":                {func(d backend.Operand) { Backend{}.MatMul(d, x, xt) }, operand(make([]float64, 4), 2, 2), []float64{14, 32, 32, 77}},
		"matmul of no features": {func(d backend.Operand) { Backend{}.MatMul(d, operand(nil, 2, 0), operand(nil, 0, 1)) }, operand([]float64{9, 9}, 2, 1), []float64{0, 0}},
		"linear": {func(d backend.Operand) {
			Backend{}.Linear(d, x, x, backend.Epilogue{Bias: operand([]float64{-14, -40}, 2), F: op.LeakyReLU, A: 0.5})
		}, operand(make([]float64, 4), 2, 2), []float64{0, -4, 18, 37}},
		"linear without epilogue": {func(d backend.Operand) { Backend{}.Linear(d, x, x, backend.Epilogue{}) }, operand(make([]float64, 4), 2, 2), []float64{14, 32, 32, 77}},
		"gather":                  {func(d backend.Operand) { Backend{}.Gather(d, x, 1, operand([]float64{2, 0}, 2)) }, operand(make([]float64, 4), 2, 2), []float64{3, 1, 6, 4}},
		"scatter": {func(d backend.Operand) { Backend{}.ScatterAdd(d, x, 1, operand([]float64{1, 0, 1}, 3)) },
			operand([]float64{10, 20, 30, 40}, 2, 2), []float64{12, 24, 35, 50}},
	} {
		t.Run(name, func(t *testing.T) {
			c.call(c.dst)
			for i, want := range c.want {
				same(t, want, c.dst.Buffer.(*backend.Host).F64[i], "element %d", i)
			}
		})
	}
}

func TestStoresRoundOnce(t *testing.T) {
	third := operand([]float64{1. / 3}, 1)
	dst := backend.Operand{Buffer: backend.Host32(make([]float32, 1)), Layout: layout.Contiguous(1)}
	Backend{}.Unary(op.Scale, dst, third, 3, 0)
	require.Equal(t, []float32{1}, dst.Buffer.(*backend.Host).F32)
}
