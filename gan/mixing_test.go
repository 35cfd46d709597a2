package gan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// unsaid is a module that does not say whether it mixes samples.
type unsaid struct {
	f    func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var
	gate *nn.Param // multiplies what f adds; nil: none
}

func (u unsaid) Params() []*nn.Param {
	if u.gate == nil {
		return nil
	}
	return []*nn.Param{u.gate}
}

func (u unsaid) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	if u.gate == nil {
		return u.f(ctx, x)
	}
	return autograd.Add(x, autograd.Mul(ctx.Var(u.gate), u.f(ctx, x)))
}

// centred subtracts the batch's mean.
func centred(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Sub(x, autograd.Mean(x, 0)) }

// doubled treats each sample by itself.
func doubled(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Scale(x, 2) }

// TestUnknownModulesAreTried: a module that does not say whether it mixes samples is
// refused under a penalty if it does.
func TestUnknownModulesAreTried(t *testing.T) {
	gate := func() *nn.Param { return nn.NewParam("gate", nn.Constant(0), 1, 1) }
	r1 := []gan.Penalty{gan.R1{Gamma: 1}}
	own := tensor.NewStream(1, "own")
	for name, c := range map[string]struct {
		m         nn.Module
		penalties []gan.Penalty
		allow     bool
		refused   bool
	}{
		"mixes":                       {unsaid{f: centred}, r1, false, true},
		"mixes, no penalty":           {unsaid{f: centred}, nil, false, false},
		"mixes, allowed":              {unsaid{f: centred}, r1, true, false},
		"mixes after the first steps": {unsaid{f: centred, gate: gate()}, r1, false, true},
		"mixes in training": {unsaid{f: func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
			if ctx != nil && ctx.Train {
				return centred(ctx, x)
			}
			return x
		}}, r1, false, true},
		"mixes all but the first": {unsaid{f: func(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
			return autograd.Sub(x, autograd.Scale(autograd.Slice(x, 0, 0, 1), 0.5))
		}}, r1, false, true},
		"mixes within groups": {nn.Sequential(unsaid{f: func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
			return nn.MinibatchStdDev(4, 1).Forward(ctx, x)
		}}, nn.Linear(5, 4)), r1, false, true},
		"draws by itself": {unsaid{f: func(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
			return autograd.Add(x, autograd.Const(own.Normal(tensor.Float32, 4)))
		}}, r1, false, false},
		"keeps apart":            {unsaid{f: doubled}, r1, false, false},
		"keeps apart, at random": {nn.Sequential(unsaid{f: doubled}, nn.Dropout(0.5), unsaid{f: doubled}, nn.Dropout(0.3)), r1, false, false},
	} {
		for _, hidden := range []bool{false, true} { // whether the generator tells its shapes
			t.Run(name, func(t *testing.T) {
				g, d := tiny(gan.Logits)
				if hidden {
					g = opaque{g}
				}
				config := tinyConfig(gan.Hinge{})
				config.Penalties, config.AllowMixing = c.penalties, c.allow
				trainer, err := gan.New(g, nn.Sequential(c.m, d), config)
				if !c.refused {
					require.NoError(t, err)
					_, err = trainer.Step(gan.Batch{X: normals(8)})
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, gan.ErrConfig)
				for _, part := range []string{`"R1" is per sample`, "mixes the samples of a batch", "Config.AllowMixing"} {
					require.ErrorContains(t, err, part)
				}
			})
		}
	}
}

// normals is a batch of n samples.
func normals(n int) *tensor.Tensor { return tensor.NewStream(5, "noise").Normal(tensor.Float32, n, 4) }

