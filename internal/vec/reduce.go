package vec

import (
	"math"
	"unsafe"

	"github.com/gander-ml/gander/internal/op"
)

// sumBlock is the piece that a long reduction is cut into.
const sumBlock = 8192

// lanes is the number of partial results in one block.
const lanes = 32

// identity is the reduction of nothing.
func identity(f op.Reduce) float64 {
	if f == op.MaxReduce {
		return math.Inf(-1)
	}
	return 0
}

// combine folds the results of two reductions.
func combine(f op.Reduce, a, b float64) float64 {
	if f == op.MaxReduce {
		return larger(a, b)
	}
	return a + b
}

// Reduce folds x, in float64 throughout. The tree depends on len(x) only: x is
// cut into blocks of 8192; in a block, lane j of 32 folds the elements j, j+32,
// j+64… in order, and then lane j folds lane j+16, j+8, j+4, j+2 and j+1 in
// turn; the blocks are folded in order.
func Reduce[T Float](f op.Reduce, x []T) float64 {
	total := identity(f)
	for len(x) > sumBlock {
		total = combine(f, total, reduceBlock(f, x[:sumBlock]))
		x = x[sumBlock:]
	}
	return combine(f, total, reduceBlock(f, x))
}

// ReduceRows sets dst[i] to the reduction of row i of a rows×cols matrix whose
// rows start ld elements apart: Reduce of that row, rounded.
func ReduceRows[T Float](f op.Reduce, dst, x []T, rows, cols, ld int) {
	for i := range rows {
		dst[i] = T(Reduce(f, x[i*ld:][:cols]))
	}
}

// ReduceCols sets dst[j] to the reduction of column j of a rows×cols matrix
// whose rows start ld elements apart. Each column is folded from the first row
// to the last and rounded once, so the columns may be split among threads.
func ReduceCols[T Float](f op.Reduce, dst, x []T, rows, cols, ld int) {
	for j := 0; j < cols; j += lanes {
		n := min(lanes, cols-j)
		acc := start(f)
		if rows > 0 {
			foldRows(f, &acc, x[j:], rows, n, ld)
		}
		for k := range n {
			dst[j+k] = T(acc[k])
		}
	}
}

// start is the lanes' first value.
func start(f op.Reduce) (acc [lanes]float64) {
	if v := identity(f); v != 0 {
		for k := range acc {
			acc[k] = v
		}
	}
	return acc
}

// reduceBlock folds one block.
func reduceBlock[T Float](f op.Reduce, x []T) float64 {
	rows := x[:len(x)/lanes*lanes]
	last := x[len(rows):]
	if vectors[T]() {
		// The last row is filled up with what changes nothing.
		var row [lanes]T
		args := foldArgs{x: pointer(rows), rows: len(rows) / lanes}
		if len(last) > 0 {
			fill(row[copy(row[:], last):], T(identity(f)))
			args.last = pointer(row[:])
		}
		if callBlock(f, &args) {
			return args.result
		}
	}
	acc := start(f)
	for ; len(rows) > 0; rows = rows[lanes:] {
		foldInto(f, &acc, rows[:lanes])
	}
	foldInto(f, &acc, last)
	return across(f, &acc)
}

// across folds the lanes.
func across(f op.Reduce, acc *[lanes]float64) float64 {
	for half := lanes / 2; half > 0; half /= 2 {
		low, high := acc[:half], acc[half:2*half]
		for k, v := range high {
			low[k] = combine(f, low[k], v)
		}
	}
	return acc[0]
}

// foldArgs are the operands of a reduction's routine.
type foldArgs struct {
	acc    *[lanes]float64 // of a fold
	x      unsafe.Pointer
	rows   int
	cols   int            // of a fold, at most 32
	ld     int            // of a fold, in bytes
	last   unsafe.Pointer // of a block: one more row, or nil
	result float64        // of a block
}

// foldRows folds x[i·ld+k] into acc[k] for each row i in turn. There are some
// rows, and at most 32 columns.
func foldRows[T Float](f op.Reduce, acc *[lanes]float64, x []T, rows, cols, ld int) {
	_ = x[(rows-1)*ld+cols-1]
	if vectors[T]() {
		for rows > 0 {
			n := min(rows, chunk/lanes)
			args := foldArgs{acc: acc, x: pointer(x), rows: n, cols: cols, ld: 4 * ld}
			if !callFold(f, &args) {
				break
			}
			if rows -= n; rows > 0 {
				x = x[n*ld:]
			}
		}
	}
	for i := range rows {
		foldInto(f, acc, x[i*ld:][:cols])
	}
}

// foldInto folds x[k] into acc[k]; x has at most 32 elements.
func foldInto[T Float](f op.Reduce, acc *[lanes]float64, x []T) {
	switch f {
	case op.Sum:
		for k, v := range x {
			acc[k] += float64(v)
		}
	case op.SumSquares: // a square of a float32 is exact
		for k, v := range x {
			acc[k] += float64(float64(v) * float64(v))
		}
	case op.MaxReduce:
		for k, v := range x {
			acc[k] = larger(acc[k], float64(v))
		}
	}
}
