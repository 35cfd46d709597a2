package vecgen

import "math"

// The elementary functions. The polynomials are minimax fits (Remez) of the
// expressions named, in the relative error of the function's value.

// Constants of the reduction x = k·ln 2 + r. Adding shift to a small number
// leaves its nearest integer, plus 127, in the low bits of the sum.
const (
	log2e = math.Log2E
	ln2Hi = 0.693147182464599609375 // float32(ln 2)
	ln2Lo = -1.904654299957768e-9   // ln 2 − ln2Hi
	shift = 0x1.8p23 + 127
)

const (
	signBit  = 0x80000000
	absMask  = 0x7FFFFFFF
	oneBits  = 0x3F800000
	sqrtHalf = 0x3F3504F3
)

// horner is the polynomial c[0] + c[1]·x + … .
func (b *Body) horner(x Value, c ...float64) Value {
	p := b.Const(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = b.FMA(p, x, b.Const(c[i]))
	}
	return p
}

// reduce splits x = k·ln 2 + r with |r| ≤ ln 2 / 2. The integer k+127 stands in
// the low bits of t.
func (b *Body) reduce(x Value) (r, k, t Value) {
	b.Note("t = x·log2 e, rounded to an integer k")
	t = b.FMA(x, b.Const(log2e), b.Const(shift))
	k = b.Sub(t, b.Const(shift))
	b.Note("r = x − k·ln 2")
	r = b.FNMA(k, b.Const(ln2Hi), x)
	r = b.FNMA(k, b.Const(ln2Lo), r)
	return r, k, t
}

// Exp is eˣ: 2ᵏ·eʳ.
func (b *Body) Exp(x Value) Value {
	b.Note("beyond these bounds the result is +Inf or 0; NaN stays")
	x = b.Min(b.Const(89), x)
	x = b.Max(b.Const(-104), x)
	return b.exp(x)
}

// exp is Exp for −104 ≤ x ≤ 89.
func (b *Body) exp(x Value) Value {
	r, k, t := b.reduce(x)
	p := b.expPoly(r)
	if b.isa.AVX512 {
		b.Note("eˣ = 2ᵏ·eʳ")
		return b.compute("VSCALEFPS", p, k)
	}
	b.Note("eˣ = 2ʰ·2ᵏ⁻ʰ·eʳ, h = k/2, since 2ᵏ may not be a normal number")
	n := b.SubInt(t, b.Const(shift))
	h := b.Sar(n, 1)
	one := b.Bits(oneBits)
	p = b.Mul(p, b.AddInt(b.Shl(h, 23), one))
	return b.Mul(p, b.AddInt(b.Shl(b.SubInt(n, h), 23), one))
}

// expPoly is eʳ for |r| ≤ ln 2 / 2.
func (b *Body) expPoly(r Value) Value {
	b.Note("eʳ = 1 + r + r²·Q(r)")
	return b.horner(r, 1, 1, 0.4999999403953552, 0.1666652113199234, 0.04166838154196739, 0.008368730545043945, 0.0013815287966281176)
}

// negAbs is −|x|.
func (b *Body) negAbs(x Value) Value { return b.Or(x, b.Bits(signBit)) }

// Tanh is x + x³·P(x²) for |x| < 0.5498, where tanh is just above ½, and
// beyond it 1 − 2/(e^(2|x|)+1) with the sign of x.
func (b *Body) Tanh(x Value) Value {
	b.Note("small: x + x³·P(x²)")
	z := b.Mul(x, x)
	p := b.horner(z, -0.3333294689655304, 0.1332074999809265, -0.05267347767949104, 0.016440844163298607)
	small := b.FMA(b.Mul(x, z), p, x)
	b.Note("y = 2|x|, at most 20, where tanh is 1")
	y := b.And(b.Add(x, x), b.Bits(absMask))
	isSmall := b.Less(y, b.Const(2*0.5498))
	y = b.Min(b.Const(20), y)
	r, _, t := b.reduce(y)
	b.Note("1 − 2/(2ᵏ·eʳ + 1)")
	e := b.Add(b.Mul(b.Shl(t, 23), b.expPoly(r)), b.Const(1))
	large := b.Sub(b.Const(1), b.Div(b.Const(2), e))
	b.Note("with the sign of x, which a small −0 has lost too")
	return b.Or(b.Select(isSmall, small, large), b.And(x, b.Bits(signBit)))
}

