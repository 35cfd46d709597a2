package gan_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// The Dirac-GAN (Mescheder, Geiger, Nowozin, "Which training methods for GANs do
// actually converge?", 2018, section 2) is the smallest game there is: all real
// samples are 0, all generated ones are θ, and D(x) = ψ·x. Its only equilibrium
// is θ = ψ = 0, and everything about the way there can be worked out.

// dirac is a game with its rules, the critic's penalties among them.
type dirac struct {
	objective gan.Objective
	penalties []gan.Penalty
}

// field returns the two networks' gradients, each of its own loss, at one
// place: what simultaneous descent goes down by.
func (g dirac) field(theta, psi float64) (byTheta, byPsi float64) {
	number := func(v float64) *tensor.Tensor { return tensor.FromFloat64([]float64{v}, 1, 1) }
	real := number(0)
	weight := autograd.Leaf(number(psi))
	critic := func(x *autograd.Var) *autograd.Var { return autograd.Mul(x, weight) }
	pass := passOf(critic, real, number(theta))
	terms := g.objective.Discriminator(pass.Real.D, pass.Fake.D)
	loss := autograd.Mean(terms.Real)
	if terms.Fake != nil {
		loss = autograd.Add(loss, autograd.Mean(terms.Fake))
	}
	for _, p := range g.penalties {
		loss = autograd.Add(loss, autograd.Scale(autograd.Mean(p.Terms(pass)), p.Weight(0)))
	}
	byPsi = autograd.Grad(loss, []*autograd.Var{weight}, autograd.Opts{})[0].Item()

	sample := autograd.Leaf(number(theta))
	loss = autograd.Mean(g.objective.Generator(critic(sample), func() *autograd.Var { return critic(autograd.Const(real)) }))
	return autograd.Grad(loss, []*autograd.Var{sample}, autograd.Opts{})[0].Item(), byPsi
}

// eigenvalues returns those of the flow (θ̇, ψ̇) = −field, linearised at 0 by
// finite differences: below 0 in their real parts where the game converges, and
// complex where it spirals.
func (g dirac) eigenvalues() [2]complex128 {
	const h = 1e-3
	along := func(dTheta, dPsi float64) (a, b float64) {
		a1, b1 := g.field(h*dTheta, h*dPsi)
		a0, b0 := g.field(-h*dTheta, -h*dPsi)
		return -(a1 - a0) / (2 * h), -(b1 - b0) / (2 * h)
	}
	tt, pt := along(1, 0)
	tp, pp := along(0, 1)
	half, root := complex((tt+pp)/2, 0), cmplx.Sqrt(complex((tt-pp)*(tt-pp)/4+tp*pt, 0))
	return [2]complex128{half + root, half - root}
}

// Without a penalty, simultaneous descent leaves the equilibrium: each step of
// the minimax game stretches the distance by exactly √(1+η²σ(ψθ)²).
func TestDiracLeavesWithoutPenalty(t *testing.T) {
	game := dirac{objective: gan.Minimax{}}
	for _, eta := range []float64{0.5, 0.1} {
		theta, psi := 1.0, -0.5
		for step := range 60 {
			dTheta, dPsi := game.field(theta, psi)
			sigma := 1 / (1 + math.Exp(-psi*theta))
			before := theta*theta + psi*psi
			theta, psi = theta-eta*dTheta, psi-eta*dPsi
			require.InEpsilon(t, 1+eta*eta*sigma*sigma, (theta*theta+psi*psi)/before, 1e-13, "step %d", step)
		}
	}
}

// With the weight γ in all of R1 and R2, the flow near the equilibrium has the
// eigenvalues −γ/2 ± √(γ²−1)/2: spirals below γ = 1, no turning above, and the
// fastest way home at 1, where the damping is critical. R1 and R2 count alike,
// so that with both the critical value of each is ½. Every objective whose
// discriminator's loss has the slope ½ at 0 is one and the same game there.
func TestDiracDamping(t *testing.T) {
	for _, o := range []gan.Objective{gan.Minimax{}, gan.NonSaturating{}, gan.Relativistic{}} {
		rate := map[float64]float64{} // of the slower of the two ways
		for _, gamma := range []float64{0, 0.3, 0.9, 1, 1.1, 2} {
			for name, penalties := range map[string][]gan.Penalty{
				"R1":      {gan.R1{Gamma: gamma}},
				"R2":      {gan.R2{Gamma: gamma}},
				"R1 + R2": {gan.R1{Gamma: gamma / 2}, gan.R2{Gamma: gamma / 2}},
			} {
				got := dirac{o, penalties}.eigenvalues()
				root := cmplx.Sqrt(complex(gamma*gamma-1, 0))
				for i, sign := range []complex128{1, -1} {
					want := (complex(-gamma, 0) + sign*root) / 2
					// At the critical value, an error of δ in the matrix is one of √δ here.
					require.InDelta(t, 0, cmplx.Abs(got[i]-want), 3e-4, "%s, %s, γ = %g: %v", o.Name(), name, gamma, got)
				}
				// The discriminant itself has no such trouble.
				d := got[0] - got[1]
				require.InDelta(t, gamma*gamma-1, real(d*d), 1e-6)
				rate[gamma] = real(got[0])
			}
		}
		for gamma, r := range rate {
			if gamma != 1 {
				require.Greater(t, r, rate[1], "γ = %g", gamma)
			}
		}
	}
	// Both kinds of samples count against a mean: twice the slope, twice the γ.
	for gamma, spirals := range map[float64]bool{1.9: true, 2.1: false} {
		got := dirac{gan.RelativisticAverage{}, []gan.Penalty{gan.R1{Gamma: gamma}}}.eigenvalues()
		require.Equal(t, spirals, imag(got[0]) != 0, "γ = %g: %v", gamma, got)
	}
}

