package backendtest

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// The fused updates of whole lists are compared with their formulas. Lists here
// have two entries, of different lengths.

// adams compares a fused Adam step with its formulas.
func (s *suite) adams() {
	if _, ok := s.b.(backend.ListBackend); !ok {
		return
	}
	for i, c := range []op.AdamParams{
		{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 0.1, Correction2: 0.001},
		{LR: 0.1, Beta1: 0, Beta2: 0.9, Eps: 1e-3, Correction1: 1, Correction2: 0.19},
		{LR: 0.1, Beta1: 0.5, Beta2: 0.9, Eps: 1e-3, Correction1: 0.75, Correction2: 0.19, WeightDecay: 0.25},
		{LR: 0.1, Beta1: 0.5, Beta2: 0.9, Eps: 1e-3, Correction1: 0.75, Correction2: 0.19, WeightDecay: 0.25, Decoupled: true},
	} {
		op := func(b backend.Backend, o []backend.Operand) { // p, m and v of both entries, then g of both
			if fused, ok := b.(backend.ListBackend); ok {
				fused.Adam(o[0:2], o[6:8], o[2:4], o[4:6], c)
				return
			}
			for k := range 2 {
				adam(o[k], o[6+k], o[2+k], o[4+k], c)
			}
		}
		for _, dt := range dtypes {
			for _, n := range []int{0, 1, 7, 100, 40_003} {
				arrays := make([]array, 8)
				for k := range arrays {
					value := normal(k)
					if k/2 == 2 {
						value = func() float64 { return math.Abs(normal(k)()) }
					}
					arrays[k] = flat(dt, n/(1+k%2), (k+i)%3*5, value)
				}
				s.checkAll(fmt.Sprintf("Adam %+v", c), adamTolerance, op, arrays[:6], arrays[6:]...)
			}
		}
	}
}

// flat makes a contiguous array.
func flat(dt backend.DType, n, offset int, value func() float64) array {
	l := layout.Contiguous(n)
	l.Offset = offset
	return place(dt, l, value)
}

// averages compares a fused moving average with its formula.
func (s *suite) averages() {
	if _, ok := s.b.(backend.ListBackend); !ok {
		return
	}
	const a = 0.125
	run := func(b backend.Backend, o []backend.Operand) {
		if fused, ok := b.(backend.ListBackend); ok {
			fused.Lerp(o[0:2], o[2:4], a)
			return
		}
		for k := range 2 {
			b.Binary(op.Lerp, o[k], o[k], o[2+k], a)
		}
	}
	for _, dt := range dtypes {
		for i, n := range []int{0, 1, 7, 100, 40_003} {
			for _, value := range values {
				s.checkAll("Lerp of lists", binaryTable[op.Lerp].tolerance, run,
					[]array{flat(dt, n, 5*(i%2), value(1)), flat(dt, n/2, 0, value(2))},
					flat(dt, n, 0, value(3)), flat(dt, n/2, 5, value(4)))
			}
		}
	}
}

// clamps compares a fused clamp with its formula.
func (s *suite) clamps() {
	if _, ok := s.b.(backend.ListBackend); !ok {
		return
	}
	run := func(b backend.Backend, o []backend.Operand) {
		if fused, ok := b.(backend.ListBackend); ok {
			fused.Clamp(o, -0.75, 0.5)
			return
		}
		for _, x := range o {
			b.Unary(op.Clamp, x, x, -0.75, 0.5)
		}
	}
	for _, dt := range dtypes {
		for i, n := range []int{0, 1, 7, 100, 40_003} {
			for _, value := range values {
				s.checkAll("Clamp of lists", unaryTable[op.Clamp].tolerance, run, []array{flat(dt, n, 5*(i%2), value(1)), flat(dt, n/2, 0, value(2))})
			}
		}
	}
}

// norms compares a fused norm with its formula: for ordinary numbers, and for
// numbers whose squares overflow, underflow, are infinite or NaN.
func (s *suite) norms() {
	if _, ok := s.b.(backend.ListBackend); !ok {
		return
	}
	run := func(b backend.Backend, o []backend.Operand) {
		if fused, ok := b.(backend.ListBackend); ok {
			fused.Norm(o[0], o[1:])
		} else {
			norm(o[0], o[1:])
		}
	}
	scaled := func(scale float64) func(int) func() float64 {
		return func(seed int) func() float64 {
			next := normal(seed)
			return func() float64 { return scale * next() }
		}
	}
	for _, dt := range dtypes {
		kinds := []func(int) func() float64{normal, scaled(1e30), scaled(1e-30), scaled(0)}
		switch dt {
		case backend.Float32:
		case backend.Float64:
			kinds = append(kinds, scaled(1e200), scaled(1e-200), scaled(5e-320))
		default:
			panic(backend.UnknownDType(dt))
		}
		for i, n := range []int{0, 1, 7, 100, 100_003} {
			for k, kind := range kinds {
				for spoilt := range 4 {
					x, y := flat(dt, n, 5*(i%2), kind(1)), flat(dt, n/2, 0, kind(2))
					if spoilt > 0 && n > 1 {
						x.host.Set(x.layout.Offset+n-1, []float64{0, math.Inf(1), math.Inf(-1), math.NaN()}[spoilt])
					}
					s.checkAll(fmt.Sprintf("Norm of kind %d, %d", k, spoilt), normTolerance, run,
						[]array{flat(backend.Float64, 1, i%2, junk)}, x, y)
				}
			}
		}
	}
}

// norm is the definition, scaled by the largest element's power of two.
func norm(dst backend.Operand, xs []backend.Operand) {
	each := func(f func(v float64)) {
		for _, x := range xs {
			h := x.Buffer.(*backend.Host)
			for i := range x.Layout.Len() {
				f(h.At(x.Layout.Offset + i))
			}
		}
	}
	largest, sum := 0.0, 0.0
	each(func(v float64) { largest = max(largest, math.Abs(v)) })
	if largest > 0 && !math.IsInf(largest, 0) && !math.IsNaN(largest) {
		_, exponent := math.Frexp(largest)
		each(func(v float64) { v = math.Ldexp(v, -exponent); sum += v * v })
		largest = math.Ldexp(math.Sqrt(sum), exponent)
	}
	dst.Buffer.(*backend.Host).Set(dst.Layout.Offset, largest)
}

// adam is one step by the papers' formulas (Kingma and Ba, 2015; Loshchilov and
// Hutter, 2019), in float64.
func adam(p, g, m, v backend.Operand, c op.AdamParams) {
	at := func(o backend.Operand) func(i int) (float64, func(float64)) {
		h := o.Buffer.(*backend.Host)
		return func(i int) (float64, func(float64)) {
			k := o.Layout.Offset + i
			return h.At(k), func(x float64) { h.Set(k, x) }
		}
	}
	for i := range p.Layout.Len() {
		param, setP := at(p)(i)
		grad, _ := at(g)(i)
		mean, setM := at(m)(i)
		square, setV := at(v)(i)
		if c.Decoupled {
			param -= c.LR * c.WeightDecay * param
		} else {
			grad += c.WeightDecay * param
		}
		mean = c.Beta1*mean + (1-c.Beta1)*grad
		square = c.Beta2*square + (1-c.Beta2)*grad*grad
		setM(mean)
		setV(square)
		setP(param - c.LR*(mean/c.Correction1)/(math.Sqrt(square/c.Correction2)+c.Eps))
	}
}
