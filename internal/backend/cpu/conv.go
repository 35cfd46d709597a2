package cpu

import (
	"sync"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/parallel"
)

// Convolutions run in channels-last memory, [n, h, w, c], as products of
// matrices that are never written down. Where the pixels of a row lie one after
// another, all that one row of the kernel sees from one of its positions is a
// contiguous run of kw·c numbers, and the next position's run starts a stride
// of pixels further on: these overlapping runs are the rows of the left factor.
// So an output row is Σ (rows of x)·(row of the kernel), one product per row of
// the kernel.
//
// The derivative by the input is a convolution of gy in the same way, once for
// each phase of the stride; the derivative by the weight is a sum over the
// picture's rows.

// axis is a correlation along one axis: output u sums over its taps t
//
//	input[start+u·step+t·gap]·kernel[first+t·next]
//
// and belongs at place at+u·by.
type axis struct {
	outs, step, start      int
	taps, gap, first, next int
	at, by                 int
}

// forwardAxis is a convolution along axis k of its pictures, 0 or 1.
func forwardAxis(outs, taps int, p *backend.ConvParams, k int) axis {
	return axis{outs: outs, step: p.Stride[k], start: -p.Pad[k], taps: taps, gap: p.Dilation[k], next: 1, by: 1}
}

// backwardAxes is its derivative by an input of dim ins. Input i meets tap j
// where i+pad−j·dilation is a multiple of the stride, so that the inputs fall
// into as many phases as the stride is long. Each phase sees some of the taps,
// the last one first.
func backwardAxes(ins, taps int, p *backend.ConvParams, k int) (phases []axis) {
	stride, pad, dilation := p.Stride[k], p.Pad[k], p.Dilation[k]
	apart := stride / gcd(stride, dilation) // taps of one phase
	for phase := range stride {
		a := axis{step: 1, next: -apart, gap: dilation * apart / stride, by: stride}
		a.at = ((phase-pad)%stride + stride) % stride
		a.outs = max(0, (ins-a.at+stride-1)/stride)
		first := 0
		for first < apart && first*dilation%stride != phase {
			first++
		}
		if first < min(apart, taps) {
			a.taps = (taps-1-first)/apart + 1
			a.first = first + (a.taps-1)*apart
			a.start = (a.at + pad - a.first*dilation) / stride
		}
		phases = append(phases, a)
	}
	return phases
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// seen is the range of inputs [lo,hi) that some outputs see.
func seen(axes []axis) (lo, hi int) {
	for _, a := range axes {
		if a.outs > 0 && a.taps > 0 {
			end := a.start + (a.outs-1)*a.step + (a.taps-1)*a.gap + 1
			if lo == hi {
				lo, hi = a.start, end
			}
			lo, hi = min(lo, a.start), max(hi, end)
		}
	}
	return lo, hi
}

// Conv2D sets dst to the convolution of x with w.
func (b *Backend) Conv2D(dst, x, w backend.Operand, p backend.ConvParams) {
	h := []axis{forwardAxis(dst.Layout.Dims[2], w.Layout.Dims[2], &p, 0)}
	v := []axis{forwardAxis(dst.Layout.Dims[3], w.Layout.Dims[3], &p, 1)}
	for g := range p.Groups {
		kernel := part(w, 0, g, p.Groups)
		kernel.Layout = kernel.Layout.Permute(2, 3, 1, 0)
		b.correlate(part(dst, 1, g, p.Groups), part(x, 1, g, p.Groups), kernel, h, v)
	}
}

// Conv2DInputGrad sets dst to the gradient by the convolution's input.
func (b *Backend) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams) {
	h := backwardAxes(dst.Layout.Dims[2], w.Layout.Dims[2], &p, 0)
	v := backwardAxes(dst.Layout.Dims[3], w.Layout.Dims[3], &p, 1)
	for g := range p.Groups {
		kernel := part(w, 0, g, p.Groups)
		kernel.Layout = kernel.Layout.Permute(2, 3, 0, 1)
		b.correlate(part(dst, 1, g, p.Groups), part(gy, 1, g, p.Groups), kernel, h, v)
	}
}

// Conv2DWeightGrad sets dst to the gradient by the convolution's weight.
func (b *Backend) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	h := forwardAxis(gy.Layout.Dims[2], dst.Layout.Dims[2], &p, 0)
	v := forwardAxis(gy.Layout.Dims[3], dst.Layout.Dims[3], &p, 1)
	for g := range p.Groups {
		kernel := part(dst, 0, g, p.Groups)
		kernel.Layout = kernel.Layout.Permute(2, 3, 1, 0)
		b.weightGrad(kernel, part(x, 1, g, p.Groups), part(gy, 1, g, p.Groups), h, v)
	}
}

