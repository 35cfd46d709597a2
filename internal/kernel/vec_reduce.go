package kernel

import "math"

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
		return max(a, b)
	case MinReduce:
		return min(a, b)
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
		var acc [lanes]float64
		for k := range acc {
			acc[k] = op.Identity()
		}
		for i := range rows {
			foldInto(op, &acc, x[i*ld+j:][:n])
		}
		for k := range n {
			dst[j+k] = T(acc[k])
		}
	}
}

// reduceBlock folds one block.
func reduceBlock[T Float](op ReduceOp, x []T) float64 {
	var acc [lanes]float64
	for k := range acc {
		acc[k] = op.Identity()
	}
	for len(x) > lanes {
		foldInto(op, &acc, x[:lanes])
		x = x[lanes:]
	}
	foldInto(op, &acc, x)
	for half := lanes / 2; half > 0; half /= 2 {
		for k := range half {
			acc[k] = op.Combine(acc[k], acc[k+half])
		}
	}
	return acc[0]
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
			acc[k] = max(acc[k], float64(v))
		}
	case MinReduce:
		for k, v := range x {
			acc[k] = min(acc[k], float64(v))
		}
	}
}
