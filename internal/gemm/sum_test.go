package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
)

// sumCase is a ProductSum in small: dims, then what is added to the shortest
// possible distances. A negative lda makes A's rows overlap.
type sumCase struct {
	m, n, k                int
	count, batch           [2]int
	transA, add, panels    bool
	lda, nextA, nextB, ldc int
}

// makeSum returns the sum with factors of whole numbers, whose products are
// exact, and C full of canaries if it is not to be read.
func makeSum[T Float](r *rand.Rand, c sumCase) ProductSum[T] {
	draw := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(r.IntN(9) - 4)
		}
		return x
	}
	s := ProductSum[T]{M: c.m, N: c.n, K: c.k, Count: c.count, Batch: c.batch, TransA: c.transA, Add: c.add}
	rows, cols := c.m, c.k
	if c.transA {
		rows, cols = cols, rows
	}
	s.LDA = max(1, cols+c.lda)
	a := max(0, (rows-1)*s.LDA+cols)
	s.NextA = [2]int{max(1, a+c.nextA), 5}
	s.BatchA = [2]int{3, 4} // factors of a batch overlap
	s.A = draw(max(0, last(s.Batch, s.BatchA)) + max(0, last(s.Count, s.NextA)) + a)
	s.LDB = max(c.n, 1)
	if c.panels {
		s.LDB = min(max(c.n, 1), PanelCols[T]())
	}
	s.setNextB(c.k*s.LDB+c.nextB, c.nextB)
	panels := ceilDiv(max(c.n, 1), s.LDB)
	if c.panels {
		s.NextPanel = max(c.count[1], 1) * s.NextB[1]
	}
	s.B = draw(panels * max(c.count[1], 1) * s.NextB[1])
	s.LDC = max(c.n, 1) + c.ldc
	s.setBatchC(c.m*s.LDC+c.ldc, c.ldc)
	s.C = draw(max(c.batch[1], 1)*s.BatchC[1] + 8)
	return s
}

// setBatchC puts the results of a batch one after another, apart by the given
// distance and, the second way, by some gap more.
func (s *ProductSum[T]) setBatchC(distance, gap int) {
	s.BatchC = [2]int{distance, s.Batch[0]*distance + gap}
}

// setNextB does so with the right factors.
func (s *ProductSum[T]) setNextB(distance, gap int) {
	s.NextB = [2]int{distance, max(1, s.Count[0])*distance + gap}
}

// define computes the sum by its definition.
func (s *ProductSum[T]) define() []T {
	out := append([]T(nil), s.C...)
	for b := range s.Batch[0] * s.Batch[1] {
		b0, b1 := b%s.Batch[0], b/s.Batch[0]
		for i := range s.M {
			for j := range s.N {
				sum := 0.0
				for q := range s.Count[0] * s.Count[1] {
					q0, q1 := q%s.Count[0], q/s.Count[0]
					for p := range s.K {
						at := i*s.LDA + p
						if s.TransA {
							at = p*s.LDA + i
						}
						column := j
						if s.NextPanel > 0 {
							column = j/s.LDB*s.NextPanel + j%s.LDB
						}
						sum += float64(s.A[b0*s.BatchA[0]+b1*s.BatchA[1]+q0*s.NextA[0]+q1*s.NextA[1]+at]) * float64(s.B[q0*s.NextB[0]+q1*s.NextB[1]+p*s.LDB+column])
					}
				}
				c := &out[b0*s.BatchC[0]+b1*s.BatchC[1]+i*s.LDC+j]
				if s.Add {
					sum += float64(*c)
				}
				*c = T(sum)
			}
		}
	}
	return out
}

func checkSums[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var cases []sumCase
	for _, size := range [][6]int{{0, 3, 2, 1, 1, 1}, {3, 0, 2, 1, 1, 2}, {3, 2, 0, 1, 1, 3}, {3, 2, 4, 0, 2, 1}, {3, 2, 4, 1, 0, 2}, {1, 1, 1, 1, 1, 3},
		{14, 64, 48, 3, 5, 1}, {28, 1, 48, 3, 4, 2}, {5, 1, 7, 2, 3, 3}, {7, 33, 5, 4, 2, 1}, {67, 16, 4, 4, 1, 2}, {2, 100, 30, 2, 2, 3}, {130, 1, 40, 2, 1, 1}} {
		for variant := range 8 {
			c := sumCase{m: size[0], n: size[1], k: size[2], count: [2]int{size[3], 1 + variant%2}, batch: [2]int{size[4], size[5]},
				transA: variant&1 > 0, add: variant&2 > 0, panels: variant&4 > 0}
			cases = append(cases, c)
			c.lda, c.nextA, c.nextB, c.ldc = -size[2]/2, 5, 3, 2
			if c.transA {
				c.lda = 1
			}
			cases = append(cases, c)
		}
	}
	for range 200 {
		c := sumCase{m: r.IntN(30), n: r.IntN(70), k: r.IntN(20), count: [2]int{r.IntN(5), r.IntN(3)}, batch: [2]int{r.IntN(4), r.IntN(3)},
			transA: r.IntN(2) > 0, add: r.IntN(2) > 0, panels: r.IntN(2) > 0, lda: r.IntN(3), nextA: r.IntN(4), nextB: r.IntN(3), ldc: r.IntN(4)}
		cases = append(cases, c)
	}
	for _, c := range cases {
		for _, name := range isa.Implementations() {
			undo := isa.Use(name)
			s := makeSum[T](r, c)
			want := s.define()
			s.Compute()
			undo()
			require.Equal(t, want, s.C, "%s %+v", name, c)
		}
	}
}

