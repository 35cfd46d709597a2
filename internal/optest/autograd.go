package optest

import "slices"

// Autograd returns the table of package autograd's operations.
func Autograd() []Row {
	return slices.Concat(unaryRows(), activationRows(), binaryRows(), reduceRows(), shapeRows(), indexRows(), matrixRows(), convRows())
}
