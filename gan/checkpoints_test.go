package gan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/repanic"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// A checkpoint of any step leads on to the bits of a run without a stop: also of
// the last step of an epoch, whether a hook takes it and the run is killed, or a
// hook panics there.
func TestResumeAfterAnyStep(t *testing.T) {
	const batches, steps = 4, 12
	source := tinyNoise(batches)
	hooks := func(dir string) []gan.Hook { // with something to see of each epoch
		return append(talkative(2), gan.Log(filepath.Join(dir, "log"), gan.LogSteps(5)), gan.SaveNetworks(dir))
	}
	wholeDir := t.TempDir()
	whole := newTiny(t, gan.Wasserstein{}, everything)
	_, err := whole.Fit(context.Background(), source, gan.Steps(steps), gan.On(hooks(wholeDir)...))
	require.NoError(t, err)
	require.Greater(t, strings.Count(withoutTime(t, filepath.Join(wholeDir, "log")), `"note":"after measurement `), 4)
	for stop := 1; stop <= steps; stop++ {
		for _, panics := range []bool{false, true} {
			what := fmt.Sprintf("step %d, panics: %v", stop, panics)
			dir, path := t.TempDir(), filepath.Join(t.TempDir(), "checkpoint")
			first := newTiny(t, gan.Wasserstein{}, everything)
			killed := make(chan struct{})
			go func() { // which never comes back, as from kill -9
				defer close(killed)
				defer func() { recover() }()
				first.Fit(context.Background(), source, gan.Steps(steps), gan.On(hooks(dir)...), gan.On(gan.After(func(s int) bool { return s == stop }, func(tr *gan.Trainer) error {
					if panics {
						panic("a hook's panic")
					}
					if err := tr.Checkpoint(path); err != nil {
						return err
					}
					killed <- struct{}{}
					select {}
				})))
			}()
			<-killed
			if panics {
				<-killed
				require.NoError(t, first.Checkpoint(path), what)
			}
			second := newTiny(t, gan.Wasserstein{}, everything)
			require.NoError(t, second.Resume(path), what)
			require.Equal(t, stop, second.Steps())
			_, err = second.Fit(context.Background(), source, gan.Steps(steps), gan.On(hooks(dir)...))
			require.NoError(t, err, what)
			same(t, stateOf(t, whole), stateOf(t, second), what)
			sameLines(t, withoutTime(t, filepath.Join(wholeDir, "log")), withoutTime(t, filepath.Join(dir, "log")), what)
			for _, name := range []string{"generator.safetensors", "discriminator.safetensors"} {
				same(t, files(t, wholeDir)[name], files(t, dir)[name], what)
			}
		}
	}
}

// fitTo trains to a step and keeps checkpoints.
func fitTo(trainer *gan.Trainer, source gan.Source, steps int, c gan.Checkpoints, more ...gan.Hook) (*gan.Report, error) {
	return trainer.Fit(context.Background(), source, gan.Steps(steps), gan.On(c.Hook()), gan.On(more...))
}

// names returns the paths of the files in a folder and those below. Nothing is
// opened: somebody may be writing there, and may remove or rename what was listed.
func names(t testing.TB, dir string) (out []string) {
	t.Helper()
	assert.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		out = append(out, filepath.ToSlash(rel))
		return err
	}))
	slices.Sort(out)
	return out
}

// stepNames are the files' names of checkpoints.
func stepNames(steps ...int) (out []string) {
	for _, s := range steps {
		out = append(out, fmt.Sprintf("checkpoint-%010d.safetensors", s))
	}
	return out
}

