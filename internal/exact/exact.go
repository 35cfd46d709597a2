// Package exact computes elementary functions to any number of bits, and
// derivatives of what is made of them. It is what the tests of accuracy hold the
// library against, shares no code with it, and is far too slow for anything else.
package exact

import (
	"math"
	"math/big"
	"sync"
)

// Real is a number of many bits. Values are not changed once they are made.
type Real = *big.Float

// Bits is a precision; its methods are the functions at that precision. The
// result of each is good to nearly all bits, relative to itself; of Sin and Cos
// relative to 1.
type Bits uint

// Enough is a precision at which functions of the size of a float64, with tails
// like e⁻ˣ, can be computed at x from any formula that is not absurd, and
// differentiated twice by [Derivatives]: 1000 bits, and two or three times the exponent of x,
// or what e⁻ˣ and exp(−x²) need.
func Enough(x ...float64) Bits {
	bits := 1000.0
	for _, v := range x {
		if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			continue
		}
		_, e := math.Frexp(v)
		bits = max(bits, 1000+2*float64(e), 1000-3*float64(e))
		if a := math.Abs(v); a < 1000 {
			bits = max(bits, 1000+4*a)
		}
		if a := math.Abs(v); a < 45 {
			bits = max(bits, 1000+min(1.5*a*a, 2000))
		}
	}
	return Bits(bits)
}

// step is the exponent of the distance over which [Derivatives] takes differences.
const step = -130

// Derivatives returns f, ∂f/∂xᵢ and ∂²f/∂xᵢ² at x, of which f must be smooth
// nearby, by central differences of a relative error below 2⁻²⁰⁰.
func Derivatives(f func(p Bits, x []Real) Real, i int, x ...float64) (d [3]Real) {
	p := Enough(x...)
	at := make([]Real, len(x))
	for k, v := range x {
		at[k] = p.Num(v)
	}
	h := p.Num(math.Ldexp(1, step))
	if a := math.Abs(x[i]); a < 1 && a > 0 {
		h = p.Mul(h, p.Num(a))
	}
	here := at[i]
	d[0] = f(p, at)
	at[i] = p.Add(here, h)
	above := f(p, at)
	at[i] = p.Sub(here, h)
	below := f(p, at)
	two := p.Num(2)
	d[1] = p.Quo(p.Sub(above, below), p.Mul(two, h))
	d[2] = p.Quo(p.Sub(p.Add(above, below), p.Mul(two, d[0])), p.Mul(h, h))
	return d
}

func (p Bits) new() Real { return new(big.Float).SetPrec(uint(p)) }

// Num is x itself.
func (p Bits) Num(x float64) Real { return p.new().SetFloat64(x) }

// The four operations, and more that are correctly rounded.
func (p Bits) Add(x, y Real) Real { return p.new().Add(x, y) }
func (p Bits) Sub(x, y Real) Real { return p.new().Sub(x, y) }
func (p Bits) Mul(x, y Real) Real { return p.new().Mul(x, y) }
func (p Bits) Quo(x, y Real) Real { return p.new().Quo(x, y) }
func (p Bits) Neg(x Real) Real    { return p.new().Neg(x) }
func (p Bits) Abs(x Real) Real    { return p.new().Abs(x) }
func (p Bits) Sqrt(x Real) Real   { return p.new().Sqrt(x) }

// Max is the larger.
func (p Bits) Max(x, y Real) Real {
	if x.Cmp(y) < 0 {
		return y
	}
	return x
}

// Shift is x·2ᵏ.
func (p Bits) Shift(x Real, k int) Real { return p.new().SetMantExp(x, k) }

// small reports whether a term no longer counts beside a sum.
func (p Bits) small(term, sum Real) bool {
	return term.Sign() == 0 || sum.Sign() != 0 && term.MantExp(nil) < sum.MantExp(nil)-int(p)
}

// constants keeps constants per precision.
var constants sync.Map

type constant struct {
	name string
	p    Bits
}

func (p Bits) constant(name string, make func() Real) Real {
	if v, ok := constants.Load(constant{name, p}); ok {
		return v.(Real)
	}
	v := make()
	constants.Store(constant{name, p}, v)
	return v
}

