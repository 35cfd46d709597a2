package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSmallVectors holds SmallMatVec and SmallVecMat to plain sums. The slices end
// at memory that may not be touched, gaps must stay as they are, and what must not be
// read is NaN.
func TestSmallVectors(t *testing.T) {
	if !SmallVectors() {
		t.Skip("no assembly here")
	}
	r := rand.New(rand.NewPCG(7, 8))
	const most = 70
	mem := guarded[float64](t, most*(most+3))
	memX, memY := guarded[float64](t, 3*most), guarded[float64](t, 3*most)
	last := func(mem []float64, n int) []float64 { return mem[len(mem)-n:] }
	fill := func(x []float64, inc int) []float64 {
		for i := range x {
			x[i] = math.NaN()
			if i%inc == 0 {
				x[i] = r.NormFloat64()
			}
		}
		return x
	}
	check := func(transposed bool, m, n, lda, inc, gaps int, alpha, beta float64) {
		a := last(mem, (m-1)*lda+n)
		for i := range a {
			a[i] = math.NaN()
			if i%lda < n {
				a[i] = r.NormFloat64()
			}
		}
		lenX, lenY, incX, incY := n, m, gaps, inc
		if transposed {
			lenX, lenY, incX, incY = m, n, inc, gaps
		}
		x, y := fill(last(memX, (lenX-1)*incX+1), incX), fill(last(memY, (lenY-1)*incY+1), incY)
		want, size := append([]float64(nil), y...), make([]float64, len(y))
		for i := range lenY {
			var sum, abs float64
			for j := range lenX {
				v := a[min(i*lda+j, len(a)-1)]
				if transposed {
					v = a[j*lda+i]
				}
				sum += v * x[j*incX]
				abs += math.Abs(v * x[j*incX])
			}
			sum *= alpha
			abs *= math.Abs(alpha)
			if beta != 0 {
				sum += beta * y[i*incY]
				abs += math.Abs(beta * y[i*incY])
			} else {
				y[i*incY] = math.NaN()
			}
			want[i*incY], size[i*incY] = sum, abs
		}
		if transposed {
			SmallVecMat(m, n, alpha, a, lda, x, incX, beta, y, incY)
		} else if incX > 1 {
			SmallMatVecGaps(m, n, alpha, a, lda, x, incX, beta, y, incY)
		} else {
			SmallMatVec(m, n, alpha, a, lda, x, beta, y, incY)
		}
		for i := range want {
			bound := float64(lenX+3) * 0x1p-52 * size[i]
			if !(math.Abs(y[i]-want[i]) <= bound) && !(math.IsNaN(want[i]) && math.IsNaN(y[i])) {
				require.FailNow(t, "wrong", "transposed %v, %d×%d, lda %d, inc %d, gaps %d, alpha %v, beta %v: element %d is %v, want %v", transposed, m, n, lda, inc, gaps, alpha, beta, i, y[i], want[i])
			}
		}
	}
	for m := 1; m <= most; m++ {
		for n := 1; n <= most; n++ {
			for _, transposed := range []bool{false, true} {
				check(transposed, m, n, n+(m+n)%4, 1+(m+2*n)%3, 1, []float64{1, -0.5}[m%2], []float64{0, 1, -2}[n%3])
				if transposed || n <= SmallGaps {
					for i, beta := range []float64{0, 1, -2} {
						check(transposed, m, n, n+(m+n)%4, 1+(m+2*n)%3, 2+i%2, []float64{1, -0.5}[m%2], beta)
					}
				}
			}
		}
	}
}

// TestSmallVectorsNaN has one element that is not finite, in each place: it reaches
// the elements of y that it should, and no other.
func TestSmallVectorsNaN(t *testing.T) {
	if !SmallVectors() {
		t.Skip("no assembly here")
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, size := range [][2]int{{1, 1}, {3, 5}, {4, 8}, {6, 11}, {7, 33}, {9, 47}} {
			m, n := size[0], size[1]
			for at := range m * n {
				a, x, y := make([]float64, m*n), make([]float64, max(m, n)), make([]float64, max(m, n))
				for i := range x {
					x[i] = 1
				}
				a[at] = bad
				what := fmt.Sprintf("%v at %d of %v", bad, at, size)
				expect := func(i int, v float64, hit int) {
					if i != hit {
						bad = 0
					}
					require.True(t, v == bad || v != v && bad != bad, what)
				}
				keep := bad
				SmallMatVec(m, n, 1, a, n, x, 0, y, 1)
				for i := range m {
					expect(i, y[i], at/n)
					bad = keep
				}
				SmallVecMat(m, n, 1, a, n, x, 1, 0, y, 1)
				for j := range n {
					expect(j, y[j], at%n)
					bad = keep
				}
			}
		}
	}
}

// TestTwice holds Twice to plain sums, on slices that end at memory that may not be
// touched.
func TestTwice(t *testing.T) {
	if !SmallVectors() {
		t.Skip("no assembly here")
	}
	r := rand.New(rand.NewPCG(9, 10))
	const most = 40
	mem, memX, memY := guarded[float64](t, 4*(most+3)), guarded[float64](t, most), guarded[float64](t, most)
	for n := 1; n <= most; n++ {
		lda := n + n%4
		a, x, y := mem[len(mem)-3*lda-n:], memX[most-n:], memY[most-n:]
		var scaled, sums, wantSums [4]float64
		for _, s := range [][]float64{a, x, y, scaled[:]} {
			for i := range s {
				s[i] = float64(r.IntN(200) - 100) // so that sums are exact
			}
		}
		want := append([]float64(nil), y...)
		for i := range 4 {
			for j := range n {
				wantSums[i] += a[i*lda+j] * x[j]
				want[j] += a[i*lda+j] * scaled[i]
			}
		}
		Twice(n, a, lda, x, &scaled, y, &sums)
		require.Equal(t, wantSums, sums, n)
		require.Equal(t, want, y, n)
		if n%2 == 1 { // one that is not finite, in the last column
			a[2*lda+n-1] = math.NaN()
			Twice(n, a, lda, x, &scaled, y, &sums)
			for i, v := range sums {
				require.Equal(t, i == 2, v != v, n)
			}
			for j, v := range y {
				require.Equal(t, j == n-1, v != v, n)
			}
		}
	}
}
