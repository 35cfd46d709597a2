package gan_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// byHand is the classic recipe once more, in float64: layers as products and
// sums, losses as logarithms, Adam number by number. Nothing of nn, optim or
// gan is used.
type byHand struct {
	g, d   []*tensor.Tensor // weight, bias, weight, …
	gm, dm moments
}

type moments struct {
	m, v [][]float64
	t    int
}

func handNet(weights []*tensor.Tensor, x *autograd.Var, acts ...func(*autograd.Var) *autograd.Var) (y *autograd.Var, leaves []*autograd.Var) {
	for _, w := range weights {
		leaves = append(leaves, autograd.Leaf(w))
	}
	for i, act := range acts {
		x = autograd.Add(autograd.MatMul(x, autograd.Transpose(leaves[2*i])), leaves[2*i+1])
		if act != nil {
			x = act(x)
		}
	}
	return x, leaves
}

func (h *byHand) discriminator(x *autograd.Var) (*autograd.Var, []*autograd.Var) {
	return handNet(h.d, x, autograd.Tanh, autograd.Sigmoid)
}

// step returns the losses on real and on generated samples, and the
// generator's.
func (h *byHand) step(x, z *tensor.Tensor, lr float64) [3]float64 {
	fake, gLeaves := handNet(h.g, autograd.Const(z), autograd.Tanh, autograd.ReLU, autograd.Tanh)
	minusMeanLog := func(p *autograd.Var) *autograd.Var { return autograd.Neg(autograd.Mean(autograd.Log(p))) }

	onReal, leavesReal := h.discriminator(autograd.Const(x))
	onFake, leavesFake := h.discriminator(fake.Detach())
	lossReal := minusMeanLog(onReal)
	lossFake := minusMeanLog(autograd.Shift(autograd.Neg(onFake), 1))
	gradReal := autograd.Grad(lossReal, leavesReal, autograd.Opts{})
	gradFake := autograd.Grad(lossFake, leavesFake, autograd.Opts{})
	var grads []*tensor.Tensor
	for i := range gradReal {
		grads = append(grads, tensor.Add(gradReal[i].Value(), gradFake[i].Value()))
	}
	h.dm.adam(h.d, grads, lr)

	onFake, _ = h.discriminator(fake)
	lossG := minusMeanLog(onFake)
	h.gm.adam(h.g, autograd.Values(autograd.Grad(lossG, gLeaves, autograd.Opts{})), lr)
	return [3]float64{lossReal.Item(), lossFake.Item(), lossG.Item()}
}

func (a *moments) adam(params, grads []*tensor.Tensor, lr float64) {
	a.t++
	for i, p := range params {
		w, g := p.Float64s(), grads[i].Float64s()
		if a.t == 1 {
			a.m, a.v = append(a.m, make([]float64, len(w))), append(a.v, make([]float64, len(w)))
		}
		m, v := a.m[i], a.v[i]
		for k := range w {
			m[k] = 0.9*m[k] + 0.1*g[k]
			v[k] = 0.999*v[k] + 0.001*g[k]*g[k]
			mHat, vHat := m[k]/(1-math.Pow(0.9, float64(a.t))), v[k]/(1-math.Pow(0.999, float64(a.t)))
			w[k] -= lr * mHat / (math.Sqrt(vHat) + 1e-8)
		}
		params[i] = tensor.FromFloat64(w, p.Shape()...)
	}
}

func copies(m nn.Module) (out []*tensor.Tensor) {
	for _, p := range nn.Params(m) {
		out = append(out, p.Param.Value().Clone())
	}
	return out
}

