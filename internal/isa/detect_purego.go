//go:build purego

package isa

// detect finds nothing: a purego binary contains no assembly.
func detect() {}
