package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/parallel"
)

// bfloat16 is the nearest bfloat16, ties to even.
func bfloat16(x float32) float32 {
	b := math.Float32bits(x)
	switch {
	case x != x:
		return x
	case b&0x7f800000 == 0: // subnormal numbers count as 0
		return math.Float32frombits(b & (1 << 31))
	}
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}

func rounded(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, x := range x {
		y[i] = bfloat16(x)
	}
	return y
}

func needPairs(t *testing.T) {
	if !asm.canPair() {
		t.Skip("no AVX512_BF16 here")
	}
}

// TestSgemmBFloat16 compares products of all kinds, small ones and such that take
// several blocks and slabs, with the definition, applied to rounded factors. They end
// where memory that may be read does, and each element meets the epilogue once.
func TestSgemmBFloat16(t *testing.T) {
	needPairs(t)
	r := rand.New(rand.NewPCG(1, 16))
	large := [][3]int{{2100, 70, 130}, {60, 50, 9001}, {130, 900, 2048}, {300, 140, 4100}, {64, 1024, 1024}}
	const most = 1 << 21
	buf := [3][]float32{guarded[float32](t, most), guarded[float32](t, most), guarded[float32](t, most)}
	rounds := 300
	if brief() {
		rounds, large = 40, large[:1]
	}
	dim := func() int { return 2 + r.IntN([]int{4, 40, 300}[r.IntN(3)]) }
	for i := range rounds + 4*len(large) {
		g := gemmCase{tA: r.IntN(2) == 0, tB: r.IntN(2) == 0, m: dim(), n: dim(), k: dim(),
			alpha: []float64{1, -0.5}[r.IntN(2)], beta: []float64{0, 1, 2}[r.IntN(3)],
			padA: r.IntN(3), padB: r.IntN(3), p: r.IntN(3)}
		if i >= rounds {
			s := large[(i-rounds)/4]
			g.m, g.n, g.k, g.tA, g.tB = s[0], s[1], s[2], i&1 != 0, i&2 != 0
		}
		ar, ac, br, bc := g.m, g.k, g.k, g.n
		if g.tA {
			ar, ac = ac, ar
		}
		if g.tB {
			br, bc = bc, br
		}
		a, lda := matrix(r, buf[0], ar, ac, g.padA)
		b, ldb := matrix(r, buf[1], br, bc, g.padB)
		c, ldc := matrix(r, buf[2], g.m, g.n, g.p)
		before := make([]float32, g.m*g.n)
		for i := range g.m {
			copy(before[i*g.n:][:g.n], c[i*ldc:])
		}
		want, bound := define(g, rounded(a), lda, rounded(b), ldb, before)
		parallel.SetThreads(1 + i%3)
		var epi Epilogue[float32]
		if i%2 == 0 {
			epi = mark[float32]{g.m, g.n}
			for x := range want {
				want[x] += 1000
				bound[x] += 0x1p-14 * 2 // of the sum with it
			}
		}
		gemm(true, g.tA, g.tB, g.m, g.n, g.k, float32(g.alpha), a, lda, b, ldb, float32(g.beta), c, ldc, epi)
		parallel.SetThreads(0)
		for x, got := range c {
			if i, j := x/ldc, x%ldc; j >= g.n {
				require.True(t, got != got, "%v: outside of C", g)
			} else if y := i*g.n + j; !(math.Abs(float64(got)-want[y]) <= bound[y]) {
				t.Fatalf("%v: C[%d,%d] = %v, want %v ± %v", g, i, j, got, want[y], bound[y])
			}
		}
	}
}

