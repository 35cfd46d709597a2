package gan_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// saved returns the state of a generator's file.
func saved(t *testing.T, g *gan.Generator) map[string]*tensor.Tensor {
	path := t.TempDir() + "/generator"
	require.NoError(t, g.Save(path))
	m, _, err := nn.Load(path)
	require.NoError(t, err)
	return nn.State(m)
}

// The statistics that averaged weights are sampled with are those of the averages:
// as many samples say the same, and another batch of them is normal after the norm.
func TestAveragesHaveTheirOwnStatistics(t *testing.T) {
	net := func() nn.Module {
		return nn.Sequential(nn.Linear(latentSize, 16), nn.BatchNorm1D(16), nn.ReLU(), nn.SpectralNorm(nn.Linear(16, 8)), nn.BatchNorm1D(8), nn.ReLU(), nn.Linear(8, 4))
	}
	train := func(halfLife float64, look bool) *gan.Trainer {
		_, d := tiny(gan.Logits)
		c := tinyConfig(gan.Hinge{})
		c.EMAHalfLife = halfLife
		trainer, err := gan.New(net(), d, c)
		require.NoError(t, err)
		_, err = trainer.Fit(context.Background(), tinyNoise(40), gan.Epochs(3), gan.On(gan.After(gan.Every(5), func(tr *gan.Trainer) error {
			if look {
				tr.Sample(5, 1)
			}
			return nil
		})))
		require.NoError(t, err)
		return trainer
	}
	trainer := train(60, true)
	same(t, stateOf(t, train(60, false)), stateOf(t, trainer), "looking changes training")

	state := saved(t, trainer.Generator())
	g := net()
	nn.Init(g, 1, tensor.Float32, tensor.CPU())
	require.NoError(t, nn.LoadState(g, state))
	z := tensor.NewStream(77, "fresh").Normal(tensor.Float32, 20_000, latentSize)
	// The first norm's inputs, by hand.
	h := tensor.Add(tensor.MatMul(z, state["0.weight"].T()), state["0.bias"])
	for channel := range 16 {
		values := h.Slice(1, channel, channel+1).Float64s()
		mean, square := 0.0, 0.0
		for _, v := range values {
			mean += v / float64(len(values))
		}
		for _, v := range values {
			square += (v - mean) * (v - mean) / float64(len(values))
		}
		require.InDelta(t, mean, state["1.running_mean"].At(channel), 0.08*math.Sqrt(square), "channel %d", channel)
		require.InEpsilon(t, square, state["1.running_var"].At(channel), 0.1, "channel %d", channel)
	}

	// The largest singular value of the normalised matrix is 1, to a hundredth.
	w, u, v := state["3.parametrizations.weight.original"], state["3.parametrizations.weight.0._u"], state["3.parametrizations.weight.0._v"]
	require.NotNil(t, w)
	sigma := tensor.MatMul(u.Reshape(1, 8), tensor.MatMul(w, v.Reshape(16, 1))).Item()
	x := tensor.NewStream(1, "power").Normal(tensor.Float32, 16, 1)
	for range 500 {
		x = tensor.MatMul(w.T(), tensor.MatMul(w, x))
		x = tensor.Scale(x, 1/tensor.Norm([]*tensor.Tensor{x}).Item())
	}
	exact := tensor.Norm([]*tensor.Tensor{tensor.MatMul(w, x)}).Item()
	require.InEpsilon(t, exact, sigma, 0.01)

	// The same generator and seed give the same samples, from whichever copy.
	require.Equal(t, trainer.Sample(9, 3).Float32s(), train(60, false).Sample(9, 3).Float32s())
}
