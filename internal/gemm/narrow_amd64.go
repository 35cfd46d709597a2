//go:build !purego

package gemm

import "github.com/gander-ml/gander/internal/isa"

//go:noescape
func columnAVX512F32(t *tile)

//go:noescape
func columnAVX512F64(t *tile)

//go:noescape
func columnAVX2F32(t *tile)

//go:noescape
func columnAVX2F64(t *tile)

func (machine) column(t *tile, size int) bool {
	switch {
	case isa.AVX512 && size == 4:
		columnAVX512F32(t)
	case isa.AVX512:
		columnAVX512F64(t)
	case isa.AVX2 && size == 4:
		columnAVX2F32(t)
	case isa.AVX2:
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

func (machine) rowVectors() int {
	switch {
	case isa.AVX512:
		return 4
	case isa.AVX2:
		return 2
	}
	return 0
}

func (machine) row(t *tile, size int) {
	switch {
	case isa.AVX512 && size == 4:
		rowAVX512F32(t)
	case isa.AVX512:
		rowAVX512F64(t)
	case size == 4:
		rowAVX2F32(t)
	default:
		rowAVX2F64(t)
	}
}
