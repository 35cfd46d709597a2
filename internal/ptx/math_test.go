package ptx

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// roundExact rounds an exact number to a float32 or float64 by whole-number
// arithmetic, as the reference for all instructions. It returns the bits.
func roundExact(x *big.Float, single bool, r rounding) uint64 {
	digits, lowest, highest := 53, -1074, 1023
	if single {
		digits, lowest, highest = 24, -149, 127
	}
	neg := x.Sign() < 0
	a := new(big.Float).SetPrec(x.Prec()).Abs(x)
	exp := a.MantExp(nil)
	unit := max(exp-digits, lowest)
	scaled := new(big.Float).SetPrec(x.Prec()).SetMantExp(a, -unit)
	whole, _ := scaled.Int(nil)
	rest := new(big.Float).SetPrec(x.Prec()).Sub(scaled, new(big.Float).SetPrec(x.Prec()).SetInt(whole))
	half := rest.Cmp(big.NewFloat(0.5))
	upward := false
	switch {
	case rest.Sign() == 0:
	case r == nearest:
		upward = half > 0 || half == 0 && whole.Bit(0) == 1
	case r == up:
		upward = !neg
	case r == down:
		upward = neg
	}
	if upward {
		whole.Add(whole, big.NewInt(1))
	}
	f, _ := new(big.Float).SetInt(whole).Float64()
	f = math.Ldexp(f, unit)
	if f > math.Ldexp(2-math.Ldexp(1, 1-digits), highest) {
		f = math.Inf(1)
		if r == toZero || r == down && !neg || r == up && neg {
			f = math.Ldexp(2-math.Ldexp(1, 1-digits), highest)
		}
	}
	if neg {
		f = -f
	}
	if single {
		return uint64(math.Float32bits(float32(f)))
	}
	return math.Float64bits(f)
}

// value returns a float operand.
func value(b uint64, single bool) float64 {
	if single {
		return float64(f32(uint32(b)))
	}
	return f64(b)
}

func bitsOf(f float64, single bool) uint64 {
	if single {
		return uint64(math.Float32bits(float32(f)))
	}
	return math.Float64bits(f)
}

// sum is the exact a·b + c, where it is a number; ok is false if a rule for special
// values gives the result.
func fmaReference(a, b, c float64, single bool, r rounding) (uint64, bool) {
	special := a*b + c // infinite or no number as the exact one
	if math.IsNaN(a) || math.IsNaN(b) || math.IsNaN(c) || math.IsInf(a, 0) || math.IsInf(b, 0) || math.IsInf(c, 0) {
		if math.IsInf(c, 0) && finite(a, b) {
			special = c
		}
		return bitsOf(special, single), false
	}
	p := exactly(a)
	p.Mul(p, exactly(b))
	s := new(big.Float).SetPrec(4400).Add(p, exactly(c))
	if s.Sign() != 0 {
		return roundExact(s, single, r), true
	}
	negative := math.Signbit(a) != math.Signbit(b)
	switch {
	case p.Sign() == 0 && c == 0 && negative == math.Signbit(c): // both zeros of one sign
		return bitsOf(math.Copysign(0, c), single), true
	case r == down:
		return bitsOf(math.Copysign(0, -1), single), true
	}
	return bitsOf(0, single), true
}

var modes = []struct {
	name string
	r    rounding
}{{"rn", nearest}, {"rz", toZero}, {"rm", down}, {"rp", up}}

// same compares results that may be NaN: of float32 there is one NaN, of float64 any
// will do.
func same(t *testing.T, what string, row []uint64, want, got uint64, single bool) bool {
	if value(want, single) != value(want, single) {
		if single {
			return assert.Equal(t, uint64(nan32), got, "%s of %x", what, row)
		}
		return assert.True(t, value(got, single) != value(got, single), "%s of %x: %x", what, row, got)
	}
	return assert.Equal(t, want, got, "%s of %x", what, row)
}

