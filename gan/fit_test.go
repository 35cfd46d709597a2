package gan_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// diary returns a hook that writes down every call. A call that fail names
// fails.
func diary(name string, lines *[]string, fail ...string) gan.Hook {
	write := func(format string, args ...any) error {
		line := name + " " + fmt.Sprintf(format, args...)
		*lines = append(*lines, line)
		for _, f := range fail {
			if f == line {
				return errors.New(f + " failed")
			}
		}
		return nil
	}
	return gan.Hook{
		Start: func(r gan.Run) error { return write("start %d×%d", r.Epochs, r.Batches) },
		Step:  func(s *gan.StepInfo) error { return write("step %d.%d=%d", s.Epoch, s.Batch, s.Step) },
		Epoch: func(e gan.EpochInfo) error {
			if e.Partial {
				return write("part %d", e.Epoch)
			}
			return write("epoch %d", e.Epoch)
		},
		End: func(*gan.Report) error { return write("end") },
	}
}

func TestFitCallsHooksInOrder(t *testing.T) {
	var lines []string
	report, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(2), gan.Epochs(2),
		gan.On(diary("a", &lines)), gan.On(gan.Hook{}, diary("b", &lines)))
	require.NoError(t, err)
	require.Equal(t, []string{
		"a start 2×2", "b start 2×2",
		"a step 1.1=1", "b step 1.1=1", "a step 1.2=2", "b step 1.2=2", "a epoch 1", "b epoch 1",
		"a step 2.1=3", "b step 2.1=3", "a step 2.2=4", "b step 2.2=4", "a epoch 2", "b epoch 2",
		"a end", "b end",
	}, lines)
	require.Len(t, report.Epochs, 2)
	require.Equal(t, 4, report.Steps)
	require.Equal(t, []int{2, 4}, []int{report.Epochs[0].Steps, report.Epochs[1].Steps})
	require.Positive(t, report.Time)
	require.LessOrEqual(t, report.Epochs[0].Time+report.Epochs[1].Time, report.Time)
}

// A hook's error ends training, but nobody is left out on the way.
func TestFitEndsWithHookErrors(t *testing.T) {
	for fail, want := range map[string][]string{
		"a start 2×2":  {"a start 2×2"},
		"b start 2×2":  {"a start 2×2", "b start 2×2"},
		"a step 1.1=1": {"a start 2×2", "b start 2×2", "a step 1.1=1", "b step 1.1=1", "a part 1", "b part 1", "a end", "b end"},
		"b epoch 1":    {"a start 2×2", "b start 2×2", "a step 1.1=1", "b step 1.1=1", "a step 1.2=2", "b step 1.2=2", "a epoch 1", "b epoch 1", "a end", "b end"},
	} {
		t.Run(fail, func(t *testing.T) {
			var lines []string
			trainer := newTiny(t, gan.Hinge{})
			// No error hides another.
			report, err := trainer.Fit(context.Background(), tinyNoise(2), gan.Epochs(2),
				gan.On(diary("a", &lines, fail, "a end"), diary("b", &lines, fail, "b end")))
			if want[len(want)-1] == "b end" {
				require.EqualError(t, err, fail+" failed\na end failed\nb end failed")
			} else {
				require.EqualError(t, err, fail+" failed")
			}
			require.Equal(t, want, lines)
			require.NotNil(t, report)
			require.Equal(t, trainer.Steps(), report.Steps)
		})
	}
	var lines []string
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(2), gan.On(diary("a", &lines, "a end")))
	require.EqualError(t, err, "a end failed")
}

func TestFitStopsWhenCancelled(t *testing.T) {
	reason := errors.New("the cat is on the keyboard")
	// at returns a hook that cancels in a step, and what the diary says then.
	run := func(step int, source gan.Source) (lines []string, err error) {
		ctx, cancel := context.WithCancelCause(context.Background())
		if step == 0 {
			cancel(reason)
		}
		_, err = newTiny(t, gan.Hinge{}).Fit(ctx, source, gan.Epochs(2), gan.On(diary("a", &lines), gan.Hook{Step: func(s *gan.StepInfo) error {
			if s.Step == step {
				cancel(reason)
			}
			return nil
		}}))
		return lines, err
	}
	for name, source := range map[string]gan.Source{
		"source that says so":       tinyNoise(2),
		"source that just ends":     &quiet{tinyNoise(2)},
		"source that does not look": &deaf{tinyNoise(2)},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := run(0, source)
			require.ErrorIs(t, err, reason)
			require.Equal(t, []string{"a start 2×2", "a end"}, lines)

			lines, err = run(1, source)
			require.ErrorIs(t, err, reason)
			require.Equal(t, []string{"a start 2×2", "a step 1.1=1", "a part 1", "a end"}, lines)

			lines, err = run(2, source)
			require.ErrorIs(t, err, reason)
			require.Equal(t, []string{"a start 2×2", "a step 1.1=1", "a step 1.2=2", "a epoch 1", "a end"}, lines)

			lines, err = run(4, source) // too late
			require.NoError(t, err)
			require.Len(t, lines, 8)
		})
	}
}

