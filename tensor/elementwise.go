package tensor

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// checkOperands panics unless all operands are usable and share one dtype, one
// device and at most one scope; it returns that scope.
func checkOperands(op string, ts ...*Tensor) *Scope {
	first := ts[0]
	var scope *Scope
	for _, t := range ts {
		t.alive(op)
	}
	for _, t := range ts {
		if t.DType() != first.DType() {
			dtypes := make([]DType, len(ts))
			for i, u := range ts {
				dtypes[i] = u.DType()
			}
			panic(&DTypeError{Op: op, DTypes: dtypes, Shapes: shapesOf(ts...), Fix: "convert one with Cast"})
		}
		if t.store.device != first.store.device {
			names := make([]string, len(ts))
			for i, u := range ts {
				names[i] = u.store.device.Name()
			}
			panic(&DeviceError{Op: op, Devices: names, Shapes: shapesOf(ts...)})
		}
		if t.scope != nil && scope != nil && t.scope != scope {
			panic(&LifetimeError{Op: op, Shapes: shapesOf(ts...),
				Problem: "the operands live in different scopes",
				Fix:     "Keep one of them first"})
		}
		if t.scope != nil {
			scope = t.scope
		}
	}
	return scope
}

func unary(f op.Unary, x *Tensor, a, b float64) *Tensor {
	x.alive(f.String())
	out := empty(x.scope, x.store.device, x.DType(), x.layout.Dense())
	x.store.device.backend.Unary(f, out.operand(), x.operand(), a, b)
	return out
}

// broadcast returns the common shape of the operands, or panics.
func broadcast(op string, ts ...*Tensor) layout.Layout {
	l := ts[0].layout.Packed()
	for _, t := range ts[1:] {
		m, ok := layout.BroadcastShapes(&l, &t.layout)
		if !ok {
			shapePanic(op, "the shapes do not broadcast", "from the right, dims must be equal or 1; reshape one", ts...)
		}
		l = m
	}
	checkResult(op, &l, ts...)
	return l
}

// checkResult panics if the result of operands is too large: theirs may be far from
// that, since one repeats its elements, or has none.
func checkResult(op string, l *layout.Layout, operands ...*Tensor) {
	if tooLarge(l.Shape()) {
		shapePanic(op, fmt.Sprintf("the result %v is too large to address", slices.Clone(l.Shape())), "work on parts of the operands", operands...)
	}
}

// arranged returns l, which is row-major, or the same dims in the memory order of
// the first operand of that shape that has another: images that lie channels-last
// stay so.
func arranged(l layout.Layout, ts ...*Tensor) layout.Layout {
	for _, t := range ts {
		if t.layout.SameShape(&l) {
			if d := t.layout.Dense(); d != l {
				return d
			}
		}
	}
	return l
}

func (t *Tensor) stretched(l *layout.Layout) backend.Operand {
	o := t.operand()
	if !o.Layout.SameShape(l) {
		o.Layout, _ = o.Layout.Broadcast(l.Shape())
	}
	return o
}

func binary(f op.Binary, x, y *Tensor, a float64) *Tensor {
	name := f.String()
	scope := checkOperands(name, x, y)
	l := broadcast(name, x, y)
	out := empty(scope, x.store.device, x.DType(), arranged(l, x, y))
	x.store.device.backend.Binary(f, out.operand(), x.stretched(&l), y.stretched(&l), a)
	return out
}

// binaryInto writes to dst, which may be x or y itself.
func binaryInto(name string, f op.Binary, dst, x, y *Tensor, a float64) {
	checkOperands(name, dst, x, y)
	dst.writable(name)
	if !dst.SameShape(x) || !dst.SameShape(y) {
		shapePanic(name, "the shapes differ", "in-place operations do not broadcast", dst, x, y)
	}
	dst.store.device.backend.Binary(f, dst.operand(), x.source(dst), y.source(dst), a)
	dst.store.version.Add(1)
}

// source returns t's operand for an operation that writes to dst at the same
// time: a copy if writing one element could change another of t.
func (t *Tensor) source(dst *Tensor) backend.Operand {
	if t.store.buffer == dst.store.buffer && t.layout != dst.layout {
		return t.clone().operand()
	}
	return t.operand()
}

