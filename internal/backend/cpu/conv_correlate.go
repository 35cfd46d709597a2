package cpu

import (
	"math"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/parallel"
)

// correlate sets dst to correlations of src with the kernel w [kh, kw, c, n], one
// for each pair of axes, followed by the epilogue; together they write every pixel
// of dst.
func (b *Backend) correlate(dst, src, w backend.Operand, a *correlations, e backend.Epilogue) {
	if dst.Is64() {
		correlate[float64](b, dst, src, w, a, e)
	} else {
		correlate[float32](b, dst, src, w, a, e)
	}
}

func correlate[T gemm.Float](b *Backend, dst, src, w backend.Operand, a *correlations, e backend.Epilogue) {
	if dst.Layout.Len() == 0 {
		return
	}
	out, outMemory := results[T](dst)
	weights := packWeights[T](b, w)
	c := take[correlation[T]](&poolOf[T]().correlation)
	c.src, c.dst, c.images = imagesOf[T](src), imagesOf[T](out), dst.Layout.Dims[0]
	h0, h1 := used(a.h)
	c.v0, c.v1 = used(a.v)
	holes := false
	c.bytes = (h1 - h0) * (c.v1 - c.v0) * c.src.channels * int(unsafe.Sizeof(T(0)))
	for _, h := range a.h {
		for _, v := range a.v {
			taps := h.taps * v.taps
			switch {
			case h.outs == 0 || v.outs == 0:
				continue
			case taps*c.src.channels == 0: // an empty sum
				hole := out
				hole.Layout = hole.Layout.Slice(2, h.at, hole.Layout.Dims[2], h.by).Slice(3, v.at, hole.Layout.Dims[3], v.by)
				b.Fill(hole, 0)
				holes = true
				continue
			}
			c.phases = append(c.phases, phase[T]{h: h, v: v, weights: weights.taps(h, v)})
			c.flops += 2 * h.outs * v.outs * taps * c.src.channels * c.dst.channels
		}
	}
	var repeated *memory[T]
	if !holes {
		repeated = c.finish.repeat(b, e)
	}
	if len(c.phases) > 0 {
		c.divide(weights.cols)
		c.skipZeros(weights.data)
		parallel.Run(c.groups*c.bands, c.grain, c)
	}
	for k := range c.phases {
		c.phases[k].weights.lent.giveBack()
	}
	weights.lent.giveBack()
	repeated.giveBack()
	if holes {
		e.Apply(b, out)
	}
	if outMemory != nil {
		b.Copy(dst, out)
		outMemory.giveBack()
	}
	c.giveBack()
}

// giveBack returns the work to its pool, with its lists.
func (c *correlation[T]) giveBack() {
	phases, spans := c.phases[:0], c.spans[:0]
	clear(c.phases)
	reset(c)
	c.phases, c.spans = phases, spans
	poolOf[T]().correlation.Put(c)
}

// correlation is the work of [Backend.correlate]. The images are divided into
// groups that are read together, and their outputs into bands of rows.
type correlation[T gemm.Float] struct {
	src, dst      imageBatch[T]
	phases        []phase[T]
	spans         []span // of all phases
	finish        finish[T]
	v0, v1        int  // the columns that are used
	flops, bytes  int  // per image; the bytes are those of its window, at most
	across        bool // a tile's rows are images, else outputs of one image
	skip          bool // products with the padding, which are all 0
	images        int
	groups, bands int
	grain         int // groups times bands that are worth a piece of work
}

// phase is a pair of axes with the part of the kernel that it uses.
type phase[T gemm.Float] struct {
	h, v          axis
	rows, columns []span
	weights       weights[T] // of the taps that it uses, in its order
}

const (
	convGrain  = 1 << 20 // floating-point operations that are worth a piece of work
	convPieces = 16      // pieces for which an image is divided
	convSpare  = 16      // pieces for each thread, at most
	fewRows    = 5       // that a tile should have
	convBytes  = 1 << 18 // of images that are read one after another
	groupBytes = 1 << 20 // of images that are rows of the same tiles
)

