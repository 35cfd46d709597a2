package tensor

import "gonum.org/v1/gonum/blas"

// UseBLAS makes [MatMul] and [Linear] on the CPU device multiply matrices with
// other implementations of BLAS, one for each dtype, such as a binding of a C
// library; nil stands for this package's own, which is the default. It acts on
// all later operations of the program, on every goroutine, and is meant to be
// called once, at its start.
//
// What is said of results holds for this package's own: that they do not depend
// on the number of threads, and that NaN and Inf are never lost. Gonum's BLAS,
// for one, skips zeros, and with them a NaN that they are multiplied by.
func UseBLAS(f32 blas.Float32Level3, f64 blas.Float64Level3) { cpuBackend.UseBLAS(f32, f64) }
