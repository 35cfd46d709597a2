package vec

import (
	"math"
	"unsafe"
)

// The float32 functions of the plain loops. They compute in float64 with
// polynomials good to 3·10⁻¹⁰, so that the one rounding to float32 is nearly
// the whole error, in a fraction of package math's time. Conversions keep
// compilers from fusing: the results are the same on every machine.

// single reports whether T is float32, and not float64. It panics if T is neither.
func single[T Float]() bool {
	var v T
	switch unsafe.Sizeof(v) {
	case 4:
		return true
	case 8:
		return false
	default:
		panic("vec: unknown element type")
	}
}

func exp[T Float](x T) T {
	if single[T]() {
		return T(exp32(float32(x)))
	}
	return T(exp64(float64(x)))
}

// exp64 is eˣ. On amd64, math.Exp overflows too early, above 709.
func exp64(x float64) float64 {
	if x > 709 {
		y := math.Exp(x / 2)
		return y * y
	}
	return math.Exp(x)
}

func log[T Float](x T) T {
	if single[T]() {
		return T(log32(float32(x)))
	}
	return T(log64(float64(x)))
}

// log64 is ln x. On amd64, math.Log is wrong for subnormals.
func log64(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return math.Log(x*0x1p52) - 52*math.Ln2
	}
	return math.Log(x)
}

func tanh[T Float](x T) T {
	if single[T]() {
		return T(tanh32(float32(x)))
	}
	return T(math.Tanh(float64(x)))
}

// sigmoid is 1/(1+e⁻ˣ), in float64 by whichever form keeps the small tail.
func sigmoid[T Float](x T) T {
	if single[T]() {
		return T(sigmoid32(float32(x)))
	}
	e := math.Exp(-math.Abs(float64(x)))
	if x < 0 {
		return T(e / (1 + e))
	}
	return T(1 / (1 + e))
}

// softplus is ln(1+eˣ).
func softplus[T Float](x T) T {
	if single[T]() {
		return T(softplus32(float32(x)))
	}
	return max(x, 0) + T(math.Log1p(math.Exp(-math.Abs(float64(x)))))
}

// expParts gives eˣ = s + s·p with s = 2ᵏ and p = eʳ−1, x = k·ln 2 + r, for
// |x| up to some hundreds.
func expParts(x float64) (s, p float64) {
	// Adding shift leaves the nearest integer in the low bits of the sum.
	const shift = 0x1.8p52
	t := float64(x*math.Log2E) + shift
	r := x - float64((t-shift)*math.Ln2)
	q := float64(r*0.00019846747675069867) + 0.0013940647828233358
	q = float64(r*q) + 0.0083333881601085243
	q = float64(r*q) + 0.041666360657624207
	q = float64(r*q) + 0.16666666374061595
	q = float64(r*q) + 0.50000000442266029
	return math.Float64frombits((math.Float64bits(t) + 1023) << 52), r + float64(float64(r*r)*q)
}

// twiceAtanh is ln((1+w)/(1−w)) for |w| ≤ ⅓.
func twiceAtanh(w float64) float64 {
	z := float64(w * w)
	a := float64(z*0.24289557611048878) + 0.21430740880796544
	a = float64(z*a) + 0.2861659672694943
	a = float64(z*a) + 0.39998888355470412
	a = float64(z*a) + 0.66666675500356215
	return 2*w + float64(float64(w*z)*a)
}

func exp32(x float32) float32 {
	switch {
	case x > 89:
		return float32(math.Inf(1))
	case x < -104:
		return 0
	}
	s, p := expParts(float64(x))
	return float32(s + float64(s*p))
}

func log32(x float32) float32 {
	switch {
	case x < 0:
		return float32(math.NaN())
	case x == 0:
		return float32(math.Inf(-1))
	case !(x <= math.MaxFloat32):
		return x
	}
	const sqrtHalf = 0x3FE6A09E667F3BCD // bits of √½
	b := math.Float64bits(float64(x))
	k := int64(b-sqrtHalf) >> 52 // x = 2ᵏ·m
	m := math.Float64frombits(b - uint64(k)<<52)
	return float32(twiceAtanh((m-1)/(m+1)) + float64(float64(k)*math.Ln2))
}

func tanh32(x float32) float32 {
	y := 2 * abs32(x)
	if y > 20 {
		y = 20
	}
	s, p := expParts(y)
	e := float64(s*p) + (s - 1)
	th := float32(e / (e + 2))
	return math.Float32frombits(math.Float32bits(th) | math.Float32bits(x)&signBit)
}

func sigmoid32(x float32) float32 {
	s, p := expParts(-min(max(float64(x), -120), 120))
	return float32(1 / (1 + s + float64(s*p)))
}

func softplus32(x float32) float32 {
	s, p := expParts(max(-abs32(x), -120))
	e := s + float64(s*p)
	return float32(max(float64(x), 0) + twiceAtanh(e/(2+e)))
}

const signBit = 1 << 31

// abs32 is |x|. Taken before the conversion, whose register would otherwise
// wait for the result of the loop's last iteration.
func abs32(x float32) float64 {
	return float64(math.Float32frombits(math.Float32bits(x) &^ signBit))
}
