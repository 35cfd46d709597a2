package nn

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Softmax makes eˣ/Σ eˣ of the numbers along an axis; negative axes count from
// the end, and −1 is the usual one. It panics with a [tensor.ShapeError] where
// an input has no such axis.
func Softmax(axis int) Module { return softmax{axis} }

type softmax struct{ axis int }

func (s softmax) Forward(_ *Ctx, x *autograd.Var) *autograd.Var { return autograd.Softmax(x, s.axis) }

func (s softmax) OutShape(in []int) ([]int, error) {
	return in, tensor.Catch(func() { tensor.New(tensor.Float32, make([]int, len(in))...).Dim(s.axis) })
}

// MixesBatch implements [BatchMixer]. Axis 0 is the batch.
func (s softmax) MixesBatch() bool { return s.axis == 0 }

type axisSpec struct {
	Axis int `json:"axis"`
}

// Describe implements [Describer].
func (s softmax) Describe() (string, any) { return "Softmax", axisSpec{s.axis} }

func init() {
	Register("Softmax", func(c axisSpec) (Module, error) { return Softmax(c.Axis), nil })
}
