package gan_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Samples and scores are those that the step was made of, whichever way the
// discriminator's gradient was computed: the network of before the step gives the
// scores, and they the terms.
func TestSamplesAndScores(t *testing.T) {
	for name, change := range map[string]func(*gan.Config){
		"together": func(*gan.Config) {},
		"apart":    func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.GradientPenalty{Lambda: 1}} },
		"exact":    func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}} },
		"fresh":    func(c *gan.Config) { c.FreshLatent = true },
	} {
		t.Run(name, func(t *testing.T) {
			g := nn.Sequential(nn.Linear(latentSize, 8), nn.ReLU(), nn.Linear(8, 4))
			d := nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
			c := tinyConfig(gan.NonSaturating{})
			c.DType = tensor.Float64
			change(&c)
			trainer, err := gan.New(g, d, c)
			require.NoError(t, err)
			source := tinyNoise(3)
			source.dtype = tensor.Float64
			var batches []*tensor.Tensor
			source.edit = func(_, _ int, x *tensor.Tensor) error {
				batches = append(batches, x.Clone())
				return nil
			}
			before := nn.Snapshot(d)
			_, err = trainer.Fit(context.Background(), source, gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				real, fake := s.Samples()
				assert.Equal(t, batches[s.Step-1].Float64s(), real.Float64s())
				score := func(x *tensor.Tensor) []float64 {
					return d.Forward(&nn.Ctx{Weights: before}, autograd.Const(x.Clone())).Value().Float64s()
				}
				ofReal, ofFake := s.Scores()
				assert.Equal(t, []int{5, 1}, ofFake.Shape())
				assert.InDeltaSlice(t, score(real), ofReal.Float64s(), 1e-12)
				assert.InDeltaSlice(t, score(fake), ofFake.Float64s(), 1e-12)
				_, terms := s.Terms()
				assert.InDeltaSlice(t, tensor.Softplus(ofFake).Float64s(), terms.Float64s(), 1e-12)
				before = nn.Snapshot(d)
				return nil
			}}))
			require.NoError(t, err)
			require.Len(t, batches, 3)
		})
	}
}

func TestLearningRatesAndTimes(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{}, func(c *gan.Config) {
		c.GeneratorOptimizer = optim.SGD{LR: 0.5, Schedule: optim.Linear{From: 1, To: 0, Steps: 4}}
		c.DiscriminatorOptimizer = optim.SGD{LR: 0.25}
	})
	var rates []float64
	start := time.Now()
	_, err := trainer.Fit(context.Background(), tinyNoise(4), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		g, d := s.LearningRates()
		rates = append(rates, g)
		assert.Equal(t, 0.25, d)
		assert.Positive(t, s.Time)
		assert.Less(t, s.Time, time.Since(start))
		assert.Greater(t, s.PerSecond*time.Since(start).Seconds(), 1.0)
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, []float64{0.5, 0.375, 0.25, 0.125}, rates)
}

func TestNetworksAndSettings(t *testing.T) {
	g, d := tiny(gan.Logits)
	trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	g2, d2 := trainer.Networks()
	require.Equal(t, []any{g, d}, []any{g2, d2})
	settings := trainer.Settings()
	require.Equal(t, "hinge", settings["objective"])
	require.Equal(t, "0.01", settings["generator.optimizer.lr"])
	settings["objective"] = "changed" // nobody else's
	require.Equal(t, "hinge", trainer.Settings()["objective"])
}

// optim.Zero is read by its name, in settings and in what differs between them.
func TestZeroByName(t *testing.T) {
	adam := func(beta float64) *gan.Trainer {
		return newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.Optimizer = optim.Adam{LR: 1e-3, Betas: [2]float64{optim.Zero, beta}} })
	}
	trainer := adam(0.99)
	require.Equal(t, "[Zero 0.99]", trainer.Settings()["generator.optimizer.betas"])
	var file bytes.Buffer
	require.NoError(t, trainer.WriteCheckpoint(&file))
	require.NoError(t, adam(0.99).ReadCheckpoint(bytes.NewReader(file.Bytes())))
	require.ErrorContains(t, adam(0.9).ReadCheckpoint(&file), `generator.optimizer.betas was "[Zero 0.99]" and is "[Zero 0.9]"`)
}

