//go:build !amd64 || purego

package kernel

func columnAsm(*tile, int) bool { return false }

func rowVectors() int { return 0 }

func rowAsm(*tile, int) {}
