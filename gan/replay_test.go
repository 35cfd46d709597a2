package gan_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// A step that fails leaves a file, from which it is done again and told where the
// first number came from that is not finite.
func TestReplay(t *testing.T) {
	r1 := func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}} }
	big := func(m nn.Module, param int) {
		v := nn.Params(m)[param].Param.Value()
		v.Set(3e38, make([]int, v.Rank())...)
		v.Set(3e38, append(make([]int, v.Rank()-1), 1)...)
	}
	overflow := func(g, d nn.Module, x *tensor.Tensor) {
		for i, v := range []float64{0, 5, 3e38} {
			nn.Params(d)[i].Param.Value().Fill(v)
		}
	}
	for name, c := range map[string]struct {
		objective func() gan.Objective
		change    func(*gan.Config)
		spoil     func(g, d nn.Module, x *tensor.Tensor)
		want      gan.Origin
		input     string // a parameter among the inputs
	}{
		"a layer of the discriminator": {nil, nil, overflow,
			gan.Origin{Network: "discriminator", Layer: "2 Linear"}, "discriminator 2.weight"},
		"with penalties": {nil, r1, overflow,
			gan.Origin{Network: "discriminator", Layer: "2 Linear"}, "discriminator 2.weight"},
		"a layer of the generator": {nil, nil, func(g, d nn.Module, x *tensor.Tensor) {
			big(g, 2)
			nn.Params(g)[3].Param.Value().Fill(3e38)
		}, gan.Origin{Network: "generator", Layer: "2 Linear"}, "generator 2.weight"},
		"the discriminator's gradient": {func() gan.Objective { return steep{network: "discriminator"} }, nil, nil,
			gan.Origin{Rule: "Sqrt", Backward: true}, ""},
		"the generator's gradient": {func() gan.Objective { return steep{network: "generator"} }, nil, nil,
			gan.Origin{Rule: "Sqrt", Backward: true}, ""},
		"the data": {nil, nil, func(g, d nn.Module, x *tensor.Tensor) { x.Set(math.NaN(), 1, 1) },
			gan.Origin{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			build := func() (*gan.Trainer, nn.Module, nn.Module) {
				var o gan.Objective = gan.Wasserstein{}
				if c.objective != nil {
					o = c.objective()
				}
				config := tinyConfig(o)
				if c.change != nil {
					c.change(&config)
				}
				g, d := tiny(gan.Logits)
				trainer, err := gan.New(g, d, config)
				require.NoError(t, err)
				return trainer, g, d
			}
			trainer, g, d := build()
			x := batch(t, tinyNoise(1))
			if c.spoil != nil {
				c.spoil(g, d, x)
			}
			before := trainer.Sample(3, 1).Float32s()
			path := filepath.Join(t.TempDir(), "failure")
			_, err := trainer.Fit(t.Context(), &yields{1, []*tensor.Tensor{x}}, gan.RecordFailure(path))
			var failed *gan.NonFiniteError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, path, failed.Snapshot)
			require.ErrorContains(t, err, "; what led to it is in "+path)

			again, _, _ := build()
			origin, err := again.Replay(path)
			require.NoError(t, err)
			require.Equal(t, c.want.Network, origin.Network, "%v", origin)
			require.Equal(t, c.want.Backward, origin.Backward, "%v", origin)
			if c.want.Layer != "" {
				require.Equal(t, c.want.Layer, origin.Layer, "%v", origin)
			}
			if c.want.Rule != "" {
				require.Equal(t, c.want.Rule, origin.Rule, "%v", origin)
			}
			require.Positive(t, origin.Result.NonFinite)
			require.NotEmpty(t, origin.Inputs)
			if c.input != "" {
				found := false
				for _, in := range origin.Inputs {
					found = found || in.Name == c.input
				}
				require.True(t, found, "%v", origin)
			}
			require.Contains(t, origin.String(), "not finite")
			require.Equal(t, before, again.Sample(3, 1).Float32s(), "it is where it was before the step")
		})
	}
	trainer := newTiny(t, gan.Hinge{})
	path := filepath.Join(t.TempDir(), "checkpoint")
	require.NoError(t, trainer.Checkpoint(path))
	_, err := trainer.Replay(path)
	require.ErrorContains(t, err, "it holds no step that has failed")
}

// What does not fail when it is done again is said, and undone.
func TestReplayWithoutFailure(t *testing.T) {
	build := func(next func(*autograd.Var) *autograd.Var) *gan.Trainer {
		return newTiny(t, &mishap{once: true, next: next}, func(c *gan.Config) { c.Seed = 3 })
	}
	path := filepath.Join(t.TempDir(), "failure")
	_, err := build(rootOfZero).Fit(t.Context(), tinyNoise(3), gan.RecordFailure(path))
	require.Error(t, err)
	again := build(nil)
	_, err = again.Replay(path, gan.Allow("objective"))
	require.ErrorContains(t, err, "the step does not fail here")
	require.Zero(t, again.Steps())
	require.NoError(t, again.Resume(path, gan.Allow("objective")))
	_, err = again.Fit(t.Context(), tinyNoise(3))
	require.NoError(t, err)
}
