package kernel

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/parallel"
)

// packLefts copies the slab of the left factor: the panels hold the rows'
// elements step by step. See [product.packsByPart].
func (p *product[T]) packLefts() {
	p.packedLeft = resize(p.packedLeft, p.blocks*(p.m1-p.m0)*p.longest())
	if !p.packsByPart() {
		parallel.Run(p.panels, ceilDiv(p.panels, p.tasks), leftPacker[T]{p})
	}
}

// leftPanel is panel i of block b of the packed slab.
func (p *product[T]) leftPanel(b, i int) []T {
	at := b*(p.m1-p.m0) + p.row(i) - p.m0
	return p.packedLeft[at*p.longest():][:(p.row(i+1)-p.row(i))*p.longest()]
}

type leftPacker[T Float] struct{ *product[T] }

func (p leftPacker[T]) Run(lo, hi int) {
	for b := range p.blocks {
		p.packPanels(b, lo, hi)
	}
}

// packPanels copies the panels [lo,hi) of block b.
func (p *product[T]) packPanels(b, lo, hi int) {
	k0, k1 := p.step(b), p.step(b+1)
	for i := lo; i < hi; i++ {
		dst, r0, r1 := p.leftPanel(b, i), p.row(i), p.row(i+1)
		src := p.left.data[r0*p.left.next+k0*p.left.step:]
		if p.left.step == 1 {
			transpose(dst, r1-r0, src, p.left.next, r1-r0, k1-k0, false)
		} else {
			copyRows(dst, r1-r0, src, p.left.step, k1-k0, r1-r0)
		}
	}
}

// packRights copies the slab's steps of the right factor.
func (p *product[T]) packRights() {
	panels := ceilDiv(p.n, p.shape.cols)
	p.packedRight = resize(p.packedRight, panels*p.shape.cols*(p.k1-p.k0))
	n := panels * p.blocks
	grain := ceilDiv(n, p.tasks)
	if len(p.packedRight) < packAlone {
		grain = n
	}
	parallel.Run(n, grain, rightPacker[T]{p})
}

// rightPanel is the panel of columns from j of block b of the packed steps.
func (p *product[T]) rightPanel(b, j int) []T {
	k0, k1, width := p.step(b), p.step(b+1), p.shape.cols
	at := (k0-p.k0)*ceilDiv(p.n, width)*width + j*(k1-k0)
	return p.packedRight[at:][:(k1-k0)*width]
}

type rightPacker[T Float] struct{ *product[T] }

func (p rightPacker[T]) Run(lo, hi int) {
	for i := lo; i < hi; i++ {
		b, j := i%p.blocks, i/p.blocks*p.shape.cols
		p.packPanel(p.rightPanel(b, j), p.step(b), p.step(b+1), j, min(j+p.shape.cols, p.n))
	}
}

// packPanel copies the steps [k0,k1) of the columns [j0,j1) of the right
// factor, step by step, each filled up with zeros to the width of a tile.
func (p *product[T]) packPanel(dst []T, k0, k1, j0, j1 int) {
	width := p.shape.cols
	src := p.right.data[k0*p.right.step+j0*p.right.next:]
	if p.right.next == 1 {
		copyRows(dst, width, src, p.right.step, k1-k0, j1-j0)
		return
	}
	if j1-j0 < width {
		clear(dst)
	}
	transpose(dst, width, src, p.right.next, j1-j0, k1-k0, false)
}

// rows describes blocks of rows in memory to the assembly. All distances are in
// bytes.
type rows struct {
	dst    unsafe.Pointer
	ldd    int
	src    unsafe.Pointer
	lds    int
	n      int // rows to copy, or blocks to transpose
	length int // of a row to copy
	add    int // whether a transposed block is added to dst

	srcStep, dstStep int // from block to block
}

// copyRows copies a rows×cols block to dst, whose rows are width ≥ cols long
// and are filled up with zeros.
func copyRows[T Float](dst []T, width int, src []T, ld, n, cols int) {
	if cols == width && cols*sizeof[T]() <= 256 {
		CopyRows(dst, width, src, ld, n, cols)
		return
	}
	for i := range n {
		d := dst[i*width:][:width]
		copy(d[:cols], src[i*ld:])
		clear(d[cols:])
	}
}

// transpose sets dst[j,i] = src[i,j], or adds to it, for an m×n block of src;
// ldd and lds are the leading dimensions. The assembly turns square blocks, which
// overlap at the edges; where they are added, a loop turns what is left there.
//
// A call of assembly walks along rows of whichever matrix has its rows further
// apart, so that their lines are finished while they are in the cache, and only as
// far as the lines that it crosses in the other matrix stay there.
func transpose[T Float](dst []T, ldd int, src []T, lds, m, n int, add bool) {
	if m <= 0 || n <= 0 {
		return
	}
	_, _ = dst[(n-1)*ldd+m-1], src[(m-1)*lds+n-1]
	size := sizeof[T]()
	side := transposeSide(size)
	if m < side || n < side {
		transposeEdge(dst, ldd, src, lds, 0, m, 0, n, add)
		return
	}
	along, across, inDst := n, m, ldd > lds
	r := rows{ldd: ldd * size, lds: lds * size, srcStep: side * size, dstStep: side * ldd * size}
	if inDst {
		along, across = m, n
		r.srcStep, r.dstStep = side*lds*size, side*size
	}
	if add {
		r.add = 1
	}
	turn := func(a, c, blocks int) { // from a along and c across
		i, j := c, a
		if inDst {
			i, j = a, c
		}
		r.dst, r.src, r.n = unsafe.Pointer(&dst[j*ldd+i]), unsafe.Pointer(&src[i*lds+j]), blocks
		transposeAsm(&r, size)
	}
	strip := func(a, blocks, c0, c1 int) { // from a along, [c0,c1) across
		c := c0
		for ; c+side <= c1; c += side {
			turn(a, c, blocks)
		}
		if c < c1 && !add {
			turn(a, c1-side, blocks)
		}
	}
	whole := along / side * side
	for c0 := 0; c0 < across; c0 += stripWidth {
		c1 := min(c0+stripWidth, across)
		length := max(1, stripBytes/((c1-c0)*size*side)) * side
		for a := 0; a < whole; a += length {
			strip(a, min(length, whole-a)/side, c0, c1)
		}
		if whole < along && !add {
			strip(along-side, 1, c0, c1)
		}
	}
	if add {
		i, j := m/side*side, n/side*side
		transposeEdge(dst, ldd, src, lds, 0, i, j, n, true)
		transposeEdge(dst, ldd, src, lds, i, m, 0, n, true)
	}
}

// A strip of blocks is so many elements wide at most, and so long that half of the L1
// cache holds it.
const (
	stripWidth = 64
	stripBytes = 16 << 10
)

// transposeEdge transposes the rows [i0,i1) and columns [j0,j1) of src.
func transposeEdge[T Float](dst []T, ldd int, src []T, lds, i0, i1, j0, j1 int, add bool) {
	for j := j0; j < j1; j++ {
		for i := i0; i < i1; i++ {
			if add {
				dst[j*ldd+i] += src[i*lds+j]
			} else {
				dst[j*ldd+i] = src[i*lds+j]
			}
		}
	}
}

// resize returns a slice of length n, in the memory of s if that suffices, that
// starts at a cache line.
func resize[T Float](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	s = make([]T, n+cacheLine/sizeof[T]())
	for uintptr(unsafe.Pointer(&s[0]))%cacheLine != 0 {
		s = s[1:]
	}
	return s[:n]
}
