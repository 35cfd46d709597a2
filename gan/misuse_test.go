package gan_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/internal/repanic"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// yields is a source of given batches, whatever it promises.
type yields struct {
	promised int
	batches  []*tensor.Tensor
}

func (s *yields) Batches() int { return s.promised }

func (s *yields) Epoch(_ context.Context, _, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		for _, x := range s.batches[min(from, len(s.batches)):] {
			if !yield(gan.Batch{X: x}, nil) {
				return
			}
		}
	}
}

func TestFitMisuse(t *testing.T) {
	x := tensor.New(tensor.Float32, 5, 4)
	var noLoader *datasets.Loader
	var noContext context.Context
	good := tinyNoise(2)
	for what, c := range map[string]struct {
		ctx    context.Context
		src    gan.Source
		option gan.Option
		want   string
	}{
		"no source":     {t.Context(), nil, gan.Steps(3), "the source is nil"},
		"nil pointer":   {t.Context(), noLoader, gan.Steps(3), "the source is nil"},
		"no context":    {noContext, good, gan.Steps(3), "the context is nil"},
		"no option":     {t.Context(), good, nil, "an option is nil"},
		"nil batch":     {t.Context(), &yields{1, []*tensor.Tensor{nil}}, gan.Steps(3), "gan: step 1: Trainer.Step: the batch of real samples is nil"},
		"empty batch":   {t.Context(), &yields{1, []*tensor.Tensor{tensor.New(tensor.Float32, 0, 4)}}, gan.Steps(3), "the batch of real samples is empty"},
		"another size":  {t.Context(), &yields{1, []*tensor.Tensor{tensor.New(tensor.Float32, 5, 3)}}, gan.Steps(3), "gan: step 1: the real samples are [5 3] and the generator's [5 4]; give real samples of the generator's shape"},
		"another shape": {t.Context(), &yields{1, []*tensor.Tensor{tensor.New(tensor.Float32, 5, 1, 2, 2)}}, gan.Steps(3), "the real samples are [5 1 2 2] and the generator's [5 4]; leave out datasets.KeepShape"},
		"another dtype": {t.Context(), &yields{1, []*tensor.Tensor{tensor.New(tensor.Float64, 5, 4)}}, gan.Steps(3), "gan: step 1: the real samples are float64 and the networks float32; set datasets.DType or Config.DType"},
		"numbers":       {t.Context(), &yields{1, []*tensor.Tensor{tensor.New(tensor.Float32, 5)}}, gan.Steps(3), "the real samples are [5] and the generator's [5 4]"},
		"too many":      {t.Context(), &yields{2, []*tensor.Tensor{x, x, x}}, gan.Epochs(2), "gan: the source yielded more than its 2 batches in epoch 1"},
		"less than due": {t.Context(), &yields{2, []*tensor.Tensor{x}}, gan.Epochs(2), "gan: the source yielded 1 of 2 batches in epoch 1"},
	} {
		report, err := newTiny(t, gan.Hinge{}).Fit(c.ctx, c.src, c.option)
		require.ErrorContains(t, err, c.want, what)
		require.NotNil(t, report, what)
	}
	_, err := newTiny(t, gan.Hinge{}).Step(gan.Batch{})
	var misuse tensor.Misuse
	require.ErrorAs(t, err, &misuse)
	_, err = newTiny(t, gan.Hinge{}).StepWith(gan.Batch{X: tensor.Scalar(tensor.Float32, 1)}, tensor.New(tensor.Float32, 5, latentSize))
	require.ErrorAs(t, err, &misuse)
	require.ErrorContains(t, err, "the real samples are a single number")

	// A generator that makes one number of a batch, and may say so.
	sum := unsaid{f: func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Sum(x) }}
	config := tinyConfig(gan.Hinge{})
	config.Penalties = []gan.Penalty{gan.R1{Gamma: 1}}
	trainer, err := gan.New(nn.Sequential(nn.Linear(latentSize, 4), sum), nn.Sequential(unsaid{f: doubled}, nn.Linear(4, 1)), config)
	require.NoError(t, err)
	_, err = trainer.Step(gan.Batch{X: x})
	require.ErrorAs(t, err, &misuse)
	_, err = gan.New(nn.Sequential(nn.Linear(latentSize, 4), lone{sum}), nn.Sequential(unsaid{f: doubled}, nn.Linear(4, 1)), config)
	require.ErrorIs(t, err, gan.ErrConfig)
	require.ErrorContains(t, err, "a single number")
}

