package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
)

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
	g := weightSum[T]{h: h, v: v, images: gy.Layout.Dims[0], x: picturesOf[T](x), gy: picturesOf[T](gy)}
	g.divide()
	sums := borrow[T](g.chunks * dst.Layout.Len())
	g.sums = sums.data
	grain := g.taps * g.blocks
	if g.chunks == 1 { // each thread reads all pictures, once
		grain = (grain + parallel.Threads() - 1) / parallel.Threads()
	}
	parallel.Run(g.chunks*g.taps*g.blocks, grain, &g)
	for n := dst.Layout.Len(); len(g.sums) > n; g.sums = g.sums[:len(g.sums)-n] {
		last := g.sums[len(g.sums)-2*n:]
		kernel.Binary(op.Add, last[:n], last[:n], last[n:], 0)
	}
	g.unpack(b, dst)
	sums.giveBack()
}

// weightSum is the work of a gradient by a kernel: for each tap, a matrix of
// what x and gy have to do with each other, or its transpose. Blocks of its rows
// are summed over chunks of the pictures in order, whichever thread does it.
type weightSum[T kernel.Float] struct {
	h, v   axis
	images int
	x, gy  pictures[T]
	sums   []T  // [chunks, taps, rows, channels of gy], or [chunks, taps, channels of gy, rows] where turned
	chunks int  // of pictures
	taps   int  // of the kernel, or its rows where their taps are neighbours
	rows   int  // of x, for one tap
	turned bool // because gy has few channels
	blocks int  // into which the rows are divided
}

const (
	weightBlock = 56 // rows in a block, at most
	fewChannels = 8  // do not fill a vector

	// A small kernel is summed over chunks of the pictures, and these sums are
	// added. How many depends on the shapes only, not on the threads.
	chunkImages = 8       // in a chunk, at least
	chunkSums   = 1 << 16 // of all chunks, at most
)

func (g *weightSum[T]) divide() {
	g.taps, g.rows = g.h.taps, g.v.taps*g.x.channels
	if g.v.gap != 1 && g.v.taps > 1 {
		g.taps, g.rows = g.h.taps*g.v.taps, g.x.channels
	}
	g.turned = g.gy.channels < min(fewChannels, g.rows)
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
	case !g.turned && tapsTogether(l): // by far the usual case
		for i := range c {
			kernel.Transpose(elements[T](dst)[i*l.Strides[2]:], l.Strides[3], g.sums[i*n:], c*n, kh*kw, n)
		}
	case !g.turned:
		b.Copy(dst, operandOf(g.sums, l.Packed()))
	case g.taps == kh:
		b.Copy(dst, operandOf(g.sums, layout.Contiguous(kh, n, kw, c).Permute(0, 2, 3, 1)))
	default:
		b.Copy(dst, operandOf(g.sums, layout.Contiguous(kh, kw, n, c).Permute(0, 1, 3, 2)))
	}
}

// Run computes the blocks lo to hi, counted over all chunks and taps.
func (g *weightSum[T]) Run(lo, hi int) {
	seenX, seenY := window[T]{memory: borrow[T](0)}, window[T]{memory: borrow[T](0)}
	defer seenX.giveBack()
	defer seenY.giveBack()
	h0, h1 := seen([]axis{g.h})
	v0, v1 := seen([]axis{g.v})
	for n := g.taps * g.blocks; lo < hi; lo = (lo/n + 1) * n {
		chunk := lo / n
		first := g.images * chunk / g.chunks
		for image := first; image < g.images*(chunk+1)/g.chunks; image++ {
			x, xRow, _ := seenX.of(&g.x, image, 1, h0, h1, v0, v1)
			gy, gyRow, _ := seenY.of(&g.gy, image, 1, 0, g.h.outs, 0, g.v.outs)
			for i := lo; i < min(hi, (chunk+1)*n); i++ {
				g.block(i, x, xRow, gy, gyRow, image > first)
			}
		}
	}
}

// block computes what one picture contributes to a block, or adds it.
func (g *weightSum[T]) block(i int, x []T, xRow int, gy []T, gyRow int, add bool) {
	tap, block := i/g.blocks%g.taps, i%g.blocks
	from := tap * g.h.gap * xRow
	if g.taps != g.h.taps {
		from = tap/g.v.taps*g.h.gap*xRow + tap%g.v.taps*g.v.gap*g.x.channels
	}
	r0, r1 := g.rows*block/g.blocks, g.rows*(block+1)/g.blocks
	sums := g.sums[i/g.blocks*g.rows*g.gy.channels:]
	sum := kernel.ProductSum[T]{
		M: r1 - r0, N: g.gy.channels, K: g.v.outs, Count: g.h.outs, Batch: [2]int{1, 1},
		A: x[from+r0:], TransA: true, LDA: g.v.step * g.x.channels, NextA: g.h.step * xRow,
		B: gy, LDB: g.gy.channels, NextB: gyRow,
		C: sums[r0*g.gy.channels:], LDC: g.gy.channels, Add: add,
	}
	if g.turned {
		sum.M, sum.A, sum.LDA, sum.NextA, sum.N, sum.B, sum.LDB, sum.NextB = sum.N, sum.B, sum.LDB, sum.NextB, sum.M, sum.A, sum.LDA, sum.NextA
		sum.C, sum.LDC = sums[r0:], g.rows
	}
	sum.Compute()
}
