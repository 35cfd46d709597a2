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

// AllowBFloat16 lets [MatMul] and [Linear], and with them the layers and gradients
// made of them, compute products of large Float32 matrices on the CPU device with
// factors rounded to bfloat16, which has the range of float32 and 8 significant
// bits; sums stay in float32. The default is false. It halves the time of such
// products where the processor has AVX512_BF16, and has no effect elsewhere, nor on
// products with a dimension below 48, on convolutions, or where [UseBLAS] has
// plugged in another product. NaN and Inf are not lost; subnormal numbers count as
// 0, and what exceeds 3.39e38 becomes Inf.
//
// It acts on all later operations of the program, on every goroutine. A run that is
// resumed gives the same bits only if it is set as before.
func AllowBFloat16(on bool) { cpuBackend.AllowBFloat16(on) }
