package philox

import (
	"math"
	"unsafe"
)

// Normal32 fills dst with normal variates of mean 0 and variance 1 by the
// method of Box and Muller: words 2i and 2i+1 of Uint32s give the radius
// √(−2 ln u) and the angle of elements 2i (its cosine) and 2i+1 (its sine).
// All 32 bits of each word are used, so the tails reach 6.7 standard deviations.
func Normal32(dst []float32, key, counter uint64) {
	done := fillBlocks(normals, unsafe.Pointer(unsafe.SliceData(dst)), len(dst), key, counter)
	dst, counter = dst[done:], counter+Blocks32(done)
	for len(dst) > 0 {
		b := at(key, counter)
		var f [4]float32
		f[0], f[1] = polar32(b[0], b[1])
		f[2], f[3] = polar32(b[2], b[3])
		dst = dst[copy(dst, f[:]):]
		counter++
	}
}

// Normal64 is Normal32 in float64: one block gives elements 2i and 2i+1.
func Normal64(dst []float64, key, counter uint64) {
	for len(dst) > 0 {
		b := at(key, counter)
		u := float64(pair(b[0], b[1]))*0x1p-64 + 0x1p-65
		r := math.Sqrt(-2 * math.Log(u))
		sin, cos := math.Sincos(2 * math.Pi * (float64(pair(b[2], b[3])>>11) * 0x1p-53))
		f := [2]float64{r * cos, r * sin}
		dst = dst[copy(dst, f[:]):]
		counter++
	}
}

// polar32 returns the point of the plane that two words give, normal in both
// directions.
func polar32(radius, angle uint32) (x, y float32) {
	// The product is exact, so fusing it with the sum changes nothing.
	u := float32(float32(radius)*0x1p-32) + 0x1p-33 // in (0, 1]
	r := float32(math.Sqrt(float64(-2 * log32(u))))
	sin, cos := sincos32(angle)
	return r * cos, r * sin
}

// Minimax polynomials in float32, each fitted over the interval stated.
const (
	// (ln(1+t) − t + t²/2)/t³ for 1+t in [√½, √2], to 3e-8 of ln(1+t).
	log0 = 0.3333390951156616
	log1 = -0.2500133812427521
	log2 = 0.19963063299655914
	log3 = -0.1657758504152298
	log4 = 0.14914767444133759
	log5 = -0.14267486333847046
	log6 = 0.08700436353683472

	// ln 2 in two parts: multiples of the first by small integers are exact.
	ln2Hi = 0.693359375
	ln2Lo = -2.12194440e-4

	// (sin x − x)/x³ and (cos x − 1 + x²/2)/x⁴ in x² for |x| ≤ π/4.
	sin0 = -0.16666655242443085
	sin1 = 0.00833216030150652
	sin2 = -0.00019515282474458218
	cos0 = 0.04166107252240181
	cos1 = -0.0013648713938891888

	sqrtHalf = 0x3F3504F3 // bits of the float32 √½
	period   = 2 * math.Pi * 0x1p-34
)

// log32 returns ln u for a normal, positive u. The conversions round, so that
// operations cannot be fused.
func log32(u float32) float32 {
	b := math.Float32bits(u)
	e := int32(b-sqrtHalf) >> 23 // u = 2ᵉ·(1+t)
	t := math.Float32frombits(b-uint32(e)<<23) - 1
	z := float32(t * t)
	p := float32(t*log6) + log5
	p = float32(t*p) + log4
	p = float32(t*p) + log3
	p = float32(t*p) + log2
	p = float32(t*p) + log1
	p = float32(t*p) + log0
	p = float32(float32(t*z) * p)
	k := float32(e)
	p += float32(k * ln2Lo)
	p -= float32(0.5 * z)
	p += t
	return p + float32(k*ln2Hi)
}

// sincos32 returns the sine and cosine of 2π·w/2³². The two top bits of w, rounded,
// are the quadrant; the rest is an angle in [−π/4, π/4).
func sincos32(w uint32) (sin, cos float32) {
	x := float32(float32(int32(w<<2)) * period)
	z := float32(x * x)
	s := float32(z*sin2) + sin1
	s = float32(z*s) + sin0
	s = float32(float32(x*z)*s) + x
	c := float32(z*cos1) + cos0
	c = float32(float32(z*z)*c) - float32(0.5*z) + 1
	quadrant := w + 1<<29
	if quadrant>>30&1 != 0 {
		s, c = c, -s
	}
	flip := quadrant & (1 << 31)
	return math.Float32frombits(math.Float32bits(s) ^ flip), math.Float32frombits(math.Float32bits(c) ^ flip)
}
