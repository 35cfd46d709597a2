package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unaries are the functions of one tensor with their definitions. That the
// devices compute them well, and in the corner cases, is tested elsewhere; here
// each name must mean what it says.
var unaries = map[string]struct {
	f    func(x *tensor.Tensor) *tensor.Tensor
	want func(x float64) float64
}{
	"Neg":        {tensor.Neg, func(x float64) float64 { return -x }},
	"Abs":        {tensor.Abs, math.Abs},
	"Sign":       {tensor.Sign, func(x float64) float64 { return truth(x > 0) - truth(x < 0) }},
	"Square":     {tensor.Square, func(x float64) float64 { return x * x }},
	"Sqrt":       {tensor.Sqrt, math.Sqrt},
	"Reciprocal": {tensor.Reciprocal, func(x float64) float64 { return 1 / x }},
	"Exp":        {tensor.Exp, math.Exp},
	"Log":        {tensor.Log, math.Log},
	"Sin":        {tensor.Sin, math.Sin},
	"Cos":        {tensor.Cos, math.Cos},
	"Tanh":       {tensor.Tanh, math.Tanh},
	"Sigmoid":    {tensor.Sigmoid, sigmoid},
	"Erf":        {tensor.Erf, math.Erf},
	"Erfc":       {tensor.Erfc, math.Erfc},
	"GELU":       {tensor.GELU, func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }},
	"ELU":        {func(x *tensor.Tensor) *tensor.Tensor { return tensor.ELU(x, 0.5) }, func(x float64) float64 { return max(x, 0) + 0.5*math.Expm1(min(x, 0)) }},
	"Map":        {func(x *tensor.Tensor) *tensor.Tensor { return tensor.Map(x, math.Cbrt) }, math.Cbrt},
	"Softplus":   {tensor.Softplus, func(x float64) float64 { return math.Log1p(math.Exp(x)) }},
	"ReLU":       {tensor.ReLU, func(x float64) float64 { return max(x, 0) }},
	"LeakyReLU":  {func(x *tensor.Tensor) *tensor.Tensor { return tensor.LeakyReLU(x, 0.2) }, func(x float64) float64 { return max(x, 0.2*x) }},
	"Scale":      {func(x *tensor.Tensor) *tensor.Tensor { return tensor.Scale(x, -3) }, func(x float64) float64 { return -3 * x }},
	"Shift":      {func(x *tensor.Tensor) *tensor.Tensor { return tensor.Shift(x, -3) }, func(x float64) float64 { return x - 3 }},
	"PowScalar":  {func(x *tensor.Tensor) *tensor.Tensor { return tensor.PowScalar(x, 3) }, func(x float64) float64 { return math.Pow(x, 3) }},
	"Clamp":      {func(x *tensor.Tensor) *tensor.Tensor { return tensor.Clamp(x, -1, 2) }, func(x float64) float64 { return min(max(x, -1), 2) }},
}

