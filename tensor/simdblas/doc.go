// Package simdblas makes Gander's matrix multiplication available to any program
// that computes with gonum:
//
//	blas64.Use(simdblas.Implementation{})
//	blas32.Use(simdblas.Implementation{})
//
// Everything built on gonum's BLAS, including the products and factorizations of
// gonum/mat, then goes through [Implementation]. Importing the package registers
// nothing.
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
// BLAS, such as the rotations on which SVD and EigenSym spend most of their time, and
// which package simdlapack makes faster. So are small operands: triangles up to order 16
// (from 9 to 95 with a vector), symmetric products below order 16, and in float32, or
// without AVX2, products of a vector with a matrix of fewer than 4096 elements, or one
// that is narrow. Handing a call on to gonum takes 2 ns. That shows where a matrix of
// fewer than 144 elements has one or two rows of more than 40 and meets an x with gaps,
// or in float32 has few rows of more than four: such products are 0.9 times as fast as
// gonum's, and 0.8 to 0.9 times those whose increments are negative.
//
// Products of matrices that are mostly zeros get slower: gonum's loops skip a row
// of work for each zero in A, and these do not. A product whose left factor is
// nine tenths zeros takes two to four times as long. Keep gonum's implementation
// for programs that multiply such matrices.
//
// # What differs
//
// Arguments, meaning and panics are those of gonum, except in three points:
//
//   - No multiplication by zero is skipped in gemm: 0·NaN and 0·Inf are NaN, as
//     IEEE 754 has it. gonum's portable code drops them in some variants, and so do
//     the parts that are left to gonum.
//   - The order of summation differs, so the last bits may. For one machine and
//     one binary it is fixed: the number of processors does not change a bit.
//   - The results must not overlap the operands, which gonum does not check either.
package simdblas
