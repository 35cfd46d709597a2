package simdblas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/blas/testblas"
	"gonum.org/v1/gonum/mat"
)

var (
	ours   Implementation
	theirs gonum.Implementation
)

// TestConformance runs gonum's own tests of what is replaced.
func TestConformance(t *testing.T) {
	testblas.TestDgemm(t, ours)
	testblas.DsyrkTest(t, ours)
}

func random[T float32 | float64](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// TestAgainstGonum compares larger products than gonum's tests have, in both
// types, in all variants, with spare columns.
func TestAgainstGonum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const ld = 300
	a32, b32, c32 := random[float32](r, ld*ld), random[float32](r, ld*ld), random[float32](r, ld*ld)
	a64, b64, c64 := random[float64](r, ld*ld), random[float64](r, ld*ld), random[float64](r, ld*ld)
	for _, size := range [][3]int{{1, 1, 1}, {5, 7, 0}, {150, 90, 70}, {64, 290, 130}, {257, 33, 300}} {
		m, n, k := size[0], size[1], size[2]
		for _, tA := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			for _, tB := range []blas.Transpose{blas.NoTrans, blas.ConjTrans} {
				t.Run(fmt.Sprintf("gemm%c%c/%v", tA, tB, size), func(t *testing.T) {
					got, want := clone(c32), clone(c32)
					ours.Sgemm(tA, tB, m, n, k, 1.5, a32, ld, b32, ld, -0.5, got, ld)
					theirs.Sgemm(tA, tB, m, n, k, 1.5, a32, ld, b32, ld, -0.5, want, ld)
					requireClose(t, want, got, 1e-3)
					got64, want64 := clone(c64), clone(c64)
					ours.Dgemm(tA, tB, m, n, k, 1.5, a64, ld, b64, ld, -0.5, got64, ld)
					theirs.Dgemm(tA, tB, m, n, k, 1.5, a64, ld, b64, ld, -0.5, want64, ld)
					requireClose(t, want64, got64, 1e-12)
				})
			}
			for _, ul := range []blas.Uplo{blas.Upper, blas.Lower} {
				for _, beta := range []float64{0, 1.25} {
					t.Run(fmt.Sprintf("syrk%c%c/%v/beta=%v", ul, tA, size, beta), func(t *testing.T) {
						got, want := clone(c32), clone(c32)
						ours.Ssyrk(ul, tA, n, k, 0.75, a32, ld, float32(beta), got, ld)
						theirs.Ssyrk(ul, tA, n, k, 0.75, a32, ld, float32(beta), want, ld)
						requireClose(t, want, got, 1e-3)
						got64, want64 := clone(c64), clone(c64)
						ours.Dsyrk(ul, tA, n, k, 0.75, a64, ld, beta, got64, ld)
						theirs.Dsyrk(ul, tA, n, k, 0.75, a64, ld, beta, want64, ld)
						requireClose(t, want64, got64, 1e-12)
					})
				}
			}
		}
	}
}

func clone[T any](x []T) []T { return append([]T(nil), x...) }

