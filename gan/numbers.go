package gan

import (
	"math"

	"github.com/gander-ml/gander/tensor"
)

// look is the one place of a step that reads numbers from the device, in one
// transfer: scalars, of which a nil one reads as 0, and whether all elements of the
// gradients are finite: the norm tells that of those that were not seen to be when they
// were computed.
func look(grads []*tensor.Tensor, scalars ...*tensor.Tensor) (numbers []float64, finite bool) {
	unseen := make([]*tensor.Tensor, 0, len(grads))
	for _, g := range grads {
		if !g.SeenFinite() {
			unseen = append(unseen, g)
		}
	}
	there := append(make([]*tensor.Tensor, 0, 1+len(scalars)), tensor.Norm(unseen))
	for _, s := range scalars {
		if s != nil {
			there = append(there, s)
		}
	}
	read := tensor.Items(there...)
	finite, read = isFinite(read[0]), read[1:]
	numbers = make([]float64, len(scalars))
	for i, s := range scalars {
		if s != nil {
			numbers[i], read = read[0], read[1:]
		}
	}
	return numbers, finite
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
