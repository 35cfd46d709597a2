//go:build !(amd64 || arm64) || purego

package kernel

import "math"

func shapeAsm(int) shape { return shape{} }

func multiplyAsm(*tile, int) bool { return false }

func canCopyRows() bool { return false }

func copyRowsAsm(*rows) {}

func transposeSide(int) int { return math.MaxInt }

func transposeAsm(*rows, int) {}

func canDot() bool { return false }

func dotsAsm(*dots, int) {}