func TestCheckpoints(t *testing.T) {
	source, dir := tinyNoise(5), filepath.Join(t.TempDir(), "new", "checkpoints")
	c := gan.Checkpoints{Dir: dir, Every: 4}
	trainer := newTiny(t, gan.Hinge{}, everything)
	report, err := fitTo(trainer, source, 30, c, gan.Hook{Step: func(s *gan.StepInfo) error {
		switch s.Step {
		case 3:
			// It is written beside training, which may be further by then.
			require.Eventually(t, func() bool {
				return slices.Equal([]string{".gander-lock", stepNames(0)[0]}, names(t, dir))
			}, time.Minute, time.Millisecond)
		case 30:
			assert.NotContains(t, names(t, dir), stepNames(30)[0])
		}
		return nil
	}})
	require.NoError(t, err)
	require.Empty(t, report.Warnings)
	require.Equal(t, stepNames(24, 28, 30), names(t, dir))
	require.Equal(t, filepath.Join(dir, stepNames(30)[0]), report.Checkpoint)
	same(t, stateOf(t, trainer), files(t, dir)[stepNames(30)[0]], "it is what Checkpoint writes")

	// The newest whole one counts.
	newest, older := filepath.Join(dir, stepNames(30)[0]), filepath.Join(dir, stepNames(28)[0])
	whole := files(t, dir)[filepath.Base(newest)]
	for what, damaged := range map[string]string{"empty": "", "cut": whole[:len(whole)/2], "flipped": whole[:len(whole)-9] + "\x07" + whole[len(whole)-8:], "text": "hello",
		"a setting":  strings.Replace(whole, `latent\":\"3`, `latent\":\"7`, 1),
		"a counter":  strings.Replace(whole, `\"steps\":30`, `\"steps\":-1`, 1),
		"JSON":       strings.Replace(whole, `\"steps\":30`, `\"steps\";30`, 1),
		"the key":    strings.Replace(whole, "gander.checkpoint", "gander.checkpoins", 1),
		"its losses": strings.Replace(whole, `"losses"`, `"lasses"`, 1),
	} {
		require.NotEqual(t, whole, damaged)
		require.NoError(t, os.WriteFile(newest, []byte(damaged), 0o644))
		var told []string
		second := newTiny(t, gan.Hinge{}, everything)
		path, err := second.ResumeLatest(dir, gan.Notify(func(s string) { told = append(told, s) }))
		require.NoError(t, err, what)
		require.Equal(t, older, path)
		require.Equal(t, 28, second.Steps())
		require.Len(t, told, 1)
		require.Contains(t, told[0], newest)
	}
	second := newTiny(t, gan.Hinge{}, everything)
	_, err = second.ResumeLatest(dir)
	require.NoError(t, err)
	c.Keep = 1 // a damaged one does not take the place of a good one
	_, err = fitTo(second, source, 29, c)
	require.NoError(t, err)
	require.Equal(t, []string{stepNames(29)[0], stepNames(30)[0] + ".unused"}, names(t, dir))
	_, err = fitTo(second, source, 30, c)
	require.NoError(t, err)
	same(t, whole, files(t, dir)[filepath.Base(newest)], "as without a stop")

	// One that does not fit is refused, and older ones are not tried.
	path, err := newTiny(t, gan.Hinge{}).ResumeLatest(dir)
	require.ErrorIs(t, err, gan.ErrCheckpoint)
	require.Equal(t, newest, path)

	// Nothing, and nothing whole.
	_, err = newTiny(t, gan.Hinge{}).ResumeLatest(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, gan.ErrNoCheckpoint)
	_, err = newTiny(t, gan.Hinge{}).ResumeLatest(t.TempDir())
	require.ErrorIs(t, err, gan.ErrNoCheckpoint)
	require.NoError(t, os.WriteFile(newest, nil, 0o644))
	_, err = newTiny(t, gan.Hinge{}, everything).ResumeLatest(dir)
	require.ErrorContains(t, err, newest)
	require.NotErrorIs(t, err, gan.ErrNoCheckpoint)
}

