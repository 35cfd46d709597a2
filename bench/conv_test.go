package bench

import (
	"fmt"
	"testing"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// convShapes are those of networks for small images, in batches of 64: two
// wide layers, and the layers of a generator and a discriminator for digits.
var convShapes = []struct {
	name                               string
	in, out, size, kernel, stride, pad int
}{
	{"64x64k3s1n14", 64, 64, 14, 3, 1, 1},
	{"64x128k4s2n14", 64, 128, 14, 4, 2, 1},
	{"32x16k3s1n14", 32, 16, 14, 3, 1, 1},
	{"16x1k3s1n28", 16, 1, 28, 3, 1, 1},
	{"1x16k4s2n28", 1, 16, 28, 4, 2, 1},
	{"16x32k4s2n14", 16, 32, 14, 4, 2, 1},
}

// channelsLast returns images in channels-last memory.
func channelsLast(t *tensor.Tensor) *tensor.Tensor {
	return t.Permute(0, 2, 3, 1).Clone().Permute(0, 3, 1, 2)
}

// BenchmarkConv measures a convolution (dir=fwd) and its gradients by the images
// (dx) and by the weight (dw), on images in channels-last memory, as convolutions
// return them (impl=gander), and in row-major memory (impl=gander-nchw).
func BenchmarkConv(b *testing.B) {
	const batch = 64
	random := tensor.NewStream(1, "bench")
	for _, s := range convShapes {
		out := (s.size+2*s.pad-s.kernel)/s.stride + 1
		p := tensor.ConvParams{Stride: [2]int{s.stride, s.stride}, Pad: [2]int{s.pad, s.pad}}
		x := random.Normal(tensor.Float32, batch, s.in, s.size, s.size)
		w := random.Normal(tensor.Float32, s.out, s.in, s.kernel, s.kernel)
		gy := random.Normal(tensor.Float32, batch, s.out, out, out)
		flops := 2 * float64(batch*out*out*s.out) * float64(s.in*s.kernel*s.kernel)
		for _, impl := range []string{"gander", "gander-nchw"} {
			if impl == "gander" {
				x, gy = channelsLast(x), channelsLast(gy)
			} else {
				x, gy = x.Clone(), gy.Clone()
			}
			for _, dir := range []string{"fwd", "dx", "dw"} {
				for _, threads := range []int{1, 2} {
					b.Run(fmt.Sprintf("impl=%s/dir=%s/shape=%s/threads=%d", impl, dir, s.name, threads), func(b *testing.B) {
						tensor.CPU().SetThreads(threads)
						defer tensor.CPU().SetThreads(0)
						scope := tensor.NewScope()
						for b.Loop() {
							x, w, gy := scope.Adopt(x), scope.Adopt(w), scope.Adopt(gy)
							switch dir {
							case "fwd":
								tensor.Conv2D(x, w, nil, p, tensor.Activation{})
							case "dx":
								tensor.Conv2DInputGrad(gy, w, nil, s.size, s.size, p, tensor.Activation{})
							case "dw":
								tensor.Conv2DWeightGrad(x, gy, s.kernel, s.kernel, p)
							}
							scope.Close()
						}
						b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
					})
				}
			}
		}
	}
}

// BenchmarkConvLayer measures a convolution with bias and LeakyReLU (dir=fwd),
// and together with the gradients by its weight and bias (dir=grad), as one
// operation (impl=fused) and as three (impl=composed).
func BenchmarkConvLayer(b *testing.B) {
	const batch = 64
	random := tensor.NewStream(1, "bench")
	act := tensor.LeakyReLUActivation(0.2)
	for _, threads := range []int{1, 2} {
		for _, s := range convShapes {
			out := (s.size+2*s.pad-s.kernel)/s.stride + 1
			p := tensor.ConvParams{Stride: [2]int{s.stride, s.stride}, Pad: [2]int{s.pad, s.pad}}
			x := channelsLast(random.Normal(tensor.Float32, batch, s.in, s.size, s.size))
			w := random.Normal(tensor.Float32, s.out, s.in, s.kernel, s.kernel)
			bias := random.Normal(tensor.Float32, s.out)
			gy := channelsLast(random.Normal(tensor.Float32, batch, s.out, out, out))
			for _, dir := range []string{"fwd", "grad"} {
				for _, impl := range []string{"composed", "fused"} {
					b.Run(fmt.Sprintf("impl=%s/dir=%s/shape=%s/threads=%d", impl, dir, s.name, threads), func(b *testing.B) {
						tensor.CPU().SetThreads(threads)
						defer tensor.CPU().SetThreads(0)
						scope := tensor.NewScope()
						for b.Loop() {
							x := autograd.Const(scope.Adopt(x))
							w, bias := autograd.Leaf(scope.Adopt(w)), autograd.Leaf(scope.Adopt(bias))
							var y *autograd.Var
							if impl == "fused" {
								y = autograd.Conv2D(x, w, bias, p, act)
							} else {
								y = autograd.Activate(autograd.Add(autograd.Conv2D(x, w, nil, p, tensor.Activation{}), autograd.Reshape(bias, s.out, 1, 1)), act)
							}
							if dir == "grad" {
								autograd.Grad(y, []*autograd.Var{w, bias}, autograd.Opts{Seed: autograd.Const(scope.Adopt(gy))})
							}
							scope.Close()
						}
					})
				}
			}
		}
	}
}
