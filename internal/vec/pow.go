package vec

import (
	"math"

	"github.com/gander-ml/gander/internal/op"
)

// power is a way to raise to a power.
type power uint8

const (
	anyPower power = iota
	cube
	fourth
	inverseSquare
	root
	inverseRoot
)

// powers are those that a few roundings give: at most two more than the least.
var powers = map[float64]power{3: cube, 4: fourth, -2: inverseSquare, 0.5: root, -0.5: inverseRoot}

// powScalar is Unary of op.PowScalar.
func powScalar[T Float](dst, x []T, a float64) {
	switch a {
	case 0:
		fill(dst, 1)
		return
	case 1:
		copy(dst, x)
		return
	case 2:
		Unary(op.Square, dst, x, 0, 0)
		return
	case -1:
		Unary(op.Reciprocal, dst, x, 0, 0)
		return
	}
	p := powers[a]
	if !vectors[T]() || p == anyPower && !(math.Abs(a) < 0x1p40) {
		powGeneric(dst, x, a)
		return
	}
	high := float32(a)
	args := vecArgs{k: [8]float32{high, float32(a - float64(high)), float32(math.Pow(0, a)), float32(math.Pow(math.Inf(1), a))}}
	if odd(a) {
		args.k[4] = float32(math.Copysign(0, -1))
	}
	if a != math.Trunc(a) {
		args.k[5] = math.Float32frombits(0x7FC00000)
	}
	for i := 0; i < len(dst); i += chunk {
		args.dst, args.x, args.n = pointer(dst[i:]), pointer(x[i:]), min(chunk, len(dst)-i)
		callPower(p, &args)
	}
}

// odd reports whether a is an odd number.
func odd(a float64) bool { return math.Abs(math.Mod(a, 2)) == 1 }

// powGeneric is powScalar as plain loops, and its definition.
func powGeneric[T Float](dst, x []T, a float64) {
	x = x[:len(dst)]
	switch powers[a] {
	case cube:
		for i, v := range x {
			dst[i] = T(v*v) * v
		}
	case fourth:
		for i, v := range x {
			s := T(v * v)
			dst[i] = s * s
		}
	case inverseSquare:
		for i, v := range x {
			r := 1 / v
			dst[i] = r * r
		}
	case root:
		for i, v := range x {
			dst[i] = T(powRoot(float64(v)))
		}
	case inverseRoot:
		for i, v := range x {
			dst[i] = 1 / T(powRoot(float64(v)))
		}
	default:
		for i, v := range x {
			dst[i] = T(pow(float64(v), a))
		}
	}
}

// powRoot is √x, but 0 of −0 and +Inf of −Inf, as math.Pow has it.
func powRoot(x float64) float64 {
	if x == math.Inf(-1) {
		return math.Inf(1)
	}
	return math.Sqrt(x + 0)
}

// pow is xᵃ to within 2 ulp, while math.Pow, whose corner cases it shares, loses
// some hundred for large results and small.
func pow(x, a float64) float64 {
	ax := math.Abs(x)
	if !(ax > 0 && ax <= math.MaxFloat64) || x < 0 && a != math.Trunc(a) || !(math.Abs(a) < 0x1p60) || a == 0 {
		return math.Pow(x, a)
	}
	// |x| = 2ᵏ·m, m in [√½, √2), and t + u = (m−1)/(m+1).
	m, k := math.Frexp(ax)
	if m < halfRoot {
		m, k = 2*m, k-1
	}
	num, den := m-1, m+1
	t := num / den
	u := (math.FMA(-t, den, num) - float64(t*(m-(den-1)))) / den
	// ln m = 2t + 2t³/3 + …; the second term is a sum of two, too.
	z := t * t
	p := 2.0 / 23
	for n := 21.0; n >= 5; n -= 2 {
		p = float64(p*z) + 2/n
	}
	const third, thirdLo = 2.0 / 3, 3.700743415417188e-17
	zl := math.FMA(t, t, -z) + 2*float64(t*u)
	c := z * t
	cl := math.FMA(z, t, -c) + float64(zl*t) + float64(z*u)
	h := c * third
	l := math.FMA(c, third, -h) + float64(c*thirdLo) + float64(cl*third) + float64(float64(c*z)*p) + 2*u
	s := 2*t + h
	l += h - (s - 2*t)
	// + k·ln 2, of which the first part has few bits.
	const ln2Hi, ln2Lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	kh := float64(k) * ln2Hi
	sum := kh + s
	d := sum - kh
	l += (kh - (sum - d)) + (s - d) + float64(float64(k)*ln2Lo)
	sum, l = sum+l, l-((sum+l)-sum)
	// a·(sum + l).
	e := a * sum
	f := math.FMA(a, sum, -e) + float64(a*l)
	y := exp64(e)
	if y != 0 && y <= math.MaxFloat64 {
		y += float64(y * f)
	}
	if x < 0 && odd(a) {
		return -y
	}
	return y
}
