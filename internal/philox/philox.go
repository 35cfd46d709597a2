// Package philox generates random numbers from a key and a counter, with no
// state: Philox 4×32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC'11).
//
// A stream is a key. Each 64-bit counter names one block of four 32-bit words
// of it, so element i of a fill depends on (key, counter, i) and nothing else:
// a fill may be divided at the beginning of any block and shared between threads,
// and a checkpoint stores two numbers. After a fill of n elements the next
// counter is counter + Blocks32(n), or Blocks64(n) for the float64 forms.
//
// The float32 results use only operations that IEEE 754 rounds correctly, in a
// fixed order and never fused, so they are the same bits on every machine. The
// float64 normals go through package math and agree to its last bit or so.
//
// The assembly, philox_amd64.s, is written by package vecgen of internal/vec, as
// are the element-wise routines there.
package philox

//go:generate go test ../vec/vecgen -run Generated/philox -update

import (
	"math/bits"
	"unsafe"
)

// Round multipliers and key increments, from the paper.
const (
	mul0  = 0xD2511F53
	mul1  = 0xCD9E8D57
	weyl0 = 0x9E3779B9
	weyl1 = 0xBB67AE85

	rounds = 10
)

// Blocks32 returns the number of counters that n elements of Uint32s, Uniform32 or
// Normal32 consume: one for each four.
func Blocks32(n int) uint64 { return (uint64(n) + 3) / 4 }

// Blocks64 returns the number of counters that n elements of Uniform64 or Normal64
// consume: one for each two.
func Blocks64(n int) uint64 { return (uint64(n) + 1) / 2 }

// block is the generator: ten rounds over a 128-bit counter, least significant
// word first.
func block(c [4]uint32, k [2]uint32) [4]uint32 {
	for range rounds {
		hi0, lo0 := bits.Mul32(mul0, c[0])
		hi1, lo1 := bits.Mul32(mul1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += weyl0
		k[1] += weyl1
	}
	return c
}

// at returns the block that the fills use: the counter's high half is zero.
func at(key, counter uint64) [4]uint32 {
	return block([4]uint32{uint32(counter), uint32(counter >> 32)}, [2]uint32{uint32(key), uint32(key >> 32)})
}

// Uint32s fills dst with the stream's words: dst[4i:4i+4] is the block at
// counter+i.
func Uint32s(dst []uint32, key, counter uint64) {
	done := fillBlocks(words, unsafe.Pointer(unsafe.SliceData(dst)), len(dst), key, counter)
	dst, counter = dst[done:], counter+Blocks32(done)
	for len(dst) > 0 {
		b := at(key, counter)
		dst = dst[copy(dst, b[:]):]
		counter++
	}
}

// Uniform32 fills dst with multiples of 2⁻²⁴ in [0, 1): element i is the top 24
// bits of word i of Uint32s.
func Uniform32(dst []float32, key, counter uint64) {
	done := fillBlocks(uniforms, unsafe.Pointer(unsafe.SliceData(dst)), len(dst), key, counter)
	dst, counter = dst[done:], counter+Blocks32(done)
	for len(dst) > 0 {
		b := at(key, counter)
		f := [4]float32{unit(b[0]), unit(b[1]), unit(b[2]), unit(b[3])}
		dst = dst[copy(dst, f[:]):]
		counter++
	}
}

func unit(w uint32) float32 { return float32(w>>8) * 0x1p-24 }

// Uniform64 fills dst with multiples of 2⁻⁵³ in [0, 1): element i is the top 53
// bits of words 2i (low) and 2i+1 (high) of Uint32s.
func Uniform64(dst []float64, key, counter uint64) {
	for len(dst) > 0 {
		b := at(key, counter)
		f := [2]float64{
			float64(pair(b[0], b[1])>>11) * 0x1p-53,
			float64(pair(b[2], b[3])>>11) * 0x1p-53,
		}
		dst = dst[copy(dst, f[:]):]
		counter++
	}
}

func pair(lo, hi uint32) uint64 { return uint64(hi)<<32 | uint64(lo) }
