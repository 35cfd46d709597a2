package optim_test

import (
	"errors"
	"maps"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// methods is every method with every part of it in use.
func methods() map[string]optim.Method {
	decay := optim.Cosine{From: 1, To: 0.1, Steps: 12}
	return map[string]optim.Method{
		"SGD":               optim.SGD{LR: 0.1, Schedule: decay},
		"SGD decay":         optim.SGD{LR: 0.1, WeightDecay: 0.01},
		"SGD momentum":      optim.SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 0.01, Schedule: decay},
		"SGD Nesterov":      optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true},
		"Adam":              optim.Adam{LR: 1e-2, Schedule: decay},
		"Adam decay":        optim.Adam{LR: 1e-2, Betas: [2]float64{0, 0.99}, Eps: 1e-6, WeightDecay: 0.01},
		"Adam β₂":           optim.Adam{LR: 1e-2, Betas: [2]float64{0.5, 0.9}, Beta2Schedule: optim.Linear{From: 0.9, To: 0.99, Steps: 9}},
		"AdamW":             optim.AdamW{LR: 1e-2, Schedule: decay},
		"RMSprop":           optim.RMSprop{LR: 1e-2, WeightDecay: 0.01, Schedule: decay},
		"RMSprop momentum":  optim.RMSprop{LR: 1e-2, Alpha: 0.9, Momentum: 0.9},
		"RMSprop centered":  optim.RMSprop{LR: 1e-2, Alpha: 0.9, Centered: true},
		"RMSprop both":      optim.RMSprop{LR: 1e-2, Alpha: 0.9, Centered: true, Momentum: 0.5},
		"written elsewhere": signs{},
	}
}

// signs steps by the sign of a sum of gradients: a method that a user has
// written.
type signs struct{}

func (signs) Name() string                     { return "signs" }
func (signs) Validate() error                  { return nil }
func (signs) State() (slots, scalars []string) { return []string{"sum"}, []string{"rates"} }
func (signs) Rate(step int) float64            { return 1 / float64(step+1) }
func (signs) Apply(u *optim.Update) {
	u.Scalars[0] += u.Rate
	for i, p := range u.Params {
		sum := u.Slots[0][i]
		tensor.AddScaledInto(sum, sum, 1, u.Grads[i])
		tensor.AddScaledInto(p, p, -u.Rate/u.Scalars[0], tensor.Sign(u.Scratch.Adopt(sum)))
	}
}

// start returns parameters, always the same.
func start(dt tensor.DType) []*tensor.Tensor {
	s := tensor.NewStream(1, "start")
	return []*tensor.Tensor{s.Normal(dt, 5, 7), s.Normal(dt, 5), s.Normal(dt), s.Normal(dt, 0, 3)}
}

// gradient returns the gradients of a step, always the same.
func gradient(step int, dt tensor.DType) []*tensor.Tensor {
	s := tensor.NewStream(uint64(step), "gradient")
	return []*tensor.Tensor{s.Normal(dt, 5, 7), s.Normal(dt, 5), s.Normal(dt), s.Normal(dt, 0, 3)}
}

func values(ts []*tensor.Tensor) (out [][]float64) {
	for _, t := range ts {
		out = append(out, t.Float64s())
	}
	return out
}

func stateValues(state map[string]*tensor.Tensor) map[string][]float64 {
	out := map[string][]float64{}
	for name, t := range state {
		out[name] = t.Float64s()
	}
	return out
}

func TestRestoredRunEqualsUninterrupted(t *testing.T) {
	for name, m := range methods() {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			t.Run(name+"/"+dt.String(), func(t *testing.T) {
				params := start(dt)
				whole := optim.New(m, params)
				var saved map[string]*tensor.Tensor
				var copies []*tensor.Tensor
				for step := range 10 {
					if step == 4 {
						saved = whole.State()
						for _, p := range params {
							copies = append(copies, p.Clone())
						}
					}
					whole.Step(gradient(step, dt))
				}
				second := optim.New(m, copies)
				require.NoError(t, second.Restore(saved))
				require.Equal(t, 4, second.Steps())
				for step := 4; step < 10; step++ {
					second.Step(gradient(step, dt))
				}
				require.Equal(t, values(params), values(copies))
				require.Equal(t, stateValues(whole.State()), stateValues(second.State()))
				require.Equal(t, whole.LR(), second.LR())
			})
		}
	}
}

