//go:build !purego

package philox

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/isa"
)

// blockArgs are the operands of a routine.
type blockArgs struct {
	dst     unsafe.Pointer
	counter uint64
	n       int                // steps
	k       [2 * rounds]uint32 // the key of each round
}

// A filling names what a routine writes.
type filling uint8

const (
	words filling = iota
	uniforms
	normals
)

// chunk limits one call of assembly, which cannot be preempted, to some 20 µs.
const chunk = 16384

// fillBlocks fills as much of dst, of 32-bit elements, as whole steps of a
// routine cover, and returns how many elements that is.
func fillBlocks(what filling, dst unsafe.Pointer, n int, key, counter uint64) int {
	step := 0 // elements
	switch {
	case isa.AVX512:
		step = 32
	case isa.AVX2:
		step = 16
	default:
		return 0
	}
	a := blockArgs{counter: counter}
	k0, k1 := uint32(key), uint32(key>>32)
	for i := range rounds {
		a.k[2*i], a.k[2*i+1] = k0, k1
		k0 += weyl0
		k1 += weyl1
	}
	done := 0
	for n-done >= step {
		a.dst = unsafe.Add(dst, 4*done)
		a.n = min(n-done, chunk) / step
		call(what, &a)
		done += a.n * step
		a.counter += uint64(a.n*step) / 4
	}
	return done
}

// call runs the routine. It is not inlined: the scheduler can stop a long fill in
// its prologue.
//
//go:noinline
func call(what filling, a *blockArgs) {
	switch {
	case isa.AVX512 && what == words:
		wordsAVX512(a)
	case isa.AVX512 && what == uniforms:
		uniformAVX512(a)
	case isa.AVX512:
		normalAVX512(a)
	case what == words:
		wordsAVX2(a)
	case what == uniforms:
		uniformAVX2(a)
	default:
		normalAVX2(a)
	}
}

//go:noescape
func wordsAVX512(a *blockArgs)

//go:noescape
func uniformAVX512(a *blockArgs)

//go:noescape
func normalAVX512(a *blockArgs)

//go:noescape
func wordsAVX2(a *blockArgs)

//go:noescape
func uniformAVX2(a *blockArgs)

//go:noescape
func normalAVX2(a *blockArgs)
