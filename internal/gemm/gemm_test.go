package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/parallel"
)

// gemmCase is one call with everything that can be chosen about it.
type gemmCase struct {
	tA, tB        bool
	m, n, k       int
	alpha, beta   float64
	padA, padB, p int // added to the leading dimensions; p is C's
}

func (g gemmCase) String() string {
	op := map[bool]string{false: "n", true: "t"}
	return fmt.Sprintf("%s%s m=%d n=%d k=%d alpha=%v beta=%v pads=%d,%d,%d",
		op[g.tA], op[g.tB], g.m, g.n, g.k, g.alpha, g.beta, g.padA, g.padB, g.p)
}

// matrix returns random numbers for a rows×cols matrix whose leading dimension
// is pad longer than a row. What lies between the rows is NaN, so that reading
// it shows.
func matrix[T Float](r *rand.Rand, buf []T, rows, cols, pad int) (x []T, ld int) {
	ld = max(cols, 1) + pad
	if rows == 0 || cols == 0 {
		return nil, ld
	}
	n := (rows-1)*ld + cols
	x = buf[len(buf)-n:] // so that it ends where the buffer does
	for i := range x {
		if i%ld < cols {
			x[i] = T(r.NormFloat64())
		} else {
			x[i] = T(math.NaN())
		}
	}
	return x, ld
}

// gemmOf is the function under test for T.
func gemmOf[T Float](g gemmCase, a []T, lda int, b []T, ldb int, c []T, ldc int, epi Epilogue[T]) {
	switch a := any(a).(type) {
	case []float32:
		e, _ := any(epi).(Epilogue[float32])
		SgemmEpilogue(g.tA, g.tB, g.m, g.n, g.k, float32(g.alpha), a, lda, any(b).([]float32), ldb, float32(g.beta), any(c).([]float32), ldc, e)
	case []float64:
		e, _ := any(epi).(Epilogue[float64])
		DgemmEpilogue(g.tA, g.tB, g.m, g.n, g.k, g.alpha, a, lda, any(b).([]float64), ldb, g.beta, any(c).([]float64), ldc, e)
	}
}

// brief says that time is precious, as it is under the race detector.
func brief() bool { return testing.Short() || raceEnabled }

// tooSlow says that a product takes longer than it teaches.
func tooSlow(implementation string, m, n, k int) bool {
	limit := 1e8
	if implementation == "generic" {
		limit /= 10
	}
	if brief() {
		limit /= 20
	}
	return float64(m)*float64(n)*float64(k) > limit
}

const canary = 12345.5

// checkGemm compares one call, under each set of kernels, with the definition.
func checkGemm[T Float](t *testing.T, r *rand.Rand, g gemmCase, bufA, bufB, bufC []T) {
	t.Helper()
	ar, ac, br, bc := g.m, g.k, g.k, g.n
	if g.tA {
		ar, ac = ac, ar
	}
	if g.tB {
		br, bc = bc, br
	}
	a, lda := matrix(r, bufA, ar, ac, g.padA)
	b, ldb := matrix(r, bufB, br, bc, g.padB)
	before := make([]T, g.m*g.n)
	for i := range before {
		before[i] = T(r.NormFloat64())
	}
	want, bound := define(g, a, lda, b, ldb, before)

	ldc := max(g.n, 1) + g.p
	offset := len(bufC) - (max(g.m, 1)-1)*ldc - g.n
	c := bufC[offset:]
	for _, name := range isa.Implementations() {
		if tooSlow(name, g.m, g.n, g.k) {
			continue
		}
		for i := range bufC {
			bufC[i] = canary
		}
		for i := range g.m {
			for j := range g.n {
				c[i*ldc+j] = T(math.NaN())
				if g.beta != 0 {
					c[i*ldc+j] = before[i*g.n+j]
				}
			}
		}
		undo := isa.Use(name)
		gemmOf(g, a, lda, b, ldb, c, ldc, nil)
		undo()
		for i := range g.m {
			for j := range g.n {
				x := i*g.n + j
				if got := float64(c[i*ldc+j]); !(math.Abs(got-want[x]) <= bound[x]) {
					t.Fatalf("%s %v: C[%d,%d] = %v, want %v", name, g, i, j, got, want[x])
				}
				c[i*ldc+j] = canary
			}
		}
		for i, x := range bufC {
			if x != canary {
				t.Fatalf("%s %v: element %d outside of C was written", name, g, i-offset)
			}
		}
	}
}

