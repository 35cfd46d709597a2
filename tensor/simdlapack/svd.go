package simdlapack

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/gonum"

	"github.com/gander-ml/gander/internal/gemm"
)

// smallSVD is the number of singular values below which singular vectors are left
// to gonum.
const smallSVD = 8

// Dgesvd computes the singular values of the m×n matrix a, in descending order, and
// singular vectors as the columns of u and the rows of vt: none of them, the first
// min(m,n), or with lapack.SVDAll as many as make an orthogonal matrix. It returns whether
// it succeeded. a is overwritten. Like gonum, it panics if one of the jobs is
// lapack.SVDOverwrite. A matrix with NaN fails, its singular values being NaN; so does
// one with infinity, from 8 rows and columns on if vectors are asked for, where gonum
// would not return.
//
// lwork is the length of work that may be used, at least max(3·min(m,n)+max(m,n),
// 5·min(m,n)). If it is −1, the length that is best is stored in work[0], and nothing
// else is done.
func (i Implementation) Dgesvd(jobU, jobVT lapack.SVDJob, m, n int, a []float64, lda int, s, u []float64, ldu int, vt []float64, ldvt int, work []float64, lwork int) (ok bool) {
	impl := i.Implementation
	k := min(m, n)
	uCols, okU := vectorsOf(jobU, m, k)
	vRows, okV := vectorsOf(jobVT, n, k)
	if !okU || !okV || uCols+vRows == 0 || k < smallSVD || !fits(a, m, n, lda) || len(s) < k ||
		ldu < 1 || uCols > 0 && !fits(u, m, uCols, ldu) || ldvt < 1 || vRows > 0 && !fits(vt, vRows, n, ldvt) ||
		lwork < max(3*k+max(m, n), 5*k) || len(work) < lwork {
		return impl.Dgesvd(jobU, jobVT, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork)
	}
	norm := impl.Dlange(lapack.MaxAbs, m, n, a, lda, nil)
	s, work = s[:k], work[:lwork]
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		for i := range s {
			s[i] = math.NaN()
		}
		return false
	}

	// Squares and products of a few elements should neither overflow nor vanish.
	const least, most = 0x1p-458, 0x1p458
	scaled := norm
	if norm > 0 && norm < least {
		scaled = least
	} else if norm > most {
		scaled = most
	}
	if scaled != norm {
		impl.Dlascl(lapack.General, 0, 0, norm, scaled, m, n, a, lda)
	}

	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	d := decomposition{workspace: w, s: s, work: work}
	switch {
	case m >= muchLonger(n):
		ok = d.long(m, n, a, lda, u, uCols, ldu, vt, vRows, ldvt)
	case n >= muchLonger(m):
		ok = d.wide(m, n, a, lda, u, uCols, ldu, vt, vRows, ldvt)
	case m >= n:
		ok = d.tall(m, n, a, lda, target{data: u, ld: ldu}, uCols, target{data: vt, ld: ldvt, rows: true}, vRows > 0)
	default:
		w.matrix = resize(w.matrix, n*m)
		gemm.Transpose(w.matrix, m, a, lda, m, n)
		ok = d.tall(n, m, w.matrix, m, target{data: vt, ld: ldvt, rows: true}, vRows, target{data: u, ld: ldu}, uCols > 0)
	}
	if scaled != norm {
		impl.Dlascl(lapack.General, 0, 0, scaled, norm, 1, k, s, k)
		if !ok {
			impl.Dlascl(lapack.General, 0, 0, scaled, norm, 1, k-1, work[1:], k-1)
		}
	}
	impl.Dgesvd(jobU, jobVT, m, n, a, lda, s, u, ldu, vt, ldvt, work, -1)
	return ok
}

// vectorsOf returns how many vectors of the given length a job asks for, if it is
// one that Dgesvd computes.
func vectorsOf(job lapack.SVDJob, length, k int) (count int, ok bool) {
	switch job {
	case lapack.SVDNone:
		return 0, true
	case lapack.SVDStore:
		return k, true
	case lapack.SVDAll:
		return length, true
	}
	return 0, false
}

// muchLonger is the length of columns from which on it is faster to reduce a matrix
// of n columns to a triangle first.
func muchLonger(n int) int { return int(1.6 * float64(n)) }

// svdSweeps bounds the sweeps of a singular value, on average. It takes about two. It
// is a variable for tests of what happens when they are not enough.
var svdSweeps = 6

// decomposition is one singular value decomposition.
type decomposition struct {
	*workspace
	s    []float64 // the result
	work []float64
}

