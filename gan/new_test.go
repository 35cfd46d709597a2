package gan_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

func TestNewRefuses(t *testing.T) {
	type setup struct {
		g, d nn.Module
		gan.Config
	}
	for name, c := range map[string]struct {
		change func(s *setup)
		want   string
	}{
		"no generator":       {func(s *setup) { s.g = nil }, "a network is nil"},
		"no discriminator":   {func(s *setup) { s.d = nil }, "a network is nil"},
		"no latent":          {func(s *setup) { s.Latent = 0 }, "Config.Latent is 0; give the generator's number of inputs"},
		"negative latent":    {func(s *setup) { s.Latent = -3 }, "Config.Latent is -3"},
		"other latent":       {func(s *setup) { s.Latent = 4 }, "the generator does not take Config.Latent = 4 inputs: in layer 0 Linear: Linear(3, 8) of [1 4]"},
		"other samples":      {func(s *setup) { s.g = nn.Linear(latentSize, 5) }, "the discriminator does not take the generator's samples [1 5]: in layer 0 Linear: Linear(4, 8)"},
		"within a network":   {func(s *setup) { s.d = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(9, 1))) }, "generator's samples [1 4]: in layer 1.1 Linear: Linear(9, 1) of [1 8]"},
		"own layer":          {func(s *setup) { s.g = nn.Sequential(nn.Linear(latentSize, 4), picky{}) }, "Config.Latent = 3 inputs: in layer 1 gan_test.picky: not today"},
		"two outputs":        {func(s *setup) { s.d = nn.Linear(4, 2) }, "the discriminator makes [1 2] of one sample; it must make [1 1]"},
		"no output":          {func(s *setup) { s.d = nn.Tanh() }, "the discriminator makes [1 4] of one sample"},
		"a number too many":  {func(s *setup) { s.d = nn.Sequential(nn.Linear(4, 1), nn.Reshape()) }, "the discriminator makes [1] of one sample"},
		"classic on logits":  {func(s *setup) { s.Objective = gan.Classic{} }, `the objective "classic" wants probabilities, but the discriminator ends in Linear; add a Sigmoid, or choose NonSaturating`},
		"logits after all":   {func(s *setup) { _, s.d = tiny(gan.Probabilities) }, `the objective "hinge" wants logits, but the discriminator ends in Sigmoid; drop it, or choose Classic`},
		"nested sigmoid":     {func(s *setup) { s.d = nn.Sequential(s.d, nn.Sequential(nn.Sigmoid())) }, "ends in Sigmoid"},
		"default wants them": {func(s *setup) { s.Objective, s.d = nil, nn.Sequential(s.d, nn.Sigmoid()) }, `the objective "nonsaturating" wants logits`},
		"frozen generator":   {func(s *setup) { nn.Freeze(s.g, true) }, "the generator has no parameters to train; give a module of your own the method Params or Children, and thaw what nn.Freeze has frozen"},
		"frozen critic":      {func(s *setup) { nn.Freeze(s.d, true) }, "the discriminator has no parameters to train; "},
		"a sample's shape":   {func(s *setup) { s.SampleShape = []int{5} }, "Config.SampleShape: a sample [4] of the network does not have the shape [5]"},
		"no parameters":      {func(s *setup) { s.g = nn.Tanh(); s.d = nn.Linear(latentSize, 1) }, "the generator has no parameters to train"},
		"mixed dtypes":       {func(s *setup) { nn.Init(s.g, 1, tensor.Float64, tensor.CPU()) }, "float64 and float32; they must agree"},
		"a nil objective":    {func(s *setup) { s.Objective = (*gan.Hinge)(nil) }, "Config holds a nil *gan.Hinge; leave the field out for its default"},
		"a nil group":        {func(s *setup) { s.Group = (*struct{ gan.Group })(nil) }, "Config holds a nil *struct { gan.Group }"},
		"no rate":            {func(s *setup) { s.Optimizer = optim.Adam{} }, "optim: Adam: LR is 0; give a number above 0"},
		"generator's rate":   {func(s *setup) { s.GeneratorOptimizer = optim.SGD{LR: -1} }, "optim: SGD: LR is -1"},
		"critic's momentum":  {func(s *setup) { s.DiscriminatorOptimizer = optim.SGD{LR: 1, Momentum: 2} }, "optim: SGD: Momentum is 2"},
		"generator every":    {func(s *setup) { s.GeneratorEvery = -1 }, "must not be negative"},
		"clipped":            {func(s *setup) { s.ClipWeights = -1 }, "must not be negative"},
		"clipped at NaN":     {func(s *setup) { s.ClipWeights = math.NaN() }, "must not be negative, nor NaN"},
		"average of NaN":     {func(s *setup) { s.EMAHalfLife = math.NaN() }, "must not be negative, nor NaN"},
		"negative penalty":   {func(s *setup) { s.Penalties = []gan.Penalty{gan.R1{Gamma: -1}} }, "the weight of the penalty R1 is -1; give a finite one"},
		"penalty of NaN":     {func(s *setup) { s.Penalties = []gan.Penalty{gan.GradientPenalty{Lambda: math.NaN()}} }, "penalty\" is NaN"},
		"infinite penalty":   {func(s *setup) { s.Penalties = []gan.Penalty{gan.R2{Gamma: math.Inf(1)}} }, "R2 is +Inf"},
		"forgotten R1":       {func(s *setup) { s.Penalties = []gan.Penalty{gan.R1{}} }, "the weight of the penalty R1 is 0, so that it does nothing; set its Gamma or Lambda, or leave it out"},
		"forgotten R2":       {func(s *setup) { s.Penalties = []gan.Penalty{&gan.R2{Schedule: optim.Linear{From: 1}}} }, "the weight of the penalty R2 is 0"},
		"forgotten λ":        {func(s *setup) { s.Penalties = []gan.Penalty{gan.GradientPenalty{OneSided: true}} }, `the weight of the penalty "gradient penalty, one-sided" is 0`},
		"never a weight":     {func(s *setup) { s.Penalties = []gan.Penalty{gan.R1{Gamma: 1, Schedule: optim.Linear{}}} }, "the weight of the penalty R1 is 0"},
		"average":            {func(s *setup) { s.EMAHalfLife = -1 }, "must not be negative"},
		"penalty on a mixer": {func(s *setup) { s.d, s.Penalties = nn.Sequential(mixer{}, s.d), []gan.Penalty{gan.R1{Gamma: 1}} }, "mix"},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{Config: tinyConfig(gan.Hinge{})}
			s.g, s.d = tiny(gan.Logits)
			c.change(&s)
			trainer, err := gan.New(s.g, s.d, s.Config)
			require.Nil(t, trainer)
			require.ErrorIs(t, err, gan.ErrConfig)
			require.ErrorContains(t, err, "gan: this cannot be trained: ")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// picky takes no input.