// A discriminator that does not tell its shape in advance is checked in the step.
func TestOutputsOfTheDiscriminator(t *testing.T) {
	for what, d := range map[string]nn.Module{
		"two of each": nn.Sequential(nn.Linear(4, 2), unsaid{f: doubled}),
		"no axis": nn.Sequential(nn.Linear(4, 1), unsaid{f: func(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
			return autograd.Reshape(x, x.Shape()[0])
		}}),
		"one of all": nn.Sequential(nn.Linear(4, 1), unsaid{f: func(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
			return autograd.Reshape(autograd.Mean(x), 1, 1)
		}}),
	} {
		g, _ := tiny(gan.Logits)
		trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
		require.NoError(t, err)
		_, err = trainer.Step(gan.Batch{X: tensor.New(tensor.Float32, 5, 4)})
		require.ErrorContains(t, err, "the discriminator does not make one number of each sample; let it make [n, 1] of [n, …]", what)
	}
}

// lone is a module that says that its output has no axes.
type lone struct{ unsaid }

func (lone) OutShape([]int) ([]int, error) { return []int{}, nil }

func TestNewMisuse(t *testing.T) {
	g, d := tiny(gan.Logits)
	var noPenalty *gan.R1
	shared := nn.Linear(4, 4)
	const large, half = math.MaxInt >> 13, math.MaxInt>>31 + 1 // 2⁵⁰ and 2³²
	for what, c := range map[string]struct {
		g, d   nn.Module
		change func(*gan.Config)
		want   string
	}{
		"nil penalty":    {g, d, func(c *gan.Config) { c.Penalties = []gan.Penalty{nil} }, "one of Config.Penalties is nil"},
		"nil pointer":    {g, d, func(c *gan.Config) { c.Penalties = []gan.Penalty{noPenalty} }, "one of Config.Penalties is nil"},
		"same module":    {nn.Linear(3, 1), nil, nil, "both networks have the parameter that is the generator's weight"},
		"shared layer":   {nn.Sequential(nn.Linear(3, 4), shared), nn.Sequential(shared, nn.Linear(4, 1)), nil, "both networks have the parameter that is the generator's 1.weight"},
		"too large":      {nn.Linear(3, large), nn.Linear(large, 1), nil, "the generator is too large: with "},
		"wraps around":   {nn.Sequential(nn.Linear(3, half), nn.Linear(half, half)), nn.Linear(half, 1), nil, "the generator is too large: with "},
		"more than that": {nn.Sequential(nn.Linear(3, math.MaxInt), nn.Linear(math.MaxInt, 4)), d, nil, "the generator is too large: with "},
	} {
		config := tinyConfig(gan.Hinge{})
		if c.change != nil {
			c.change(&config)
		}
		if c.d == nil {
			c.d = c.g
		}
		var err error
		require.NotPanics(t, func() { _, err = gan.New(c.g, c.d, config) }, what)
		require.ErrorIs(t, err, gan.ErrConfig, what)
		require.ErrorContains(t, err, c.want, what)
	}
}

// What cannot work at the same time is an error at once.
func TestBusy(t *testing.T) {
	trainer, source := newTiny(t, gan.Hinge{}), tinyNoise(4)
	path := filepath.Join(t.TempDir(), "checkpoint")
	x := batch(t, source)
	calls := 0
	_, err := trainer.Fit(t.Context(), source, gan.On(gan.After(gan.Every(2), func(tr *gan.Trainer) error {
		calls++
		require.NoError(t, tr.Checkpoint(path))
		for _, try := range []func() error{
			func() error { _, err := tr.Fit(t.Context(), source); return err },
			func() error { _, err := tr.Step(gan.Batch{X: x}); return err },
			func() error { _, err := tr.StepWith(gan.Batch{X: x}, x); return err },
			func() error { return tr.Resume(path) },
			func() error { _, err := tr.ResumeLatest(filepath.Dir(path)); return err },
			func() error { return tr.ReadCheckpoint(strings.NewReader("")) },
		} {
			assert.ErrorIs(t, try(), gan.ErrBusy)
			from := make(chan error)
			go func() { from <- try() }()
			assert.ErrorIs(t, <-from, gan.ErrBusy)
		}
		return nil
	})))
	require.NoError(t, err)
	require.Equal(t, 2, calls)
	require.NoError(t, trainer.Resume(path))

	// Afterwards it is free, also after a panic.
	require.Panics(t, func() {
		trainer.Fit(t.Context(), source, gan.Epochs(9), gan.On(gan.Hook{Step: func(*gan.StepInfo) error { panic("no") }}))
	})
	_, err = trainer.Step(gan.Batch{X: x})
	require.NoError(t, err)
}

