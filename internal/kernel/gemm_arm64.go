//go:build !purego

package kernel

import (
	"math"

	"github.com/gander-ml/gander/internal/cpu"
)

//go:noescape
func tileNEONF32(t *tile)

//go:noescape
func tileNEONF64(t *tile)

// shapeAsm returns the tile of the assembly kernel for elements of the given
// size, the zero shape if there is none.
func shapeAsm(size int) shape {
	if cpu.NEON {
		return shape{rows: 4, cols: 64 / size}
	}
	return shape{}
}

// multiplyAsm runs the assembly kernel and reports whether there is one.
func multiplyAsm(t *tile, size int) bool {
	for more := cpu.NEON; more; more = t.nextTile() {
		run := *t
		for more := true; more; more = run.nextRun() {
			if size == 4 {
				tileNEONF32(&run)
			} else {
				tileNEONF64(&run)
			}
		}
	}
	return cpu.NEON
}

func canCopyRows() bool { return false }

func copyRowsAsm(*rows) {}

func transposeSide(int) int { return math.MaxInt }

func transposeAsm(*rows, int) {}

func canDot() bool { return false }

func dotsAsm(*dots, int) {}
