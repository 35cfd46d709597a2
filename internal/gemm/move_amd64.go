//go:build !purego

package gemm

import (
	"math"

	"github.com/gander-ml/gander/internal/isa"
)

//go:noescape
func copyRowsAVX2(r *rows)

//go:noescape
func transposeAVX2F32(r *rows)

//go:noescape
func transposeAVX2F64(r *rows)

func (machine) canCopyRows() bool { return isa.AVX2 }

func (machine) copyRows(r *rows) { copyRowsAVX2(r) }

func (machine) transposeSide(size int) int {
	if isa.AVX2 {
		return 32 / size
	}
	return math.MaxInt
}

func (machine) transpose(r *rows, size int) {
	if size == 4 {
		transposeAVX2F32(r)
	} else {
		transposeAVX2F64(r)
	}
}
