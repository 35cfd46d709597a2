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
// bits; sums stay in float32. The default is false. Such products then take about
// 0.6 of the time where the processor has AVX512_BF16; bench/README.md has figures.
// It has no effect elsewhere, nor on products with fewer than 48 rows or columns or
// 4 million multiplications, on convolutions, or where [UseBLAS] has plugged in
// another product. NaN and Inf are not lost. Factors, products and sums below the
// normal range of float32 become 0, and factors from 0x1.ffp127, 3.396e38, become
// Inf. Copies of the factors, half as large, are kept for later products.
//
// It acts on all later operations of the program, on every goroutine, also on those
// that judge samples. A run that is resumed gives the same bits only if it is set as
// before.
func AllowBFloat16(on bool) { cpuBackend.AllowBFloat16(on) }