// Other runs' checkpoints are not overwritten, and a folder is for one run.
func TestCheckpointsOfOthers(t *testing.T) {
	source, dir := tinyNoise(5), t.TempDir()
	c := gan.Checkpoints{Dir: dir, Every: 2}
	_, err := fitTo(newTiny(t, gan.Hinge{}), source, 6, c)
	require.NoError(t, err)
	before := files(t, dir)
	_, err = fitTo(newTiny(t, gan.Hinge{}), source, 6, c)
	require.ErrorContains(t, err, dir+" holds checkpoints of another run, the last of step 6")
	require.Equal(t, before, files(t, dir))

	trainer := newTiny(t, gan.Hinge{})
	_, err = trainer.ResumeLatest(dir)
	require.NoError(t, err)
	_, err = fitTo(trainer, source, 8, c, gan.After(gan.Every(7), func(*gan.Trainer) error {
		_, err := fitTo(newTiny(t, gan.Hinge{}), source, 6, c)
		assert.ErrorIs(t, err, gan.ErrInUse)
		assert.ErrorContains(t, err, fmt.Sprintf("process %d on ", os.Getpid()))
		return nil
	}))
	require.NoError(t, err)

	// However a run ends, the folder is free again.
	for _, hook := range []gan.Hook{
		{Start: func(gan.Run) error { return errors.New("no") }},
		{Step: func(*gan.StepInfo) error { panic("no") }},
		{End: func(*gan.Report) error { panic("no") }},
	} {
		func() {
			defer func() { recover() }()
			fitTo(trainer, source, trainer.Steps()+1, c, hook)
		}()
		_, err = fitTo(trainer, source, trainer.Steps()+1, c)
		require.NoError(t, err)
	}
	require.ErrorContains(t, tensor.Catch(func() { gan.Checkpoints{}.Hook() }), "set Dir")
}

func TestCheckpointsByTime(t *testing.T) {
	dir := t.TempDir()
	enough := errors.New("enough")
	_, err := fitTo(newTiny(t, gan.Hinge{}), tinyNoise(5), 1_000_000, gan.Checkpoints{Dir: dir, Interval: time.Nanosecond, Keep: 100}, gan.Hook{Step: func(*gan.StepInfo) error {
		if len(names(t, dir)) > 5 { // with the lock; none is begun while another is written, which takes some steps
			return enough
		}
		return nil
	}})
	require.ErrorIs(t, err, enough)
	require.Greater(t, len(names(t, dir)), 4)

	dir = t.TempDir()
	_, err = fitTo(newTiny(t, gan.Hinge{}), tinyNoise(5), 4, gan.Checkpoints{Dir: dir, Interval: time.Hour})
	require.NoError(t, err)
	require.Equal(t, stepNames(0, 4), names(t, dir))
}

// The best is found again after a stop, and its metric's troubles end nothing.
func TestCheckpointsBest(t *testing.T) {
	dir := t.TempDir()
	values := map[int]float64{0: 9, 2: math.NaN(), 4: 3, 6: 5, 8: 4, 10: 2}
	step := 0
	c := gan.Checkpoints{Dir: dir, Every: 2, Keep: 1, Best: func(g *gan.Generator) (float64, error) {
		defer func() { step += 2 }()
		if step == 6 {
			return 0, errors.New("no metric today")
		}
		return values[step], nil
	}}
	best := func() string {
		for name := range files(t, dir) {
			if strings.HasPrefix(name, "best-") {
				return name
			}
		}
		return ""
	}
	trainer := newTiny(t, gan.Hinge{})
	report, err := fitTo(trainer, tinyNoise(50), 7, c)
	require.EqualError(t, err, "gan: what the generator of step 6 is worth: no metric today")
	require.Len(t, report.Warnings, 1)
	require.Equal(t, "best-0000000004.safetensors", best())
	step = 8
	again := newTiny(t, gan.Hinge{})
	_, err = again.ResumeLatest(dir)
	require.NoError(t, err)
	require.Equal(t, 7, again.Steps())
	step = 8 // at the start, of step 7: 4
	_, err = fitTo(again, tinyNoise(50), 8, c)
	require.NoError(t, err)
	require.Equal(t, "best-0000000008.safetensors", best(), "2 at the end")
	fromBest := newTiny(t, gan.Hinge{})
	require.NoError(t, fromBest.Resume(filepath.Join(dir, best())))
	require.Equal(t, 8, fromBest.Steps())
}

