package tensor

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// Sum adds along the given axes, or along all of them if none is given;
// negative axes count from the end. The axes are dropped from the shape. The
// sum of no elements is 0. It panics with a [ShapeError] on an axis that does
// not exist or is named twice.
func Sum(x *Tensor, axes ...int) *Tensor { return reduce("Sum", op.Sum, x, axes) }

// MaxOver takes the largest element along the given axes, or along all of them
// if none is given. It is NaN if any element is, and −Inf for no elements. The
// axes are dropped from the shape. It panics as [Sum] does.
func MaxOver(x *Tensor, axes ...int) *Tensor { return reduce("MaxOver", op.MaxReduce, x, axes) }

// SumSquares adds the squares along the given axes, or along all of them if none is
// given, with at least the precision of float64 until the result is rounded. The
// axes are dropped from the shape. It panics as [Sum] does.
func SumSquares(x *Tensor, axes ...int) *Tensor { return reduce("SumSquares", op.SumSquares, x, axes) }

// Mean averages along the given axes, or along all of them if none is given. The
// axes are dropped from the shape. The mean of no elements is NaN. It panics as
// [Sum] does.
func Mean(x *Tensor, axes ...int) *Tensor {
	s := reduce("Mean", op.Sum, x, axes)
	return Scale(s, float64(s.Len())/float64(x.Len()))
}

// Std returns the standard deviation along the given axes, or along all of them if
// none is given: the root of the sum of (x−mean)², divided by one less than the
// number of elements, as PyTorch's std has it. The axes are dropped from the shape.
// The standard deviation of fewer than two elements is NaN. It panics as [Sum] does.
func Std(x *Tensor, axes ...int) *Tensor {
	x.alive("Std")
	mean := Mean(x, axes...)
	kept := x.Shape()
	for k := range kept {
		if len(axes) == 0 {
			kept[k] = 1
		}
	}
	for _, a := range axes {
		kept[x.axis("Std", a)] = 1
	}
	if x.Len() == 0 {
		return mean // NaN
	}
	centred := Sub(x, mean.Reshape(kept...))
	// What the rounding of the mean has left: numbers that are nearly equal keep digits.
	centred = Sub(centred, Mean(centred, axes...).Reshape(kept...))
	// Divide by the largest, so that no square leaves the range.
	divisor := usable(MaxOver(Abs(centred), axes...))
	squares := SumSquares(Div(centred, divisor.Reshape(kept...)), axes...)
	return Mul(Sqrt(Scale(squares, 1/(float64(x.Len())/float64(squares.Len())-1))), divisor)
}

// ArgMax returns the place of the largest element along an axis, for each index of
// the other axes in row-major order: of the first, if there are several, and of the
// first NaN, if there is one. It panics with a [ShapeError] if there is no such
// axis, or it has no elements.
func ArgMax(x *Tensor, axis int) []int {
	x.alive("ArgMax")
	k := x.axis("ArgMax", axis)
	n := x.layout.Dims[k]
	if n == 0 {
		shapePanic("ArgMax", fmt.Sprintf("axis %d has no elements", axis), "give one of 1 or more", x)
	}
	var order []int
	for a := range x.Rank() {
		if a != k {
			order = append(order, a)
		}
	}
	data := x.Permute(append(order, k)...).Float64s()
	places := make([]int, len(data)/n)
	for i := range places {
		row := data[i*n:][:n]
		for j, v := range row {
			if best := row[places[i]]; v > best || v != v && best == best {
				places[i] = j
			}
		}
	}
	return places
}

func reduce(name string, f op.Reduce, x *Tensor, axes []int) *Tensor {
	x.alive(name)
	var gone [MaxRank]bool
	for _, a := range axes {
		k := x.axis(name, a)
		if gone[k] {
			shapePanic(name, fmt.Sprintf("axis %d is named twice in %v", a, slices.Clone(axes)), "name it once", x)
		}
		gone[k] = true
	}
	kept, full := layout.Layout{}, x.layout
	for k := range x.layout.Rank {
		if len(axes) == 0 || gone[k] {
			full.Dims[k] = 1
			continue
		}
		kept.Dims[kept.Rank] = x.layout.Dims[k]
		kept.Rank++
	}
	out := empty(x.scope, x.store.device, x.DType(), full.Packed())
	x.store.device.backend.Reduce(f, out.operand(), x.operand())
	out.layout = kept.Packed()
	return out
}

// SumTo sums x over the axes along which broadcasting from shape to x's shape
// repeats elements, the reverse of [Tensor.BroadcastTo]. It panics with a
// [ShapeError] if shape does not broadcast to x's shape.
func SumTo(x *Tensor, shape ...int) *Tensor {
	x.alive("SumTo")
	want := checkShape("SumTo", shape)
	if want.SameShape(&x.layout) {
		return x
	}
	if _, ok := want.Broadcast(x.layout.Shape()); !ok {
		shapePanic("SumTo", fmt.Sprintf("%v does not broadcast to it", slices.Clone(shape)), "give a shape that does", x)
	}
	lead := x.layout.Rank - want.Rank
	full := layout.Layout{Rank: x.layout.Rank}
	for k := range full.Rank {
		full.Dims[k] = 1
		if k >= lead {
			full.Dims[k] = want.Dims[k-lead]
		}
	}
	out := empty(x.scope, x.store.device, x.DType(), full.Packed())
	x.store.device.backend.Reduce(op.Sum, out.operand(), x.operand())
	out.layout = want
	return out
}
