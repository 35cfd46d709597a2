package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/vec"
)

// weights are a kernel in the order in which the products read it: panels
// [kh, kw, channels in, columns] of columns, which are the output channels.
type weights[T vec.Float] struct {
	data             []T
	lent             *memory[T] // the memory of data, nil if it is not this value's own
	kh, kw, channels int
	cols, panels     int
	panel            int // elements
}

func newWeights[T vec.Float](kh, kw, channels, cols, panels int) weights[T] {
	w := weights[T]{kh: kh, kw: kw, channels: channels, cols: cols, panels: panels, panel: kh * kw * channels * cols}
	w.lent = borrow[T](w.panels * w.panel)
	w.data = w.lent.data
	return w
}

// packWeights copies a kernel [kh, kw, c, n].
func packWeights[T vec.Float](b *Backend, o backend.Operand) weights[T] {
	l := &o.Layout
	kh, kw, channels, outs := l.Dims[0], l.Dims[1], l.Dims[2], l.Dims[3]
	cols := max(1, min(outs, gemm.PanelCols[T]()))
	if gemm.ByColumns[T](outs, kw*channels, kh) {
		cols = 1
	}
	w := newWeights[T](kh, kw, channels, cols, (outs+cols-1)/cols)
	if w.panel == 0 {
		return w
	}
	if !tapsTogether(l) {
		side := operandOf(make([]T, l.Len()), layout.Contiguous(channels, outs, kh, kw).Permute(2, 3, 0, 1))
		b.Copy(side, o)
		o = side
	}
	if outs%cols != 0 { // the last panel has unused columns
		clear(w.data[(w.panels-1)*w.panel:])
	}
	src, taps := elements[T](o), kh*kw
	for p := range w.panels {
		for c := range channels {
			from := c*l.Strides[2] + p*w.cols*l.Strides[3]
			gemm.Transpose(w.data[p*w.panel+c*w.cols:], channels*w.cols, src[from:], l.Strides[3], min(w.cols, outs-p*w.cols), taps)
		}
	}
	return w
}

// tapsTogether reports whether the taps of a kernel [kh, kw, c, n] are
// neighbours, for each of the channels.
func tapsTogether(l *layout.Layout) bool {
	return (l.Dims[0] == 1 || l.Strides[0] == l.Dims[1]) && (l.Dims[1] == 1 || l.Strides[1] == 1)
}

// taps returns the part of the kernel that a pair of axes uses, in its order,
// which may be backwards. It shares the memory of w if it is all of w.
func (w *weights[T]) taps(h, v axis) weights[T] {
	if h.taps == w.kh && v.taps == w.kw && h.next == 1 && v.next == 1 {
		all := *w
		all.lent = nil
		return all
	}
	t := newWeights[T](h.taps, v.taps, w.channels, w.cols, w.panels)
	size := w.channels * w.cols // of a tap in a panel
	for p := range w.panels {
		for i := range h.taps {
			for j := range v.taps {
				from := (h.first+i*h.next)*w.kw + v.first + j*v.next
				copy(t.data[p*t.panel+(i*v.taps+j)*size:][:size], w.data[p*w.panel+from*size:])
			}
		}
	}
	return t
}

// finite reports whether the elements of x and their sum are finite.
func finite[T vec.Float](x []T) bool {
	sum := vec.Reduce(op.Sum, x)
	return sum-sum == 0
}