// Training may go on from the best, though only later checkpoints are left beside it. A
// best one of a later step than training goes on from is set aside, also if it is the
// only one: for the older of two, a new and better one would be removed.
func TestCheckpointsGoOnFromTheBest(t *testing.T) {
	dir := t.TempDir()
	worth := map[int]float64{0: 3, 1: 4, 2: 4, 3: 2}
	to := func(steps int, from string) {
		trainer := newTiny(t, gan.Hinge{})
		if from != "" {
			require.NoError(t, trainer.Resume(filepath.Join(dir, from)))
		}
		step := trainer.Steps()
		c := gan.Checkpoints{Dir: dir, Every: 1, Keep: 2, Best: func(*gan.Generator) (float64, error) {
			defer func() { step++ }()
			return worth[min(step, steps)], nil // the last is looked at twice
		}}
		_, err := fitTo(trainer, tinyNoise(50), steps, c)
		require.NoError(t, err)
	}
	best := func(step int) string { return fmt.Sprintf("best-%010d.safetensors", step) }
	to(2, "")
	require.Equal(t, append([]string{best(0)}, stepNames(1, 2)...), names(t, dir))
	to(1, best(0))
	require.Equal(t, []string{best(0), stepNames(0)[0], stepNames(1)[0], stepNames(1)[0] + ".unused", stepNames(2)[0] + ".unused"}, names(t, dir))

	to(3, stepNames(1)[0])
	require.Contains(t, names(t, dir), best(3))
	require.NoError(t, os.Remove(filepath.Join(dir, stepNames(3)[0]))) // somebody does not want it
	worth[2] = 1
	to(3, stepNames(2)[0])
	require.Contains(t, names(t, dir), best(2))
	require.Contains(t, names(t, dir), best(3)+".unused")
}

// Two warnings at the end, about the last but one checkpoint and about the last, are
// warnings as one is.
func TestCheckpointsBestAlwaysFails(t *testing.T) {
	dir := t.TempDir()
	var told []error
	c := gan.Checkpoints{Dir: dir, Every: 1, Best: func(*gan.Generator) (float64, error) { return 0, errors.New("no metric today") }}
	report, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.Steps(2), gan.On(c.Hook()),
		gan.OnWarning(func(err error) { told = append(told, err) }))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, stepNames(2)[0]), report.Checkpoint)
	require.ErrorContains(t, errors.Join(told...), "the generator of step 2 is worth: no metric today")
}

// A panic of Best, which runs beside training, is one of the hook: the others end, and
// the last checkpoint is written.
func TestCheckpointsBestPanics(t *testing.T) {
	for _, every := range []int{1, 100} { // noticed in a step, and at the end
		dir := t.TempDir()
		ended := 0
		now := make(chan struct{})
		c := gan.Checkpoints{Dir: dir, Every: every, Best: func(*gan.Generator) (float64, error) {
			<-now
			panic("no metric at all")
		}}
		last := gan.Hook{End: func(*gan.Report) error {
			if every > 1 {
				close(now)
			}
			return nil
		}}
		if every == 1 {
			close(now)
		}
		trainer := newTiny(t, gan.Hinge{})
		func() {
			defer func() {
				p := recover()
				if every > 1 { // the last panic is the one that was beside training
					require.ErrorContains(t, p.(error), "TestCheckpointsBestPanics.func1", "the place is told")
					p = p.(*repanic.Panic).Value
				}
				require.Equal(t, "no metric at all", p)
			}()
			trainer.Fit(context.Background(), tinyNoise(5), gan.Steps(4), gan.On(last, c.Hook(), gan.Hook{End: func(*gan.Report) error {
				ended++
				return nil
			}}))
		}()
		require.Equal(t, 1, ended)
		require.Contains(t, names(t, dir), stepNames(trainer.Steps())[0])
		again := newTiny(t, gan.Hinge{})
		_, err := again.ResumeLatest(dir)
		require.NoError(t, err)
		require.Equal(t, trainer.Steps(), again.Steps())
	}
	// A device that fails there ends training as an error.
	lost := &tensor.DeviceFailure{Device: "far:0", Op: "MatMul", Err: errors.New("it is gone")}
	c := gan.Checkpoints{Dir: t.TempDir(), Every: 1, Best: func(*gan.Generator) (float64, error) { panic(lost) }}
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.Steps(4), gan.On(c.Hook()))
	require.ErrorIs(t, err, lost)
}