// What cannot be saved after an early end is not kept quiet.
func TestFitTellsEveryError(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	var lines []string
	_, err := newTiny(t, gan.Hinge{}).Fit(ctx, tinyNoise(3), gan.On(
		gan.After(gan.Every(2), func(*gan.Trainer) error {
			cancel(reason)
			return nil
		}),
		diary("a", &lines, "a part 1"), diary("b", &lines, "b part 1", "b end")))
	require.ErrorIs(t, err, reason)
	require.EqualError(t, err, "enough\na part 1 failed\nb part 1 failed\nb end failed")
}

// quiet ends an epoch without an error when it is cancelled.
type quiet struct{ *noise }

func (s *quiet) Epoch(ctx context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		for b, err := range s.noise.Epoch(ctx, epoch, from) {
			x := b.X
			if err != nil || !yield(gan.Batch{X: x}, nil) {
				return
			}
		}
	}
}

// deaf does not look at the context.
type deaf struct{ *noise }

func (s *deaf) Epoch(_ context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return s.noise.Epoch(context.Background(), epoch, from)
}

// An epoch's losses are the plain means of its steps', and what a hook is told
// about a step agrees with itself.
func TestFitMeans(t *testing.T) {
	trainer := newTiny(t, gan.Classic{}, float64s)
	source := tinyNoise(3)
	source.dtype = tensor.Float64
	var steps []gan.Losses
	report, err := trainer.Fit(context.Background(), source, gan.Epochs(2), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		steps = append(steps, s.Losses)
		real, fake := s.Terms()
		assert.Equal(t, []int{5, 1}, real.Shape())
		assert.InDelta(t, s.Losses.Real, mean(real.Float64s()), 1e-14)
		assert.InDelta(t, s.Losses.Fake, mean(fake.Float64s()), 1e-14)
		assert.InDelta(t, s.Losses.Generator, mean(s.GeneratorTerms().Float64s()), 1e-14)
		return nil
	}}))
	require.NoError(t, err)
	require.Len(t, steps, 6)
	for i, e := range report.Epochs {
		var sum gan.Losses
		for _, l := range steps[3*i : 3*i+3] {
			sum.Real += l.Real
			sum.Fake += l.Fake
			sum.Generator += l.Generator
		}
		require.Equal(t, gan.Losses{Real: sum.Real / 3, Fake: sum.Fake / 3, Generator: sum.Generator / 3}, e.Losses)
		require.Equal(t, i+1, e.Epoch)
		require.False(t, e.Partial)
	}
	require.NotEqual(t, steps[0], steps[5], "nothing was learnt")
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x
	}
	return m / float64(len(v))
}

// With plain gradient descent, the gradients' norms follow from how far the
// weights move.
func TestGradNorms(t *testing.T) {
	g, d := tiny(gan.Logits)
	c := tinyConfig(gan.NonSaturating{})
	c.DType, c.Optimizer = tensor.Float64, optim.SGD{LR: 0.5}
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	source := tinyNoise(2)
	source.dtype = tensor.Float64
	beforeG, beforeD := copies(g), copies(d)
	_, err = trainer.Fit(context.Background(), source, gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		distance := func(a, b []*tensor.Tensor) float64 {
			sum := 0.0
			for i := range a {
				sum += tensor.Sum(tensor.Square(tensor.Sub(a[i], b[i]))).Item()
			}
			return math.Sqrt(sum)
		}
		nowG, nowD := copies(g), copies(d)
		normG, normD := s.GradNorms()
		assert.InEpsilon(t, distance(beforeG, nowG)/0.5, normG, 1e-12)
		assert.InEpsilon(t, distance(beforeD, nowD)/0.5, normD, 1e-12)
		beforeG, beforeD = nowG, nowD
		return nil
	}}))
	require.NoError(t, err)
}

