package vec

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/internal/op"
)

// unaryGeneric is Unary as plain loops, and its definition.
func unaryGeneric[T Float](f op.Unary, dst, x []T, a, b T) {
	x = x[:len(dst)]
	switch f {
	case op.None:
		copy(dst, x)
	case op.Neg:
		for i, v := range x {
			dst[i] = -v
		}
	case op.Abs:
		for i, v := range x {
			dst[i] = T(math.Abs(float64(v)))
		}
	case op.Sign:
		for i, v := range x {
			switch {
			case v > 0:
				v = 1
			case v < 0:
				v = -1
			}
			dst[i] = v
		}
	case op.Square:
		for i, v := range x {
			dst[i] = v * v
		}
	case op.Sqrt:
		for i, v := range x {
			dst[i] = T(math.Sqrt(float64(v)))
		}
	case op.Reciprocal:
		for i, v := range x {
			dst[i] = 1 / v
		}
	case op.Exp:
		for i, v := range x {
			dst[i] = exp(v)
		}
	case op.Log:
		for i, v := range x {
			dst[i] = log(v)
		}
	case op.Sin:
		for i, v := range x {
			dst[i] = T(math.Sin(float64(v)))
		}
	case op.Cos:
		for i, v := range x {
			dst[i] = T(math.Cos(float64(v)))
		}
	case op.Tanh:
		for i, v := range x {
			dst[i] = tanh(v)
		}
	case op.Sigmoid:
		for i, v := range x {
			dst[i] = sigmoid(v)
		}
	case op.Softplus:
		for i, v := range x {
			dst[i] = softplus(v)
		}
	case op.ReLU:
		for i, v := range x {
			if v < 0 {
				v = 0
			}
			dst[i] = v
		}
	case op.LeakyReLU:
		for i, v := range x {
			if !(v > 0) {
				v *= a
			}
			dst[i] = v
		}
	case op.Scale:
		for i, v := range x {
			dst[i] = a * v
		}
	case op.Shift:
		for i, v := range x {
			dst[i] = v + a
		}
	case op.PowScalar:
		powGeneric(dst, x, float64(a))
	case op.Clamp:
		for i, v := range x {
			dst[i] = smaller(v, b)
			if v < a {
				dst[i] = a
			}
		}
	case op.Erf:
		for i, v := range x {
			dst[i] = T(math.Erf(float64(v)))
		}
	case op.Erfc:
		for i, v := range x {
			dst[i] = T(math.Erfc(float64(v)))
		}
	case op.ELU:
		for i, v := range x {
			if !(v > 0) {
				v = a * T(math.Expm1(float64(v)))
			}
			dst[i] = v
		}
	case op.GELU:
		for i, v := range x {
			dst[i] = T(gelu(float64(v)))
		}
	default:
		panic(fmt.Sprintf("vec: unknown function %v", f))
	}
}

// binaryGeneric is Binary as plain loops, and its definition.
func binaryGeneric[T Float](f op.Binary, dst, x, y []T, a T) {
	x, y = x[:len(dst)], y[:len(dst)]
	switch f {
	case op.Add:
		for i := range dst {
			dst[i] = x[i] + y[i]
		}
	case op.Sub:
		for i := range dst {
			dst[i] = x[i] - y[i]
		}
	case op.Mul:
		for i := range dst {
			dst[i] = x[i] * y[i]
		}
	case op.Div:
		for i := range dst {
			dst[i] = x[i] / y[i]
		}
	case op.Max:
		for i := range dst {
			dst[i] = larger(x[i], y[i])
		}
	case op.Min:
		for i := range dst {
			dst[i] = smaller(x[i], y[i])
		}
	case op.Greater:
		for i := range dst {
			dst[i] = truth[T](x[i] > y[i])
		}
	case op.GreaterEqual:
		for i := range dst {
			dst[i] = truth[T](x[i] >= y[i])
		}
	case op.Equal:
		for i := range dst {
			dst[i] = truth[T](x[i] == y[i])
		}
	case op.AddScaled:
		for i := range dst {
			dst[i] = x[i] + T(a*y[i])
		}
	case op.Lerp:
		for i := range dst {
			dst[i] = x[i] + T(a*(y[i]-x[i]))
		}
	case op.TanhGrad:
		for i := range dst {
			dst[i] = x[i] * (1 - T(y[i]*y[i]))
		}
	case op.SigmoidGrad:
		for i := range dst {
			dst[i] = x[i] * T(y[i]*(1-y[i]))
		}
	case op.SoftplusGrad:
		for i := range dst {
			dst[i] = x[i] * sigmoid(y[i])
		}
	case op.ReLUGrad:
		for i := range dst {
			dst[i] = x[i] * step(y[i], 0)
		}
	case op.LeakyReLUGrad:
		for i := range dst {
			dst[i] = x[i] * step(y[i], a)
		}
	case op.ELUGrad:
		for i := range dst {
			d := T(1)
			if v := y[i]; !(v > 0) {
				d = T(a * exp(v))
			}
			dst[i] = x[i] * d
		}
	case op.PReLU:
		for i := range dst {
			v := x[i]
			if !(v > 0) {
				v *= y[i]
			}
			dst[i] = v
		}
	case op.GELUGrad:
		for i := range dst {
			dst[i] = x[i] * T(geluDerivative(float64(y[i])))
		}
	case op.Gauss:
		for i := range dst {
			dst[i] = x[i] * T(gauss(float64(y[i]), float64(a)))
		}
	default:
		panic(fmt.Sprintf("vec: unknown function %v", f))
	}
}

// larger and smaller are what the assembly computes, which takes y if x and y are
// zeros of different signs.
func larger[T Float](x, y T) T {
	if x > y || x != x {
		return x
	}
	return y
}

func smaller[T Float](x, y T) T {
	if x < y || x != x {
		return x
	}
	return y
}

func whereGeneric[T Float](dst, cond, x, y []T) {
	for i, c := range cond {
		if c != 0 {
			dst[i] = x[i]
		} else {
			dst[i] = y[i]
		}
	}
}

// step is the derivative of a ReLU at y, or of a leaky one with slope a.
func step[T Float](y, a T) T {
	switch {
	case y > 0:
		return 1
	case y != y:
		return y
	}
	return a
}

func truth[T Float](b bool) T {
	if b {
		return 1
	}
	return 0
}
