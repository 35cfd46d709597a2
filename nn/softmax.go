package nn

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Softmax applies eˣ/Σ eˣ along an axis; negative axes count from the end, and −1
// is the usual one. Axis 0 mixes the samples of a batch. Since a negative axis other
// than −1 may be axis 0 as well, it counts as mixing, too. Softmax panics with a
// [tensor.ShapeError] if an input has no such axis.
func Softmax(axis int) Module { return softmax{axis} }

type softmax struct{ axis int }

func (s softmax) Forward(_ *Ctx, x *autograd.Var) *autograd.Var { return autograd.Softmax(x, s.axis) }

func (s softmax) OutShape(in []int) ([]int, error) {
	return in, tensor.Catch(func() { tensor.New(tensor.Float32, make([]int, len(in))...).Dim(s.axis) })
}

// MixesBatch implements [BatchMixer].
func (s softmax) MixesBatch() bool { return s.axis == 0 || s.axis < -1 }

// Scratch implements [Scratcher].
func (softmax) Scratch(in []int) [][]int { return copies(3, in) }

// Export implements [Exporter].
func (s softmax) Export(g *Graph, x *Value) *Value {
	return g.Op("Softmax", Attrs{"axis": s.axis}, x)
}

type axisSpec struct {
	Axis int `json:"axis"`
}

// Describe implements [Describer].
func (s softmax) Describe() (string, any) { return "Softmax", axisSpec{s.axis} }

func init() {
	Register("Softmax", func(c axisSpec) (Module, error) { return Softmax(c.Axis), nil })
}
