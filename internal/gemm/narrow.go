package gemm

import "unsafe"

// A product with a few columns only fills few lanes of a tile's vectors. It is
// better computed column by column, as scalar products with rows of A, whose
// lanes hold parts of the sum.

// columnShape returns the shape of the tiles that multiplyColumn computes: as
// many rows as a vector has lanes.
func columnShape[T Float]() shape {
	return shape{rows: sumLanes[T](), cols: 1, masked: true}
}

// sumLanes is the number of partial sums of a scalar product.
func sumLanes[T Float]() int { return shapeOf[T]().cols / 2 }

// ByColumns reports whether a [ProductSum] with n columns and sums of count runs
// of k products is computed faster if each column of B is a panel of its own.
func ByColumns[T Float](n, k, count int) bool {
	const together = 3 // instructions that add the lanes of a row
	vectors := sumLanes[T]()
	apart := n * (ceilDiv(k, vectors)*count + together)
	inTiles := ceilDiv(n, vectors) * k * count
	if shape := shapeOf[T](); !shape.masked {
		inTiles = ceilDiv(n, shape.cols) * 2 * k * count
	}
	return apart < inTiles
}

// multiplyColumn computes a column of tiles of one column each, for which B's
// elements are neighbours, as are those of A's rows; cs may be any distance,
// and alpha counts as 1. Each row's sum is computed alike, wherever in the tile
// it is.
//
//go:noinline
func multiplyColumn[T Float](t *tile) {
	if asm.column(t, sizeof[T]()) {
		return
	}
	for {
		run := *t
		for more := true; more; more = run.nextRun() {
			for i := range run.m {
				c := (*T)(unsafe.Add(run.c, i*run.cs))
				sum := dot(unsafe.Slice((*T)(unsafe.Add(run.a, i*run.rs)), run.k), unsafe.Slice((*T)(run.b), run.k))
				if run.add != 0 {
					sum += *c
				}
				*c = sum
			}
		}
		if !t.nextTile() {
			return
		}
	}
}

// A product with a single row has few sums for a vector unit that starts a new
// one before the last is done. Its tiles are wider, and keep several partial sums
// of each element.

// rowShape returns the shape of the tiles that multiplyRow computes, the zero
// shape if there is nothing better than multiply for them.
func rowShape[T Float]() shape {
	return shape{rows: 1, cols: asm.rowVectors() * sumLanes[T](), masked: true}
}

// multiplyRow computes a column of tiles of one row; alpha counts as 1.
//
//go:noinline
func multiplyRow[T Float](t *tile) { asm.row(t, sizeof[T]()) }
