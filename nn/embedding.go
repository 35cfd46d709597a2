package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Embedding replaces each whole number i of its input, from 0 to n−1, by row i
// of a table: […] to […, dim]. Its parameter is "weight" [n, dim], first drawn
// with mean 0 and variance 1, as in PyTorch. No gradient flows to the input. It
// panics with a [tensor.ShapeError] if n or dim is below 1, and with a
// [tensor.ArgumentError] on an option other than [WeightInit]. An input that is not
// such a number panics, too, or gives a row of NaN, as [tensor.Gather] says.
func Embedding(n, dim int, opts ...LinearOption) Module {
	if n < 1 || dim < 1 {
		panic(&tensor.ShapeError{Op: "Embedding", Shapes: [][]int{{n, dim}}, Problem: "a table needs at least one row and one column", Fix: "give 1 or more"})
	}
	return &embedding{n: n, dim: dim, weight: NewParam("weight", weightInit("Embedding", Normal(1), opts), n, dim, n, dim)}
}

type embedding struct {
	perSample
	n, dim int
	weight *Param
}

func (e *embedding) Params() []*Param { return []*Param{e.weight} }

func (e *embedding) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	index := x.Value()
	return autograd.Reshape(autograd.Gather(ctx.Var(e.weight), 0, index.Reshape(index.Len())), append(x.Shape(), e.dim)...)
}

func (e *embedding) name() string { return fmt.Sprintf("Embedding(%d, %d)", e.n, e.dim) }

func (e *embedding) OutShape(in []int) ([]int, error) {
	if len(in) >= tensor.MaxRank {
		return nil, misfit(e.name(), in, "there is no room for another axis", "merge some axes")
	}
	return append(slices.Clone(in), e.dim), nil
}

// Scratch implements [Scratcher]: the rows' numbers as the device wants them.
func (e *embedding) Scratch(in []int) [][]int { return copies(9, in) }

// Export implements [Exporter].
func (e *embedding) Export(g *Graph, x *Value) *Value {
	return g.Op("Gather", Attrs{"axis": 0}, g.Param(e.weight), g.Cast(x, true))
}

type embeddingSpec struct {
	N   int `json:"n"`
	Dim int `json:"dim"`
}

// Describe implements [Describer].
func (e *embedding) Describe() (string, any) { return "Embedding", embeddingSpec{e.n, e.dim} }

func init() {
	Register("Embedding", func(c embeddingSpec) (Module, error) {
		return Embedding(c.N, c.Dim), nil
	})
}
