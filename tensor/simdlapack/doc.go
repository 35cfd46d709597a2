// Package simdlapack makes the singular value decompositions and the eigenvectors of
// symmetric matrices faster in any program that computes with gonum:
//
//	blas64.Use(simdblas.Implementation{})
//	lapack64.Use(simdlapack.Implementation{})
//
// gonum's SVD, EigenSym, PCA and whatever else calls them then go through
// [Implementation]. It works with any BLAS, fastest with package simdblas. Importing the
// package registers nothing.
//
// # What gets faster
//
// The decomposition of a matrix begins with its reduction to two diagonals, which is
// gonum's own and mostly BLAS. What follows, the QR iteration, rotates neighbouring
// columns of the singular vectors or eigenvectors, 160,000 times for the SVD of a matrix of
// order 300. gonum does so one number after the other, with those of a column apart in
// memory. Here the vectors lie one after the other, sixteen numbers at a time, so that
// rotations take AVX-512 or AVX2 if the machine has it, and read from the cache what the
// sweep before has left there. The work is divided among all processors that GOMAXPROCS
// allows. Without these instructions the plain loops still take two thirds to nine tenths
// of gonum's time.
//
// Replaced are:
//
//   - Dgesvd where singular vectors are asked for, from 8 rows and columns on;
//   - Dsyev where eigenvectors are asked for, from order 16 on.
//
// Everything else is gonum's own: singular values and eigenvalues without vectors,
// which take no rotations, and Eigen, for matrices that are not symmetric. Cholesky, LU
// and QR, and so Solve and Inverse, gain from package simdblas alone.
//
// # What differs
//
// Arguments, meaning and panics are those of gonum, and so is the accuracy: that of an
// orthogonal reduction, and no less for the iteration, which finds each singular value of
// a bidiagonal matrix to high relative accuracy (Demmel and Kahan, 1990). There are four
// differences:
//
//   - Signs of pairs of singular vectors, signs of eigenvectors, and which vectors belong to
//     values that are equal, may be others.
//   - The last bits of values may differ from gonum's. For one machine and one binary they
//     are fixed: the number of processors does not change a bit.
//   - Memory is taken besides the work that is passed, for the vectors anew and, if a matrix
//     is wider than long, for itself. It is kept for later calls.
//   - A matrix with infinity, in which gonum's Dgesvd iterates for ever, fails.
package simdlapack