// Sigmoid is 1/(1+e) if x ≥ 0, else e/(1+e), with e = e^−|x|.
func (b *Body) Sigmoid(x Value) Value {
	e := b.exp(b.Max(b.Const(-104), b.negAbs(x)))
	b.Note("the numerator is e below zero, else 1")
	one := b.Const(1)
	num := b.Select(b.Less(x, b.Bits(0)), e, one)
	return b.Div(num, b.Add(e, one))
}

// Softplus is max(x, 0) + ln(1+e) with e = e^−|x|, and ln(1+e) = 2·atanh(w)
// with w = e/(2+e).
func (b *Body) Softplus(x Value) Value {
	e := b.exp(b.Max(b.Const(-104), b.negAbs(x)))
	b.Note("w = e/(2+e); ln(1+e) = 2w + w³·A(w²)")
	w := b.Div(e, b.Add(e, b.Const(2)))
	z := b.Mul(w, w)
	a := b.horner(z, 0.666664183139801, 0.4002152681350708, 0.28001806139945984, 0.2801198661327362)
	l := b.FMA(b.Mul(w, z), a, b.Add(w, w))
	b.Note("… + max(x, 0); NaN stays")
	return b.Add(l, b.Max(b.Bits(0), x))
}

// Log is k·ln 2 + ln(1+t) with x = 2ᵏ·(1+t) and 1+t in [√½, √2).
func (b *Body) Log(x Value) Value {
	b.Note("subnormals are scaled by 2²³")
	small := b.Less(x, b.Bits(0x00800000))
	y := b.Select(small, b.Mul(x, b.Const(0x1p23)), x)
	bias := b.Select(small, b.Const(23), b.Bits(0))
	b.Note("y = 2ᵏ·(1+t)")
	n := b.Sar(b.SubInt(y, b.Bits(sqrtHalf)), 23)
	t := b.Sub(b.SubInt(y, b.Shl(n, 23)), b.Const(1))
	k := b.Sub(b.FromInt(n), bias)
	b.Note("ln(1+t) = t − t²/2 + t³·P(t)")
	p := b.horner(t, 0.3333333134651184, -0.2500081956386566, 0.20001226663589478, -0.16623356938362122,
		0.14201758801937103, -0.13160182535648346, 0.12761574983596802, -0.07634493708610535)
	z := b.Mul(t, t)
	p = b.FMA(k, b.Const(ln2Lo), b.Mul(b.Mul(t, z), p))
	p = b.FNMA(b.Const(0.5), z, p)
	p = b.FMA(k, b.Const(ln2Hi), b.Add(t, p))
	b.Note("NaN and +Inf stay; ln 0 = −Inf; NaN below 0")
	inf := b.Bits(0x7F800000)
	p = b.Select(b.Less(x, inf), p, x)
	p = b.Select(b.Equal(x, b.Bits(0)), b.Bits(0xFF800000), p)
	return b.Select(b.Less(x, b.Bits(0)), b.Bits(0x7FC00000), p)
}

// Constants of the reduction x = k·π/2 + r.
const (
	halfPi    = 1.57079637050628662109375 // float32(π/2)
	halfPiMid = -4.37113882867379288655e-8
	halfPiLo  = -1.71512451000588187e-15 // π/2 − halfPi − halfPiMid
	maxWave   = 0x1p15                   // beyond it, k is too large for these
)

