package gan_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

var objectives = append([]gan.Objective{gan.Classic{}}, gan.OnLogits...)

// outputs are what a discriminator might say of real and generated samples, off
// the kinks of every objective.
func outputs(o gan.Objective) (real, fake *tensor.Tensor) {
	real = tensor.FromFloat64([]float64{-2.3, -0.4, 0.2, 1.7, 3.1}, 5, 1)
	fake = tensor.FromFloat64([]float64{1.9, 0.3, -0.5, -1.6, -4.2}, 5, 1)
	if o.Output() == gan.Probabilities {
		// Not so near to 0 and 1 that finite differences fail.
		return tensor.Sigmoid(tensor.Scale(real, 0.3)), tensor.Sigmoid(tensor.Scale(fake, 0.3))
	}
	return real, fake
}

// The losses written down once more, as plain functions of one pair of outputs.
// The relativistic average, which is none, is compared elsewhere.
func TestObjectiveValues(t *testing.T) {
	softplus := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	type formula struct{ real, fake, generator func(r, f float64) float64 }
	formulas := map[gan.Objective]formula{
		gan.Classic{}: {
			func(r, _ float64) float64 { return -math.Log(r) },
			func(_, f float64) float64 { return -math.Log(1 - f) },
			func(_, f float64) float64 { return -math.Log(f) }},
		gan.Minimax{}: {
			func(r, _ float64) float64 { return softplus(-r) },
			func(_, f float64) float64 { return softplus(f) },
			func(_, f float64) float64 { return -softplus(f) }},
		gan.NonSaturating{}: {
			func(r, _ float64) float64 { return softplus(-r) },
			func(_, f float64) float64 { return softplus(f) },
			func(_, f float64) float64 { return softplus(-f) }},
		gan.LeastSquares{}: {
			func(r, _ float64) float64 { return (r - 1) * (r - 1) / 2 },
			func(_, f float64) float64 { return f * f / 2 },
			func(_, f float64) float64 { return (f - 1) * (f - 1) / 2 }},
		gan.Hinge{}: {
			func(r, _ float64) float64 { return max(0, 1-r) },
			func(_, f float64) float64 { return max(0, 1+f) },
			func(_, f float64) float64 { return -f }},
		gan.Wasserstein{}: {
			func(r, _ float64) float64 { return -r },
			func(_, f float64) float64 { return f },
			func(_, f float64) float64 { return -f }},
		gan.Relativistic{}: {
			func(r, f float64) float64 { return softplus(f - r) },
			nil,
			func(r, f float64) float64 { return softplus(r - f) }},
	}
	for _, o := range objectives {
		want, ok := formulas[o]
		if !ok {
			continue
		}
		t.Run(o.Name(), func(t *testing.T) {
			real, fake := outputs(o)
			r, f := real.Float64s(), fake.Float64s()
			check := func(got *autograd.Var, want func(r, f float64) float64) {
				if want == nil {
					require.Nil(t, got)
					return
				}
				require.Equal(t, []int{5, 1}, got.Shape())
				for i, v := range got.Value().Float64s() {
					assert.InDelta(t, want(r[i], f[i]), v, 1e-14)
				}
			}
			terms := o.Discriminator(autograd.Const(real), autograd.Const(fake))
			check(terms.Real, want.real)
			check(terms.Fake, want.fake)
			check(o.Generator(autograd.Const(fake), func() *autograd.Var { return autograd.Const(real) }), want.generator)
		})
	}
}

