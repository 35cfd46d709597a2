//go:build (!amd64 && !arm64) || purego

package gemm

// machine has no assembly.
type machine struct{ noasm }
