package gan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/diagnose"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// talkative returns hooks that have something to say in many steps: about measurements,
// and, without a state, about losses and epochs.
func talkative(every int) []gan.Hook {
	var rules []diagnose.Rule
	for n := range 50 {
		rules = append(rules, diagnose.Rule{Name: fmt.Sprint(n), Find: func(r diagnose.Record) string {
			if len(r.Measurements) != n {
				return ""
			}
			m := r.Measurements[n-1]
			return fmt.Sprintf("after measurement %d: %v %v %v %v", n, m.Losses, m.FakeScores, m.Generator, r.Measurements[0].RealDistance)
		}})
	}
	var run gan.Run
	return []gan.Hook{diagnose.Hook(diagnose.Options{Every: every, Rules: rules}), {
		Start: func(r gan.Run) error { run = r; return nil },
		Step: func(s *gan.StepInfo) error {
			if s.Step%2 == 1 {
				run.Note(fmt.Sprint("a loss is ", s.Losses.Real))
			}
			return nil
		},
		Epoch: func(e gan.EpochInfo) error {
			if !e.Partial {
				run.Note(fmt.Sprint("an epoch is over, ", e.Epoch))
			}
			return nil
		},
	}}
}

// sum is a hook that remembers the sum of the numbers of all steps.
type sum struct {
	value, started int
	restored       []string
	refuses        error
}

func (s *sum) hook(name string) gan.Hook {
	return gan.Hook{
		Start: func(gan.Run) error { s.started = s.value; return nil },
		Step:  func(i *gan.StepInfo) error { s.value += i.Step; return nil },
		State: gan.State{
			Name: name,
			Save: func() any { return s.value },
			Restore: func(state []byte) error {
				s.restored, s.value = append(s.restored, string(state)), 0
				if state == nil || s.refuses != nil {
					return s.refuses
				}
				return json.Unmarshal(state, &s.value)
			},
		},
	}
}

// upTo is 1 + 2 + … + n.
func upTo(n int) int { return n * (n + 1) / 2 }

// states returns what a checkpoint holds of hooks, and its step.
func states(t testing.TB, path string) (step int, of map[string]json.RawMessage) {
	f, err := safetensors.Load(path)
	require.NoError(t, err)
	var s struct {
		Steps int
		Hooks map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(f.Metadata()["gander.checkpoint"]), &s))
	return s.Steps, s.Hooks
}

// A checkpoint holds what hooks remember after its step, whatever their order, and
// whoever writes it.
func TestHookState(t *testing.T) {
	source := tinyNoise(4)
	for _, order := range []string{"first", "last"} {
		dir := t.TempDir()
		var a, b sum
		own := gan.After(gan.Every(5), func(tr *gan.Trainer) error { return tr.Checkpoint(filepath.Join(dir, fmt.Sprint("own", tr.Steps()))) })
		hooks := []gan.Hook{gan.Checkpoints{Dir: dir, Every: 3, Keep: 9}.Hook(), own, a.hook("sum")}
		if order == "last" {
			hooks = []gan.Hook{a.hook("sum"), own, gan.Checkpoints{Dir: dir, Every: 3, Keep: 9}.Hook()}
		}
		trainer := newTiny(t, gan.Hinge{})
		_, err := trainer.Fit(context.Background(), source, gan.Steps(10), gan.On(hooks...), gan.On(b.hook("sum")))
		require.NoError(t, err)
		checked := 0
		for _, name := range append(stepNames(0, 3, 6, 9, 10), "own5", "own10") {
			step, of := states(t, filepath.Join(dir, name))
			if step > 0 {
				want := json.RawMessage(fmt.Sprint(upTo(step)))
				require.Equal(t, map[string]json.RawMessage{"sum": want, "sum #2": want}, of, name)
				checked++
			} else {
				require.Empty(t, of)
			}
		}
		require.Equal(t, 6, checked)

		// A resumed run goes on with it, a hook that is new starts anew, and what nobody
		// takes is gone.
		var c, fresh sum
		second := newTiny(t, gan.Hinge{})
		require.NoError(t, second.Resume(filepath.Join(dir, stepNames(6)[0])))
		_, err = second.Fit(context.Background(), source, gan.Steps(8), gan.On(fresh.hook("other"), c.hook("sum")))
		require.NoError(t, err)
		require.Equal(t, []string{"21"}, c.restored)
		require.Equal(t, 21, c.started, "before Start")
		require.Equal(t, upTo(8), c.value)
		require.Equal(t, []string{""}, fresh.restored)
		require.Equal(t, 7+8, fresh.value)
		path := filepath.Join(dir, "after")
		require.NoError(t, second.Checkpoint(path))
		_, of := states(t, path)
		require.Equal(t, map[string]json.RawMessage{"other": json.RawMessage("15"), "sum": json.RawMessage("36")}, of)

		// So does the next Fit of the same trainer.
		var d sum
		_, err = second.Fit(context.Background(), source, gan.Steps(9), gan.On(d.hook("sum")))
		require.NoError(t, err)
		require.Equal(t, upTo(9), d.value)
		// But nobody remembers a step of which no hook was told.
		_, err = second.Step(gan.Batch{X: batch(t, source)})
		require.NoError(t, err)
		_, err = second.Fit(context.Background(), source, gan.Steps(11), gan.On(d.hook("sum")))
		require.NoError(t, err)
		require.Equal(t, 11, d.value)
	}
}