// What the eigenvalues promise shows along the way: at γ = 0.3 the path winds
// around the equilibrium as it closes in, at 1.1 it does not even turn once.
func TestDiracSpiralsIn(t *testing.T) {
	for _, c := range []struct {
		gamma float64
		turns [2]float64 // at least, at most
	}{{0.3, [2]float64{2, 20}}, {1.1, [2]float64{0, 0.5}}} {
		game := dirac{gan.Minimax{}, []gan.Penalty{gan.R1{Gamma: c.gamma}}}
		const eta = 0.1
		theta, psi, turned := 1.0, 0.0, 0.0
		for range 500 {
			dTheta, dPsi := game.field(theta, psi)
			before := complex(theta, psi)
			theta, psi = theta-eta*dTheta, psi-eta*dPsi
			turned += cmplx.Phase(complex(theta, psi) / before)
		}
		require.Less(t, math.Hypot(theta, psi), 2e-3, "γ = %g", c.gamma)
		turns := math.Abs(turned) / (2 * math.Pi)
		require.GreaterOrEqual(t, turns, c.turns[0])
		require.LessOrEqual(t, turns, c.turns[1])
	}
}

// constant is the Dirac-GAN's generator: whatever the latent vector, θ.
type constant struct{ theta *nn.Param }

func (c constant) Params() []*nn.Param { return []*nn.Param{c.theta} }

func (c constant) Forward(ctx *nn.Ctx, z *autograd.Var) *autograd.Var {
	return autograd.BroadcastTo(ctx.Var(c.theta), z.Value().Dim(0), 1)
}

// train plays the game with the trainer itself, whose two networks take turns,
// and returns the distance from the equilibrium after each step.
func (g dirac) train(t *testing.T, steps, generatorEvery int) (distances []float64) {
	t.Helper()
	theta := nn.NewParam("theta", nn.Constant(1), 1, 1, 1, 1)
	psi := nn.Linear(1, 1, nn.NoBias(), nn.WeightInit(nn.Constant(0.5)))
	trainer, err := gan.New(constant{theta}, psi, gan.Config{
		Latent: 1, Objective: g.objective, Penalties: g.penalties, DType: tensor.Float64,
		Optimizer: optim.SGD{LR: 0.15}, GeneratorEvery: generatorEvery,
	})
	require.NoError(t, err)
	real := tensor.New(tensor.Float64, 2, 1)
	for range steps {
		_, err := trainer.Step(gan.Batch{X: real})
		require.NoError(t, err)
		distances = append(distances, math.Hypot(theta.Value().Item(), copies(psi)[0].Item()))
	}
	return distances
}

// The trainer's own path: penalties on the samples bring it home; none at all,
// and WGAN-GP, whose penalty wants a slope of 1 where none is needed, stay away
// for ever, however many turns the critic has.
func TestDiracInTraining(t *testing.T) {
	const steps = 400
	for _, c := range []struct {
		game      dirac
		every     int
		converges bool
	}{
		{dirac{gan.NonSaturating{}, []gan.Penalty{gan.R1{Gamma: 0.3}}}, 1, true},
		{dirac{gan.NonSaturating{}, []gan.Penalty{gan.R1{Gamma: 1}}}, 1, true},
		{dirac{gan.Relativistic{}, []gan.Penalty{gan.R1{Gamma: 0.5}, gan.R2{Gamma: 0.5}}}, 1, true},
		{dirac{gan.Wasserstein{}, []gan.Penalty{gan.R1{Gamma: 1}}}, 1, true},
		{dirac{gan.NonSaturating{}, nil}, 1, false},
		{dirac{gan.Wasserstein{}, nil}, 1, false},
		{dirac{gan.Wasserstein{}, []gan.Penalty{gan.GradientPenalty{Lambda: 1}}}, 1, false},
		{dirac{gan.Wasserstein{}, []gan.Penalty{gan.GradientPenalty{Lambda: 0.1}}}, 1, false},
		{dirac{gan.Wasserstein{}, []gan.Penalty{gan.GradientPenalty{Lambda: 1}}}, 5, false},
		{dirac{gan.NonSaturating{}, []gan.Penalty{gan.GradientPenalty{Lambda: 1}}}, 1, false},
	} {
		what := fmt.Sprintf("%s, %+v, every %d", c.game.objective.Name(), c.game.penalties, c.every)
		distances := c.game.train(t, steps, c.every)
		furthest := 0.0
		for _, d := range distances[steps*2/3:] {
			furthest = max(furthest, d)
		}
		if c.converges {
			require.Less(t, furthest, 1e-2, what)
			require.Less(t, distances[steps-1], furthest/2, what)
		} else {
			require.Greater(t, furthest, 0.3, what)
		}
	}
}