// part is the g-th of equal parts along an axis.
func part(o backend.Operand, axis, g, parts int) backend.Operand {
	n := o.Layout.Dims[axis] / parts
	o.Layout = o.Layout.Slice(axis, g*n, g*n+n, 1)
	return o
}

// correlate sets dst to correlations of src with the kernel w [kh, kw, c, n], one
// for each pair of axes; together they reach every pixel of dst.
func (b *Backend) correlate(dst, src, w backend.Operand, h, v []axis) {
	if is64(dst) {
		correlate[float64](b, dst, src, w, h, v)
	} else {
		correlate[float32](b, dst, src, w, h, v)
	}
}

func correlate[T kernel.Float](b *Backend, dst, src, w backend.Operand, h, v []axis) {
	if dst.Layout.Len() == 0 {
		return
	}
	h0, h1 := seen(h)
	v0, v1 := seen(v)
	from, fromMemory := window[T](b, src, h0, h1, v0, v1)
	to, out, toMemory := results[T](b, dst)
	weights := borrow[T](w.Layout.Len())
	for _, h := range h {
		for _, v := range v {
			if h.outs == 0 || v.outs == 0 {
				continue
			}
			c := correlation[T]{h: h, v: v, channels: from.channels, outs: to.channels}
			if h.taps == 0 || v.taps == 0 || c.channels == 0 {
				out := out
				out.Layout = out.Layout.Slice(2, h.at, out.Layout.Dims[2], h.by).Slice(3, v.at, out.Layout.Dims[3], v.by)
				b.Fill(out, 0)
				continue
			}
			c.src = from.at(h.start-h0, v.start-v0)
			c.dst = to.at(h.at, v.at)
			c.dst.row *= h.by
			c.dst.pixel *= v.by
			c.weights = weights.data[:h.taps*v.taps*c.channels*c.outs]
			b.Copy(operandOf(c.weights, layout.Contiguous(h.taps, v.taps, c.channels, c.outs)), tapsOf(w, h, v))
			c.joinRows()
			parallel.Run(dst.Layout.Dims[0]*c.h.outs, c.grain(), &c)
		}
	}
	weights.giveBack()
	fromMemory.giveBack()
	if toMemory != nil {
		b.Copy(dst, out)
		toMemory.giveBack()
	}
}

// tapsOf is the part of the kernel w [kh, kw, c, n] that a pair of axes sees, in
// its order, which may be backwards.
func tapsOf(w backend.Operand, axes ...axis) backend.Operand {
	for k, a := range axes {
		w.Layout.Offset += a.first * w.Layout.Strides[k]
		w.Layout.Strides[k] *= a.next
		w.Layout.Dims[k] = a.taps
	}
	return w
}

// correlation is the work of one pair of axes.
type correlation[T kernel.Float] struct {
	h, v           axis
	src, dst       pictures[T]
	channels, outs int
	weights        []T // [h.taps, v.taps, channels, outs]
}

// joinRows treats the rows of a picture as one, where the pixels seen and the
// outputs go on evenly from one row to the next.
func (c *correlation[T]) joinRows() {
	if c.h.step*c.src.row == c.v.outs*c.v.step*c.src.pixel && c.dst.row == c.v.outs*c.dst.pixel {
		c.v.outs, c.h.outs = c.v.outs*c.h.outs, 1
	}
}

// convGrain is the floating-point operations in one piece of work.
const convGrain = 500_000

func (c *correlation[T]) grain() int {
	return max(1, convGrain/(2*c.v.outs*len(c.weights)))
}

