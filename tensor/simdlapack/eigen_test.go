package simdlapack

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/lapack/testlapack"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/tensor/simdblas"
)

// eigen is a call of Dsyev and its results.
type eigen struct {
	n, lda     int
	a, w, work []float64
	ok         bool
}

func eigenOf(impl lapack.Float64, job lapack.EVJob, uplo blas.Uplo, n int, a []float64, lda, lwork int) *eigen {
	c := &eigen{n: n, lda: lda, a: slices.Clone(a), w: junk(1, n), work: junk(1, max(1, 3*n-1))}
	if lwork != 0 {
		var best [1]float64
		impl.Dsyev(job, uplo, n, c.a, lda, c.w, best[:], -1)
		c.work = junk(1, max(int(best[0]), 1))
	}
	c.ok = impl.Dsyev(job, uplo, n, c.a, lda, c.w, c.work, len(c.work))
	return c
}

// symmetric returns the symmetric matrix of a's triangle.
func symmetric(uplo blas.Uplo, n int, a []float64, lda int) []float64 {
	s := make([]float64, n*n)
	for i := range n {
		for j := range n {
			lo, hi := min(i, j), max(i, j)
			if uplo == blas.Upper {
				lo, hi = hi, lo
			}
			s[i*n+j] = a[hi*lda+lo]
		}
	}
	return s
}

// check looks whether c is the decomposition of a.
func (c *eigen) check(t *testing.T, uplo blas.Uplo, a []float64) {
	t.Helper()
	require.True(t, c.ok)
	require.False(t, spoiled(c.a, c.n, c.n, c.lda), "a was written beyond its rows")
	require.True(t, slices.IsSorted(c.w), "%v", c.w)
	bound := 4e-16 * float64(10+c.n)
	require.LessOrEqual(t, orthogonality(c.a, c.n, c.n, c.lda, false), bound, "vectors are not orthogonal")
	transposed := make([]float64, c.n*c.n)
	for i := range c.n {
		for j := range c.n {
			transposed[j*c.n+i] = c.a[i*c.lda+j]
		}
	}
	s := symmetric(uplo, c.n, a, c.lda)
	slack := 0.0
	if norm := maxAbs(s, c.n, c.n, c.n); norm > 0 {
		slack = float64(c.n) * 5e-324 / norm
	}
	require.LessOrEqual(t, residual(s, c.n, c.n, c.n, c.n, c.a, c.lda, c.w, transposed, c.n), 2*bound+slack, "A is not V·D·Vᵀ")
}

func (c *eigen) alike(t *testing.T, want *eigen) {
	t.Helper()
	if c.n == 0 {
		return
	}
	bound := max(math.Abs(want.w[0]), math.Abs(want.w[c.n-1]))*4e-16*float64(10+c.n) + 5e-324
	for i, w := range want.w {
		require.InDelta(t, w, c.w[i], bound, "eigenvalue %d", i)
	}
}

func TestEigen(t *testing.T) {
	defer blas64.Use(blasgonum.Implementation{})
	for kind := range kinds {
		t.Run(kinds[kind].name, func(t *testing.T) {
			for at, n := range []int{1, 2, 5, 15, 16, 17, 18, 31, 32, 33, 50, 64, 100} {
				if at%2 == 0 {
					blas64.Use(simdblas.Implementation{})
				} else {
					blas64.Use(blasgonum.Implementation{})
				}
				lda := max(n, 1) + at%3
				a := matrix(kind, n, n, lda)
				for i, uplo := range []blas.Uplo{blas.Upper, blas.Lower} {
					t.Run(fmt.Sprintf("%d %c", n, uplo), func(t *testing.T) {
						// After a block that it scales, gonum's Dsteqr scales others back that
						// it has not scaled.
						scaled := kinds[kind].name == "blocks"
						if scaled && n < smallEigen {
							t.Skip("computed by gonum")
						}
						got := eigenOf(Implementation{}, lapack.EVCompute, uplo, n, a, lda, (i+at)%2)
						got.check(t, uplo, a)
						if scaled {
							return
						}
						got.alike(t, eigenOf(gonum.Implementation{}, lapack.EVCompute, uplo, n, a, lda, 1))
					})
				}
			}
		})
	}
}

func TestEigenSets(t *testing.T) {
	for _, set := range isa.Implementations() {
		t.Run(set, func(t *testing.T) {
			defer isa.Use(set)()
			a := matrix(0, 120, 120, 120)
			got := eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, 120, a, 120, 1)
			got.check(t, blas.Lower, a)
			got.alike(t, eigenOf(gonum.Implementation{}, lapack.EVCompute, blas.Lower, 120, a, 120, 1))
		})
	}
}

func TestEigenGonum(t *testing.T) {
	testlapack.DsyevTest(t, Implementation{})
}