// define computes a product in float64, and how far rounding in T may take an
// element from it in any order of summation.
func define[T Float](g gemmCase, a []T, lda int, b []T, ldb int, before []T) (want, bound []float64) {
	eps := 0x1p-24
	if sizeof[T]() == 8 {
		eps = 0x1p-53
	}
	alpha, beta := float64(T(g.alpha)), float64(T(g.beta))
	want, bound = make([]float64, g.m*g.n), make([]float64, g.m*g.n)
	bt := make([]float64, g.n*g.k) // op(B)ᵀ
	for p := range g.k {
		for j := range g.n {
			if g.tB {
				bt[j*g.k+p] = float64(b[j*ldb+p])
			} else {
				bt[j*g.k+p] = float64(b[p*ldb+j])
			}
		}
	}
	row := make([]float64, g.k)
	for i := range g.m {
		for p := range row {
			if g.tA {
				row[p] = float64(a[p*lda+i])
			} else {
				row[p] = float64(a[i*lda+p])
			}
		}
		for j := range g.n {
			var sum, size float64
			for p, y := range bt[j*g.k:][:g.k] {
				v := row[p] * y
				sum += v
				size += math.Abs(v)
			}
			x := i*g.n + j
			old := beta * float64(before[x])
			want[x] = alpha*sum + old
			bound[x] = float64(g.k+4) * eps * (math.Abs(alpha)*size + math.Abs(old))
		}
	}
	return want, bound
}

// everyImplementation runs f under each set of kernels and for each type.
func everyImplementation(t *testing.T, f32, f64 func(t *testing.T)) {
	for _, name := range isa.Implementations() {
		undo := isa.Use(name)
		t.Run(name+"/float32", f32)
		t.Run(name+"/float64", f64)
		undo()
	}
}

var scalars = []float64{1, 0, -0.75}

// TestGemmSmall goes through all small sizes, with the other choices cycling.
func TestGemmSmall(t *testing.T) {
	t.Run("float32", testGemmSmall[float32])
	t.Run("float64", testGemmSmall[float64])
}

func testGemmSmall[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, b, c := make([]T, 600), make([]T, 600), make([]T, 700)
	top := 20
	if brief() {
		top = 9
	}
	i := 0
	for m := range top + 1 {
		for n := range top + 1 {
			for k := range top + 1 {
				checkGemm(t, r, gemmCase{i&1 != 0, i&2 != 0, m, n, k,
					scalars[i/4%3], scalars[i/12%3], i / 5 % 3, i / 7 % 4, i / 11 % 5}, a, b, c)
				i++
			}
		}
	}
}

// largeSizes reach every path: one and many panels, blocks, slabs and tasks;
// factors in place, packed by a task or together; rows 4 KB apart; vectors.
var largeSizes = [][3]int{
	{64, 128, 96}, {64, 100, 784}, {65, 33, 67}, {13, 47, 1030}, {128, 129, 40},
	{129, 130, 131}, {200, 65, 1100}, {200, 190, 250}, {130, 140, 2100}, {2100, 140, 40},
	{784, 64, 64}, {500, 17, 64}, {33, 1024, 20}, {131, 1024, 50}, {1024, 70, 3}, {30, 30, 1024}, {140, 30, 1024}, {20, 30, 2100},
	{1, 300, 200}, {300, 1, 200}, {1, 1, 3000}, {2, 200, 100}, {200, 2, 100}, {1, 2000, 1}, {400, 400, 1},
}

func TestGemmLarge(t *testing.T) {
	t.Run("float32", testGemmLarge[float32])
	t.Run("float64", testGemmLarge[float64])
}

func testGemmLarge[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	for _, s := range largeSizes {
		n = max(n, (s[0]+8)*(s[1]+8), (s[0]+8)*(s[2]+8), (s[1]+8)*(s[2]+8))
	}
	a, b, c := guarded[T](t, n), guarded[T](t, n), guarded[T](t, n)
	for i, s := range largeSizes {
		for op := range 4 {
			if brief() && op != i%4 {
				continue
			}
			j := (i + op/2) % 2
			checkGemm(t, r, gemmCase{op&1 != 0, op&2 != 0, s[0], s[1], s[2],
				scalars[(i+op)%2*2], scalars[(i/2+op)%3], j * 3, j * 5, j * 7}, a, b, c)
		}
	}
}

// TestGemmNonFinite puts single values that must not get lost next to zeros.
func TestGemmNonFinite(t *testing.T) {
	everyImplementation(t, testGemmNonFinite[float32], testGemmNonFinite[float64])
}