// What a hook is lent is gone afterwards, and says so.
func TestStepInfoDies(t *testing.T) {
	var terms *tensor.Tensor
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(1), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		terms, _ = s.Terms()
		return nil
	}}))
	require.NoError(t, err)
	var lifetime *tensor.LifetimeError
	require.ErrorAs(t, tensor.Catch(func() { terms.Float32s() }), &lifetime)
}

// Several steps of the discriminator for one of the generator's: the generator
// stands still in between, and its mean is over its own steps.
func TestGeneratorEvery(t *testing.T) {
	trainer := newTiny(t, gan.Wasserstein{}, func(c *gan.Config) { c.GeneratorEvery, c.ClipWeights = 3, 0.05 })
	sum, last := 0.0, trainer.Sample(2, 1).Float32s()
	report, err := trainer.Fit(context.Background(), tinyNoise(7), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		now := trainer.Sample(2, 1).Float32s()
		norm, _ := s.GradNorms()
		if s.Step%3 == 0 {
			assert.NotEqual(t, last, now, "step %d", s.Step)
			assert.NotNil(t, s.GeneratorTerms())
			assert.Positive(t, norm)
			sum += s.Losses.Generator
		} else {
			assert.Equal(t, last, now, "step %d", s.Step)
			assert.Nil(t, s.GeneratorTerms())
			assert.Zero(t, norm)
			assert.Zero(t, s.Losses.Generator)
		}
		last = now
		for _, w := range copies(trainer.Discriminator()) {
			assert.LessOrEqual(t, tensor.MaxOver(tensor.Abs(w)).Item(), 0.05000001)
		}
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, sum/2, report.Epochs[0].Losses.Generator)
}

func TestFitSteps(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	var lines []string
	fit := func(o gan.Option) *gan.Report {
		lines = nil
		report, err := trainer.Fit(context.Background(), tinyNoise(3), o, gan.On(diary("a", &lines)))
		require.NoError(t, err)
		require.Equal(t, trainer.Steps(), report.Steps)
		return report
	}
	for _, negative := range []gan.Option{gan.Steps(-1), gan.Epochs(-1)} {
		_, err := trainer.Fit(context.Background(), tinyNoise(3), negative)
		require.ErrorIs(t, err, gan.ErrConfig)
		require.ErrorContains(t, err, "to last -1 steps or epochs")
	}
	for _, none := range []gan.Option{gan.Steps(0), gan.Epochs(0)} {
		require.Empty(t, fit(none).Epochs)
		require.Zero(t, trainer.Steps())
		require.Len(t, lines, 2) // the start and the end
	}
	report := fit(gan.Steps(4))
	require.Equal(t, []string{"a start 2×3", "a step 1.1=1", "a step 1.2=2", "a step 1.3=3", "a epoch 1", "a step 2.1=4", "a part 2", "a end"}, lines)
	require.Equal(t, []bool{false, true}, []bool{report.Epochs[0].Partial, report.Epochs[1].Partial})
	fit(gan.Steps(4))
	require.Equal(t, []string{"a start 2×3", "a end"}, lines, "they are done")
	fit(gan.Steps(6))
	require.Equal(t, []string{"a start 2×3", "a step 2.2=5", "a step 2.3=6", "a epoch 2", "a end"}, lines)
	fit(gan.Epochs(3))
	require.Equal(t, "a step 3.1=7", lines[1])
	require.Equal(t, 9, trainer.Steps())
	fit(gan.Epochs(2))
	require.Len(t, lines, 2)
	require.Equal(t, 9, trainer.Steps())

	// Steps by hand count as steps, but belong to no epoch.
	_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
	require.NoError(t, err)
	fit(gan.Steps(12))
	require.Equal(t, []string{"a start 4×3", "a step 4.1=11", "a step 4.2=12", "a part 4", "a end"}, lines)
}

