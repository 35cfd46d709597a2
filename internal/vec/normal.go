package vec

import "math"

// The float64 functions of the normal distribution. Far from 0, a relative error
// in their argument counts as often as the argument's square, so its rounding is
// carried along.

const (
	halfRoot   = 1 / math.Sqrt2
	halfRootLo = -4.833646656726457e-17 // 1/√2 − halfRoot
	density    = 0.3989422804014327     // 1/√(2π)
)

// gauss is exp(−a·x²) for a power of two a ≥ 0.
func gauss(x, a float64) float64 {
	x = min(math.Abs(x), 0x1p500)
	s := x * x
	e := math.Exp(-a * s)
	return e - float64(e*float64(a*math.FMA(x, x, -s)))
}

// normalTail is the share of the standard normal distribution above x:
// ½·erfc(x/√2).
func normalTail(x float64) float64 {
	if math.Abs(x) > 40 { // no rounding to speak of, and infinities
		return math.Erfc(x*halfRoot) / 2
	}
	z := float64(x * halfRoot)
	low := math.FMA(x, halfRoot, -z) + float64(x*halfRootLo)
	return math.Erfc(z)/2 - float64(low*math.Exp(-float64(z*z))/math.SqrtPi)
}

// gelu is x·Φ(x).
func gelu(x float64) float64 { return x * normalTail(-x) }

// geluDerivative is Φ(x) + x·φ(x), and of infinities 0 and 1.
func geluDerivative(x float64) float64 {
	t := min(math.Abs(x), 40)
	d := normalTail(t) - float64(t*density*gauss(t, 0.5))
	if x < 0 {
		return d
	}
	return 1 - d
}
