package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Flatten keeps the first axis and merges all others: [n, …] to [n, features].
// It panics with a [tensor.ShapeError] on a rank of 0.
func Flatten() Module { return flatten{} }

type flatten struct{ reshaping }

func (f flatten) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	v := x.Value()
	if v.Len() == 0 || v.Rank() == 0 {
		return reshaped(f, x)
	}
	return withBatch(x, v.Len()/v.Dim(0))
}

func (flatten) OutShape(in []int) ([]int, error) {
	if len(in) == 0 {
		return nil, noBatch("Flatten", in)
	}
	return []int{in[0], product(in[1:])}, nil
}

// Describe implements [Describer].
func (flatten) Describe() (string, any) { return "Flatten", nil }

// Reshape keeps the first axis and gives the others a new shape: [n, features]
// to [n, shape…]. One dim may be −1 and follows from the others. It panics with a
// [tensor.ShapeError] if no tensor has such a shape, or an input does not fill it.
func Reshape(shape ...int) Module {
	unknown := 0
	for _, d := range shape {
		if d == -1 {
			unknown++
		}
	}
	if unknown > 1 || len(shape) >= tensor.MaxRank || slices.ContainsFunc(shape, func(d int) bool { return d < -1 }) {
		panic(&tensor.ShapeError{Op: "Reshape", Shapes: [][]int{slices.Clone(shape)}, Problem: "no tensor has this shape",
			Fix: fmt.Sprintf("give at most %d dims of 0 or more, one of which may be −1", tensor.MaxRank-1)})
	}
	return &reshape{shape: slices.Clone(shape)}
}

type reshape struct {
	reshaping
	shape []int
}

func (r *reshape) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	v := x.Value()
	if v.Len() == 0 || v.Rank() == 0 || v.Len() != v.Dim(0)*product(r.shape) {
		return reshaped(r, x) // a dim of −1, or it does not fit
	}
	return withBatch(x, r.shape...)
}

func (r *reshape) OutShape(in []int) ([]int, error) {
	if len(in) == 0 {
		return nil, noBatch("Reshape", in)
	}
	out := append([]int{in[0]}, r.shape...)
	have, want := product(in[1:]), product(r.shape)
	if k := slices.Index(r.shape, -1); k >= 0 {
		if known := -want; known != 0 && have%known == 0 {
			out[k+1] = have / known
			want = have
		}
	}
	if have != want {
		return nil, misfit(fmt.Sprintf("Reshape%v", r.shape), in, fmt.Sprintf("%d features do not fill the shape", have), "give dims that multiply to that number")
	}
	return out, nil
}

// Export implements [Exporter].
func (flatten) Export(g *Graph, x *Value) *Value { return g.Op("Flatten", Attrs{"axis": 1}, x) }

// Export implements [Exporter].
func (r *reshape) Export(g *Graph, x *Value) *Value {
	out, err := r.OutShape(x.Shape)
	if err != nil || slices.Contains(out, 0) {
		return g.Refuse("a sample without numbers cannot be given a shape")
	}
	return g.Reshape(x, out[1:]...)
}

type reshapeSpec struct {
	Shape []int `json:"shape"`
}

// Describe implements [Describer].
func (r *reshape) Describe() (string, any) { return "Reshape", reshapeSpec{r.shape} }

func init() {
	Register("Flatten", func(struct{}) (Module, error) { return Flatten(), nil })
	Register("Reshape", func(c reshapeSpec) (Module, error) { return Reshape(c.Shape...), nil })
}

// reshaping is embedded in modules that change nothing but the shape of a
// sample.
type reshaping struct {
	perSample
	linearInPieces
	weightless
}

// Push implements [PiecewiseLinear].
func (reshaping) Push(y, v *tensor.Tensor) *tensor.Tensor { return v.Reshape(y.Shape()...) }

// Pull implements [PiecewiseLinear].
func (reshaping) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return g.Reshape(x.Shape()...) }

// reshaped applies a module that changes nothing but the shape. The module works
// out a dim of −1 itself, since package tensor cannot do that for an empty batch.
func reshaped(m Shaper, x *autograd.Var) *autograd.Var {
	return autograd.Reshape(x, outShape(m, x)...)
}

// withBatch gives x [n, …] the shape [n, dims…], in fewer allocations than reshaped.
func withBatch(x *autograd.Var, dims ...int) *autograd.Var {
	var shape [tensor.MaxRank]int
	shape[0] = x.Value().Dim(0)
	return autograd.Reshape(x, shape[:1+copy(shape[1:], dims)]...)
}

func noBatch(op string, in []int) error {
	return misfit(op, in, "there is no batch axis", "give [n, …]; reshape one sample to [1, …]")
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