// A copy goes back to whom it is of, and serves whoever saves to it next.
func TestGoBack(t *testing.T) {
	p := tensor.FromFloat64([]float64{1, 2})
	g := []*tensor.Tensor{tensor.FromFloat64([]float64{3, -4})}
	adam, other := optim.New(optim.Adam{LR: 0.1}, []*tensor.Tensor{p}), optim.New(optim.SGD{LR: 0.1, Momentum: 0.5}, []*tensor.Tensor{p})
	average := optim.NewEMA([]*tensor.Tensor{p}, 0.5)
	var saved optim.Saved
	for _, back := range []func(*optim.Saved){adam.GoBack, other.GoBack, average.GoBack} {
		require.ErrorContains(t, tensor.Catch(func() { back(&saved) }), "has not been saved here; call its Save first")
	}
	adam.Step(g)
	want := numbersOf(adam.State())
	adam.Save(&saved)
	require.ErrorContains(t, tensor.Catch(func() { other.GoBack(&saved) }), "GoBack: this SGD has not been saved here")
	require.Zero(t, other.Steps())
	adam.Step(g)
	adam.GoBack(&saved)
	require.Equal(t, want, numbersOf(adam.State()))
	average.Update()
	want = numbersOf(average.State())
	average.Save(&saved)
	p.Fill(9)
	average.Update()
	average.GoBack(&saved)
	require.Equal(t, want, numbersOf(average.State()))
}

func numbersOf(state map[string]*tensor.Tensor) map[string][]float64 {
	out := map[string][]float64{}
	for name, v := range state {
		out[name] = v.Float64s()
	}
	return out
}

func TestStateIsACopy(t *testing.T) {
	o := optim.New(optim.Adam{LR: 1e-2}, start(tensor.Float64))
	o.Step(gradient(0, tensor.Float64))
	before := o.State()
	kept := stateValues(before)
	o.Step(gradient(1, tensor.Float64))
	require.Equal(t, kept, stateValues(before))
	require.NotEqual(t, kept, stateValues(o.State()))
	require.NoError(t, o.Restore(before))
	o.Step(gradient(1, tensor.Float64))
	require.Equal(t, kept, stateValues(before))
}

func TestStateNames(t *testing.T) {
	params := start(tensor.Float32)[:2]
	o := optim.New(optim.Adam{LR: 1e-3, Betas: [2]float64{0.5, 0.25}}, params)
	for step := range 2 {
		o.Step(gradient(step, tensor.Float32)[:2])
	}
	state := o.State()
	var names []string
	for name := range maps.Keys(state) {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"step", "beta1_product", "beta2_product", "m.0", "m.1", "v.0", "v.1"}, names)
	require.Equal(t, 2.0, state["step"].Item())
	require.Equal(t, 0.25, state["beta1_product"].Item())
	require.Equal(t, 0.0625, state["beta2_product"].Item())
	require.Equal(t, tensor.Float64, state["step"].DType())
	require.Equal(t, []int{}, append([]int{}, state["step"].Shape()...))
	require.Equal(t, tensor.Float32, state["m.0"].DType())
	require.Equal(t, []int{5, 7}, state["m.0"].Shape())

	// A slot is there if it is used.
	for _, c := range []struct {
		m     optim.Method
		slots []string
	}{
		{optim.SGD{}, nil}, {optim.SGD{Momentum: 0.5}, []string{"momentum"}}, {optim.SGD{Momentum: optim.Zero}, nil},
		{optim.RMSprop{}, []string{"v"}}, {optim.RMSprop{Momentum: optim.Zero}, []string{"v"}},
		{optim.RMSprop{Momentum: 0.5}, []string{"v", "momentum"}}, {optim.RMSprop{Centered: true, Momentum: 0.5}, []string{"v", "m", "momentum"}},
	} {
		slots, scalars := c.m.State()
		require.Equal(t, c.slots, slots, "%+v", c.m)
		require.Empty(t, scalars)
	}
}