// Run computes the rows lo to hi of the outputs of all pictures.
func (c *correlation[T]) Run(lo, hi int) {
	sum := kernel.ProductSum[T]{
		M: c.v.outs, N: c.outs, K: c.v.taps * c.channels,
		Count: c.h.taps,
		LDA:   c.v.step * c.src.pixel, NextA: c.h.gap * c.src.row,
		LDB: c.outs, NextB: c.v.taps * c.channels * c.outs,
		LDC: c.dst.pixel,
	}
	joined := c.v.gap == 1 || c.v.taps == 1 // taps are neighbours
	if !joined {
		sum.K, sum.Count = c.channels, c.v.taps
		sum.NextA, sum.NextB = c.v.gap*c.src.pixel, c.channels*c.outs
	}
	for r := lo; r < hi; r++ {
		image, u := r/c.h.outs, r%c.h.outs
		sum.A = c.src.data[image*c.src.image+u*c.h.step*c.src.row:]
		sum.C = c.dst.data[image*c.dst.image+u*c.dst.row:]
		sum.B, sum.Add = c.weights, false
		if joined {
			sum.Compute()
			continue
		}
		for i := range c.h.taps {
			sum.Compute()
			if i+1 < c.h.taps {
				sum.A, sum.B, sum.Add = sum.A[c.h.gap*c.src.row:], sum.B[c.v.taps*c.channels*c.outs:], true
			}
		}
	}
}

// weightGrad sets dst [kh, kw, c, n] to the gradient by the kernel of a
// correlation of x.
func (b *Backend) weightGrad(dst, x, gy backend.Operand, h, v axis) {
	if is64(dst) {
		weightGrad[float64](b, dst, x, gy, h, v)
	} else {
		weightGrad[float32](b, dst, x, gy, h, v)
	}
}

func weightGrad[T kernel.Float](b *Backend, dst, x, gy backend.Operand, h, v axis) {
	switch {
	case dst.Layout.Len() == 0:
		return
	case gy.Layout.Len() == 0:
		b.Fill(dst, 0)
		return
	}
	h0, h1 := seen([]axis{h})
	v0, v1 := seen([]axis{v})
	left, leftMemory := window[T](b, x, h0, h1, v0, v1)
	right, rightMemory := window[T](b, gy, 0, h.outs, 0, v.outs)
	sums := borrow[T](dst.Layout.Len())
	g := weightSum[T]{h: h, v: v, images: gy.Layout.Dims[0], x: left, gy: right, sums: sums.data}
	g.divide()
	parallel.Run(g.taps*g.blocks, 1, &g)
	b.Copy(dst, operandOf(sums.data, dst.Layout.Packed()))
	sums.giveBack()
	rightMemory.giveBack()
	leftMemory.giveBack()
}

// weightSum is the work of a gradient by a kernel. It is divided into blocks of
// the kernel's rows, each of which sums over all pictures in order.
type weightSum[T kernel.Float] struct {
	h, v   axis
	images int
	x, gy  pictures[T]
	sums   []T // [taps, rows, channels of gy]
	taps   int // of the kernel, or its rows where their taps are neighbours
	rows   int // of one tap
	blocks int // into which its rows are divided
}

// weightBlock is the largest number of rows in a block.
const weightBlock = 56

func (g *weightSum[T]) divide() {
	g.taps, g.rows = g.h.taps, g.v.taps*g.x.channels
	if g.v.gap != 1 {
		g.taps, g.rows = g.h.taps*g.v.taps, g.x.channels
	}
	g.blocks = (g.rows + weightBlock - 1) / weightBlock
}

// Run computes some of the blocks.
func (g *weightSum[T]) Run(lo, hi int) {
	n := g.gy.channels
	for i := lo; i < hi; i++ {
		tap, block := i/g.blocks, i%g.blocks
		r0, r1 := g.rows*block/g.blocks, g.rows*(block+1)/g.blocks
		from := tap * g.h.gap * g.x.row
		if g.v.gap != 1 {
			from = tap/g.v.taps*g.h.gap*g.x.row + tap%g.v.taps*g.v.gap*g.x.pixel
		}
		sum := kernel.ProductSum[T]{
			M: r1 - r0, N: n, K: g.v.outs, Count: g.h.outs,
			TransA: true, LDA: g.v.step * g.x.pixel, NextA: g.h.step * g.x.row,
			LDB: g.gy.pixel, NextB: g.gy.row,
			C: g.sums[(tap*g.rows+r0)*n:], LDC: n,
		}
		for image := range g.images {
			sum.A = g.x.data[image*g.x.image+from+r0:]
			sum.B = g.gy.data[image*g.gy.image:]
			sum.Compute()
			sum.Add = true
		}
	}
}

// pictures are a batch in channels-last memory. Distances are in elements; the
// channels of a pixel are neighbours.
type pictures[T kernel.Float] struct {
	data              []T
	image, row, pixel int
	channels          int
}

// at returns the pictures from pixel (h, v) on.
func (p pictures[T]) at(h, v int) pictures[T] {
	p.data = p.data[h*p.row+v*p.pixel:]
	return p
}

