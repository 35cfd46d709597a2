//go:build !purego

package kernel

import "github.com/gander-ml/gander/internal/cpu"

//go:generate go run gemm_gen.go

//go:noescape
func tileAVX512F32(t *tile)

//go:noescape
func tileAVX512F64(t *tile)

//go:noescape
func tileAVX2F32(t *tile)

//go:noescape
func tileAVX2F64(t *tile)

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
