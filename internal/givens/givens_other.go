//go:build !amd64 || purego

package givens

func apply(panel []float64, first, step int, rotations []Rotation) {
	generic(panel, first, step, rotations)
}
