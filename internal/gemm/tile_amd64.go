//go:build !purego

package gemm

import "github.com/gander-ml/gander/internal/isa"

// machine is amd64, which has every routine.
type machine struct{ noasm }

//go:noescape
func tileAVX512F32(t *tile)

//go:noescape
func tileAVX512F64(t *tile)

//go:noescape
func tileAVX2F32(t *tile)

//go:noescape
func tileAVX2F64(t *tile)

func (machine) shape(size int) shape {
	switch {
	case isa.AVX512:
		return shape{rows: 14, cols: 128 / size, masked: true}
	case isa.AVX2:
		return shape{rows: 6, cols: 64 / size}
	}
	return shape{}
}

func (machine) multiply(t *tile, size int) bool {
	switch {
	case isa.AVX512 && size == 4:
		tileAVX512F32(t)
	case isa.AVX512:
		tileAVX512F64(t)
	case isa.AVX2 && size == 4:
		tileAVX2F32(t)
	case isa.AVX2:
		tileAVX2F64(t)
	default:
		return false
	}
	return true
}

func (machine) looks() bool { return isa.AVX2 }