// What is known before the first step of a run without an end, or with one that is
// farther than anything, is that it has none.
func TestFitWithoutEnd(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	enough := errors.New("enough")
	_, err := trainer.Fit(context.Background(), tinyNoise(3), gan.Steps(4))
	require.NoError(t, err)
	for _, c := range []struct {
		option        gan.Option
		epochs, steps int
	}{
		{gan.Epochs(math.MaxInt), math.MaxInt, math.MaxInt},
		{gan.Steps(math.MaxInt), math.MaxInt, math.MaxInt},
		{gan.Epochs(math.MaxInt/3 + 1), math.MaxInt/3 + 1, math.MaxInt},
		{gan.Epochs(math.MaxInt / 3), math.MaxInt / 3, math.MaxInt / 3 * 3},
		{gan.Steps(math.MaxInt - 1), (math.MaxInt - 1) / 3, math.MaxInt - 1},
	} {
		_, err = trainer.Fit(context.Background(), tinyNoise(3), c.option, gan.On(gan.Hook{Start: func(r gan.Run) error {
			require.Equal(t, []int{c.epochs, c.steps}, []int{r.Epochs, r.Steps})
			return enough
		}}))
		require.ErrorIs(t, err, enough)
	}
}

// A source's errors are returned as they are, and training can go on where it
// stopped.
func TestFitWithFailingSource(t *testing.T) {
	broken := errors.New("broken disk")
	source := tinyNoise(3)
	source.edit = func(epoch, batch int, _ *tensor.Tensor) error {
		if epoch == 1 && batch == 1 {
			return broken
		}
		return nil
	}
	var lines []string
	trainer := newTiny(t, gan.Hinge{})
	report, err := trainer.Fit(context.Background(), source, gan.Epochs(2), gan.On(diary("a", &lines)))
	require.ErrorIs(t, err, broken)
	require.Equal(t, 4, report.Steps)
	require.Equal(t, []string{"a part 2", "a end"}, lines[len(lines)-2:])

	source.edit = nil
	_, err = trainer.Fit(context.Background(), source, gan.Epochs(2))
	require.NoError(t, err)
	undisturbed := newTiny(t, gan.Hinge{})
	_, err = undisturbed.Fit(context.Background(), source, gan.Epochs(2))
	require.NoError(t, err)
	same(t, stateOf(t, undisturbed), stateOf(t, trainer))
}

func TestFitWithShortSource(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	before := stateOf(t, trainer)
	report, err := trainer.Fit(context.Background(), tinyNoise(0))
	require.EqualError(t, err, "gan: the source has no batches; give it samples, with datasets.DropLast as many as a batch has")
	require.NotNil(t, report)
	same(t, before, stateOf(t, trainer))

	_, err = trainer.Fit(context.Background(), &short{tinyNoise(0)})
	require.EqualError(t, err, "gan: the source yielded 0 of 3 batches in epoch 1")
	_, err = trainer.Fit(context.Background(), &short{tinyNoise(2)})
	require.EqualError(t, err, "gan: the source yielded 2 of 3 batches in epoch 1")
}

// short promises three batches.
type short struct{ *noise }

func (*short) Batches() int { return 3 }

// A NaN stops training before it gets into the weights. What the hooks save
// then leads to the very step that failed.
func TestFitStopsAtNaN(t *testing.T) {
	source := tinyNoise(4)
	source.edit = func(epoch, batch int, x *tensor.Tensor) error {
		if epoch == 1 && batch == 2 {
			x.Set(math.NaN(), 3, 1)
		}
		return nil
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	trainer := newTiny(t, gan.Wasserstein{}, everything)
	after6 := ""
	report, err := trainer.Fit(context.Background(), source, gan.Epochs(3), gan.On(gan.SaveCheckpoint(checkpoint), gan.Hook{Step: func(s *gan.StepInfo) error {
		if s.Step == 6 {
			after6 = stateOf(t, trainer)
		}
		return nil
	}}))
	var e *gan.NonFiniteError
	require.ErrorAs(t, err, &e)
	require.Equal(t, 7, e.Step)
	require.Equal(t, "discriminator", e.Network)
	require.True(t, math.IsNaN(e.Losses.Real))
	require.EqualError(t, err, "gan: step 7: the real batch (epoch 2, batch 3), sample 3, holds NaN")
	require.Equal(t, 6, trainer.Steps())
	require.Equal(t, 6, report.Steps)
	require.True(t, report.Epochs[1].Partial)
	require.False(t, math.IsNaN(report.Epochs[1].Losses.Real))
	same(t, after6, stateOf(t, trainer), "the failed step left traces")

	again := newTiny(t, gan.Wasserstein{}, everything)
	require.NoError(t, again.Resume(checkpoint))
	same(t, after6, stateOf(t, again))
	_, err = again.Fit(context.Background(), source, gan.Epochs(3))
	require.ErrorAs(t, err, &e)
	require.Equal(t, 7, e.Step)
	source.edit = nil
	_, err = again.Fit(context.Background(), source, gan.Epochs(3))
	require.NoError(t, err)
	clean := newTiny(t, gan.Wasserstein{}, everything)
	_, err = clean.Fit(context.Background(), source, gan.Epochs(3))
	require.NoError(t, err)
	same(t, stateOf(t, clean), stateOf(t, again))
}

// lateNaN is an objective whose generator's loss is NaN.
type lateNaN struct{ gan.Hinge }

func (lateNaN) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return autograd.Scale(fake, math.NaN())
}

