package gemm

import "math"

// asm is the assembly of the architecture that this binary is for. Each method
// of noasm is the answer of an architecture that lacks the routine; a machine
// type embeds noasm and replaces the methods whose routines it has.
var asm machine

type noasm struct{}

// shape returns the tile of multiply for elements of the given size, the zero
// shape if there is no such routine.
func (noasm) shape(size int) shape { return shape{} }

// multiply computes a column of tiles and reports whether it can.
func (noasm) multiply(t *tile, size int) bool { return false }

// looks reports whether multiply and multiplyPairs heed a tile's seen.
func (noasm) looks() bool { return false }

// canPair reports whether multiplyPairs and roundPairs work.
func (noasm) canPair() bool { return false }

// multiplyPairs is multiply for pairs of bfloat16 numbers.
func (noasm) multiplyPairs(t *tile) {}

// roundPairs rounds a row, or two, to pairs of bfloat16 numbers.
func (noasm) roundPairs(r *rounding, ofRows bool) {}

// column does the work of multiplyColumn and reports whether it can.
func (noasm) column(t *tile, size int) bool { return false }

// rowVectors is how many vectors a tile of row has at most, 0 if there is no
// such routine.
func (noasm) rowVectors() int { return 0 }

// row does the work of multiplyRow.
func (noasm) row(t *tile, size int) {}

// canCopyRows reports whether copyRows works, for rows of 16 bytes or more.
func (noasm) canCopyRows() bool { return false }

func (noasm) copyRows(r *rows) {}

// transposeSide is the side of the square blocks that transpose works on.
func (noasm) transposeSide(size int) int { return math.MaxInt }

func (noasm) transpose(r *rows, size int) {}

// canDot reports whether dots works.
func (noasm) canDot() bool { return false }

func (noasm) dots(d *dots, size int) {}