// binaries are the functions of two tensors.
var binaries = map[string]struct {
	f    func(x, y *tensor.Tensor) *tensor.Tensor
	want func(x, y float64) float64
}{
	"Add":          {tensor.Add, func(x, y float64) float64 { return x + y }},
	"Sub":          {tensor.Sub, func(x, y float64) float64 { return x - y }},
	"Mul":          {tensor.Mul, func(x, y float64) float64 { return x * y }},
	"Div":          {tensor.Div, func(x, y float64) float64 { return x / y }},
	"Max":          {tensor.Max, math.Max},
	"Min":          {tensor.Min, math.Min},
	"Greater":      {tensor.Greater, func(x, y float64) float64 { return truth(x > y) }},
	"GreaterEqual": {tensor.GreaterEqual, func(x, y float64) float64 { return truth(x >= y) }},
	"Equal":        {tensor.Equal, func(x, y float64) float64 { return truth(x == y) }},
	"ELUGrad": {func(g, x *tensor.Tensor) *tensor.Tensor { return tensor.ELUGrad(g, x, 0.5) }, func(g, x float64) float64 {
		if x > 0 {
			return g
		}
		return g * 0.5 * math.Exp(x)
	}},
	"PReLU": {tensor.PReLU, func(x, slope float64) float64 {
		if x > 0 {
			return x
		}
		return x * slope
	}},
	"GELUGrad": {tensor.GELUGrad, func(g, x float64) float64 {
		return g * (math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	}},
	"Gauss":        {func(g, x *tensor.Tensor) *tensor.Tensor { return tensor.Gauss(g, x, 0.5) }, func(g, x float64) float64 { return g * math.Exp(-x*x/2) }},
	"SoftplusGrad": {tensor.SoftplusGrad, func(g, x float64) float64 { return g * sigmoid(x) }},
}

// points are ordinary numbers and zero.
var points = []float64{-2.5, -1, -0.25, 0, 0.5, 1, 3.25, 7}

// near compares with a tolerance relative to the numbers, in the dtype.
func near(t *testing.T, dt tensor.DType, want, got []float64, args ...any) {
	t.Helper()
	tol := 4e-15
	if dt == tensor.Float32 {
		tol = 2e-6
	}
	require.Len(t, got, len(want), args...)
	for i, w := range want {
		if math.IsNaN(w) {
			require.True(t, math.IsNaN(got[i]), args...)
		} else if math.IsInf(w, 0) {
			require.Equal(t, w, got[i], args...)
		} else {
			require.InDelta(t, w, got[i], tol*max(1, math.Abs(w)), args...)
		}
	}
}

func TestUnary(t *testing.T) {
	for name, c := range unaries {
		for _, dt := range dtypes {
			var want []float64
			for _, p := range points {
				want = append(want, c.want(p))
			}
			x := shaped(dt, points, 2, 4)
			y := c.f(x)
			require.Equal(t, []int{2, 4}, y.Shape())
			require.Equal(t, dt, y.DType())
			near(t, dt, want, y.Float64s(), name)
			require.Equal(t, points, x.Float64s(), "%s changed its operand", name)
			// A strided operand, and other shapes.
			near(t, dt, want, c.f(shaped(dt, points, 4, 2).Permute(1, 0)).T().Float64s(), name)
			near(t, dt, want[:1], c.f(tensor.Scalar(dt, points[0])).Float64s(), name)
			require.Equal(t, []int{0, 3}, c.f(tensor.New(dt, 0, 3)).Shape())
		}
	}
}

func TestBinary(t *testing.T) {
	for name, c := range binaries {
		for _, dt := range dtypes {
			var want []float64
			for _, p := range points {
				for _, q := range points {
					want = append(want, c.want(p, q))
				}
			}
			column, row := shaped(dt, points, 8, 1), shaped(dt, points, 8)
			z := c.f(column, row)
			require.Equal(t, []int{8, 8}, z.Shape(), name)
			require.Equal(t, dt, z.DType())
			near(t, dt, want, z.Float64s(), name)
			near(t, dt, want, c.f(column.BroadcastTo(8, 8), row.BroadcastTo(8, 8).Clone()).Float64s(), name)
			require.Equal(t, points, row.Float64s(), "%s changed its operand", name)
			near(t, dt, want[1:2], c.f(tensor.Scalar(dt, points[0]), tensor.Scalar(dt, points[1])).Float64s(), name)
			require.Equal(t, []int{0, 3}, c.f(tensor.New(dt, 0, 3), tensor.New(dt, 3)).Shape())
			require.Equal(t, []int{2, 0}, c.f(tensor.New(dt, 2, 1), tensor.New(dt, 1, 0)).Shape())
		}
	}
}

func TestMulAdd(t *testing.T) {
	for _, dt := range dtypes {
		x, y := shaped(dt, []float64{2, -3}, 2, 1), shaped(dt, []float64{1, 2, 3, 4, 5, 6}, 2, 3)
		z := tensor.MulAdd(x, y, tensor.Scalar(dt, 0.5))
		require.Equal(t, []int{2, 3}, z.Shape())
		require.Equal(t, []float64{2.5, 4.5, 6.5, -11.5, -14.5, -17.5}, z.Float64s())
		require.Equal(t, []float64{2.5, 4.5, 6.5, -11.5, -14.5, -17.5}, tensor.MulAdd(y.T(), x.T(), shaped(dt, []float64{0.5}, 1, 1)).T().Float64s())
	}
}

func TestWhere(t *testing.T) {
	for _, dt := range dtypes {
		c := shaped(dt, []float64{0, 1, nan, negZero}, 4)
		x, y := shaped(dt, []float64{1, 2}, 2, 1), tensor.Scalar(dt, -1)
		z := tensor.Where(c, x, y)
		require.Equal(t, []int{2, 4}, z.Shape())
		require.Equal(t, []float64{-1, 1, 1, -1, -1, 2, 2, -1}, z.Float64s())
	}
}

func TestInPlace(t *testing.T) {
	for _, dt := range dtypes {
		x, y := shaped(dt, []float64{1, 2, 3, 4}, 2, 2), shaped(dt, []float64{5, 6, 7, 8}, 2, 2)
		for name, c := range map[string]struct {
			into func(dst, x, y *tensor.Tensor)
			want func(x, y float64) float64
		}{
			"AddScaledInto": {func(dst, x, y *tensor.Tensor) { tensor.AddScaledInto(dst, x, -0.5, y) }, func(x, y float64) float64 { return x - 0.5*y }},
			"LerpInto":      {func(dst, x, y *tensor.Tensor) { tensor.LerpInto(dst, x, y, 0.25) }, func(x, y float64) float64 { return x + 0.25*(y-x) }},
		} {
			check := func(how string, dst, x, y *tensor.Tensor) {
				var want []float64
				ys := y.Float64s()
				for i, v := range x.Float64s() {
					want = append(want, c.want(v, ys[i]))
				}
				c.into(dst, x, y)
				near(t, dt, want, dst.Float64s(), name, how)
			}
			check("fresh", tensor.New(dt, 2, 2), x, y)
			check("strided", tensor.New(dt, 2, 2).T(), x.T(), y)
			check("repeated source", tensor.New(dt, 2, 2), x, tensor.Scalar(dt, 3).BroadcastTo(2, 2))
			a := x.Clone()
			check("dst = x", a, a, y)
			a = y.Clone()
			check("dst = y", a, x, a)
			a = x.Clone()
			check("dst = x = y", a, a, a)
			// Sources that share memory with dst in another order.
			a = x.Clone()
			check("x overlaps", a, a.T(), y)
			a = x.Clone()
			check("y overlaps", a, a, a.T())
			a = tensor.Arange(dt, 5)
			check("shifted", a.Slice(0, 1, 5), a.Slice(0, 1, 5), a.Slice(0, 0, 4))
		}
	}
}
