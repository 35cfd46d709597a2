package cpu

import (
	"sync"

	"github.com/gander-ml/gander/internal/backend"
)

// Convolutions run in channels-last memory, [n, h, w, c], as products of matrices
// whose left factor is not stored: its rows are parts of the images. The numbers
// that one row of the kernel multiplies at one position are kw·c neighbours in
// memory, and are one row of the left factor. The next rows are the numbers at the
// same position in other images, or those at the next positions of the same image,
// a stride of pixels further on, which overlap. An output is a sum of such
// products, one for each row of the kernel, which [gemm.ProductSum] computes.
//
// Products with the padding are zeros, unless the kernel is not finite. If it is
// finite they are skipped, and the images are read in place: each range of outputs
// that uses the same taps is a sum of its own.
//
// The gradient by the input is a correlation with gy in the same way, one for each
// phase of the stride. The gradient by the weight is a sum of products over the
// rows of all images.

// axis is a [backend.Correlation].
type axis struct {
	outs, step, start      int
	taps, gap, first, next int
	at, by                 int
}

func axisOf(c backend.Correlation) axis {
	return axis{c.Outs, c.Step, c.Start, c.Taps, c.Gap, c.First, c.Next, c.At, c.By}
}

// inputGradAxes appends the phases of the gradient by an input of dim ins.
func inputGradAxes(phases []axis, ins, taps int, p *backend.ConvParams, k int) []axis {
	for at := range p.Phases(k, ins) {
		phases = append(phases, axisOf(p.InputGrad(k, at, ins, taps)))
	}
	return phases
}

// used returns the range of inputs [lo,hi) that any output uses.
func used(axes []axis) (lo, hi int) {
	for k := range axes {
		if start, end := axes[k].used(); start < end {
			if lo == hi {
				lo, hi = start, end
			}
			lo, hi = min(lo, start), max(hi, end)
		}
	}
	return lo, hi
}

// used returns the range of inputs [lo,hi) that any output uses.
func (a *axis) used() (lo, hi int) {
	if a.outs == 0 || a.taps == 0 {
		return 0, 0
	}
	return a.start, a.start + (a.outs-1)*a.step + (a.taps-1)*a.gap + 1
}

// span is a range of an axis's outputs, n of them from u on, that use the same taps
// [t0,t1).
type span struct{ u, n, t0, t1 int }

// all appends a single span of all outputs and taps.
func (a *axis) all(spans []span) []span { return append(spans, span{0, a.outs, 0, a.taps}) }

// within divides the outputs into spans whose taps are those that multiply inputs
// in [lo,hi), and appends them to spans.
func (a *axis) within(spans []span, lo, hi int) []span {
	before := len(spans)
	for u := range a.outs {
		at := a.start + u*a.step // of tap 0
		t0 := min(max(0, (lo-at+a.gap-1)/a.gap), a.taps)
		t1 := max(t0, min(a.taps, (hi-at+a.gap-1)/a.gap))
		if last := len(spans) - 1; last >= before && spans[last].t0 == t0 && spans[last].t1 == t1 {
			spans[last].n++
		} else {
			spans = append(spans, span{u, 1, t0, t1})
		}
	}
	return spans
}

// cut returns the part of a span that lies in [lo,hi).
func (s span) cut(lo, hi int) span {
	lo, hi = max(s.u, lo), min(s.u+s.n, hi)
	return span{lo, hi - lo, s.t0, s.t1}
}

// through returns the range of outputs [u0,u1) for which a tap multiplies an input
// in [0,ins).
func (a *axis) through(tap, ins int) (u0, u1 int) {
	first := a.start + tap*a.gap // input of output 0
	u0 = min(max(0, (a.step-1-first)/a.step), a.outs)
	return u0, max(u0, min(a.outs, (ins-first+a.step-1)/a.step))
}

// input returns the first input that a span uses.
func (a *axis) input(s span) int { return a.start + s.u*a.step + s.t0*a.gap }

// correlations are pairs of axes, kept between calls.
type correlations struct{ h, v []axis }

var correlationLists sync.Pool

// Conv2D sets dst to the convolution of x with w.
func (b *Backend) Conv2D(dst, x, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	a := take[correlations](&correlationLists)
	a.h = append(a.h[:0], axisOf(p.Forward(0, dst.Layout.Dims[2], w.Layout.Dims[2])))
	a.v = append(a.v[:0], axisOf(p.Forward(1, dst.Layout.Dims[3], w.Layout.Dims[3])))
	b.correlateGroups(dst, x, w, p.Groups, [4]int{2, 3, 1, 0}, a, e)
	correlationLists.Put(a)
}

// Conv2DInputGrad sets dst to the gradient by the convolution's input.
func (b *Backend) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	a := take[correlations](&correlationLists)
	a.h = inputGradAxes(a.h[:0], dst.Layout.Dims[2], w.Layout.Dims[2], &p, 0)
	a.v = inputGradAxes(a.v[:0], dst.Layout.Dims[3], w.Layout.Dims[3], &p, 1)
	b.correlateGroups(dst, gy, w, p.Groups, [4]int{2, 3, 0, 1}, a, e)
	correlationLists.Put(a)
}

// correlateGroups correlates each group of src's channels with its part of a
// weight, whose axes in that order are the kernel's, and applies the epilogue.
func (b *Backend) correlateGroups(dst, src, w backend.Operand, groups int, order [4]int, a *correlations, e backend.Epilogue) {
	if groups == 1 {
		w.Layout = w.Layout.Permute(order[:]...)
		b.correlate(dst, src, w, a, e)
		return
	}
	for g := range groups {
		kernel := part(w, 0, g, groups)
		kernel.Layout = kernel.Layout.Permute(order[:]...)
		b.correlate(part(dst, 1, g, groups), part(src, 1, g, groups), kernel, a, backend.Epilogue{})
	}
	e.Apply(b, dst) // group by group, the pixels would be short rows with gaps
}

// Conv2DWeightGrad sets dst to the gradient by the convolution's weight.
func (b *Backend) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	h := axisOf(p.Forward(0, gy.Layout.Dims[2], dst.Layout.Dims[2]))
	v := axisOf(p.Forward(1, gy.Layout.Dims[3], dst.Layout.Dims[3]))
	for g := range p.Groups {
		kernel := part(dst, 0, g, p.Groups)
		kernel.Layout = kernel.Layout.Permute(2, 3, 1, 0)
		b.weightGrad(kernel, part(x, 1, g, p.Groups), part(gy, 1, g, p.Groups), h, v)
	}
}

// part returns the g-th of equal parts along an axis.
func part(o backend.Operand, axis, g, parts int) backend.Operand {
	n := o.Layout.Dims[axis] / parts
	o.Layout = o.Layout.Slice(axis, g*n, g*n+n, 1)
	return o
}
