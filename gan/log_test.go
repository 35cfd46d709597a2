package gan_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
)

func TestLogHook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "log.jsonl")
	trainer := newTiny(t, gan.Wasserstein{}, func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}} })
	log := gan.Log(path)
	report, err := trainer.Fit(context.Background(), tinyNoise(3), gan.Steps(5), gan.On(log))
	require.NoError(t, err)
	type entry struct {
		Epoch, Steps  int
		Discriminator float64 `json:"discriminator_loss"`
		Real          float64 `json:"discriminator_loss_real"`
		Fake          float64 `json:"discriminator_loss_fake"`
		Penalty       float64 `json:"discriminator_penalty"`
		Generator     float64 `json:"generator_loss"`
		Seconds       float64
		Partial       bool
	}
	read := func() (out []entry) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(b)) {
			var e entry
			d := json.NewDecoder(strings.NewReader(line))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(&e))
			out = append(out, e)
		}
		return out
	}
	expect := func(e gan.EpochInfo) entry {
		l := e.Losses
		return entry{e.Epoch, e.Steps, l.Discriminator(), l.Real, l.Fake, l.Penalty, l.Generator, e.Time.Seconds(), e.Partial}
	}
	require.Equal(t, []entry{expect(report.Epochs[0]), expect(report.Epochs[1])}, read())
	require.NotZero(t, read()[0].Penalty)
	require.True(t, read()[1].Partial)

	// Going on replaces the line of the part by that of the whole; one hook may
	// serve several times.
	more, err := trainer.Fit(context.Background(), tinyNoise(3), gan.Epochs(3), gan.On(log))
	require.NoError(t, err)
	require.Equal(t, []entry{expect(report.Epochs[0]), expect(more.Epochs[0]), expect(more.Epochs[1])}, read())

	// Another training writes another log.
	other, err := newTiny(t, gan.Wasserstein{}).Fit(context.Background(), tinyNoise(3), gan.On(log))
	require.NoError(t, err)
	require.Equal(t, []entry{expect(other.Epochs[0])}, read())
}

// Epochs that are over sooner than the file is written do not wait for it each, and it
// holds them all in the end.
func TestLogOfShortEpochs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	const epochs = 400
	var before os.FileInfo
	written := 0
	_, err := newTiny(t, gan.Hinge{}).Fit(t.Context(), tinyNoise(1), gan.Epochs(epochs), gan.On(gan.Log(path), gan.Hook{Epoch: func(gan.EpochInfo) error {
		now, err := os.Stat(path)
		require.NoError(t, err)
		if before == nil || !os.SameFile(before, now) {
			written++
		}
		before = now
		return nil
	}}))
	require.NoError(t, err)
	require.Less(t, written, epochs/2)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, epochs, strings.Count(string(b), `"epoch":`))
}

// A run that was killed before the log had its last epochs, and has nothing left to do,
// gives it these.
func TestLogThatLacksEpochs(t *testing.T) {
	path, checkpoint := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "checkpoint")
	trainer := newTiny(t, gan.Hinge{})
	_, err := trainer.Fit(t.Context(), tinyNoise(2), gan.Epochs(3), gan.On(gan.Log(path)))
	require.NoError(t, err)
	require.NoError(t, trainer.Checkpoint(checkpoint))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	require.NoError(t, os.WriteFile(path, []byte(lines[0]), 0o644))

	again := newTiny(t, gan.Hinge{})
	require.NoError(t, again.Resume(checkpoint))
	report, err := again.Fit(t.Context(), tinyNoise(2), gan.Epochs(3), gan.On(gan.Log(path)))
	require.NoError(t, err)
	require.Zero(t, report.Steps-trainer.Steps())
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range 2 {
		lines[1+i] = regexp.MustCompile(`"seconds":.*}`).ReplaceAllString(lines[1+i], `"seconds":0}`)
	}
	require.Equal(t, strings.Join(lines, ""), string(now))
}

// enormous is an objective whose losses are near the largest number.
type enormous struct{ gan.Wasserstein }

func (enormous) Discriminator(real, fake *autograd.Var) gan.Terms {
	return gan.Terms{Real: autograd.Shift(autograd.Scale(real, 0), 8e307)}
}

func (enormous) Generator(fake *autograd.Var, _ func() *autograd.Var) *autograd.Var {
	return autograd.Shift(autograd.Scale(fake, 0), -1.5e308)
}

// Means of losses whose sum is no number are in the log, and what leads to them is in
// checkpoints.
func TestLogOfEnormousLosses(t *testing.T) {
	dir := t.TempDir()
	log, saved := filepath.Join(dir, "log"), filepath.Join(dir, "checkpoint")
	train := func(resume bool, steps int) {
		trainer := newTiny(t, enormous{}, func(c *gan.Config) { c.DType = tensor.Float64 })
		if resume {
			require.NoError(t, trainer.Resume(saved))
		}
		_, err := trainer.Fit(t.Context(), &noise{batches: 20, size: 1, features: 4, dtype: tensor.Float64},
			gan.Steps(steps), gan.On(gan.Log(log, gan.LogSteps(6)), gan.SaveCheckpoint(saved)))
		require.NoError(t, err)
	}
	train(false, 5)
	train(true, 20)
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	require.Len(t, lines, 4)
	for _, line := range lines {
		require.Contains(t, line, `"discriminator_loss":8`)
		require.Contains(t, line, `"generator_loss":-1.5`)
	}
}