// TestSgemmBFloat16Rounding multiplies by the identity: what comes out is what the
// factor was rounded to.
func TestSgemmBFloat16Rounding(t *testing.T) {
	needPairs(t)
	const n = 64
	inf := float32(math.Inf(1))
	special := []float32{0, float32(math.Copysign(0, -1)), 1, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 0x3p-8, 1 - 0x1p-9,
		math.MaxFloat32, -math.MaxFloat32, 0x1p-126, 0x1.8p-126, 0x1.fep127, inf, -inf, float32(math.NaN()), math.SmallestNonzeroFloat32}
	r := rand.New(rand.NewPCG(2, 16))
	identity, x := make([]float32, n*n), make([]float32, n*n)
	for i := range x {
		for x[i] = math.Float32frombits(r.Uint32()); x[i]-x[i] != 0 || math.Abs(float64(x[i])) < 0x1p-126; {
			x[i] = math.Float32frombits(r.Uint32())
		}
	}
	for i := range n {
		identity[i*n+i] = 1
	}
	for _, trans := range []bool{false, true} {
		for k, v := range special {
			x, got := append([]float32(nil), x...), make([]float32, n*n)
			if v-v == 0 {
				x[k*n+5] = v
			}
			gemm(true, false, trans, n, n, n, 1, identity, n, x, n, 0, got, n, nil)
			for i := range n {
				for j := range n {
					from := x[i*n+j]
					if trans {
						from = x[j*n+i]
					}
					if want := bfloat16(from); math.IsInf(float64(want), 0) {
						require.False(t, got[i*n+j]-got[i*n+j] == 0, "Inf is not lost")
					} else if got[i*n+j] != want && !hasInf(x, trans, j, n) {
						t.Fatalf("%v: %g became %g, want %g", trans, from, got[i*n+j], want)
					}
				}
			}
			// NaN and Inf reach a whole column of the product.
			if x[k*n+5] = v; v-v != 0 {
				gemm(true, false, trans, n, n, n, 1, identity, n, x, n, 0, got, n, nil)
				for i := range n {
					at := i*n + 5
					if trans {
						at = i*n + k
					}
					require.False(t, got[at]-got[at] == 0, "%v: %v at row %d", trans, v, i)
				}
			}
		}
	}
}

// hasInf tells whether rounding made an Inf in what column j of the product is
// computed from: then all of it is not finite.
func hasInf(x []float32, trans bool, j, n int) bool {
	for i := range n {
		v := x[i*n+j]
		if trans {
			v = x[j*n+i]
		}
		if math.IsInf(float64(bfloat16(v)), 0) {
			return true
		}
	}
	return false
}

// TestSgemmBFloat16Threads checks that the number of threads changes no bit, that
// small products and other machines get plain ones, and that nothing is allocated.
func TestSgemmBFloat16Threads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 16))
	m, n, k := 130, 300, 501
	a, lda := matrix(r, make([]float32, 1<<19), m, k, 0)
	b, ldb := matrix(r, make([]float32, 1<<19), k, n, 0)
	multiply := func(f gemmFunc, m, threads int) []float32 {
		c := make([]float32, m*n)
		parallel.SetThreads(threads)
		defer parallel.SetThreads(0)
		f(false, false, m, n, k, 1, a, lda, b, ldb, 0, c, n, nil)
		return c
	}
	want := multiply(SgemmBFloat16, m, 1)
	for threads := 2; threads < 5; threads++ {
		require.Equal(t, want, multiply(SgemmBFloat16, m, threads))
	}
	if c := make([]float32, m*n); !raceEnabled { // under which sync.Pool forgets
		require.Zero(t, testing.AllocsPerRun(20, func() {
			SgemmBFloat16(false, false, m, n, k, 1, a, lda, b, ldb, 0, c, n, nil)
		}))
	}
	plain := multiply(SgemmEpilogue, m, 1)
	if asm.canPair() {
		require.NotEqual(t, plain, want)
		for _, m := range []int{leastRounded - 1, (leastProducts - 1) / (n * k)} {
			require.False(t, RoundsBFloat16(m, n, k))
			require.Equal(t, multiply(SgemmEpilogue, m, 1), multiply(SgemmBFloat16, m, 1))
		}
	}
	for _, without := range []string{"avx512", "avx2", "generic"} {
		undo := isa.Use(without)
		require.False(t, RoundsBFloat16(m, n, k))
		require.Equal(t, multiply(SgemmEpilogue, m, 1), multiply(SgemmBFloat16, m, 1))
		undo()
	}
}

