// Package ref is the reference backend: each operation is the plainest loop over
// its definition, in float64, rounded once when it is stored. It is slow; every
// other backend is compared with it.
package ref

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/philox"
)

// Backend implements backend.Backend on host memory.
type Backend struct{}

func init() {
	backend.Register(backend.Kind{Name: "ref", Open: func(int) (backend.Backend, error) { return Backend{}, nil }})
}

var _ backend.Backend = Backend{}

// Name returns "ref".
func (Backend) Name() string { return "ref" }

// Alloc returns n zeros.
func (Backend) Alloc(dt backend.DType, n int) backend.Buffer { return backend.NewHost(dt, n) }

// Free leaves the memory to the garbage collector.
func (Backend) Free(backend.Buffer) {}

// Upload copies src to dst.
func (Backend) Upload(dst backend.Operand, src *backend.Host) {
	for i := range src.Len() {
		dst.Buffer.(*backend.Host).Set(dst.Layout.Offset+i, src.At(i))
	}
}

// Download copies src to dst.
func (Backend) Download(dst *backend.Host, src backend.Operand) {
	for i := range dst.Len() {
		dst.Set(i, src.Buffer.(*backend.Host).At(src.Layout.Offset+i))
	}
}

// Sync has nothing to wait for.
func (Backend) Sync() {}

// ImageOrder returns the row-major order.
func (Backend) ImageOrder(l layout.Layout) layout.Layout { return l.Packed() }

// array is an operand with the buffer offset of each element, in row-major
// order of the index.
type array struct {
	*backend.Host
	offsets []int
}

func open(o backend.Operand) array {
	l := o.Layout
	offsets := make([]int, l.Len())
	var index [layout.MaxRank]int
	for i := range offsets {
		at := l.Offset
		for k := range l.Rank {
			at += index[k] * l.Strides[k]
		}
		offsets[i] = at
		for k := l.Rank - 1; k >= 0; k-- {
			if index[k]++; index[k] < l.Dims[k] {
				break
			}
			index[k] = 0
		}
	}
	return array{o.Buffer.(*backend.Host), offsets}
}

func (a array) at(i int) float64     { return a.Host.At(a.offsets[i]) }
func (a array) set(i int, v float64) { a.Host.Set(a.offsets[i], v) }

// Copy sets dst = src.
func (Backend) Copy(dst, src backend.Operand) {
	d, s := open(dst), open(src)
	for i := range d.offsets {
		d.set(i, s.at(i))
	}
}

// Fill sets dst = v.
func (Backend) Fill(dst backend.Operand, v float64) {
	d := open(dst)
	for i := range d.offsets {
		d.set(i, v)
	}
}

// Unary sets dst = f(x).
func (Backend) Unary(f op.Unary, dst, x backend.Operand, a, b float64) {
	d, s := open(dst), open(x)
	for i := range d.offsets {
		d.set(i, Unary(f, s.at(i), a, b))
	}
}

// Unary is the definition of each unary function.
func Unary(f op.Unary, x, a, b float64) float64 {
	switch f {
	case op.None:
		return x
	case op.Neg:
		return -x
	case op.Abs:
		return math.Abs(x)
	case op.Sign:
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	case op.Square:
		return x * x
	case op.Sqrt:
		return math.Sqrt(x)
	case op.Reciprocal:
		return 1 / x
	case op.Exp:
		return math.Exp(x)
	case op.Log:
		return math.Log(x)
	case op.Sin:
		return math.Sin(x)
	case op.Cos:
		return math.Cos(x)
	case op.Tanh:
		return math.Tanh(x)
	case op.Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case op.Softplus:
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case op.ReLU:
		if x < 0 {
			return 0
		}
		return x
	case op.LeakyReLU:
		if x > 0 {
			return x
		}
		return a * x
	case op.Scale:
		return a * x
	case op.Shift:
		return x + a
	case op.PowScalar:
		return math.Pow(x, a)
	case op.Clamp:
		return min(max(x, a), b)
	case op.Erf:
		return math.Erf(x)
	case op.ELU:
		if x > 0 {
			return x
		}
		return a * math.Expm1(x)
	case op.GELU:
		return x * math.Erfc(-x/math.Sqrt2) / 2
	case op.Erfc:
		return math.Erfc(x)
	}
	panic("ref: unknown function " + f.String())
}

