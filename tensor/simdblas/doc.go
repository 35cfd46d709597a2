// Package simdblas lends Gander's matrix multiplication to any program that
// computes with gonum:
//
//	blas64.Use(simdblas.Implementation{})
//	blas32.Use(simdblas.Implementation{})
//
// Everything above gonum's BLAS, the products and factorizations of gonum/mat
// included, then goes through [Implementation]. Nothing is registered unless the
// program says so.
//
// # What gets faster
//
// In float32 and float64 alike:
//
//   - products of matrices (gemm), also those of a matrix with its own transpose
//     (syrk, syr2k), which use AVX-512, AVX2 or NEON if the machine has it, and
//     all processors that GOMAXPROCS allows;
//   - solutions and products with triangular matrices (trsm, trmm), which are
//     divided into such products, and so Solve, Inverse, Det, Cholesky, QR and
//     least squares;
//   - products with a vector (gemv, symv, trsv, trmv), limited by how fast memory is,
//     and so a part of SVD, EigenSym and Eigen.
//
// Everything else is gonum's own: vectors, rank-one updates (ger), symm, banded and
// packed matrices, complex numbers, and the parts of gonum/lapack that do not use
// BLAS, such as the rotations that SVD and EigenSym spend most of their time on. So
// are small operands: products of a vector with a matrix of fewer than 4096
// elements, triangles up to order 16, or below order 96 with a vector, and symmetric
// products below order 16.
//
// Matrices of mostly zeros get slower: gonum's loops skip a row of work for each
// zero that they meet in A, and these do not. A product whose left factor has nine
// zeros in ten takes two to four times as long. Keep gonum's implementation for
// programs that multiply such matrices.
//
// # What differs
//
// Arguments, meaning and panics are those of gonum, except in three points:
//
//   - The products gemm skip no multiplication by zero: 0·NaN and 0·Inf are NaN, as
//     IEEE 754 has it. gonum's portable code drops them in some variants, and so do
//     the parts that are left to gonum.
//   - The order of summation differs, so the last bits may. For one machine and
//     one binary it is fixed: the number of processors does not change a bit.
//   - The results must not overlap the operands, which gonum does not check either.
package simdblas