// tall decomposes the m×n matrix a, which is no wider than long. Of the left singular
// vectors it writes uCount, which may be 0, n or m, and of the right ones all n, or none.
// If it fails, work[1:] holds what is left above the diagonal.
func (w *decomposition) tall(m, n int, a []float64, lda int, u target, uCount int, v target, wantV bool) bool {
	var impl gonum.Implementation
	e, tauQ, tauP, rest := w.work[:n], w.work[n:2*n], w.work[2*n:3*n], w.work[3*n:]
	impl.Dgebrd(m, n, a, lda, w.s, e, tauQ, tauP, rest, len(rest))
	var left, right *panels
	if uCount > 0 {
		q := u // where the reflections are multiplied
		if u.rows {
			// u's own memory may be the same, because it is written last.
			w.factor = resize(w.factor, m*uCount)
			q = target{data: w.factor, ld: uCount}
		}
		impl.Dlacpy(blas.Lower, m, n, a, lda, q.data, q.ld)
		impl.Dorgbr(lapack.GenerateQ, m, uCount, n, q.data, q.ld, tauQ, rest, len(rest))
		left = &w.left
		left.loadColumns(n, m, q.data, q.ld)
		if u.rows && uCount > n {
			gemm.Transpose(u.data[n*u.ld:], u.ld, q.data[n:], q.ld, m, uCount-n)
		}
	}
	if wantV {
		impl.Dorgbr(lapack.GeneratePT, n, n, n, a, lda, tauP, rest, len(rest))
		right = &w.right
		right.loadRows(n, n, a, lda)
	}
	w.turns.reset(n, left, right)
	b := bidiagonal{d: w.s, e: e[:n-1], turns: &w.turns, sweepsEach: svdSweeps}
	if !b.diagonalise() {
		copy(w.work[1:], b.e)
		return false
	}
	w.turns.apply()
	w.descending(w.s)
	if left != nil {
		left.store(&u, w.order, nil, &w.sorted)
	}
	if right != nil {
		right.store(&v, w.order, w.negate, &w.sorted)
	}
	return true
}

// long decomposes a matrix that is much longer than wide: A = Q·R, and then R.
func (w *decomposition) long(m, n int, a []float64, lda int, u []float64, uCols, ldu int, vt []float64, vRows, ldvt int) bool {
	var impl gonum.Implementation
	tau, rest := w.work[:n], w.work[n:]
	impl.Dgeqrf(m, n, a, lda, tau, rest, len(rest))
	r := w.triangle(n)
	impl.Dlacpy(blas.Upper, n, n, a, lda, r, n)
	q, ldq, to, ldTo := a, lda, u, ldu // u's first columns are to = q·(left vectors of r)
	if uCols > n {
		impl.Dlacpy(blas.Lower, m, n, a, lda, u, ldu)
		q, ldq, to, ldTo = u, ldu, a, lda
	}
	if uCols > 0 {
		impl.Dorgqr(m, uCols, n, q, ldq, tau, rest, len(rest))
		w.factor = resize(w.factor, n*n)
	}
	if !w.tall(n, n, r, n, target{data: w.factor, ld: n}, min(uCols, n), target{data: vt, ld: ldvt, rows: true}, vRows > 0) {
		return false
	}
	if uCols > 0 {
		blas64.Implementation().Dgemm(blas.NoTrans, blas.NoTrans, m, n, n, 1, q, ldq, w.factor, n, 0, to, ldTo)
	}
	if uCols > n {
		gemm.CopyRows(u, ldu, a, lda, m, n)
	}
	return true
}

// wide decomposes a matrix that is much wider than long: A = L·Q, and then the transpose
// of L.
func (w *decomposition) wide(m, n int, a []float64, lda int, u []float64, uCols, ldu int, vt []float64, vRows, ldvt int) bool {
	var impl gonum.Implementation
	tau, rest := w.work[:m], w.work[m:]
	impl.Dgelqf(m, n, a, lda, tau, rest, len(rest))
	r := w.triangle(m)
	for i := range m {
		for j := range i + 1 {
			r[j*m+i] = a[i*lda+j]
		}
	}
	q, ldq, to, ldTo := a, lda, vt, ldvt // vt's first rows are to = (left vectors of r)ᵀ·q
	if vRows > m {
		impl.Dlacpy(blas.Upper, m, n, a, lda, vt, ldvt)
		q, ldq, to, ldTo = vt, ldvt, a, lda
	}
	if vRows > 0 {
		impl.Dorglq(vRows, n, m, q, ldq, tau, rest, len(rest))
		w.factor = resize(w.factor, m*m)
	}
	if !w.tall(m, m, r, m, target{data: w.factor, ld: m, rows: true}, min(vRows, m), target{data: u, ld: ldu}, uCols > 0) {
		return false
	}
	if vRows > 0 {
		blas64.Implementation().Dgemm(blas.NoTrans, blas.NoTrans, m, n, m, 1, w.factor, m, q, ldq, 0, to, ldTo)
	}
	if vRows > m {
		gemm.CopyRows(vt, ldvt, a, lda, m, n)
	}
	return true
}

// triangle returns memory for an n×n matrix, with zeros.
func (w *decomposition) triangle(n int) []float64 {
	w.matrix = resize(w.matrix, n*n)
	clear(w.matrix)
	return w.matrix
}
