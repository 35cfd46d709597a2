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
	testblas.Dsyr2kTest(t, ours)
	testblas.DtrsmTest(t, ours)
	testblas.DtrmmTest(t, ours)
	testblas.DgemvTest(t, ours)
	testblas.DsymvTest(t, ours)
	testblas.DtrsvTest(t, ours)
	testblas.DtrmvTest(t, ours)
}

// library is what of a BLAS is replaced, for one element type.
type library[T float32 | float64] struct {
	gemm       func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	syrk       func(ul blas.Uplo, tA blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int)
	syr2k      func(ul blas.Uplo, tA blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	trsm, trmm func(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
	gemv       func(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
	symv       func(ul blas.Uplo, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
	trsv, trmv func(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []T, lda int, x []T, incX int)
}

func of32(b blas.Float32) library[float32] {
	return library[float32]{b.Sgemm, b.Ssyrk, b.Ssyr2k, b.Strsm, b.Strmm, b.Sgemv, b.Ssymv, b.Strsv, b.Strmv}
}

func of64(b blas.Float64) library[float64] {
	return library[float64]{b.Dgemm, b.Dsyrk, b.Dsyr2k, b.Dtrsm, b.Dtrmm, b.Dgemv, b.Dsymv, b.Dtrsv, b.Dtrmv}
}

func random[T float32 | float64](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

func clone[T any](x []T) []T { return append([]T(nil), x...) }

var (
	transposes = []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}
	triangles  = []blas.Uplo{blas.Upper, blas.Lower}
)

// TestAgainstGonum compares larger operands than gonum's tests have, in both types
// and all variants, with spare columns. Results are compared in the whole buffer,
// so that a stray write shows; what must not be read is NaN.
func TestAgainstGonum(t *testing.T) {
	t.Run("float32", func(t *testing.T) { againstGonum(t, of32(ours), of32(theirs), 2e-4) })
	t.Run("float64", func(t *testing.T) { againstGonum(t, of64(ours), of64(theirs), 1e-12) })
}

func againstGonum[T float32 | float64](t *testing.T, ours, theirs library[T], tol float64) {
	r := rand.New(rand.NewPCG(1, 2))
	ld := 300
	if testing.Short() {
		ld = 131 // and larger operands are left out
	}
	a, b, c := random[T](r, ld*ld), random[T](r, ld*ld), random[T](r, ld*ld)
	nan := T(math.NaN())
	both := func(what string, size any, out []T, f func(l library[T], out []T)) {
		t.Helper()
		got, want := clone(out), clone(out)
		f(ours, got)
		f(theirs, want)
		for i := range want {
			g, w := float64(got[i]), float64(want[i])
			if !(math.Abs(g-w) <= tol*max(1, math.Abs(w))) && !(math.IsNaN(g) && math.IsNaN(w)) {
				t.Fatalf("%s of %v: element %d is %v, want %v", what, size, i, g, w)
			}
		}
	}
	scalars := []T{0, 1, -0.5}

	for _, size := range [][3]int{{1, 1, 1}, {2, 3, 4}, {4, 4, 4}, {5, 7, 0}, {0, 2, 3}, {70, 130, 90}, {150, 90, 70}, {64, 290, 130}, {257, 33, 300}} {
		m, n, k := size[0], size[1], size[2]
		if max(m, n, k) > ld {
			continue
		}
		for i, tA := range transposes {
			for j, tB := range transposes {
				alpha, beta := scalars[(i+j+1)%3], scalars[(i+2*j)%3]
				both(fmt.Sprintf("gemm%c%c", tA, tB), size, c, func(l library[T], c []T) {
					if beta == 0 {
						for i := range m {
							for j := range n {
								c[i*ld+j] = nan
							}
						}
					}
					l.gemm(tA, tB, m, n, k, alpha, a, ld, b, ld, beta, c, ld)
				})
			}
		}
	}
	for _, size := range [][2]int{{1, 1}, {3, 5}, {15, 4}, {16, 9}, {31, 0}, {33, 40}, {100, 1}, {130, 70}, {257, 20}} {
		n, k := size[0], size[1]
		if max(n, k) > ld {
			continue
		}
		for i, ul := range triangles {
			for j, tA := range transposes {
				for _, beta := range scalars {
					alpha := scalars[(i+j)%3]
					c := triangular(c, ld, n, ul, blas.NonUnit, nan)
					both(fmt.Sprintf("syrk%c%c", ul, tA), size, c, func(l library[T], c []T) {
						l.syrk(ul, tA, n, k, alpha, a, ld, beta, c, ld)
					})
					both(fmt.Sprintf("syr2k%c%c", ul, tA), size, c, func(l library[T], c []T) {
						l.syr2k(ul, tA, n, k, alpha, a, ld, b, ld, beta, c, ld)
					})
				}
			}
		}
	}
	for _, size := range [][2]int{{1, 1}, {16, 16}, {17, 40}, {40, 17}, {100, 3}, {3, 100}, {120, 70}, {70, 120}, {150, 90}, {130, 257}} {
		m, n := size[0], size[1]
		if max(m, n) > ld {
			continue
		}
		for i, ul := range triangles {
			for j, tA := range transposes {
				for k, d := range []blas.Diag{blas.Unit, blas.NonUnit} {
					for _, side := range []blas.Side{blas.Left, blas.Right} {
						order := orderOf(side, m, n)
						a, alpha := triangular(a, ld, order, ul, d, nan), scalars[(i+j+k)%3]
						what := fmt.Sprintf("%c%c%c%c", side, ul, tA, d)
						both("trsm"+what, size, b, func(l library[T], b []T) { l.trsm(side, ul, tA, d, m, n, alpha, a, ld, b, ld) })
						both("trmm"+what, size, b, func(l library[T], b []T) { l.trmm(side, ul, tA, d, m, n, alpha, a, ld, b, ld) })
					}
				}
			}
		}
	}
	x := random[T](r, 3*ld)
	for _, inc := range [][2]int{{1, 1}, {2, 3}, {1, 2}, {3, 1}, {-1, 2}, {1, -2}} {
		incX, incY := inc[0], inc[1]
		for _, size := range [][2]int{{1, 1}, {2, 3}, {4, 2}, {4, 4}, {5, 4}, {3, 5}, {7, 6}, {8, 8}, {12, 13}, {40, 130}, {130, 40}, {63, 66}, {64, 64}, {100, 130}, {100, 200}, {290, 17}, {14, 299}} {
			m, n := size[0], size[1]
			if max(m, n) > ld {
				continue
			}
			for i, tA := range transposes {
				for j, beta := range append(scalars, scalars...) {
					both(fmt.Sprintf("gemv%c, steps %v", tA, inc), size, c[:3*ld], func(l library[T], y []T) {
						lenY, _ := swapIf(tA != blas.NoTrans, m, n)
						y = y[:(lenY-1)*max(incY, -incY)+1] // gonum's Sgemv clears all of what it is given
						for i := range lenY {
							if beta == 0 && incY > 0 {
								y[i*incY] = nan
							}
						}
						l.gemv(tA, m, n, scalars[(i+j/3+1)%3], a, ld, x, incX, beta, y, incY)
					})
				}
			}
		}
		for _, n := range []int{1, 2, 3, 5, 8, 9, 10, 11, 12, 63, 64, 95, 96, 100, 129, 299} {
			if n > ld {
				continue
			}
			for i, ul := range triangles {
				for _, beta := range scalars {
					a := triangular(a, ld, n, ul, blas.NonUnit, nan)
					both(fmt.Sprintf("symv%c, steps %v", ul, inc), n, c[:3*ld], func(l library[T], y []T) {
						l.symv(ul, n, scalars[i+1], a, ld, x, incX, beta, y, incY)
					})
				}
				for _, tA := range transposes {
					for _, d := range []blas.Diag{blas.Unit, blas.NonUnit} {
						a := triangular(a, ld, n, ul, d, nan)
						what := fmt.Sprintf("%c%c%c, steps %v", ul, tA, d, inc)
						both("trsv"+what, n, x, func(l library[T], x []T) { l.trsv(ul, tA, d, n, a, ld, x, incX) })
						both("trmv"+what, n, x, func(l library[T], x []T) { l.trmv(ul, tA, d, n, a, ld, x, incX) })
					}
				}
			}
		}
	}
}

// triangular returns a matrix that is easy to solve with: off the diagonal its
// numbers are small. What a triangle does not hold is NaN.
func triangular[T float32 | float64](x []T, ld, n int, ul blas.Uplo, d blas.Diag, nan T) []T {
	x = clone(x)
	for i := range n {
		for j := range n {
			e := &x[i*ld+j]
			switch {
			case i == j && d == blas.Unit || i < j && ul == blas.Lower || i > j && ul == blas.Upper:
				*e = nan
			case i == j:
				*e = 2 + *e**e
			default:
				*e /= T(n)
			}
		}
	}
	return x
}

// TestPanics compares the messages for bad arguments with gonum's, of operands that
// would not be left to gonum.
func TestPanics(t *testing.T) {
	t.Run("small", func(t *testing.T) { panics(t, 6, 8) })
	t.Run("large", func(t *testing.T) { panics(t, 110, 120) })
}

func panics(t *testing.T, n, ld int) {
	type args struct {
		s                blas.Side
		ul               blas.Uplo
		tA, tB           blas.Transpose
		d                blas.Diag
		m, n, k          int
		la, lda, lb, ldb int
		lc, ldc          int
	}
	full := (n-1)*ld + n
	good := args{blas.Left, blas.Upper, blas.NoTrans, blas.NoTrans, blas.NonUnit, n, n, n, full, ld, full, ld, full, ld}
	calls := map[string]func(l library[float64], a args, x, y, z []float64){
		"gemm": func(l library[float64], a args, x, y, z []float64) {
			l.gemm(a.tA, a.tB, a.m, a.n, a.k, 1, x, a.lda, y, a.ldb, 0, z, a.ldc)
		},
		"syrk": func(l library[float64], a args, x, _, z []float64) {
			l.syrk(a.ul, a.tA, a.n, a.k, 1, x, a.lda, 0, z, a.ldc)
		},
		"syr2k": func(l library[float64], a args, x, y, z []float64) {
			l.syr2k(a.ul, a.tA, a.n, a.k, 1, x, a.lda, y, a.ldb, 0, z, a.ldc)
		},
		"trsm": func(l library[float64], a args, x, _, z []float64) {
			l.trsm(a.s, a.ul, a.tA, a.d, a.m, a.n, 1, x, a.lda, z, a.ldc)
		},
		"trmm": func(l library[float64], a args, x, _, z []float64) {
			l.trmm(a.s, a.ul, a.tA, a.d, a.m, a.n, 1, x, a.lda, z, a.ldc)
		},
		"gemv": func(l library[float64], a args, x, y, z []float64) {
			l.gemv(a.tA, a.m, a.n, 1, x, a.lda, y, a.ldb, 0, z, a.ldc)
		},
		"gemv without gaps": func(l library[float64], a args, x, y, z []float64) {
			y, z = y[min(full-n, len(y)):], z[min(full-n, len(z)):] // of n elements, if they are good
			l.gemv(a.tA, a.m, a.n, 1, x, a.lda, y, min(a.ldb, 1), 0, z, min(a.ldc, 1))
		},
		"symv": func(l library[float64], a args, x, y, z []float64) {
			l.symv(a.ul, a.n, 1, x, a.lda, y, a.ldb, 0, z, a.ldc)
		},
		"trsv": func(l library[float64], a args, x, y, _ []float64) { l.trsv(a.ul, a.tA, a.d, a.n, x, a.lda, y, a.ldb) },
		"trmv": func(l library[float64], a args, x, y, _ []float64) { l.trmv(a.ul, a.tA, a.d, a.n, x, a.lda, y, a.ldb) },
	}
	spoils := map[string]func(*args){
		"side": func(a *args) { a.s = 'X' }, "ul": func(a *args) { a.ul = blas.All },
		"tA": func(a *args) { a.tA = 'X' }, "tB": func(a *args) { a.tB = 0 }, "d": func(a *args) { a.d = 'X' },
		"m": func(a *args) { a.m = -1 }, "n": func(a *args) { a.n = -1 }, "k": func(a *args) { a.k = -1 },
		"lda": func(a *args) { a.lda = n - 1 }, "ldb": func(a *args) { a.ldb = n - 1 }, "ldc": func(a *args) { a.ldc = n - 1 },
		"lda of 0": func(a *args) { a.lda = 0 }, "ldb of 0": func(a *args) { a.ldb = 0 }, "ldc of 0": func(a *args) { a.ldc = 0 },
		"a": func(a *args) { a.la-- }, "b": func(a *args) { a.lb-- }, "c": func(a *args) { a.lc-- },
		"no a": func(a *args) { a.la = 0 }, "no b": func(a *args) { a.lb = 0 }, "no c": func(a *args) { a.lc = 0 },
		"a of the transpose": func(a *args) { a.tA, a.m = blas.Trans, ld+1 },
		"b of the transpose": func(a *args) { a.tB, a.k = blas.Trans, ld+1 },
		"the right side":     func(a *args) { a.s, a.n = blas.Right, ld+1 },
	}
	count := 0
	for name, call := range calls {
		for spoiled, spoil := range spoils {
			a := good
			spoil(&a)
			recovered := func(l library[float64]) (v any) {
				defer func() { v = recover() }()
				call(l, a, random[float64](rand.New(rand.NewPCG(5, 6)), a.la), make([]float64, a.lb), make([]float64, a.lc))
				return nil
			}
			message := recovered(of64(theirs))
			require.Equal(t, message, recovered(of64(ours)), "%s with a bad %s", name, spoiled)
			if message != nil {
				count++
			}
		}
	}
	require.Greater(t, count, 80)
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
