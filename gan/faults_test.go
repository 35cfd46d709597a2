package gan_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/gan/group"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// breaking is an objective that fails from some time on.
type breaking struct {
	gan.Wasserstein
	broken bool
}

func (b *breaking) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	if b.broken {
		panic(&tensor.ArgumentError{Op: "breaking", Problem: "it is broken", Fix: "repair it"})
	}
	return b.Wasserstein.Generator(fake, real)
}

// The table of the package comment is what happens: each of its lines stands here,
// in order, with a run in which it does.
func TestFaultTable(t *testing.T) {
	source := tinyNoise(4)
	stop := errors.New("stop")
	// fit trains in a folder, with something to fail.
	fit := func(t *testing.T, dir string, ctx context.Context, src gan.Source, hooks ...gan.Hook) (*gan.Trainer, *gan.Report, error) {
		trainer := newTiny(t, gan.Wasserstein{})
		_, err := trainer.ResumeLatest(dir)
		require.True(t, err == nil || errors.Is(err, gan.ErrNoCheckpoint), "%v", err)
		report, err := trainer.Fit(ctx, src, gan.Steps(9), gan.On(gan.Checkpoints{Dir: dir, Every: 2}.Hook()), gan.On(hooks...))
		return trainer, report, err
	}
	at := func(step int, do func(*gan.Trainer) error) gan.Hook {
		return gan.After(func(s int) bool { return s == step }, do)
	}
	// saved is the step that a folder leads to.
	saved := func(t *testing.T, dir string) int {
		trainer := newTiny(t, gan.Wasserstein{})
		_, err := trainer.ResumeLatest(dir)
		require.NoError(t, err)
		return trainer.Steps()
	}
	nan := func() *noise {
		s := tinyNoise(4)
		s.edit = func(epoch, batch int, x *tensor.Tensor) error {
			if epoch == 1 && batch == 2 { // step 7
				x.Set(math.NaN(), 3, 1)
			}
			return nil
		}
		return s
	}
	whole, _, err := fit(t, t.TempDir(), t.Context(), source)
	require.NoError(t, err)

	table := []struct {
		what, becomes string
		check         func(t *testing.T, dir string)
	}{
		{"kill -9, a crash, a power cut", "resumes from the last checkpoint, to the same bits", func(t *testing.T, dir string) {
			taken := t.TempDir() // what is on the disk in the middle of a run
			_, _, err := fit(t, dir, t.Context(), source, at(7, func(*gan.Trainer) error {
				for { // the writer beside training may remove an old file meanwhile
					err := os.CopyFS(taken+"/x", os.DirFS(dir))
					if !errors.Is(err, os.ErrNotExist) {
						return err
					}
					require.NoError(t, os.RemoveAll(taken+"/x"))
				}
			}))
			require.NoError(t, err)
			require.NoError(t, os.Remove(taken+"/x/.gander-lock"))
			again, _, err := fit(t, taken+"/x", t.Context(), source)
			require.NoError(t, err)
			same(t, stateOf(t, whole), stateOf(t, again))
		}},
		{"a checkpoint file is damaged", "reported, and the one before is taken", func(t *testing.T, dir string) {
			_, report, err := fit(t, dir, t.Context(), source)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(report.Checkpoint, 1000))
			told := ""
			trainer := newTiny(t, gan.Wasserstein{})
			_, err = trainer.ResumeLatest(dir, gan.Notify(func(s string) { told = s }))
			require.NoError(t, err)
			require.Contains(t, told, report.Checkpoint)
			require.Equal(t, 8, trainer.Steps())
		}},
		{"Ctrl-C, SIGTERM, SIGHUP", "the step is finished, the state saved", func(t *testing.T, dir string) {
			ctx, cancel := context.WithCancelCause(t.Context())
			_, _, err := fit(t, dir, ctx, source, at(5, func(*gan.Trainer) error { cancel(&gan.Interrupted{Signal: os.Interrupt}); return nil }))
			require.True(t, gan.Cancelled(err))
			require.Equal(t, 5, saved(t, dir))
		}},
		{"another run in the same folder", "refused before the first step, with its process", func(t *testing.T, dir string) {
			_, _, err := fit(t, dir, t.Context(), source, at(5, func(*gan.Trainer) error {
				_, report, err := fit(t, dir, t.Context(), source)
				require.ErrorIs(t, err, gan.ErrInUse)
				require.ErrorContains(t, err, "process ")
				require.NotEqual(t, 9, report.Steps)
				return nil
			}))
			require.NoError(t, err)
		}},
		{"other settings or data than before", "refused before the first step, each by name", func(t *testing.T, dir string) {
			_, _, err := fit(t, dir, t.Context(), source)
			require.NoError(t, err)
			_, err = newTiny(t, gan.Wasserstein{}, func(c *gan.Config) { c.ClipWeights, c.GeneratorEvery = 1, 5 }).ResumeLatest(dir, gan.WithSource(tinyNoise(5)))
			require.ErrorContains(t, err, "data.batches was 4 and is 5, clip_weights was 0 and is 1, generator_every was 1 and is 5")
		}},
		{"a loss or gradient is not finite", "the step is undone, the state saved, the run ends", func(t *testing.T, dir string) {
			trainer := newTiny(t, &mishap{next: rootOfZero, once: true})
			before := trainer.Sample(3, 1).Float32s()
			_, err := fitTo(trainer, source, 9, gan.Checkpoints{Dir: dir})
			require.ErrorContains(t, err, "the generator's gradient is not finite")
			require.Equal(t, before, trainer.Sample(3, 1).Float32s())
			require.Equal(t, stepNames(0), names(t, dir))
		}},
		{"a real sample is not finite", "the same, with the sample's number", func(t *testing.T, dir string) {
			_, _, err := fit(t, dir, t.Context(), nan())
			require.ErrorContains(t, err, "sample 3, holds NaN")
			require.Equal(t, 6, saved(t, dir))
		}},
		{"the state is not finite", "it is not saved; older checkpoints stay", func(t *testing.T, dir string) {
			_, _, err := fit(t, dir, t.Context(), source, at(9, func(tr *gan.Trainer) error {
				nn.Params(tr.Discriminator())[0].Param.Value().Fill(math.Inf(1))
				return nil
			}))
			require.ErrorIs(t, err, gan.ErrNotFinite)
			require.Equal(t, 8, saved(t, dir))
		}},
		{"a hook or the source panics", "other hooks' Epoch and End are called first", func(t *testing.T, dir string) {
			var lines []string
			require.Panics(t, func() {
				fit(t, dir, t.Context(), source, at(5, func(*gan.Trainer) error { panic("no") }), diary("a", &lines))
			})
			require.Equal(t, []string{"a part 2", "a end"}, lines[len(lines)-2:])
			require.Equal(t, 5, saved(t, dir))
		}},
		{"a hook fails", "the step is finished, the state saved, the run ends", func(t *testing.T, dir string) {
			_, _, err := fit(t, dir, t.Context(), source, at(5, func(*gan.Trainer) error { return stop }))
			require.ErrorIs(t, err, stop)
			require.Equal(t, 5, saved(t, dir))
		}},
		{"an image or the log cannot be written", "reported, and the run goes on", func(t *testing.T, dir string) {
			images, log := filepath.Join(t.TempDir(), "images"), filepath.Join(t.TempDir(), "log")
			trainer, report, err := fit(t, dir, t.Context(), source, gallery.SaveSamples(images, 4, 1, gallery.Grid{Height: 2, Width: 2}), gan.Log(log),
				at(2, func(*gan.Trainer) error {
					return errors.Join(os.Remove(images), os.WriteFile(images, nil, 0o644), os.Mkdir(log, 0o755))
				}))
			require.Error(t, err)
			require.Equal(t, 9, trainer.Steps())
			require.Len(t, report.Warnings, 6, "of three epochs each")
		}},
		{"a checkpoint cannot be written", "reported, and tried again; at the end an error", func(t *testing.T, dir string) {
			dir += "/x"
			trainer, report, err := fit(t, dir, t.Context(), source, at(3, func(*gan.Trainer) error {
				for { // the one that is being written
					if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o644)); err == nil {
						return nil
					}
				}
			}))
			require.ErrorContains(t, err, dir)
			require.Equal(t, 9, trainer.Steps())
			require.NotEmpty(t, report.Warnings)
		}},
		{"the source waits for ever", "cancelling ends the run all the same", func(t *testing.T, dir string) {
			ctx, cancel := context.WithCancel(t.Context())
			_, _, err := fit(t, dir, ctx, &stuck{tinyNoise(4), cancel})
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, 2, saved(t, dir))
		}},
		{"Fit, Step or Resume during Fit", "an error at once", func(t *testing.T, dir string) {
			_, _, err := fit(t, dir, t.Context(), source, at(5, func(tr *gan.Trainer) error {
				_, err := tr.Fit(t.Context(), source)
				return err
			}))
			require.ErrorIs(t, err, gan.ErrBusy)
		}},
		{"one process of a group fails", "the step is undone by all, which end, each with the reason", func(t *testing.T, dir string) {
			errs, steps := make([]error, 2), make([]int, 2)
			var all sync.WaitGroup
			for rank, joined := range group.Local(2) {
				objective := &breaking{}
				c := tinyConfig(objective)
				c.Group = joined
				g, d := tiny(gan.Logits)
				trainer, err := gan.New(g, d, c)
				require.NoError(t, err)
				all.Go(func() {
					defer joined.Close()
					_, errs[rank] = trainer.Fit(t.Context(), tinyNoise(4), gan.Steps(9), gan.On(at(5, func(*gan.Trainer) error {
						objective.broken = rank == 1
						return nil
					})))
					steps[rank] = trainer.Steps()
				})
			}
			all.Wait()
			require.Equal(t, []int{5, 5}, steps)
			var peer *gan.PeerError
			require.ErrorAs(t, errs[0], &peer)
			require.Equal(t, 1, peer.Rank)
			require.ErrorContains(t, errs[1], "it is broken")
		}},
	}
	var lines []string
	for _, row := range table {
		lines = append(lines, row.what+"  "+row.becomes)
		t.Run(row.what, func(t *testing.T) { row.check(t, t.TempDir()) })
	}
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(doc), "what becomes of the run\n")
	require.True(t, found)
	var documented []string
	gap := regexp.MustCompile(`   *`)
	for line := range strings.Lines(rest) {
		line, tabbed := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "//\t")
		if !tabbed {
			break
		}
		documented = append(documented, gap.ReplaceAllString(line, "  "))
	}
	require.Equal(t, lines, documented)
}
