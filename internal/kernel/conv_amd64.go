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

//go:noescape
func rowAVX512F32(t *tile)

//go:noescape
func rowAVX512F64(t *tile)

//go:noescape
func rowAVX2F32(t *tile)

//go:noescape
func rowAVX2F64(t *tile)

// rowVectors is how many vectors a tile of rowAsm has at most, 0 if there is no
// such routine.
func rowVectors() int {
	switch {
	case cpu.AVX512:
		return 4
	case cpu.AVX2:
		return 2
	}
	return 0
}

// rowAsm does the work of multiplyRow.
func rowAsm(t *tile, size int) {
	switch {
	case cpu.AVX512 && size == 4:
		rowAVX512F32(t)
	case cpu.AVX512:
		rowAVX512F64(t)
	case size == 4:
		rowAVX2F32(t)
	default:
		rowAVX2F64(t)
	}
}