// atanInverse is atan(1/n), or atanh(1/n) if sign is 1.
func (p Bits) atanInverse(n, sign int64) Real {
	power := p.Quo(p.Num(1), p.Num(float64(n)))
	square := p.Num(float64(sign * n * n))
	sum := p.new().Set(power)
	for k := int64(3); ; k += 2 {
		power = p.Quo(power, square)
		term := p.Quo(power, p.Num(float64(k)))
		if p.small(term, sum) {
			return sum
		}
		sum = p.Add(sum, term)
	}
}

// Ln2 is ln 2 = 2·atanh(1/3).
func (p Bits) Ln2() Real {
	return p.constant("ln 2", func() Real { return p.Shift(p.atanInverse(3, 1), 1) })
}

// Pi is π = 16·atan(1/5) − 4·atan(1/239).
func (p Bits) Pi() Real {
	return p.constant("π", func() Real {
		return p.Sub(p.Shift((p+8).atanInverse(5, -1), 4), p.Shift((p+8).atanInverse(239, -1), 2))
	})
}

// limit is the argument beyond which eˣ counts as 0 or +Inf.
const limit = 1e6

// Exp is eˣ, 0 below −10⁶ and +Inf above 10⁶.
func (p Bits) Exp(x Real) Real {
	v, _ := x.Float64()
	switch {
	case v > limit:
		return p.new().SetInf(false)
	case v < -limit:
		return p.new()
	}
	// x = k·ln 2 + r; eʳ is (e^(r/2^s))^(2^s).
	s := 8 + int(math.Sqrt(float64(p))/3)
	q := p + 2*Bits(s) + 40
	k := int(math.Round(v / math.Ln2))
	r := q.Shift(q.Sub(x, q.Mul(q.Num(float64(k)), q.Ln2())), -s)
	// eʳ−1, squared as such: (1+y)² − 1 = y·(2+y).
	sum, term := q.new().Set(r), r
	for n := 2; ; n++ {
		term = q.Quo(q.Mul(term, r), q.Num(float64(n)))
		if q.small(term, sum) {
			break
		}
		sum = q.Add(sum, term)
	}
	for range s {
		sum = q.Mul(sum, q.Add(sum, q.Num(2)))
	}
	return p.Shift(q.Add(sum, q.Num(1)), k)
}

// Log is ln x for x > 0, by Newton's method.
func (p Bits) Log(x Real) Real {
	if x.IsInf() {
		return x
	}
	mantissa := new(big.Float)
	e := x.MantExp(mantissa)
	m, _ := mantissa.Float64() // in [½, 1)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	q := p + 40
	if distance := q.Sub(x, q.Num(1)); distance.Sign() != 0 && distance.MantExp(nil) < 0 {
		q += Bits(-distance.MantExp(nil)) // ln x is as small as that
	}
	y := q.Num(math.Log(m))
	target := q.Shift(x, -e)
	for good := 40; good < 2*int(q); good *= 3 {
		w := min(q, Bits(3*good+40))
		e := w.Exp(w.new().Set(y)) // third order: y += 2(x−eʸ)/(x+eʸ)
		y = q.Add(y, w.Shift(w.Quo(w.Sub(target, e), w.Add(target, e)), 1))
	}
	return p.new().Set(q.Add(y, q.Mul(q.Num(float64(e)), q.Ln2())))
}

// Log1p is ln(1+x), accurate for small x as well.
func (p Bits) Log1p(x Real) Real {
	q := p
	if x.Sign() != 0 && x.MantExp(nil) < 0 {
		q += Bits(min(-x.MantExp(nil), 20000))
	}
	return p.new().Set(q.Log(q.Add(x, q.Num(1))))
}

