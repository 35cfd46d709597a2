package gan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// The weights after a few steps on digits depend on the seed alone: not on
// GOMAXPROCS, the number of threads, or who fills the batches.
func TestReproducible(t *testing.T) {
	images, err := digits.Load()
	require.NoError(t, err)
	images = images.Subset(0, 64*3+20) // a last batch of 20
	train := func(seed uint64, procs, threads, workers int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		tensor.CPU().SetThreads(threads)
		defer tensor.CPU().SetThreads(0)
		g, d := classicNets()
		trainer, err := gan.New(g, d, gan.Config{Latent: 128, Objective: gan.Classic{}, Optimizer: optim.Adam{LR: 1e-3}, Seed: seed})
		require.NoError(t, err)
		loader := datasets.NewLoader(images, 64, datasets.Seed(seed), datasets.Workers(workers))
		_, err = trainer.Fit(context.Background(), loader)
		require.NoError(t, err)
		require.Equal(t, 4, trainer.Steps())
		return stateOf(t, trainer)
	}
	want := train(1, 1, 1, 1)
	for _, c := range []struct{ procs, threads, workers int }{{2, 2, 1}, {4, 0, 3}, {1, 2, 2}, {4, 1, 8}, {2, 0, 1}} {
		same(t, want, train(1, c.procs, c.threads, c.workers), fmt.Sprintf("%+v", c))
	}
	assert.NotEqual(t, len(want), 0)
	if want == train(2, 2, 2, 1) {
		t.Error("another seed gives the same weights")
	}
}

// everything is a configuration with all that a checkpoint must carry: an
// average of the weights, a penalty that draws random numbers, several steps of
// the discriminator for one of the generator's.
func everything(c *gan.Config) {
	c.Penalties = []gan.Penalty{gan.GradientPenalty{Lambda: 1}, gan.R1{Gamma: 0.1, Schedule: optim.Cosine{From: 1, To: 0, Steps: 60}}}
	c.GeneratorEvery, c.FreshLatent, c.EMAHalfLife = 2, true, 5
	c.GeneratorOptimizer = optim.RMSprop{LR: 1e-3}
	c.DiscriminatorOptimizer = optim.Adam{LR: 1e-2, Schedule: optim.Linear{From: 1, To: 0.1, Steps: 60}}
}

// Training that is stopped, anywhere, and taken up by another process is the
// same as training without a stop, byte for byte.
func TestResume(t *testing.T) {
	const epochs, batches = 10, 7
	for name, change := range map[string]func(*gan.Config){"plain": func(*gan.Config) {}, "everything": everything} {
		t.Run(name, func(t *testing.T) {
			source := tinyNoise(batches)
			whole := newTiny(t, gan.Wasserstein{}, change)
			log := filepath.Join(t.TempDir(), "log.jsonl")
			wholeReport, err := whole.Fit(context.Background(), source, gan.Epochs(epochs), gan.On(gan.Log(log)))
			require.NoError(t, err)
			want, wantLog := stateOf(t, whole), withoutTime(t, log)
			require.Equal(t, epochs, strings.Count(wantLog, "\n"))

			stops := map[string]func(*gan.Trainer, ...gan.Hook) error{
				"after epoch 4": func(tr *gan.Trainer, h ...gan.Hook) error {
					_, err := tr.Fit(context.Background(), source, gan.Epochs(4), gan.On(h...))
					return err
				},
				"after step 31": func(tr *gan.Trainer, h ...gan.Hook) error { // in epoch 5
					_, err := tr.Fit(context.Background(), source, gan.Steps(31), gan.On(h...))
					return err
				},
				"cancelled in step 31": func(tr *gan.Trainer, h ...gan.Hook) error {
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					_, err := tr.Fit(ctx, source, gan.Epochs(epochs), gan.On(h...), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
						if s.Step == 31 {
							cancel()
						}
						return nil
					}}))
					if !errors.Is(err, context.Canceled) {
						return fmt.Errorf("not cancelled but %w", err)
					}
					return nil
				},
				"hook fails in step 1": func(tr *gan.Trainer, h ...gan.Hook) error {
					stop := errors.New("stop")
					_, err := tr.Fit(context.Background(), source, gan.Epochs(epochs), gan.On(h...), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
						return stop
					}}))
					if !errors.Is(err, stop) {
						return fmt.Errorf("not stopped but %w", err)
					}
					return nil
				},
				"before the first step": func(*gan.Trainer, ...gan.Hook) error { return nil },
			}
			for name, stop := range stops {
				t.Run(name, func(t *testing.T) {
					dir := t.TempDir()
					log, checkpoint := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "checkpoint")
					first := newTiny(t, gan.Wasserstein{}, change)
					require.NoError(t, stop(first, gan.Log(log), gan.SaveCheckpoint(checkpoint)))
					require.NoError(t, first.Checkpoint(checkpoint)) // the hook's, where it ran

					second := newTiny(t, gan.Wasserstein{}, change, func(c *gan.Config) { c.Seed = 99 }) // nothing is left of it
					second.Sample(1, 1)                                                                  // of weights that are about to go
					require.NoError(t, second.Resume(checkpoint, gan.Allow("seed")))
					require.Equal(t, first.Steps(), second.Steps())
					require.Equal(t, first.Sample(9, 1).Float32s(), second.Sample(9, 1).Float32s())
					same(t, stateOf(t, first), stateOf(t, second), "what was read is what was written")
					var past []gan.Losses
					report, err := second.Fit(context.Background(), source, gan.Epochs(epochs), gan.On(gan.Log(log), gan.Hook{Start: func(r gan.Run) error {
						past = r.Past
						return nil
					}}))
					require.NoError(t, err)
					same(t, want, stateOf(t, second), "the final state")
					require.Equal(t, wantLog, withoutTime(t, log))
					require.Equal(t, epochs, len(past)+len(report.Epochs))
					for i, l := range past {
						require.Equal(t, wholeReport.Epochs[i].Losses, l)
					}
				})
			}
		})
	}
}