// Sin is ±sin r or ±cos r, after the two low bits of k. Arguments beyond maxWave
// come out as they went in, for the caller to see to.
func (b *Body) Sin(x Value) Value {
	y := b.And(x, b.Bits(absMask))
	v := b.quarterWave(y, b.Bits(0))
	b.Note("the sine has the sign of x")
	v = b.Xor(v, b.And(x, b.Bits(signBit)))
	return b.Select(b.Less(y, b.Const(maxWave)), v, x)
}

// Cos is Sin a quarter of a period later.
func (b *Body) Cos(x Value) Value {
	y := b.And(x, b.Bits(absMask))
	return b.Select(b.Less(y, b.Const(maxWave)), b.quarterWave(y, b.Bits(1)), x)
}

// quarterWave is sin(y + later·π/2) for 0 ≤ y ≤ maxWave and an integer later.
func (b *Body) quarterWave(y, later Value) Value {
	b.Note("t = y·2/π, rounded to an integer k")
	t := b.FMA(y, b.Const(2/math.Pi), b.Const(0x1.8p23))
	k := b.Sub(t, b.Const(0x1.8p23))
	b.Note("r = y − k·π/2")
	r := b.FNMA(k, b.Const(halfPi), y)
	r = b.FNMA(k, b.Const(halfPiMid), r)
	r = b.FNMA(k, b.Const(halfPiLo), r)
	z := b.Mul(r, r)
	b.Note("sin r = r + r³·P(r²)")
	p := b.horner(z, -0.16666655242443085, 0.00833216030150652, -0.00019515218446031213)
	sin := b.FMA(b.Mul(r, z), p, r)
	b.Note("cos r = 1 + r·(r·Q(r²)), in which the rounding of r² hardly matters")
	q := b.horner(z, -0.5, 0.04166664555668831, -0.0013887315290048718, 2.4433082217001356e-05)
	cos := b.FMA(r, b.Mul(r, q), b.Const(1))
	b.Note("bit 0 of the quarter chooses, bit 1 is the sign")
	quarter := b.Shl(b.AddInt(t, later), 30)
	v := b.Select(b.Equal(quarter, b.Bits(0)), sin, cos)
	return b.Xor(v, b.And(quarter, b.Bits(signBit)))
}

// Expm1 is eˣ − 1 for x ≤ 0, 2ᵏ·(eʳ−1) + (2ᵏ−1), in which no digits cancel.
func (b *Body) Expm1(x Value) Value {
	b.Note("at −30 it is −1; NaN stays, and −0")
	r, _, t := b.reduce(b.Max(b.Const(-30), b.Min(b.Bits(0), x)))
	b.Note("eʳ−1 = r + r²·Q(r)")
	q := b.horner(r, 0.4999999403953552, 0.1666652113199234, 0.04166838154196739, 0.008368730545043945, 0.0013815287966281176)
	p := b.FMA(b.Mul(r, r), q, r)
	s := b.Shl(t, 23)
	v := b.FMA(s, p, b.Sub(s, b.Const(1)))
	return b.Select(b.Equal(x, b.Bits(0)), x, v)
}

// Erf is x + x·P(x²) for |x| < 0.93, and beyond it 1 − exp(−L(|x|)) with the sign
// of x; at 4 it is 1.
func (b *Body) Erf(x Value) Value {
	b.Note("small: x + x·P(x²)")
	p := b.horner(b.Mul(x, x), 0.128379225730896, -0.37612631916999817, 0.11283678561449051, -0.026858462020754814,
		0.0051987445913255215, -0.0008117138058878481, 8.263623749371618e-05)
	small := b.FMA(x, p, x)
	b.Note("large: 1 − exp(−L(t)), t = |x|; NaN stays")
	t := b.And(x, b.Bits(absMask))
	l := b.horner(b.Min(b.Const(4), t), 0.00022279027325566858, 1.1275627613067627, 0.6373738646507263, 0.10376220941543579,
		-0.022144712507724762, 0.003022465156391263, -0.000193809624761343)
	large := b.Sub(b.Const(1), b.exp(b.Xor(l, b.Bits(signBit))))
	b.Note("with the sign of x")
	large = b.Or(large, b.And(x, b.Bits(signBit)))
	return b.Select(b.Less(t, b.Const(0.93)), small, large)
}

