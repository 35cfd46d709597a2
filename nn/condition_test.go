package nn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// conditioned is the row of a module whose inputs are the module's, the condition,
// and the values of its parameters.
func conditioned(name string, m nn.Module, ref func([]optest.Array) optest.Array, shapes ...string) optest.Row {
	r := layer(name, m, ref, shapes...)
	r.F = func(xs []*autograd.Var) *autograd.Var {
		return m.Forward(&nn.Ctx{Condition: xs[1], Weights: nn.With(m, xs[2:])}, xs[0])
	}
	r.Domain, r.Tol32 = []optest.Domain{{Lo: -2, Hi: 2}}, 5e-6
	return r
}

// besideRef is the definition: what feature makes of a row of the condition comes
// after x along axis 1.
func besideRef(more int, feature func(xs []optest.Array, n, k int) float64) func([]optest.Array) optest.Array {
	return func(xs []optest.Array) optest.Array {
		shape := slices.Clone(xs[0].Shape)
		f := shape[1]
		shape[1] += more
		return optest.Build(shape, func(o []int) float64 {
			if o[1] < f {
				return xs[0].At(o...)
			}
			return feature(xs, o[0], o[1]-f)
		})
	}
}

// row is a linear layer of row n of a condition, without its bias.
func linearOf(c, w optest.Array, n, out int) float64 {
	sum := 0.0
	for k := range w.Shape[1] {
		sum += c.At(n, k) * w.At(out, k)
	}
	return sum
}

func conditionRows() []optest.Row {
	refused := func(m nn.Module) (out []optest.Misuse) {
		nn.Init(m, 1, tensor.Float64, tensor.CPU())
		with := func(says string, condition *autograd.Var) optest.Misuse {
			return optest.Misuse{Shapes: "[3 2]", Says: says, F: func(xs []*autograd.Var) *autograd.Var {
				return m.Forward(&nn.Ctx{Condition: condition}, xs[0])
			}}
		}
		constant := func(shape ...int) *autograd.Var { return autograd.Const(tensor.New(tensor.Float64, shape...)) }
		const misfit = "the condition does not have 4 numbers for each sample; give [n, 4] with the n of the samples"
		return []optest.Misuse{
			with(misfit, constant(3, 5)), with(misfit, constant(2, 4)), with(misfit, constant(3)), with(misfit, constant(3, 4, 1)),
		}
	}
	scaled := func(scale float64) func(xs []optest.Array, n, k int) float64 {
		return func(xs []optest.Array, n, k int) float64 { return scale * xs[1].At(n, k) }
	}
	noAxis := given(nn.ConcatCondition(4, 1), "there is no axis of features or channels", "[3]", "[]")
	concat := refuses(conditioned("ConcatCondition", nn.ConcatCondition(4, 1.5), besideRef(4, scaled(1.5)), "[3 2] [3 4]", "[0 2] [0 4]", "[2 3 2 4] [2 4]", "[2 0] [2 4]"),
		slices.Concat(refused(nn.ConcatCondition(4, 1)), noAxis, []optest.Misuse{
			fails("a condition of 0 numbers times 1 is not possible", func() { nn.ConcatCondition(0, 1) }),
			fails("a condition of 2 numbers times 0 is not possible", func() { nn.ConcatCondition(2, 0) }),
		})...)
	plain := conditioned("ConcatCondition/1", nn.ConcatCondition(2, 1), besideRef(2, scaled(1)), "[3 2] [3 2]", "[2 1 2] [2 2]")

	embedding := besideRef(3, func(xs []optest.Array, n, k int) float64 { return linearOf(xs[1], xs[2], n, k) })
	embed := refuses(conditioned("EmbedCondition", nn.EmbedCondition(nn.Linear(4, 3, nn.NoBias())), embedding, "[3 2] [3 4] [3 4]", "[0 2] [0 4] [3 4]", "[2 3 2 4] [2 4] [3 4]"),
		slices.Concat(refused(nn.EmbedCondition(nn.Linear(4, 3))), given(nn.EmbedCondition(nn.Linear(4, 3)), "EmbedCondition(Linear(4, 3)) of [3]: there is no axis", "[3]"), []optest.Misuse{})...)
	biased := conditioned("EmbedCondition/bias", nn.EmbedCondition(nn.Linear(4, 3)), besideRef(3, func(xs []optest.Array, n, k int) float64 {
		return linearOf(xs[1], xs[2], n, k) + xs[3].At(k)
	}), "[3 2] [3 4] [3 4] [3]", "[2 1 3] [2 4] [3 4] [3]")

	projected := func(bias bool) func(xs []optest.Array) optest.Array {
		return func(xs []optest.Array) optest.Array {
			h, c, w, b, e := xs[0], xs[1], xs[2], xs[3], xs[4]
			return optest.Build([]int{h.Shape[0], 1}, func(o []int) float64 {
				sum := b.At(0)
				for k := range h.Shape[1] {
					v := linearOf(c, e, o[0], k)
					if bias {
						v += xs[5].At(k)
					}
					sum += w.At(0, k)*h.At(o[0], k) + v*h.At(o[0], k)
				}
				return sum
			})
		}
	}
	projection := refuses(conditioned("Projection", nn.Projection(nn.Linear(2, 1), nn.Linear(4, 2, nn.NoBias())), projected(false),
		"[3 2] [3 4] [1 2] [1] [2 4]", "[0 2] [0 4] [1 2] [1] [2 4]"),
		slices.Concat(refused(nn.Projection(nn.Linear(2, 1), nn.Linear(4, 2))), given(nn.Projection(nn.Linear(2, 1), nn.Linear(4, 2)), "Projection(2, 4) of [3 3]: these are not rows of 2 features", "[3 3]"), []optest.Misuse{
			fails("Projection of [2 1] and [4 3]: the two layers do not fit", func() { nn.Projection(nn.Linear(2, 1), nn.Linear(4, 3)) }),
			fails("the two layers do not fit", func() { nn.Projection(nn.Linear(2, 2), nn.Linear(4, 2)) }),
		})...)
	projectionBias := conditioned("Projection/bias", nn.Projection(nn.Linear(2, 1), nn.Linear(4, 2)), projected(true), "[3 2] [3 4] [1 2] [1] [2 4] [2]")
	return []optest.Row{concat, plain, embed, biased, projection, projectionBias}
}

