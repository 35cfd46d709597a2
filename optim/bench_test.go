package optim_test

import (
	"testing"

	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// BenchmarkAdamStep steps the classic discriminator, 784-512-256-128-1. Seven
// numbers move per parameter: four are read, three written.
func BenchmarkAdamStep(b *testing.B) {
	var params, grads []*tensor.Tensor
	s := tensor.NewStream(1, "benchmark")
	n := 0
	for _, l := range [][2]int{{784, 512}, {512, 256}, {256, 128}, {128, 1}} {
		params = append(params, s.Normal(tensor.Float32, l[1], l[0]), s.Normal(tensor.Float32, l[1]))
		grads = append(grads, s.Normal(tensor.Float32, l[1], l[0]), s.Normal(tensor.Float32, l[1]))
		n += l[0]*l[1] + l[1]
	}
	o := optim.New(optim.Adam{LR: 1e-4}, params)
	o.Step(grads)
	b.ReportAllocs()
	b.SetBytes(int64(7 * 4 * n))
	for b.Loop() {
		o.Step(grads)
	}
}