func testGemmNonFinite[T Float](t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, s := range [][3]int{{3, 4, 5}, {70, 40, 33}, {200, 150, 140}, {9, 1, 20}, {1, 9, 20}} {
		m, n, k := s[0], s[1], s[2]
		if tooSlow(isa.Best(), m, n, k) {
			continue
		}
		for op := range 4 {
			g := gemmCase{tA: op&1 != 0, tB: op&2 != 0, m: m, n: n, k: k, alpha: 1}
			lda, ldb := k, n
			if g.tA {
				lda = m
			}
			if g.tB {
				ldb = k
			}
			for _, bad := range []float64{inf, -inf, nan} {
				a, b, c := make([]T, m*k), make([]T, k*n), make([]T, m*n)
				i, j, p := m-1, n/2, k/2
				at := i*lda + p
				if g.tA {
					at = p*lda + i
				}
				a[at] = T(bad) // meets only zeros
				gemmOf(g, a, lda, b, ldb, c, n, nil)
				for x, v := range c {
					if (v != v) != (x/n == i) {
						t.Fatalf("%v: A has %v, C[%d,%d] = %v", g, bad, x/n, x%n, v)
					}
				}
				a[at] = 0
				at = p*ldb + j
				if g.tB {
					at = j*ldb + p
				}
				b[at] = T(bad)
				gemmOf(g, a, lda, b, ldb, c, n, nil)
				for x, v := range c {
					if (v != v) != (x%n == j) {
						t.Fatalf("%v: B has %v, C[%d,%d] = %v", g, bad, x/n, x%n, v)
					}
				}
			}

			// alpha = 0 reads neither factor, beta = 0 does not read C.
			a, b, c := make([]T, m*k), make([]T, k*n), make([]T, m*n)
			for _, x := range [][]T{a, b, c} {
				for i := range x {
					x[i] = T(nan)
				}
			}
			g.alpha = 0
			gemmOf(g, a, lda, b, ldb, c, n, nil)
			require.Equal(t, make([]T, m*n), c, "%v", g)
			for i := range c {
				c[i] = T(inf)
			}
			g.beta = -2
			gemmOf(g, a, lda, b, ldb, c, n, nil)
			for _, v := range c {
				if v != T(-inf) {
					t.Fatalf("%v: -2·Inf = %v", g, v)
				}
			}
		}
	}
}

// TestGemmSigns checks that negative zeros behave as in a sum that starts at
// +0, and that a product of subnormals with a large factor survives.
func TestGemmSigns(t *testing.T) {
	everyImplementation(t, testGemmSigns[float32], testGemmSigns[float64])
}

func testGemmSigns[T Float](t *testing.T) {
	tiny := T(math.SmallestNonzeroFloat32)
	negZero := T(math.Copysign(0, -1))
	for _, s := range [][2]int{{2, 3}, {40, 50}, {1, 20}, {20, 1}} {
		m, n := s[0], s[1]
		a, b, c := make([]T, m), make([]T, n), make([]T, m*n)
		for i := range a {
			a[i] = negZero
		}
		for j := range b {
			b[j] = 1
		}
		g := gemmCase{m: m, n: n, k: 1, alpha: 1}
		gemmOf(g, a, 1, b, n, c, n, nil)
		for _, v := range c {
			require.True(t, v == 0 && !math.Signbit(float64(v)))
		}
		for i := range a {
			a[i] = tiny
		}
		for j := range b {
			b[j] = T(0x1p100)
		}
		gemmOf(g, a, 1, b, n, c, n, nil)
		for _, v := range c {
			require.Equal(t, tiny*T(0x1p100), v)
		}
	}
}

// TestGemmThreads checks that the bits do not depend on the number of threads.
func TestGemmThreads(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(procs, 2))
	defer runtime.GOMAXPROCS(procs)
	defer parallel.SetThreads(0)
	everyImplementation(t, testGemmThreads[float32], testGemmThreads[float64])
}

func testGemmThreads[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range [][3]int{{64, 256, 128}, {140, 150, 200}, {1, 3000, 200}, {3000, 1, 200}, {1000, 24, 70}, {64, 300, 200}, {300, 300, 1100}} {
		if tooSlow(isa.Best(), s[0], s[1], s[2]) {
			continue
		}
		for op := range 4 {
			g := gemmCase{tA: op&1 != 0, tB: op&2 != 0, m: s[0], n: s[1], k: s[2], alpha: 1.5, beta: 0.5}
			lda, ldb := g.k, g.n
			if g.tA {
				lda = g.m
			}
			if g.tB {
				ldb = g.k
			}
			a, _ := matrix(r, make([]T, g.m*g.k), 1, g.m*g.k, 0)
			b, _ := matrix(r, make([]T, g.k*g.n), 1, g.k*g.n, 0)
			c, _ := matrix(r, make([]T, g.m*g.n), 1, g.m*g.n, 0)
			var first []T
			for _, threads := range []int{1, 2, 5} {
				parallel.SetThreads(threads)
				got := append([]T(nil), c...)
				gemmOf(g, a, lda, b, ldb, got, g.n, nil)
				if first == nil {
					first = got
				}
				require.Equal(t, first, got, "%v with %d threads", g, threads)
			}
		}
	}
}