// TestPiecewiseConditions: what layers that read a condition say of their
// derivative in a pass is what [autograd] finds.
func TestPiecewiseConditions(t *testing.T) {
	for name, m := range map[string]nn.Module{
		"concat":           nn.ConcatCondition(3, 2),
		"embed":            nn.EmbedCondition(nn.Linear(3, 5, nn.NoBias())),
		"embed, bias":      nn.EmbedCondition(nn.Linear(3, 5)),
		"projection":       nn.Projection(nn.Linear(4, 1), nn.Linear(3, 4, nn.NoBias())),
		"projection, bias": nn.Projection(nn.Linear(4, 1, nn.NoBias()), nn.Linear(3, 4)),
		"planes":           nn.EmbedCondition(nn.Linear(3, 2)),
		"constant planes":  nn.ConcatCondition(3, -1),
	} {
		shape := []int{6, 4}
		if name == "planes" || name == "constant planes" {
			shape = []int{6, 2, 3, 2}
		}
		ctx := &nn.Ctx{Train: true, Track: true, Condition: autograd.Const(tensor.NewStream(3, name).Normal(tensor.Float64, 6, 3))}
		piecewise(t, name, m, ctx, shape, func(param string) bool {
			return !strings.HasPrefix(name, "projection") || param == "output.bias" // the others are an embedding's
		})
	}
	// With a weight that is computed, the derivative of it is another matter.
	spectral := nn.SpectralNorm(nn.Linear(3, 2))
	for _, m := range []nn.Module{nn.EmbedCondition(spectral), nn.Projection(nn.Linear(2, 1), nn.SpectralNorm(nn.Linear(3, 2))), nn.Projection(nn.SpectralNorm(nn.Linear(2, 1)), nn.Linear(3, 2))} {
		_, ok := nn.PiecewiseLayers(m)
		require.False(t, ok)
	}
	require.ErrorContains(t, tensor.Catch(func() { nn.EmbedCondition(nn.Linear(1, 1)).(nn.PiecewiseLinear).WeightGrad(nil, nil, nil) }), "call Bind first")
	p := nn.Projection(nn.Linear(1, 1), nn.Linear(1, 1)).(nn.PiecewiseLinear)
	for _, f := range []func(){func() { p.Push(nil, nil) }, func() { p.Pull(nil, nil, nil) }, func() { p.WeightGrad(nil, nil, nil) }} {
		require.ErrorContains(t, tensor.Catch(f), "call Bind first")
	}
}