// Nobody need listen.
func TestNotifyNobody(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, stepNames(3)[0]), []byte("damaged"), 0o644))
	_, err := newTiny(t, gan.Hinge{}).ResumeLatest(dir, gan.Notify(nil))
	require.ErrorContains(t, err, "not a valid safetensors file")
}

// A state that is not finite never replaces one that is.
func TestCheckpointsAreFinite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	g, d := tiny(gan.Logits)
	trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	require.NoError(t, trainer.Checkpoint(path))
	before := files(t, dir)
	nn.Params(g)[1].Param.Value().Set(math.Inf(1), 2)
	err = trainer.Checkpoint(path)
	require.ErrorIs(t, err, gan.ErrNotFinite)
	require.ErrorContains(t, err, "generator.0.bias")
	require.Equal(t, before, files(t, dir))
	_, err = fitTo(trainer, tinyNoise(5), 0, gan.Checkpoints{Dir: filepath.Join(dir, "new")})
	require.ErrorIs(t, err, gan.ErrNotFinite)
	require.Equal(t, before, files(t, dir))
}

// A disk that fails for a while costs no training.
func TestCheckpointsSurviveTheirFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoints")
	trainer := newTiny(t, gan.Hinge{})
	var told []error
	_, err := trainer.Fit(context.Background(), tinyNoise(5), gan.Steps(9), gan.OnWarning(func(err error) { told = append(told, err) }),
		gan.On(gan.Checkpoints{Dir: dir, Every: 2}.Hook(), gan.Hook{Step: func(s *gan.StepInfo) error {
			switch s.Step {
			case 3:
				// Nobody may be writing there while it is removed.
				whole := append([]string{".gander-lock"}, stepNames(0, 2)...)
				require.Eventually(t, func() bool { return slices.Equal(whole, names(t, dir)) }, time.Minute, time.Millisecond)
				require.NoError(t, os.RemoveAll(dir))
				return os.WriteFile(dir, nil, 0o644) // in its place
			case 7: // the checkpoint of step 4 has failed by now
				return os.Remove(dir)
			}
			return nil
		}}))
	require.NoError(t, err)
	require.NotEmpty(t, told)
	require.Contains(t, names(t, dir), stepNames(9)[0])
}

// Values that are cut to be shown must not look equal.
func TestSettingsErrorOfLongValues(t *testing.T) {
	long := strings.Repeat("x", 100)
	err := &gan.SettingsError{Path: "p", Differences: []gan.Difference{{Setting: "a", Old: long + "1", New: long + "2"}, {Setting: "b", Old: "1", New: "2"}}}
	require.ErrorContains(t, err, "a was another and is \"xxx")
	require.ErrorContains(t, err, "b was 1 and is 2")
	require.NotContains(t, err.Error(), "a was \"xxx")
}

