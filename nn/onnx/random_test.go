package onnx_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestRandomNetworks: chains of layers that nobody would put together, with odd sizes,
// a layer more than once, within residual blocks and wrappers, say what they compute,
// too. (Normalisations that are folded, and what must not be, meet in all orders.)
func TestRandomNetworks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	layersInAll := 0
	for trial := range 400 {
		shape := []int{1, 1 + r.IntN(4), 1 + r.IntN(5), 1 + r.IntN(5)}
		in, size := shape, 1+r.IntN(3)
		var last nn.Module
		layer := func(shape []int) nn.Module {
			f := shape[1]
			if len(shape) == 2 {
				switch r.IntN(12) {
				case 0:
					return nn.Linear(f, 1+r.IntN(6))
				case 1:
					return nn.SpectralNorm(nn.Linear(f, 1+r.IntN(6), nn.NoBias()))
				case 2:
					return nn.BatchNorm1D(f)
				case 3:
					return nn.LayerNorm([]int{f})
				case 4:
					return nn.ConcatCondition(size, float64(r.IntN(5))-2.5)
				case 5:
					return nn.EmbedCondition(nn.SpectralNorm(nn.Linear(size, 2)))
				case 6:
					return nn.Residual(nn.Linear(f, f), nil)
				case 7:
					return nn.Dropout(.5)
				case 8:
					return nn.PReLU(f)
				case 9:
					return nn.Softmax(1)
				case 10:
					return nn.Reshape(f, 1, 1)
				}
				return nn.Flatten()
			}
			switch r.IntN(19) {
			case 0:
				return nn.Conv2D(f, 1+r.IntN(4), 1+r.IntN(3), nn.Padding(r.IntN(2), r.IntN(2)), nn.Stride(1+r.IntN(2), 1))
			case 1:
				return nn.SpectralNorm(nn.Conv2D(f, f, 1, nn.NoBias()))
			case 2:
				return nn.ConvTranspose2D(f, 1+r.IntN(4), 2+r.IntN(2), nn.Stride(1+r.IntN(2)), nn.Padding(r.IntN(2)))
			case 3:
				return nn.Conv2D(f, 2*f, 3, nn.Groups(f), nn.Padding(1), nn.NoBias())
			case 4:
				return nn.BatchNorm2D(f)
			case 5:
				return nn.InstanceNorm2D(f)
			case 6:
				return nn.GroupNorm(1, f)
			case 7:
				return nn.ConcatCondition(size, 1)
			case 8:
				return nn.EmbedCondition(nn.Linear(size, 1))
			case 9:
				return nn.UpsampleNearest(1 + r.IntN(3))
			case 10:
				return nn.UpsampleBilinear(1 + r.IntN(3))
			case 11:
				return nn.AvgPool2D(1+r.IntN(2), nn.Stride(1+r.IntN(2)))
			case 12:
				return nn.MaxPool2D(1+r.IntN(3), nn.Stride(1+r.IntN(2)))
			case 13:
				return nn.AdaptiveAvgPool2D(1+r.IntN(3), 1+r.IntN(3))
			case 14:
				return nn.Residual(nn.Sequential(nn.BatchNorm2D(f), nn.LeakyReLU(-.5), nn.Conv2D(f, f, 3, nn.Padding(1))), nn.SpectralNorm(nn.Conv2D(f, f, 1)))
			case 15:
				return nn.DiffAugment(nn.Augmentations{Colour: true})
			case 16:
				return nn.PixelShuffle(1)
			case 17:
				return nn.Tanh()
			}
			return nn.Flatten()
		}
		var layers []nn.Module
		for range 1 + r.IntN(7) {
			m := layer(shape)
			if last != nil && r.IntN(6) == 0 {
				m = last // shared
			}
			next, err := nn.OutShape(m, shape)
			if err != nil || next[1] > 64 || len(next) == 4 && next[2]*next[3] > 200 {
				continue
			}
			layers, shape, last = append(layers, m), next, m
		}
		m := nn.Sequential(layers...)
		name := fmt.Sprint(trial)
		if text, err := nn.Encode(m); err == nil {
			name += " " + string(text)
		}
		prepare(m, tensor.Float64)
		_, f := exported(t, m, in[1:]...)
		layersInAll += len(layers)
		for _, n := range []int{1, 3} {
			dt := tensor.Float64
			if len(nn.Params(m)) == 0 {
				dt = tensor.Float32
			}
			stream := tensor.NewStream(uint64(trial), "input")
			inputs := map[string]*tensor.Tensor{"input": stream.Normal(dt, append([]int{n}, in[1:]...)...)}
			ctx := &nn.Ctx{}
			if has, err := nn.ConditionSize(m); has > 0 {
				require.NoError(t, err)
				inputs["condition"] = stream.Normal(dt, n, has)
				ctx.Condition = autograd.Const(inputs["condition"])
			}
			want := m.Forward(ctx, autograd.Const(inputs["input"])).Value()
			got := f.run(arrays(inputs))
			require.Equal(t, want.Shape(), got.Shape, name)
			require.InDeltaSlice(t, want.Float64s(), got.Data, 1e-5*max(1, tensor.MaxOver(tensor.Mul(want, want)).Item()), name)
		}
	}
	require.Greater(t, layersInAll, 1000)
}
