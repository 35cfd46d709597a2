package cpu

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// weightGrad sets dst [kh, kw, c, n] to the gradient by the kernel of a
// correlation of x.
func (b *Backend) weightGrad(dst, x, gy backend.Operand, h, v axis) {
	if dst.Is64() {
		weightGrad[float64](b, dst, x, gy, h, v)
	} else {
		weightGrad[float32](b, dst, x, gy, h, v)
	}
}

func weightGrad[T vec.Float](b *Backend, dst, x, gy backend.Operand, h, v axis) {
	switch {
	case dst.Layout.Len() == 0:
		return
	case gy.Layout.Len() == 0:
		b.Fill(dst, 0)
		return
	}
	g := take[weightSum[T]](&poolOf[T]().weightSum)
	g.h, g.v, g.images, g.x, g.gy = h, v, gy.Layout.Dims[0], imagesOf[T](x), imagesOf[T](gy)
	g.h0, g.h1 = h.used()
	g.v0, g.v1 = v.used()
	beyond := g.h0 < 0 || g.h1 > g.x.height || g.v0 < 0 || g.v1 > g.x.width
	g.skip = beyond && 2*g.gy.width*g.x.channels*g.gy.channels >= skipFlops && gapless(gy.Layout) && finite(g.gy.data[:gy.Layout.Len()])
	if g.skip {
		g.h0, g.h1 = clip(g.h0, g.h1, g.x.height)
		g.v0, g.v1 = clip(g.v0, g.v1, g.x.width)
	}
	g.divide()
	sums := borrow[T](g.chunks * dst.Layout.Len())
	g.sums = sums.data
	clear(g.sums)
	grain := g.taps * g.blocks
	if g.chunks == 1 { // each thread reads all images, once
		grain = (grain + parallel.Threads() - 1) / parallel.Threads()
	}
	parallel.Run(g.chunks*g.taps*g.blocks, grain, g)
	for n := dst.Layout.Len(); len(g.sums) > n; g.sums = g.sums[:len(g.sums)-n] {
		last := g.sums[len(g.sums)-2*n:]
		vec.Binary(op.Add, last[:n], last[:n], last[n:], 0)
	}
	g.unpack(b, dst)
	sums.giveBack()
	g.giveBack()
}

// giveBack returns the work to its pool, with its lists.
func (g *weightSum[T]) giveBack() {
	columns, spans := g.columns[:0], g.spans[:0]
	reset(g)
	g.columns, g.spans = columns, spans
	poolOf[T]().weightSum.Put(g)
}

// weightSum is the work of a gradient by a kernel: for each tap, a matrix of sums
// of products of x and gy, or its transpose. Blocks of its rows are summed over
// chunks of the images in order, whichever thread does it.
type weightSum[T vec.Float] struct {
	h, v    axis
	images  int
	x, gy   imageBatch[T]
	h0, h1  int      // the rows of x that are used
	v0, v1  int      // and the columns
	sums    []T      // [chunks, taps, rows, channels of gy], or [chunks, taps, channels of gy, rows] if transposed
	skip    bool     // products with the padding
	columns [][]span // of v, for each of the taps that a row of taps consists of
	spans   []span   // that columns consist of
	chunks  int      // of images
	taps    int      // of the kernel, or its rows if their taps are taken together
	rows    int      // of x, for one tap
	blocks  int      // into which the rows are divided

	transposed bool // because gy has few channels
}

const (
	weightBlock = 56 // rows in a block, at most
	fewChannels = 8  // do not fill a vector
	manyRows    = 28 // fill two tiles

	// A small kernel is summed over chunks of the images, and these sums are added.
	// How many depends on the shapes only, not on the threads.
	chunkImages = 8       // in a chunk, at least
	chunkSums   = 1 << 16 // of all chunks, at most
)

// gapless reports whether the elements fill their memory, in any order.
func gapless(l layout.Layout) bool {
	layout.SortAxes(&l)
	return l.IsContiguous()
}

func (g *weightSum[T]) divide() {
	g.taps, g.rows = g.h.taps, g.v.taps*g.x.channels
	switch {
	case g.v.taps > 1 && (g.v.gap != 1 || g.skip && g.x.channels >= manyRows):
		g.taps, g.rows = g.h.taps*g.v.taps, g.x.channels
		for tap := range g.v.taps {
			u0, u1 := g.through(&g.v, tap, g.x.width)
			g.spans = append(g.spans, span{u0, u1 - u0, tap, tap + 1})
			g.columns = append(g.columns, g.spans[tap:tap+1])
		}
	case g.skip:
		g.spans = g.v.within(g.spans, 0, g.x.width)
		g.columns = append(g.columns, g.spans)
	default:
		g.spans = g.v.all(g.spans)
		g.columns = append(g.columns, g.spans)
	}
	g.transposed = g.gy.channels < min(fewChannels, g.rows)
	g.blocks = (g.rows + weightBlock - 1) / weightBlock
	g.chunks = max(1, g.images/chunkImages)
	if g.chunks*g.taps*g.rows*g.gy.channels > chunkSums {
		g.chunks = 1
	}
}

