package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gander-ml/gander/tensor/simdblas"
	"github.com/gander-ml/gander/tensor/simdlapack"
)

// BenchmarkSimdBLAS compares gonum's linear algebra on package simdblas with the
// same on gonum's own BLAS. The two alternate within each benchmark; x-gonum is the
// ratio of the medians, above 1 if simdblas is faster.
func BenchmarkSimdBLAS(b *testing.B) {
	for _, n := range []int{2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 100, 300, 1000} {
		for _, c := range blasCases(n) {
			b.Run(fmt.Sprintf("op=%s/n=%d", c.name, n), func(b *testing.B) {
				if n == 1000 && c.slow {
					b.Skip("takes seconds")
				}
				c.compare(b, lapackgonum.Implementation{}, lapackgonum.Implementation{})
			})
		}
	}
}

// BenchmarkSimdLAPACK is BenchmarkSimdBLAS for packages simdblas and simdlapack together.
func BenchmarkSimdLAPACK(b *testing.B) {
	for _, n := range []int{4, 10, 16, 30, 100, 300} {
		for _, c := range lapackCases(n) {
			b.Run(fmt.Sprintf("op=%s/n=%d", c.name, n), func(b *testing.B) {
				c.compare(b, lapackgonum.Implementation{}, simdlapack.Implementation{})
			})
		}
	}
}