// picturesOf reads an operand [n, c, h, w] whose channels are neighbours.
func picturesOf[T kernel.Float](o backend.Operand) pictures[T] {
	l := &o.Layout
	p := pictures[T]{elements[T](o), l.Strides[0], l.Strides[2], l.Strides[3], l.Dims[1]}
	if l.Dims[3] == 1 {
		p.pixel = max(p.channels, 1) // which may be anything
	}
	return p
}

// window returns the pixels [h0,h1)×[v0,v1) of an operand [n, c, h, w], zero
// beyond its edges, as pictures whose pixels are neighbours: the operand itself
// where it is that already, else a copy in borrowed memory.
func window[T kernel.Float](b *Backend, o backend.Operand, h0, h1, v0, v1 int) (pictures[T], *memory[T]) {
	l := o.Layout
	n, c, h, w := l.Dims[0], l.Dims[1], l.Dims[2], l.Dims[3]
	last := (c == 1 || l.Strides[1] == 1) && (w == 1 || l.Strides[3] == c)
	if last && h0 >= 0 && v0 >= 0 && h1 <= h && v1 <= w {
		return picturesOf[T](o).at(h0, v0), nil
	}
	m := borrow[T](n * (h1 - h0) * (v1 - v0) * c)
	full := operandOf(m.data, channelsLast(n, c, h1-h0, v1-v0))
	top, bottom := b.clearAround(&full, 2, h0, h1, h)
	left, right := b.clearAround(&full, 3, v0, v1, w)
	inner := o
	inner.Layout = l.Slice(2, top, bottom, 1).Slice(3, left, right, 1)
	b.Copy(full, inner)
	return picturesOf[T](operandOf(m.data, channelsLast(n, c, h1-h0, v1-v0))), m
}

// clearAround zeroes what of the range [i0,i1) along an axis of o lies outside
// [0,n), and narrows o to the range [lo,hi) that lies inside.
func (b *Backend) clearAround(o *backend.Operand, axis, i0, i1, n int) (lo, hi int) {
	lo = min(max(i0, 0), i1)
	hi = max(min(i1, n), lo)
	for _, outside := range [][2]int{{i0, lo}, {hi, i1}} {
		if outside[0] < outside[1] {
			border := *o
			border.Layout = border.Layout.Slice(axis, outside[0]-i0, outside[1]-i0, 1)
			b.Fill(border, 0)
		}
	}
	o.Layout = o.Layout.Slice(axis, lo-i0, hi-i0, 1)
	return lo, hi
}

// results returns where to put the results for dst [n, c, h, w], and its
// operand: dst itself where its channels are neighbours, else borrowed memory.
func results[T kernel.Float](b *Backend, dst backend.Operand) (pictures[T], backend.Operand, *memory[T]) {
	l := &dst.Layout
	if (l.Dims[1] == 1 || l.Strides[1] == 1) && (l.Dims[3] == 1 || l.Strides[3] >= l.Dims[1]) {
		return picturesOf[T](dst), dst, nil
	}
	m := borrow[T](l.Len())
	out := operandOf(m.data, channelsLast(l.Dims[0], l.Dims[1], l.Dims[2], l.Dims[3]))
	return picturesOf[T](out), out, m
}

// channelsLast is the layout of [n, c, h, w] in the order [n, h, w, c].
func channelsLast(n, c, h, w int) layout.Layout {
	return layout.Contiguous(n, h, w, c).Permute(0, 3, 1, 2)
}

// operandOf wraps elements in a layout.
func operandOf[T kernel.Float](data []T, l layout.Layout) backend.Operand {
	if d, ok := any(data).([]float64); ok {
		return backend.Operand{Buffer: backend.Host64(d), Layout: l}
	}
	return backend.Operand{Buffer: backend.Host32(any(data).([]float32)), Layout: l}
}

// memory is lent for the time of one operation. Its elements are leftovers.
type memory[T kernel.Float] struct{ data []T }

// memories are kept for later calls, by element type.
var memories32, memories64 sync.Pool

func memories[T kernel.Float]() *sync.Pool {
	if poolOf[T]() == pools64 {
		return &memories64
	}
	return &memories32
}

func borrow[T kernel.Float](n int) *memory[T] {
	m, ok := memories[T]().Get().(*memory[T])
	if !ok {
		m = new(memory[T])
	}
	if cap(m.data) < n {
		m.data = make([]T, n)
	}
	m.data = m.data[:n]
	return m
}

func (m *memory[T]) giveBack() {
	if m != nil {
		memories[T]().Put(m)
	}
}