func TestFloatArithmetic(t *testing.T) {
	for _, ty := range []typ{tF32, tF64} {
		single := ty == tF32
		e := edges(ty)
		for _, m := range modes {
			name := func(op string) string { return op + "." + m.name + "." + ty.String() }
			check := func(text string, ins int, ref func(x []float64) uint64) {
				lists := make([][]uint64, ins)
				kinds := make([]typ, ins)
				for i := range lists {
					lists[i], kinds[i] = e, ty
				}
				rows := product(3000, lists...)
				got := apply(t, text, kinds, ty, rows)
				for i, row := range rows {
					x := make([]float64, ins)
					for j := range x {
						x[j] = value(row[j], single)
					}
					if !same(t, text, row, ref(x), got[i], single) {
						return
					}
				}
			}
			check(name("add")+" D, A, B;", 2, func(x []float64) uint64 { v, _ := fmaReference(x[0], 1, x[1], single, m.r); return v })
			check(name("sub")+" D, A, B;", 2, func(x []float64) uint64 { v, _ := fmaReference(x[0], 1, -x[1], single, m.r); return v })
			check(name("fma")+" D, A, B, C;", 3, func(x []float64) uint64 { v, _ := fmaReference(x[0], x[1], x[2], single, m.r); return v })
			check(name("mul")+" D, A, B;", 2, func(x []float64) uint64 {
				if !finite(x...) || x[0] == 0 || x[1] == 0 {
					return bitsOf(x[0]*x[1], single)
				}
				p := exactly(x[0])
				return roundExact(p.Mul(p, exactly(x[1])), single, m.r)
			})
			check(name("div")+" D, A, B;", 2, func(x []float64) uint64 {
				if !finite(x...) || x[0] == 0 || x[1] == 0 {
					return bitsOf(x[0]/x[1], single)
				}
				p := exactly(x[0])
				return roundExact(p.Quo(p, exactly(x[1])), single, m.r)
			})
			check(name("rcp")+" D, A;", 1, func(x []float64) uint64 {
				if !finite(x...) || x[0] == 0 {
					return bitsOf(1/x[0], single)
				}
				p := exactly(1)
				return roundExact(p.Quo(p, exactly(x[0])), single, m.r)
			})
			check(name("sqrt")+" D, A;", 1, func(x []float64) uint64 {
				if !finite(x...) || x[0] <= 0 {
					return bitsOf(math.Sqrt(x[0]), single)
				}
				return roundExact(new(big.Float).SetPrec(400).Sqrt(exactly(x[0])), single, m.r)
			})
		}
	}
}

// A sum that lies, in float64, exactly between two float32 and in truth beside them
// is where rounding twice goes wrong.
func TestFmaRoundsOnce(t *testing.T) {
	wrong := 0
	n := uint64(1)
	next := func() uint64 { n = n*6364136223846793005 + 1442695040888963407; return n >> 33 }
	var rows [][]uint64
	for range 20000 {
		// a·b has 48 bits; c is such that the sum straddles the middle.
		a := math.Float32frombits(uint32(0x3f800000 | next()&0x7fffff))
		c := math.Float32frombits(uint32(0x3f800000|next()&0x7fffff)) * 0x1p24
		b := float32(0x1p-1) + float32(next()&0xff)*0x1p-24
		rows = append(rows, []uint64{uint64(math.Float32bits(a)), uint64(math.Float32bits(b)), uint64(math.Float32bits(c))})
	}
	// By hand: 2²⁴+2 + (1 + 2⁻²³)(1 − 2⁻²³) lies just below the middle of 2²⁴+2 and
	// 2²⁴+4, and the nearest float64 is the middle.
	rows = append(rows, []uint64{0x3f800001, 0x3f7ffffe, 0x4b800001})
	got := apply(t, "fma.rn.f32 D, A, B, C;", []typ{tF32, tF32, tF32}, tF32, rows)
	for i, r := range rows {
		a, b, c := value(r[0], true), value(r[1], true), value(r[2], true)
		want, _ := fmaReference(a, b, c, true, nearest)
		assert.Equal(t, want, got[i])
		if uint64(math.Float32bits(float32(a*b+c))) != want {
			wrong++
		}
	}
	assert.Equal(t, uint64(0x4b800001), got[len(got)-1])
	assert.Positive(t, wrong, "the rows hold cases in which rounding twice is wrong")
}