// skipFlops is the number of operations in a row of outputs with a row of taps, or
// in a column with a column, from which on skipping those with the padding is
// faster. Tests set it to 0, to have all of them skipped.
var skipFlops = 1 << 9

// divide divides the work, given the columns in a panel of the kernel. The best
// rows for a tile are the same output of several images: they use the same taps,
// near an edge too.
func (c *correlation[T]) divide(cols int) {
	threads := parallel.Threads()
	c.groups, c.bands = c.images, 1
	if c.across = cols > 1 && c.images >= fewRows; c.across {
		rows := gemm.SumRows[T]()
		c.groups = (c.images + rows - 1) / rows
		flops, bytes := c.flops*c.images/c.groups, c.bytes*c.images/c.groups
		c.bands = max(1, min(4*threads/c.groups, flops/convGrain), min(bytes/groupBytes, c.dst.height))
		c.grain = max(1, convGrain/(flops/c.bands+1))
		return
	}
	c.bands = max(1, min(c.flops/convGrain, (convPieces+c.images-1)/c.images))
	c.grain = max(1, convGrain/(c.flops/c.bands+1), c.images*c.bands/(convSpare*threads))
	if c.bands == 1 {
		together := max(1, min(2*c.grain, convBytes/max(1, c.bytes)))
		c.groups = (c.images + together - 1) / together
		c.grain = (c.grain + together - 1) / together
	}
}

// skipZeros decides whether to skip the padding. Columns of it are skipped if
// enough outputs remain for a tile. The decision must not depend on the number of
// threads: products with one column divide their sums in other ways if some are
// skipped.
func (c *correlation[T]) skipZeros(weights []T) {
	skip, narrow := false, false
	for k := range c.phases {
		p := &c.phases[k]
		p.rows = c.add(p.h.within(c.spans, 0, c.src.height))
		p.columns = c.add(p.v.within(c.spans, 0, c.src.width))
		many := c.across || skipFlops == 0
		for _, s := range p.columns {
			many = many || s.n >= fewRows && s.t1-s.t0 == p.v.taps
		}
		flops := 2 * c.src.channels * c.dst.channels // of a tap in an output
		skip = skip || p.v.outs*p.v.taps*flops >= skipFlops
		narrow = narrow || many && p.h.outs*p.h.taps*flops >= skipFlops
	}
	c.skip = skip && finite(weights)
	if narrow = narrow && c.skip; narrow {
		c.v0, c.v1 = clip(c.v0, c.v1, c.src.width)
	}
	for k := range c.phases {
		p := &c.phases[k]
		if !c.skip {
			p.rows = c.add(p.h.all(c.spans))
		}
		if !narrow {
			p.columns = c.add(p.v.all(c.spans))
		}
	}
}

// add makes spans, which are c's and more behind them, c's, and returns the new ones.
func (c *correlation[T]) add(spans []span) []span {
	before := len(c.spans)
	c.spans = spans
	return spans[before:]
}

// band returns the range of an axis's outputs that belong to a band.
func (c *correlation[T]) band(a *axis, band int) (u0, u1 int) {
	return a.outs * band / c.bands, a.outs * (band + 1) / c.bands
}

// Run computes the bands lo to hi, counted over all groups.
func (c *correlation[T]) Run(lo, hi int) {
	window := window[T]{memory: borrow[T](0)}
	defer window.giveBack()
	for i := lo; i < hi; i++ {
		group := i / c.bands
		first, end := c.images*group/c.groups, c.images*(group+1)/c.groups
		c.compute(&window, first, end-first, i%c.bands)
	}
}

