package gemm

import (
	"unsafe"

	"github.com/gander-ml/gander/internal/parallel"
)

// A bfloat16 is the upper half of a float32: its range, with 8 significant bits.
// Both factors are rounded to such numbers and laid out in pairs of neighbouring
// steps, which are then the elements, as long as a float32, of matrices with half
// as many steps. All that moves elements serves for pairs as well; only the tile's
// kernel knows.

// Products with fewer rows or columns, or fewer multiplications, gain little from
// rounding their factors, or nothing.
const (
	leastRounded  = 48
	leastProducts = 4 << 20
)

// RoundsBFloat16 reports whether [SgemmBFloat16] is what its name says for a product
// of m×k by k×n here.
func RoundsBFloat16(m, n, k int) bool {
	return asm.canPair() && min(m, n) >= leastRounded && m*n >= ceilDiv(leastProducts, max(k, 1))
}

// SgemmBFloat16 is [SgemmEpilogue] with the elements of A and B rounded to the
// nearest bfloat16, ties to even, and products summed in float32. What is smaller
// than the smallest normal float32 counts as 0, be it an element, a product or a sum
// on the way. Small products, and all of them on machines without AVX512_BF16, are
// those of SgemmEpilogue.
func SgemmBFloat16(tA, tB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, epi Epilogue[float32]) {
	gemm(RoundsBFloat16(m, n, k), tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, epi)
}

// multiplyPairs is [multiply] for pairs.
//
//go:noinline
func multiplyPairs(t *tile) {
	t.aimAhead()
	asm.multiplyPairs(t)
}

// pairUp rounds the vectors of a factor, n of them and k long. They are laid out
// as they were, from cache line to cache line.
func (p *product[T]) pairUp(factor int, from operand[T], n, k int) operand[T] {
	along := from.step == 1 // else the vectors' elements are rows
	rows, length := ceilDiv(k, 2), n
	if along {
		rows, length = n, rows
	}
	line := cacheLine / sizeof[T]()
	ld := ceilDiv(length, line) * line
	if thrashes(ld * sizeof[T]()) {
		ld += line
	}
	p.pairs[factor] = resize(p.pairs[factor], rows*ld)
	to := operand[T]{p.pairs[factor], ld, 1}
	if along {
		to.step, to.next = 1, ld
	}
	p.rounding = rounder[T]{from: from, to: to, n: n, k: k}
	parallel.Run(rows, max(1, pairsGrain/length), pairer[T]{p})
	return to
}

// pairsGrain is the pairs in a piece of work, which takes a few microseconds if they
// come from the cache.
const pairsGrain = 16 << 10

// rounder is the work of pairUp.
type rounder[T Float] struct {
	from, to operand[T]
	n, k     int
}

type pairer[T Float] struct{ *product[T] }

// Run pairs up rows.
func (p pairer[T]) Run(lo, hi int) {
	r := &p.rounding
	for i := lo; i < hi; i++ {
		if r.from.step == 1 {
			roundPairs(r.to.data[i*r.to.next:], r.from.data[i*r.from.next:][:r.k], nil, false)
			continue
		}
		first, second := r.from.data[2*i*r.from.step:][:r.n], []T(nil)
		if 2*i+1 < r.k {
			second = r.from.data[(2*i+1)*r.from.step:][:r.n]
		}
		roundPairs(r.to.data[i*r.to.step:], first, second, true)
	}
}

// rounding describes a row to the assembly.
type rounding struct {
	dst, src, second unsafe.Pointer
	n                int
}

// roundingLength is how many numbers of a row one call of assembly rounds, so that
// it stays short. It is even.
const roundingLength = 1 << 16

// roundPairs sets dst to pairs of the neighbours in a row, or of the elements of two
// rows, the second of which may be nil for zeros.
//
//go:noinline
func roundPairs[T Float](dst, src, second []T, ofRows bool) {
	for len(src) > 0 {
		n := min(len(src), roundingLength)
		r := rounding{dst: unsafe.Pointer(&dst[0]), src: unsafe.Pointer(&src[0]), n: n}
		used := n
		switch {
		case !ofRows:
			used = ceilDiv(n, 2)
		case second != nil:
			r.second = unsafe.Pointer(&second[0])
			second = second[n:]
		}
		_ = dst[used-1]
		asm.roundPairs(&r, ofRows)
		dst, src = dst[used:], src[n:]
	}
}