func TestFlush(t *testing.T) {
	e := edges(tF32)
	for _, op := range []string{"add", "sub", "mul", "fma.rn", "min", "max", "div.rn"} {
		n := 2
		text := op + ".ftz.f32 D, A, B;"
		plain := op + ".f32 D, A, B;"
		if strings.HasPrefix(op, "fma") {
			n, text, plain = 3, "fma.rn.ftz.f32 D, A, B, C;", "fma.rn.f32 D, A, B, C;"
		}
		lists, kinds := [][]uint64{e, e, e}[:n], []typ{tF32, tF32, tF32}[:n]
		rows := product(3000, lists...)
		flushed := make([][]uint64, len(rows))
		for i, r := range rows {
			for _, b := range r {
				if b&0x7f800000 == 0 {
					b &= 1 << 31
				}
				flushed[i] = append(flushed[i], b)
			}
		}
		got, want := apply(t, text, kinds, tF32, rows), apply(t, plain, kinds, tF32, flushed)
		for i := range rows {
			if want[i]&0x7f800000 == 0 {
				want[i] &= 1 << 31
			}
			assert.Equal(t, want[i], got[i], "%s of %x", text, rows[i])
		}
	}
}

func TestSaturate(t *testing.T) {
	bits := func(f float32) uint64 { return uint64(math.Float32bits(f)) }
	rows := [][]uint64{{bits(0.25), bits(0.5)}, {bits(3), bits(1)}, {bits(-3), bits(1)}, {nan32, bits(1)}, {bits(float32(math.Inf(1))), 0}}
	assert.Equal(t, []uint64{bits(0.75), bits(1), 0, 0, bits(1)}, apply(t, "add.sat.f32 D, A, B;", []typ{tF32, tF32}, tF32, rows))
}

func TestMinMax(t *testing.T) {
	for _, ty := range []typ{tF32, tF64} {
		single := ty == tF32
		e := edges(ty)
		for _, op := range []string{"min", "max"} {
			rows := product(5000, e, e)
			got := apply(t, op+"."+ty.String()+" D, A, B;", []typ{ty, ty}, ty, rows)
			for i, r := range rows {
				x, y := value(r[0], single), value(r[1], single)
				var want float64
				switch {
				case x != x:
					want = y
				case y != y:
					want = x
				case op == "min":
					want = math.Min(x, y)
				default:
					want = math.Max(x, y)
				}
				same(t, op, r, bitsOf(want, single), got[i], single)
			}
		}
		for op, f := range map[string]func(float64) float64{"neg": func(x float64) float64 { return -x }, "abs": math.Abs} {
			rows := product(1000, e)
			got := apply(t, op+"."+ty.String()+" D, A;", []typ{ty}, ty, rows)
			for i, r := range rows {
				if x := value(r[0], single); x == x {
					assert.Equal(t, bitsOf(f(x), single), got[i])
				}
			}
		}
		rows := product(1000, e, e)
		got := apply(t, "copysign."+ty.String()+" D, A, B;", []typ{ty, ty}, ty, rows)
		for i, r := range rows {
			if y := value(r[1], single); y == y {
				assert.Equal(t, bitsOf(math.Copysign(y, value(r[0], single)), single), got[i])
			}
		}
	}
}

