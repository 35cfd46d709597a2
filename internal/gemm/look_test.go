package gemm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// A product that overflows in any single element is not taken for a finite one, and one
// of the largest numbers is.
func TestLook(t *testing.T) {
	everyImplementation(t, func(t *testing.T) { testLook[float32](t, 1e30) }, func(t *testing.T) { testLook[float64](t, 1e200) })
}

func testLook[T Float](t *testing.T, large T) {
	const k = 3
	for _, size := range [][2]int{{1, 1}, {1, 40}, {40, 1}, {2, 3}, {14, 32}, {15, 33}, {29, 17}, {6, 16}, {45, 70}, {13, 8}} {
		m, n := size[0], size[1]
		for op := range 4 {
			g := gemmCase{tA: op&1 != 0, tB: op&2 != 0, m: m, n: n, k: k, alpha: 1, p: 2}
			a, b, c := make([]T, m*k), make([]T, k*n), make([]T, m*(n+2))
			for i := range c {
				c[i] = T(math.NaN()) // was there before, or lies between rows
			}
			lda, ldb, atA, atB := k, n, func(i int) int { return i*k + 1 }, func(j int) int { return n + j }
			if g.tA {
				lda, atA = m, func(i int) int { return m + i }
			}
			if g.tB {
				ldb, atB = k, func(j int) int { return j*k + 1 }
			}
			var l Look[T]
			product := func() bool {
				gemmOf[T](g, a, lda, b, ldb, c, n+2, &l)
				return l.Finite
			}
			seen := product() // a single row or column need not be looked at
			require.True(t, seen == asm.looks() || min(m, n) == 1, "%v", g)
			for i := range m {
				a[atA(i)] = large
				require.Equal(t, seen, product(), "%v", g)
				for j := range n {
					b[atB(j)] = large
					require.False(t, product(), "%v at %d, %d", g, i, j)
					b[atB(j)] = 0
				}
				a[atA(i)] = 0
			}
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				b[0] = T(bad)
				require.False(t, product(), "%v with %v", g, bad)
			}
		}
	}
}

// Products of many steps, whose tiles are written several times, and those that are
// added to something are not looked at.
func TestLookLong(t *testing.T) {
	for _, k := range []int{0, 1024, 1025, 5000} {
		for _, beta := range []float32{0, 1} {
			l := Look[float32]{Finite: true}
			SgemmEpilogue(false, false, 20, 20, k, 1, make([]float32, 20*k), max(k, 1), make([]float32, 20*k), 20, beta, make([]float32, 400), 20, &l)
			require.Equal(t, asm.looks() && k == 1024 && beta == 0, l.Finite, "%d steps, beta %v", k, beta)
		}
	}
	if asm.canPair() {
		var l Look[float32]
		const n = 256
		a, b := make([]float32, n*n), make([]float32, n*n)
		product := func() bool {
			SgemmBFloat16(false, false, n, n, n, 1, a, n, b, n, 0, make([]float32, n*n), n, &l)
			return l.Finite
		}
		require.True(t, product())
		a[7*n+3], b[3*n+n-1] = 1e30, 1e30
		require.False(t, product())
	}
}
