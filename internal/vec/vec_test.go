package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/op"
)

// underEach runs a test once with every implementation that the machine has.
func underEach(t *testing.T, test func(t *testing.T)) {
	for _, name := range isa.Implementations() {
		t.Run(name, func(t *testing.T) {
			defer isa.Use(name)()
			test(t)
		})
	}
}

// trueUnary and trueBinary are the definitions, in float64.
func trueUnary(f op.Unary, x, a, b float64) float64 {
	out := []float64{0}
	unaryGeneric(f, out, []float64{x}, a, b)
	return out[0]
}

func trueBinary(f op.Binary, x, y, a float64) float64 {
	out := []float64{0}
	binaryGeneric(f, out, []float64{x}, []float64{y}, a)
	return out[0]
}

// approximate are the functions whose results may differ between the
// implementations, with the documented bounds.
var (
	approximateUnary  = map[op.Unary]float64{op.Exp: 1.5, op.Log: 2, op.Sin: 2, op.Cos: 2, op.Tanh: 2, op.Sigmoid: 3, op.Softplus: 3, op.PowScalar: 3, op.Erf: 2, op.Erfc: 5, op.ELU: 3, op.GELU: 5}
	approximateBinary = map[op.Binary]float64{op.SoftplusGrad: 4, op.Gauss: 4, op.ELUGrad: 4, op.GELUGrad: 6}
)

// ulps is the distance of got from the true value, in units of the spacing of
// float32s around it.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	if got == rounded || got != got && want != want {
		return 0
	}
	if got != got || want != want || math.IsInf(float64(rounded), 0) != math.IsInf(float64(got), 0) {
		// Next to the overflow, either side of it is near.
		if math.Abs(want) > math.MaxFloat32 && math.Abs(float64(got)) == math.MaxFloat32 {
			return 1
		}
		return math.Inf(1)
	}
	_, e := math.Frexp(want)
	spacing := math.Ldexp(1, max(e-24, -149))
	return math.Abs(float64(got)-want) / spacing
}

// awkward are the values that go wrong.
var awkward = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 2, -3, 10, -10, 88, -88, 89, -89, 104, -104, 1000, -1000,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126, 0x1p-127, 0x1p-140, -0x1p-140,
	math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	0x1p-24, -0x1p-24, 1 - 0x1p-24, 1 + 0x1p-23, 0.70710677, 1.4142135, 3.1415927, 1e-30, -1e-30, 1e30, -1e30,
}

// inputs returns n numbers, awkward ones among ordinary ones.
func inputs(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		if r.IntN(4) == 0 {
			x[i] = awkward[r.IntN(len(awkward))]
		} else {
			x[i] = float32(r.NormFloat64() * 3)
		}
	}
	return x
}

