package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestAbsurdSizes: whatever sizes a description asks for, in chains of layers, and
// so products of them that are no int, decoding, asking for shapes and memory and a
// pass within a limit end in a result or a typed error, and a pass stays within
// reach of what PassMemory has said.
func TestAbsurdSizes(t *testing.T) {
	const limit = 1 << 24
	r := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, -1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 7, 8, 15, 16, 63, 255, 1000, 1 << 12, 1 << 16, 1<<24 - 1, 1 << 24, 1<<24 + 1, 1<<31 - 1, math.MinInt32, math.MaxInt, math.MinInt}
	size := func() int {
		if r.IntN(4) > 0 {
			return sizes[2+r.IntN(12)]
		}
		return sizes[r.IntN(len(sizes))]
	}
	pair := func() []int { return []int{size(), size()} }
	numbers := []float64{0, 1, -1, 0.5, 1e-300, 1e300, -1e300, 5e-324}
	number := func() float64 { return numbers[r.IntN(len(numbers))] }
	conv := func(kind string, c int) map[string]any {
		k := 1 + r.IntN(4)
		o := map[string]any{"type": kind, "in": c, "out": 1 + r.IntN(2), "kernel": []int{k, k}, "stride": []int{1, 1}, "padding": []int{r.IntN(k), r.IntN(k)}, "dilation": []int{1, 1}, "groups": 1, "bias": false}
		if kind == "ConvTranspose2D" {
			o["output_padding"] = []int{0, 0}
		}
		for range r.IntN(3) {
			switch r.IntN(6) {
			case 0:
				o["kernel"] = pair()
			case 1:
				o["stride"] = pair()
			case 2:
				o["padding"] = pair()
			case 3:
				o["dilation"] = pair()
			case 4:
				o["groups"] = size()
			case 5:
				o["out"] = size()
			}
		}
		return o
	}
	layers := []func(in []int) map[string]any{
		func(in []int) map[string]any { return map[string]any{"type": "UpsampleNearest", "scale": size()} },
		func(in []int) map[string]any { return map[string]any{"type": "UpsampleBilinear", "scale": size()} },
		func(in []int) map[string]any { return map[string]any{"type": "PixelShuffle", "factor": size()} },
		func(in []int) map[string]any { return map[string]any{"type": "PixelUnshuffle", "factor": size()} },
		func(in []int) map[string]any { return conv("Conv2D", in[1]) },
		func(in []int) map[string]any { return conv("Conv2D", in[1]) },
		func(in []int) map[string]any { return conv("ConvTranspose2D", in[1]) },
		func(in []int) map[string]any {
			return map[string]any{"type": []string{"AvgPool2D", "MaxPool2D"}[r.IntN(2)], "size": pair(), "stride": pair(), "padding": []int{0, 0}}
		},
		func(in []int) map[string]any { return map[string]any{"type": "AdaptiveAvgPool2D", "size": pair()} },
		func(in []int) map[string]any {
			return map[string]any{"type": "ConcatCondition", "size": size(), "scale": number()}
		},
		func(in []int) map[string]any {
			return map[string]any{"type": "EmbedCondition", "embedding": map[string]any{"type": "Linear", "in": 3, "out": size(), "bias": false}}
		},
		func(in []int) map[string]any {
			return map[string]any{"type": "Projection", "output": map[string]any{"type": "Linear", "in": size(), "out": 1, "bias": false}, "embedding": map[string]any{"type": "Linear", "in": 3, "out": size(), "bias": false}}
		},
		func(in []int) map[string]any {
			return map[string]any{"type": "DiffAugment", "colour": r.IntN(2) == 0, "shift": number(), "cutout": number()}
		},
		func(in []int) map[string]any {
			return map[string]any{"type": "Reshape", "shape": []int{size(), size(), size()}}
		},
		func(in []int) map[string]any { return map[string]any{"type": "Flatten"} },
		func(in []int) map[string]any { return map[string]any{"type": "LeakyReLU", "slope": number()} },
	}
	ran := 0
	check := func(in []int, text []byte) {
		doing := "decoding"
		defer func() {
			if p := recover(); p != nil {
				require.Fail(t, "panic", "%s: %v: %v of %s", doing, p, in, text)
			}
		}()
		m, err := nn.Decode(text)
		if err != nil {
			require.Less(t, len(err.Error()), 2000)
			return
		}
		doing = "PassMemory"
		bytes, err := nn.PassMemory(m, in, tensor.Float32, limit)
		total := 0.0
		for _, p := range nn.Params(m) {
			n := 1.0
			for _, d := range p.Param.Shape() {
				n *= float64(d)
			}
			total += n
		}
		if err != nil || total > 1<<16 {
			return
		}
		doing = "a pass"
		nn.Init(m, 1, tensor.Float32, tensor.CPU())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = tensor.Catch(func() {
			ctx := &nn.Ctx{Condition: autograd.Const(tensor.New(tensor.Float32, in[0], 3))}
			m.Forward(ctx, autograd.Const(tensor.New(tensor.Float32, in...)))
		})
		runtime.ReadMemStats(&after)
		if err != nil { // no layer but one that reads another condition
			require.ErrorContains(t, err, "the condition does not have", "%v of %s", in, text)
			return
		}
		ran++
		took, most := int64(after.TotalAlloc-before.TotalAlloc), 20*bytes+64*int64(total)+1<<21
		require.LessOrEqual(t, took, most, "a pass of %d bytes and %g weights: %v of %s", bytes, total, in, text)
	}
	for _, kernel := range []int{3, 63, 255} { // whose taps, of enlarged images, are added up
		for _, scale := range []int{16, 64} {
			check([]int{1, 1, 4, 4}, fmt.Appendf(nil, `{"type":"Sequential","layers":[{"type":"UpsampleNearest","scale":%d},{"type":"Conv2D","in":1,"out":1,"kernel":[%d,%d],"stride":[1,1],"padding":[%d,%d],"dilation":[1,1],"groups":1,"bias":false}]}`,
				scale, kernel, kernel, kernel/2, kernel/2))
		}
	}
	for range 8000 {
		in := []int{1 + r.IntN(2), 1 + r.IntN(4), 1 + r.IntN(5), 1 + r.IntN(5)}
		shape, parts := in, []any{}
		for range 1 + r.IntN(4) {
			if len(shape) < 2 {
				break
			}
			part := layers[r.IntN(len(layers))](shape)
			parts = append(parts, part)
			text, err := json.Marshal(part)
			require.NoError(t, err)
			m, err := nn.Decode(text)
			if err != nil {
				break
			}
			if next, err := nn.OutShape(m, shape); err == nil {
				shape = next
			} else if r.IntN(2) == 0 {
				break
			}
		}
		text, err := json.Marshal(map[string]any{"type": "Sequential", "layers": parts})
		require.NoError(t, err)
		check(in, text)
	}
	require.Greater(t, ran, 1000)
}