var times = regexp.MustCompile(`,"(seconds|steps_per_second)":[^,}]*`)

// withoutTime returns a log less its durations.
func withoutTime(t testing.TB, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		out.WriteString(times.ReplaceAllString(line, ""))
	}
	return out.String()
}

// A checkpoint that is damaged, or another training's, is refused with a reason,
// and the trainer stays as it was.
func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	train := func(trainer *gan.Trainer) *gan.Trainer {
		source := tinyNoise(4)
		_, err := trainer.Fit(context.Background(), source, gan.Steps(6))
		require.NoError(t, err)
		return trainer
	}
	save := func(name string, trainer *gan.Trainer) string {
		path := filepath.Join(dir, name)
		require.NoError(t, trainer.Checkpoint(path))
		return path
	}
	wide := func() *gan.Trainer {
		g := nn.Sequential(nn.Linear(latentSize, 9), nn.Tanh(), nn.Linear(9, 4))
		_, d := tiny(gan.Logits)
		trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
		require.NoError(t, err)
		return trainer
	}
	longLatent := func() *gan.Trainer {
		c := tinyConfig(gan.Hinge{})
		c.Latent++
		_, d := tiny(gan.Logits)
		trainer, err := gan.New(nn.Sequential(nn.Linear(c.Latent, 4)), d, c)
		require.NoError(t, err)
		return trainer
	}
	good := save("good", train(newTiny(t, gan.Hinge{})))
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, b, 0o644))
		return path
	}
	generator := filepath.Join(dir, "generator")
	require.NoError(t, newTiny(t, gan.Hinge{}).Generator().Save(generator))
	f, err := safetensors.Load(good)
	require.NoError(t, err)
	rewrite := func(name string, tensors map[string]*tensor.Tensor, metadata map[string]string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, safetensors.Save(path, tensors, metadata))
		return path
	}
	all := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		all[name], err = f.Tensor(name)
		require.NoError(t, err)
	}
	edited := func(name, from, to string) string {
		meta := f.Metadata()
		require.Equal(t, 1, strings.Count(meta["gander.checkpoint"], from), from)
		meta["gander.checkpoint"] = strings.Replace(meta["gander.checkpoint"], from, to, 1)
		return rewrite(name, all, meta)
	}
	without := func(missing string) string {
		tensors := maps.Clone(all)
		delete(tensors, missing)
		return rewrite("without "+missing, tensors, f.Metadata())
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-10] ^= 4

	for _, c := range []struct {
		path, want string
		fits       bool // as a file: the error does not wrap ErrCheckpoint
	}{
		{filepath.Join(dir, "none"), "no such file", true},
		{dir, "", true},
		{write("empty", nil), "", true},
		{write("cut", whole[:len(whole)-1]), "", true},
		{write("half", whole[:len(whole)/2]), "", true},
		{write("flipped", flipped), "the checksum does not fit", true},
		{generator, `does not hold "gander.checkpoint"`, false},
		{save("objective", train(newTiny(t, gan.Wasserstein{}))), "objective was wasserstein and is hinge", false},
		{save("latent", train(longLatent())), "latent was 4 and is 3", false},
		{save("architecture", train(wide())), "generator.network.layers.0.out was 9 and is 8", false},
		{save("method", train(newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.Optimizer = optim.SGD{LR: 1e-3} }))), "discriminator.optimizer was SGD and is Adam", false},
		{save("discriminator's method", train(newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.DiscriminatorOptimizer = optim.AdamW{LR: 1e-3} }))), "discriminator.optimizer was AdamW and is Adam", false},
		{save("dtype", train64(t)), "dtype was float64 and is float32", false},
		{save("penalty", train(newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}} }))), "penalty.0 was R1 and is none", false},
		{save("average", train(newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.EMAHalfLife = 3 }))), "ema_half_life was 3 and is 0", false},
		{edited("batch", `"batch":2`, `"batch":-`), "", false},
		{edited("steps", `"steps":6`, `"stepz":6`), "", false},
		{edited("negative", `"batch":2,`, `"batch":-2,`), "", false},
		{edited("more batches", `"batch":2,`, `"batch":7,`), "it counts 6 steps", false},
		{edited("many", `"steps":6`, `"steps":9007199254740992`), "", false}, // of 32 bits, it is no int
		{without("losses"), "its losses are missing", false},
		{without("generator.0.weight"), "0.weight[8 3] is missing", false},
		{without("discriminator.2.bias"), "2.bias[1] is missing", false},
		{without("optimizer.generator.m.0"), `"m.0" is missing`, false},
		{without("optimizer.discriminator.step"), `"step" is missing`, false},
	} {
		t.Run(filepath.Base(c.path), func(t *testing.T) {
			trainer := train(newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.Seed = 8 }))
			before, sample := stateOf(t, trainer), trainer.Sample(3, 1).Float32s()
			err := trainer.Resume(c.path, gan.Allow("seed"))
			require.ErrorContains(t, err, c.want)
			require.Equal(t, !c.fits, errors.Is(err, gan.ErrCheckpoint), "%v", err)
			require.ErrorContains(t, err, filepath.Base(c.path), "the file is not named")
			require.NotContains(t, err.Error(), "\n")
			same(t, before, stateOf(t, trainer), "the trainer was touched")
			require.Equal(t, sample, trainer.Sample(3, 1).Float32s())
			// It goes on as if nothing had happened.
			_, err = trainer.Fit(context.Background(), tinyNoise(4), gan.Steps(9))
			require.NoError(t, err)
		})
	}
	require.NoError(t, newTiny(t, gan.Hinge{}).Resume(good), "the file that the others were made from")
}

