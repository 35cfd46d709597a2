//go:build !amd64 || purego

package philox

import "unsafe"

// A filling names what a routine writes.
type filling uint8

const (
	words filling = iota
	uniforms
	normals
)

// fillBlocks leaves all of dst to the plain loops.
func fillBlocks(filling, unsafe.Pointer, int, uint64, uint64) int { return 0 }
