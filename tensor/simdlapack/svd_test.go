package simdlapack

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/blas64"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/lapack/testlapack"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/tensor/simdblas"
)

var jobs = []lapack.SVDJob{lapack.SVDAll, lapack.SVDStore, lapack.SVDNone}

// svd is a call of Dgesvd and its results.
type svd struct {
	m, n, lda, ldu, ldvt int
	jobU, jobVT          lapack.SVDJob
	a, s, u, vt, work    []float64
	ok                   bool
}

// decompose computes the decomposition of a. lwork is 0 for the least and 1 for what is
// best.
func decompose(impl lapack.Float64, jobU, jobVT lapack.SVDJob, m, n int, a []float64, lda, lwork int) *svd {
	k := min(m, n)
	c := &svd{m: m, n: n, lda: lda, ldu: m + 2, ldvt: n + 1, jobU: jobU, jobVT: jobVT, a: slices.Clone(a), s: junk(1, k)}
	c.u, c.vt = junk(m, c.ldu), junk(n, c.ldvt)
	c.work = junk(1, max(3*k+max(m, n), 5*k, 1))
	if lwork != 0 {
		var best [1]float64
		impl.Dgesvd(jobU, jobVT, m, n, c.a, lda, c.s, c.u, c.ldu, c.vt, c.ldvt, best[:], -1)
		c.work = junk(1, int(best[0]))
	}
	c.ok = impl.Dgesvd(jobU, jobVT, m, n, c.a, lda, c.s, c.u, c.ldu, c.vt, c.ldvt, c.work, len(c.work))
	return c
}

// vectors returns how many columns of u and rows of vt c has.
func (c *svd) vectors() (u, vt int) {
	u, _ = vectorsOf(c.jobU, c.m, len(c.s))
	vt, _ = vectorsOf(c.jobVT, c.n, len(c.s))
	return u, vt
}

// check looks whether c is a decomposition of a.
func (c *svd) check(t *testing.T, a []float64) {
	t.Helper()
	k := len(c.s)
	u, vt := c.vectors()
	bound := 4e-16 * float64(10+max(c.m, c.n))
	require.True(t, c.ok)
	require.False(t, spoiled(c.a, c.m, c.n, c.lda), "a was written beyond its rows")
	require.False(t, spoiled(c.u, c.m, u, c.ldu), "u was written beyond its rows")
	require.False(t, spoiled(c.vt, vt, c.n, c.ldvt), "vt was written beyond its rows")
	for i := range k {
		require.GreaterOrEqual(t, c.s[i], 0.0, "singular value %d", i)
		require.True(t, i == 0 || c.s[i] <= c.s[i-1], "singular values %v", c.s)
	}
	if u > 0 {
		require.LessOrEqual(t, orthogonality(c.u, c.m, u, c.ldu, false), bound, "u is not orthogonal")
	}
	if vt > 0 {
		require.LessOrEqual(t, orthogonality(c.vt, vt, c.n, c.ldvt, true), bound, "vt is not orthogonal")
	}
	if u > 0 && vt > 0 {
		// Subnormal results are integers of a few digits.
		slack := 0.0
		if norm := maxAbs(a, c.m, c.n, c.lda); norm > 0 {
			slack = float64(k) * 5e-324 / norm
		}
		require.LessOrEqual(t, residual(a, c.m, c.n, c.lda, k, c.u, c.ldu, c.s, c.vt, c.ldvt), 2*bound+slack, "A is not U·S·Vᵀ")
	}
}

// alike looks whether c and want, decompositions of the same matrix, have the same
// singular values.
func (c *svd) alike(t *testing.T, want *svd) {
	t.Helper()
	if len(c.s) == 0 {
		return
	}
	bound := want.s[0]*4e-16*float64(10+max(c.m, c.n)) + 5e-324
	for i, s := range want.s {
		require.InDelta(t, s, c.s[i], bound, "singular value %d", i)
	}
}

var svdShapes = [][2]int{
	{1, 1}, {1, 20}, {20, 1}, {7, 7}, {8, 8}, {9, 8}, {8, 9}, {12, 8}, {13, 8}, {8, 13}, {15, 15}, {16, 16}, {17, 17},
	{33, 20}, {31, 20}, {20, 31}, {20, 33}, {100, 9}, {9, 100}, {40, 50}, {50, 40}, {64, 64},
}

