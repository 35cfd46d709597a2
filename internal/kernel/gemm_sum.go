package kernel

import "unsafe"

// ProductSum asks for sums of matrix products, which is what convolutions are
// made of, with rows of pictures as factors: for each b < Batch[0] and each
// d < Batch[1], rows of a picture and pictures say,
//
//	C_bd = Σ op(A_bd,i)·B_i,   i < Count,
//
// or that added to C_bd, where op(A_bd,i) is m×k and B_i is k×n. A_bd,i begins
// at A[b·BatchA[0]+d·BatchA[1]+i·NextA], B_i at B[i·NextB] and C_bd at
// C[b·BatchC[0]+d·BatchC[1]].
//
// B may lie in panels of LDB columns, where column j is column j%LDB of panel
// j/LDB and NextPanel is their distance; with [PanelCols] columns each, or a
// single one where [ByColumns] says so, that is how it is read fastest.
type ProductSum[T Float] struct {
	M, N, K, Count int
	Batch          [2]int
	// A's leading dimension LDA may be shorter than a row, so that rows overlap.
	A          []T
	LDA, NextA int
	BatchA     [2]int
	TransA     bool
	B          []T
	LDB, NextB int
	NextPanel  int // 0: there is one panel
	C          []T
	LDC        int
	BatchC     [2]int
	Add        bool
}

// PanelCols is the number of columns that a panel of B should have.
func PanelCols[T Float]() int { return shapeOf[T]().cols }

// SumRows is the number of rows that a [ProductSum] is computed fastest with, if
// they are far apart: then a tile's rows should not evict each other from an L1
// cache of 8 ways.
func SumRows[T Float]() int { return min(8, shapeOf[T]().rows) }

// column is where column j of B begins.
func (s *ProductSum[T]) column(j int) int {
	if s.NextPanel == 0 {
		return j
	}
	return j/s.LDB*s.NextPanel + j%s.LDB
}

// Compute does the work, on the calling goroutine alone. Like [Sgemm] it skips
// no product. The bits of the result do not depend on how a batch is divided
// among calls. It panics if a slice is too short.
func (s *ProductSum[T]) Compute() {
	if s.M == 0 || s.N == 0 || s.Batch[0] == 0 || s.Batch[1] == 0 {
		return
	}
	_ = s.C[s.last(s.BatchC)+(s.M-1)*s.LDC+s.N-1]
	if s.Count == 0 || s.K == 0 {
		if !s.Add {
			s.clear()
		}
		return
	}
	rows, cols := s.M, s.K
	if s.TransA {
		rows, cols = cols, rows
	}
	_ = s.A[s.last(s.BatchA)+(s.Count-1)*s.NextA+(rows-1)*s.LDA+cols-1]
	_ = s.B[s.column(s.N-1)+(s.Count-1)*s.NextB+(s.K-1)*s.LDB]

	switch shape := shapeOf[T](); {
	case s.LDB == 1 && !s.TransA:
		s.inTiles(columnShape[T](), multiplyColumn[T])
	case s.M == 1 && s.NextPanel == 0 && rowShape[T]().cols > 0:
		s.inTiles(rowShape[T](), multiplyRow[T])
	case shape.masked || s.N%shape.cols == 0:
		s.inTiles(shape, multiply[T])
	default:
		s.byProducts()
	}
}

// last is the largest distance from the first of a batch.
func (s *ProductSum[T]) last(distance [2]int) int {
	return (s.Batch[0]-1)*distance[0] + (s.Batch[1]-1)*distance[1]
}

func (s *ProductSum[T]) clear() {
	for b := range s.Batch[0] {
		for d := range s.Batch[1] {
			for i := range s.M {
				clear(s.C[b*s.BatchC[0]+d*s.BatchC[1]+i*s.LDC:][:s.N])
			}
		}
	}
}

// sumFlops bounds one call of assembly: longer ones than elsewhere spare most
// tiles a second visit.
const sumFlops = 1_200_000

// inTiles reads both factors where they are. A tile of each C of the batch gets
// the same panel of B before the next one is read.
func (s *ProductSum[T]) inTiles(shape shape, multiply func(*tile)) {
	size := sizeof[T]()
	w := takeWorkspace[T]()
	defer w.release()
	w.alpha = 1
	t := &w.tile
	t.alpha = unsafe.Pointer(&w.alpha)
	t.k, t.bs, t.cs = s.K, s.LDB*size, s.LDC*size
	t.ap, t.cp = s.BatchA[0]*size, s.BatchC[0]*size
	t.rs, t.ks = s.LDA*size, size
	next := s.LDA // of A, from row to row of op(A)
	if s.TransA {
		t.rs, t.ks, next = size, s.LDA*size, 1
	}
	t.ar, t.br = s.NextA*size-s.K*t.ks, s.NextB*size-s.K*t.bs
	panels := ceilDiv(s.M, shape.rows)
	for j := 0; j < s.N; j += shape.cols {
		t.n = min(shape.cols, s.N-j)
		for p := range panels {
			r := split(s.M, panels, p)
			t.m = split(s.M, panels, p+1) - r
			// No call of assembly takes long.
			run := 2 * t.m * t.n * t.k
			runs := max(1, min(s.Count, sumFlops/run))
			tiles := max(1, min(s.Batch[0], sumFlops/(run*runs)))
			for i := 0; i < s.Count; i += runs {
				t.runs = min(runs, s.Count-i)
				t.add = 0
				if s.Add || i > 0 {
					t.add = 1
				}
				t.b = unsafe.Pointer(&s.B[s.column(j)+i*s.NextB])
				for d := range s.Batch[1] {
					for b := 0; b < s.Batch[0]; b += tiles {
						t.a = unsafe.Pointer(&s.A[b*s.BatchA[0]+d*s.BatchA[1]+i*s.NextA+r*next])
						t.c = unsafe.Pointer(&s.C[b*s.BatchC[0]+d*s.BatchC[1]+r*s.LDC+j])
						t.count = min(tiles, s.Batch[0]-b)
						multiply(t)
					}
				}
			}
		}
	}
}

// byProducts is for tiles that cannot be cut off where C ends.
func (s *ProductSum[T]) byProducts() {
	p := takeProduct[T]()
	defer p.release()
	p.ldc, p.alpha, p.epilogue = s.LDC, 1, nil
	width := s.N
	if s.NextPanel > 0 {
		width = s.LDB
	}
	for b := range s.Batch[0] * s.Batch[1] {
		fromA := b%s.Batch[0]*s.BatchA[0] + b/s.Batch[0]*s.BatchA[1]
		fromC := b%s.Batch[0]*s.BatchC[0] + b/s.Batch[0]*s.BatchC[1]
		for j := 0; j < s.N; j += width {
			p.c, p.beta = s.C[fromC+j:], 1
			if !s.Add {
				p.beta = 0
			}
			for i := range s.Count {
				left := operand[T]{s.A[fromA+i*s.NextA:], 1, s.LDA}
				if s.TransA {
					left.step, left.next = left.next, left.step
				}
				p.swapped = false
				p.orient(left, operand[T]{s.B[s.column(j)+i*s.NextB:], s.LDB, 1}, s.M, min(width, s.N-j), s.K)
				p.tasks = 1
				p.run()
				p.beta = 1
			}
		}
	}
}
