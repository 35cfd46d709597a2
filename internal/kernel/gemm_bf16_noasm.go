//go:build !amd64 || purego

package kernel

func canPair() bool { return false }

func multiplyPairsAsm(*tile) {}

func roundPairsAsm(*rounding, bool) {}
