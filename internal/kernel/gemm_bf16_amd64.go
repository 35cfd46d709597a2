//go:build !purego

package kernel

import "github.com/gander-ml/gander/internal/cpu"

//go:noescape
func tileAVX512BF16(t *tile)

//go:noescape
func pairsInRowAVX512(r *rounding)

//go:noescape
func pairsOfRowsAVX512(r *rounding)

// canPair reports whether the following work.
func canPair() bool { return cpu.BF16 }

func multiplyPairsAsm(t *tile) { tileAVX512BF16(t) }

func roundPairsAsm(r *rounding, ofRows bool) {
	if ofRows {
		pairsOfRowsAVX512(r)
	} else {
		pairsInRowAVX512(r)
	}
}
