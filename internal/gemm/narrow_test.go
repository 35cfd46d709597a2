package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
)

// draw fills the last n numbers of a buffer with whole ones, whose sums of
// products are exact.
func draw[T Float](r *rand.Rand, buf []T, n int) []T {
	x := buf[len(buf)-n:]
	for i := range x {
		x[i] = T(r.IntN(9) - 4)
	}
	return x
}

// checkColumns compares sums whose columns are panels of their own with the
// definition: tiles and rows of every length, rows of A that overlap by whole
// vectors and otherwise, columns of C at every distance. The factors end at
// forbidden memory; a C that is written outside its elements is not equal.
func checkColumns[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const room = 1 << 14
	bufA, bufB, bufC := guarded[T](t, room), guarded[T](t, room), guarded[T](t, room)
	for trial := range 1500 {
		n, k := 1+trial%3, 1+r.IntN(70)
		s := ProductSum[T]{M: 1 + r.IntN(40), N: n, K: k, Count: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, Batch: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, Add: r.IntN(2) > 0}
		s.LDA = []int{4, 8, 16, r.IntN(80)}[r.IntN(4)]
		s.NextA, s.BatchA = [2]int{r.IntN(100), r.IntN(100)}, [2]int{r.IntN(100), r.IntN(100)}
		s.A = draw(r, bufA, last(s.Batch, s.BatchA)+last(s.Count, s.NextA)+(s.M-1)*s.LDA+k)
		s.LDB = 1
		s.setNextB(k+r.IntN(3), r.IntN(3))
		s.NextPanel = s.Count[1] * s.NextB[1]
		s.B = draw(r, bufB, (n-1)*s.NextPanel+last(s.Count, s.NextB)+k)
		s.LDC = n + r.IntN(3)
		s.setBatchC(s.M*s.LDC+r.IntN(3), r.IntN(3))
		s.C = draw(r, bufC, last(s.Batch, s.BatchC)+(s.M-1)*s.LDC+n)
		before, want := append([]T(nil), s.C...), s.define()
		for _, name := range isa.Implementations() {
			undo := isa.Use(name)
			copy(s.C, before)
			s.Compute()
			undo()
			require.Equal(t, want, s.C, "%s m=%d n=%d k=%d count=%d batch=%d lda=%d ldc=%d add=%v",
				name, s.M, n, k, s.Count, s.Batch, s.LDA, s.LDC, s.Add)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Run("float32", checkColumns[float32])
	t.Run("float64", checkColumns[float64])
}

// checkRows does the same for sums with a single row, whose steps in A are of
// any length.
func checkRows[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	const room = 1 << 14
	bufA, bufB, bufC := guarded[T](t, room), guarded[T](t, room), guarded[T](t, room)
	for range 600 {
		n, k := 1+r.IntN(140), 1+r.IntN(20)
		s := ProductSum[T]{M: 1, N: n, K: k, Count: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, Batch: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, Add: r.IntN(2) > 0, TransA: true}
		s.LDA, s.NextA, s.BatchA = 1+r.IntN(5), [2]int{r.IntN(30), r.IntN(30)}, [2]int{r.IntN(30), r.IntN(30)}
		s.A = draw(r, bufA, last(s.Batch, s.BatchA)+last(s.Count, s.NextA)+(k-1)*s.LDA+1)
		s.LDB = n + r.IntN(3)
		s.setNextB(r.IntN(300), r.IntN(300))
		s.B = draw(r, bufB, last(s.Count, s.NextB)+(k-1)*s.LDB+n)
		s.LDC = n
		s.setBatchC(n+r.IntN(3), r.IntN(3))
		s.C = draw(r, bufC, last(s.Batch, s.BatchC)+n)
		before, want := append([]T(nil), s.C...), s.define()
		for _, name := range isa.Implementations() {
			undo := isa.Use(name)
			copy(s.C, before)
			s.Compute()
			undo()
			require.Equal(t, want, s.C, "%s n=%d k=%d count=%d batch=%d lda=%d add=%v", name, n, k, s.Count, s.Batch, s.LDA, s.Add)
		}
	}
}

func TestRows(t *testing.T) {
	t.Run("float32", checkRows[float32])
	t.Run("float64", checkRows[float64])
}

// TestColumnsAlike: the place of a row in its tile does not change a bit of its
// sum, and nothing is skipped if a factor is 0.
func TestColumnsAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, name := range isa.Implementations() {
		undo := isa.Use(name)
		for _, k := range []int{3, 16, 35, 64} {
			const m = 23
			s := ProductSum[float32]{M: m, N: 1, K: k, Count: [2]int{1, 1}, Batch: [2]int{1, 1}, LDA: 16, LDB: 1, LDC: 1,
				A: make([]float32, (m-1)*16+k), B: make([]float32, k), C: make([]float32, m)}
			for i := range s.A {
				s.A[i] = float32(r.NormFloat64())
			}
			for i := range s.B {
				s.B[i] = float32(r.NormFloat64())
			}
			s.Compute()
			for i := range m {
				one := s
				one.A, one.C, one.M = s.A[i*16:], make([]float32, 1), 1
				one.Compute()
				require.Equal(t, s.C[i], one.C[0], "%s k=%d row %d", name, k, i)
			}
			clear(s.A)
			s.B[k-1] = float32(math.NaN())
			s.Compute()
			for i, sum := range s.C {
				require.True(t, sum != sum, "%s k=%d row %d", name, k, i)
			}
		}
		undo()
	}
}