func TestClassicStepByHand(t *testing.T) {
	const lr = 1e-2
	g, d := tiny(gan.Probabilities)
	c := tinyConfig(gan.Classic{})
	c.DType, c.Optimizer = tensor.Float64, optim.Adam{LR: lr}
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	hand := &byHand{g: copies(g), d: copies(d)}
	random := tensor.NewStream(3, "by hand")
	for range 30 {
		x, z := random.Normal(tensor.Float64, 6, 4), random.Normal(tensor.Float64, 6, latentSize)
		got, err := trainer.StepWith(gan.Batch{X: x}, z)
		require.NoError(t, err)
		want := hand.step(x, z, lr)
		require.InDeltaSlice(t, want[:], []float64{got.Real, got.Fake, got.Generator}, 1e-12)
		require.InDelta(t, want[0]+want[1], got.Discriminator(), 1e-12)
	}
	for i, p := range append(nn.Params(g), nn.Params(d)...) {
		want := append(slices.Clone(hand.g), hand.d...)[i]
		require.InDeltaSlice(t, want.Float64s(), p.Param.Value().Float64s(), 1e-10, p.Name)
	}
	require.Equal(t, 30, trainer.Steps())
}

// On logits the classic game is the non-saturating one.
func TestClassicIsNonSaturating(t *testing.T) {
	var trainers []*gan.Trainer
	var nets []nn.Module
	for _, o := range []gan.Objective{gan.Classic{}, gan.NonSaturating{}} {
		g, d := tiny(o.Output())
		c := tinyConfig(o)
		c.DType = tensor.Float64
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		trainers, nets = append(trainers, trainer), append(nets, nn.Sequential(g, d))
	}
	random := tensor.NewStream(3, "equivalence")
	for range 50 {
		x := random.Normal(tensor.Float64, 8, 4)
		a, err := trainers[0].Step(gan.Batch{X: x})
		require.NoError(t, err)
		b, err := trainers[1].Step(gan.Batch{X: x})
		require.NoError(t, err)
		require.InDeltaSlice(t, []float64{a.Real, a.Fake, a.Generator}, []float64{b.Real, b.Fake, b.Generator}, 1e-9)
	}
	for i, p := range nn.Params(nets[0]) {
		q := nn.Params(nets[1])[i]
		require.InDeltaSlice(t, p.Param.Value().Float64s(), q.Param.Value().Float64s(), 1e-9, p.Name)
	}
}

// probe is a layer that multiplies by a weight of its own, and writes down what
// is done with it.
type probe struct {
	name   string
	weight *nn.Param
	events *[]event
	mixes  bool // as far as others are told
}

// event is a pass through a probe: forward, with the weight it saw, or backward,
// with the gradients that were asked for.
type event struct {
	what   string
	weight float64
}

func newProbe(name string, features int, events *[]event) *probe {
	return &probe{name: name, weight: nn.NewParam("weight", nn.Constant(1), 1, 1, features), events: events}
}

func (p *probe) Params() []*nn.Param                     { return []*nn.Param{p.weight} }
func (p *probe) OutShape(in []int) ([]int, error)        { return in, nil }
func (p *probe) MixesBatch() bool                        { return p.mixes }
func (p *probe) Name() string                            { return "probe" }
func (p *probe) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Mul(in[0], in[1]) }

func (p *probe) log(what string, weight float64) {
	*p.events = append(*p.events, event{p.name + " " + what, weight})
}

func (p *probe) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	w := ctx.Var(p.weight)
	p.log("forward", w.Value().At(0))
	return autograd.Apply(p, x, w)
}

func (p *probe) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	out := b.Grads()
	what := "backward"
	if b.Needs(0) {
		what, out[0] = what+" x", autograd.Mul(gy, b.In(1))
	}
	if b.Needs(1) {
		what, out[1] = what+" w", autograd.Mul(gy, b.In(0))
	}
	p.log(what, b.In(1).Value().At(0))
	return out
}