// Checkpoints may be taken from anywhere at any time.
func TestCheckpointWhileTraining(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{}, everything)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := trainer.Fit(context.Background(), tinyNoise(4), gan.Steps(60))
		assert.NoError(t, err)
	}()
	for range 20 {
		assert.NoError(t, trainer.WriteCheckpoint(io.Discard))
	}
	<-done
}

// A panic, a hook's or the source's, leaves no hook without its Epoch and End, and
// the trainer goes on afterwards.
func TestPanicsEndCleanly(t *testing.T) {
	bang := func() { panic("bang") }
	panicking := tinyNoise(3)
	panicking.edit = func(epoch, batch int, _ *tensor.Tensor) error {
		if epoch == 1 && batch == 1 {
			bang()
		}
		return nil
	}
	for name, c := range map[string]struct {
		source *noise
		hook   gan.Hook
		want   []string
	}{
		"source": {panicking, gan.Hook{}, []string{"a part 2", "b part 2", "a end", "b end"}},
		"step": {tinyNoise(3), gan.Hook{Step: func(s *gan.StepInfo) error {
			if s.Step == 4 {
				bang()
			}
			return nil
		}}, []string{"a step 2.1=4", "b step 2.1=4", "a part 2", "b part 2", "a end", "b end"}},
		"epoch": {tinyNoise(3), gan.Hook{Epoch: func(e gan.EpochInfo) error { bang(); return nil }},
			[]string{"a epoch 1", "b epoch 1", "a end", "b end"}},
		"end": {tinyNoise(3), gan.Hook{End: func(*gan.Report) error { bang(); return nil }}, []string{"a end", "b end"}},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			trainer := newTiny(t, gan.Hinge{})
			func() {
				defer func() {
					p := recover()
					if name == "source" { // which runs on a goroutine of its own
						require.ErrorContains(t, p.(error), "TestPanicsEndCleanly.func1", "the place is told")
						p = p.(*repanic.Panic).Value
					}
					require.Equal(t, "bang", p)
				}()
				trainer.Fit(t.Context(), c.source, gan.Epochs(2), gan.On(diary("a", &lines), c.hook, diary("b", &lines)))
			}()
			require.Equal(t, c.want, lines[len(lines)-len(c.want):])
			_, err := trainer.Fit(t.Context(), tinyNoise(3), gan.Epochs(2))
			require.NoError(t, err)
			clean := newTiny(t, gan.Hinge{})
			_, err = clean.Fit(t.Context(), tinyNoise(3), gan.Epochs(2))
			require.NoError(t, err)
			same(t, stateOf(t, clean), stateOf(t, trainer))
		})
	}
}

// stuck is a source that waits for ever before its third batch, of which it tells.
type stuck struct {
	*noise
	waits func()
}

func (s *stuck) Epoch(ctx context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		n := 0
		for b, err := range s.noise.Epoch(context.Background(), epoch, from) {
			x := b.X
			if n++; n == 3 {
				s.waits()
				select {}
			}
			if !yield(gan.Batch{X: x}, err) {
				return
			}
		}
	}
}

func TestCancellingReachesASourceThatWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var lines []string
	report, err := newTiny(t, gan.Hinge{}).Fit(ctx, &stuck{tinyNoise(5), cancel}, gan.On(diary("a", &lines)))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2, report.Steps)
	require.Equal(t, []string{"a start 1×5", "a step 1.1=1", "a step 1.2=2", "a part 1", "a end"}, lines)
}

