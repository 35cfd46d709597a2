package kernel

import (
	"math"
	"unsafe"
)

// ReduceOp names a fold of many numbers into one.
type ReduceOp uint8

// The reductions. All accumulate in float64, so that a float32 result carries
// one rounding only.
const (
	Sum        ReduceOp = iota // Σx; 0 of none
	MaxReduce                  // the largest; −Inf of none, NaN if any is
	MinReduce                  // the smallest; +Inf of none, NaN if any is
	SumSquares                 // Σx²; 0 of none
	NumReduce
)

// SumBlock is the piece that a long reduction is cut into. Reducing pieces of
// this length (the last may be shorter) and folding the results in order with
// Combine is, to the bit, reducing the whole: this is how a caller shares one
// reduction between threads.
const SumBlock = 8192

// lanes is the number of partial results in one block.
const lanes = 32

// Identity is the reduction of nothing.
func (op ReduceOp) Identity() float64 {
	switch op {
	case MaxReduce:
		return math.Inf(-1)
	case MinReduce:
		return math.Inf(1)
	}
	return 0
}

// Combine folds the results of two reductions.
func (op ReduceOp) Combine(a, b float64) float64 {
	switch op {
	case MaxReduce:
		return larger(a, b)
	case MinReduce:
		return smaller(a, b)
	}
	return a + b
}

// Reduce folds x. The tree depends on len(x) only: x is cut into blocks of
// SumBlock; in a block, lane j of 32 folds the elements j, j+32, j+64… in
// order, and then lane j folds lane j+16, j+8, j+4, j+2 and j+1 in turn; the
// blocks are folded in order.
func Reduce[T Float](op ReduceOp, x []T) float64 {
	total := op.Identity()
	for len(x) > SumBlock {
		total = op.Combine(total, reduceBlock(op, x[:SumBlock]))
		x = x[SumBlock:]
	}
	return op.Combine(total, reduceBlock(op, x))
}

// ReduceRows sets dst[i] to the reduction of row i of a rows×cols matrix whose
// rows start ld elements apart: Reduce of that row, rounded.
func ReduceRows[T Float](op ReduceOp, dst, x []T, rows, cols, ld int) {
	for i := range rows {
		dst[i] = T(Reduce(op, x[i*ld:][:cols]))
	}
}

// ReduceCols sets dst[j] to the reduction of column j of a rows×cols matrix
// whose rows start ld elements apart. Each column is folded from the first row
// to the last and rounded once, so the columns may be split among threads.
func ReduceCols[T Float](op ReduceOp, dst, x []T, rows, cols, ld int) {
	for j := 0; j < cols; j += lanes {
		n := min(lanes, cols-j)
		acc := op.start()
		if rows > 0 {
			foldRows(op, &acc, x[j:], rows, n, ld)
		}
		for k := range n {
			dst[j+k] = T(acc[k])
		}
	}
}

// start is the lanes' first value.
func (op ReduceOp) start() (acc [lanes]float64) {
	if v := op.Identity(); v != 0 {
		for k := range acc {
			acc[k] = v
		}
	}
	return acc
}

// reduceBlock folds one block.
func reduceBlock[T Float](op ReduceOp, x []T) float64 {
	rows := x[:len(x)/lanes*lanes]
	last := x[len(rows):]
	if vectors[T]() {
		// The last row is filled up with what changes nothing.
		var row [lanes]T
		args := foldArgs{x: pointer(rows), rows: len(rows) / lanes}
		if len(last) > 0 {
			fill(row[copy(row[:], last):], T(op.Identity()))
			args.last = pointer(row[:])
		}
		if callBlock(op, &args) {
			return args.result
		}
	}
	acc := op.start()
	for ; len(rows) > 0; rows = rows[lanes:] {
		foldInto(op, &acc, rows[:lanes])
	}
	foldInto(op, &acc, last)
	return op.across(&acc)
}

// across folds the lanes.
func (op ReduceOp) across(acc *[lanes]float64) float64 {
	for half := lanes / 2; half > 0; half /= 2 {
		low, high := acc[:half], acc[half:2*half]
		switch op {
		case MaxReduce:
			for k, v := range high {
				low[k] = larger(low[k], v)
			}
		case MinReduce:
			for k, v := range high {
				low[k] = smaller(low[k], v)
			}
		default:
			for k, v := range high {
				low[k] += v
			}
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
func foldRows[T Float](op ReduceOp, acc *[lanes]float64, x []T, rows, cols, ld int) {
	_ = x[(rows-1)*ld+cols-1]
	if vectors[T]() {
		for rows > 0 {
			n := min(rows, chunk/lanes)
			args := foldArgs{acc: acc, x: pointer(x), rows: n, cols: cols, ld: 4 * ld}
			if !callFold(op, &args) {
				break
			}
			if rows -= n; rows > 0 {
				x = x[n*ld:]
			}
		}
	}
	for i := range rows {
		foldInto(op, acc, x[i*ld:][:cols])
	}
}

// foldInto folds x[k] into acc[k]; x has at most 32 elements. The square of a
// float32 is exact in float64.
func foldInto[T Float](op ReduceOp, acc *[lanes]float64, x []T) {
	switch op {
	case Sum:
		for k, v := range x {
			acc[k] += float64(v)
		}
	case SumSquares:
		for k, v := range x {
			acc[k] += float64(float64(v) * float64(v))
		}
	case MaxReduce:
		for k, v := range x {
			acc[k] = larger(acc[k], float64(v))
		}
	case MinReduce:
		for k, v := range x {
			acc[k] = smaller(acc[k], float64(v))
		}
	}
}
