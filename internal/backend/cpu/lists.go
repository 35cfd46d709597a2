package cpu

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/vec"
)

// Adam does one step on each of a list of parameters.
func (*Backend) Adam(p, g, m, v []backend.Operand, c op.AdamParams) {
	for i := range p {
		if p[i].Is64() {
			adam[float64](p[i], g[i], m[i], v[i], c)
		} else {
			adam[float32](p[i], g[i], m[i], v[i], c)
		}
	}
}

// adamGrain is the number of parameters in one piece of work: 28 bytes each, so
// that a piece takes a few microseconds.
const adamGrain = 16 << 10

type adamJob[T vec.Float] struct {
	p, g, m, v []T
	c          op.AdamParams
}

func (j *adamJob[T]) Run(lo, hi int) {
	vec.Adam(j.p[lo:hi], j.g[lo:hi], j.m[lo:hi], j.v[lo:hi], j.c)
}

func adam[T vec.Float](p, g, m, v backend.Operand, c op.AdamParams) {
	share(&poolOf[T]().adam, p.Layout.Len(), adamGrain,
		adamJob[T]{elements[T](p), elements[T](g), elements[T](m), elements[T](v), c})
}

// Lerp moves each dst towards x.
func (b *Backend) Lerp(dst, x []backend.Operand, a float64) {
	for i := range dst {
		b.Binary(op.Lerp, dst[i], dst[i], x[i], a)
	}
}

// Clamp sets each element of each x to min(max(x, lo), hi).
func (b *Backend) Clamp(x []backend.Operand, lo, hi float64) {
	for i := range x {
		b.Unary(op.Clamp, x[i], x[i], lo, hi)
	}
}

// Norm sets dst to the Euclidean norm of all elements of all xs together. The
// squares of float32 numbers are in the range of float64. Those of float64 numbers
// may not be; then they are added again, divided by the largest.
func (*Backend) Norm(dst backend.Operand, xs []backend.Operand) {
	sum := 0.0
	for _, x := range xs {
		sum += sumSquares(x)
	}
	norm := math.Sqrt(sum)
	if sum < 0x1p-900 || math.IsInf(sum, 1) {
		largest := 0.0
		for _, x := range xs {
			largest = max(largest, maxAbs(x))
		}
		if largest > 0 && !math.IsInf(largest, 1) {
			// Scaling by a power of two is exact.
			_, exponent := math.Frexp(largest)
			exponent = max(exponent, -1000) // so that 2^-exponent is finite
			sum = 0
			for _, x := range xs {
				sum += scaledSumSquares(x, -exponent)
			}
			norm = math.Ldexp(math.Sqrt(sum), exponent)
		}
	}
	elements[float64](dst)[0] = norm
}

// normGrain is the number of elements in one piece of a norm. The order of the sum
// depends on it, and not on the number of threads.
const normGrain = 32 << 10

type normJob[T vec.Float] struct {
	x       []T
	squares []float64 // of each piece
}

// Run computes the sums of squares of the elements lo to hi, which are whole
// pieces except for the last.
func (j *normJob[T]) Run(lo, hi int) {
	for lo < hi {
		n := min(normGrain, hi-lo)
		j.squares[lo/normGrain] = vec.Reduce(op.SumSquares, j.x[lo:lo+n])
		lo += n
	}
}

// sumSquares returns the sum of the squares of x.
func sumSquares(x backend.Operand) float64 {
	if x.Is64() {
		return runNorm(elements[float64](x)[:x.Layout.Len()])
	}
	return runNorm(elements[float32](x)[:x.Layout.Len()])
}

func runNorm[T vec.Float](x []T) float64 {
	if len(x) <= normGrain {
		return vec.Reduce(op.SumSquares, x)
	}
	sums := borrow[float64]((len(x) + normGrain - 1) / normGrain)
	defer sums.giveBack()
	share(&poolOf[T]().norm, len(x), normGrain, normJob[T]{x, sums.data})
	return vec.Reduce(op.Sum, sums.data)
}

// scaledSumSquares returns the sum of the squares of x·2^exponent.
func scaledSumSquares(x backend.Operand, exponent int) float64 {
	if x.Is64() {
		return vec.ScaledSumSquares(elements[float64](x)[:x.Layout.Len()], exponent)
	}
	return vec.ScaledSumSquares(elements[float32](x)[:x.Layout.Len()], exponent)
}

// maxAbs returns the largest absolute value of x, or NaN if an element is NaN.
func maxAbs(x backend.Operand) float64 {
	if x.Is64() {
		return vec.MaxAbs(elements[float64](x)[:x.Layout.Len()])
	}
	return vec.MaxAbs(elements[float32](x)[:x.Layout.Len()])
}