// What the networks cannot take in the last batch is said before the first step.
func TestSmallestBatch(t *testing.T) {
	data := datasets.NewLoader(numbers(17), 8)
	g := nn.Sequential(nn.Linear(latentSize, 8), nn.BatchNorm1D(8), nn.ReLU(), nn.Linear(8, 4))
	_, d := tiny(gan.Logits)
	trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	before := stateOf(t, trainer)
	_, err = trainer.Fit(t.Context(), data)
	require.ErrorIs(t, err, gan.ErrConfig)
	require.ErrorContains(t, err, "cannot take the smallest batch of the data, of 1, though they can take larger ones; leave the last batch out (datasets.DropLast)")
	require.ErrorContains(t, err, "in layer 1 BatchNorm1D of the generator: ")
	same(t, before, stateOf(t, trainer))
	_, err = trainer.Fit(t.Context(), datasets.NewLoader(numbers(17), 8, datasets.DropLast()))
	require.NoError(t, err)

	// What they can take in no batch is not a matter of its size.
	forgotten := nn.NewParam("gate", nn.Constant(1), 1, 1)
	open, err := gan.New(nn.Sequential(nn.Linear(latentSize, 4), unsaid{f: func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Mul(x, ctx.Var(forgotten)) }}),
		second(tiny(gan.Logits)), tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	_, err = open.Fit(t.Context(), data)
	require.ErrorIs(t, err, gan.ErrConfig)
	require.ErrorContains(t, err, "the networks cannot be run: in layer 1 gan_test.unsaid of the generator: nn: parameter gate[] has no value yet")
	require.ErrorContains(t, err, "must list it in Params")

	// The trial changes no bits.
	other, err := gan.New(nn.Sequential(nn.Linear(latentSize, 8), nn.BatchNorm1D(8), nn.ReLU(), nn.Linear(8, 4)), second(tiny(gan.Logits)), tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	for b, err := range datasets.NewLoader(numbers(17), 8, datasets.DropLast()).Epoch(t.Context(), 0, 0) {
		x := b.X
		require.NoError(t, err)
		_, err = other.Step(gan.Batch{X: x})
		require.NoError(t, err)
	}
	require.Equal(t, other.Sample(3, 1).Float32s(), trainer.Sample(3, 1).Float32s())
}

func second(_, d nn.Module) nn.Module { return d }

// numbers is a dataset of so many samples of four numbers.
type numbers int

func (n numbers) Len() int     { return int(n) }
func (n numbers) Shape() []int { return []int{4} }
func (n numbers) Fill(i int, dst []float32) error {
	for k := range dst {
		dst[k] = float32(math.Sin(float64(i*4 + k)))
	}
	if i == 11 && n == 12 {
		dst[2] = float32(math.Inf(-1))
	}
	return nil
}

// Bad data is told apart from bad training, with the sample's number.
func TestBadData(t *testing.T) {
	trainer := newTiny(t, gan.Wasserstein{})
	_, err := trainer.Fit(t.Context(), datasets.NewLoader(numbers(12), 4, datasets.Seed(3)))
	var data *gan.DataError
	require.ErrorAs(t, err, &data)
	require.Equal(t, 11, data.Index)
	require.Equal(t, math.Inf(-1), data.Value)
	require.ErrorContains(t, err, ", number 11 of the data, holds -Inf")
	var e *gan.NonFiniteError
	require.ErrorAs(t, err, &e)
	require.NotContains(t, err.Error(), "learning rate")

	x := batch(t, tinyNoise(1))
	x.Set(math.NaN(), 4, 1)
	_, err = newTiny(t, gan.Wasserstein{}).Step(gan.Batch{X: x})
	require.EqualError(t, err, "gan: step 1: the real batch, sample 4, holds NaN")
}

// An image that cannot be written is told, and ends nothing; a grid that does not
// fit is found before the first step.
func TestFailedImages(t *testing.T) {
	source, dir := tinyNoise(2), filepath.Join(t.TempDir(), "images")
	trainer := newTiny(t, gan.Hinge{})
	report, err := trainer.Fit(t.Context(), source, gan.On(gallery.SaveSamples(dir, 3, 1, gallery.Grid{Height: 3, Width: 3})))
	require.ErrorContains(t, err, "SaveSamples: ")
	require.Zero(t, report.Steps)
	require.NoDirExists(t, dir)

	var told []error
	length := gan.Epochs(3)
	report, err = trainer.Fit(t.Context(), source, length, gan.OnWarning(func(err error) { told = append(told, err) }),
		gan.On(gan.Hook{Epoch: func(e gan.EpochInfo) error {
			if e.Epoch == 2 {
				return gan.Warning(errors.New("a full disk"))
			}
			return nil
		}}, gallery.SaveSamples(dir, 3, 1, gallery.Grid{Height: 2, Width: 2})))
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.Equal(t, told, report.Warnings)
	require.Equal(t, []string{"epoch-0001.png", "epoch-0002.png", "epoch-0003.png"}, names(t, dir))
	require.NoError(t, gan.Warning(nil))
}