// TestEigenKnown has matrices whose eigenvalues are known: those of second differences,
// and the pairs of Wilkinson's, which agree to many digits.
func TestEigenKnown(t *testing.T) {
	const n = 101
	second, pairs := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		second[i*n+i], pairs[i*n+i] = 2, math.Abs(float64(i-n/2))
		if i > 0 {
			second[i*n+i-1], pairs[i*n+i-1] = -1, 1
		}
	}
	got := eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, n, second, n, 1)
	got.check(t, blas.Lower, second)
	for k, v := range got.w {
		assert.InDelta(t, 2-2*math.Cos(math.Pi*float64(k+1)/(n+1)), v, 1e-14)
	}
	got = eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, n, pairs, n, 1)
	got.check(t, blas.Lower, pairs)
	assert.InDelta(t, got.w[n-2], got.w[n-1], 1e-13)
	assert.InDelta(t, 50.746194182903393, got.w[n-1], 1e-12)
}

// TestEigenGraded has blocks of sizes that are far apart, and expects each
// eigenvalue to be accurate relative to its block.
func TestEigenGraded(t *testing.T) {
	const n, blocks = 40, 8
	r := rand.New(rand.NewPCG(1, 2))
	a := make([]float64, n*n)
	size := func(block int) float64 { return math.Pow(10, -17*float64(block)) }
	var want []float64
	for block := range blocks {
		at := block * n / blocks
		part := make([]float64, 25)
		for i := range 5 {
			for j := range i + 1 {
				part[i*5+j] = r.NormFloat64()
				a[(at+i)*n+at+j] = part[i*5+j] * size(block)
			}
		}
		for _, w := range eigenOf(gonum.Implementation{}, lapack.EVCompute, blas.Lower, 5, part, 5, 1).w {
			want = append(want, w*size(block))
		}
	}
	slices.Sort(want)
	got := eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, n, a, n, 1)
	got.check(t, blas.Lower, a)
	for i, w := range want {
		assert.InEpsilon(t, w, got.w[i], 1e-13, "eigenvalue %d", i)
	}
}

func TestEigenNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, at := range []int{0, 20*20 - 1, 100} {
			a := matrix(0, 20, 20, 20)
			a[at] = v
			got := eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, 20, a, 20, 1)
			want := eigenOf(gonum.Implementation{}, lapack.EVCompute, blas.Lower, 20, a, 20, 1)
			assert.Equal(t, want.ok, got.ok, "%v", v)
			assert.Equal(t, fmt.Sprint(want.w), fmt.Sprint(got.w), "%v", v)
		}
	}
}

func TestEigenQuery(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 50} {
		got := eigenOf(Implementation{}, lapack.EVCompute, blas.Upper, n, matrix(0, n, n, n+1), n+1, 1)
		want := eigenOf(gonum.Implementation{}, lapack.EVCompute, blas.Upper, n, matrix(0, n, n, n+1), n+1, 1)
		assert.Equal(t, len(want.work), len(got.work), "%d", n)
		assert.Equal(t, want.work[0], got.work[0], "%d", n)
	}
}

func TestEigenPanics(t *testing.T) {
	type arguments struct {
		job     lapack.EVJob
		uplo    blas.Uplo
		n       int
		a       []float64
		lda     int
		w, work []float64
		lwork   int
	}
	for name, spoil := range map[string]func(*arguments){
		"nothing":        func(a *arguments) {},
		"job":            func(a *arguments) { a.job = 'x' },
		"triangle":       func(a *arguments) { a.uplo = 'x' },
		"negative n":     func(a *arguments) { a.n = -1 },
		"lda":            func(a *arguments) { a.lda = 19 },
		"lwork":          func(a *arguments) { a.lwork = 58 },
		"negative lwork": func(a *arguments) { a.lwork = -2 },
		"short work":     func(a *arguments) { a.work = a.work[:59] },
		"no work":        func(a *arguments) { a.work = nil; a.lwork = -1 },
		"short a":        func(a *arguments) { a.a = a.a[:399] },
		"short w":        func(a *arguments) { a.w = a.w[:19] },
	} {
		message := func(impl lapack.Float64) string {
			x := arguments{lapack.EVCompute, blas.Lower, 20, matrix(0, 20, 20, 20), 20, make([]float64, 20), make([]float64, 60), 60}
			spoil(&x)
			return objection(func() { impl.Dsyev(x.job, x.uplo, x.n, x.a, x.lda, x.w, x.work, x.lwork) })
		}
		want := message(gonum.Implementation{})
		assert.Equal(t, want, message(Implementation{}), name)
		assert.Equal(t, name == "nothing", want == "", name)
	}
}

func TestEigenFailure(t *testing.T) {
	defer func(n int) { eigenSweeps = n }(eigenSweeps)
	eigenSweeps = 0
	assert.False(t, eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, 20, matrix(0, 20, 20, 20), 20, 1).ok)
	assert.True(t, eigenOf(Implementation{}, lapack.EVCompute, blas.Lower, 20, matrix(2, 20, 20, 20), 20, 1).ok, "the identity needs none")
}