func TestProductSum(t *testing.T) {
	t.Run("float32", checkSums[float32])
	t.Run("float64", checkSums[float64])
}

// TestProductSumOfManyRuns exceeds what one call of assembly does, and no
// product is skipped.
func TestProductSumOfManyRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, name := range isa.Implementations() {
		undo := isa.Use(name)
		s := makeSum[float32](r, sumCase{m: 14, n: 32, k: 40, count: [2]int{60, 1}, batch: [2]int{2, 1}})
		for i := range s.A {
			s.A[i] /= 4 // sums stay exact
		}
		want := s.define()
		s.Compute()
		require.Equal(t, want, s.C, name)
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			clear(s.A)
			s.B[len(s.B)/2] = float32(v)
			s.Compute()
			nans := 0
			for _, c := range s.C {
				if c != c {
					nans++
				}
			}
			require.Equal(t, 28, nans, "%s: one column of each C", name)
		}
		undo()
	}
}

// TestProductSumInParts: how a batch is divided does not change a bit.
func TestProductSumInParts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range isa.Implementations() {
		for _, n := range []int{1, 16, 37} {
			undo := isa.Use(name)
			s := makeSum[float32](r, sumCase{m: 11, n: n, k: 19, count: [2]int{3, 2}, batch: [2]int{7, 2}})
			for i := range s.A {
				s.A[i] = float32(r.NormFloat64())
			}
			parts := s
			parts.C = append([]float32(nil), s.C...)
			s.Compute()
			a, c := parts.A, parts.C
			for b := range s.Batch[0] {
				for d := range s.Batch[1] {
					parts.A, parts.C, parts.Batch = a[b*s.BatchA[0]+d*s.BatchA[1]:], c[b*s.BatchC[0]+d*s.BatchC[1]:], [2]int{1, 1}
					parts.Compute()
				}
			}
			undo()
			require.Equal(t, s.C, c, "%s n=%d", name, n)
		}
	}
}

// TestProductSumRows: how many rows are computed together does not change a bit,
// also if sums are too long for one call of assembly, by their runs or a run.
func TestProductSumRows(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, name := range isa.Implementations() {
		for _, c := range []sumCase{
			{m: 14, n: 37, k: 50, count: [2]int{60, 2}}, {m: 14, n: 37, k: 2*longestRun + 3, count: [2]int{1, 1}},
			{m: 14, n: 1, k: 5000, count: [2]int{40, 1}}, {m: 14, n: 5, k: 5000, count: [2]int{2, 2}, transA: true},
		} {
			undo := isa.Use(name)
			c.batch = [2]int{1, 1}
			s := makeSum[float32](r, c)
			for i := range s.A {
				s.A[i] = float32(r.NormFloat64())
			}
			half := s
			half.M, half.C = 7, append([]float32(nil), s.C...)
			s.Compute()
			a, out := half.A, half.C
			for i := 0; i < s.M; i += 7 {
				half.A, half.C = a[i*s.LDA:], out[i*s.LDC:]
				if s.TransA {
					half.A = a[i:]
				}
				half.Compute()
			}
			undo()
			require.Equal(t, s.C, out, "%s %+v", name, c)
		}
	}
}

func TestProductSumRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for name, cut := range map[string]func(s *ProductSum[float32]){
		"A": func(s *ProductSum[float32]) { s.A = s.A[:len(s.A)-1] },
		"B": func(s *ProductSum[float32]) { s.B = s.B[:last(s.Count, s.NextB)+(s.K-1)*s.LDB+s.N-1] },
		"C": func(s *ProductSum[float32]) { s.C = s.C[:last(s.Batch, s.BatchC)+(s.M-1)*s.LDC+s.N-1] },
	} {
		s := makeSum[float32](r, sumCase{m: 5, n: 6, k: 7, count: [2]int{2, 2}, batch: [2]int{3, 2}})
		s.Compute()
		cut(&s)
		require.Panics(t, s.Compute, "a short %s", name)
	}
}