// sincos returns sin x and cos x.
func (p Bits) sincos(x Real) (sin, cos Real) {
	q := p + 40
	if e := x.MantExp(nil); e > 0 {
		q += Bits(e)
	}
	quarter := q.Shift(q.Pi(), -1)
	n, _ := q.Add(q.Quo(x, quarter), q.Num(math.Copysign(0.5, float64(x.Sign())))).Int(nil)
	r := q.Sub(x, q.Mul(q.new().SetInt(n), quarter))
	square := q.Neg(q.Mul(r, r))
	series := func(first Real, k int) Real {
		sum, term := first, first
		for ; ; k += 2 {
			term = q.Quo(q.Mul(term, square), q.Num(float64(k*(k+1))))
			if q.small(term, sum) {
				return sum
			}
			sum = q.Add(sum, term)
		}
	}
	s, c := series(r, 2), series(q.Num(1), 1)
	switch new(big.Int).And(n, big.NewInt(3)).Int64() {
	case 1:
		s, c = c, q.Neg(s)
	case 2:
		s, c = q.Neg(s), q.Neg(c)
	case 3:
		s, c = q.Neg(c), s
	}
	return p.new().Set(s), p.new().Set(c)
}

// Sin and Cos take radians.
func (p Bits) Sin(x Real) Real { s, _ := p.sincos(x); return s }
func (p Bits) Cos(x Real) Real { _, c := p.sincos(x); return c }

// Sigmoid is 1/(1+e⁻ˣ).
func (p Bits) Sigmoid(x Real) Real {
	return p.Quo(p.Num(1), p.Add(p.Num(1), p.Exp(p.Neg(x))))
}

// Softplus is ln(1+eˣ).
func (p Bits) Softplus(x Real) Real {
	return p.Add(p.Max(x, p.Num(0)), p.Log1p(p.Exp(p.Neg(p.Abs(x)))))
}

// Tanh is tanh x, as a quotient of e²ˣ for small x and e^−2|x| for large.
func (p Bits) Tanh(x Real) Real {
	q := p + 40
	if x.Sign() != 0 && x.MantExp(nil) < 0 {
		q += Bits(-x.MantExp(nil))
	}
	e := q.Exp(q.Shift(q.Neg(q.Abs(x)), 1))
	y := q.Quo(q.Sub(q.Num(1), e), q.Add(q.Num(1), e))
	if x.Sign() < 0 {
		y = q.Neg(y)
	}
	return p.new().Set(y)
}

// Erfc is 1 − erf x, (2/√π)·∫ exp(−t²) dt from x to ∞, relative to itself.
func (p Bits) Erfc(x Real) Real {
	v, _ := x.Float64()
	switch {
	case v > 100:
		return p.new()
	case v < -100:
		return p.Num(2)
	}
	q := p
	if v > 0 {
		q += Bits(1.5*v*v) + 20
	}
	return p.new().Set(q.Sub(q.Num(1), q.Erf(x)))
}

// Erf is the error function.
func (p Bits) Erf(x Real) Real {
	v, _ := x.Float64()
	if math.Abs(v) > 100 {
		return p.Num(math.Copysign(1, v))
	}
	// e^(−x²)·(2x/√π)·Σ (2x²)ⁿ/(1·3·5·…·(2n+1)): no term is negative.
	q := p + 40
	square := q.Shift(q.Mul(x, x), 1)
	sum, term := q.Num(1), q.Num(1)
	for n := 1; ; n++ {
		term = q.Quo(q.Mul(term, square), q.Num(float64(2*n+1)))
		if q.small(term, sum) {
			break
		}
		sum = q.Add(sum, term)
	}
	outer := q.Quo(q.Shift(x, 1), q.Sqrt(q.Pi()))
	return p.new().Set(q.Mul(q.Mul(outer, sum), q.Exp(q.Neg(q.Mul(x, x)))))
}

// Pow is xᵃ; a negative x needs a whole a, and has a result of 0 else.
func (p Bits) Pow(x Real, a float64) Real {
	switch {
	case a == 0:
		return p.Num(1)
	case x.Sign() == 0:
		return p.new()
	case x.Sign() < 0 && a != math.Trunc(a):
		return p.new()
	}
	y := p.Exp(p.Mul((p + 80).Log(p.Abs(x)), p.Num(a)))
	if x.Sign() < 0 && math.Mod(a, 2) != 0 {
		return p.Neg(y)
	}
	return y
}
