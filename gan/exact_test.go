package gan

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// OnLogits are the objectives that take logits.
var OnLogits = []Objective{Minimax{}, NonSaturating{}, LeastSquares{}, Hinge{}, Wasserstein{}, Relativistic{}, RelativisticAverage{}}

// TestExactStep holds the exact form of R1 and R2 to the general second
// derivative, for every objective on logits.
func TestExactStep(t *testing.T) {
	later := optim.ScheduleFunc(func(step int) float64 { return float64(step / 1000) })
	weights := [][]Penalty{
		{R1{Gamma: 0.7}},
		{R2{Gamma: 1.3}},
		{R1{Gamma: 0.7}, R2{Gamma: 1.3}},
		{R1{Gamma: 0.5}, R1{Gamma: 0.25}, R2{Gamma: 1, Schedule: later}},
	}
	waves := make([][]float64, 2) // of which the derivative is not constant anywhere
	for i := range waves {
		waves[i] = tensor.NewStream(uint64(i), "frequencies").Normal(tensor.Float64, 12).Float64s()
	}
	for _, objective := range OnLogits {
		for i, penalties := range weights {
			t.Run(fmt.Sprintf("%s/%d", objective.Name(), i), func(t *testing.T) {
				g := nn.Sequential(nn.Linear(3, 12), nn.Tanh())
				d := nn.Sequential(nn.Reshape(3, 4), nn.Flatten(), nn.Linear(12, 9), nn.LeakyReLU(0.2),
					nn.Sequential(nn.Linear(9, 7, nn.NoBias()), nn.ReLU()), nn.Linear(7, 1))
				if i%2 == 0 {
					d = nn.Sequential(nn.Sequential(nn.FourierFeatures(waves)), nn.Linear(16, 9), nn.LeakyReLU(0.2), nn.Linear(9, 1))
				}
				game, err := newGame(g, d, Config{Latent: 3, Objective: objective, Penalties: penalties, Seed: 3, DType: tensor.Float64})
				require.NoError(t, err)
				random := tensor.NewStream(5, "test")
				paths := eachPath(t, game, random.Normal(tensor.Float64, 6, 12), random.Normal(tensor.Float64, 6, 12))
				want, got := paths["general"], paths["exact"]
				require.InDelta(t, want.losses.Discriminator(), got.losses.Discriminator(), 1e-14)
				require.InDelta(t, want.losses.Penalty, got.losses.Penalty, 1e-14)
				require.Len(t, got.d.grads, len(want.d.grads))
				for k := range want.d.grads {
					require.InDeltaSlice(t, want.d.grads[k].Float64s(), got.d.grads[k].Float64s(), 1e-14)
				}
			})
		}
	}
}

// louder is R1 of other terms.
type louder struct{ R1 }

func (l louder) Terms(p *Pass) *autograd.Var { return autograd.Scale(l.R1.Terms(p), 2) }

// owning is a chain with a parameter of its own.
type owning struct {
	nn.Chain
	spare *nn.Param
}

func (o owning) Params() []*nn.Param { return []*nn.Param{o.spare} }

func (o owning) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return o.Chain.(nn.Module).Forward(ctx, x)
}

func (owning) MixesBatch() bool { return false }

// TestExactStepApplies says where the exact form is used, and where not.
func TestExactStepApplies(t *testing.T) {
	d := func(activation nn.Module) nn.Module {
		return nn.Sequential(nn.Linear(2, 5), activation, nn.Linear(5, 1))
	}
	waves := nn.FourierFeatures([][]float64{{0.5, 1}})
	for _, c := range []struct {
		d         nn.Module
		penalties []Penalty
		want      bool
	}{
		{d(nn.ReLU()), []Penalty{R1{Gamma: 1}}, true},
		{d(nn.LeakyReLU(0.2)), []Penalty{R1{Gamma: 1}, R2{Gamma: 1}}, true},
		{d(nn.LeakyReLU(-0.2)), []Penalty{R1{Gamma: 1}}, false},
		{d(nn.Tanh()), []Penalty{R1{Gamma: 1}}, false},
		{d(nn.ReLU()), []Penalty{R1{Gamma: 1}, GradientPenalty{Lambda: 1}}, false},
		{d(nn.ReLU()), []Penalty{&R1{Gamma: 1}, &R2{Gamma: 1}}, true},
		{d(nn.ReLU()), []Penalty{louder{R1{Gamma: 1}}}, false},
		{d(nn.ReLU()), nil, false},
		{owning{d(nn.ReLU()).(nn.Chain), nn.NewParam("spare", nn.Constant(1), 1, 1, 2)}, []Penalty{R1{Gamma: 1}}, false},
		{nn.Sequential(waves, nn.Linear(4, 1)), []Penalty{R1{Gamma: 1}}, true},
		{nn.Sequential(nn.Sequential(waves, nn.Linear(4, 3)), nn.Linear(3, 1)), []Penalty{R1{Gamma: 1}}, true},
		{nn.Sequential(nn.Linear(2, 2), waves, nn.Linear(4, 1)), []Penalty{R1{Gamma: 1}}, false},
		{nn.Sequential(nn.Linear(2, 2), nn.Sequential(waves), nn.Linear(4, 1)), []Penalty{R1{Gamma: 1}}, false},
	} {
		g, err := newGame(nn.Sequential(nn.Linear(2, 2)), c.d, Config{Latent: 2, Penalties: c.penalties})
		require.NoError(t, err)
		require.Equal(t, c.want, isExact(g))
	}
}
