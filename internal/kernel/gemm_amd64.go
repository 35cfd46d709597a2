//go:build !purego

package kernel

import (
	"math"

	"github.com/gander-ml/gander/internal/cpu"
)

//go:noescape
func tileAVX512F32(t *tile)

//go:noescape
func tileAVX512F64(t *tile)

//go:noescape
func tileAVX2F32(t *tile)

//go:noescape
func tileAVX2F64(t *tile)

//go:noescape
func copyRowsAVX2(r *rows)

//go:noescape
func transposeAVX2F32(r *rows)

//go:noescape
func transposeAVX2F64(r *rows)

//go:noescape
func dotsAVX2F32(d *dots)

//go:noescape
func dotsAVX2F64(d *dots)

// shapeAsm returns the tile of the assembly kernel for elements of the given
// size, the zero shape if there is none.
func shapeAsm(size int) shape {
	switch {
	case cpu.AVX512:
		return shape{rows: 14, cols: 128 / size, masked: true}
	case cpu.AVX2:
		return shape{rows: 6, cols: 64 / size}
	}
	return shape{}
}

// multiplyAsm runs the assembly kernel and reports whether there is one.
func multiplyAsm(t *tile, size int) bool {
	switch {
	case cpu.AVX512 && size == 4:
		tileAVX512F32(t)
	case cpu.AVX512:
		tileAVX512F64(t)
	case cpu.AVX2 && size == 4:
		tileAVX2F32(t)
	case cpu.AVX2:
		tileAVX2F64(t)
	default:
		return false
	}
	return true
}

// canCopyRows reports whether copyRowsAsm works, for rows of 16 bytes or more.
func canCopyRows() bool { return cpu.AVX2 }

func copyRowsAsm(r *rows) { copyRowsAVX2(r) }

// transposeSide is the side of the square blocks that transposeAsm turns.
func transposeSide(size int) int {
	if cpu.AVX2 {
		return 32 / size
	}
	return math.MaxInt
}

func transposeAsm(r *rows, size int) {
	if size == 4 {
		transposeAVX2F32(r)
	} else {
		transposeAVX2F64(r)
	}
}

// canDot reports whether dotsAsm works.
func canDot() bool { return cpu.AVX2 }

func dotsAsm(d *dots, size int) {
	if size == 4 {
		dotsAVX2F32(d)
	} else {
		dotsAVX2F64(d)
	}
}
