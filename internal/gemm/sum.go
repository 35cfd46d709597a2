package gemm

import "unsafe"

// ProductSum asks for sums of matrix products, which is what convolutions are
// made of, with rows of images as factors: for each b < Batch[0] and each
// d < Batch[1], the rows of an image and the images of a batch for example,
//
//	C_bd = Σ op(A_bd,ij)·B_ij,   i < Count[0], j < Count[1],
//
// or that added to C_bd, where op(A_bd,ij) is m×k and B_ij is k×n. C_bd begins at
// C[b·BatchC[0]+d·BatchC[1]], B_ij at B[i·NextB[0]+j·NextB[1]] and A_bd,ij at
// A[b·BatchA[0]+d·BatchA[1]+i·NextA[0]+j·NextA[1]].
//
// B may lie in panels of LDB columns: column j is then column j%LDB of panel
// j/LDB, and NextPanel is the distance between panels. B is read fastest in panels
// of [PanelCols] columns, or of a single one if [ByColumns] reports true.
type ProductSum[T Float] struct {
	M, N, K      int
	Count, Batch [2]int
	// A's leading dimension LDA may be shorter than a row, so that rows overlap.
	A             []T
	LDA           int
	NextA, BatchA [2]int
	TransA        bool
	B             []T
	LDB           int
	NextB         [2]int
	NextPanel     int // 0: there is one panel
	C             []T
	LDC           int
	BatchC        [2]int
	Add           bool
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
	_ = s.C[last(s.Batch, s.BatchC)+(s.M-1)*s.LDC+s.N-1]
	if s.Count[0] == 0 || s.Count[1] == 0 || s.K == 0 {
		if !s.Add {
			s.clear()
		}
		return
	}
	rows, cols := s.M, s.K
	if s.TransA {
		rows, cols = cols, rows
	}
	_ = s.A[last(s.Batch, s.BatchA)+last(s.Count, s.NextA)+(rows-1)*s.LDA+cols-1]
	_ = s.B[s.column(s.N-1)+last(s.Count, s.NextB)+(s.K-1)*s.LDB]

	if parts := ceilDiv(s.K, longestRun); parts > 1 {
		part := *s
		for i := range parts {
			k := split(s.K, parts, i)
			part.K, part.Add = split(s.K, parts, i+1)-k, s.Add || i > 0
			part.A, part.B = s.A[k:], s.B[k*s.LDB:]
			if s.TransA {
				part.A = s.A[k*s.LDA:]
			}
			part.Compute()
		}
		return
	}
	switch shape := shapeOf[T](); {
	case s.LDB == 1 && !s.TransA:
		s.inTiles(columnShape[T](), columnTiles)
	case s.M == 1 && s.NextPanel == 0 && rowShape[T]().cols > 0:
		s.inTiles(rowShape[T](), rowTiles)
	case shape.masked || s.N%shape.cols == 0:
		s.inTiles(shape, anyTiles)
	default:
		s.byProducts()
	}
}

// last is how far the last of so many things is from the first.
func last(n, distance [2]int) int { return (n[0]-1)*distance[0] + (n[1]-1)*distance[1] }

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

// longestRun is the number of steps that one call makes of a run.
const longestRun = 2048

// tileKind says which kernel computes tiles. As a function value, it would make a
// tile escape to the heap.
type tileKind int

const (
	anyTiles tileKind = iota
	columnTiles
	rowTiles
)

// inTiles reads both factors where they are. A tile of each C of the batch gets
// the same panel of B before the next one is read.
func (s *ProductSum[T]) inTiles(shape shape, kind tileKind) {
	size := sizeof[T]()
	t := &tile{alpha: one[T]()}
	t.k, t.bs, t.cs = s.K, s.LDB*size, s.LDC*size
	t.ap, t.cp = s.BatchA[0]*size, s.BatchC[0]*size
	t.rs, t.ks = s.LDA*size, size
	next := s.LDA // of A, from row to row of op(A)
	if s.TransA {
		t.rs, t.ks, next = size, s.LDA*size, 1
	}
	t.ar, t.br = s.NextA[0]*size-s.K*t.ks, s.NextB[0]*size-s.K*t.bs
	panels := ceilDiv(s.M, shape.rows)
	for j := 0; j < s.N; j += shape.cols {
		t.n = min(shape.cols, s.N-j)
		for p := range panels {
			r, end := 0, s.M
			if panels > 1 {
				r, end = split(s.M, panels, p), split(s.M, panels, p+1)
			}
			t.m = end - r
			runs, sets, tiles := s.perCall(2 * shape.rows * t.n * t.k)
			t.asets = (s.NextA[1]-runs*s.NextA[0])*size + t.ar
			t.bsets = (s.NextB[1]-runs*s.NextB[0])*size + t.br
			for set := 0; set < s.Count[1]; set += sets {
				for i := 0; i < s.Count[0]; i += runs {
					t.runs, t.sets, t.add = min(runs, s.Count[0]-i), min(sets, s.Count[1]-set), 0
					if s.Add || i > 0 || set > 0 {
						t.add = 1
					}
					t.b = unsafe.Pointer(&s.B[s.column(j)+i*s.NextB[0]+set*s.NextB[1]])
					a := i*s.NextA[0] + set*s.NextA[1] + r*next
					for d := range s.Batch[1] {
						for b := 0; b < s.Batch[0]; b += tiles {
							t.a = unsafe.Pointer(&s.A[b*s.BatchA[0]+d*s.BatchA[1]+a])
							t.c = unsafe.Pointer(&s.C[b*s.BatchC[0]+d*s.BatchC[1]+r*s.LDC+j])
							t.count = min(tiles, s.Batch[0]-b)
							switch kind {
							case columnTiles:
								multiplyColumn[T](t)
							case rowTiles:
								multiplyRow[T](t)
							default:
								multiply[T](t)
							}
						}
					}
				}
			}
		}
	}
}

// perCall divides the work into short calls of assembly, given the operations of
// a run in a tile with all of its rows: each call does so many tiles of so many
// sets of so many runs. The number of rows that a tile has does not change a
// bit of its sums.
func (s *ProductSum[T]) perCall(flops int) (runs, sets, tiles int) {
	runs, sets, tiles = s.Count[0], s.Count[1], s.Batch[0]
	if flops*runs*sets*tiles <= sumFlops { // saves the divisions
		return runs, sets, tiles
	}
	runs = max(1, min(runs, sumFlops/flops))
	if runs < s.Count[0] {
		sets = 1
	}
	sets = max(1, min(sets, sumFlops/(flops*runs)))
	return runs, sets, max(1, min(tiles, sumFlops/(flops*runs*sets)))
}

// byProducts is for tiles that cannot end before their full width.
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
			for i := range s.Count[0] * s.Count[1] {
				i0, i1 := i%s.Count[0], i/s.Count[0]
				left := operand[T]{s.A[fromA+i0*s.NextA[0]+i1*s.NextA[1]:], 1, s.LDA}
				if s.TransA {
					left.step, left.next = left.next, left.step
				}
				p.swapped = false
				p.orient(left, operand[T]{s.B[s.column(j)+i0*s.NextB[0]+i1*s.NextB[1]:], s.LDB, 1}, s.M, min(width, s.N-j), s.K)
				p.tasks = 1
				p.run()
				p.beta = 1
			}
		}
	}
}