// A sentence reaches every hook, those before and behind the one that speaks, with
// the step.
func TestNote(t *testing.T) {
	var heard []string
	listener := func(name string) gan.Hook {
		return gan.Hook{Note: func(step int, sentence string) { heard = append(heard, fmt.Sprint(name, step, sentence)) }}
	}
	var run gan.Run
	speaker := gan.Hook{
		Start: func(r gan.Run) error { run = r; return nil },
		Step: func(s *gan.StepInfo) error {
			if s.Step == 2 {
				run.Note(" it swings")
			}
			return nil
		},
	}
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(3), gan.On(listener("a"), speaker, listener("b")))
	require.NoError(t, err)
	require.Equal(t, []string{"a2 it swings", "b2 it swings"}, heard)
	gan.Run{}.Note("nobody hears it")
}

// The log of steps and notes is that of an uninterrupted run, but for what the
// clock says, also if it was resumed from before its last lines.
func TestLogSteps(t *testing.T) {
	withoutClocks := func(path string) (lines []string) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(b)) {
			line, _, _ = strings.Cut(line, `,"seconds"`)
			line, _, _ = strings.Cut(line, `,"steps_per_second"`)
			lines = append(lines, strings.TrimSpace(line))
		}
		return lines
	}
	var run gan.Run
	speaker := gan.Hook{
		Start: func(r gan.Run) error { run = r; return nil },
		Step: func(s *gan.StepInfo) error {
			if s.Step%3 == 0 {
				run.Note("a <third>")
			}
			return nil
		},
	}
	whole := filepath.Join(t.TempDir(), "log.jsonl")
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.Steps(12), gan.On(gan.Log(whole, gan.LogSteps(2)), speaker))
	require.NoError(t, err)
	want := withoutClocks(whole)
	var kinds []string
	for _, line := range want {
		kind, _, _ := strings.Cut(strings.TrimPrefix(line, `{"`), ",")
		kinds = append(kinds, kind)
	}
	require.Equal(t, []string{`step":2`, `step":3`, `step":4`, `epoch":1`, `step":6`, `step":6`, `step":8`, `step":9`, `step":10`, `epoch":2`, `step":12`, `step":12`, `epoch":3`}, kinds)
	require.Contains(t, want[0], `"epoch":1,"discriminator_loss":`)
	require.Contains(t, want[1], `{"step":3,"note":"a \u003cthird\u003e"}`)

	// The mean of the first two steps.
	sum := 0.0
	_, err = newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.Steps(2), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		sum += s.Losses.Discriminator()
		return nil
	}}))
	require.NoError(t, err)
	require.Contains(t, want[0], fmt.Sprintf(`"discriminator_loss":%.12g`, sum/2)[:32])

	// A run that goes on from step 8, of which the log knows 11.
	part := filepath.Join(t.TempDir(), "log.jsonl")
	saved := filepath.Join(t.TempDir(), "saved")
	first := newTiny(t, gan.Hinge{})
	save := gan.After(func(step int) bool { return step == 8 }, func(tr *gan.Trainer) error { return tr.Checkpoint(saved) })
	_, err = first.Fit(context.Background(), tinyNoise(5), gan.Steps(11), gan.On(gan.Log(part, gan.LogSteps(2)), speaker, save))
	require.NoError(t, err)
	second := newTiny(t, gan.Hinge{})
	require.NoError(t, second.Resume(saved))
	_, err = second.Fit(context.Background(), tinyNoise(5), gan.Steps(12), gan.On(gan.Log(part, gan.LogSteps(2)), speaker))
	require.NoError(t, err)
	require.Equal(t, want, withoutClocks(part))

	require.Panics(t, func() { gan.LogSteps(0) })
}

// A hook that speaks when the log has ended already is heard.
func TestLogLastWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	var run gan.Run
	last := gan.Hook{
		Start: func(r gan.Run) error { run = r; return nil },
		End:   func(*gan.Report) error { run.Note("that was all"); return nil },
	}
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(2), gan.On(gan.Log(path), last))
	require.NoError(t, err)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(b), `{"step":2,"note":"that was all"}`+"\n"), "%s", b)
}
