package simdlapack

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// kinds are matrices that decompositions find easy or hard.
var kinds = []struct {
	name string
	fill func(r *rand.Rand, i, j, m, n int) float64
}{
	{"normal", func(r *rand.Rand, i, j, m, n int) float64 { return r.NormFloat64() }},
	{"zero", func(r *rand.Rand, i, j, m, n int) float64 { return 0 }},
	{"identity", func(r *rand.Rand, i, j, m, n int) float64 { return flagged(i == j) }},
	{"ones", func(r *rand.Rand, i, j, m, n int) float64 { return 1 }},
	{"rank 3", func(r *rand.Rand, i, j, m, n int) float64 {
		return math.Sin(float64(i))*math.Cos(float64(3*j)) + math.Cos(float64(i*i))*float64(j) + math.Sqrt(float64(i))*math.Sin(float64(j*j))
	}},
	{"zero rows and columns", func(r *rand.Rand, i, j, m, n int) float64 {
		return r.NormFloat64() * flagged(i%3 != 1 && j%4 != 2)
	}},
	{"graded rows", func(r *rand.Rand, i, j, m, n int) float64 {
		return r.NormFloat64() * math.Pow(10, -40*float64(i)/float64(m))
	}},
	{"graded columns, small first", func(r *rand.Rand, i, j, m, n int) float64 {
		return r.NormFloat64() * math.Pow(10, 40*float64(j)/float64(n))
	}},
	{"Hilbert", func(r *rand.Rand, i, j, m, n int) float64 { return 1 / float64(i+j+1) }},
	{"bidiagonal", func(r *rand.Rand, i, j, m, n int) float64 {
		return flagged(i == j)*float64(i%7) + flagged(j == i+1)*float64(j%5)
	}},
	{"tridiagonal", func(r *rand.Rand, i, j, m, n int) float64 {
		return flagged(i == j)*math.Abs(float64(i)-float64(n)/2) + flagged(j == i+1 || i == j+1)
	}},
	{"nilpotent", func(r *rand.Rand, i, j, m, n int) float64 { return flagged(j == i+1) }},
	{"blocks", func(r *rand.Rand, i, j, m, n int) float64 {
		return r.NormFloat64() * flagged(i/3 == j/3) * math.Pow(10, -float64(i/3%4)*90)
	}},
	{"sines", func(r *rand.Rand, i, j, m, n int) float64 { // orthogonal if m is n: equal singular values
		return math.Sin(math.Pi*float64((i+1)*(j+1))/float64(n+1)) * math.Sqrt(2/float64(n+1))
	}},
	{"integers", func(r *rand.Rand, i, j, m, n int) float64 { return float64(r.IntN(3) - 1) }},
	{"huge", func(r *rand.Rand, i, j, m, n int) float64 { return r.NormFloat64() * 0x1p1019 }},
	{"near the largest number", func(r *rand.Rand, i, j, m, n int) float64 {
		return math.MaxFloat64 / float64(2*max(m, n)) * (2*r.Float64() - 1)
	}},
	{"tiny", func(r *rand.Rand, i, j, m, n int) float64 { return r.NormFloat64() * 1e-290 }},
	{"subnormal", func(r *rand.Rand, i, j, m, n int) float64 { return float64(r.IntN(1000)) * 5e-324 }},
	{"both ends", func(r *rand.Rand, i, j, m, n int) float64 {
		return r.NormFloat64() * math.Pow(2, float64(r.IntN(1900)-950))
	}},
}

// objection returns what f panics with, or "".
func objection(f func()) (said string) {
	defer func() {
		if r := recover(); r != nil {
			said = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

func flagged(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// matrix returns an m×n matrix of a kind, with rows ld apart and junk between.
func matrix(kind, m, n, ld int) []float64 {
	r := rand.New(rand.NewPCG(uint64(kind), uint64(m*1000+n)))
	a := junk(m, ld)
	for i := range m {
		for j := range n {
			a[i*ld+j] = kinds[kind].fill(r, i, j, m, n)
		}
	}
	return a
}

const unused = -1234.5

func junk(m, ld int) []float64 {
	a := make([]float64, m*ld)
	for i := range a {
		a[i] = unused
	}
	return a
}

// spoiled reports whether the rows of an m×n matrix were written beyond their ends.
func spoiled(a []float64, m, n, ld int) bool {
	for i := range m {
		for _, v := range a[i*ld+n : (i+1)*ld] {
			if v != unused {
				return true
			}
		}
	}
	return false
}

func maxAbs(a []float64, m, n, ld int) (most float64) {
	for i := range m {
		for _, v := range a[i*ld : i*ld+n] {
			most = math.Max(most, math.Abs(v))
		}
	}
	return most
}

// orthogonality returns the largest element of QᵀQ − I for the m×n matrix q, or if
// rows is set of QQᵀ − I.
func orthogonality(q []float64, m, n, ld int, rows bool) (most float64) {
	k, tA, tB := n, blas.Trans, blas.NoTrans
	inner := m
	if rows {
		k, tA, tB, inner = m, blas.NoTrans, blas.Trans, n
	}
	c := make([]float64, k*k)
	for i := range k {
		c[i*k+i] = -1
	}
	gonum.Implementation{}.Dgemm(tA, tB, k, k, inner, 1, q, ld, q, ld, 1, c, k)
	return maxAbs(c, k, k, k)
}

// residual returns the largest element of A − U·diag(d)·V, relative to the largest one
// of A, for A m×n with k terms.
func residual(a []float64, m, n, lda, k int, u []float64, ldu int, d []float64, v []float64, ldv int) float64 {
	norm := maxAbs(a, m, n, lda)
	_, e := math.Frexp(norm) // so that nothing overflows or vanishes
	half := -e / 2
	scale := func(x float64) float64 { return math.Ldexp(math.Ldexp(x, half), -e-half) }
	c, ud := make([]float64, m*n), make([]float64, m*k)
	for i := range m {
		for j := range n {
			c[i*n+j] = scale(a[i*lda+j])
		}
		for j := range k {
			ud[i*k+j] = u[i*ldu+j] * scale(d[j])
		}
	}
	gonum.Implementation{}.Dgemm(blas.NoTrans, blas.NoTrans, m, n, k, -1, ud, k, v, ldv, 1, c, n)
	return maxAbs(c, m, n, n)
}