// gauss is exp(−a·t²), a and t ≥ 0, for a power of two a. The square's rounding
// error, which would cost a part of it times the square, is made up for.
func (b *Body) gauss(t, a Value) Value {
	b.Note("t² = s + e")
	s := b.Mul(t, t)
	e := b.FMA(t, t, b.Xor(s, b.Bits(signBit)))
	b.Note("exp(−a·s)·(1 − a·e)")
	v := b.Exp(b.Xor(b.Mul(s, a), b.Bits(signBit)))
	return b.FNMA(v, b.Mul(e, a), v)
}

// Gauss is exp(−a·x²).
func (b *Body) Gauss(x, a Value) Value {
	b.Note("|x|, at most what has a square; NaN stays")
	return b.gauss(b.Min(b.Const(0x1p60), b.And(x, b.Bits(absMask))), a)
}

// Erfc is exp(−t²)·2m with the m of normalTail at t·√2, t = |x|, and 2 less that
// if x < 0. At 11 it is 0.
func (b *Body) Erfc(x Value) Value {
	b.Note("t = |x|, at most 11; NaN stays")
	t := b.Min(b.Const(11), b.And(x, b.Bits(absMask)))
	e := b.gauss(t, b.Const(1))
	tail := b.Mul(e, b.mills(t, 2, math.Sqrt2))
	return b.Select(b.Less(x, b.Bits(0)), b.Sub(b.Const(2), tail), tail)
}

// normalTail splits the share of the standard normal distribution above t = |x|
// into e·m, with e = exp(−t²/2). At 15, e is 0.
func (b *Body) normalTail(x Value) (t, e, m Value) {
	b.Note("t = |x|, at most 15; NaN stays")
	t = b.Min(b.Const(15), b.And(x, b.Bits(absMask)))
	e = b.gauss(t, b.Const(0.5))
	return t, e, b.mills(t, 1, 1)
}

// mills is a·m, m being the share of the normal distribution above s·t divided by
// exp(−(s·t)²/2), for s·t from 0 to 15 and a power of two a.
func (b *Body) mills(t Value, a, s float64) Value {
	b.Note("m = v·M(1−v), v = 1/(1 + 0.4·s·t)")
	u := b.Mul(t, b.Const(0.4*s))
	v := b.Div(b.Const(a), b.Add(u, b.Const(1)))
	p := b.horner(b.Mul(u, b.Mul(v, b.Const(1/a))), 0.5, -0.49735742807388306, 0.06785393506288528, 0.11664636433124542, 0.02290821261703968,
		-0.06132962927222252, 0.05771782249212265, -0.1279943585395813, 0.11342832446098328, -0.03229744732379913)
	return b.Mul(v, p)
}

// GELU is x·Φ(x), Φ being the tail if x < 0, else 1 less the tail.
func (b *Body) GELU(x Value) Value {
	_, e, m := b.normalTail(x)
	b.Note("x·m first: e may be subnormal")
	low := b.Mul(e, b.Mul(x, m))
	high := b.Mul(x, b.FNMA(e, m, b.Const(1)))
	return b.Select(b.Less(x, b.Bits(0)), low, high)
}

// GELUDerivative is Φ(x) + x·φ(x): e·(m − t/√2π) if x < 0, else 1 less that.
func (b *Body) GELUDerivative(x Value) Value {
	t, e, m := b.normalTail(x)
	d := b.Mul(e, b.FNMA(t, b.Const(0.3989422804014327), m))
	return b.Select(b.Less(x, b.Bits(0)), d, b.Sub(b.Const(1), d))
}