// steep is an objective of which one loss has a value and no gradient: √0.
type steep struct {
	gan.Hinge
	network string
}

func rootOfZero(x *autograd.Var) *autograd.Var { return autograd.Sqrt(autograd.Scale(x, 0)) }

func (s steep) Discriminator(real, fake *autograd.Var) gan.Terms {
	terms := s.Hinge.Discriminator(real, fake)
	if s.network == "discriminator" {
		terms.Fake = rootOfZero(fake)
	}
	return terms
}

func (s steep) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	if s.network == "generator" {
		return rootOfZero(fake)
	}
	return s.Hinge.Generator(fake, real)
}

// A gradient that is not finite is not used either, be the loss what it may.
func TestStepStopsAtGradients(t *testing.T) {
	for _, network := range []string{"discriminator", "generator"} {
		trainer := newTiny(t, steep{network: network})
		before := stateOf(t, trainer)
		losses, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
		var e *gan.NonFiniteError
		require.ErrorAs(t, err, &e)
		require.Equal(t, network, e.Network)
		require.True(t, e.Gradient)
		require.ErrorContains(t, err, "gan: step 1: the "+network+"'s gradient is not finite (losses: real ")
		require.Equal(t, losses, e.Losses)
		require.Positive(t, losses.Real)
		require.Zero(t, trainer.Steps())
		same(t, before, stateOf(t, trainer))
	}
}

// An update that is too large for the weights is seen in the next numbers, which the
// message does not blame on the network that they are of.
func TestStepTellsWhoseUpdateWasTooLarge(t *testing.T) {
	for name, change := range map[string]func(*gan.Config){
		"generator":     func(c *gan.Config) { c.GeneratorOptimizer = optim.SGD{LR: 1e39} },
		"discriminator": func(c *gan.Config) { c.DiscriminatorOptimizer, c.GeneratorEvery = optim.SGD{LR: 1e39}, 2 },
	} {
		trainer := newTiny(t, gan.NonSaturating{}, change)
		_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
		require.NoError(t, err)
		_, err = trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
		var nonFinite *gan.NonFiniteError
		require.ErrorAs(t, err, &nonFinite, name)
		require.Equal(t, "discriminator", nonFinite.Network, "of which the loss was computed first")
		require.Equal(t, name, nonFinite.Weights)
		require.ErrorContains(t, err, "since the "+name+"'s last update was too large for its weights; try a smaller learning rate, from a checkpoint of before")
	}
	// A schedule that gives no number is refused before the update.
	trainer := newTiny(t, gan.NonSaturating{}, func(c *gan.Config) {
		c.GeneratorOptimizer = optim.SGD{LR: 1, Schedule: optim.ScheduleFunc(func(step int) float64 { return math.Log(float64(-step)) })}
	})
	before := trainer.Sample(3, 1).Float32s()
	_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
	require.EqualError(t, err, "gan: step 1: optim: SGD: the rate after 0 steps is -Inf; let the schedule give finite numbers of 0 or more")
	require.Equal(t, before, trainer.Sample(3, 1).Float32s())
	require.Zero(t, trainer.Steps())
}

func TestStepStopsAtGeneratorsNaN(t *testing.T) {
	trainer := newTiny(t, lateNaN{})
	before := trainer.Sample(3, 1).Float32s()
	losses, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
	var e *gan.NonFiniteError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "generator", e.Network)
	require.False(t, e.Gradient)
	require.Equal(t, 1, e.Step)
	require.Positive(t, losses.Real)
	require.Zero(t, trainer.Steps())
	require.Equal(t, before, trainer.Sample(3, 1).Float32s())
}