// compute computes a band of some images.
func (c *correlation[T]) compute(window *window[T], image, images, band int) {
	h0, h1 := math.MaxInt, math.MinInt // the rows that are used
	for k := range c.phases {
		a := &c.phases[k].h
		if u0, u1 := c.band(a, band); u0 < u1 {
			h0 = min(h0, a.start+u0*a.step)
			h1 = max(h1, a.start+(u1-1)*a.step+(a.taps-1)*a.gap+1)
		}
	}
	if h0 > h1 {
		return
	}
	if c.skip {
		h0, h1 = clip(h0, h1, c.src.height)
	}
	data, row, stride := window.of(&c.src, image, images, h0, h1, c.v0, c.v1)
	for k := range c.phases {
		p := &c.phases[k]
		u0, u1 := c.band(&p.h, band)
		for _, h := range p.rows {
			h = h.cut(u0, u1)
			if h.n <= 0 {
				continue
			}
			for _, v := range p.columns {
				sum := gemm.ProductSum[T]{
					M: v.n, N: c.dst.channels, Batch: [2]int{h.n, images},
					LDA: p.v.step * c.src.channels, BatchA: [2]int{p.h.step * row, stride},
					C:   c.dst.data[image*c.dst.image+(p.h.at+h.u*p.h.by)*c.dst.row+(p.v.at+v.u*p.v.by)*c.dst.pixel:],
					LDC: p.v.by * c.dst.pixel, BatchC: [2]int{p.h.by * c.dst.row, c.dst.image},
				}
				if h.t0 < h.t1 && v.t0 < v.t1 {
					sum.A = data[(p.h.input(h)-h0)*row+(p.v.input(v)-c.v0)*c.src.channels:]
				}
				c.arrange(&sum)
				p.compute(&sum, c.src.channels, row, h, v)
			}
		}
		// The phases of a row follow one another; after the last one, it is final.
		if c.bands > 1 && (k+1 == len(c.phases) || c.phases[k+1].h.at != p.h.at) {
			c.finish.rows(&c.dst, image, images, p.h.at+u0*p.h.by, u1-u0, p.h.by)
		}
	}
	if c.bands == 1 { // whole images, whose rows continue one another
		c.finish.rows(&c.dst, image, images, 0, c.dst.height, 1)
	}
}

// clip returns the part of [lo,hi) in [0,n).
func clip(lo, hi, n int) (int, int) {
	lo = min(max(lo, 0), n)
	return lo, max(min(hi, n), lo)
}

// compute computes the outputs of a span of h and one of v. The fields of sum that
// locate them and their first pixels are set.
func (p *phase[T]) compute(sum *gemm.ProductSum[T], channels, row int, hs, vs span) {
	h, v, w := &p.h, &p.v, &p.weights
	size := channels * w.cols // of a tap
	sum.LDB, sum.NextPanel = w.cols, w.panel
	if sum.A == nil { // an empty sum
		sum.Compute()
		return
	}
	parts, nextA, nextB := 1, 0, 0
	if taps := vs.t1 - vs.t0; v.gap == 1 || taps <= 1 {
		sum.K, sum.Count = taps*channels, [2]int{hs.t1 - hs.t0, 1}
		sum.NextA[0], sum.NextB[0] = h.gap*row, v.taps*size
	} else { // the taps are not neighbours
		sum.K, sum.Count = channels, [2]int{taps, 1}
		sum.NextA[0], sum.NextB[0] = v.gap*channels, size
		parts, nextA, nextB = hs.t1-hs.t0, h.gap*row, v.taps*size
	}
	a, b := sum.A, w.data[(hs.t0*v.taps+vs.t0)*size:]
	for i := range parts {
		sum.A, sum.B, sum.Add = a[i*nextA:], b[i*nextB:], i > 0
		sum.Compute()
	}
}

// arrange chooses the rows of a sum's tiles, which are a row of outputs at first:
// it takes a column of outputs, or images, if there are many more of these. It
// joins rows that continue one another.
func (c *correlation[T]) arrange(s *gemm.ProductSum[T]) {
	i := 0
	if c.across || s.Batch[1] > s.Batch[0] {
		i = 1
	}
	if c.across || s.Batch[i] > 2*s.M {
		s.M, s.LDA, s.LDC, s.Batch[i], s.BatchA[i], s.BatchC[i] = s.Batch[i], s.BatchA[i], s.BatchC[i], s.M, s.LDA, s.LDC
	}
	for range s.Batch {
		if s.Batch[0] != 1 && (s.BatchA[0] != s.M*s.LDA || s.BatchC[0] != s.M*s.LDC) {
			break
		}
		s.M *= s.Batch[0]
		s.Batch = [2]int{s.Batch[1], 1}
		s.BatchA[0], s.BatchC[0] = s.BatchA[1], s.BatchC[1]
	}
}
