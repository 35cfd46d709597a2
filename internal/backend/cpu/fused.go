package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
)

// BCEWithLogits sets dst to the cross-entropy of logits x with targets t, and
// slope to its derivative.
func (*Backend) BCEWithLogits(dst, slope, x, t backend.Operand) {
	n := dst.Layout.Len()
	if is64(dst) {
		kernel.BCEWithLogits(elements[float64](dst)[:n], elements[float64](slope), elements[float64](x), elements[float64](t))
	} else {
		kernel.BCEWithLogits(elements[float32](dst)[:n], elements[float32](slope), elements[float32](x), elements[float32](t))
	}
}