// same compares bits, but takes all NaNs for one.
func same(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

func requireSame(t *testing.T, want, got []float32, format string, args ...any) {
	t.Helper()
	for i := range want {
		if !same(want[i], got[i]) {
			t.Fatalf("%s: element %d of %d: want %v (%#x), got %v (%#x)", fmt.Sprintf(format, args...), i, len(want),
				want[i], math.Float32bits(want[i]), got[i], math.Float32bits(got[i]))
		}
	}
}

const fence = 12345.678

// fenced returns a copy of x in the middle of an array of fence posts, some
// elements past an aligned address, and the check of them.
func fenced(x []float32, offset int) (middle []float32, check func(t *testing.T)) {
	const margin = 32
	whole := make([]float32, len(x)+2*margin+16)
	for i := range whole {
		whole[i] = fence
	}
	start := margin + offset
	for uintptr(unsafe.Pointer(&whole[start-offset]))%64 != 0 {
		start++
	}
	middle = whole[start : start+len(x) : start+len(x)]
	copy(middle, x)
	return middle, func(t *testing.T) {
		t.Helper()
		for i, v := range whole {
			if (i < start || i >= start+len(x)) && v != fence {
				t.Fatalf("wrote outside: index %d of %d elements", i-start, len(x))
			}
		}
	}
}

// everyLength calls f with lengths 0 to 257 and an offset for each.
func everyLength(f func(n, offset int)) {
	for n := range 258 {
		f(n, n*7%16)
	}
	for offset := range 16 {
		f(37, offset)
		f(129, offset)
	}
}

// wideLengths are some beyond one call of assembly.
var wideLengths = []int{chunk - 1, chunk, chunk + 1, 2*chunk + 17}

func TestUnaryEveryLength(t *testing.T) {
	underEach(t, func(t *testing.T) {
		for f := range op.NumUnary {
			a, b := 0.3, 1.7
			x := inputs(wideLengths[3], uint64(f))
			// The whole is right; each piece is the same as in the whole.
			want := make([]float32, len(x))
			Unary(f, want, x, a, b)
			single := func(a float64) float64 {
				if f == op.PowScalar {
					return a
				}
				return float64(float32(a))
			}
			for i, v := range x {
				wide := trueUnary(f, float64(v), single(a), single(b))
				bound, ok := approximateUnary[f]
				if !ok {
					bound = 0.5
				}
				if !(ulps(want[i], wide) <= bound) {
					t.Fatalf("%v(%v) = %v, want %v", f, v, want[i], wide)
				}
			}
			everyLength(func(n, offset int) {
				in, _ := fenced(x[offset:offset+n], 15-offset)
				dst, check := fenced(make([]float32, n), offset)
				Unary(f, dst, in, a, b)
				requireSame(t, want[offset:offset+n], dst, "%v n %d", f, n)
				requireSame(t, x[offset:offset+n], in, "%v changed its input", f)
				check(t)
				Unary(f, in, in, a, b)
				requireSame(t, want[offset:offset+n], in, "%v n %d in place", f, n)
			})
			for _, n := range wideLengths {
				dst := make([]float32, n)
				Unary(f, dst, x, a, b)
				requireSame(t, want[:n], dst, "%v n %d", f, n)
			}
		}
	})
}

// Every implementation gives the bits of the plain loops, unless the function
// is an approximation.
func TestUnaryMatchesGeneric(t *testing.T) {
	x := inputs(5000, 99)
	want, got := make([]float32, len(x)), make([]float32, len(x))
	underEach(t, func(t *testing.T) {
		for f := range op.NumUnary {
			if _, ok := approximateUnary[f]; !ok {
				unaryGeneric(f, want, x, float32(0.3), float32(1.7))
				Unary(f, got, x, 0.3, 1.7)
				requireSame(t, want, got, "%v", f)
			}
		}
	})
}

// AVX2 and AVX-512 give the same bits, of approximations too.
func TestVectorWidthsAgree(t *testing.T) {
	if !isa.AVX512 {
		t.Skip("needs AVX-512")
	}
	x := inputs(100000, 5)
	wide, narrow := make([]float32, len(x)), make([]float32, len(x))
	for f := range op.NumUnary {
		Unary(f, wide, x, 0.3, 1.7)
		undo := isa.Use("avx2")
		Unary(f, narrow, x, 0.3, 1.7)
		undo()
		requireSame(t, wide, narrow, "%v", f)
	}
}

// The documented error bounds hold over all float32s.
func TestAccuracy(t *testing.T) {
	stride := uint32(4099)
	if testing.Short() {
		stride = 99991
	}
	underEach(t, func(t *testing.T) {
		for _, f := range []op.Unary{op.Exp, op.Log, op.Tanh, op.Sigmoid, op.Softplus, op.Sqrt, op.Sin, op.Cos, op.Erf, op.Erfc, op.ELU, op.GELU, op.PowScalar} {
			worst, at := 0.0, float32(0)
			x, y := make([]float32, 0, 4096), make([]float32, 4096)
			flush := func() {
				Unary(f, y[:len(x)], x, 1.7, 0)
				for i, v := range x {
					if e := ulps(y[i], trueUnary(f, float64(v), 1.7, 0)); e > worst {
						worst, at = e, v
					}
				}
				x = x[:0]
			}
			for bits := uint64(f); bits < 1<<32; bits += uint64(stride) {
				if x = append(x, math.Float32frombits(uint32(bits))); len(x) == cap(x) {
					flush()
				}
			}
			x = append(x, awkward...)
			flush()
			bound, ok := approximateUnary[f]
			if !ok {
				bound = 0.5
			}
			t.Logf("%v: %.2f ulp at %v", f, worst, at)
			assert.LessOrEqual(t, worst, bound, "%v at %v", f, at)
		}
	})
}

func TestSpecialValues(t *testing.T) {
	inf, nan, negZero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	underEach(t, func(t *testing.T) {
		for _, c := range []struct {
			f       op.Unary
			x, want []float32
		}{
			{op.Sin, []float32{0, negZero, inf, -inf, nan, 1e30}, []float32{0, negZero, nan, nan, nan, float32(math.Sin(float64(float32(1e30))))}},
			{op.Cos, []float32{0, negZero, inf, -inf, nan, -1e30}, []float32{1, 1, nan, nan, nan, float32(math.Cos(float64(float32(1e30))))}},
			{op.Tanh, []float32{0, negZero, inf, -inf, nan, 20, -20}, []float32{0, negZero, 1, -1, nan, 1, -1}},
			{op.Exp, []float32{0, negZero, inf, -inf, nan, 200, -200}, []float32{1, 1, inf, 0, nan, inf, 0}},
			{op.Log, []float32{0, negZero, inf, -inf, nan, 1, -1, -1e-45}, []float32{-inf, -inf, inf, nan, nan, 0, nan, nan}},
			{op.Sigmoid, []float32{0, inf, -inf, nan, 200, -200}, []float32{0.5, 1, 0, nan, 1, 0}},
			{op.Softplus, []float32{inf, -inf, nan, 200, -200}, []float32{inf, 0, nan, 200, 0}},
			{op.Sqrt, []float32{0, negZero, inf, -1, nan}, []float32{0, negZero, inf, nan, nan}},
			{op.Reciprocal, []float32{0, negZero, inf, -inf, nan}, []float32{inf, -inf, 0, negZero, nan}},
			{op.Sign, []float32{3, -3, 0, negZero, inf, nan}, []float32{1, -1, 0, negZero, 1, nan}},
			{op.ReLU, []float32{3, -3, 0, negZero, inf, -inf, nan}, []float32{3, 0, 0, negZero, inf, 0, nan}},
			{op.LeakyReLU, []float32{3, -4, 0, inf, -inf, nan}, []float32{3, -2, 0, inf, -inf, nan}},
			{op.Clamp, []float32{3, -3, 0.7, inf, -inf, nan}, []float32{1, 0.5, 0.7, 1, 0.5, nan}},
		} {
			got := make([]float32, len(c.x))
			Unary(c.f, got, c.x, 0.5, 1)
			requireSame(t, c.want, got, "%v", c.f)
		}
	})
}

func TestPowScalar(t *testing.T) {
	x, dst := inputs(300, 8), make([]float32, 300)
	underEach(t, func(t *testing.T) {
		for _, a := range []float64{2, -1, 0.5, 3, 0, 1, 4, -2, -0.5, 5, -7, 1.7, -0.3, 0.001, 40, 41, 1e9, -1e9, 1e9 + 1, 1e15, 1e300, math.Inf(1), math.Inf(-1), math.NaN()} {
			Unary(op.PowScalar, dst, x, a, 0)
			for i, v := range x {
				require.LessOrEqual(t, ulps(dst[i], math.Pow(float64(v), a)), 3.0, "%v to the power %v", v, a)
				if dst[i] == 0 {
					require.Equal(t, math.Signbit(math.Pow(float64(v), a)), math.Signbit(float64(dst[i])), "%v to the power %v", v, a)
				}
			}
		}
	})
}

func TestBinaryEveryLength(t *testing.T) {
	underEach(t, func(t *testing.T) {
		for f := range op.NumBinary {
			a := 0.3
			if f == op.Gauss {
				a = 0.5
			}
			x, y := inputs(wideLengths[3], uint64(f)), inputs(wideLengths[3], 1000+uint64(f))
			for i := 0; i < len(x); i += 5 {
				y[i] = x[i]
			}
			want := make([]float32, len(x))
			Binary(f, want, x, y, a)
			bound, approximate := approximateBinary[f]
			if approximate {
				for i := range x {
					if (f == op.SoftplusGrad || f == op.ELUGrad) && y[i] < -80 {
						continue // the sigmoid is subnormal, the product need not be
					}
					if (f == op.GELUGrad || f == op.Gauss) && (y[i] < -12 || y[i] > 12) {
						continue // likewise
					}
					e := ulps(want[i], trueBinary(f, float64(x[i]), float64(y[i]), float64(float32(a))))
					if f == op.GELUGrad && math.Abs(float64(want[i])-trueBinary(f, float64(x[i]), float64(y[i]), 0)) < 0x1p-23*math.Abs(float64(x[i])) {
						continue // the derivative has a zero
					}
					require.LessOrEqual(t, e, bound, "%v of %v, %v is %v", f, x[i], y[i], want[i])
				}
			} else {
				exact := make([]float32, len(x))
				binaryGeneric(f, exact, x, y, float32(a))
				requireSame(t, exact, want, "%v", f)
			}
			spreadX, spreadY := make([]float32, len(x)), make([]float32, len(x))
			Binary(f, spreadX, slices.Repeat(x[3:4], len(x)), y, a)
			Binary(f, spreadY, x, slices.Repeat(y[3:4], len(x)), a)
			everyLength(func(n, offset int) {
				inX, _ := fenced(x[offset:offset+n], 15-offset)
				inY, _ := fenced(y[offset:offset+n], offset)
				dst, check := fenced(make([]float32, n), offset)
				Binary(f, dst, inX, inY, a)
				requireSame(t, want[offset:offset+n], dst, "%v n %d", f, n)
				if n != 1 {
					Binary(f, dst, x[3:4:4], inY, a)
					requireSame(t, spreadX[offset:offset+n], dst, "%v n %d spread x", f, n)
					Binary(f, dst, inX, y[3:4:4], a)
					requireSame(t, spreadY[offset:offset+n], dst, "%v n %d spread y", f, n)
				}
				check(t)
				copy(dst, inX)
				Binary(f, dst, dst, inY, a)
				requireSame(t, want[offset:offset+n], dst, "%v n %d into x", f, n)
				copy(dst, inY)
				Binary(f, dst, inX, dst, a)
				requireSame(t, want[offset:offset+n], dst, "%v n %d into y", f, n)
			})
			for _, n := range wideLengths {
				dst := make([]float32, n)
				Binary(f, dst, x, y, a)
				requireSame(t, want[:n], dst, "%v n %d", f, n)
				Binary(f, dst, x[3:4], y, a)
				requireSame(t, spreadX[:n], dst, "%v n %d spread x", f, n)
				Binary(f, dst, x, y[3:4], a)
				requireSame(t, spreadY[:n], dst, "%v n %d spread y", f, n)
			}
		}
	})
}

// A gradient of NaN survives a derivative of zero, and so does a NaN in y.
func TestGradsPropagateNaN(t *testing.T) {
	nan := float32(math.NaN())
	underEach(t, func(t *testing.T) {
		for _, f := range []op.Binary{op.TanhGrad, op.SigmoidGrad, op.SoftplusGrad, op.ReLUGrad, op.LeakyReLUGrad, op.Max, op.Min, op.Add, op.Mul} {
			got := make([]float32, 4)
			Binary(f, got, []float32{nan, nan, 1, -1}, []float32{-1, 1, nan, nan}, 0.1)
			for i, v := range got {
				assert.True(t, v != v, "%v case %d", f, i)
			}
		}
		got := make([]float32, 3)
		Binary(op.ReLUGrad, got, []float32{5, 5, 5}, []float32{1, 0, -1}, 0)
		assert.Equal(t, []float32{5, 0, 0}, got)
		Binary(op.LeakyReLUGrad, got, []float32{5, 5, 5}, []float32{1, 0, -1}, 0.2)
		assert.Equal(t, []float32{5, 1, 1}, got)
	})
}

func TestWhereEveryLength(t *testing.T) {
	size := wideLengths[3]
	cond, x, y := inputs(size, 2), inputs(size, 3), inputs(size, 4)
	for i := 0; i < size; i += 3 {
		cond[i] = 0
	}
	want := make([]float32, size)
	whereGeneric(want, cond, x, y)
	underEach(t, func(t *testing.T) {
		everyLength(func(n, o int) {
			dst, check := fenced(make([]float32, n), o)
			Where(dst, cond[o:o+n], x[o:o+n], y[o:o+n])
			requireSame(t, want[o:o+n], dst, "n %d", n)
			check(t)
		})
		for _, n := range wideLengths {
			dst := make([]float32, n)
			Where(dst, cond, x, y)
			requireSame(t, want[:n], dst, "n %d", n)
		}
	})
}

func TestBiasAct(t *testing.T) {
	underEach(t, func(t *testing.T) {
		// Those with assembly, and one without.
		for _, f := range []op.Unary{op.None, op.Tanh, op.Sigmoid, op.ReLU, op.LeakyReLU, op.Exp} {
			for _, rows := range []int{0, 1, 2, 5, 700} {
				for cols := range 70 {
					ld := cols + cols%5
					c, check := fenced(inputs(rows*ld, uint64(cols)), cols%16)
					want := slices.Clone(c)
					bias := inputs(cols, 77)
					for i := range rows {
						row := want[i*ld:][:cols]
						Binary(op.Add, row, row, bias, 0)
						Unary(f, row, row, 0.2, 0)
					}
					BiasAct(f, c, ld, rows, cols, bias, 0.2)
					requireSame(t, want, c, "%v %d×%d", f, rows, cols)
					check(t)
					if rows > 5 {
						break
					}
				}
			}
		}
		c, want := inputs(24, 3), inputs(24, 3)
		for i := range 3 {
			Unary(op.Tanh, want[8*i:][:5], want[8*i:][:5], 0, 0)
		}
		BiasAct(op.Tanh, c, 8, 3, 5, nil, 0)
		requireSame(t, want, c, "no bias")
	})
}

// The float64 forms are the definitions themselves; what can go wrong is the
// way there.
func TestFloat64(t *testing.T) {
	x, y := []float64{-2, 0.5, 3}, []float64{1, 2, 3}
	dst := make([]float64, 3)
	Unary(op.Tanh, dst, x, 0, 0)
	assert.Equal(t, []float64{math.Tanh(-2), math.Tanh(0.5), math.Tanh(3)}, dst)
	Binary(op.Sub, dst, x, y, 0)
	assert.Equal(t, []float64{-3, -1.5, 0}, dst)
	Binary(op.Sub, dst, x, []float64{1}, 0)
	assert.Equal(t, []float64{-3, -0.5, 2}, dst)
	BiasAct(op.ReLU, dst, 3, 1, 3, []float64{1, 1, 1}, 0)
	assert.Equal(t, []float64{0, 0.5, 3}, dst)
	Binary(op.Lerp, dst, dst, y, 0.5)
	assert.Equal(t, []float64{0.5, 1.25, 3}, dst)

	long := make([]float64, 1000)
	for i := range long {
		long[i] = float64(i)
	}
	out := make([]float64, 1000)
	Binary(op.Mul, out, []float64{2}, long, 0)
	for i, v := range out {
		require.Equal(t, 2*float64(i), v)
	}
}

func TestShortOperandsPanic(t *testing.T) {
	dst, short := make([]float32, 8), make([]float32, 7)
	for name, f := range map[string]func(){
		"unary":   func() { Unary(op.Neg, dst, short, 0, 0) },
		"binary":  func() { Binary(op.Add, dst, dst, short, 0) },
		"where":   func() { Where(dst, dst, short, dst) },
		"adam":    func() { Adam(dst, dst, short, dst, op.AdamParams{}) },
		"biasact": func() { BiasAct(op.ReLU, dst, 4, 3, 2, dst[:2], 0) },
		"bias":    func() { BiasAct(op.ReLU, dst, 4, 2, 4, dst[:3:3], 0) },
		"columns": func() { ReduceCols(op.Sum, dst, short, 2, 4, 4) },
		"rows":    func() { ReduceRows(op.Sum, dst, short, 2, 4, 4) },
		"unknown": func() { Unary(op.NumUnary, dst, dst, 0, 0) },
	} {
		assert.Panics(t, f, name)
	}
}

func TestNoAllocations(t *testing.T) {
	x, y, z := inputs(1000, 1), inputs(1000, 2), inputs(1000, 3)
	dst := make([]float32, 1000)
	underEach(t, func(t *testing.T) {
		for name, f := range map[string]func(){
			"unary":   func() { Unary(op.Tanh, dst, x, 0, 0) },
			"binary":  func() { Binary(op.Mul, dst, x, y, 0) },
			"spread":  func() { Binary(op.Mul, dst, x, y[:1], 0) },
			"where":   func() { Where(dst, x, y, z) },
			"biasact": func() { BiasAct(op.Tanh, dst, 100, 10, 100, x, 0) },
			"reduce":  func() { Reduce(op.Sum, x) },
			"columns": func() { ReduceCols(op.Sum, dst, x, 10, 100, 100) },
			"rows":    func() { ReduceRows(op.Sum, dst, x, 10, 100, 100) },
			"adam":    func() { Adam(dst, x, y, z, adamParams["plain"]) },
		} {
			assert.Zero(t, testing.AllocsPerRun(10, f), name)
		}
	})
}
