package optim_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// The half-life is what it is called: after that many updates with a constant
// value, half of the way is left; and it is a tenth of a young run.
func TestEMAHalfLife(t *testing.T) {
	p := tensor.Scalar(tensor.Float64, 1)
	e := optim.NewEMAHalfLife([]*tensor.Tensor{p}, 30)
	p.Fill(0)
	want := 1.0
	for update := 1; update <= 400; update++ {
		e.Update()
		want *= math.Exp2(-1 / min(30, max(1, 0.1*float64(update))))
		require.InEpsilon(t, want, e.Values()[0].Item(), 1e-12, "update %d", update)
	}
	before := e.Values()[0].Item()
	for range 30 {
		e.Update()
	}
	require.InEpsilon(t, before/2, e.Values()[0].Item(), 1e-12)
	require.Equal(t, 430, e.Steps())
}

func TestEMARestores(t *testing.T) {
	build := map[string]func([]*tensor.Tensor) *optim.EMA{
		"decay":     func(p []*tensor.Tensor) *optim.EMA { return optim.NewEMA(p, 0.9) },
		"half-life": func(p []*tensor.Tensor) *optim.EMA { return optim.NewEMAHalfLife(p, 1.5) },
	}
	for name, build := range build {
		params := start(tensor.Float32)
		drift := func(step int) {
			for i, g := range gradient(step, tensor.Float32) {
				params[i].CopyFrom(g)
			}
		}
		whole := build(params)
		var resumed *optim.EMA
		for step := range 20 {
			drift(step)
			whole.Update()
			if step == 11 {
				saved := whole.State()
				resumed = build(params)
				require.NoError(t, resumed.Restore(saved))
			} else if step > 11 {
				resumed.Update()
			}
		}
		require.Equal(t, stateValues(whole.State()), stateValues(resumed.State()), name)
		require.Equal(t, 20, resumed.Steps(), name)

		state := whole.State()
		delete(state, "average.1")
		before := values(resumed.Values())
		require.EqualError(t, resumed.Restore(state), `optim: restoring EMA: "average.1" is missing`)
		require.Equal(t, before, values(resumed.Values()))
	}
}

func TestEMAKeepsItsOwnCopy(t *testing.T) {
	params := start(tensor.Float32)
	e := optim.NewEMA(params, 0.5)
	require.Equal(t, values(params), values(e.Values()))
	for _, p := range params {
		p.Fill(7)
	}
	require.Equal(t, values(start(tensor.Float32)), values(e.Values()))
	params[0].Set(math.NaN(), 0, 0)
	e.Update()
	require.True(t, math.IsNaN(e.Values()[0].At(0, 0)), "NaN is not cleaned")
}

func TestEMAUpdateDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	e := optim.NewEMAHalfLife(start(tensor.Float32), 100)
	require.Zero(t, testing.AllocsPerRun(100, e.Update))
}

func TestEMARefuses(t *testing.T) {
	params := start(tensor.Float32)
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { optim.NewEMA(params, 1) }, "optim: EMA: decay is 1; give a number from 0 to below 1"},
		{func() { optim.NewEMA(params, math.NaN()) }, "optim: EMA: decay is NaN; give a number from 0 to below 1"},
		{func() { optim.NewEMAHalfLife(params, 0) }, "optim: EMA: halfLife is 0; give a number above 0"},
		{func() { optim.NewEMA(nil, 0.5) }, "NewEMA: there are no parameters; give at least one"},
		{func() { optim.NewEMAHalfLife(nil, 5) }, "NewEMAHalfLife: there are no parameters; give at least one"},
	} {
		assert.EqualError(t, tensor.Catch(c.f), c.want)
	}
	require.Equal(t, values(start(tensor.Float32)), values(params))
}
