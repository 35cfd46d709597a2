package gemm

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