func TestNoCondition(t *testing.T) {
	x := autograd.Const(tensor.New(tensor.Float32, 3, 2))
	for _, m := range []nn.Module{nn.ConcatCondition(4, 1), nn.EmbedCondition(nn.Linear(4, 1)), nn.Projection(nn.Linear(2, 1), nn.Linear(4, 2))} {
		nn.Init(m, 1, tensor.Float32, tensor.CPU())
		for _, ctx := range []*nn.Ctx{nil, {}} {
			var state *nn.StateError
			require.ErrorAs(t, tensor.Catch(func() { m.Forward(ctx, x) }), &state)
			require.ErrorContains(t, state, "needs a condition, and this pass has none; set Ctx.Condition to [n, 4]")
		}
	}
}

func TestPartsOfConditions(t *testing.T) {
	for want, f := range map[string]func(){
		"EmbedCondition of Tanh; give a Linear, in a SpectralNorm or not": func() { nn.EmbedCondition(nn.Tanh()) },
		"EmbedCondition of nil": func() { nn.EmbedCondition(nil) },
		"Projection of Flatten": func() { nn.Projection(nn.Flatten(), nn.Linear(4, 2)) },
		"Projection of Conv2D":  func() { nn.Projection(nn.Linear(2, 1), nn.Conv2D(4, 2, 1)) },
	} {
		var state *nn.StateError
		require.ErrorAs(t, tensor.Catch(f), &state)
		require.ErrorContains(t, state, want)
	}
}

func TestConditionSize(t *testing.T) {
	size := func(m nn.Module) int {
		n, err := nn.ConditionSize(m)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, size(nn.Sequential(nn.Linear(2, 2), nn.Tanh())))
	deep := nn.Sequential(nn.Linear(2, 2), nn.Residual(nn.Sequential(nn.ConcatCondition(7, 1), nn.Linear(9, 2)), nil), nn.EmbedCondition(nn.SpectralNorm(nn.Linear(7, 3))))
	require.Equal(t, 7, size(deep))
	_, err := nn.ConditionSize(nn.Sequential(deep, nn.Projection(nn.Linear(5, 1), nn.Linear(6, 5))))
	require.EqualError(t, err, "nn: ConcatCondition reads a condition of 7 numbers and Projection one of 6; give a network's layers one size")
}

// With a spectral norm, both parts of a projection run with their normalised
// weights.
func TestSpectralProjection(t *testing.T) {
	m := nn.Projection(nn.SpectralNorm(nn.Linear(4, 1)), nn.SpectralNorm(nn.Linear(3, 4, nn.NoBias())))
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	random := tensor.NewStream(2, "x")
	x, c := random.Normal(tensor.Float64, 5, 4), random.Normal(tensor.Float64, 5, 3)
	before := m.Forward(&nn.Ctx{Condition: autograd.Const(c)}, autograd.Const(x)).Value().Float64s()
	for _, p := range nn.Params(m) {
		if !p.Param.Buffer() && p.Name != "output.bias" {
			p.Param.Value().CopyFrom(tensor.Scale(p.Param.Value(), 3)) // which σ takes back
		}
	}
	after := m.Forward(&nn.Ctx{Condition: autograd.Const(c)}, autograd.Const(x)).Value().Float64s()
	require.InDeltaSlice(t, before, after, 1e-12)
	description, err := nn.Encode(m)
	require.NoError(t, err)
	require.Contains(t, string(description), `"embedding":{"type":"SpectralNorm"`)
	require.NoError(t, nn.CheckGrad(&nn.Ctx{Condition: autograd.Const(c)}, m, autograd.Leaf(x), autograd.CheckOptions{}))
}