// requireClose compares all of two buffers, so that a stray write fails too.
func requireClose[T float32 | float64](t *testing.T, want, got []T, tol float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= tol) {
			t.Fatalf("element %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

// TestPanics compares the messages for bad arguments with gonum's.
func TestPanics(t *testing.T) {
	type args struct {
		tA, tB                   blas.Transpose
		m, n, k                  int
		la, lda, lb, ldb, lc, ld int
	}
	good := args{blas.NoTrans, blas.NoTrans, 2, 3, 4, 8, 4, 12, 3, 6, 3}
	for name, spoil := range map[string]func(*args){
		"tA": func(a *args) { a.tA = 'X' }, "tB": func(a *args) { a.tB = 0 },
		"m": func(a *args) { a.m = -1 }, "n": func(a *args) { a.n = -1 }, "k": func(a *args) { a.k = -1 },
		"lda": func(a *args) { a.lda = 3 }, "ldb": func(a *args) { a.ldb = 2 }, "ldc": func(a *args) { a.ld = 2 },
		"lda of the transpose": func(a *args) { a.tA, a.lda = blas.Trans, 1 },
		"ldb of the transpose": func(a *args) { a.tB = blas.Trans },
		"a":                    func(a *args) { a.la-- }, "b": func(a *args) { a.lb-- }, "c": func(a *args) { a.lc-- },
		"zero ldc": func(a *args) { a.n, a.ld = 0, 0 },
	} {
		t.Run("gemm/"+name, func(t *testing.T) {
			x := good
			spoil(&x)
			message := recovered(func() {
				theirs.Dgemm(x.tA, x.tB, x.m, x.n, x.k, 1, make([]float64, x.la), x.lda, make([]float64, x.lb), x.ldb, 0, make([]float64, x.lc), x.ld)
			})
			require.NotNil(t, message)
			require.Equal(t, message, recovered(func() {
				ours.Dgemm(x.tA, x.tB, x.m, x.n, x.k, 1, make([]float64, x.la), x.lda, make([]float64, x.lb), x.ldb, 0, make([]float64, x.lc), x.ld)
			}))
			require.Equal(t, message, recovered(func() {
				ours.Sgemm(x.tA, x.tB, x.m, x.n, x.k, 1, make([]float32, x.la), x.lda, make([]float32, x.lb), x.ldb, 0, make([]float32, x.lc), x.ld)
			}))
		})
	}

	type symmetric struct {
		ul              blas.Uplo
		tA              blas.Transpose
		n, k            int
		la, lda, lc, ld int
	}
	for name, spoil := range map[string]func(*symmetric){
		"ul": func(a *symmetric) { a.ul = blas.All }, "tA": func(a *symmetric) { a.tA = 'X' },
		"n": func(a *symmetric) { a.n = -1 }, "k": func(a *symmetric) { a.k = -1 },
		"lda": func(a *symmetric) { a.lda = 3 }, "ldc": func(a *symmetric) { a.ld = 1 },
		"a": func(a *symmetric) { a.la-- }, "c": func(a *symmetric) { a.lc-- },
	} {
		t.Run("syrk/"+name, func(t *testing.T) {
			x := symmetric{blas.Upper, blas.NoTrans, 2, 4, 8, 4, 4, 2}
			spoil(&x)
			message := recovered(func() {
				theirs.Dsyrk(x.ul, x.tA, x.n, x.k, 1, make([]float64, x.la), x.lda, 0, make([]float64, x.lc), x.ld)
			})
			require.NotNil(t, message)
			require.Equal(t, message, recovered(func() {
				ours.Dsyrk(x.ul, x.tA, x.n, x.k, 1, make([]float64, x.la), x.lda, 0, make([]float64, x.lc), x.ld)
			}))
			require.Equal(t, message, recovered(func() {
				ours.Ssyrk(x.ul, x.tA, x.n, x.k, 1, make([]float32, x.la), x.lda, 0, make([]float32, x.lc), x.ld)
			}))
		})
	}
}

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// TestZeroTimesNaN shows the difference that is meant: gonum's loop skips zeros
// of A, and with them NaN in B.
func TestZeroTimesNaN(t *testing.T) {
	a, b := []float64{0, 1}, []float64{math.NaN(), 2} // 1×2 times 2×1
	var c [1]float64
	theirs.Dgemm(blas.NoTrans, blas.NoTrans, 1, 1, 2, 1, a, 2, b, 1, 0, c[:], 1)
	require.Equal(t, 2.0, c[0], "gonum has changed: update the package comment")
	for _, tA := range []blas.Transpose{blas.NoTrans, blas.Trans} {
		for _, tB := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			lda, ldb := 2, 1
			if tA == blas.Trans {
				lda = 1
			}
			if tB == blas.Trans {
				ldb = 2
			}
			ours.Dgemm(tA, tB, 1, 1, 2, 1, a, lda, b, ldb, 0, c[:], 1)
			require.True(t, math.IsNaN(c[0]), "%c%c", tA, tB)
		}
	}
}

// TestMat solves a system with gonum/mat on top of this BLAS.
func TestMat(t *testing.T) {
	blas64.Use(Implementation{})
	defer blas64.Use(gonum.Implementation{})
	const n = 150
	r := rand.New(rand.NewPCG(3, 4))
	a := mat.NewDense(n, n, random[float64](r, n*n))
	x := mat.NewVecDense(n, random[float64](r, n))
	var b, got mat.VecDense
	b.MulVec(a, x)
	require.NoError(t, got.SolveVec(a, &b))
	require.True(t, mat.EqualApprox(x, &got, 1e-8))
}
