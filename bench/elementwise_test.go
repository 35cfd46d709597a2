package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/philox"
	"github.com/gander-ml/gander/internal/vec"
)

// elementwiseSizes are one row of a layer, a 64×512 activation and 4 MB.
var elementwiseSizes = []int{512, 1 << 15, 1 << 20}

func numbers(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// reportElements adds elements per nanosecond and bytes per second.
func reportElements(b *testing.B, n, bytesPerElement int) {
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(float64(n)/ns, "elements/ns")
	b.SetBytes(int64(n * bytesPerElement))
}

// BenchmarkElementwise runs each kernel on one thread, and a plain loop over
// functions of package math.
func BenchmarkElementwise(b *testing.B) {
	loops := map[string]func(x float64) float64{
		"tanh": math.Tanh, "exp": math.Exp, "log": math.Log,
		"sigmoid":  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		"softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) },
		"sqrt":     math.Sqrt,
	}
	ops := []struct {
		name  string
		bytes int
		run   func(dst, x, y []float32)
	}{
		{"tanh", 8, func(dst, x, _ []float32) { vec.Unary(op.Tanh, dst, x, 0, 0) }},
		{"exp", 8, func(dst, x, _ []float32) { vec.Unary(op.Exp, dst, x, 0, 0) }},
		{"log", 8, func(dst, x, _ []float32) { vec.Unary(op.Log, dst, x, 0, 0) }},
		{"sigmoid", 8, func(dst, x, _ []float32) { vec.Unary(op.Sigmoid, dst, x, 0, 0) }},
		{"softplus", 8, func(dst, x, _ []float32) { vec.Unary(op.Softplus, dst, x, 0, 0) }},
		{"sqrt", 8, func(dst, x, _ []float32) { vec.Unary(op.Sqrt, dst, x, 0, 0) }},
		{"sin", 8, func(dst, x, _ []float32) { vec.Unary(op.Sin, dst, x, 0, 0) }},
		{"leakyrelu", 8, func(dst, x, _ []float32) { vec.Unary(op.LeakyReLU, dst, x, 0.2, 0) }},
		{"add", 12, func(dst, x, y []float32) { vec.Binary(op.Add, dst, x, y, 0) }},
		{"mulscalar", 8, func(dst, x, y []float32) { vec.Binary(op.Mul, dst, x, y[:1], 0) }},
		{"tanhgrad", 12, func(dst, x, y []float32) { vec.Binary(op.TanhGrad, dst, x, y, 0) }},
		{"leakyrelugrad", 12, func(dst, x, y []float32) { vec.Binary(op.LeakyReLUGrad, dst, x, y, 0.2) }},
		{"lerp", 12, func(dst, x, _ []float32) { vec.Binary(op.Lerp, dst, dst, x, 0.001) }},
		{"bias+tanh", 8, func(dst, _, y []float32) { vec.BiasAct(op.Tanh, dst, 512, len(dst)/512, 512, y, 0) }},
		{"bias+relu", 8, func(dst, _, y []float32) { vec.BiasAct(op.ReLU, dst, 512, len(dst)/512, 512, y, 0) }},
		{"sum", 4, func(_, x, _ []float32) { vec.Reduce(op.Sum, x) }},
		{"max", 4, func(_, x, _ []float32) { vec.Reduce(op.MaxReduce, x) }},
		{"colsum", 4, func(dst, x, _ []float32) { vec.ReduceCols(op.Sum, dst, x, len(x)/512, 512, 512) }},
		{"rowsum", 4, func(dst, x, _ []float32) { vec.ReduceRows(op.Sum, dst, x, len(x)/512, 512, 512) }},
	}
	for _, n := range elementwiseSizes {
		dst, x, y := numbers(n), numbers(n), numbers(n)
		for _, o := range ops {
			b.Run(fmt.Sprintf("impl=gander/op=%s/n=%d", o.name, n), func(b *testing.B) {
				for b.Loop() {
					o.run(dst, x, y)
				}
				reportElements(b, n, o.bytes)
			})
			if f, ok := loops[o.name]; ok {
				b.Run(fmt.Sprintf("impl=loop/op=%s/n=%d", o.name, n), func(b *testing.B) {
					for b.Loop() {
						for i, v := range x {
							dst[i] = float32(f(float64(v)))
						}
					}
					reportElements(b, n, o.bytes)
				})
			}
		}
	}
}

// BenchmarkTranspose transposes matrices of the classic step, and large ones.
func BenchmarkTranspose(b *testing.B) {
	for _, s := range [][2]int{{64, 784}, {1000, 1000}, {1024, 1024}, {512, 4096}} {
		m, n := s[0], s[1]
		x, y := numbers(m*n), make([]float32, m*n)
		for _, impl := range []struct {
			name string
			run  func()
		}{
			{"gander", func() { gemm.Transpose(y, m, x, n, m, n) }},
			{"loop", func() {
				for i := range m {
					for j := range n {
						y[j*m+i] = x[i*n+j]
					}
				}
			}},
		} {
			b.Run(fmt.Sprintf("impl=%s/m=%d/n=%d", impl.name, m, n), func(b *testing.B) {
				for b.Loop() {
					impl.run()
				}
				reportElements(b, m*n, 4)
			})
		}
	}
}

// BenchmarkAdam updates parameters on one thread: as many as fit in the L2 cache,
// as many as the classic MNIST GAN has, and twice as many. It reads each with its
// gradient and two moments, and writes all but the gradient.
func BenchmarkAdam(b *testing.B) {
	for _, n := range []int{8192, 131072, 1_130_000, 2_260_000} {
		benchmarkAdam(b, n)
	}
}

func benchmarkAdam(b *testing.B, n int) {
	const beta1, beta2, lr, eps = 0.9, 0.999, 1e-4, 1e-8
	p, g, m, v := numbers(n), numbers(n), numbers(n), make([]float32, n)
	for _, impl := range []struct {
		name string
		step func()
	}{
		{"gander", func() {
			vec.Adam(p, g, m, v, op.AdamParams{LR: lr, Beta1: beta1, Beta2: beta2, Eps: eps, Correction1: 0.5, Correction2: 0.5})
		}},
		{"loop", func() {
			for i := range p {
				m[i] = beta1*m[i] + (1-beta1)*g[i]
				v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
				p[i] -= lr / 0.5 * m[i] / (float32(math.Sqrt(float64(v[i]/0.5))) + eps)
			}
		}},
	} {
		b.Run(fmt.Sprintf("impl=%s/n=%d", impl.name, n), func(b *testing.B) {
			for b.Loop() {
				impl.step()
			}
			b.ReportMetric(28*float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GB/s")
		})
	}
}

// BenchmarkNormal draws a batch of latent vectors.
func BenchmarkNormal(b *testing.B) {
	const n = 64 * 128
	dst, bits := make([]float32, n), make([]uint32, n)
	for name, f := range map[string]func(){
		"normal":  func() { philox.Normal32(dst, 1, 0) },
		"uniform": func() { philox.Uniform32(dst, 1, 0) },
		"bits":    func() { philox.Uint32s(bits, 1, 0) },
	} {
		b.Run("impl=gander/op="+name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
			reportElements(b, n, 4)
		})
	}
	r := rand.New(rand.NewPCG(1, 1))
	b.Run("impl=loop/op=normal", func(b *testing.B) {
		for b.Loop() {
			for i := range dst {
				dst[i] = float32(r.NormFloat64())
			}
		}
		reportElements(b, n, 4)
	})
}