func TestRelativisticAverageValues(t *testing.T) {
	softplus := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	real, fake := outputs(gan.RelativisticAverage{})
	mean := func(v []float64) (m float64) {
		for _, x := range v {
			m += x / float64(len(v))
		}
		return m
	}
	r, f := real.Float64s(), fake.Float64s()
	terms := gan.RelativisticAverage{}.Discriminator(autograd.Const(real), autograd.Const(fake))
	generator := gan.RelativisticAverage{}.Generator(autograd.Const(fake), func() *autograd.Var { return autograd.Const(real) })
	for i := range r {
		assert.InDelta(t, softplus(mean(f)-r[i]), terms.Real.Value().At(i, 0), 1e-14)
		assert.InDelta(t, softplus(f[i]-mean(r)), terms.Fake.Value().At(i, 0), 1e-14)
		assert.InDelta(t, softplus(r[i]-mean(f))+softplus(mean(r)-f[i]), generator.Value().At(i, 0), 1e-14)
	}
}

// Each term has right derivatives of first and second order, by both outputs.
func TestObjectiveGradients(t *testing.T) {
	for _, o := range objectives {
		real, fake := outputs(o)
		both := []*tensor.Tensor{real, fake}
		for name, f := range map[string]func(x []*autograd.Var) *autograd.Var{
			"real":      func(x []*autograd.Var) *autograd.Var { return o.Discriminator(x[0], x[1]).Real },
			"fake":      func(x []*autograd.Var) *autograd.Var { return o.Discriminator(x[0], x[1]).Fake },
			"generator": func(x []*autograd.Var) *autograd.Var { return o.Generator(x[1], func() *autograd.Var { return x[0] }) },
		} {
			t.Run(o.Name()+"/"+name, func(t *testing.T) {
				if f([]*autograd.Var{autograd.Const(real), autograd.Const(fake)}) == nil {
					return // it has no such term
				}
				require.NoError(t, autograd.Check(f, both, autograd.CheckOptions{}))
			})
		}
	}
}

// The generator of the minimax game gets −σ(D) from each sample, which fades
// where D is sure that the sample is none; the non-saturating one gets −σ(−D).
func TestGeneratorGradients(t *testing.T) {
	logits := []float64{-800, -30, -2, 0, 0.5, 30, 800}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for _, c := range []struct {
		o    gan.Objective
		want func(x float64) float64
	}{
		{gan.Minimax{}, func(x float64) float64 { return -sigmoid(x) }},
		{gan.NonSaturating{}, func(x float64) float64 { return -sigmoid(-x) }},
	} {
		x := autograd.Leaf(tensor.FromFloat64(logits, len(logits), 1))
		loss := autograd.Mean(c.o.Generator(x, nil))
		grad := autograd.Grad(loss, []*autograd.Var{x}, autograd.Opts{})[0].Value()
		for i, l := range logits {
			want := c.want(l) / float64(len(logits))
			assert.InDelta(t, want, grad.At(i, 0), 1e-15*math.Abs(want), "%s at %g", c.o.Name(), l)
		}
	}
}

// A discriminator that is entirely sure costs no NaN: a wrong answer costs 100
// at most in the classic game, and as much as the logit in the others.
func TestObjectivesOfCertainty(t *testing.T) {
	sure := func(v float64) *autograd.Var { return autograd.Const(tensor.Full(tensor.Float32, v, 1, 1)) }
	right := gan.Classic{}.Discriminator(sure(1), sure(0))
	assert.Zero(t, right.Real.Item())
	assert.Zero(t, right.Fake.Item())
	wrong := gan.Classic{}.Discriminator(sure(0), sure(1))
	assert.Equal(t, 100.0, wrong.Real.Item())
	assert.Equal(t, 100.0, wrong.Fake.Item())
	assert.Equal(t, 100.0, gan.Classic{}.Generator(sure(0), nil).Item())
	for _, o := range []gan.Objective{gan.Minimax{}, gan.NonSaturating{}} {
		right, wrong := o.Discriminator(sure(1e4), sure(-1e4)), o.Discriminator(sure(-1e4), sure(1e4))
		assert.Zero(t, right.Real.Item())
		assert.Zero(t, right.Fake.Item())
		assert.Equal(t, 1e4, wrong.Real.Item())
		assert.Equal(t, 1e4, wrong.Fake.Item())
	}
	assert.Equal(t, 1e4, gan.NonSaturating{}.Generator(sure(-1e4), nil).Item())
	assert.Zero(t, gan.Minimax{}.Generator(sure(-1e4), nil).Item())
}

func TestObjectiveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range objectives {
		assert.NotEmpty(t, o.Name())
		assert.False(t, seen[o.Name()], "%q twice: checkpoints could be mixed up", o.Name())
		seen[o.Name()] = true
		assert.Equal(t, o.Name() == "classic", o.Output() == gan.Probabilities, fmt.Sprintf("%T", o))
	}
}

// lost is an objective whose terms somebody else has made something of.
type lost struct {
	gan.NonSaturating
	of        string // whose terms: real, fake, both, generator, none
	transform func(*autograd.Var) *autograd.Var
}

func (l lost) Discriminator(real, fake *autograd.Var) gan.Terms {
	t := l.NonSaturating.Discriminator(real, fake)
	switch l.of {
	case "real":
		t.Real = l.transform(t.Real)
	case "fake":
		t.Fake = l.transform(t.Fake)
	case "both":
		t = gan.Terms{Real: l.transform(t.Real), Fake: l.transform(t.Fake)}
	case "none":
		t = gan.Terms{}
	}
	return t
}

func (l lost) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	t := l.NonSaturating.Generator(fake, real)
	if l.of == "generator" {
		t = l.transform(t)
	}
	return t
}

// An objective that gives a sum, a mean, or the square that [n] and [n, 1] make
// is refused, by both ways to a gradient.
func TestObjectivesOfOtherShapes(t *testing.T) {
	total := func(v *autograd.Var) *autograd.Var { return autograd.Sum(v) }
	row := func(v *autograd.Var) *autograd.Var { return autograd.Reshape(v, -1) }
	square := func(v *autograd.Var) *autograd.Var { return autograd.Add(v, row(v)) }
	missing := func(*autograd.Var) *autograd.Var { return nil }
	cut := func(v *autograd.Var) *autograd.Var { return v.Detach() }
	for _, c := range []struct {
		objective lost
		want      string
	}{
		{lost{of: "real", transform: row}, ""},
		{lost{of: "real", transform: missing}, ""},
		{lost{of: "fake", transform: missing}, ""},
		{lost{of: "real", transform: total}, "its terms are [] for 5 samples; return one for each sample"},
		{lost{of: "fake", transform: total}, "its terms are [] for 5 samples"},
		{lost{of: "fake", transform: square}, "its terms are [5 5] for 5 samples"},
		{lost{of: "generator", transform: square}, "its terms are [5 5] for 5 samples"},
		{lost{of: "generator", transform: missing}, "its terms are nil"},
		{lost{of: "none"}, "its terms are nil"},
		{lost{of: "real", transform: cut}, ""},
		{lost{of: "both", transform: cut}, "the discriminator's loss depends on none of its weights"},
		{lost{of: "generator", transform: cut}, "the generator's loss depends on none of its weights"},
	} {
		for _, penalties := range [][]gan.Penalty{nil, {gan.R1{Gamma: 1}}} {
			stepTells(t, nn.LeakyReLU(0.2), gan.Config{Objective: c.objective, Penalties: penalties}, "the objective nonsaturating: ", c.want)
		}
	}
}

// stepTells requires that the first step of a game, in which an activation is between
// the discriminator's layers, fails as misuse of who, or does not if want is "".
func stepTells(t *testing.T, activation nn.Module, c gan.Config, who, want string) {
	t.Helper()
	c.Latent = latentSize
	d := nn.Sequential(nn.Linear(4, 4), activation, nn.Linear(4, 1))
	trainer, err := gan.New(nn.Linear(latentSize, 4), d, c)
	require.NoError(t, err)
	_, err = trainer.Step(gan.Batch{X: tensor.New(tensor.Float32, 5, 4)})
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, who+want)
	require.ErrorAs(t, err, new(*tensor.ArgumentError))
	require.Zero(t, trainer.Steps())
}