// unpack writes the sums to a kernel [kh, kw, c, n].
func (g *weightSum[T]) unpack(b *Backend, dst backend.Operand) {
	l := &dst.Layout
	kh, kw, c, n := l.Dims[0], l.Dims[1], l.Dims[2], l.Dims[3]
	switch {
	case !g.transposed && tapsTogether(l): // by far the usual case
		for i := range c {
			gemm.Transpose(elements[T](dst)[i*l.Strides[2]:], l.Strides[3], g.sums[i*n:], c*n, kh*kw, n)
		}
	case !g.transposed:
		b.Copy(dst, operandOf(g.sums, l.Packed()))
	case g.taps == kh:
		b.Copy(dst, operandOf(g.sums, layout.Contiguous(kh, n, kw, c).Permute(0, 2, 3, 1)))
	default:
		b.Copy(dst, operandOf(g.sums, layout.Contiguous(kh, kw, n, c).Permute(0, 1, 3, 2)))
	}
}

// Run computes the blocks lo to hi, counted over all chunks and taps.
func (g *weightSum[T]) Run(lo, hi int) {
	windowX, windowY := window[T]{memory: borrow[T](0)}, window[T]{memory: borrow[T](0)}
	defer windowX.giveBack()
	defer windowY.giveBack()
	bytes := ((g.h1-g.h0)*(g.v1-g.v0)*g.x.channels + g.h.outs*g.v.outs*g.gy.channels) * int(unsafe.Sizeof(T(0)))
	together := max(1, 2*convBytes/max(1, bytes))
	for n := g.taps * g.blocks; lo < hi; lo = (lo/n + 1) * n {
		chunk := lo / n
		first, end := g.images*chunk/g.chunks, g.images*(chunk+1)/g.chunks
		for image := first; image < end; image += together {
			images := min(together, end-image)
			x, xRow, xStride := windowX.of(&g.x, image, images, g.h0, g.h1, g.v0, g.v1)
			gy, gyRow, gyStride := windowY.of(&g.gy, image, images, 0, g.h.outs, 0, g.v.outs)
			sum := gemm.ProductSum[T]{
				N: g.gy.channels, Batch: [2]int{1, 1}, Add: true,
				A: x, TransA: true, LDA: g.v.step * g.x.channels, NextA: [2]int{g.h.step * xRow, xStride},
				B: gy, LDB: g.gy.channels, NextB: [2]int{gyRow, gyStride},
			}
			for i := lo; i < min(hi, (chunk+1)*n); i++ {
				g.block(i, sum, images, xRow)
			}
		}
	}
}

// through returns the range of outputs [u0,u1) of an axis that a tap is used for.
func (g *weightSum[T]) through(a *axis, tap, ins int) (u0, u1 int) {
	if !g.skip {
		return 0, a.outs
	}
	return a.through(tap, ins)
}

// block adds the products of some images to a block. sum has their places.
func (g *weightSum[T]) block(i int, sum gemm.ProductSum[T], images, xRow int) {
	tap, block, channels := i/g.blocks%g.taps, i%g.blocks, g.x.channels
	hTap, vTap := tap/len(g.columns), tap%len(g.columns)
	u0, u1 := g.through(&g.h, hTap, g.x.height)
	if u0 == u1 {
		return
	}
	x := sum.A[(g.h.start+u0*g.h.step+hTap*g.h.gap-g.h0)*xRow:]
	gy := sum.B[u0*sum.NextB[0]:]
	sums := g.sums[i/g.blocks*g.rows*g.gy.channels:]
	for _, s := range g.columns[vTap] {
		r0 := max(g.rows*block/g.blocks, (s.t0-vTap)*channels)
		r1 := min(g.rows*(block+1)/g.blocks, (s.t1-vTap)*channels)
		if s.n == 0 || r0 >= r1 {
			continue
		}
		sum := sum
		sum.M, sum.K, sum.Count = r1-r0, s.n, [2]int{u1 - u0, images}
		sum.A = x[(g.v.start+s.u*g.v.step+vTap*g.v.gap-g.v0)*channels+r0:]
		sum.B = gy[s.u*g.gy.channels:]
		sum.C, sum.LDC = sums[r0*g.gy.channels:], g.gy.channels
		if g.transposed {
			sum.M, sum.A, sum.LDA, sum.NextA, sum.N, sum.B, sum.LDB, sum.NextB = sum.N, sum.B, sum.LDB, sum.NextB, sum.M, sum.A, sum.LDA, sum.NextA
			sum.C, sum.LDC = sums[r0:], g.rows
		}
		sum.Compute()
	}
}