// TestSVD decomposes all kinds of matrices in all shapes, with gonum's own BLAS and
// with simdblas.
func TestSVD(t *testing.T) {
	defer blas64.Use(blasgonum.Implementation{})
	for kind := range kinds {
		t.Run(kinds[kind].name, func(t *testing.T) {
			for at, shape := range svdShapes {
				if at%2 == 0 {
					blas64.Use(simdblas.Implementation{})
				} else {
					blas64.Use(blasgonum.Implementation{})
				}
				m, n := shape[0], shape[1]
				lda := n + at%3
				a := matrix(kind, m, n, lda)
				want := decompose(gonum.Implementation{}, lapack.SVDAll, lapack.SVDAll, m, n, a, lda, 1)
				require.True(t, want.ok)
				for i, jobU := range jobs {
					for j, jobVT := range jobs {
						got := decompose(Implementation{}, jobU, jobVT, m, n, a, lda, (i+j+at)%2)
						t.Run(fmt.Sprintf("%d×%d %c%c", m, n, jobU, jobVT), func(t *testing.T) {
							got.check(t, a)
							got.alike(t, want)
						})
					}
				}
			}
		})
	}
}

// TestSVDSets computes with each instruction set, and has them differ by rounding
// alone.
func TestSVDSets(t *testing.T) {
	for _, set := range isa.Implementations() {
		t.Run(set, func(t *testing.T) {
			defer isa.Use(set)()
			for _, shape := range [][2]int{{100, 100}, {130, 100}, {100, 120}, {200, 33}, {33, 200}} {
				m, n := shape[0], shape[1]
				a := matrix(0, m, n, n)
				got := decompose(Implementation{}, lapack.SVDStore, lapack.SVDStore, m, n, a, n, 1)
				got.check(t, a)
				got.alike(t, decompose(gonum.Implementation{}, lapack.SVDStore, lapack.SVDStore, m, n, a, n, 1))
			}
		})
	}
}

// TestSVDVectors has the vectors of distinct singular values be gonum's, up to
// the sign that a pair of them may change.
func TestSVDVectors(t *testing.T) {
	for _, shape := range [][2]int{{30, 30}, {40, 30}, {30, 40}, {80, 30}, {30, 80}} {
		m, n := shape[0], shape[1]
		a := matrix(0, m, n, n)
		got := decompose(Implementation{}, lapack.SVDStore, lapack.SVDStore, m, n, a, n, 1)
		want := decompose(gonum.Implementation{}, lapack.SVDStore, lapack.SVDStore, m, n, a, n, 1)
		for k := range got.s {
			sign := 0.0
			for i := range m {
				sign += got.u[i*got.ldu+k] * want.u[i*want.ldu+k]
			}
			sign = math.Copysign(1, sign)
			for i := range m {
				require.InDelta(t, want.u[i*want.ldu+k], sign*got.u[i*got.ldu+k], 1e-11)
			}
			for j := range n {
				require.InDelta(t, want.vt[k*want.ldvt+j], sign*got.vt[k*got.ldvt+j], 1e-11)
			}
		}
	}
}

// TestSVDGonum runs gonum's own test.
func TestSVDGonum(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	testlapack.DgesvdTest(t, Implementation{}, 1e-13)
}

// TestSVDNotFinite has matrices with NaN fail as gonum's do, and those with infinity
// as well, where gonum does not return.
func TestSVDNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, shape := range [][2]int{{10, 10}, {12, 10}, {10, 12}, {30, 10}, {10, 30}, {1, 9}, {9, 1}} {
			m, n := shape[0], shape[1]
			for at := range 3 {
				a := matrix(0, m, n, n)
				a[at*(len(a)-1)/2] = v
				got := decompose(Implementation{}, lapack.SVDStore, lapack.SVDStore, m, n, a, n, 1)
				if min(m, n) == 1 || math.IsNaN(v) {
					want := decompose(gonum.Implementation{}, lapack.SVDStore, lapack.SVDStore, m, n, a, n, 1)
					assert.Equal(t, want.ok, got.ok, "%v in %d×%d", v, m, n)
					assert.Equal(t, fmt.Sprint(want.s), fmt.Sprint(got.s), "%v in %d×%d", v, m, n)
				} else {
					assert.False(t, got.ok)
					for _, s := range got.s {
						assert.True(t, math.IsNaN(s))
					}
				}
			}
		}
	}
}

// TestSVDQuery has the answer to a query, and what work holds afterwards, be gonum's.
func TestSVDQuery(t *testing.T) {
	for _, shape := range append(svdShapes, [2]int{0, 0}, [2]int{0, 9}, [2]int{9, 0}) {
		m, n := shape[0], shape[1]
		for _, jobU := range jobs {
			for _, jobVT := range jobs {
				got := decompose(Implementation{}, jobU, jobVT, m, n, matrix(0, m, n, n+1), n+1, 1)
				want := decompose(gonum.Implementation{}, jobU, jobVT, m, n, matrix(0, m, n, n+1), n+1, 1)
				assert.Equal(t, len(want.work), len(got.work), "%d×%d %c%c", m, n, jobU, jobVT)
				assert.Equal(t, want.work[0], got.work[0], "%d×%d %c%c", m, n, jobU, jobVT)
				assert.True(t, got.ok)
			}
		}
	}
}