// mark is an epilogue that adds 1000 to each element it is given.
type mark[T Float] struct{ m, n int }

func (e mark[T]) Apply(c []T, ldc, i0, i1, j0, j1 int) {
	if i0 < 0 || i0 >= i1 || i1 > e.m || j0 < 0 || j0 >= j1 || j1 > e.n {
		panic("bad block")
	}
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; j++ {
			c[i*ldc+j] += 1000
		}
	}
}

// TestGemmEpilogue checks that each element meets the epilogue once, after it
// is final: the product is of small integers, so the result is exact.
func TestGemmEpilogue(t *testing.T) {
	everyImplementation(t, testGemmEpilogue[float32], testGemmEpilogue[float64])
}

func testGemmEpilogue[T Float](t *testing.T) {
	for _, s := range append(largeSizes, [3]int{3, 5, 0}, [3]int{2, 3, 4}, [3]int{150, 150, 2100}) {
		m, n, k := s[0], s[1], s[2]
		if tooSlow(isa.Best(), m, n, k) {
			continue
		}
		for op := range 4 {
			for _, beta := range []float64{0, 1, 2} {
				g := gemmCase{tA: op&1 != 0, tB: op&2 != 0, m: m, n: n, k: k, alpha: 2, beta: beta}
				lda, ldb := max(k, 1), n
				if g.tA {
					lda = m
				}
				if g.tB {
					ldb = max(k, 1)
				}
				a, b, c := make([]T, m*k), make([]T, k*n), make([]T, m*n)
				for i := range a {
					a[i] = 1
				}
				for i := range b {
					b[i] = 1
				}
				for i := range c {
					c[i] = 3
				}
				gemmOf[T](g, a, lda, b, ldb, c, n, mark[T]{m, n})
				for i, v := range c {
					if want := T(2*float64(k) + 3*beta + 1000); v != want {
						t.Fatalf("%v: C[%d,%d] = %v, want %v", g, i/n, i%n, v, want)
					}
				}
			}
		}
	}
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 6)
	call := func(m, n, k, la, lda, lb, ldb, lc, ldc int) func() {
		return func() { Sgemm(false, false, m, n, k, 1, x[:la], lda, x[:lb], ldb, 0, make([]float32, lc), ldc) }
	}
	require.NotPanics(t, call(2, 3, 2, 4, 2, 6, 3, 6, 3))
	require.NotPanics(t, call(2, 3, 2, 5, 3, 6, 3, 7, 4), "no need for a whole last row")
	require.NotPanics(t, call(0, 3, 2, 0, 2, 6, 3, 0, 3))
	for name, f := range map[string]func(){
		"negative":  call(-1, 3, 2, 4, 2, 6, 3, 6, 3),
		"lda":       call(2, 3, 2, 4, 1, 6, 3, 6, 3),
		"ldb":       call(2, 3, 2, 4, 2, 6, 2, 6, 3),
		"ldc":       call(2, 3, 2, 4, 2, 6, 3, 6, 2),
		"short A":   call(2, 3, 2, 3, 2, 6, 3, 6, 3),
		"short B":   call(2, 3, 2, 4, 2, 5, 3, 6, 3),
		"short C":   call(2, 3, 2, 4, 2, 6, 3, 5, 3),
		"huge ld":   call(2, 3, 2, 4, math.MaxInt, 6, 3, 6, 3),
		"zero ld":   call(2, 0, 2, 4, 2, 0, 0, 0, 1),
		"negative2": call(2, 3, -1, 4, 2, 6, 3, 6, 3),
	} {
		require.Panics(t, f, name)
	}
}

// TestGemmAllocations checks that repeated calls live on pooled memory.
func TestGemmAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, s := range [][3]int{{2, 2, 2}, {64, 128, 100}, {64, 1, 100}, {200, 200, 200}} {
		for op := range 4 {
			g := gemmCase{tA: op&1 != 0, tB: op&2 != 0, m: s[0], n: s[1], k: s[2], alpha: 1}
			a, b, c := make([]float32, 40000), make([]float32, 40000), make([]float32, 40000)
			var epi Epilogue[float32] = mark[float32]{g.m, g.n}
			require.Zero(t, testing.AllocsPerRun(20, func() {
				SgemmEpilogue(g.tA, g.tB, g.m, g.n, g.k, 1, a, 200, b, 200, 0, c, 200, epi)
			}), "%v", g)
		}
	}
}