func TestRestoreRefusesDamage(t *testing.T) {
	f64 := func(v float64) *tensor.Tensor { return tensor.Scalar(tensor.Float64, v) }
	for _, c := range []struct {
		name   string
		damage func(map[string]*tensor.Tensor)
		want   string
	}{
		{"missing tensor", func(s map[string]*tensor.Tensor) { delete(s, "v.3") }, `"v.3" is missing`},
		{"nil tensor", func(s map[string]*tensor.Tensor) { s["v.3"] = nil }, `"v.3" is missing`},
		{"missing number", func(s map[string]*tensor.Tensor) { delete(s, "beta2_product") }, `"beta2_product" is missing`},
		{"missing step", func(s map[string]*tensor.Tensor) { delete(s, "step") }, `"step" is missing`},
		{"nothing", func(s map[string]*tensor.Tensor) { clear(s) }, `"beta1_product" is missing`},
		{"too much", func(s map[string]*tensor.Tensor) { s["v.4"] = f64(0) }, `"v.4" is not part of it`},
		{"another shape", func(s map[string]*tensor.Tensor) { s["v.1"] = tensor.New(tensor.Float32, 6) }, `"v.1" has shape [6], want [5]`},
		{"another rank", func(s map[string]*tensor.Tensor) { s["v.1"] = tensor.New(tensor.Float32, 1, 5) }, `"v.1" has shape [1 5], want [5]`},
		{"another dtype", func(s map[string]*tensor.Tensor) { s["v.1"] = tensor.New(tensor.Float64, 5) }, `"v.1" is float64, want float32`},
		{"a vector of steps", func(s map[string]*tensor.Tensor) { s["step"] = tensor.New(tensor.Float64, 1) }, `"step" has shape [1], want []`},
		{"steps of float32", func(s map[string]*tensor.Tensor) { s["step"] = tensor.Scalar(tensor.Float32, 3) }, `"step" is float32, want float64`},
		{"half a step", func(s map[string]*tensor.Tensor) { s["step"] = f64(2.5) }, `"step" is 2.5, want a number of steps`},
		{"steps below zero", func(s map[string]*tensor.Tensor) { s["step"] = f64(-1) }, `"step" is -1, want a number of steps`},
		{"steps without end", func(s map[string]*tensor.Tensor) { s["step"] = f64(1e30) }, `"step" is 1e+30, want a number of steps`},
		{"no number", func(s map[string]*tensor.Tensor) { s["beta1_product"] = f64(math.NaN()) }, `"beta1_product" is NaN, want a finite number`},
		{"infinity", func(s map[string]*tensor.Tensor) { s["step"] = f64(math.Inf(1)) }, `"step" is +Inf, want a finite number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := optim.New(optim.Adam{LR: 1e-2}, start(tensor.Float32))
			o.Step(gradient(0, tensor.Float32))
			before := stateValues(o.State())
			other := optim.New(optim.Adam{LR: 1e-2}, start(tensor.Float32))
			other.Step(gradient(7, tensor.Float32))
			other.Step(gradient(8, tensor.Float32))
			damaged := other.State()
			c.damage(damaged)
			require.EqualError(t, o.Restore(damaged), "optim: restoring Adam: "+c.want)
			require.Equal(t, before, stateValues(o.State()))
			require.Equal(t, 1, o.Steps())
		})
	}
}

func TestRestoreRefusesAnotherMethod(t *testing.T) {
	params := start(tensor.Float64)
	sgd := optim.New(optim.SGD{LR: 1, Momentum: 0.5}, params)
	require.EqualError(t, sgd.Restore(optim.New(optim.SGD{LR: 1}, params).State()),
		`optim: restoring SGD: "momentum.0" is missing`)
	require.EqualError(t, optim.New(optim.SGD{LR: 1}, params).Restore(sgd.State()),
		`optim: restoring SGD: "momentum.0" is not part of it`)
	adam := optim.New(optim.Adam{LR: 1}, params)
	require.NoError(t, optim.New(optim.AdamW{LR: 1}, params).Restore(adam.State()), "the two keep the same things")
}

func TestNewRefuses(t *testing.T) {
	nan := math.NaN()
	p := tensor.New(tensor.Float32, 2)
	one := []*tensor.Tensor{p}
	scoped := tensor.NewScope().Adopt(tensor.New(tensor.Float32, 2))
	ref, err := tensor.OpenDevice("ref")
	require.NoError(t, err)
	ok := optim.SGD{LR: 1}
	for _, c := range []struct {
		method optim.Method
		params []*tensor.Tensor
		want   string
	}{
		{optim.SGD{}, one, "optim: SGD: LR is 0; give a number above 0"},
		{optim.SGD{LR: -1}, one, "optim: SGD: LR is -1; give a number above 0"},
		{optim.SGD{LR: nan}, one, "optim: SGD: LR is NaN; give a number above 0"},
		{optim.SGD{LR: math.Inf(1)}, one, "optim: SGD: LR is +Inf; give a number above 0"},
		{optim.SGD{LR: 1, Momentum: 1}, one, "optim: SGD: Momentum is 1; give a number from 0 to below 1"},
		{optim.SGD{LR: 1, WeightDecay: -1}, one, "optim: SGD: WeightDecay is -1; give a number of 0 or more"},
		{optim.SGD{LR: 1, Nesterov: true}, one, "optim: SGD: Nesterov needs momentum; set Momentum, 0.9 for example"},
		{optim.Adam{}, one, "optim: Adam: LR is 0; give a number above 0"},
		{optim.Adam{LR: 1, Betas: [2]float64{1, 0.9}}, one, "optim: Adam: Betas[0] is 1; give a number from 0 to below 1"},
		{optim.Adam{LR: 1, Betas: [2]float64{0.9, nan}}, one, "optim: Adam: Betas[1] is NaN; give a number from 0 to below 1"},
		{optim.Adam{LR: 1, Eps: -1}, one, "optim: Adam: Eps is -1; give a number of 0 or more"},
		{optim.Adam{LR: 1, WeightDecay: -1}, one, "optim: Adam: WeightDecay is -1; give a number of 0 or more"},
		{optim.Adam{LR: 1, Beta2Schedule: optim.Linear{}}, one,
			"optim: Adam: Beta2Schedule is set and Betas is not; set it for β₁, to {0, 0.999} or {0.9, 0.999} for example"},
		{optim.AdamW{LR: -1}, one, "optim: AdamW: LR is -1; give a number above 0"},
		{optim.RMSprop{}, one, "optim: RMSprop: LR is 0; give a number above 0"},
		{optim.RMSprop{LR: 1, Alpha: 1}, one, "optim: RMSprop: Alpha is 1; give a number from 0 to below 1"},
		{optim.RMSprop{LR: 1, Eps: -1}, one, "optim: RMSprop: Eps is -1; give a number of 0 or more"},
		{optim.RMSprop{LR: 1, WeightDecay: nan}, one, "optim: RMSprop: WeightDecay is NaN; give a number of 0 or more"},
		{optim.RMSprop{LR: 1, Momentum: -0.5}, one, "optim: RMSprop: Momentum is -0.5; give a number from 0 to below 1"},
		{nil, one, "optim.New: the method is nil; give one, such as Adam"},
		{ok, nil, "optim.New: there are no parameters; give at least one"},
		{ok, []*tensor.Tensor{p, nil}, "optim.New: parameter 1 is nil; leave it out"},
		{ok, []*tensor.Tensor{p, p}, "optim.New of [2]: parameters 0 and 1 are the same tensor; give each once"},
		{ok, []*tensor.Tensor{scoped}, "optim.New of [2]: parameter 0 lives in a scope; Keep it first"},
		{ok, []*tensor.Tensor{p, tensor.New(tensor.Float64, 3)},
			"optim.New of float32 [2] and float64 [3]: the dtypes do not fit; convert one with Cast"},
		{ok, []*tensor.Tensor{p, p.To(ref)},
			"optim.New of cpu [2] and ref [2]: the operands lie on different devices; move one with Tensor.To"},
	} {
		err := tensor.Catch(func() { optim.New(c.method, c.params) })
		assert.EqualError(t, err, c.want)
	}
	require.EqualError(t, tensor.Catch(func() { optim.New(nil, one) }), "optim.New: the method is nil; give one, such as Adam")
	var wrong *optim.MethodError
	err = tensor.Catch(func() { optim.New(optim.Adam{}, one) })
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "Adam", wrong.Method)
	require.NotNil(t, errors.Unwrap(err))
}

func TestStepRefusesBeforeItChangesAnything(t *testing.T) {
	g := func() []*tensor.Tensor { return gradient(0, tensor.Float32) }
	closed := func() []*tensor.Tensor {
		s := tensor.NewScope()
		grads := g()
		grads[2] = tensor.Scale(s.Adopt(grads[2]), 1)
		s.Close()
		return grads
	}
	with := func(i int, t *tensor.Tensor) []*tensor.Tensor {
		grads := g()
		grads[i] = t
		return grads
	}
	for _, c := range []struct {
		grads []*tensor.Tensor
		want  string
	}{
		{g()[:3], "Optimizer.Step: there are 3 gradients for 4 parameters; give one gradient per parameter, in the same order"},
		{with(2, nil), "Optimizer.Step of []: the gradient of parameter 2 is nil; give zeros, or leave the parameter out of the optimizer"},
		{with(1, tensor.New(tensor.Float32, 1, 5)),
			"Optimizer.Step of [5] and [1 5]: parameter 1 and its gradient differ in shape; give the gradients in the order of the parameters"},
		{with(2, tensor.New(tensor.Float64)), "Optimizer.Step of float32 [] and float64 []: the dtypes do not fit; convert one with Cast"},
		{closed(), "Optimizer.Step of []: the tensor's scope was closed; call Keep before Close, or use it earlier"},
	} {
		params := start(tensor.Float32)
		o := optim.New(optim.Adam{LR: 1e-2}, params)
		state := stateValues(o.State())
		assert.EqualError(t, tensor.Catch(func() { o.Step(c.grads) }), c.want)
		require.Equal(t, values(start(tensor.Float32)), values(params))
		require.Equal(t, state, stateValues(o.State()))
	}
}

// Gradients of a step live in a scope that is closed after it; nothing of that
// may stick to parameters or state.
// A schedule that fails changes nothing: its number would spoil all parameters.
func TestStepRefusesRatesOfSchedules(t *testing.T) {
	at2 := func(bad float64) optim.Schedule {
		return optim.ScheduleFunc(func(step int) float64 {
			if step == 2 {
				return bad
			}
			return 0.5
		})
	}
	for want, m := range map[string]optim.Method{
		"optim: SGD: the rate after 2 steps is NaN; let the schedule give finite numbers of 0 or more":      optim.SGD{LR: 1, Momentum: 0.9, Schedule: at2(math.NaN())},
		"optim: RMSprop: the rate after 2 steps is -Inf; let the schedule give finite numbers of 0 or more": optim.RMSprop{LR: 1, Schedule: at2(math.Inf(-1))},
		"optim: Adam: the rate after 2 steps is -0.5; let the schedule give finite numbers of 0 or more":    optim.Adam{LR: 1, Schedule: at2(-0.5)},
		"optim: Adam: Beta2Schedule after 2 steps is 1; give a number from 0 to below 1":                    optim.Adam{LR: 1, Betas: [2]float64{0, 0.9}, Beta2Schedule: at2(1)},
		"optim: AdamW: Beta2Schedule after 2 steps is NaN; give a number from 0 to below 1":                 optim.AdamW{LR: 1, Betas: [2]float64{0, 0.9}, Beta2Schedule: at2(math.NaN())},
		"optim: Adam: Beta2Schedule after 2 steps is -0.1; give a number from 0 to below 1":                 optim.Adam{LR: 1, Betas: [2]float64{0, 0.9}, Beta2Schedule: at2(-0.1)},
	} {
		p, g := tensor.FromFloat64([]float64{1, 2}), tensor.FromFloat64([]float64{3, 4})
		o := optim.New(m, []*tensor.Tensor{p})
		for range 2 {
			o.Step([]*tensor.Tensor{g})
		}
		before, state := p.Float64s(), o.State()
		require.EqualError(t, tensor.Catch(func() { o.Step([]*tensor.Tensor{g}) }), want)
		require.Equal(t, before, p.Float64s(), want)
		require.Equal(t, 2, o.Steps())
		for name, s := range o.State() {
			require.Equal(t, state[name].Float64s(), s.Float64s(), "%s: %s", want, name)
		}
	}
}

func TestGradientsInAScope(t *testing.T) {
	for name, m := range methods() {
		t.Run(name, func(t *testing.T) {
			plain, scoped := start(tensor.Float32), start(tensor.Float32)
			a, b := optim.New(m, plain), optim.New(m, scoped)
			s := tensor.NewScope()
			for step := range 5 {
				a.Step(gradient(step, tensor.Float32))
				grads := gradient(step, tensor.Float32)
				for i, g := range grads {
					grads[i] = tensor.Scale(s.Adopt(g), 1)
				}
				optim.ClipNorm(grads, 1e6)
				b.Step(grads)
				for _, g := range grads {
					g.Fill(math.NaN())
				}
				s.Close()
			}
			require.Equal(t, values(plain), values(scoped))
			require.Equal(t, stateValues(a.State()), stateValues(b.State()))
			for _, p := range scoped {
				require.Nil(t, p.Scope())
			}
			for _, x := range b.State() {
				require.Nil(t, x.Scope())
			}
		})
	}
}

// The reference device has no fused Adam, so this holds the fused step to the
// composed one, and the other methods' arithmetic to the reference's.
func TestDevicesAgree(t *testing.T) {
	ref, err := tensor.OpenDevice("ref")
	require.NoError(t, err)
	for name, m := range methods() {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			t.Run(name+"/"+dt.String(), func(t *testing.T) {
				here, there := start(dt), start(dt)
				for i, p := range there {
					there[i] = p.To(ref)
				}
				a, b := optim.New(m, here), optim.New(m, there)
				for step := range 10 {
					a.Step(gradient(step, dt))
					grads := gradient(step, dt)
					for i, g := range grads {
						grads[i] = g.To(ref)
					}
					b.Step(grads)
				}
				for i, p := range there {
					require.Equal(t, ref, p.Device())
					there[i] = p.To(tensor.CPU())
				}
				requireClose(t, there, here, 16, 1, name)
				for key, x := range b.State() {
					if key == "m.0" || key == "v.0" {
						require.Equal(t, ref, x.Device())
					}
				}
			})
		}
	}
}

// Float32 runs follow Float64 ones.
func TestFloat32FollowsFloat64(t *testing.T) {
	for name, m := range methods() {
		if name == "written elsewhere" || name == "RMSprop centered" || name == "RMSprop both" {
			continue // signs jump, and a variance of few gradients cancels
		}
		narrow, wide := start(tensor.Float32), start(tensor.Float32)
		for i, p := range wide {
			wide[i] = p.Cast(tensor.Float64)
		}
		a, b := optim.New(m, narrow), optim.New(m, wide)
		for step := range 10 {
			grads := gradient(step, tensor.Float32)
			a.Step(grads)
			for i, g := range grads {
				grads[i] = g.Cast(tensor.Float64)
			}
			b.Step(grads)
		}
		for i, p := range wide {
			wide[i] = p.Cast(tensor.Float32)
		}
		requireClose(t, wide, narrow, 32, 1, name)
	}
}

func TestStepsInPlace(t *testing.T) {
	for name, m := range methods() {
		params := start(tensor.Float32)
		view := params[0].T() // shares the memory, and shows the step
		before := view.Float64s()
		version := params[0].Version()
		grads := gradient(0, tensor.Float32)
		o := optim.New(m, params)
		o.Step(grads)
		require.NotEqual(t, before, view.Float64s(), name)
		require.Greater(t, params[0].Version(), version, name)
		require.Equal(t, values(gradient(0, tensor.Float32)), values(grads), "%s changed a gradient", name)
	}
}

// The caller's lists remain the caller's.
func TestListsAreCopied(t *testing.T) {
	params := start(tensor.Float64)
	o, e := optim.New(optim.SGD{LR: 1}, params), optim.NewEMA(params, 0)
	kept := params[0]
	clear(params)
	clear(e.Values())
	o.Step(gradient(0, tensor.Float64))
	e.Update()
	require.NotEqual(t, start(tensor.Float64)[0].Float64s(), kept.Float64s())
	require.Equal(t, kept.Float64s(), e.Values()[0].Float64s())
}

// Parameters and gradients may be views with gaps or in another order.
func TestStridedOperands(t *testing.T) {
	for name, m := range methods() {
		s := tensor.NewStream(3, "strided")
		p, g := s.Normal(tensor.Float64, 6, 4), s.Normal(tensor.Float64, 6, 4)
		packed := []*tensor.Tensor{p.T().Clone()}
		a, b := optim.New(m, packed), optim.New(m, []*tensor.Tensor{p.T()})
		for range 3 {
			a.Step([]*tensor.Tensor{g.T().Clone()})
			b.Step([]*tensor.Tensor{g.T()})
		}
		requireClose(t, packed, []*tensor.Tensor{p.T()}, 8, 1, name)
	}
}

func TestNaNReachesTheParameters(t *testing.T) {
	for name, m := range methods() {
		params, grads := start(tensor.Float32), gradient(0, tensor.Float32)
		grads[0].Set(math.NaN(), 2, 3)
		optim.New(m, params).Step(grads)
		for i, v := range params[0].Float64s() {
			require.Equal(t, i == 2*7+3, math.IsNaN(v), "%s, element %d", name, i)
		}
	}
}

// The correction divides by 1 minus the product of the β₂ applied, so with
// β₁ = 0 a first step is LR·sign(g) whatever the schedule, and a constant
// schedule is the same as none.
func TestBeta2Schedule(t *testing.T) {
	run := func(m optim.Method) [][]float64 {
		params := start(tensor.Float64)
		o := optim.New(m, params)
		for step := range 6 {
			o.Step(gradient(step, tensor.Float64))
		}
		return values(params)
	}
	constant := optim.Adam{LR: 0.1, Betas: [2]float64{0, 0.75}}
	scheduled := optim.Adam{LR: 0.1, Betas: [2]float64{0, 0.5}, Beta2Schedule: optim.Linear{From: 0.75, To: 0.75}}
	require.Equal(t, run(constant), run(scheduled))

	// By hand, for one parameter.
	betas := []float64{0, 0.75, 0.9}
	m := optim.Adam{LR: 0.1, Betas: [2]float64{0, 0.5},
		Beta2Schedule: optim.ScheduleFunc(func(step int) float64 { return betas[step] })}
	p := tensor.Scalar(tensor.Float64, 1)
	o := optim.New(m, []*tensor.Tensor{p})
	want, v, product := 1.0, 0.0, 1.0
	for step, g := range []float64{3, -1, 0.5} {
		o.Step([]*tensor.Tensor{tensor.Scalar(tensor.Float64, g)})
		v = betas[step]*v + (1-betas[step])*g*g
		product *= betas[step]
		want -= 0.1 * g / (math.Sqrt(v/(1-product)) + 1e-8)
		require.InEpsilon(t, want, p.Item(), 1e-14)
	}
}

// A constant gradient has a variance of 0, which rounding must not turn into
// the root of a negative number.
func TestCenteredVarianceStaysAboveZero(t *testing.T) {
	p := tensor.FromFloat64([]float64{1, 1, 1})
	g := tensor.FromFloat64([]float64{0.1, 1.0 / 3, 0.7})
	o := optim.New(optim.RMSprop{LR: 1e-12, Alpha: 0.5, Centered: true}, []*tensor.Tensor{p})
	for range 200 {
		o.Step([]*tensor.Tensor{g})
	}
	for _, v := range p.Float64s() {
		require.False(t, math.IsNaN(v))
	}
}

func TestAdamStepDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	for _, m := range []optim.Method{
		optim.Adam{LR: 1e-4, Schedule: optim.Cosine{From: 1, To: 0, Steps: 9}},
		optim.AdamW{LR: 1e-4},
	} {
		params, grads := start(tensor.Float32), gradient(0, tensor.Float32)
		o := optim.New(m, params)
		o.Step(grads)
		require.Zero(t, testing.AllocsPerRun(100, func() { o.Step(grads) }), m.Name())
	}
}

// The temporaries of other methods are used again from step to step.
func TestStepsReuseTemporaries(t *testing.T) {
	const n, steps = 1 << 16, 8
	for name, m := range methods() {
		o := optim.New(m, []*tensor.Tensor{tensor.New(tensor.Float32, n)})
		grads := []*tensor.Tensor{tensor.Full(tensor.Float32, 1, n)}
		o.Step(grads)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range steps {
			o.Step(grads)
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*n), name)
	}
}