// TestRoundPairs rounds rows of all small lengths and of more than one call, between
// memory that may not be touched and canaries.
func TestRoundPairs(t *testing.T) {
	needPairs(t)
	r := rand.New(rand.NewPCG(4, 16))
	const most = 2*roundingLength + 1
	first, second, dst := guarded[float32](t, most), guarded[float32](t, most), guarded[float32](t, most)
	for i := range most {
		first[i], second[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	lengths := []int{roundingLength - 1, roundingLength, roundingLength + 1, most}
	for n := 1; n < 140; n++ {
		lengths = append(lengths, n)
	}
	half := func(x float32) uint32 { return math.Float32bits(bfloat16(x)) >> 16 }
	for _, n := range lengths {
		x, y := first[most-n:], second[most-n:]
		check := func(pairs int, second []float32, ofRows bool, want func(i int) (low, high uint32)) {
			for i := range dst {
				dst[i] = canary
			}
			roundPairs(dst[most-pairs:], x, second, ofRows)
			for i, v := range dst {
				bits := math.Float32bits(canary)
				if i -= most - pairs; i >= 0 {
					low, high := want(i)
					bits = low | high<<16
				}
				if math.Float32bits(v) != bits {
					t.Fatalf("%d numbers, of rows %v: pair %d is %#x, want %#x", n, ofRows, i, math.Float32bits(v), bits)
				}
			}
		}
		check((n+1)/2, nil, false, func(i int) (low, high uint32) {
			if 2*i+1 < n {
				high = half(x[2*i+1])
			}
			return half(x[2*i]), high
		})
		check(n, y, true, func(i int) (low, high uint32) { return half(x[i]), half(y[i]) })
		check(n, nil, true, func(i int) (low, high uint32) { return half(x[i]), 0 })
	}
}

// TestPairTiles computes tiles of all sizes from factors that end where memory that
// may be read does, and some columns of tiles.
func TestPairTiles(t *testing.T) {
	needPairs(t)
	r := rand.New(rand.NewPCG(5, 16))
	const most = 1 << 13
	a, b, c := guarded[float32](t, most), guarded[float32](t, most), guarded[float32](t, most)
	shape := shapeOf[float32]()
	for m := 1; m <= shape.rows; m++ {
		for n := 1; n <= shape.cols; n++ {
			k, count, lda := 1+r.IntN(9), 1+r.IntN(3), 0
			lda = k + r.IntN(2)
			// Each pair is two small integers, so that sums are exact.
			draw := func(buf []float32, length int) []float32 {
				x := buf[most-length:]
				for i := range x {
					low, high := float32(r.IntN(9)-4), float32(r.IntN(9)-4)
					x[i] = math.Float32frombits(math.Float32bits(low)>>16 | math.Float32bits(high))
				}
				return x
			}
			x, y, z := draw(a, (count*m-1)*lda+k), draw(b, (k-1)*n+n), c[most-count*m*n:]
			for i := range c {
				c[i] = canary
			}
			multiplyPairs(&tile{a: unsafe.Pointer(&x[0]), rs: 4 * lda, ks: 4, b: unsafe.Pointer(&y[0]), bs: 4 * n,
				c: unsafe.Pointer(&z[0]), cs: 4 * n, m: m, n: n, k: k, runs: 1, sets: 1, alpha: one[float32](),
				count: count, ap: 4 * m * lda, cp: 4 * m * n})
			for i := range count * m {
				for j := range n {
					want := float32(0)
					for p := range k {
						u, v := math.Float32bits(x[i*lda+p]), math.Float32bits(y[p*n+j])
						want += math.Float32frombits(u<<16)*math.Float32frombits(v<<16) +
							math.Float32frombits(u&^0xffff)*math.Float32frombits(v&^0xffff)
					}
					require.Equal(t, want, z[i*n+j], "%d×%d, %d steps, tile %d: [%d,%d]", m, n, k, i/m, i%m, j)
				}
			}
			for _, v := range c[:most-count*m*n] {
				require.EqualValues(t, canary, v)
			}
		}
	}
}

type gemmFunc func(tA, tB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, epi Epilogue[float32])