// The approximate instructions keep within the errors that the manual gives.
func TestApproximations(t *testing.T) {
	for _, k := range []struct {
		text string
		f    func(float64) float64
		rel  float64
		abs  float64
	}{
		{"ex2.approx.f32 D, A;", math.Exp2, 0x1p-22, 0x1p-149},
		{"ex2.approx.ftz.f32 D, A;", math.Exp2, 0x1p-22, 0x1p-126},
		{"lg2.approx.f32 D, A;", math.Log2, 0x1p-22, 0x1p-22},
		{"rcp.approx.f32 D, A;", func(x float64) float64 { return 1 / x }, 0x1p-23, 0x1p-149},
		{"rcp.approx.ftz.f32 D, A;", func(x float64) float64 { return 1 / x }, 0x1p-23, 0x1p-126},
		{"sqrt.approx.f32 D, A;", math.Sqrt, 0x1p-23, 0x1p-149},
		{"rsqrt.approx.f32 D, A;", func(x float64) float64 { return 1 / math.Sqrt(x) }, 1.8e-7, 0},
		{"sin.approx.f32 D, A;", math.Sin, 0, 6.7e-7},
		{"cos.approx.f32 D, A;", math.Cos, 0, 6.7e-7},
		{"tanh.approx.f32 D, A;", math.Tanh, 4.9e-4, 0},
	} {
		rows := product(1000, edges(tF32))
		got := apply(t, k.text, []typ{tF32}, tF32, rows)
		for i, r := range rows {
			x := value(r[0], true)
			if strings.Contains(k.text, "ftz") && math.Abs(x) < 0x1p-126 {
				x = math.Copysign(0, x)
			}
			if (k.text[:3] == "sin" || k.text[:3] == "cos") && math.Abs(x) > math.Pi {
				continue
			}
			want, g := k.f(x), value(got[i], true)
			if w := float32(want); w != w || math.IsInf(float64(w), 0) || want == 0 {
				same(t, k.text, r, bitsOf(float64(w), true), got[i], true)
				continue
			}
			assert.InDelta(t, want, g, max(k.abs, k.rel*math.Abs(want)), "%s of %g", k.text, x)
		}
	}
	// The upper half of rcp.approx.ftz.f64 is within a unit of 20 bits.
	rows := [][]uint64{{math.Float64bits(3)}, {math.Float64bits(-7e100)}}
	for i, b := range apply(t, "rcp.approx.ftz.f64 D, A;", []typ{tF64}, tF64, rows) {
		assert.InEpsilon(t, 1/f64(rows[i][0]), f64(b), 0x1p-19)
		assert.Zero(t, uint32(b))
	}
	// Above 2¹²⁶ div.approx gives zeros.
	big := []uint64{uint64(math.Float32bits(0x1p10)), uint64(math.Float32bits(0x1.8p126))}
	assert.Equal(t, []uint64{0}, apply(t, "div.approx.f32 D, A, B;", []typ{tF32, tF32}, tF32, [][]uint64{big}))
	assert.NotEqual(t, []uint64{0}, apply(t, "div.rn.f32 D, A, B;", []typ{tF32, tF32}, tF32, [][]uint64{big}))
}

