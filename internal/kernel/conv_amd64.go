//go:build !purego

package kernel

import "github.com/gander-ml/gander/internal/cpu"

//go:noescape
func columnAVX512F32(t *tile)

//go:noescape
func columnAVX512F64(t *tile)

//go:noescape
func columnAVX2F32(t *tile)

//go:noescape
func columnAVX2F64(t *tile)

// columnAsm does the work of multiplyColumn and reports whether it can.
func columnAsm(t *tile, size int) bool {
	switch {
	case cpu.AVX512 && size == 4:
		columnAVX512F32(t)
	case cpu.AVX512:
		columnAVX512F64(t)
	case cpu.AVX2 && size == 4:
		columnAVX2F32(t)
	case cpu.AVX2:
		columnAVX2F64(t)
	default:
		return false
	}
	return true
}