// TestTrialsLeaveNoTrace: training goes on with the same bits whether the
// discriminator was tried or said that it keeps samples apart, and a trial changes no
// buffers.
func TestTrialsLeaveNoTrace(t *testing.T) {
	var states []map[string][]float64
	for _, m := range []nn.Module{unsaid{f: doubled}, said{unsaid{f: doubled}}} {
		g, d := tiny(gan.Logits)
		d = nn.Sequential(m, nn.Dropout(0.2), nn.SpectralNorm(nn.Linear(4, 4)), d)
		nn.Init(d, 3, tensor.Float32, tensor.CPU())
		before := copies(d)
		c := tinyConfig(gan.Hinge{})
		c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}}
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		for i, p := range copies(d) {
			require.Equal(t, before[i].Float64s(), p.Float64s())
		}
		for range 3 {
			_, err := trainer.Step(gan.Batch{X: normals(6)})
			require.NoError(t, err)
		}
		state := map[string][]float64{}
		for i, net := range []nn.Module{g, d} {
			for name, v := range nn.State(net) {
				state[fmt.Sprint(i, ".", name)] = v.Float64s()
			}
		}
		states = append(states, state)
	}
	require.Equal(t, states[0], states[1])
}

// said is a module that says it keeps samples apart.
type said struct{ unsaid }

func (said) MixesBatch() bool { return false }

// TestAllowMixing: what a penalty is then, by the definition.
func TestAllowMixing(t *testing.T) {
	g, _ := tiny(gan.Logits)
	d := nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.MinibatchStdDev(4, 1), nn.Linear(7, 1))
	c := tinyConfig(gan.Hinge{})
	c.DType = tensor.Float64
	c.Penalties = []gan.Penalty{gan.R1{Gamma: 3}}
	_, err := gan.New(g, d, c)
	require.ErrorContains(t, err, "Config.AllowMixing")
	c.AllowMixing = true
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	real := normals(8).Cast(tensor.Float64)
	x := autograd.Leaf(real)
	gradient := autograd.Grad(autograd.Sum(d.Forward(nil, x)), []*autograd.Var{x}, autograd.Opts{})[0].Value()
	want := 3.0 / 2 / 8 * tensor.Sum(tensor.Square(gradient)).Item()
	losses, err := trainer.Step(gan.Batch{X: real})
	require.NoError(t, err)
	require.InEpsilon(t, want, losses.Penalty, 1e-12)

	// The cross terms are there: alone, the samples have other gradients.
	other := autograd.Leaf(real.Slice(0, 0, 1))
	alone := autograd.Grad(d.Forward(nil, other), []*autograd.Var{other}, autograd.Opts{})[0].Value()
	require.NotEqual(t, alone.Float64s(), gradient.Slice(0, 0, 1).Float64s())
}

// batchMean subtracts the batch's mean, which is linear: everything that the exact
// form of R1 asks of a layer, but that it keeps samples apart.
type batchMean struct{}

func (batchMean) MixesBatch() bool        { return true }
func (batchMean) Linearity() nn.Linearity { return nn.LinearInPieces }
func (batchMean) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	return centred(nil, x)
}
func (batchMean) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return centred(nil, autograd.Const(v)).Value()
}
func (batchMean) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return centred(nil, autograd.Const(g)).Value()
}
func (batchMean) WeightGrad(_, _, _ *tensor.Tensor) []*tensor.Tensor {
	return nil
}

// TestMixersAreNotExact: a discriminator that mixes samples learns the same whether
// or not it offers what the exact form needs.
func TestMixersAreNotExact(t *testing.T) {
	var weights [2][]float64
	for i, m := range []nn.Module{batchMean{}, struct{ nn.Module }{batchMean{}}} {
		g, _ := tiny(gan.Logits)
		d := nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), m, nn.Linear(6, 1))
		c := tinyConfig(gan.Hinge{})
		c.DType, c.AllowMixing = tensor.Float64, true
		c.Penalties = []gan.Penalty{gan.R1{Gamma: 3}}
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		_, err = trainer.Step(gan.Batch{X: normals(8).Cast(tensor.Float64)})
		require.NoError(t, err)
		for _, p := range copies(d) {
			weights[i] = append(weights[i], p.Float64s()...)
		}
	}
	require.Equal(t, weights[1], weights[0])
}