func TestCompareFloats(t *testing.T) {
	for _, ty := range []typ{tF32, tF64} {
		single := ty == tF32
		e := edges(ty)
		rows := product(3000, e, e)
		for op, f := range map[string]func(x, y float64, nan bool) bool{
			"eq": func(x, y float64, n bool) bool { return !n && x == y }, "ne": func(x, y float64, n bool) bool { return !n && x != y },
			"lt": func(x, y float64, n bool) bool { return !n && x < y }, "le": func(x, y float64, n bool) bool { return !n && x <= y },
			"gt": func(x, y float64, n bool) bool { return !n && x > y }, "ge": func(x, y float64, n bool) bool { return !n && x >= y },
			"equ": func(x, y float64, n bool) bool { return n || x == y }, "neu": func(x, y float64, n bool) bool { return n || x != y },
			"ltu": func(x, y float64, n bool) bool { return n || x < y }, "leu": func(x, y float64, n bool) bool { return n || x <= y },
			"gtu": func(x, y float64, n bool) bool { return n || x > y }, "geu": func(x, y float64, n bool) bool { return n || x >= y },
			"num": func(_, _ float64, n bool) bool { return !n }, "nan": func(_, _ float64, n bool) bool { return n },
		} {
			got := apply(t, "setp."+op+"."+ty.String()+" D, A, B;", []typ{ty, ty}, tPred, rows)
			for i, r := range rows {
				x, y := value(r[0], single), value(r[1], single)
				assert.Equal(t, f(x, y, x != x || y != y), got[i] == 1, "%s of %g, %g", op, x, y)
			}
		}
		for op, f := range map[string]func(x float64) bool{
			"finite": func(x float64) bool { return !math.IsInf(x, 0) && x == x }, "infinite": func(x float64) bool { return math.IsInf(x, 0) },
			"number": func(x float64) bool { return x == x }, "notanumber": func(x float64) bool { return x != x },
			"subnormal": func(x float64) bool {
				return x != 0 && (math.Abs(x) < 0x1p-1022 || single && math.Abs(x) < 0x1p-126)
			},
			"normal": func(x float64) bool {
				return x == x && !math.IsInf(x, 0) && math.Abs(x) >= 0x1p-1022 && !(single && math.Abs(x) < 0x1p-126)
			},
		} {
			rows := product(1000, e)
			for i, b := range apply(t, "testp."+op+"."+ty.String()+" D, A;", []typ{ty}, tPred, rows) {
				assert.Equal(t, f(value(rows[i][0], single)), b == 1, "%s of %x", op, rows[i])
			}
		}
	}
	// Subnormals are equal to zero under ftz.
	rows := [][]uint64{{1, 0}}
	assert.Equal(t, []uint64{0}, apply(t, "setp.eq.f32 D, A, B;", []typ{tF32, tF32}, tPred, rows))
	assert.Equal(t, []uint64{1}, apply(t, "setp.eq.ftz.f32 D, A, B;", []typ{tF32, tF32}, tPred, rows))
}

// exactRound rounds to a whole number.
func exactRound(x float64, r rounding) *big.Int {
	b := new(big.Float).SetPrec(2200).SetFloat64(x)
	whole, _ := b.Int(nil)
	rest := new(big.Float).SetPrec(2200).Sub(b, new(big.Float).SetPrec(2200).SetInt(whole))
	rest64, _ := rest.Float64()
	one := big.NewInt(1)
	switch {
	case rest64 == 0:
	case r == up && x > 0, r == nearest && x > 0 && (rest64 > 0.5 || rest64 == 0.5 && whole.Bit(0) == 1):
		whole.Add(whole, one)
	case r == down && x < 0, r == nearest && x < 0 && (rest64 < -0.5 || rest64 == -0.5 && whole.Bit(0) == 1):
		whole.Sub(whole, one)
	}
	return whole
}

func integerOf(b uint64, ty typ) *big.Int {
	if ty.signed() {
		return big.NewInt(int64(extendFrom(b, ty)))
	}
	return new(big.Int).SetUint64(extendFrom(b, ty))
}

// clampTo returns the nearest integer that a type has, as bits.
func clampTo(v *big.Int, ty typ) uint64 {
	n := uint(8 * ty.size())
	lo, hi := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), n)
	if ty.signed() {
		hi.Rsh(hi, 1)
		lo.Neg(hi)
	}
	hi.Sub(hi, big.NewInt(1))
	if v.Cmp(lo) < 0 {
		v = lo
	}
	if v.Cmp(hi) > 0 {
		v = hi
	}
	return new(big.Int).And(v, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), n), big.NewInt(1))).Uint64()
}

