//go:build !purego

package givens

import "github.com/gander-ml/gander/internal/isa"

//go:noescape
func applyAVX512(x *float64, bytes, n int, rotations *Rotation)

//go:noescape
func applyAVX2(x *float64, bytes, n int, rotations *Rotation)

// apply is a real call, at which a loop over it can be preempted.
//
//go:noinline
func apply(panel []float64, first, step int, rotations []Rotation) {
	if isa.AVX512 {
		applyAVX512(&panel[first*Width], step*Width*8, len(rotations), &rotations[0])
	} else if isa.AVX2 {
		applyAVX2(&panel[first*Width], step*Width*8, len(rotations), &rotations[0])
	} else {
		generic(panel, first, step, rotations)
	}
}
