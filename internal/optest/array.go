package optest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/tensor"
)

// Array is an n-dimensional array in row-major order, for computing references. It
// shares no code with the library, so that the two can be compared.
type Array struct {
	Shape []int
	Data  []float64
}

// Build returns the array of that shape whose element at each index is f(index).
func Build(shape []int, f func(index []int) float64) Array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	a := Array{slices.Clone(shape), make([]float64, n)}
	index := make([]int, len(shape))
	for i := range a.Data {
		a.Data[i] = f(index)
		for k := len(shape) - 1; k >= 0; k-- {
			if index[k]++; index[k] < shape[k] {
				break
			}
			index[k] = 0
		}
	}
	return a
}

// Each calls f with every index and element, in row-major order.
func (a Array) Each(f func(index []int, v float64)) {
	i := 0
	Build(a.Shape, func(index []int) float64 {
		f(index, a.Data[i])
		i++
		return 0
	})
}

// At returns the element that broadcasting puts at index: axes are matched from
// the right, missing ones and those of dim 1 repeat.
func (a Array) At(index ...int) float64 {
	at, lead := 0, len(index)-len(a.Shape)
	for k, d := range a.Shape {
		at *= d
		if d != 1 {
			at += index[lead+k]
		}
	}
	return a.Data[at]
}

// Map is the reference of an element-wise function of one input.
func Map(f func(x float64) float64) func([]Array) Array {
	return func(xs []Array) Array {
		return Build(xs[0].Shape, func(index []int) float64 { return f(xs[0].At(index...)) })
	}
}

// Zip is the reference of an element-wise, broadcasting function of two inputs.
func Zip(f func(x, y float64) float64) func([]Array) Array {
	return func(xs []Array) Array {
		return Build(Broadcast(xs...), func(index []int) float64 {
			return f(xs[0].At(index...), xs[1].At(index...))
		})
	}
}

// Broadcast returns the common shape of arrays that broadcast.
func Broadcast(xs ...Array) []int {
	var out []int
	for _, x := range xs {
		for len(out) < len(x.Shape) {
			out = slices.Insert(out, 0, 1)
		}
		for k, d := range x.Shape {
			if at := len(out) - len(x.Shape) + k; d != 1 {
				out[at] = d
			}
		}
	}
	return out
}

// Fold combines the elements along the given axes, all of them if none is
// given, starting each from the same number, and drops the axes.
func Fold(x Array, axes []int, start float64, f func(acc, v float64) float64) Array {
	keep := func(k int) bool {
		return len(axes) > 0 && !slices.Contains(axes, k) && !slices.Contains(axes, k-len(x.Shape))
	}
	kept := func(index []int) []int {
		out := []int{}
		for k, i := range index {
			if keep(k) {
				out = append(out, i)
			}
		}
		return out
	}
	out := Build(kept(x.Shape), func([]int) float64 { return start })
	x.Each(func(index []int, v float64) {
		at := 0
		for k, i := range kept(index) {
			at = at*out.Shape[k] + i
		}
		out.Data[at] = f(out.Data[at], v)
	})
	return out
}

// parse reads shapes as messages print them: "[2 3] [3] []".
func parse(shapes string) [][]int {
	var out [][]int
	for _, s := range strings.Split(shapes, "]") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		shape := []int{}
		for _, d := range strings.Fields(strings.TrimPrefix(s, "[")) {
			n, err := strconv.Atoi(d)
			if err != nil {
				panic("optest: shapes " + shapes + " are not like \"[2 3] []\"")
			}
			shape = append(shape, n)
		}
		out = append(out, shape)
	}
	return out
}

// sequence returns numbers that look random, differ from each other, and are the
// same every time: the multiples of the golden ratio, modulo 1.
type sequence int

func (s *sequence) next(d Domain) float64 {
	*s++
	_, u := math.Modf(float64(*s) * math.Phi)
	v := d.Lo + (d.Hi-d.Lo)*u
	for _, k := range d.Kinks {
		if away := v - k; math.Abs(away) < 0.05 {
			v = k + math.Copysign(0.05, away)
		}
	}
	return float64(float32(v)) // so that both dtypes hold it
}

// draw returns an array of a shape with numbers of a domain.
func (s *sequence) draw(shape []int, d Domain) Array {
	return Build(shape, func([]int) float64 { return s.next(d) })
}

// Tensor returns the array as a tensor.
func (a Array) Tensor(dt tensor.DType) *tensor.Tensor {
	t := tensor.New(dt, a.Shape...)
	t.SetFloat64(a.Data)
	return t
}

func arrayOf(t *tensor.Tensor) Array { return Array{t.Shape(), t.Float64s()} }

// near returns an error that names the first element at which got differs from
// want by more than tol, relative to the larger of 1 and the number wanted. NaN is
// near NaN, and Inf near Inf.
func near(got, want Array, tol float64) error {
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("shape %v, want %v", got.Shape, want.Shape)
	}
	for i, g := range got.Data {
		w := want.Data[i]
		if g == w || g != g && w != w {
			continue
		}
		if diff := math.Abs(g - w); !(diff <= tol*max(1, math.Abs(w))) || math.IsInf(w, 0) {
			return fmt.Errorf("element %d of shape %v: %.17g, want %.17g (allowed deviation %.3g)", i, got.Shape, g, w, tol)
		}
	}
	return nil
}