// TestSVDPanics has wrong arguments panic as gonum's do.
func TestSVDPanics(t *testing.T) {
	type arguments struct {
		jobU, jobVT lapack.SVDJob
		m, n        int
		a           []float64
		lda         int
		s, u        []float64
		ldu         int
		vt          []float64
		ldvt        int
		work        []float64
		lwork       int
	}
	numbers := func(n int) []float64 { return make([]float64, n) }
	for name, spoil := range map[string]func(*arguments){
		"nothing":        func(a *arguments) {},
		"overwrite U":    func(a *arguments) { a.jobU = lapack.SVDOverwrite },
		"overwrite V":    func(a *arguments) { a.jobVT = lapack.SVDOverwrite },
		"no job":         func(a *arguments) { a.jobU = 'x' },
		"no job for V":   func(a *arguments) { a.jobVT = 'x' },
		"negative m":     func(a *arguments) { a.m = -1 },
		"negative n":     func(a *arguments) { a.n = -1 },
		"lda":            func(a *arguments) { a.lda = 9 },
		"ldu":            func(a *arguments) { a.ldu = 11 },
		"ldu of 0":       func(a *arguments) { a.jobU = lapack.SVDNone; a.ldu = 0 },
		"ldvt":           func(a *arguments) { a.ldvt = 9 },
		"ldvt of 0":      func(a *arguments) { a.jobVT = lapack.SVDNone; a.ldvt = 0 },
		"lwork":          func(a *arguments) { a.lwork = 49 },
		"negative lwork": func(a *arguments) { a.lwork = -2 },
		"short work":     func(a *arguments) { a.work = a.work[:99] },
		"no work":        func(a *arguments) { a.work = nil; a.lwork = -1 },
		"short a":        func(a *arguments) { a.a = a.a[:119] },
		"short s":        func(a *arguments) { a.s = a.s[:9] },
		"short u":        func(a *arguments) { a.u = a.u[:143] },
		"short vt":       func(a *arguments) { a.vt = a.vt[:99] },
	} {
		message := func(impl lapack.Float64) string {
			x := arguments{lapack.SVDAll, lapack.SVDAll, 12, 10, matrix(0, 12, 10, 10), 10, numbers(10), numbers(144), 12, numbers(100), 10, numbers(100), 100}
			spoil(&x)
			return objection(func() {
				impl.Dgesvd(x.jobU, x.jobVT, x.m, x.n, x.a, x.lda, x.s, x.u, x.ldu, x.vt, x.ldvt, x.work, x.lwork)
			})
		}
		want := message(gonum.Implementation{})
		assert.Equal(t, want, message(Implementation{}), name)
		assert.Equal(t, name == "nothing", want == "", name)
	}
}

// TestSVDFailure has the iteration end before its time.
func TestSVDFailure(t *testing.T) {
	defer func(n int) { svdSweeps = n }(svdSweeps)
	svdSweeps = 0
	for kind, name := range map[int]string{0: "normal", 15: "huge", 17: "tiny"} {
		require.Equal(t, name, kinds[kind].name)
		for _, shape := range [][2]int{{20, 20}, {20, 25}, {50, 20}, {20, 50}} {
			m, n := shape[0], shape[1]
			a := matrix(kind, m, n, n)
			got := decompose(Implementation{}, lapack.SVDAll, lapack.SVDAll, m, n, a, n, 1)
			assert.False(t, got.ok)
			left := 0
			for _, v := range got.work[1:20] {
				if v != 0 && v != unused {
					left++
				}
				assert.LessOrEqual(t, math.Abs(v), 20*maxAbs(a, m, n, n))
			}
			assert.NotZero(t, left, "work says what is left")
		}
	}
}

// TestSVDThreads has the number of threads change no bit, and uses the pool of
// memory from several goroutines.
func TestSVDThreads(t *testing.T) {
	defer parallel.SetThreads(parallel.Threads())
	a := matrix(0, 150, 120, 120)
	parallel.SetThreads(1)
	want := decompose(Implementation{}, lapack.SVDAll, lapack.SVDAll, 150, 120, a, 120, 1)
	parallel.SetThreads(3)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			small := matrix(i, 20+i, 20, 20)
			for range 3 {
				got := decompose(Implementation{}, lapack.SVDAll, lapack.SVDAll, 150, 120, a, 120, 1)
				assert.Equal(t, want.s, got.s)
				assert.Equal(t, want.u, got.u)
				assert.Equal(t, want.vt, got.vt)
				assert.True(t, decompose(Implementation{}, lapack.SVDStore, lapack.SVDNone, 20+i, 20, small, 20, 0).ok)
			}
		})
	}
	group.Wait()
}