// Samples that do not fit are an error, not a panic, and leave no trace.
func TestStepWithMisfits(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	before := stateOf(t, trainer)
	for name, x := range map[string]*tensor.Tensor{
		"features": tensor.New(tensor.Float32, 5, 3),
		"dtype":    tensor.New(tensor.Float64, 5, 4),
		"rank 0":   tensor.New(tensor.Float32),
		"rank 1":   tensor.New(tensor.Float32, 4),
	} {
		_, err := trainer.Step(gan.Batch{X: x})
		var misuse tensor.Misuse
		require.ErrorAs(t, err, &misuse, name)
		require.ErrorContains(t, err, "gan: step 1: ", name)
		same(t, before, stateOf(t, trainer), name)
	}
	for name, z := range map[string]*tensor.Tensor{
		"numbers": tensor.New(tensor.Float32, 5, latentSize+1),
		"vectors": tensor.New(tensor.Float32, 4, latentSize),
		"none":    tensor.New(tensor.Float32, 0, latentSize),
		"dtype":   tensor.New(tensor.Float64, 5, latentSize),
	} {
		_, err := trainer.StepWith(gan.Batch{X: tensor.New(tensor.Float32, 5, 4)}, z)
		var misuse tensor.Misuse
		require.ErrorAs(t, err, &misuse, name)
		same(t, before, stateOf(t, trainer), name)
	}
	_, err := trainer.Step(gan.Batch{X: tensor.New(tensor.Float32, 0, 4)})
	require.Error(t, err, "an empty batch has no mean")
	same(t, before, stateOf(t, trainer))
	_, err = trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
	require.NoError(t, err)
}

// StepWith leaves the trainer's own latent vectors for later.
func TestStepWith(t *testing.T) {
	x := batch(t, tinyNoise(1))
	z := tensor.NewStream(5, "given").Normal(tensor.Float32, 5, latentSize)
	a, b := newTiny(t, gan.Hinge{}), newTiny(t, gan.Hinge{})
	_, err := a.StepWith(gan.Batch{X: x}, z)
	require.NoError(t, err)
	_, err = a.Step(gan.Batch{X: x})
	require.NoError(t, err)
	_, err = b.StepWith(gan.Batch{X: x}, z)
	require.NoError(t, err)
	_, err = b.Step(gan.Batch{X: x})
	require.NoError(t, err)
	same(t, stateOf(t, a), stateOf(t, b))

	// The step by itself gives what the given vectors give.
	c, d := newTiny(t, gan.Hinge{}), newTiny(t, gan.Hinge{})
	own, err := c.Step(gan.Batch{X: x})
	require.NoError(t, err)
	drawn := tensor.NewStream(tinyConfig(gan.Hinge{}).Seed, "latent").Normal(tensor.Float32, 5, latentSize)
	given, err := d.StepWith(gan.Batch{X: x}, drawn)
	require.NoError(t, err)
	require.Equal(t, own, given)
}

func TestCancelled(t *testing.T) {
	stopped, full := fmt.Errorf("stopped: %w", context.Canceled), errors.New("the disk is full")
	for _, err := range []error{context.Canceled, stopped, errors.Join(stopped, context.Canceled)} {
		require.True(t, gan.Cancelled(err), "%v", err)
	}
	for _, err := range []error{nil, full, context.DeadlineExceeded, errors.Join(stopped, full), fmt.Errorf("%w: %w", full, stopped)} {
		require.False(t, gan.Cancelled(err), "%v", err)
	}
	// A time that is over is a cancellation if the context's cause says so.
	for cause, want := range map[error]bool{nil: false, context.Canceled: true} {
		ctx, cancel := context.WithDeadlineCause(context.Background(), time.Unix(0, 0), cause)
		defer cancel()
		data := datasets.FromTensor(tensor.New(tensor.Float32, 8, 4), nil)
		for _, source := range []gan.Source{tinyNoise(2), datasets.NewLoader(data, 4)} {
			_, err := newTiny(t, gan.Hinge{}).Fit(ctx, source)
			require.Error(t, err)
			require.Equal(t, want, gan.Cancelled(err), "%v", err)
		}
	}
}