// Whatever determines the future is compared, and a difference is told with its
// name, the old value and the new one.
func TestResumeComparesSettings(t *testing.T) {
	type run struct {
		c      gan.Config
		g, d   nn.Module
		source func() gan.Source
	}
	images, err := digits.Load()
	require.NoError(t, err)
	base := func() run {
		source := func() gan.Source { return datasets.NewLoader(images.Subset(0, 40), 8, datasets.Seed(3)) }
		return run{
			c: gan.Config{
				Latent: 3, Objective: gan.Hinge{}, Seed: 7, GeneratorEvery: 2, EMAHalfLife: 30,
				Penalties:          []gan.Penalty{gan.R1{Gamma: 0.5, Schedule: optim.ScheduleFunc(func(step int) float64 { return 1 / float64(1+step) })}},
				Optimizer:          optim.Adam{LR: 1e-3, Betas: [2]float64{0, 0.99}, Schedule: optim.Cosine{From: 1, To: 0.1, Steps: 50}},
				GeneratorOptimizer: nil,
			},
			g:      nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 784), nn.Tanh()),
			d:      nn.Sequential(nn.Linear(784, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)),
			source: source,
		}
	}
	start := func(r run) *gan.Trainer {
		trainer, err := gan.New(r.g, r.d, r.c)
		require.NoError(t, err)
		return trainer
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	first := start(base())
	_, err = first.Fit(context.Background(), base().source(), gan.Steps(3))
	require.NoError(t, err)
	require.NoError(t, first.Checkpoint(path))

	loader := func(n, batch int, o ...datasets.LoaderOption) func() gan.Source {
		return func() gan.Source { return datasets.NewLoader(images.Subset(0, n), batch, o...) }
	}
	adam := func(change func(*optim.Adam)) func(*run) {
		return func(r *run) {
			a := r.c.Optimizer.(optim.Adam)
			change(&a)
			r.c.Optimizer = a
		}
	}
	for allow, c := range map[string]struct {
		change func(*run)
		want   string
	}{
		"optimizer.lr":       {adam(func(a *optim.Adam) { a.LR = 2e-3 }), "discriminator.optimizer.lr was 0.001 and is 0.002, generator.optimizer.lr was 0.001 and is 0.002;"},
		"betas":              {adam(func(a *optim.Adam) { a.Betas[1] = 0.9 }), `discriminator.optimizer.betas was "[0 0.99]" and is "[0 0.9]"`},
		"weight_decay":       {adam(func(a *optim.Adam) { a.WeightDecay = 0.1 }), "discriminator.optimizer.weight_decay was 0 and is 0.1"},
		"optimizer.schedule": {adam(func(a *optim.Adam) { a.Schedule = optim.Cosine{From: 1, To: 0.1, Steps: 60} }), "discriminator.optimizer.schedule.steps was 50 and is 60"},
		"generator.optimizer.lr": {func(r *run) {
			r.c.GeneratorOptimizer = optim.Adam{LR: 5e-3, Betas: [2]float64{0, 0.99}, Schedule: optim.Cosine{From: 1, To: 0.1, Steps: 50}}
		}, ": generator.optimizer.lr was 0.001 and is 0.005;"},
		"gamma": {func(r *run) { p := r.c.Penalties[0].(gan.R1); p.Gamma = 1; r.c.Penalties = []gan.Penalty{p} }, "penalty.0.gamma was 0.5 and is 1"},
		"penalty.0.schedule": {func(r *run) {
			p := r.c.Penalties[0].(gan.R1)
			p.Schedule = optim.ScheduleFunc(func(int) float64 { return 1 })
			r.c.Penalties = []gan.Penalty{p}
		}, "penalty.0.schedule was \"a function"},
		"penalty.1":             {func(r *run) { r.c.Penalties = append(r.c.Penalties, gan.R2{Gamma: 1}) }, "penalty.1 was none and is R2;"},
		"objective":             {func(r *run) { r.c.Objective = gan.Wasserstein{} }, "objective was hinge and is wasserstein"},
		"generator_every":       {func(r *run) { r.c.GeneratorEvery = 1 }, "generator_every was 2 and is 1"},
		"clip_weights":          {func(r *run) { r.c.ClipWeights = 1 }, "clip_weights was 0 and is 1"},
		"ema_half_life":         {func(r *run) { r.c.EMAHalfLife = 31 }, "ema_half_life was 30 and is 31"},
		"fresh_latent":          {func(r *run) { r.c.FreshLatent = true }, "fresh_latent was false and is true"},
		"seed":                  {func(r *run) { r.c.Seed = 8 }, "seed was 7 and is 8"},
		"slope":                 {func(r *run) { r.g = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.1), nn.Linear(8, 784), nn.Tanh()) }, "generator.network.layers.1.slope was 0.2 and is 0.1"},
		"generator.network":     {func(r *run) { r.g = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 784), nn.Tanh()) }, "generator.network.layers.1 was LeakyReLU and is ReLU"},
		"discriminator.network": {func(r *run) { nn.Freeze(r.d.(nn.Parent).Children()[0].Module, true) }, ""},
		"data.batch":            {func(r *run) { r.source = loader(36, 7, datasets.Seed(3)) }, "data.batch was 8 and is 7"},
		"data.seed":             {func(r *run) { r.source = loader(40, 8, datasets.Seed(4)) }, "data.seed was 3 and is 4"},
		"data": {func(r *run) {
			r.source = func() gan.Source { return datasets.NewLoader(images.Subset(1, 41), 8, datasets.Seed(3)) }
		}, "data.digest was "},
		"data.samples":            {func(r *run) { r.source = loader(39, 8, datasets.Seed(3)) }, "data.samples was 40 and is 39"},
		"data.order":              {func(r *run) { r.source = loader(40, 8, datasets.InOrder()) }, "data.order was shuffled and is"},
		"data.drop_last":          {func(r *run) { r.source = loader(40, 8, datasets.Seed(3), datasets.DropLast()) }, "data.drop_last was false and is true"},
		"another source entirely": {func(r *run) { r.source = func() gan.Source { return &noise{batches: 5, size: 8, features: 784} } }, "data.batch was 8 and is none"},
	} {
		t.Run(allow, func(t *testing.T) {
			r := base()
			c.change(&r)
			trainer := start(r)
			before := stateOf(t, trainer)
			err := trainer.Resume(path, gan.WithSource(r.source()))
			if c.want == "" {
				require.Error(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
			require.ErrorIs(t, err, gan.ErrCheckpoint)
			same(t, before, stateOf(t, trainer))
			if strings.HasPrefix(allow, "data") || allow == "another source entirely" { // Fit compares, too
				require.NoError(t, trainer.Resume(path))
				before = stateOf(t, trainer)
				_, err = trainer.Fit(context.Background(), r.source(), gan.Steps(4))
				require.ErrorContains(t, err, c.want)
				same(t, before, stateOf(t, trainer))
			}
			var e *gan.SettingsError
			if errors.As(err, &e) && allow != "penalty.1" && allow != "discriminator.network" { // whose states do not fit
				allowed := []string{allow}
				if strings.HasPrefix(allow, "data") || allow == "another source entirely" {
					allowed = []string{"data"}
				}
				require.NoError(t, trainer.Resume(path, gan.WithSource(r.source()), gan.Allow(allowed...)))
				_, err = trainer.Fit(context.Background(), r.source(), gan.Steps(4))
				require.NoError(t, err)
			}
		})
	}
	// What stands for no setting would allow nothing, silently.
	typo := start(base())
	before := stateOf(t, typo)
	for _, name := range []string{"optimizer.rl", "", "lr ", "generator.lr", "data.btach"} {
		err := typo.Resume(path, gan.WithSource(base().source()), gan.Allow("lr", name))
		require.ErrorIs(t, err, gan.ErrConfig, name)
		require.ErrorContains(t, err, fmt.Sprintf("no setting is called %q", name))
		require.ErrorContains(t, err, "data.batch, ")
		require.ErrorContains(t, err, "generator.network, generator.optimizer, ")
		same(t, before, stateOf(t, typo))
	}
	require.NoError(t, typo.Resume(path, gan.Allow("data.digest")), "of the data, nothing is known yet")

	// An epoch that has had more batches than there are now is over.
	fewer := base()
	fewer.source = loader(40, 20, datasets.Seed(3))
	short := start(fewer)
	require.NoError(t, short.Resume(path, gan.WithSource(fewer.source()), gan.Allow("data.batch", "data.batches")))
	at, ends := short.Steps(), []int(nil)
	require.Greater(t, at, 2)
	_, err = short.Fit(context.Background(), fewer.source(), gan.Steps(at+3), gan.On(gan.Hook{Epoch: func(e gan.EpochInfo) error {
		ends = append(ends, e.Steps)
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, []int{at, at + 2, at + 3}, ends)
	require.NoError(t, short.Resume(path))
	_, err = short.Fit(context.Background(), fewer.source(), gan.Steps(at+3))
	require.ErrorContains(t, err, "but the source has 2; give the same data")

	same1 := start(base())
	require.NoError(t, same1.Resume(path, gan.WithSource(base().source())), "nothing has changed")
}

// A Fit that does not begin leaves what the data must be: the next one is refused
// other data as the first was.
func TestResumeRemembersDataUntilItTrains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	source := func(seed uint64) datasets.Synthetic {
		return datasets.Synthetic{From: datasets.Ring(), Batch: 4, PerEpoch: 5, Seed: seed}
	}
	start := func() *gan.Trainer {
		trainer, err := gan.New(nn.Linear(3, 2), nn.Linear(2, 1), gan.Config{Latent: 3, Seed: 1})
		require.NoError(t, err)
		return trainer
	}
	first := start()
	_, err := first.Fit(context.Background(), source(1), gan.Steps(2))
	require.NoError(t, err)
	require.NoError(t, first.Checkpoint(path))
	refused := errors.New("refused")
	for what, hook := range map[string]gan.Hook{
		"a hook does not start":      {Start: func(gan.Run) error { return refused }},
		"a hook takes back no state": {State: gan.State{Name: "mine", Save: func() any { return 1 }, Restore: func([]byte) error { return refused }}},
	} {
		second := start()
		require.NoError(t, second.Resume(path))
		_, err := second.Fit(context.Background(), source(1), gan.Steps(2), gan.On(hook))
		require.ErrorIs(t, err, refused, what)
		_, err = second.Fit(context.Background(), source(2), gan.Steps(3))
		require.ErrorAs(t, err, new(*gan.SettingsError), what)
		require.Equal(t, 2, second.Steps(), what)
		_, err = second.Fit(context.Background(), source(1), gan.Steps(3))
		require.NoError(t, err, what)
	}
}

// Layers of a program's own that do not describe themselves: what they compute with is
// compared all the same, wherever in them it is kept.
type (
	ownSlope float64
	ownBends struct {
		slopes []float64
		limits
		at [2]int
	}
	limits struct{ low, high float64 }
)

func (s ownSlope) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.LeakyReLU(x, float64(s))
}

func (b *ownBends) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Scale(autograd.Clamp(x, b.low, b.high), b.slopes[b.at[0]])
}

func TestResumeComparesOwnLayers(t *testing.T) {
	with := func(layer nn.Module) *gan.Trainer {
		trainer, err := gan.New(nn.Sequential(nn.Linear(2, 2), layer), nn.Linear(2, 1), gan.Config{Latent: 2})
		require.NoError(t, err)
		return trainer
	}
	bends := func() *ownBends { return &ownBends{[]float64{1, 2}, limits{-1, 1}, [2]int{1, 0}} }
	for want, layers := range map[string][2]nn.Module{
		"generator.network.1.value was 0.2 and is 0.3":          {ownSlope(0.2), ownSlope(0.3)},
		`generator.network.1.slopes was "[1 2]" and is "[1 3]"`: {bends(), &ownBends{[]float64{1, 3}, limits{-1, 1}, [2]int{1, 0}}},
		"generator.network.1.high was 1 and is 2":               {bends(), &ownBends{[]float64{1, 2}, limits{-1, 2}, [2]int{1, 0}}},
		`generator.network.1.at was "[1 0]" and is "[0 0]"`:     {bends(), &ownBends{[]float64{1, 2}, limits{-1, 1}, [2]int{0, 0}}},
	} {
		var b bytes.Buffer
		require.NoError(t, with(layers[0]).WriteCheckpoint(&b))
		file := b.Bytes()
		require.NoError(t, with(layers[0]).ReadCheckpoint(bytes.NewReader(file)), want)
		require.ErrorContains(t, with(layers[1]).ReadCheckpoint(bytes.NewReader(file)), want)
	}
}