// Neg returns −x.
func Neg(x *Tensor) *Tensor { return unary(op.Neg, x, 0, 0) }

// Abs returns |x|.
func Abs(x *Tensor) *Tensor { return unary(op.Abs, x, 0, 0) }

// Sign returns −1, 1, or x itself if it is ±0 or NaN.
func Sign(x *Tensor) *Tensor { return unary(op.Sign, x, 0, 0) }

// Square returns x².
func Square(x *Tensor) *Tensor { return unary(op.Square, x, 0, 0) }

// Sqrt returns √x.
func Sqrt(x *Tensor) *Tensor { return unary(op.Sqrt, x, 0, 0) }

// Reciprocal returns 1/x.
func Reciprocal(x *Tensor) *Tensor { return unary(op.Reciprocal, x, 0, 0) }

// Exp returns eˣ.
func Exp(x *Tensor) *Tensor { return unary(op.Exp, x, 0, 0) }

// Log returns ln x.
func Log(x *Tensor) *Tensor { return unary(op.Log, x, 0, 0) }

// Sin returns sin x, x in radians.
func Sin(x *Tensor) *Tensor { return unary(op.Sin, x, 0, 0) }

// Cos returns cos x, x in radians.
func Cos(x *Tensor) *Tensor { return unary(op.Cos, x, 0, 0) }

// Tanh returns tanh x.
func Tanh(x *Tensor) *Tensor { return unary(op.Tanh, x, 0, 0) }

// Sigmoid returns 1/(1+e⁻ˣ).
func Sigmoid(x *Tensor) *Tensor { return unary(op.Sigmoid, x, 0, 0) }

// Erf returns the error function (2/√π)·∫₀ˣ exp(−t²) dt.
func Erf(x *Tensor) *Tensor { return unary(op.Erf, x, 0, 0) }

// GELU returns x·Φ(x), Φ being the distribution function of the standard normal
// distribution; NaN at −Inf.
func GELU(x *Tensor) *Tensor { return unary(op.GELU, x, 0, 0) }

// Erfc returns 1 − erf x, accurate even if that is near 0.
func Erfc(x *Tensor) *Tensor { return unary(op.Erfc, x, 0, 0) }

// Softplus returns ln(1+eˣ) without overflow.
func Softplus(x *Tensor) *Tensor { return unary(op.Softplus, x, 0, 0) }

// ReLU returns max(x, 0), and NaN for NaN.
func ReLU(x *Tensor) *Tensor { return unary(op.ReLU, x, 0, 0) }

// LeakyReLU returns x if x > 0, else slope·x.
func LeakyReLU(x *Tensor, slope float64) *Tensor { return unary(op.LeakyReLU, x, slope, 0) }

// Scale returns a·x.
func Scale(x *Tensor, a float64) *Tensor { return unary(op.Scale, x, a, 0) }

// Shift returns x+a.
func Shift(x *Tensor, a float64) *Tensor { return unary(op.Shift, x, a, 0) }

// PowScalar returns xᵖ. Negative x needs a whole p.
func PowScalar(x *Tensor, p float64) *Tensor { return unary(op.PowScalar, x, p, 0) }

// Clamp returns min(max(x, lo), hi), and NaN for NaN.
func Clamp(x *Tensor, lo, hi float64) *Tensor { return unary(op.Clamp, x, lo, hi) }

// Add returns x+y, broadcasting.
func Add(x, y *Tensor) *Tensor { return binary(op.Add, x, y, 0) }

// Sub returns x−y, broadcasting.
func Sub(x, y *Tensor) *Tensor { return binary(op.Sub, x, y, 0) }

// Mul returns x·y element by element, broadcasting.
func Mul(x, y *Tensor) *Tensor { return binary(op.Mul, x, y, 0) }

// Div returns x/y, broadcasting.
func Div(x, y *Tensor) *Tensor { return binary(op.Div, x, y, 0) }

// Max returns the larger element, broadcasting; NaN if either is.
func Max(x, y *Tensor) *Tensor { return binary(op.Max, x, y, 0) }

// Min returns the smaller element, broadcasting; NaN if either is.
func Min(x, y *Tensor) *Tensor { return binary(op.Min, x, y, 0) }