type picky struct{ mixer }

func (picky) OutShape([]int) ([]int, error) { return nil, errors.New("not today") }

// mixer says that it mixes the samples of a batch.
type mixer struct{}

func (mixer) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return x }
func (mixer) OutShape(in []int) ([]int, error)                 { return in, nil }
func (mixer) MixesBatch() bool                                 { return true }

// opaque hides everything about a module but its parameters.
type opaque struct{ nn.Module }

func (o opaque) Children() []nn.Child { return []nn.Child{{Name: "inner", Module: o.Module}} }

func (o opaque) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var { return o.Module.Forward(ctx, x) }

// Modules that do not tell their shapes are taken at their word; what does not
// fit shows in the first step.
func TestNewTrustsUnknownModules(t *testing.T) {
	g, d := tiny(gan.Logits)
	trainer, err := gan.New(opaque{g}, opaque{d}, tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	_, err = trainer.Fit(context.Background(), tinyNoise(2))
	require.NoError(t, err)
	require.Equal(t, []int{2, 4}, trainer.Sample(2, 1).Shape())

	c := tinyConfig(gan.Hinge{})
	c.Latent++
	trainer, err = gan.New(opaque{g}, d, c)
	require.NoError(t, err)
	_, err = trainer.Step(gan.Batch{X: tensor.New(tensor.Float32, 5, 4)})
	var misuse tensor.Misuse
	require.ErrorAs(t, err, &misuse)
}

func TestNewWeights(t *testing.T) {
	g, d := tiny(gan.Logits)
	nn.Init(g, 77, tensor.Float64, tensor.CPU())
	before := copies(g)
	c := tinyConfig(nil)
	c.DType = tensor.Float64
	_, err := gan.New(g, d, c)
	require.NoError(t, err)
	for i, p := range copies(g) {
		require.Equal(t, before[i].Float64s(), p.Float64s(), "weights that are there stay")
	}
	require.True(t, nn.Ready(d))
	require.Equal(t, tensor.Float64, copies(d)[0].DType())

	// Networks of one shape do not start alike, and the seed decides.
	weights := func(seed uint64) (g, d []float64) {
		gNet, dNet := nn.Linear(1, 1), nn.Linear(1, 1)
		_, err := gan.New(gNet, dNet, gan.Config{Latent: 1, Seed: seed})
		require.NoError(t, err)
		return copies(gNet)[0].Float64s(), copies(dNet)[0].Float64s()
	}
	g1, d1 := weights(1)
	g1Again, d1Again := weights(1)
	g2, d2 := weights(2)
	assert.Equal(t, g1, g1Again)
	assert.Equal(t, d1, d1Again)
	assert.NotEqual(t, g1, d1)
	assert.NotEqual(t, g1, g2)
	assert.NotEqual(t, d1, d2)
}

// What a discriminator ends in is the last of modules that run one after another, not
// a part of a module that does something else with it.
func TestNewLooksAtTheOutput(t *testing.T) {
	g, _ := tiny(gan.Logits)
	d := nn.Sequential(nn.Linear(4, 1), nn.Residual(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())))
	_, err := gan.New(g, d, tinyConfig(gan.NonSaturating{}))
	require.NoError(t, err)
	_, err = gan.New(g, nn.Sequential(nn.Sequential(d), nn.Sequential(nn.Sigmoid())), tinyConfig(gan.NonSaturating{}))
	require.ErrorContains(t, err, "the discriminator ends in Sigmoid")
}
