package ptx

import (
	"math"
	"math/big"
	"math/bits"
)

// nan32 is the NaN that operations on float32 return, whatever NaN they are given.
const nan32 = 0x7fffffff

func f32(b uint32) float32 { return math.Float32frombits(b) }
func f64(b uint64) float64 { return math.Float64frombits(b) }

// b32 returns the bits of a result.
func b32(f float32) uint32 {
	if f != f {
		return nan32
	}
	return math.Float32bits(f)
}

func b64(f float64) uint64 { return math.Float64bits(f) }

// flush returns a zero of x's sign if x is subnormal.
func flush(x uint32) uint32 {
	if x&0x7f800000 == 0 {
		return x & 0x80000000
	}
	return x
}

// fma32 returns a·b + c, rounded once. The product is exact in float64. A sum that
// is rounded to 53 bits can be rounded again to 24, unless the first rounding has
// brought it to the middle between two float32; then the bits beyond the 53 decide.
func fma32(a, b, c float32) uint32 {
	p := float64(a) * float64(b)
	s := float64(p + float64(c))
	u := math.Float64bits(s)
	if e := u >> 52 & 0x7ff; u&0x1fffffff != 0x10000000 && e >= 1023-126 && e != 0x7ff {
		return math.Float32bits(float32(s))
	}
	return fma32Slow(p, float64(c), s)
}

func fma32Slow(p, c, s float64) uint32 { return b32(float32(odd(p, c, s))) }

// odd returns p + c rounded to odd: if s, the sum rounded to nearest, is inexact,
// the neighbour whose last bit is 1. Rounding that to fewer bits, two at least, in
// any direction gives what rounding the exact sum gives.
func odd(p, c, s float64) float64 {
	if s == 0 || math.IsInf(s, 0) || s != s {
		return s
	}
	// Knuth's two-sum.
	bb := float64(s - p)
	err := float64(float64(p-float64(s-bb)) + float64(c-bb))
	u := math.Float64bits(s)
	if err == 0 || u&1 == 1 {
		return s
	}
	if (err > 0) == (s > 0) {
		return math.Float64frombits(u + 1)
	}
	return math.Float64frombits(u - 1)
}

// rounding is a direction.
type rounding uint8

const (
	nearest rounding = iota // ties to even
	toZero
	down
	up
)

// to32 rounds to float32.
func to32(x float64, r rounding) float32 {
	y := float32(x)
	if r == nearest || x != x || float64(y) == x || math.IsInf(x, 0) {
		return y
	}
	above := float64(y) > x // y lies above x
	switch {
	case r == down && above, r == toZero && above && x > 0:
		return math.Nextafter32(y, float32(math.Inf(-1)))
	case r == up && !above, r == toZero && !above && x < 0:
		return math.Nextafter32(y, float32(math.Inf(1)))
	}
	return y
}

// finite reports whether none is NaN or infinite.
func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// directed64 rounds an exact value, of which y is the nearest float64.
func directed64(exact *big.Float, y float64, r rounding) float64 {
	if exact.Sign() == 0 {
		return y
	}
	var cmp int // of y with the exact value
	if math.IsInf(y, 0) {
		cmp = 1
		if y < 0 {
			cmp = -1
		}
	} else {
		cmp = new(big.Float).SetFloat64(y).Cmp(exact)
	}
	switch {
	case cmp > 0 && (r == down || r == toZero && exact.Sign() > 0):
		return math.Nextafter(y, math.Inf(-1))
	case cmp < 0 && (r == up || r == toZero && exact.Sign() < 0):
		return math.Nextafter(y, math.Inf(1))
	}
	return y
}

func exactly(x float64) *big.Float { return new(big.Float).SetPrec(4400).SetFloat64(x) }

// zeroSum returns the sign of an exact zero that is a sum: −0 when rounding down,
// unless both terms are +0.
func zeroSum(a, b, s float64, r rounding) float64 {
	if r == down && !(a == 0 && b == 0 && !math.Signbit(a) && !math.Signbit(b)) {
		return math.Copysign(0, -1)
	}
	return s
}

// fma64 returns a·b + c in any direction.
func fma64(a, b, c float64, r rounding) float64 {
	y := math.FMA(a, b, c)
	if r == nearest || !finite(a, b, c) {
		return y
	}
	e := exactly(a)
	e.Mul(e, exactly(b))
	p := a * b // for the sign of a zero
	e.Add(e, exactly(c))
	if e.Sign() == 0 {
		if p != 0 && c != 0 { // cancelled
			return zeroSum(1, -1, 0, r)
		}
		return zeroSum(p, c, y, r)
	}
	return directed64(e, y, r)
}

