package bench

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/tensor/simdblas"
)

// gemmShapes are m, n, k of the products in the classic MNIST GAN at batch 64,
// layer by layer: forward (nt), gradient of the input (nn) and of the weights
// (tn); then large squares.
func gemmShapes() (shapes []gemmShape) {
	for _, layer := range [][2]int{{128, 256}, {256, 512}, {512, 784}, {784, 512}, {512, 256}, {256, 128}, {128, 1}} {
		in, out := layer[0], layer[1]
		shapes = append(shapes,
			gemmShape{"nt", 64, out, in},
			gemmShape{"nn", 64, in, out},
			gemmShape{"tn", out, in, 64})
	}
	return append(shapes, gemmShape{"nn", 1024, 1024, 1024}, gemmShape{"nt", 1024, 1024, 1024}, gemmShape{"nn", 2048, 2048, 2048})
}

type gemmShape struct {
	op      string
	m, n, k int
}

// BenchmarkGEMM multiplies float32 matrices on one thread and on all.
func BenchmarkGEMM(b *testing.B) {
	benchmarkSGEMM(b, map[string]blas.Float32Level3{"gander": simdblas.Implementation{}, "gonum": gonum.Implementation{}})
}

// BenchmarkBFloat16GEMM multiplies with factors rounded to bfloat16, beside float32.
// If nothing is rounded, both are the same.
func BenchmarkBFloat16GEMM(b *testing.B) {
	needBFloat16(b)
	benchmarkSGEMM(b, map[string]blas.Float32Level3{"float32": simdblas.Implementation{}, "bfloat16": bfloat16{}})
}

func benchmarkSGEMM(b *testing.B, impls map[string]blas.Float32Level3) {
	benchmarkGEMM(b, impls, func(impl blas.Float32Level3, tA, tB blas.Transpose, m, n, k, lda, ldb int) func() {
		x, y, c := numbers(m*k), numbers(k*n), make([]float32, m*n)
		return func() { impl.Sgemm(tA, tB, m, n, k, 1, x, lda, y, ldb, 0, c, n) }
	})
}

func needBFloat16(b *testing.B) {
	if !gemm.RoundsBFloat16(1024, 1024, 1024) {
		b.Skip("no AVX512_BF16 here")
	}
}

// bfloat16 is a BLAS with the products that [tensor.BFloat16] allows.
type bfloat16 struct{ simdblas.Implementation }

func (bfloat16) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	gemm.SgemmBFloat16(tA == blas.Trans, tB == blas.Trans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, nil)
}

// BenchmarkDGEMM is the same in float64.
func BenchmarkDGEMM(b *testing.B) {
	benchmarkGEMM(b, map[string]blas.Float64Level3{"gander": simdblas.Implementation{}, "gonum": gonum.Implementation{}},
		func(impl blas.Float64Level3, tA, tB blas.Transpose, m, n, k, lda, ldb int) func() {
			x, y, c := make([]float64, m*k), make([]float64, k*n), make([]float64, m*n)
			for i, v := range numbers(m * k) {
				x[i] = float64(v)
			}
			for i, v := range numbers(k * n) {
				y[i] = float64(v)
			}
			return func() { impl.Dgemm(tA, tB, m, n, k, 1, x, lda, y, ldb, 0, c, n) }
		})
}

func benchmarkGEMM[Impl any](b *testing.B, impls map[string]Impl, prepare func(impl Impl, tA, tB blas.Transpose, m, n, k, lda, ldb int) func()) {
	for _, s := range gemmShapes() {
		tA, tB, lda, ldb := blas.NoTrans, blas.NoTrans, s.k, s.n
		if s.op[0] == 't' {
			tA, lda = blas.Trans, s.m
		}
		if s.op[1] == 't' {
			tB, ldb = blas.Trans, s.k
		}
		for _, name := range slices.Sorted(maps.Keys(impls)) {
			for _, threads := range slices.Compact([]int{1, runtime.NumCPU()}) {
				b.Run(fmt.Sprintf("impl=%s/op=%s/m=%d/n=%d/k=%d/threads=%d", name, s.op, s.m, s.n, s.k, threads), func(b *testing.B) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
					multiply := prepare(impls[name], tA, tB, s.m, s.n, s.k, lda, ldb)
					multiply() // touches all memory; the OpenBLAS program warms up as well
					b.ReportAllocs()
					for b.Loop() {
						multiply()
					}
					flops := 2 * float64(s.m) * float64(s.n) * float64(s.k) * float64(b.N)
					b.ReportMetric(flops/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}
