package cpu

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/vec"
)

// rowsJob is work on rows of n numbers, one after the other, each of which stays in
// the cache.
type rowsJob[T vec.Float] struct {
	do           func(j *rowsJob[T], i int, piece []T)
	dst, x, y, s []T
	n            int
	eps          float64
}

// pieceLength is how many products or distances of a row are kept at once.
const pieceLength = 2048

// Run does the rows lo to hi.
func (j *rowsJob[T]) Run(lo, hi int) {
	piece := borrow[T](pieceLength)
	defer piece.giveBack()
	for i := lo; i < hi; i++ {
		j.do(j, i, piece.data)
	}
}

func (j *rowsJob[T]) row(x []T, i int) []T { return x[i*j.n:][:j.n] }

func runRows[T vec.Float](j rowsJob[T], rows int) {
	if rows > 0 && j.n > 0 {
		share(&poolOf[T]().rows, rows, max(1, grainCheap/j.n), j)
	}
}

// InverseDeviation sets each s to 1/√(variance+eps) of a row of x.
func (b *Backend) InverseDeviation(s, x backend.Operand, eps float64) {
	if s.Is64() {
		inverseDeviation[float64](s, b.packed(x), eps)
	} else {
		inverseDeviation[float32](s, b.packed(x), eps)
	}
}

func inverseDeviation[T vec.Float](s, x backend.Operand, eps float64) {
	rows, n := x.Layout.Dims[0], x.Layout.Dims[1]
	out := elements[T](s)[:rows]
	if n == 0 {
		fillNaN(out)
		return
	}
	runRows(rowsJob[T]{do: (*rowsJob[T]).deviation, x: elements[T](x)[:rows*n], s: out, n: n, eps: eps}, rows)
}

// deviation computes s of row i.
func (j *rowsJob[T]) deviation(i int, piece []T) {
	x := j.row(j.x, i)
	n := float64(len(x))
	mean := vec.Reduce(op.Sum, x) / n
	squares := vec.Reduce(op.SumSquares, x) / n
	variance := squares - float64(mean*mean)
	// The squares of float32 numbers are exact, and their sum has 50 digits or so.
	if _, double := any(mean).(T); double || !(variance > 0x1p-20*squares) {
		variance = varianceAround(T(mean), x, piece)
	}
	if !(variance <= math.MaxFloat64) {
		j.s[i] = T(1 / deviationOfLarge(x))
		return
	}
	j.s[i] = T(1 / math.Sqrt(variance+j.eps))
}

// deviationOfLarge is the standard deviation of x where the variance is no float64,
// and any ε nothing beside it. It is NaN if an element is not finite.
func deviationOfLarge[T vec.Float](x []T) float64 {
	n, mean, largest, squares := float64(len(x)), 0.0, 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / n
	}
	for _, v := range x {
		largest = max(largest, math.Abs(float64(v)-mean))
	}
	for _, v := range x {
		d := (float64(v) - mean) / largest
		squares += float64(d * d)
	}
	return largest * math.Sqrt(squares/n)
}

// varianceAround is the variance of x, given its mean but for some rounding.
func varianceAround[T vec.Float](mean T, x, piece []T) float64 {
	n, sum, squares := float64(len(x)), 0.0, 0.0
	for len(x) > 0 {
		d := piece[:min(len(x), len(piece))]
		vec.Unary(op.Shift, d, x, -float64(mean), 0)
		sum += vec.Reduce(op.Sum, d)
		squares += vec.Reduce(op.SumSquares, d)
		x = x[len(d):]
	}
	missing := sum / n
	return max(squares/n-float64(missing*missing), 0)
}

// Standardise sets each row of dst to (x−mean)·s.
func (b *Backend) Standardise(dst, x, s backend.Operand) {
	if dst.Is64() {
		standardise[float64](dst, b.packed(x), s)
	} else {
		standardise[float32](dst, b.packed(x), s)
	}
}

func standardise[T vec.Float](dst, x, s backend.Operand) {
	rows, n := x.Layout.Dims[0], x.Layout.Dims[1]
	runRows(rowsJob[T]{do: (*rowsJob[T]).standard, dst: elements[T](dst)[:rows*n], x: elements[T](x)[:rows*n], s: elements[T](s)[:rows], n: n}, rows)
}

// standard computes row i of dst. The mean is taken away in two parts, of which the
// second is what the rounding of the first has left.
func (j *rowsJob[T]) standard(i int, _ []T) {
	x, y, n, s := j.row(j.x, i), j.row(j.dst, i), float64(j.n), float64(j.s[i])
	mean := vec.Reduce(op.Sum, x) / n
	rounded := float64(T(mean))
	vec.Unary(op.Shift, y, x, -rounded, 0)
	missing := mean - rounded
	if _, double := any(mean).(T); double {
		missing = vec.Reduce(op.Sum, y) / n
	}
	if math.Abs(missing*s) > 0x1p-24 { // else y, which is about 1, would hardly feel it
		vec.Unary(op.Shift, y, y, -missing, 0)
	}
	vec.Unary(op.Scale, y, y, s, 0)
}

// StandardiseGrad sets each row of dst to s·(gy − mean(gy) − y·mean(gy·y)).
func (b *Backend) StandardiseGrad(dst, gy, y, s backend.Operand) {
	if dst.Is64() {
		standardiseGrad[float64](dst, b.packed(gy), b.packed(y), s)
	} else {
		standardiseGrad[float32](dst, b.packed(gy), b.packed(y), s)
	}
}

func standardiseGrad[T vec.Float](dst, gy, y, s backend.Operand) {
	rows, n := y.Layout.Dims[0], y.Layout.Dims[1]
	runRows(rowsJob[T]{do: (*rowsJob[T]).standardGrad, dst: elements[T](dst)[:rows*n], x: elements[T](gy)[:rows*n], y: elements[T](y)[:rows*n],
		s: elements[T](s)[:rows], n: n}, rows)
}

// standardGrad computes row i of dst, from gy in x.
func (j *rowsJob[T]) standardGrad(i int, piece []T) {
	gy, y, dst, n := j.row(j.x, i), j.row(j.y, i), j.row(j.dst, i), float64(j.n)
	dot := 0.0
	for k := 0; k < len(y); k += len(piece) {
		p := piece[:min(len(y)-k, len(piece))]
		vec.Binary(op.Mul, p, gy[k:], y[k:], 0)
		dot += vec.Reduce(op.Sum, p)
	}
	vec.Binary(op.AddScaled, dst, gy, y, -dot/n)
	vec.Unary(op.Shift, dst, dst, -vec.Reduce(op.Sum, gy)/n, 0)
	vec.Unary(op.Scale, dst, dst, float64(j.s[i]), 0)
}
