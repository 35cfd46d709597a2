package simdlapack

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
)

// smallEigen is the order below which eigenvectors are left to gonum.
const smallEigen = 16

// Dsyev computes the eigenvalues of the symmetric n×n matrix of which a has the upper
// or the lower triangle, and, if jobz asks for them, eigenvectors. w holds the
// eigenvalues then, in ascending order, and a's columns are the eigenvectors. It returns
// whether it succeeded.
//
// lwork is the length of work that may be used, at least 3n−1. If it is −1, the length
// that is best is stored in work[0], and nothing else is done.
func (i Implementation) Dsyev(jobz lapack.EVJob, uplo blas.Uplo, n int, a []float64, lda int, w, work []float64, lwork int) (ok bool) {
	impl := i.Implementation
	if jobz != lapack.EVCompute || uplo != blas.Upper && uplo != blas.Lower || n < smallEigen ||
		!fits(a, n, n, lda) || len(w) < n || lwork < 3*n-1 || len(work) < lwork {
		return impl.Dsyev(jobz, uplo, n, a, lda, w, work, lwork)
	}
	norm := impl.Dlansy(lapack.MaxAbs, uplo, n, a, lda, work)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return impl.Dsyev(jobz, uplo, n, a, lda, w, work, lwork)
	}
	w, work = w[:n], work[:lwork]

	// Squares and products of a few elements should neither overflow nor vanish.
	const least, most = 0x1p-485, 0x1p485
	scale := 1.0
	if norm > 0 && norm < least {
		scale = least / norm
	} else if norm > most {
		scale = most / norm
	}
	if scale != 1 {
		kind := lapack.LowerTri
		if uplo == blas.Upper {
			kind = lapack.UpperTri
		}
		impl.Dlascl(kind, 0, 0, 1, scale, n, n, a, lda)
	}

	e, tau, rest := work[:n], work[n:2*n-1], work[2*n-1:]
	impl.Dsytrd(uplo, n, a, lda, w, e, tau, rest, len(rest))
	impl.Dorgtr(uplo, n, a, lda, tau, rest, len(rest))

	s := workspaces.Get().(*workspace)
	defer workspaces.Put(s)
	s.left.loadColumns(n, n, a, lda)
	s.turns.reset(n, &s.left, nil)
	t := tridiagonal{d: w, e: e[:n-1], turns: &s.turns, sweepsEach: eigenSweeps}
	if !t.diagonalise() {
		return false
	}
	s.turns.apply()
	s.ascending(w)
	s.left.store(&target{data: a, ld: lda}, s.order, nil, &s.sorted)
	if scale != 1 {
		blas64.Implementation().Dscal(n, 1/scale, w, 1)
	}
	impl.Dsyev(jobz, uplo, n, a, lda, w, work, -1)
	return true
}

// eigenSweeps bounds the sweeps of an eigenvalue, on average. It takes about two. It is
// a variable for tests of what happens when they are not enough.
var eigenSweeps = 30