// compare alternates between gonum and simdblas, with a LAPACK for each.
func (c blasCase) compare(b *testing.B, theirs, ours lapack.Float64) {
	defer blas64.Use(gonum.Implementation{})
	defer lapack64.Use(lapackgonum.Implementation{})
	var times [2][]time.Duration
	for b.Loop() {
		for i := range times {
			if i == 0 {
				blas64.Use(gonum.Implementation{})
				lapack64.Use(theirs)
			} else {
				blas64.Use(simdblas.Implementation{})
				lapack64.Use(ours)
			}
			c.run() // warm
			calls, start := 0, time.Now()
			for time.Since(start) < 200*time.Microsecond || calls == 0 {
				for range c.batch {
					c.run()
				}
				calls += c.batch
			}
			times[i] = append(times[i], time.Since(start)/time.Duration(calls))
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	median := len(times[0]) / 2
	b.ReportMetric(float64(times[0][median])/float64(times[1][median]), "x-gonum")
	b.ReportMetric(float64(times[1][median]), "ns/call")
}

// blasCase is a computation, done batch times between readings of the clock.
type blasCase struct {
	name  string
	batch int
	slow  bool
	run   func()
}

func blasCases(n int) []blasCase {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	numbers := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	general := func() *mat.Dense { return mat.NewDense(n, n, numbers(n*n)) }
	a, b, dst := general(), general(), mat.NewDense(n, n, nil)
	var s mat.SymDense
	s.SymOuterK(1, a)
	for i := range n {
		s.SetSym(i, i, s.At(i, i)+1)
	}
	x, y := blas64.Vector{N: n, Data: numbers(n), Inc: 1}, blas64.Vector{N: n, Data: numbers(n), Inc: 1}
	upper := blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: n, Stride: n, Data: numbers(n * n)}
	for i := range n {
		upper.Data[i*n+i] += 2 * float64(n)
	}
	symmetric := blas64.Symmetric{Uplo: blas.Upper, N: n, Stride: n, Data: numbers(n * n)}
	rank := blas64.General{Rows: n, Cols: min(n, 32), Stride: min(n, 32), Data: numbers(n * min(n, 32))}
	keep := func(f func()) func() { // has B start anew, so that it does not grow
		saved := slices.Clone(b.RawMatrix().Data)
		return func() { copy(b.RawMatrix().Data, saved); f() }
	}
	cheap := max(1, 2000/(n*n))
	return []blasCase{
		{"Dgemm", cheap, false, func() { dst.Mul(a, b) }},
		{"DgemmT", cheap, false, func() { dst.Mul(a, b.T()) }},
		{"Dsyrk", cheap, false, func() { blas64.Syrk(blas.NoTrans, 1, rank, 0, symmetric) }},
		{"Dsyr2k", cheap, false, func() { blas64.Syr2k(blas.NoTrans, 1, rank, rank, 0, symmetric) }},
		{"Dtrsm", cheap, false, keep(func() { blas64.Trsm(blas.Left, blas.NoTrans, 1, upper, b.RawMatrix()) })},
		{"DtrsmR", cheap, false, keep(func() { blas64.Trsm(blas.Right, blas.Trans, 1, upper, b.RawMatrix()) })},
		{"Dtrmm", cheap, false, keep(func() { blas64.Trmm(blas.Left, blas.Trans, 1, upper, b.RawMatrix()) })},
		{"DtrmmR", cheap, false, keep(func() { blas64.Trmm(blas.Right, blas.NoTrans, 1, upper, b.RawMatrix()) })},
		{"Dgemv", cheap, false, func() { blas64.Gemv(blas.NoTrans, 1, a.RawMatrix(), x, 0, y) }},
		{"DgemvT", cheap, false, func() { blas64.Gemv(blas.Trans, 1, a.RawMatrix(), x, 0, y) }},
		{"Dsymv", cheap, false, func() { blas64.Symv(1, symmetric, x, 0, y) }},
		{"Dtrsv", cheap, false, func() { copy(y.Data, x.Data); blas64.Trsv(blas.NoTrans, upper, y) }},
		{"Dtrmv", cheap, false, func() { copy(y.Data, x.Data); blas64.Trmv(blas.Trans, upper, y) }},
		{"Solve", 1, false, func() { must(dst.Solve(a, b)) }},
		{"SolveVec", 1, false, func() { var v mat.VecDense; must(v.SolveVec(a, mat.NewVecDense(n, x.Data))) }},
		{"Inverse", 1, false, func() { must(dst.Inverse(a)) }},
		{"Det", 1, false, func() { mat.Det(a) }},
		{"Cholesky", 1, false, func() { var c mat.Cholesky; c.Factorize(&s) }},
		{"CholeskySolve", 1, false, func() { var c mat.Cholesky; c.Factorize(&s); must(c.SolveTo(dst, b)) }},
		{"QR", 1, false, func() { var c mat.QR; c.Factorize(a) }},
		{"LeastSquares", 1, false, func() { var c mat.QR; c.Factorize(a); must(c.SolveTo(dst, false, b)) }},
		{"SingularValues", 1, true, func() { var c mat.SVD; c.Factorize(a, mat.SVDNone) }},
		{"Eigen", 1, true, func() { var c mat.Eigen; c.Factorize(a, mat.EigenRight) }},
	}
}

func lapackCases(n int) (cases []blasCase) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	matrix := func(m, n int) *mat.Dense {
		a := mat.NewDense(m, n, nil)
		for i := range m {
			for j := range n {
				a.Set(i, j, r.NormFloat64())
			}
		}
		return a
	}
	svd := func(name string, a *mat.Dense, kind mat.SVDKind) {
		cases = append(cases, blasCase{name, 1, true, func() { var c mat.SVD; c.Factorize(a, kind) }})
	}
	square, long, longer, wide := matrix(n, n), matrix(n*5/4, n), matrix(3*n, n), matrix(n, 3*n)
	svd("SVD", square, mat.SVDThin)
	svd("SVDU", square, mat.SVDFullU)
	svd("SVDLongThin", long, mat.SVDThin)
	svd("SVDLongFull", long, mat.SVDFull)
	svd("SVDLongerThin", longer, mat.SVDThin)
	svd("SVDLongerFull", longer, mat.SVDFull)
	svd("SVDWideThin", wide, mat.SVDThin)
	svd("SVDWideFull", wide, mat.SVDFull)
	svd("SVDWideV", wide, mat.SVDFullV)
	var s mat.SymDense
	s.SymOuterK(1, square)
	return append(cases,
		blasCase{"EigenSym", 1, true, func() { var c mat.EigenSym; c.Factorize(&s, true) }},
		blasCase{"EigenSymValues", 1, true, func() { var c mat.EigenSym; c.Factorize(&s, false) }},
		blasCase{"PCA", 1, true, func() { var c stat.PC; c.PrincipalComponents(long, nil) }})
}

// must ignores that a random matrix is near to singular.
func must(err error) {
	if _, near := err.(mat.Condition); err != nil && !near {
		panic(err)
	}
}
