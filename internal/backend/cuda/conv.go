package cuda

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// The structs that kernels of conv.cu get, field for field.

// axis is a [backend.Correlation].
type axis struct {
	outs, step, start, taps, gap, first, next, at, by int32
}

type pixels struct{ width, area divisor }

type phase struct {
	h, v   axis
	pixels pixels
	taps   divisor
}

type images struct {
	image, channel, row, pixel int64
	height, width              uint32
}

type correlation struct {
	result                           result
	x, w                             driver.Ptr
	from, to                         images
	out, in, tapRow, tapCol          int64
	groupX, groupW, groupDst, groupB int64
	n, channels, outs, groups        uint32
	vectorX, alongW, vectorW         uint32
	channelsBy                       divisor
	phases                           driver.Ptr
}

type weightGrad struct {
	result                                   result
	x, gy                                    driver.Ptr
	from, to                                 images
	in, tapRow, tapCol                       int64
	groupX, groupY, groupDst                 int64
	stepH, startH, gapH, stepV, startV, gapV int32
	m, n, k, groups, part, parts             uint32
	vectorX, vectorY                         uint32
	pixels                                   pixels
	channels, taps                           divisor
}

func imagesOf(l layout.Layout) images {
	return images{image: int64(l.Strides[0]), channel: int64(l.Strides[1]), row: int64(l.Strides[2]), pixel: int64(l.Strides[3]),
		height: uint32(l.Dims[2]), width: uint32(l.Dims[3])}
}

func axisOf(c backend.Correlation) axis {
	return axis{int32(c.Outs), int32(c.Step), int32(c.Start), int32(c.Taps), int32(c.Gap), int32(c.First), int32(c.Next), int32(c.At), int32(c.By)}
}

// inputGradAxes returns the phases of the gradient by an input of dim ins.
func inputGradAxes(ins, taps int, p *backend.ConvParams, k int) (phases []axis) {
	for at := range p.Phases(k, ins) {
		phases = append(phases, axisOf(p.InputGrad(k, at, ins, taps)))
	}
	return phases
}

// Conv2D sets dst to the convolution of x with w.
func (b *Backend) Conv2D(dst, x, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	defer b.enter("Conv2D", dst, x, w, e.Bias).leave()
	h := []axis{axisOf(p.Forward(0, dst.Layout.Dims[2], w.Layout.Dims[2]))}
	v := []axis{axisOf(p.Forward(1, dst.Layout.Dims[3], w.Layout.Dims[3]))}
	b.correlate(dst, x, w, h, v, p.Groups, w.Layout.Strides[0], w.Layout.Strides[1], e)
}

// Conv2DInputGrad sets dst to the gradient by the convolution's input.
func (b *Backend) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	defer b.enter("Conv2DInputGrad", dst, gy, w, e.Bias).leave()
	h := inputGradAxes(dst.Layout.Dims[2], w.Layout.Dims[2], &p, 0)
	v := inputGradAxes(dst.Layout.Dims[3], w.Layout.Dims[3], &p, 1)
	b.correlate(dst, gy, w, h, v, p.Groups, w.Layout.Strides[1], w.Layout.Strides[0], e)
}

// correlate sets dst to a correlation of x, whose channels lie at multiples of in in
// the weight, and dst's at multiples of out.
func (b *Backend) correlate(dst, x, w backend.Operand, h, v []axis, groups, out, in int, e backend.Epilogue) {
	if dst.Layout.Len() == 0 {
		return
	}
	dt := dst.Buffer.DType()
	channels, outs := x.Layout.Dims[1]/groups, dst.Layout.Dims[1]/groups
	d, s := dst.Layout, x.Layout
	b.tooLarge("a convolution", d.Dims[0]*d.Dims[2]*d.Dims[3], channels*w.Layout.Dims[2]*w.Layout.Dims[3])
	var phases []phase
	most := 0 // pixels of a phase
	for _, ph := range h {
		for _, pv := range v {
			phases = append(phases, phase{h: ph, v: pv, taps: divide(int(pv.taps)),
				pixels: pixels{divide(int(pv.outs)), divide(int(ph.outs * pv.outs))}})
			most = max(most, d.Dims[0]*int(ph.outs)*int(pv.outs))
		}
	}
	c := correlation{
		result: b.epilogue(dst, d.Strides[1], d.Strides[3], e),
		x:      b.pointer(x), w: b.pointer(w),
		from: imagesOf(s), to: imagesOf(d),
		out: int64(out), in: int64(in), tapRow: int64(w.Layout.Strides[2]), tapCol: int64(w.Layout.Strides[3]),
		groupX: int64(channels * s.Strides[1]), groupDst: int64(outs * d.Strides[1]),
		groupW: int64(w.Layout.Dims[0] / groups * w.Layout.Strides[0]),
		n:      uint32(d.Dims[0]), channels: uint32(channels), outs: uint32(outs), groups: uint32(groups),
		channelsBy: divide(channels),
	}
	if e.Bias.Buffer != nil {
		c.groupB = int64(outs * e.Bias.Layout.Strides[0])
	}
	run := runLength(dt)
	if s.Strides[1] == 1 && channels%run == 0 && aligned(dt, c.x, s.Strides[0], s.Strides[2], s.Strides[3]) {
		c.vectorX = 1
	}
	if out < in || out == 1 {
		c.alongW = 1
		if out == 1 && aligned(dt, c.w, in, w.Layout.Strides[2], w.Layout.Strides[3], int(c.groupW)) {
			c.vectorW = 1
		}
	}
	t := convTile(dt, outs)
	if len(phases)*groups > maxGrid || blocks(outs, t.n) > maxGrid {
		b.tooLarge("a convolution's groups", maxElements+1)
	}
	c.phases = b.table(bytesIn(phases))
	a := b.begin()
	raw(a, &c)
	b.launch(kernel{convModule, "correlate", t.suffix}, blocks(most, t.m), blocks(outs, t.n), len(phases)*groups)
}

