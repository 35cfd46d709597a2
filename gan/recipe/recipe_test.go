package recipe

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

func TestNames(t *testing.T) {
	var names []string
	for _, r := range All() {
		names = append(names, r.Name)
		require.NotEmpty(t, r.About, r.Name)
		found, known := Named(r.Name, All())
		require.True(t, known)
		require.Equal(t, r.About, found.About)
	}
	_, known := Named("ring", Digits())
	require.False(t, known)
	require.Equal(t, "half    "+StackedHalf().About+"\nquarter "+StackedQuarter().About+"\n", Usage(Stacked()[:2]))
	require.Equal(t, []string{"quick", "unconditional", "best", "mlp", "classic", "ring", "grid", "half", "quarter", "whole", "pocket"}, names)
}

// Each recipe trains on samples of its kind, and draws such samples.
func TestRecipesTrain(t *testing.T) {
	for _, r := range All() {
		t.Run(r.Name, func(t *testing.T) {
			size := 784
			switch r.Name {
			case "ring", "grid":
				size = 2
			case "half", "quarter", "whole":
				size = 3 * 784
			case "pocket":
				size = 64
			}
			r.Batch, r.Steps = 4, 10
			g, d := r.Networks()
			trainer, err := gan.New(g, d, r.Config())
			require.NoError(t, err)
			x := tensor.NewStream(1, "x").Uniform(tensor.Float32, r.Batch, size)
			b := gan.Batch{X: x}
			if k := len(r.Config().Classes); k > 0 {
				b.Condition = tensor.OneHot(tensor.Float32, k, []int{0, 1, 2, 9})
			}
			require.Equal(t, slices.Contains([]string{"quick", "best", "pocket"}, r.Name), b.Condition != nil)
			for range 2 {
				losses, err := trainer.Step(b)
				require.NoError(t, err)
				require.Equal(t, r.Name != "classic", losses.Penalty > 0)
			}
			require.Equal(t, []int{3, size}, trainer.Sample(3, 1).Shape())
		})
	}
}

// What is said about the sizes of networks is so.
func TestSizes(t *testing.T) {
	for name, c := range map[string]struct {
		recipe  Recipe
		weights [2]int
	}{
		"half":    {StackedHalf(), [2]int{287_635, 1833}},
		"quarter": {StackedQuarter(), [2]int{287_635, 557}},
		"pocket":  {Pocket(), [2]int{30_265, 17_831}},
		"ring":    {Ring(), [2]int{83_202, 33_409}},
	} {
		g, d := c.recipe.Networks()
		require.Equal(t, c.weights, [2]int{nn.Count(g), nn.Count(d)}, name)
	}
}

// Fields decide: the seed, the number of inputs, the rate, and the length that
// schedules stretch along.
func TestFields(t *testing.T) {
	weights := func(r Recipe) []float32 { // of the first layer, [out, inputs]
		g, d := r.Networks()
		_, err := gan.New(g, d, r.Config())
		require.NoError(t, err)
		return nn.Params(g)[0].Param.Value().Float32s()
	}
	for _, r := range All() {
		require.EqualValues(t, 1, r.Config().Seed)
		first := weights(r)
		require.Equal(t, first, weights(r))
		r.Seed, r.Latent, r.LR = 7, 5, 0.125
		require.NotEqual(t, first, weights(r))
		require.Zero(t, len(weights(r))%(5+len(r.Config().Classes)))
		require.EqualValues(t, 7, r.Config().Seed)
		for _, method := range methods(r.Config()) {
			require.Equal(t, 0.125, method.Rate(0))
		}
		if r.Name == "classic" {
			continue
		}
		for _, steps := range []int{10, 1000} {
			r.Steps = steps
			for _, method := range methods(r.Config()) {
				beta := method.(optim.Adam).Beta2Schedule
				require.InDelta(t, 0.9, beta.At(0), 1e-12)
				require.InDelta(t, 0.99, beta.At(steps), 1e-12)
			}
		}
	}
}

// methods returns the optimizers of a configuration.
func methods(c gan.Config) []optim.Method {
	if c.Optimizer != nil {
		return []optim.Method{c.Optimizer}
	}
	return []optim.Method{c.GeneratorOptimizer, c.DiscriminatorOptimizer}
}

// On mixtures, the generator settles before the discriminator does.
func TestSharpening(t *testing.T) {
	for _, steps := range []int{1, 7, 1000} {
		r := Grid()
		r.Steps = steps
		c := r.Config()
		require.InDelta(t, r.LR, c.GeneratorOptimizer.Rate(0), 1e-15)
		require.InDelta(t, r.LR/100, c.GeneratorOptimizer.Rate(steps), 1e-15)
		require.InDelta(t, r.LR, c.DiscriminatorOptimizer.Rate(0), 1e-15)
		if steps == 1000 {
			require.InDelta(t, r.LR, c.DiscriminatorOptimizer.Rate(900), 1e-15)
			require.InDelta(t, r.LR/10, c.DiscriminatorOptimizer.Rate(1000), 1e-15)
			require.InDelta(t, 0.02, c.Penalties[0].Weight(800), 1e-12)
			require.InDelta(t, 0.002, c.Penalties[1].Weight(900), 1e-12)
		}
	}
}

func TestPenaltiesFade(t *testing.T) {
	for _, c := range []struct {
		recipe     Recipe
		first, end float64
	}{{Quick(), 0.5, 0.5}, {Unconditional(), 0.5, 0.5}, {Best(), 0.5, 0.5}, {MLP(), 1, 0.2}, {Ring(), 0.2, 2e-4}, {Grid(), 0.2, 2e-4}} {
		penalties := c.recipe.Config().Penalties
		require.Len(t, penalties, 2)
		for _, p := range penalties {
			require.InDelta(t, c.first, p.Weight(0), 1e-12, c.recipe.Name)
			require.InDelta(t, c.end, p.Weight(c.recipe.Steps), 1e-12, c.recipe.Name)
		}
	}
}

// The rates of the convolutional networks fall over the second half only.
func TestSecondHalf(t *testing.T) {
	for _, r := range []Recipe{Quick(), Unconditional(), Best()} {
		for _, steps := range []int{1, 3, 10, 1000} {
			r.Steps = steps
			rate := r.Config().Optimizer.Rate
			require.Equal(t, r.LR, rate(0))
			require.Equal(t, r.LR, rate(steps-max(steps/2, 1)))
			require.InDelta(t, r.LR/10, rate(steps), 1e-15)
			if steps == 1000 {
				require.InDelta(t, 0.55*r.LR, rate(750), 1e-15)
			}
		}
	}
}

func TestFrequencies(t *testing.T) {
	var lengths float64
	for _, f := range frequencies(2000, 3) {
		length := math.Hypot(f[0], f[1])
		require.GreaterOrEqual(t, length, 0.2*(1-1e-12))
		require.LessOrEqual(t, length, 8.0)
		lengths += math.Log(length/0.2) / math.Log(40) / 2000
	}
	require.InDelta(t, 0.5, lengths, 0.03) // 4.6 standard errors of a uniform mean
	require.Equal(t, frequencies(32, 1), frequencies(32, 1))
	require.False(t, slices.EqualFunc(frequencies(32, 1), frequencies(32, 2), slices.Equal))
}
