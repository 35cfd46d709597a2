//go:build purego

package isa

const pure = true

// detect finds nothing: a purego binary contains no assembly.
func detect() {}
