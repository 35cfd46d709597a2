//go:build !purego

package gemm

import "github.com/gander-ml/gander/internal/isa"

//go:noescape
func tileAVX512BF16(t *tile)

//go:noescape
func pairsInRowAVX512(r *rounding)

//go:noescape
func pairsOfRowsAVX512(r *rounding)

func (machine) canPair() bool { return isa.BF16 }

func (machine) multiplyPairs(t *tile) { tileAVX512BF16(t) }

func (machine) roundPairs(r *rounding, ofRows bool) {
	if ofRows {
		pairsOfRowsAVX512(r)
	} else {
		pairsInRowAVX512(r)
	}
}