// fma32To returns a·b + c in any direction.
func fma32To(a, b, c float32, r rounding) uint32 {
	if r == nearest {
		return fma32(a, b, c)
	}
	p, d := float64(a)*float64(b), float64(c)
	s := float64(p + d)
	if s == 0 {
		return b32(float32(zeroSum(p, d, s, r)))
	}
	return b32(to32(odd(p, d, s), r))
}

// div64 returns a/b in any direction.
func div64(a, b float64, r rounding) float64 {
	y := a / b
	if r == nearest || !finite(a, b) || a == 0 || b == 0 {
		return y
	}
	// Compare y with a/b by y·b and a, which is exact.
	q := exactly(a)
	q.Quo(q, exactly(b)) // 4400 bits: more than decide
	return directed64(q, y, r)
}

// sqrt64 returns the root in any direction.
func sqrt64(a float64, r rounding) float64 {
	y := math.Sqrt(a)
	if r == nearest || !finite(a) || a <= 0 {
		return y
	}
	return directed64(new(big.Float).SetPrec(400).Sqrt(exactly(a)), y, r)
}

// div32 returns a/b in any direction. A quotient of float32 is never so near to the
// middle of two float32 that rounding to float64 first would change the result.
func div32(a, b float32, r rounding) uint32 {
	q := float64(a) / float64(b)
	if r == nearest {
		return b32(a / b)
	}
	if !finite(q) || q == 0 {
		return b32(float32(q))
	}
	// q may have been rounded to a float32: its remainder decides.
	rem := math.FMA(-q, float64(b), float64(a))
	u := math.Float64bits(q)
	if rem != 0 && u&1 == 0 {
		if (rem > 0) == (b > 0) == (q > 0) {
			u++
		} else {
			u--
		}
	}
	return b32(to32(math.Float64frombits(u), r))
}

// sqrt32 returns the root in any direction.
func sqrt32(a float32, r rounding) uint32 {
	q := math.Sqrt(float64(a))
	if r == nearest || !finite(q) || q == 0 {
		return b32(float32(q))
	}
	rem := math.FMA(-q, q, float64(a))
	u := math.Float64bits(q)
	if rem != 0 && u&1 == 0 {
		if rem > 0 {
			u++
		} else {
			u--
		}
	}
	return b32(to32(math.Float64frombits(u), r))
}

// integral rounds to a whole number.
func integral(x float64, r rounding) float64 {
	switch r {
	case toZero:
		return math.Trunc(x)
	case down:
		return math.Floor(x)
	case up:
		return math.Ceil(x)
	}
	return math.RoundToEven(x)
}

// toSigned converts a whole number to an integer of n bits, the nearest there is.
func toSigned(x float64, n int) uint64 {
	lo, hi := -math.Ldexp(1, n-1), math.Ldexp(1, n-1)
	switch {
	case x < lo:
		return uint64(int64(-1) << (n - 1))
	case x >= hi:
		return 1<<(n-1) - 1
	}
	return uint64(int64(x))
}

// toUnsigned converts a whole number to an integer of n bits, the nearest there is.
func toUnsigned(x float64, n int) uint64 {
	switch {
	case x < 0:
		return 0
	case x >= math.Ldexp(1, n):
		return math.MaxUint64 >> (64 - n)
	case x >= 1<<63:
		return uint64(int64(x-(1<<63))) + 1<<63
	}
	return uint64(int64(x))
}

// fromInt converts an integer to float32 or float64 in any direction. It goes by
// the top 62 bits and one that is 1 if the others are not 0.
func fromInt(neg bool, magnitude uint64, single bool, r rounding) uint64 {
	if magnitude == 0 {
		return 0
	}
	if neg {
		switch r {
		case down:
			r = up
		case up:
			r = down
		}
	}
	var keep int
	if single {
		keep = 24
	} else {
		keep = 53
	}
	shift := bits.Len64(magnitude) - keep
	if shift > 0 {
		rest := magnitude & (1<<shift - 1)
		magnitude >>= shift
		half := uint64(1) << (shift - 1)
		switch r {
		case nearest:
			if rest > half || rest == half && magnitude&1 == 1 {
				magnitude++
			}
		case up:
			if rest != 0 {
				magnitude++
			}
		}
	} else {
		shift = 0
	}
	f := math.Ldexp(float64(magnitude), shift)
	if neg {
		f = -f
	}
	if single {
		return uint64(math.Float32bits(float32(f)))
	}
	return math.Float64bits(f)
}