// Binary sets dst = f(x, y).
func (Backend) Binary(f op.Binary, dst, x, y backend.Operand, a float64) {
	d, s, t := open(dst), open(x), open(y)
	for i := range d.offsets {
		d.set(i, Binary(f, s.at(i), t.at(i), a))
	}
}

// Binary is the definition of each binary function.
func Binary(f op.Binary, x, y, a float64) float64 {
	switch f {
	case op.Add:
		return x + y
	case op.Sub:
		return x - y
	case op.Mul:
		return x * y
	case op.Div:
		return x / y
	case op.Max:
		return max(x, y)
	case op.Min:
		return min(x, y)
	case op.Greater:
		return truth(x > y)
	case op.GreaterEqual:
		return truth(x >= y)
	case op.Equal:
		return truth(x == y)
	case op.AddScaled:
		return x + a*y
	case op.Lerp:
		return x + a*(y-x)
	case op.TanhGrad:
		return x * (1 - y*y)
	case op.SigmoidGrad:
		return x * (y * (1 - y))
	case op.SoftplusGrad:
		return x * (1 / (1 + math.Exp(-y)))
	case op.ReLUGrad:
		return x * step(y, 0)
	case op.LeakyReLUGrad:
		return x * step(y, a)
	case op.ELUGrad:
		if y > 0 {
			return x
		}
		return x * (a * math.Exp(y))
	case op.PReLU:
		if x > 0 {
			return x
		}
		return x * y
	case op.GELUGrad:
		t := math.Abs(y)
		d := 0.0 // φ(y), times |y|
		if !math.IsInf(t, 0) {
			d = t * math.Exp(-t*t/2) / math.Sqrt(2*math.Pi)
		}
		if d = math.Erfc(t/math.Sqrt2)/2 - d; y < 0 {
			return x * d
		}
		return x * (1 - d)
	case op.Gauss:
		return x * math.Exp(-a*y*y)
	}
	panic("ref: unknown function " + f.String())
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// step returns the derivative of a (leaky) ReLU at x: 1 above zero, else a.
func step(x, a float64) float64 {
	switch {
	case x > 0:
		return 1
	case x != x:
		return x
	}
	return a
}

// Where sets dst to x if cond ≠ 0, else to y.
func (Backend) Where(dst, cond, x, y backend.Operand) {
	d, c, s, t := open(dst), open(cond), open(x), open(y)
	for i := range d.offsets {
		if c.at(i) != 0 {
			d.set(i, s.at(i))
		} else {
			d.set(i, t.at(i))
		}
	}
}

// total is a compensated sum (Neumaier, 1974), so that the reference's error does
// not grow with the number of terms.
type total struct{ sum, lost float64 }

func (t *total) add(v float64) {
	sum := t.sum + v
	if math.Abs(t.sum) >= math.Abs(v) {
		t.lost += t.sum - sum + v
	} else {
		t.lost += v - sum + t.sum
	}
	t.sum = sum
}

func (t *total) value() float64 {
	if math.IsInf(t.sum, 0) { // and lost is NaN
		return t.sum
	}
	return t.sum + t.lost
}

// Reduce folds x along each axis along which dst has dim 1.
func (Backend) Reduce(f op.Reduce, dst, x backend.Operand) {
	totals := make([]total, dst.Layout.Len())
	if f == op.MaxReduce {
		for i := range totals {
			totals[i].sum = math.Inf(-1)
		}
	}
	// The place of each element of x in dst, by giving dst stride 0 there.
	place := dst.Layout.Packed()
	for k := range place.Rank {
		if place.Dims[k] == 1 {
			place.Strides[k] = 0
		}
		place.Dims[k] = x.Layout.Dims[k]
	}
	s, to := open(x), open(backend.Operand{Buffer: x.Buffer, Layout: place})
	for i, at := range to.offsets {
		switch f {
		case op.Sum:
			totals[at].add(s.at(i))
		case op.SumSquares:
			totals[at].add(s.at(i) * s.at(i))
		case op.MaxReduce:
			totals[at].sum = max(totals[at].sum, s.at(i))
		default:
			panic("ref: unknown reduction " + f.String())
		}
	}
	d := open(dst)
	for i := range totals {
		d.set(i, totals[i].value())
	}
}

// MatMul sets dst = x·y over the last two axes.
func (Backend) MatMul(dst, x, y backend.Operand) {
	r := dst.Layout.Rank
	m, n, k := dst.Layout.Dims[r-2], dst.Layout.Dims[r-1], x.Layout.Dims[r-1]
	d, s, t := open(dst), open(x), open(y)
	for batch := range len(d.offsets) / max(m*n, 1) {
		for i := range m {
			for j := range n {
				var sum total
				for p := range k {
					sum.add(s.at((batch*m+i)*k+p) * t.at((batch*k+p)*n+j))
				}
				d.set((batch*m+i)*n+j, sum.value())
			}
		}
	}
}

// Linear sets dst = x·wᵀ, followed by the epilogue.
func (b Backend) Linear(dst, x, w backend.Operand, e backend.Epilogue) {
	w.Layout = w.Layout.Permute(1, 0)
	b.MatMul(dst, x, w)
	e.Apply(b, dst)
}

// EpilogueGrad sets gz to the gradient before an epilogue's function, and gb to
// its sums for each channel.
func (b Backend) EpilogueGrad(f op.Unary, gz, gb, gy, y backend.Operand, a float64) {
	backend.ComposeEpilogueGrad(b, f, gz, gb, gy, y, a)
}

// Gather sets dst[…, i, …] = x[…, index[i], …].
func (b Backend) Gather(dst, x backend.Operand, axis int, index backend.Operand) {
	at := open(index)
	for i := range at.offsets {
		if from := backend.Position(at.at(i), x.Layout.Dims[axis]); from >= 0 {
			b.Copy(row(dst, axis, i), row(x, axis, from))
		} else {
			b.Fill(row(dst, axis, i), math.NaN())
		}
	}
}

// ScatterAdd adds x[…, i, …] to dst[…, index[i], …].
func (b Backend) ScatterAdd(dst, x backend.Operand, axis int, index backend.Operand) {
	at := open(index)
	for i := range at.offsets {
		if to := backend.Position(at.at(i), dst.Layout.Dims[axis]); to >= 0 {
			d := row(dst, axis, to)
			b.Binary(op.Add, d, d, row(x, axis, i), 0)
		}
	}
}

// row returns the part of o at one index of an axis.
func row(o backend.Operand, axis, i int) backend.Operand {
	o.Layout = o.Layout.Slice(axis, i, i+1, 1)
	return o
}

// Random fills dst from the generic Philox generator.
func (Backend) Random(dist backend.Distribution, dst backend.Operand, key, counter uint64) {
	h, lo, n := dst.Buffer.(*backend.Host), dst.Layout.Offset, dst.Layout.Len()
	switch dt := h.DType(); {
	case dt == backend.Float32 && dist == backend.Normal:
		philox.Normal32(h.F32[lo:lo+n], key, counter)
	case dt == backend.Float32:
		philox.Uniform32(h.F32[lo:lo+n], key, counter)
	case dt == backend.Float64 && dist == backend.Normal:
		philox.Normal64(h.F64[lo:lo+n], key, counter)
	case dt == backend.Float64:
		philox.Uniform64(h.F64[lo:lo+n], key, counter)
	default:
		panic(backend.UnknownDType(dt))
	}
}
