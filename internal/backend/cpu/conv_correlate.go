package cpu

import (
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/parallel"
)

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
	out, outMemory := results[T](b, dst)
	weights := packWeights[T](b, w)
	c := correlation[T]{src: picturesOf[T](src), dst: picturesOf[T](out), images: dst.Layout.Dims[0]}
	c.v0, c.v1 = seen(v)
	for _, h := range h {
		for _, v := range v {
			taps := h.taps * v.taps
			switch {
			case h.outs == 0 || v.outs == 0:
				continue
			case taps*c.src.channels == 0: // nothing is seen
				hole := out
				hole.Layout = hole.Layout.Slice(2, h.at, hole.Layout.Dims[2], h.by).Slice(3, v.at, hole.Layout.Dims[3], v.by)
				b.Fill(hole, 0)
				continue
			}
			c.phases = append(c.phases, phase[T]{h, v, weights.taps(h, v)})
			flops := 2 * v.outs * v.taps * c.src.channels * c.dst.channels // of a row of taps in a row of outputs
			c.flops += h.outs * h.taps * flops
			c.skip = c.skip || flops >= skipFlops
		}
	}
	if len(c.phases) > 0 {
		c.skip = c.skip && finite(weights.data)
		c.divide()
		parallel.Run(c.images*c.bands, c.grain, &c)
	}
	for k := range c.phases {
		c.phases[k].weights.lent.giveBack()
	}
	weights.lent.giveBack()
	if outMemory != nil {
		b.Copy(dst, out)
		outMemory.giveBack()
	}
}

// correlation is the work of [Backend.correlate]: each picture's outputs are
// divided into bands of rows.
type correlation[T kernel.Float] struct {
	src, dst     pictures[T]
	images       int
	phases       []phase[T]
	v0, v1       int  // the columns that are seen
	skip         bool // rows beyond the edges, whose products are all 0
	flops        int  // per picture
	bands, grain int
}

// phase is a pair of axes with the part of the kernel that it sees.
type phase[T kernel.Float] struct {
	h, v    axis
	weights weights[T] // of the taps that it sees, in its order
}

const (
	convGrain  = 1 << 20 // floating-point operations that are worth a piece of work
	convPieces = 16      // pieces for which a picture is cut
	convSpare  = 16      // pieces for each thread, at most
)

// skipFlops is the floating-point operations that are worth being skipped. Tests
// change it.
var skipFlops = 1 << 13

func (c *correlation[T]) divide() {
	c.bands = max(1, min(c.flops/convGrain, (convPieces+c.images-1)/c.images))
	c.grain = max(1, convGrain/(c.flops/c.bands+1), c.images*c.bands/(convSpare*parallel.Threads()))
}

// band is the range of an axis's outputs that belong to a band.
func (c *correlation[T]) band(a *axis, band int) (u0, u1 int) {
	return a.outs * band / c.bands, a.outs * (band + 1) / c.bands
}

// Run computes the bands lo to hi, counted over all pictures.
func (c *correlation[T]) Run(lo, hi int) {
	window := window[T]{memory: borrow[T](0)}
	defer window.giveBack()
	for i := lo; i < hi; i++ {
		image, band := i/c.bands, i%c.bands
		h0, h1 := math.MaxInt, math.MinInt // the rows that are seen
		for k := range c.phases {
			a := &c.phases[k].h
			if u0, u1 := c.band(a, band); u0 < u1 {
				h0 = min(h0, a.start+u0*a.step)
				h1 = max(h1, a.start+(u1-1)*a.step+(a.taps-1)*a.gap+1)
			}
		}
		if h0 > h1 {
			continue
		}
		if c.skip {
			h0 = min(max(h0, 0), c.src.height)
			h1 = max(min(h1, c.src.height), h0)
		}
		data, row := window.of(&c.src, image, h0, h1, c.v0, c.v1)
		for k := range c.phases {
			p := &c.phases[k]
			for u, u1 := c.band(&p.h, band); u < u1; {
				t0, t1, n := 0, p.h.taps, u1-u
				if c.skip {
					t0, t1, n = p.h.within(u, u1, h0, h1)
				}
				from := 0
				if t0 < t1 {
					from = (p.h.start+u*p.h.step+t0*p.h.gap-h0)*row + (p.v.start-c.v0)*c.src.channels
				}
				to := image*c.dst.image + (p.h.at+u*p.h.by)*c.dst.row + p.v.at*c.dst.pixel
				p.rows(&c.dst, c.src.channels, data[from:], row, c.dst.data[to:], n, t0, t1)
				u += n
			}
		}
	}
}

// rows computes n rows of outputs at c, from the pixels at a and the taps [t0,t1)
// of h.
func (p *phase[T]) rows(dst *pictures[T], channels int, a []T, row int, c []T, n, t0, t1 int) {
	h, v := &p.h, &p.v
	sum := kernel.ProductSum[T]{
		M: v.outs, N: dst.channels, K: v.taps * channels, Count: t1 - t0, Batch: n,
		LDA: v.step * channels, NextA: h.gap * row, BatchA: h.step * row,
		LDB: p.weights.cols, NextB: v.taps * channels * p.weights.cols, NextPanel: p.weights.panel,
		C: c, LDC: v.by * dst.pixel, BatchC: h.by * dst.row,
	}
	if sum.BatchA == sum.M*sum.LDA && sum.BatchC == sum.M*sum.LDC { // one row goes on where the other ends
		sum.M, sum.Batch = sum.M*sum.Batch, 1
	}
	parts := 1
	if v.gap != 1 && v.taps > 1 && t0 < t1 { // taps are no neighbours
		parts = t1 - t0
		sum.K, sum.Count = channels, v.taps
		sum.NextA, sum.NextB = v.gap*channels, channels*p.weights.cols
	}
	for i := range parts {
		sum.A, sum.B, sum.Add = a[i*h.gap*row:], p.weights.data[(t0+i)*v.taps*channels*p.weights.cols:], i > 0
		sum.Compute()
	}
}