func TestConvert(t *testing.T) {
	ints := []typ{tU8, tU16, tU32, tU64, tS8, tS16, tS32, tS64}
	// The type in whose register an 8-bit value lies.
	in := func(ty typ) typ {
		if ty.size() == 1 {
			return tB16
		}
		return ty
	}
	cut := func(b uint64, ty typ) uint64 { // of the register: 8-bit results are extended to 16
		if ty.size() == 1 {
			return extendFrom(b, ty) & 0xffff
		}
		return b
	}
	for _, from := range []typ{tF32, tF64} {
		single := from == tF32
		rows := product(1000, edges(from))
		for _, m := range []struct {
			name string
			r    rounding
		}{{"rni", nearest}, {"rzi", toZero}, {"rmi", down}, {"rpi", up}} {
			for _, to := range ints {
				text := "cvt." + m.name + "." + to.String() + "." + from.String() + " D, A;"
				got := apply(t, text, []typ{from}, in(to), rows)
				for i, r := range rows {
					x := value(r[0], single)
					var want uint64
					switch {
					case x != x && (from == tF64 || to.size() == 8):
						want = 1 << (8*to.size() - 1)
					case x != x:
					case math.IsInf(x, 0):
						want = clampTo(new(big.Int).Mul(big.NewInt(int64(math.Copysign(1, x))), new(big.Int).Lsh(big.NewInt(1), 100)), to)
					default:
						want = clampTo(exactRound(x, m.r), to)
					}
					assert.Equal(t, cut(want, to), got[i], "%s of %g", text, x)
				}
			}
			text := "cvt." + m.name + "." + from.String() + "." + from.String() + " D, A;"
			got := apply(t, text, []typ{from}, from, rows)
			for i, r := range rows {
				x := value(r[0], single)
				want := x
				if finite(x) {
					want, _ = new(big.Float).SetInt(exactRound(x, m.r)).Float64()
					want = math.Copysign(want, x)
				}
				same(t, text, r, bitsOf(want, single), got[i], single)
			}
		}
	}
	for _, m := range modes {
		rows := product(1000, edges(tF64))
		text := "cvt." + m.name + ".f32.f64 D, A;"
		for i, b := range apply(t, text, []typ{tF64}, tF32, rows) {
			x := f64(rows[i][0])
			want := bitsOf(x, true)
			if finite(x) && x != 0 {
				want = roundExact(exactly(x), true, m.r)
			}
			same(t, text, rows[i], want, b, true)
		}
		for _, from := range ints {
			rows := product(1000, edges(from))
			for _, to := range []typ{tF32, tF64} {
				text := "cvt." + m.name + "." + to.String() + "." + from.String() + " D, A;"
				for i, b := range apply(t, text, []typ{in(from)}, to, rows) {
					v := integerOf(rows[i][0], from)
					want := uint64(0)
					if v.Sign() != 0 {
						want = roundExact(new(big.Float).SetPrec(4400).SetInt(v), to == tF32, m.r)
					}
					assert.Equal(t, want, b, "%s of %x", text, rows[i])
				}
			}
		}
	}
	rows := product(1000, edges(tF32))
	for i, b := range apply(t, "cvt.f64.f32 D, A;", []typ{tF32}, tF64, rows) {
		same(t, "cvt.f64.f32", rows[i], bitsOf(value(rows[i][0], true), false), b, false)
	}
	for _, from := range ints {
		rows := product(1000, edges(from))
		for _, to := range ints {
			text := "cvt." + to.String() + "." + from.String() + " D, A;"
			sat := "cvt.sat." + to.String() + "." + from.String() + " D, A;"
			got, saturated := apply(t, text, []typ{in(from)}, in(to), rows), apply(t, sat, []typ{in(from)}, in(to), rows)
			for i, r := range rows {
				v := integerOf(r[0], from)
				mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*to.size())), big.NewInt(1))
				assert.Equal(t, cut(new(big.Int).And(v, mask).Uint64(), to), got[i], "%s of %x", text, r)
				assert.Equal(t, cut(clampTo(v, to), to), saturated[i], "%s of %x", sat, r)
			}
		}
	}
	assert.Equal(t, []uint64{0}, apply(t, "cvt.rzi.ftz.s32.f32 D, A;", []typ{tF32}, tS32, [][]uint64{{1}}))
	assert.Equal(t, []uint64{1}, apply(t, "cvt.rpi.s32.f32 D, A;", []typ{tF32}, tS32, [][]uint64{{1}}))
	assert.Equal(t, []uint64{0}, apply(t, "cvt.rpi.ftz.s32.f32 D, A;", []typ{tF32}, tS32, [][]uint64{{1}}))
	assert.Equal(t, []uint64{0x3f800000}, apply(t, "cvt.sat.f32.f32 D, A;", []typ{tF32}, tF32, [][]uint64{{0x40000000}}))
}
