//go:build !purego

package gemm

import "github.com/gander-ml/gander/internal/isa"

// machine is arm64, whose only assembly is that of the tiles.
type machine struct{ noasm }

//go:noescape
func tileNEONF32(t *tile)

//go:noescape
func tileNEONF64(t *tile)

func (machine) shape(size int) shape {
	if isa.NEON {
		return shape{rows: 4, cols: 64 / size}
	}
	return shape{}
}

func (machine) multiply(t *tile, size int) bool {
	for more := isa.NEON; more; more = t.nextTile() {
		run := *t
		for more := true; more; more = run.nextRun() {
			if size == 4 {
				tileNEONF32(&run)
			} else {
				tileNEONF64(&run)
			}
		}
	}
	return isa.NEON
}