// What a step does, pass by pass: the generator runs once; the discriminator's
// backward pass stops at its samples and never enters the generator; the
// generator's step goes through the updated discriminator, asks for no gradient
// of its weights, and goes on in the generator's first pass. The discriminator
// sees both kinds of samples at once, unless it mixes what is in a batch. A
// relativistic generator's step takes one pass more, on the real samples.
func TestPassesOfAStep(t *testing.T) {
	for _, o := range []gan.Objective{gan.Classic{}, gan.NonSaturating{}, gan.Hinge{}, gan.Relativistic{}} {
		for _, mixes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/mixes=%v", o.Name(), mixes), func(t *testing.T) {
				var events []event
				g0, d0 := tiny(o.Output())
				g := nn.Sequential(newProbe("G", latentSize, &events), g0)
				critic := newProbe("D", 4, &events)
				critic.mixes = mixes
				trainer, err := gan.New(g, nn.Sequential(critic, d0), tinyConfig(o))
				require.NoError(t, err)

				want := []string{"G forward", "D forward", "D backward w"}
				if mixes {
					want = []string{"G forward", "D forward", "D forward", "D backward w", "D backward w"}
				}
				update := len(want)
				want = append(want, "D forward")
				if o == (gan.Relativistic{}) {
					want = append(want, "D forward")
				}
				want = append(want, "D backward x", "G backward w")

				x := batch(t, tinyNoise(1))
				for range 3 {
					before := critic.weight.Value().At(0)
					events = nil
					_, err = trainer.Step(gan.Batch{X: x})
					require.NoError(t, err)
					after := critic.weight.Value().At(0)
					require.NotEqual(t, before, after)
					var what []string
					for i, e := range events {
						what = append(what, e.what)
						if e.what[0] == 'D' && i < update {
							assert.Equal(t, before, e.weight, "event %d", i)
						} else if e.what[0] == 'D' {
							assert.Equal(t, after, e.weight, "event %d", i)
						}
					}
					require.Equal(t, want, what)
				}
			})
		}
	}
}

// One pass over both kinds of samples gives what two passes give.
func TestJointPass(t *testing.T) {
	var states [2][]float64
	for i, mixes := range []bool{false, true} {
		var events []event
		g, d0 := tiny(gan.Logits)
		critic := newProbe("D", 4, &events)
		critic.mixes = mixes
		d := nn.Sequential(critic, d0)
		c := tinyConfig(gan.NonSaturating{})
		c.DType = tensor.Float64
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		source := tinyNoise(10)
		source.dtype = tensor.Float64
		_, err = trainer.Fit(context.Background(), source)
		require.NoError(t, err)
		for _, p := range append(copies(g), copies(d)...) {
			states[i] = append(states[i], p.Float64s()...)
		}
	}
	require.InDeltaSlice(t, states[0], states[1], 1e-10)
}

// What is frozen stays as it is, and the rest learns.
func TestFrozenPartsStay(t *testing.T) {
	g, d := tiny(gan.Logits)
	nn.Init(g, 1, tensor.Float32, tensor.CPU())
	nn.Init(d, 2, tensor.Float32, tensor.CPU())
	first := g.(nn.Parent).Children()[0].Module
	nn.Freeze(first, true)
	before := copies(g)
	trainer, err := gan.New(g, d, tinyConfig(gan.NonSaturating{}))
	require.NoError(t, err)
	for range 3 {
		_, err = trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
		require.NoError(t, err)
	}
	for i, p := range nn.Params(g) {
		equal := slices.Equal(before[i].Float32s(), p.Param.Value().Float32s())
		assert.Equal(t, i < 2, equal, p.Name)
	}
}

// Nothing of a step is kept beyond it: with freed memory full of NaN, everything
// that this package's tests know about training still holds.
func TestPoisonedMemory(t *testing.T) {
	if os.Getenv("GANDER_POISON") == "1" {
		t.Skip("memory is poisoned already")
	}
	if raceEnabled {
		t.Skip("too slow, and nothing new")
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, "-test.run", "^Test(ClassicStep|ClassicIs|Passes|Frozen|Fit|Step|Resume|Penalt|Sample|Ema)", "-test.short", "-test.v")
	cmd.Env = append(os.Environ(), "GANDER_POISON=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestClassicStepByHand")
}
