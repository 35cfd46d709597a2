//go:build purego

package cpu

// detect finds nothing: a purego binary contains no assembly.
func detect() {}