// min32 and those that follow return the other operand if one is NaN; −0 is less than
// +0: of equal operands, which are zeros if they differ, −0 is a|b and +0 is a&b. A NaN
// of 32 bits is always the same one.
func min32(a, b uint32) uint32 { return b32(f32(chosen(a, b, f32(a), f32(b), f32(a) < f32(b), a|b))) }
func max32(a, b uint32) uint32 { return b32(f32(chosen(a, b, f32(a), f32(b), f32(a) > f32(b), a&b))) }
func min64(a, b uint64) uint64 { return chosen(a, b, f64(a), f64(b), f64(a) < f64(b), a|b) }
func max64(a, b uint64) uint64 { return chosen(a, b, f64(a), f64(b), f64(a) > f64(b), a&b) }

// chosen returns a or b, the bits of x and y: what is not NaN, same if they are equal, a
// if it is to be the first.
func chosen[B uint32 | uint64, F float32 | float64](a, b B, x, y F, first bool, same B) B {
	switch {
	case x != x:
		return b
	case y != y:
		return a
	case x == y:
		return same
	case first:
		return a
	}
	return b
}

// The approximate instructions are the exact function rounded to float32 once.

func approx32(f func(float64) float64) func(uint32) uint32 {
	return func(x uint32) uint32 { return b32(float32(f(float64(f32(x))))) }
}

func rcp(x float64) float64   { return 1 / x }
func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

// saturate32 clamps to [0, 1]; NaN becomes 0.
func saturate32(b uint32) uint32 {
	switch x := f32(b); {
	case !(x > 0):
		return 0
	case x > 1:
		return math.Float32bits(1)
	}
	return b
}

func saturate64(b uint64) uint64 {
	switch x := f64(b); {
	case !(x > 0):
		return 0
	case x > 1:
		return math.Float64bits(1)
	}
	return b
}

// bfe extracts n bits at a position, with the sign of the topmost one.
func bfe(a uint64, pos, n uint32, width uint32, signed bool) uint64 {
	pos, n = pos&0xff, n&0xff
	if n == 0 {
		return 0
	}
	var sign uint64
	if signed {
		sign = a >> min(pos+n-1, width-1) & 1
	}
	var out uint64
	for i := range width {
		bit := sign
		if i < n && pos+i < width {
			bit = a >> (pos + i) & 1
		}
		out |= bit << i
	}
	return out
}

// bfi inserts the low n bits of a into b at a position.
func bfi(a, b uint64, pos, n uint32, width uint32) uint64 {
	pos, n = pos&0xff, n&0xff
	for i := uint32(0); i < n && pos+i < width; i++ {
		b = b&^(1<<(pos+i)) | (a>>i&1)<<(pos+i)
	}
	return b
}

// prmt picks bytes of b:a.
func prmt(a, b, c uint32) uint32 {
	v := uint64(b)<<32 | uint64(a)
	var out uint32
	for i := range 4 {
		s := c >> (4 * i) & 0xf
		x := uint32(v>>(8*(s&7))) & 0xff
		if s&8 != 0 {
			x = uint32(int32(x<<24)>>31) & 0xff
		}
		out |= x << (8 * i)
	}
	return out
}

// lop3 looks up each bit in an 8-bit table.
func lop3(a, b, c uint32, table uint32) uint32 {
	var out uint32
	for i := range 8 {
		if table>>i&1 == 0 {
			continue
		}
		x, y, z := a, b, c
		if i&4 == 0 {
			x = ^x
		}
		if i&2 == 0 {
			y = ^y
		}
		if i&1 == 0 {
			z = ^z
		}
		out |= x & y & z
	}
	return out
}

// bfind returns the position of the topmost bit that differs from the sign.
func bfind(x uint64, width int, signed bool) uint32 {
	if signed {
		x = uint64(int64(x<<(64-width)) >> (64 - width))
		if int64(x) < 0 {
			x = ^x
		}
	}
	if x == 0 {
		return math.MaxUint32
	}
	return uint32(bits.Len64(x) - 1)
}