// A state that a hook refuses ends a run before anything is written; a checkpoint of
// other hooks does not matter to it.
func TestHookStateRefused(t *testing.T) {
	dir, source := t.TempDir(), tinyNoise(4)
	fit := func(steps int, hooks ...gan.Hook) error {
		trainer := newTiny(t, gan.Hinge{})
		_, err := trainer.ResumeLatest(dir)
		require.True(t, err == nil || errors.Is(err, gan.ErrNoCheckpoint), "%v", err)
		_, err = trainer.Fit(context.Background(), source, gan.Steps(steps), gan.On(gan.Checkpoints{Dir: dir, Every: 3}.Hook(), gan.Log(filepath.Join(dir, "log"))), gan.On(hooks...))
		return err
	}
	var s sum
	require.NoError(t, fit(5, s.hook("my sum")))
	before := files(t, dir)
	s = sum{refuses: errors.New("this is \x1b[31mforeign")}
	err := fit(9, s.hook("my sum"))
	require.ErrorIs(t, err, gan.ErrCheckpoint)
	require.ErrorIs(t, err, s.refuses)
	require.ErrorContains(t, err, `after step 5: this checkpoint does not fit: the state of the hook "my sum": this is \x1b[31mforeign`)
	require.Equal(t, before, files(t, dir))

	// What the library's own hooks remember, made wrong in one place.
	file, err := safetensors.Load(filepath.Join(dir, stepNames(5)[0]))
	require.NoError(t, err)
	all := map[string]*tensor.Tensor{}
	for _, name := range file.Names() {
		all[name], err = file.Tensor(name)
		require.NoError(t, err)
	}
	fitWith := func(states map[string]string) error {
		var progress map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(file.Metadata()["gander.checkpoint"]), &progress))
		hooks := map[string]json.RawMessage{}
		for name, state := range states {
			hooks[name] = json.RawMessage(state)
		}
		progress["hooks"], err = json.Marshal(hooks)
		require.NoError(t, err)
		text, err := json.Marshal(progress)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, safetensors.Write(&b, all, map[string]string{"gander.checkpoint": string(text)}))
		trainer := newTiny(t, gan.Hinge{})
		if err := trainer.ReadCheckpoint(&b); err != nil {
			return err
		}
		_, err = trainer.Fit(context.Background(), source, gan.Steps(7), gan.On(gan.Log(filepath.Join(t.TempDir(), "log")), diagnose.Hook(diagnose.Options{})))
		return err
	}
	logState := `{"steps":2,"generator_steps":2,"sums":[1,2,3,4],"lines":1,"tail":[{"step":3,"note":"x"}]}`
	number := "AAAAAAAAAAA=" // one
	three := strings.Repeat("A", 32)
	measurement := func(step, numbers int) string {
		return fmt.Sprintf(`{"step":%d,"numbers":"%s","dead":["",""]}`, step, strings.Repeat(three, numbers/3)+number)
	}
	diagnosis := `{"sums":"` + three + number + `","steps":2,"generator_steps":2,"said":{"swings":3},"record":[` + measurement(2, 22) + `],"pending":[` + measurement(4, 22) + `]}`
	require.NoError(t, fitWith(map[string]string{"diagnose": diagnosis}))
	require.NoError(t, fitWith(map[string]string{"log log": logState, "nobody's": `"x"`}))
	for what, state := range map[string]string{
		"no object": `[]`, "nothing": `null`, "unknown": strings.Replace(logState, `"lines"`, `"linez"`, 1), "negative": strings.Replace(logState, `"steps":2`, `"steps":-2`, 1),
		"too many": strings.Replace(logState, `"generator_steps":2`, `"generator_steps":3`, 1), "lines": strings.Replace(logState, `"lines":1`, `"lines":0`, 1),
		"no line": strings.Replace(logState, `{"step":3,"note":"x"}`, `"x"`, 1), "no step": strings.Replace(logState, `"step":3`, `"step":0`, 1),
		"an epoch": strings.Replace(logState, `"step":3`, `"epoch":1`, 1), "few sums": strings.Replace(logState, `3,4`, `3`, 1),
	} {
		err := fitWith(map[string]string{"log log": state})
		require.ErrorIs(t, err, gan.ErrCheckpoint, what)
		require.ErrorContains(t, err, `the state of the hook "log log": `, what)
	}
	for what, state := range map[string]string{
		"no object": `3`, "empty": `{}`, "bits": `{"sums":"AAAA","steps":0,"generator_steps":0,"said":{},"record":[]}`,
		"few sums": `{"sums":"","steps":0,"generator_steps":0,"said":{},"record":[]}`,
		"order":    strings.Replace(diagnosis, `"step":4`, `"step":2`, 1), "numbers": strings.Replace(diagnosis, three+three, three, 1),
		"two":      strings.Replace(diagnosis, `"pending":[`, `"pending":[`+measurement(3, 22)+`,`, 1),
		"no steps": strings.Replace(diagnosis, `"steps":2`, `"steps":-1`, 1), "never": strings.Replace(diagnosis, `"swings":3`, `"swings":-3`, 1),
		"null": strings.Replace(diagnosis, measurement(2, 22), "null", 1),
		"many": strings.Replace(diagnosis, measurement(2, 22), strings.Repeat(measurement(2, 22)+",", 256)+measurement(2, 22), 1),
	} {
		err := fitWith(map[string]string{"diagnose": state})
		require.ErrorIs(t, err, gan.ErrCheckpoint, what)
		require.ErrorContains(t, err, `the state of the hook "diagnose": `, what)
	}
	err = fitWith(map[string]string{"x": `"` + strings.Repeat("x", 8<<20) + `"`})
	require.ErrorIs(t, err, gan.ErrCheckpoint)
	require.ErrorContains(t, err, "the states of its hooks take more than 8388608 bytes")
}