// convTile chooses the tiles of a convolution by its output channels.
func convTile(dt backend.DType, outs int) tile {
	switch {
	case dt == backend.Float64:
		return tile{"_f64_32", 32, 32}
	case outs <= 16:
		return tile{"_f32_16", 128, 16}
	}
	return tile{"_f32_64", 64, 64}
}

// enoughBlocks is how many blocks the gradient by a weight is divided into.
const enoughBlocks = 128

// Conv2DWeightGrad sets dst to the gradient by the convolution's weight.
func (b *Backend) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	defer b.enter("Conv2DWeightGrad", dst, x, gy).leave()
	if dst.Layout.Len() == 0 {
		return
	}
	dt := dst.Buffer.DType()
	d, s, g := dst.Layout, x.Layout, gy.Layout
	outs, channels := d.Dims[0]/p.Groups, d.Dims[1]
	m, k := d.Dims[2]*d.Dims[3]*channels, g.Dims[0]*g.Dims[2]*g.Dims[3]
	b.tooLarge("a convolution", m, k, g.Dims[2]*g.Dims[3])
	w := weightGrad{
		result: b.epilogue(dst, d.Strides[0], d.Strides[1], backend.Epilogue{}),
		x:      b.pointer(x), gy: b.pointer(gy),
		from: imagesOf(s), to: imagesOf(g),
		in: int64(d.Strides[1]), tapRow: int64(d.Strides[2]), tapCol: int64(d.Strides[3]),
		groupX: int64(channels * s.Strides[1]), groupY: int64(outs * g.Strides[1]), groupDst: int64(outs * d.Strides[0]),
		stepH: int32(p.Stride[0]), startH: int32(-p.Pad[0]), gapH: int32(p.Dilation[0]),
		stepV: int32(p.Stride[1]), startV: int32(-p.Pad[1]), gapV: int32(p.Dilation[1]),
		m: uint32(m), n: uint32(outs), k: uint32(k), groups: uint32(p.Groups), part: uint32(k), parts: 1,
		pixels:   pixels{divide(g.Dims[3]), divide(g.Dims[2] * g.Dims[3])},
		channels: divide(channels), taps: divide(d.Dims[3]),
	}
	run := runLength(dt)
	if s.Strides[1] == 1 && channels%run == 0 && aligned(dt, w.x, s.Strides[0], s.Strides[2], s.Strides[3]) {
		w.vectorX = 1
	}
	if g.Strides[1] == 1 && aligned(dt, w.gy, g.Strides[0], g.Strides[2], g.Strides[3], int(w.groupY)) {
		w.vectorY = 1
	}
	t := convTile(dt, outs)
	gx, gn := blocks(m, t.m), blocks(outs, t.n)
	parts := max(1, min(enoughBlocks/(gx*gn*p.Groups), blocks(k, 256)))
	if parts > 1 {
		w.part = uint32((blocks(k, parts) + 15) &^ 15)
		parts = blocks(k, int(w.part))
		w.parts = uint32(parts)
	}
	var scratch *block
	if parts > 1 {
		k, done := b.scratch(dt.Size() * parts * d.Len())
		defer done()
		scratch, w.result.partial = k, k.ptr
	}
	if parts*p.Groups > maxGrid || gn > maxGrid {
		b.tooLarge("a convolution's groups", maxElements+1)
	}
	a := b.begin()
	raw(a, &w)
	b.launch(kernel{convModule, "weightGrad", t.suffix}, gx, gn, parts*p.Groups)
	if parts > 1 {
		// Partial results are [parts, group, tap row, tap column, in, out].
		kept := layout.Layout{Rank: 5, Dims: [layout.MaxRank]int{p.Groups, d.Dims[2], d.Dims[3], channels, outs},
			Strides: [layout.MaxRank]int{outs * d.Strides[0], d.Strides[2], d.Strides[3], d.Strides[1], d.Strides[0]}}
		b.reduceParts(op.Sum, dt, dt, w.result.dst, blockOf(dst), scratch, kept, parts)
	}
}
