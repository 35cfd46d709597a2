package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestSampleAlone: in evaluation, what a network makes of a sample has the same
// bits whether the sample is alone or among others, on every instruction set, in
// snapshots, which is what generators sample with.
func TestSampleAlone(t *testing.T) {
	image := func(channels int) []int { return []int{channels, 6, 5} }
	for name, c := range map[string]struct {
		module nn.Module
		sample []int
	}{
		"linear":          {nn.Sequential(nn.Linear(70, 130), nn.LeakyReLU(0.2), nn.Linear(130, 1)), []int{70}},
		"linear of one":   {nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 33), nn.Sigmoid()), []int{1}},
		"wide linear":     {nn.Linear(600, 300, nn.NoBias()), []int{600}},
		"linear of axes":  {nn.Linear(7, 20), []int{3, 7}},
		"spectral":        {nn.SpectralNorm(nn.Linear(70, 130)), []int{70}},
		"convolution":     {nn.Sequential(nn.Conv2D(3, 20, 3, nn.Padding(1)), nn.ReLU(), nn.Conv2D(20, 1, 3)), image(3)},
		"strided":         {nn.Conv2D(3, 8, 3, nn.Stride(2), nn.Padding(1)), image(3)},
		"transposed":      {nn.ConvTranspose2D(5, 3, 4, nn.Stride(2), nn.Padding(1)), image(5)},
		"batch norm":      {nn.Sequential(nn.Conv2D(3, 8, 3), nn.BatchNorm2D(8), nn.ReLU()), image(3)},
		"layer norm":      {nn.Sequential(nn.Linear(70, 50), nn.LayerNorm([]int{50})), []int{70}},
		"group norm":      {nn.Sequential(nn.Conv2D(3, 8, 3, nn.Padding(1)), nn.GroupNorm(4, 8)), image(3)},
		"one group":       {nn.Sequential(nn.Conv2D(3, 8, 3, nn.Padding(1)), nn.GroupNorm(1, 8)), image(3)},
		"instance norm":   {nn.Sequential(nn.Conv2D(3, 8, 3, nn.Padding(1)), nn.InstanceNorm2D(8)), image(3)},
		"pooling":         {nn.Sequential(nn.Conv2D(3, 8, 3, nn.Padding(1)), nn.AvgPool2D(2), nn.MaxPool2D(2)), image(3)},
		"global pooling":  {nn.Sequential(nn.Conv2D(3, 8, 3, nn.Padding(1)), nn.AdaptiveAvgPool2D(1, 1), nn.Flatten(), nn.Linear(8, 9)), image(3)},
		"upsampling":      {nn.Sequential(nn.UpsampleNearest(2), nn.Conv2D(3, 8, 3), nn.UpsampleBilinear(2)), image(3)},
		"smooth":          {nn.Sequential(nn.Linear(9, 37), nn.GELU(), nn.SiLU(), nn.ELU(1), nn.Softplus(), nn.Softmax(-1)), []int{9}},
		"reshaped images": {nn.Sequential(nn.Linear(9, 48), nn.Reshape(3, 4, 4), nn.Conv2D(3, 8, 3), nn.Flatten(), nn.Linear(32, 2)), []int{9}},
		"residual":        {nn.Residual(nn.Sequential(nn.Conv2D(3, 3, 3, nn.Padding(1)), nn.PReLU(3)), nil), image(3)},
		"condition":       {nn.Sequential(nn.ConcatCondition(5, 3), nn.Linear(75, 130), nn.EmbedCondition(nn.Linear(5, 40)), nn.Linear(170, 30)), []int{70}},
		"planes":          {nn.Sequential(nn.EmbedCondition(nn.Linear(5, 3)), nn.Conv2D(6, 8, 3, nn.Padding(1))), image(3)},
		"projection":      {nn.Projection(nn.Linear(70, 1), nn.Linear(5, 70)), []int{70}},
		"shuffled pixels": {nn.Sequential(nn.Conv2D(3, 8, 3, nn.Padding(1)), nn.PixelShuffle(2), nn.Conv2D(2, 2, 3)), image(3)},
	} {
		sampleAlone(t, name, c.module, append([]int{65}, c.sample...), 5)
	}
	for _, c := range kinds {
		if kind, _ := c.m.(nn.Describer).Describe(); !c.mixes && kind != "Embedding" { // whose input is not any numbers
			sampleAlone(t, kind, c.m, append([]int{65}, c.input[1:]...), 2)
		}
	}
}

// sampleAlone checks one module on inputs of a shape, with conditions of a size.
func sampleAlone(t *testing.T, name string, m nn.Module, shape []int, size int) {
	t.Helper()
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		nn.Init(m, 1, dt, tensor.CPU())
		x := tensor.NewStream(2, "samples").Normal(dt, shape...)
		condition := tensor.NewStream(3, "conditions").Normal(dt, shape[0], size)
		for _, set := range isa.Implementations() {
			func() {
				defer isa.Use(set)()
				weights := nn.Snapshot(m)
				out := func(lo, hi int) *tensor.Tensor {
					ctx := &nn.Ctx{Weights: weights, Condition: autograd.Const(condition.Slice(0, lo, hi))}
					return m.Forward(ctx, autograd.Const(x.Slice(0, lo, hi))).Value()
				}
				all := out(0, 65)
				for _, part := range [][2]int{{0, 1}, {64, 65}, {0, 2}, {0, 3}, {3, 10}, {0, 33}, {1, 65}} {
					require.Equal(t, all.Slice(0, part[0], part[1]).Float64s(), out(part[0], part[1]).Float64s(),
						"%s, %v, %s, samples %v", name, dt, set, part)
				}
			}()
		}
	}
}
