// Package simdblas lends Gander's matrix multiplication to any program that
// computes with gonum. One line speeds up everything above gonum's BLAS, the
// products and factorizations of gonum/mat included:
//
//	blas64.Use(simdblas.Implementation{})
//	blas32.Use(simdblas.Implementation{})
//
// Nothing is registered unless the program says so.
//
// [Implementation] is gonum's own implementation with the products Sgemm,
// Dgemm, Ssyrk and Dsyrk replaced. They use AVX-512, AVX2 or NEON where the
// machine has it (and plain Go elsewhere, or with the build tag purego), and
// all processors that GOMAXPROCS allows. Arguments, meaning and panics are
// those of gonum, except in three points:
//
//   - No multiplication by zero is skipped: 0·NaN and 0·Inf are NaN, as IEEE 754
//     has it. gonum's portable code drops them in some variants.
//   - The order of summation differs, so the last bits may. For one machine and
//     one binary it is fixed: the number of processors does not change a bit.
//   - C must not overlap A or B, which gonum does not check either.
package simdblas