// Greater returns 1 if x > y, else 0, broadcasting.
func Greater(x, y *Tensor) *Tensor { return binary(op.Greater, x, y, 0) }

// GreaterEqual returns 1 if x ≥ y, else 0, broadcasting.
func GreaterEqual(x, y *Tensor) *Tensor { return binary(op.GreaterEqual, x, y, 0) }

// Equal returns 1 if x = y, else 0, broadcasting.
func Equal(x, y *Tensor) *Tensor { return binary(op.Equal, x, y, 0) }

// SoftplusGrad returns g·sigmoid(x), the gradient by x for the gradient g by
// softplus x.
func SoftplusGrad(g, x *Tensor) *Tensor { return binary(op.SoftplusGrad, g, x, 0) }

// ELU returns x where x > 0, else a·(eˣ−1).
func ELU(x *Tensor, a float64) *Tensor { return unary(op.ELU, x, a, 0) }

// ELUGrad returns g where x > 0, else g·a·eˣ, broadcasting: the gradient through
// [ELU] of x.
func ELUGrad(g, x *Tensor, a float64) *Tensor { return binary(op.ELUGrad, g, x, a) }

// PReLU returns x where x > 0, else x·slope, broadcasting.
func PReLU(x, slope *Tensor) *Tensor { return binary(op.PReLU, x, slope, 0) }

// GELUGrad returns g·(Φ(x)+x·φ(x)), φ being the standard normal density: the
// gradient through [GELU] of x.
func GELUGrad(g, x *Tensor) *Tensor { return binary(op.GELUGrad, g, x, 0) }

// Gauss returns g·exp(−a·x²), broadcasting, for a power of two a: with a = ½ the
// product of g and √(2π) times the standard normal density. It is accurate far
// from 0, too.
func Gauss(g, x *Tensor, a float64) *Tensor { return binary(op.Gauss, g, x, a) }

// AddScaledInto sets dst = x + a·y in place, without broadcasting. dst may be x
// or y, or share memory with them in any other way.
func AddScaledInto(dst, x *Tensor, a float64, y *Tensor) {
	binaryInto("AddScaledInto", op.AddScaled, dst, x, y, a)
}

// LerpInto sets dst = x + a·(y−x) in place, without broadcasting. dst may be x
// or y, or share memory with them in any other way.
func LerpInto(dst, x, y *Tensor, a float64) {
	binaryInto("LerpInto", op.Lerp, dst, x, y, a)
}

// Map returns f of each element, computed one by one in float64 on the host: for
// functions that the package does not have, where speed does not matter.
func Map(x *Tensor, f func(x float64) float64) *Tensor {
	x.alive("Map")
	if f == nil {
		panic(&ArgumentError{Op: "Map", Problem: "the function is nil", Fix: "give one of a number"})
	}
	out := EmptyLike(x, x.Shape()...)
	data := x.Float64s()
	for i, v := range data {
		data[i] = f(v)
	}
	out.SetFloat64(data)
	return out
}

// MulAdd returns x·y + z, the product rounded before the sum, broadcasting all three,
// in one pass if the device can.
func MulAdd(x, y, z *Tensor) *Tensor {
	scope := checkOperands("MulAdd", x, y, z)
	l := broadcast("MulAdd", x, y, z)
	out := empty(scope, x.store.device, x.DType(), arranged(l, y, z))
	dst := out.operand()
	switch b := x.store.device.backend.(type) {
	case backend.MulAddBackend:
		b.MulAdd(dst, x.stretched(&l), y.stretched(&l), z.stretched(&l))
	default:
		b.Binary(op.Mul, dst, x.stretched(&l), y.stretched(&l), 0)
		b.Binary(op.Add, dst, dst, z.stretched(&l), 0)
	}
	return out
}

// Where returns x if cond ≠ 0, else y, element by element, broadcasting all three.
func Where(cond, x, y *Tensor) *Tensor {
	scope := checkOperands("Where", cond, x, y)
	l := broadcast("Where", cond, x, y)
	out := empty(scope, x.store.device, x.DType(), arranged(l, x, y))
	x.store.device.backend.Where(out.operand(), cond.stretched(&l), x.stretched(&l), y.stretched(&l))
	return out
}
