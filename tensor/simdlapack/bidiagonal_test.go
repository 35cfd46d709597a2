package simdlapack

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// below counts the singular values of the bidiagonal matrix that are less than
// x > 0, in arithmetic of many bits: they are eigenvalues of the symmetric tridiagonal
// matrix with zeros on its diagonal and d0, e0, d1, e1, … beside it, whose other
// eigenvalues are their negatives. By Sylvester's law they are the negative pivots of what
// is left if x is subtracted.
func below(d, e []float64, x *big.Float) int {
	const bits = 2500
	number := func() *big.Float { return new(big.Float).SetPrec(bits) }
	pivot := number().Neg(x)
	negative := 1
	for i := range 2*len(d) - 1 {
		v := d[i/2]
		if i%2 == 1 {
			v = e[i/2]
		}
		if pivot.Sign() == 0 { // x is an eigenvalue of a part; a little more is not
			pivot.SetMantExp(big.NewFloat(1), -6000)
		}
		b := number().SetFloat64(v)
		b.Mul(b, b)
		b.Quo(b, pivot)
		pivot.Neg(x)
		pivot = number().Sub(pivot, b)
		if pivot.Sign() < 0 {
			negative++
		}
	}
	return negative - len(d) // the negatives of all are below x
}

// bidiagonals are matrices with singular values of very different sizes.
func bidiagonals() map[string][2][]float64 {
	r := rand.New(rand.NewPCG(3, 4))
	all := map[string][2][]float64{}
	add := func(name string, n int, d, e func(i int) float64) {
		x, y := make([]float64, n), make([]float64, n-1)
		for i := range x {
			if x[i] = d(i); i < n-1 {
				y[i] = e(i)
			}
		}
		all[name] = [2][]float64{x, y}
	}
	normal := func(int) float64 { return r.NormFloat64() }
	power := func(step float64) func(int) float64 {
		return func(i int) float64 { return math.Pow(2, step*float64(i)) }
	}
	add("normal", 30, normal, normal)
	add("falling", 30, power(-5), power(-5))
	add("rising", 30, power(5), power(5))
	add("falling steeply", 24, power(-30), power(-30))
	add("rising steeply", 24, power(30), power(30))
	add("steep pairs", 8, power(-30), power(-12))
	add("large beside", 30, func(int) float64 { return 1 }, func(int) float64 { return 1e3 })
	add("small beside", 30, func(int) float64 { return 1 }, func(int) float64 { return 1e-5 })
	add("any sizes", 30, func(int) float64 { return math.Pow(2, float64(r.IntN(300)-150)) }, func(int) float64 { return math.Pow(2, float64(r.IntN(300)-150)) })
	add("hill", 31, func(i int) float64 { return math.Pow(10, -math.Abs(float64(i-15))) }, func(i int) float64 { return math.Pow(10, -math.Abs(float64(i-14))) })
	add("valley", 31, func(i int) float64 { return math.Pow(10, math.Abs(float64(i-15))) }, func(i int) float64 { return math.Pow(10, math.Abs(float64(i-14))) })
	add("equal", 30, func(int) float64 { return 1 }, func(int) float64 { return 1 })
	return all
}

// TestBidiagonalRelative has each singular value be accurate relative to its own
// size, even one that is 10^-200 of the largest.
func TestBidiagonalRelative(t *testing.T) {
	for name, m := range bidiagonals() {
		t.Run(name, func(t *testing.T) {
			d, e := slices.Clone(m[0]), slices.Clone(m[1])
			n := len(d)
			var q turns
			q.reset(n, nil, nil)
			b := bidiagonal{d: d, e: e, turns: &q, sweepsEach: svdSweeps}
			require.True(t, b.diagonalise())
			for i := range d {
				d[i] = math.Abs(d[i])
			}
			slices.Sort(d)
			// The rotations' errors add up, and relative neglects some.
			bound := float64(n) * relative
			for k, s := range d {
				require.NotZero(t, s)
				lo := new(big.Float).SetPrec(200).SetFloat64(1 - bound)
				hi := new(big.Float).SetPrec(200).SetFloat64(1 + bound)
				value := new(big.Float).SetFloat64(s)
				assert.LessOrEqual(t, below(m[0], m[1], lo.Mul(lo, value)), k, "value %d is %v, which is too large", k, s)
				assert.Greater(t, below(m[0], m[1], hi.Mul(hi, value)), k, "value %d is %v, which is too small", k, s)
			}
		})
	}
}

// TestBidiagonalDirection has matrices whose elements fall or rise take few sweeps, from
// the large elements to the small; in the other direction they would take 24 and more.
func TestBidiagonalDirection(t *testing.T) {
	all := bidiagonals()
	for _, name := range []string{"falling", "falling steeply", "rising", "rising steeply"} {
		d, e := slices.Clone(all[name][0]), slices.Clone(all[name][1])
		var q turns
		q.reset(len(d), nil, nil)
		b := bidiagonal{d: d, e: e, turns: &q, sweepsEach: svdSweeps}
		require.True(t, b.diagonalise())
		assert.Less(t, len(q.sweeps), 12, name)
	}
}

// TestBidiagonalZeros has zeros on the diagonal. The ones above it make the rank 9,
// however many there are.
func TestBidiagonalZeros(t *testing.T) {
	for _, zeros := range [][]int{{0}, {9}, {4}, {0, 9}, {3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		d, e := make([]float64, 10), make([]float64, 9)
		for i := range d {
			d[i] = float64(i + 1)
		}
		for i := range e {
			e[i] = 1
		}
		for _, i := range zeros {
			d[i] = 0
		}
		var q turns
		q.reset(10, nil, nil)
		b := bidiagonal{d: d, e: e, turns: &q, sweepsEach: svdSweeps}
		require.True(t, b.diagonalise())
		got := 0
		for _, v := range d {
			if math.Abs(v) > 1e-13 {
				got++
			}
		}
		assert.Equal(t, 9, got, "zeros at %v: %v", zeros, d)
	}
}

// TestRotation has all sizes that a number may have.
func TestRotation(t *testing.T) {
	sizes := []float64{0, 5e-324, 1e-310, 0x1p-1022, 1e-200, 1e-150, 1e-135, 1, 1e150, 1e155, 1e200, 0x1p1021}
	for _, a := range sizes {
		for _, b := range sizes {
			for _, sign := range [][2]float64{{1, 1}, {-1, 1}, {1, -1}, {-1, -1}} {
				f, g := a*sign[0], b*sign[1]*0.7
				c, s, r := rotation(f, g)
				assert.InDelta(t, 1, math.Hypot(c, s), 4e-16, "%v %v", f, g)
				size := math.Hypot(f, g)
				assert.InDelta(t, size, math.Abs(r), 4e-16*size+5e-324, "%v %v", f, g)
				if size > 0 {
					scale := -math.Ilogb(size)
					f, g := math.Ldexp(f, scale), math.Ldexp(g, scale)
					size := math.Copysign(math.Hypot(f, g), r)
					// Subnormal numbers lose digits in between.
					bound := 1e-15 + 1e-13*flagged(scale > 1022)
					assert.InDelta(t, f/size, c, bound*math.Abs(f/size)+5e-324, "%v %v", f, g)
					assert.InDelta(t, g/size, s, bound*math.Abs(g/size)+5e-324, "%v %v", f, g)
				}
			}
		}
	}
}
