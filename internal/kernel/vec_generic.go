package kernel

import (
	"fmt"
	"math"
)

// unaryGeneric is Unary as plain loops, and its definition.
func unaryGeneric[T Float](op UnaryOp, dst, x []T, a, b T) {
	x = x[:len(dst)]
	switch op {
	case Neg:
		for i, v := range x {
			dst[i] = -v
		}
	case Abs:
		for i, v := range x {
			dst[i] = T(math.Abs(float64(v)))
		}
	case Sign:
		for i, v := range x {
			switch {
			case v > 0:
				v = 1
			case v < 0:
				v = -1
			}
			dst[i] = v
		}
	case Square:
		for i, v := range x {
			dst[i] = v * v
		}
	case Sqrt:
		for i, v := range x {
			dst[i] = T(math.Sqrt(float64(v)))
		}
	case Reciprocal:
		for i, v := range x {
			dst[i] = 1 / v
		}
	case Exp:
		for i, v := range x {
			dst[i] = exp(v)
		}
	case Log:
		for i, v := range x {
			dst[i] = log(v)
		}
	case Sin:
		for i, v := range x {
			dst[i] = T(math.Sin(float64(v)))
		}
	case Cos:
		for i, v := range x {
			dst[i] = T(math.Cos(float64(v)))
		}
	case Tanh:
		for i, v := range x {
			dst[i] = tanh(v)
		}
	case Sigmoid:
		for i, v := range x {
			dst[i] = sigmoid(v)
		}
	case Softplus:
		for i, v := range x {
			dst[i] = softplus(v)
		}
	case ReLU:
		for i, v := range x {
			if v < 0 {
				v = 0
			}
			dst[i] = v
		}
	case LeakyReLU:
		for i, v := range x {
			if !(v > 0) {
				v *= a
			}
			dst[i] = v
		}
	case Scale:
		for i, v := range x {
			dst[i] = a * v
		}
	case Shift:
		for i, v := range x {
			dst[i] = v + a
		}
	case PowScalar:
		for i, v := range x {
			dst[i] = T(math.Pow(float64(v), float64(a)))
		}
	case Clamp:
		for i, v := range x {
			dst[i] = smaller(v, b)
			if v < a {
				dst[i] = a
			}
		}
	default:
		panic(fmt.Sprintf("kernel: unknown unary function %d", op))
	}
}

// binaryGeneric is Binary as plain loops, and its definition.
func binaryGeneric[T Float](op BinaryOp, dst, x, y []T, a T) {
	x, y = x[:len(dst)], y[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = x[i] + y[i]
		}
	case Sub:
		for i := range dst {
			dst[i] = x[i] - y[i]
		}
	case Mul:
		for i := range dst {
			dst[i] = x[i] * y[i]
		}
	case Div:
		for i := range dst {
			dst[i] = x[i] / y[i]
		}
	case Max:
		for i := range dst {
			dst[i] = larger(x[i], y[i])
		}
	case Min:
		for i := range dst {
			dst[i] = smaller(x[i], y[i])
		}
	case Pow:
		for i := range dst {
			dst[i] = T(math.Pow(float64(x[i]), float64(y[i])))
		}
	case Greater:
		for i := range dst {
			dst[i] = truth[T](x[i] > y[i])
		}
	case GreaterEqual:
		for i := range dst {
			dst[i] = truth[T](x[i] >= y[i])
		}
	case Equal:
		for i := range dst {
			dst[i] = truth[T](x[i] == y[i])
		}
	case TanhGrad:
		for i := range dst {
			dst[i] = x[i] * (1 - T(y[i]*y[i]))
		}
	case SigmoidGrad:
		for i := range dst {
			dst[i] = x[i] * T(y[i]*(1-y[i]))
		}
	case SoftplusGrad:
		for i := range dst {
			dst[i] = x[i] * sigmoid(y[i])
		}
	case ReLUGrad:
		for i := range dst {
			dst[i] = x[i] * slope(y[i], 0)
		}
	case LeakyReLUGrad:
		for i := range dst {
			dst[i] = x[i] * slope(y[i], a)
		}
	default:
		panic(fmt.Sprintf("kernel: unknown binary function %d", op))
	}
}

// larger and smaller are what the assembly computes, which takes y when x and y
// are zeros of two signs.
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

func axpyGeneric[T Float](dst []T, a T, x []T) {
	for i, v := range x {
		dst[i] += T(a * v)
	}
}

func mulAddGeneric[T Float](dst, x, y, z []T) {
	for i, v := range x {
		dst[i] = T(v*y[i]) + z[i]
	}
}

func lerpGeneric[T Float](dst, x []T, w T) {
	for i, v := range x {
		dst[i] += T(w * (v - dst[i]))
	}
}

// slope is the derivative of a (leaky) ReLU at y.
func slope[T Float](y, a T) T {
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
