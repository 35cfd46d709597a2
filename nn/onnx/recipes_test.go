package onnx_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan/pretrained"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/tensor"
)

// TestRecipes: the networks of all recipes export, and compute what they compute.
func TestRecipes(t *testing.T) {
	for _, r := range recipe.All() {
		g, d := r.Networks()
		for name, m := range map[string]nn.Module{"g": g, "d": d} {
			prepare(m, tensor.Float32)
			sample := []int{r.Latent}
			if name == "d" {
				out, err := nn.OutShape(g, []int{1, r.Latent})
				require.NoError(t, err)
				sample = out[1:]
			}
			b, f := exported(t, m, sample...)
			inputs := map[string]*tensor.Tensor{"input": tensor.NewStream(1, "input").Normal(tensor.Float32, append([]int{2}, sample...)...)}
			ctx := &nn.Ctx{}
			if size, err := nn.ConditionSize(m); size > 0 {
				require.NoError(t, err)
				inputs["condition"] = tensor.OneHot(tensor.Float32, size, []int{0, size - 1})
				ctx.Condition = autograd.Const(inputs["condition"])
			}
			y := m.Forward(ctx, autograd.Const(inputs["input"])).Value()
			near(t, y, f.run(arrays(inputs)), 1e-5)
			leave(t, "recipe "+r.Name+" "+name, b, inputs, y)
		}
	}
}

// TestPretrained: a trained generator's file makes its samples.
func TestPretrained(t *testing.T) {
	g, err := pretrained.Digits()
	require.NoError(t, err)
	graph, err := g.Graph()
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, onnx.Write(&b, graph))
	f := read(b.Bytes())
	const n, seed = 3, 5
	inputs := map[string]*tensor.Tensor{"latent": g.Latents(n, seed)}
	if g.Classes() != nil {
		labels := tensor.New(tensor.Float32, n)
		for i, label := range g.Labels(n, seed) {
			labels.Set(float64(label), i)
		}
		inputs["label"] = labels
	}
	want := g.Sample(n, seed).Reshape(append([]int{n}, g.SampleShape()...)...)
	near(t, want, f.run(arrays(inputs)), 1e-5)
	inputs["samples"] = want
	leave(t, "pretrained", b.Bytes(), inputs, want)
}