// What is wrong with a hook's state is an error, and none waits for itself.
func TestHookStateMisuse(t *testing.T) {
	source, path := tinyNoise(4), filepath.Join(t.TempDir(), "checkpoint")
	for _, s := range []gan.State{
		{Name: "a"}, {Save: func() any { return 1 }}, {Restore: func([]byte) error { return nil }},
		{Name: "\xff", Save: func() any { return 1 }, Restore: func([]byte) error { return nil }},
	} {
		_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), source, gan.On(gan.Hook{State: s}))
		require.ErrorIs(t, err, gan.ErrConfig)
	}
	for want, save := range map[string]func() any{
		"unsupported type: func()":  func() any { return func() {} },
		"the limit is 8388608":      func() any { return strings.Repeat("x", 8<<20) },
		"json: error calling Marsh": func() any { return json.RawMessage("{") },
	} {
		trainer := newTiny(t, gan.Hinge{})
		_, err := trainer.Fit(context.Background(), source, gan.On(gan.Hook{State: gan.State{Name: "a", Save: save, Restore: func([]byte) error { return nil }}}))
		require.NoError(t, err)
		require.ErrorContains(t, trainer.Checkpoint(path), want)
		require.NoFileExists(t, path)
	}
	var s sum
	h := s.hook("a")
	var trainer *gan.Trainer
	var within func(calls int) error // of one another
	within = func(calls int) error {
		if calls == 0 {
			return trainer.Checkpoint(path)
		}
		return within(calls - 1)
	}
	for _, calls := range []int{0, 1000} {
		h.Step = func(*gan.StepInfo) error { return within(calls) }
		trainer = newTiny(t, gan.Hinge{})
		_, err := trainer.Fit(context.Background(), source, gan.On(h))
		require.ErrorContains(t, err, "in its Step, where its state is not complete")
		require.NoFileExists(t, path)
	}
}

// A hook with a state may write a checkpoint of another trainer, and waits for its step.
func TestHookStateOfAnother(t *testing.T) {
	within, leave := make(chan struct{}), make(chan struct{})
	other := newTiny(t, &mishap{once: true, next: func(fake *autograd.Var) *autograd.Var {
		close(within)
		<-leave
		return autograd.Neg(fake)
	}})
	var others sync.WaitGroup
	others.Go(func() {
		_, err := other.Step(gan.Batch{X: batch(t, tinyNoise(1))})
		assert.NoError(t, err)
	})
	<-within
	var s sum
	h := s.hook("a")
	h.Step = func(*gan.StepInfo) error {
		time.AfterFunc(20*time.Millisecond, func() { close(leave) }) // most likely while the hook waits
		return other.WriteCheckpoint(io.Discard)
	}
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(2), gan.Steps(1), gan.On(h))
	require.NoError(t, err)
	others.Wait()
}

