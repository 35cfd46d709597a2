package backendtest

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// Standardising rows in one pass is compared with its formulas.

// rowShapes are [rows, n].
var rowShapes = [][]int{{0, 3}, {3, 0}, {1, 1}, {3, 5}, {17, 33}, {1, 5000}, {300, 20}, {64, 130}}

// rowKinds are the layouts of the rows that are read.
var rowKinds = []kind{every[0], every[1], every[2], every[3], every[4], every[5]}

func (s *suite) rows(check func(dt backend.DType, shape []int, of kind, value func(seed int) func() float64)) {
	if _, ok := s.b.(backend.StandardiseBackend); !ok {
		return
	}
	shifted := func(seed int) func() float64 { // a variance that is small beside the mean
		next := normal(seed)
		return func() float64 { return 1024 + 0.25*math.Round(next()) }
	}
	spoilt := func(seed int) func() float64 {
		next, i := normal(seed), 0
		return func() float64 {
			if i++; i%97 == 50 {
				return []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[i/97%3]
			}
			return next()
		}
	}
	for _, dt := range dtypes {
		for _, shape := range rowShapes {
			for _, of := range rowKinds {
				for _, value := range []func(int) func() float64{normal, shifted, spoilt, whole} {
					check(dt, shape, of, value)
				}
			}
		}
	}
}

func (s *suite) inverseDeviations() {
	for _, eps := range []float64{1e-5, 0.5} {
		run := func(b backend.Backend, o []backend.Operand) {
			if fused, ok := b.(backend.StandardiseBackend); ok {
				fused.InverseDeviation(o[0], o[1], eps)
			} else {
				inverseDeviation(o[0], o[1], eps)
			}
		}
		s.rows(func(dt backend.DType, shape []int, of kind, value func(seed int) func() float64) {
			s.check("InverseDeviation", deviationTolerance, run, flat(dt, shape[0], 3, junk), place(dt, of(shape), value(1)))
		})
	}
}

func (s *suite) standards() {
	run := func(b backend.Backend, o []backend.Operand) {
		if fused, ok := b.(backend.StandardiseBackend); ok {
			fused.Standardise(o[0], o[1], o[2])
		} else {
			standardise(o[0], o[1], o[2])
		}
	}
	s.rows(func(dt backend.DType, shape []int, of kind, value func(seed int) func() float64) {
		l := layout.Contiguous(shape...)
		l.Offset = 2
		s.check("Standardise", standardTolerance, run, place(dt, l, junk), place(dt, of(shape), value(1)), flat(dt, shape[0], 3, normal(2)))
	})
}

func (s *suite) standardGrads() {
	run := func(b backend.Backend, o []backend.Operand) {
		if fused, ok := b.(backend.StandardiseBackend); ok {
			fused.StandardiseGrad(o[0], o[1], o[2], o[3])
		} else {
			standardiseGrad(o[0], o[1], o[2], o[3])
		}
	}
	s.rows(func(dt backend.DType, shape []int, of kind, value func(seed int) func() float64) {
		if value(1)() > 1000 {
			return // what is standardised is about 1
		}
		s.check("StandardiseGrad", standardGradTolerance, run, place(dt, layout.Contiguous(shape...), junk),
			place(dt, of(shape), normal(3)), place(dt, of(shape), value(1)), flat(dt, shape[0], 3, normal(2)))
	})
}

// matrix is an operand [rows, n] in host memory.
type matrix struct {
	host *backend.Host
	at   []int
	n    int
}

func matrixOf(o backend.Operand) matrix {
	return matrix{o.Buffer.(*backend.Host), offsets(o.Layout), o.Layout.Dims[o.Layout.Rank-1]}
}

func (m matrix) get(i, k int) float64    { return m.host.At(m.at[i*m.n+k]) }
func (m matrix) set(i, k int, v float64) { m.host.Set(m.at[i*m.n+k], v) }

// mean is that of f over row i, of a sum whose rounding is made up for (Kahan).
func (m matrix) mean(f func(k int) float64) float64 {
	sum, lost := 0.0, 0.0
	for k := range m.n {
		v := f(k)
		next := sum + (v - lost)
		if lost = (next - sum) - (v - lost); math.IsNaN(lost) {
			lost = 0 // an infinity is no rounding
		}
		sum = next
	}
	return sum / float64(m.n)
}

// centre is the mean of row i, corrected for the rounding of the sum.
func (m matrix) centre(i int) float64 {
	mean := m.mean(func(k int) float64 { return m.get(i, k) })
	if rest := m.mean(func(k int) float64 { return m.get(i, k) - mean }); !math.IsNaN(rest) {
		mean += rest
	}
	return mean
}

func inverseDeviation(s, x backend.Operand, eps float64) {
	out, in := matrixOf(s), matrixOf(x)
	for i := range s.Layout.Len() {
		mean := in.centre(i)
		variance := in.mean(func(k int) float64 { d := in.get(i, k) - mean; return d * d })
		out.host.Set(out.at[i], 1/math.Sqrt(variance+eps))
	}
}

func standardise(dst, x, s backend.Operand) {
	out, in, by := matrixOf(dst), matrixOf(x), matrixOf(s)
	for i := range s.Layout.Len() {
		mean := in.centre(i)
		for k := range in.n {
			out.set(i, k, (in.get(i, k)-mean)*by.host.At(by.at[i]))
		}
	}
}

func standardiseGrad(dst, gy, y, s backend.Operand) {
	out, g, v, by := matrixOf(dst), matrixOf(gy), matrixOf(y), matrixOf(s)
	for i := range s.Layout.Len() {
		a := g.mean(func(k int) float64 { return g.get(i, k) })
		b := g.mean(func(k int) float64 { return g.get(i, k) * v.get(i, k) })
		for k := range g.n {
			out.set(i, k, by.host.At(by.at[i])*(g.get(i, k)-a-v.get(i, k)*b))
		}
	}
}