func train64(t *testing.T) *gan.Trainer {
	trainer := newTiny(t, gan.Hinge{}, float64s)
	source := tinyNoise(4)
	source.dtype = tensor.Float64
	_, err := trainer.Fit(context.Background(), source, gan.Steps(6))
	require.NoError(t, err)
	return trainer
}

// A training that goes on in an epoch must find at least as many batches.
func TestResumeWithOtherBatches(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	_, err := trainer.Fit(context.Background(), tinyNoise(4), gan.Steps(7))
	require.NoError(t, err)
	before := stateOf(t, trainer)
	_, err = trainer.Fit(context.Background(), tinyNoise(3), gan.Epochs(5))
	require.ErrorContains(t, err, "after batch 3 of an epoch, but the source has 3")
	same(t, before, stateOf(t, trainer))
}

// A folder that takes no file: whatever was there stays.
func TestCheckpointToAnImpossiblePlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o644))
	trainer := newTiny(t, gan.Hinge{})
	require.Error(t, trainer.Checkpoint(filepath.Join(file, "checkpoint")))
	require.Error(t, trainer.Generator().Save(filepath.Join(file, "generator")))
	require.Error(t, trainer.Generator().Save(filepath.Dir(file)))
	require.Equal(t, map[string]string{"file": "old"}, files(t, filepath.Dir(file)))

	if os.Getuid() == 0 {
		return // may write anywhere
	}
	path := filepath.Join(filepath.Dir(file), "generator")
	require.NoError(t, trainer.Generator().Save(path))
	before := files(t, filepath.Dir(file))
	require.NoError(t, os.Chmod(filepath.Dir(file), 0o555))
	defer os.Chmod(filepath.Dir(file), 0o755)
	_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
	require.NoError(t, err)
	require.ErrorIs(t, trainer.Generator().Save(path), os.ErrPermission)
	require.Equal(t, before, files(t, filepath.Dir(file)))
}
