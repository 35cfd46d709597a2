package kernel

// A product with a single row has few sums for a vector unit that starts a new
// one before the last is done. Its tiles are wider, and keep several partial sums
// of each element.

// rowShape returns the shape of the tiles that multiplyRow computes, the zero
// shape if there is nothing better than multiply for them.
func rowShape[T Float]() shape {
	return shape{rows: 1, cols: rowVectors() * sumLanes[T](), masked: true}
}

// multiplyRow computes a column of tiles of one row; alpha counts as 1.
//
//go:noinline
func multiplyRow[T Float](t *tile) { rowAsm(t, sizeof[T]()) }
