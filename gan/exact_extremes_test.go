package gan_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// slowR1 is R1, which the trainer does not know, so that it is computed by automatic
// differentiation.
type slowR1 struct{ gan.R1 }

// TestCheapPenaltyAtExtremes: where samples are zeros of either sign, so that
// activations are met at their kinks, very small or very large, the cheap way to compute
// R1 makes the step that automatic differentiation makes, or fails with it, and both
// leave all as it was.
func TestCheapPenaltyAtExtremes(t *testing.T) {
	activations := map[string]func() nn.Module{
		"LeakyReLU": func() nn.Module { return nn.LeakyReLU(.2) }, "falling": func() nn.Module { return nn.LeakyReLU(-.5) }, "ReLU": nn.ReLU,
	}
	for name, activation := range activations {
		for _, bias := range []bool{true, false} {
			for _, image := range []bool{false, true} {
				for _, size := range []float64{0, math.Copysign(0, -1), 1e-310, 1e-200, 1, 1e60, 1e300, math.NaN()} {
					var options []nn.ConvOption
					var linear []nn.LinearOption
					if !bias {
						options, linear = append(options, nn.NoBias()), append(linear, nn.NoBias())
					}
					step := func(p gan.Penalty) (string, string, []float64, error) {
						g := nn.Sequential(nn.Linear(2, 16, linear...), nn.Reshape(1, 4, 4))
						d := nn.Sequential(nn.Flatten(), nn.Linear(16, 6, linear...), activation(), nn.Linear(6, 1, linear...))
						if image {
							d = nn.Sequential(nn.UpsampleNearest(2), nn.Conv2D(1, 3, 3, append(options, nn.Padding(1))...), activation(), nn.AvgPool2D(2), nn.Flatten(), nn.Linear(48, 1, linear...))
						}
						trainer, err := gan.New(g, d, gan.Config{Latent: 2, Seed: 3, DType: tensor.Float64, Objective: gan.Hinge{}, Penalties: []gan.Penalty{p}, Optimizer: optim.SGD{LR: .1}})
						require.NoError(t, err)
						before := stateOf(t, trainer)
						x := tensor.NewStream(4, "x").Normal(tensor.Float64, 3, 1, 4, 4)
						x = tensor.Scale(x, size)
						_, err = trainer.Step(gan.Batch{X: x})
						var weights []float64
						for _, p := range nn.Params(d) {
							weights = append(weights, p.Param.Value().Float64s()...)
						}
						return before, stateOf(t, trainer), weights, err
					}
					what := fmt.Sprintf("%s, bias %v, images %v, size %g", name, bias, image, size)
					_, _, cheap, errCheap := step(gan.R1{Gamma: .5})
					before, after, slow, errSlow := step(slowR1{gan.R1{Gamma: .5}})
					require.Equal(t, errSlow == nil, errCheap == nil, "%s: %v and %v", what, errCheap, errSlow)
					if errSlow != nil {
						same(t, before, after, what)
						continue
					}
					for i := range slow {
						require.InDelta(t, slow[i], cheap[i], 1e-9*max(1, math.Abs(slow[i])), "%s: weight %d", what, i)
					}
				}
			}
		}
	}
}
