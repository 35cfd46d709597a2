package gemm

import (
	"sync/atomic"
	"unsafe"
)

// Look is an epilogue that changes nothing. Where the kernels can, they look at the
// elements of C while these are in registers, which costs a thousandth of the product.
type Look[T Float] struct {
	Finite bool // after the product: all elements of C are finite. False says nothing.
	bad    atomic.Bool
}

// Apply does nothing.
func (*Look[T]) Apply([]T, int, int, int, int, int) {}

// over computes the product p and looks at it, if l is not nil and each tile is
// written only once.
func (l *Look[T]) over(p *product[T]) {
	if l == nil || !asm.looks() || p.beta != 0 || p.k*sizeof[T]() > blockBytes {
		p.run()
		return
	}
	l.bad.Store(false)
	p.look = l
	p.run()
	l.Finite = !l.bad.Load()
}

// begin has the tiles of a task looked at, if anybody asks.
func (w *workspace[T]) begin(l *Look[T]) {
	if l != nil {
		clear(w.seen[:])
		w.tile.seen = unsafe.Pointer(&w.seen)
	}
}

// end tells what was seen.
func (w *workspace[T]) end(l *Look[T]) {
	if l == nil {
		return
	}
	for _, v := range w.seen {
		if v-v != 0 { // infinite or NaN
			l.bad.Store(true)
		}
	}
}
