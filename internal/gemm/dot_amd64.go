//go:build !purego

package gemm

import "github.com/gander-ml/gander/internal/isa"

//go:noescape
func dotsAVX2F32(d *dots)

//go:noescape
func dotsAVX2F64(d *dots)

func (machine) canDot() bool { return isa.AVX2 }

func (machine) dots(d *dots, size int) {
	if size == 4 {
		dotsAVX2F32(d)
	} else {
		dotsAVX2F64(d)
	}
}