// Other goroutines write checkpoints at any time, and find the state of their step.
func TestHookStateOfAnyMoment(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	dir := t.TempDir()
	var s sum
	var run gan.Run
	done := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				path := filepath.Join(dir, fmt.Sprint(w))
				if err := trainer.Checkpoint(path); err != nil {
					t.Error(err)
					return
				}
				if step, of := states(t, path); step > 0 && string(of["sum"]) != fmt.Sprint(upTo(step)) {
					t.Errorf("after step %d it holds %s", step, of["sum"])
				}
			}
		}()
	}
	_, err := trainer.Fit(context.Background(), tinyNoise(7), gan.Steps(400), gan.On(s.hook("sum"), gan.Log(filepath.Join(dir, "log"), gan.LogSteps(3)),
		diagnose.Hook(diagnose.Options{Every: 4}), gan.Hook{
			Start: func(r gan.Run) error { run = r; return nil },
			Step:  func(*gan.StepInfo) error { run.Note("another step"); return nil },
		}))
	close(done)
	writers.Wait()
	require.NoError(t, err)
	require.Equal(t, upTo(400), s.value)
}

// A log has all lines of a run that was not killed, also if the file lacks some or is
// gone; only times are not known then.
func TestLogAfterAKill(t *testing.T) {
	source := tinyNoise(40)
	whole := filepath.Join(t.TempDir(), "log")
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), source, gan.Steps(100), gan.On(talkative(4)...), gan.On(gan.Log(whole, gan.LogSteps(3))))
	require.NoError(t, err)
	for what, damage := range map[string]func(path string) error{
		"is ahead": func(string) error { return nil },
		"is gone":  os.Remove,
		"is behind": func(path string) error {
			b, err := os.ReadFile(path)
			lines := strings.SplitAfter(string(b), "\n")
			return errors.Join(err, os.WriteFile(path, []byte(strings.Join(lines[:len(lines)/3], "")), 0o644))
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path, checkpoint := filepath.Join(dir, "log"), filepath.Join(dir, stepNames(53)[0])
			_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), source, gan.Steps(77), gan.On(gan.Checkpoints{Dir: dir, Every: 53}.Hook()), gan.On(talkative(4)...), gan.On(gan.Log(path, gan.LogSteps(3))))
			require.NoError(t, err)
			require.NoError(t, damage(path))
			for range 2 { // the second time, from what the first has made of it
				second := newTiny(t, gan.Hinge{})
				require.NoError(t, second.Resume(checkpoint))
				_, err = second.Fit(context.Background(), source, gan.Steps(100), gan.On(talkative(4)...), gan.On(gan.Log(path, gan.LogSteps(3))))
				require.NoError(t, err)
				sameLines(t, withoutTime(t, whole), withoutTime(t, path))
			}
		})
	}
}

// Where the file has a hole, since somebody has taken lines out or it could not be
// written for long, a resumed run adds what comes after its step, once.
func TestLogWithAHole(t *testing.T) {
	source := tinyNoise(40)
	dir := t.TempDir()
	path, checkpoint := filepath.Join(dir, "log"), filepath.Join(dir, stepNames(53)[0])
	fit := func(trainer *gan.Trainer, steps int, more ...gan.Hook) {
		_, err := trainer.Fit(context.Background(), source, gan.Steps(steps), gan.On(more...), gan.On(talkative(4)...), gan.On(gan.Log(path, gan.LogSteps(3))))
		require.NoError(t, err)
	}
	fit(newTiny(t, gan.Hinge{}), 100)
	behind := func(text string) string { return strings.Join(strings.SplitAfter(text, "\n")[10:], "") }
	want := behind(withoutTime(t, path))
	fit(newTiny(t, gan.Hinge{}), 77, gan.Checkpoints{Dir: dir, Every: 53}.Hook())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(behind(string(b))), 0o644))
	resumed := newTiny(t, gan.Hinge{})
	require.NoError(t, resumed.Resume(checkpoint))
	fit(resumed, 100)
	sameLines(t, want, withoutTime(t, path))
}

// Hooks of one name have states of their own, also if one is named as the others are
// told apart.
func TestStatesOfEqualNames(t *testing.T) {
	names := []string{"a", "a #2", "a", "a"}
	sums := func() (all []*sum, hooks []gan.Hook) {
		for k, name := range names {
			all = append(all, &sum{value: 100 * k})
			hooks = append(hooks, all[k].hook(name))
		}
		return all, hooks
	}
	trainer := newTiny(t, gan.Hinge{})
	all, hooks := sums()
	for k, h := range hooks {
		h.Start = func(gan.Run) error { all[k].value = 100 * k; return nil }
		hooks[k] = h
	}
	_, err := trainer.Fit(context.Background(), tinyNoise(7), gan.Steps(4), gan.On(hooks...))
	require.NoError(t, err)
	again, hooks := sums()
	_, err = trainer.Fit(context.Background(), tinyNoise(7), gan.Steps(5), gan.On(hooks...))
	require.NoError(t, err)
	for k, s := range again {
		require.Equal(t, []string{fmt.Sprint(100*k + upTo(4))}, s.restored, "hook %d", k)
	}
}