// Power is xᵃ, 2^(a·log₂ x), for the constants of package vec: k[0] + k[1] is a,
// k[2] the value at 0, k[3] at +Inf, k[4] has the sign bit if a is odd, and k[5]
// the bits of NaN if a is not whole. The logarithm and the product are sums of
// two numbers, since what they lose is multiplied by up to 128.
func (b *Body) Power(x Value) Value {
	inf, sign := b.Bits(0x7F800000), b.Bits(signBit)
	ax := b.And(x, b.Bits(absMask))
	b.Note("subnormals are scaled by 2²³")
	tiny := b.Less(ax, b.Bits(0x00800000))
	y := b.Select(tiny, b.Mul(ax, b.Const(0x1p23)), ax)
	bias := b.Select(tiny, b.Const(23), b.Bits(0))
	b.Note("|x| = 2ᵏ·m")
	n := b.Sar(b.SubInt(y, b.Bits(sqrtHalf)), 23)
	m := b.SubInt(y, b.Shl(n, 23))
	k := b.Sub(b.FromInt(n), bias)
	b.Note("t + t′ = (m−1)/(m+1)")
	one := b.Const(1)
	num, den := b.Sub(m, one), b.Add(m, one)
	rest := b.Sub(m, b.Sub(den, one))
	t := b.Div(num, den)
	low := b.FNMA(t, rest, b.FNMA(t, den, num))
	low = b.Div(low, den)
	b.Note("ln m = 2t + (2t′ + t³·A(t²))")
	z := b.Mul(t, t)
	p := b.horner(z, 0.6666666865348816, 0.4000012278556824, 0.2855064868927002, 0.23335029184818268)
	low = b.FMA(b.Mul(t, z), p, b.Add(low, low))
	t = b.Add(t, t)
	b.Note("h + l = k + log₂e·ln m")
	const log2eHi = 1.44269502162933349609375 // float32(log₂e)
	c := b.Const(log2eHi)
	ph := b.Mul(t, c)
	pl := b.FMA(t, c, b.Xor(ph, sign))
	pl = b.FMA(t, b.Const(log2e-log2eHi), pl)
	pl = b.FMA(low, c, pl)
	h := b.Add(k, ph)
	l := b.Add(pl, b.Sub(ph, b.Sub(h, k)))
	b.Note("e + f = a·(h + l)")
	a := b.Arg(0)
	e := b.Mul(h, a)
	f := b.FMA(h, a, b.Xor(e, sign))
	f = b.FMA(l, a, f)
	f = b.FMA(h, b.Arg(1), f)
	b.Note("beyond these bounds the result is +Inf or 0")
	e = b.Min(b.Const(200), b.Max(b.Const(-200), e))
	f = b.Select(b.Less(b.And(e, b.Bits(absMask)), b.Const(200)), f, b.Bits(0))
	b.Note("2ᵉ = 2ⁿ·2ʳ")
	s := b.Add(e, b.Const(0x1.8p23))
	w := b.Sub(s, b.Const(0x1.8p23))
	r := b.Add(b.Sub(e, w), f)
	v := b.horner(r, 1, 0.6931471824645996, 0.24022647738456726, 0.055503323674201965, 0.009618437848985195, 0.0013398900628089905, 0.00015353341586887836)
	if b.isa.AVX512 {
		v = b.compute("VSCALEFPS", v, w)
	} else {
		i := b.SubInt(s, b.Const(0x1.8p23))
		half := b.Sar(i, 1)
		bits := b.Bits(oneBits)
		v = b.Mul(v, b.AddInt(b.Shl(half, 23), bits))
		v = b.Mul(v, b.AddInt(b.Shl(b.SubInt(i, half), 23), bits))
	}
	b.Note("below 0; then ±Inf and ±0, the sign, and NaN")
	v = b.Select(b.Less(x, b.Bits(0)), b.Or(v, b.Arg(5)), v)
	v = b.Select(b.Equal(ax, inf), b.Arg(3), v)
	v = b.Select(b.Equal(ax, b.Bits(0)), b.Arg(2), v)
	v = b.Or(v, b.And(x, b.Arg(4)))
	return b.Select(b.IsNaN(x), x, v)
}
