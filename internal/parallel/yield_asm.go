//go:build (amd64 || arm64) && !purego

package parallel

// procyield spins for n PAUSE instructions, without touching memory.
//
//go:noescape
func procyield(n int)
