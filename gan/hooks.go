package gan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Every returns a function that is true of each nth step. It panics with a
// [tensor.ArgumentError] if n is less than 1.
func Every(n int) func(step int) bool {
	if n < 1 {
		panic(&tensor.ArgumentError{Op: "Every", Problem: fmt.Sprintf("every %d steps", n), Fix: "give 1 or more"})
	}
	return func(step int) bool { return step%n == 0 }
}

// After returns a hook that calls do after each step of which due is true; steps
// are counted from 1, over the whole run. Its error ends training.
func After(due func(step int) bool, do func(*Trainer) error) Hook {
	var t *Trainer
	return Hook{
		Start: func(r Run) error {
			t = r.Trainer
			return nil
		},
		Step: func(s *StepInfo) error {
			if !due(s.Step) {
				return nil
			}
			return do(t)
		},
	}
}

// SaveNetworks returns a hook that writes generator.safetensors and
// discriminator.safetensors into a folder after each epoch, in place of the
// epoch before. The folder is made if need be. Training does not start if a network
// could not be loaded again, because a layer does not describe itself ([nn.Encode]).
// Networks that cannot be written are a [Warning], and at the end of training an
// error.
func SaveNetworks(dir string) Hook {
	var t *Trainer
	saved := true
	save := func() error {
		saved = false
		if err := writable(dir); err != nil { // somebody may have removed it
			return err
		}
		if err := t.Generator().Save(filepath.Join(dir, "generator.safetensors")); err != nil {
			return err
		}
		if err := nn.Save(filepath.Join(dir, "discriminator.safetensors"), t.Discriminator(), t.game.notes(t.Steps())); err != nil {
			return err
		}
		saved = true
		return nil
	}
	return Hook{
		Start: func(r Run) error {
			t, saved = r.Trainer, true
			for _, m := range []nn.Module{t.game.generator, t.game.discriminator} {
				if _, err := nn.Encode(m); err != nil {
					return fmt.Errorf("gan: a network could not be loaded from the file that it is saved to: %w", err)
				}
			}
			return writable(dir)
		},
		Epoch: func(EpochInfo) error { return Warning(save()) },
		End: func(*Report) error {
			if saved {
				return nil
			}
			return save()
		},
	}
}

// writable sees to a folder, so that training does not start in vain.
func writable(dir string) error {
	if err := atomicfile.Writable(dir); err != nil {
		return fmt.Errorf("gan: %w", err)
	}
	return nil
}

// logLine is an epoch's line of the log.
type logLine struct {
	Epoch         int     `json:"epoch"`
	Steps         int     `json:"steps"`
	Discriminator float64 `json:"discriminator_loss"`
	Real          float64 `json:"discriminator_loss_real"`
	Fake          float64 `json:"discriminator_loss_fake"`
	Penalty       float64 `json:"discriminator_penalty,omitempty"`
	Generator     float64 `json:"generator_loss"`
	Seconds       float64 `json:"seconds"`
	Partial       bool    `json:"partial,omitempty"`
}

// stepLine is a step's line, and noteLine that of a sentence about the run.
type (
	stepLine struct {
		Step              int     `json:"step"`
		Epoch             int     `json:"epoch"`
		Discriminator     float64 `json:"discriminator_loss"` // means over the steps since the last such line
		Real              float64 `json:"discriminator_loss_real"`
		Fake              float64 `json:"discriminator_loss_fake"`
		Penalty           float64 `json:"discriminator_penalty,omitempty"`
		Generator         float64 `json:"generator_loss"`
		GeneratorNorm     float64 `json:"generator_gradient_norm"` // of this step
		DiscriminatorNorm float64 `json:"discriminator_gradient_norm"`
		PerSecond         float64 `json:"steps_per_second"`
	}
	noteLine struct {
		Step int    `json:"step"`
		Note string `json:"note"`
	}
)

// LogOption changes how [Log] works.
type LogOption func(*logConfig)

type logConfig struct{ every int }

// LogSteps adds a line after every n steps, with means over them:
//
//	{"step":100,"epoch":1,"discriminator_loss":0.51,…,"steps_per_second":66.2}
//
// It panics with a [tensor.ArgumentError] if n is less than 1.
func LogSteps(n int) LogOption {
	if n < 1 {
		panic(&tensor.ArgumentError{Op: "LogSteps", Problem: fmt.Sprintf("every %d steps", n), Fix: "give 1 or more"})
	}
	return func(c *logConfig) { c.every = n }
}

// Log returns a hook that keeps a log of the epochs' mean losses, one JSON
// object per line:
//
//	{"epoch":1,"steps":157,"discriminator_loss":0.51,…,"seconds":1.2}
//
// and, with [LogSteps], of steps. What hooks tell by [Run.Note] has lines of its
// own, {"step":600,"note":"…"}.
//
// The file is replaced after each epoch, and once in a while in a long one, so it is
// whole at any time. A resumed run goes on with the lines of the time before; those
// of epochs that the file lacks are made from the checkpoint, which does not know
// how long they took.
//
// A log that cannot be written is a [Warning]: it is whole again as soon as it
// can.
func Log(path string, options ...LogOption) Hook {
	var c logConfig
	for _, option := range options {
		option(&c)
	}
	l := &log{path: path}
	var sums position // over the steps since the last line
	return Hook{
		Start: func(r Run) error {
			if err := writable(filepath.Dir(path)); err != nil {
				return err
			}
			sums, l.changed, l.over = position{}, time.Time{}, false
			steps := 0
			if r.Trainer != nil { // it is nil in a test of a hook
				steps = r.Trainer.Steps()
			}
			return l.restore(r.past, steps)
		},
		Step: func(s *StepInfo) error {
			sums.add(s.Losses, s.result.g.terms != nil, math.MaxInt, s.Step)
			if c.every > 0 && s.Step%c.every == 0 {
				m := sums.means()
				sums = position{}
				ofG, ofD := s.GradNorms()
				line := stepLine{s.Step, s.Epoch, m.Discriminator(), m.Real, m.Fake, m.Penalty, m.Generator,
					ofG, ofD, s.PerSecond}
				if err := l.add(s.Step, line); err != nil {
					return err
				}
			}
			return l.keep()
		},
		Note: func(step int, sentence string) {
			l.add(step, noteLine{step, sentence}) // of strings and integers: no error
			if l.over {
				l.write() // a hook that ends after this one; if it fails, nobody listens any more
			}
		},
		Epoch: func(e EpochInfo) error {
			line, err := lineOf(e)
			if err != nil {
				return err
			}
			l.lines = append(l.lines, entry{e.Steps, line})
			return l.write()
		},
		End: func(*Report) error {
			l.over = true
			return l.keepNow()
		},
	}
}

// log is what the file of [Log] holds, or will.
type log struct {
	path    string
	lines   []entry
	changed time.Time     // when the first line was added since the file was last written; zero: none was
	took    time.Duration // to write the file last
	over    bool          // the run has ended
}

// entry is a line of the log, and the number of steps that were done then.
type entry struct {
	steps int
	line  []byte
}

// add adds a line to those that the file will hold.
func (l *log) add(steps int, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("gan: %w", err)
	}
	l.lines = append(l.lines, entry{steps, line})
	if l.changed.IsZero() {
		l.changed = time.Now()
	}
	return nil
}

// keep writes the file if it lacks lines for a while: a second, or more if the file
// is so large that writing it then took more than a fiftieth of the time.
func (l *log) keep() error {
	if l.changed.IsZero() || time.Since(l.changed) < max(time.Second, 50*l.took) {
		return nil
	}
	return l.write()
}

// keepNow writes the file if it lacks lines.
func (l *log) keepNow() error {
	if l.changed.IsZero() {
		return nil
	}
	return l.write()
}

// write replaces the file.
func (l *log) write() error {
	start := time.Now()
	err := atomicfile.Write(l.path, func(w io.Writer) error {
		for _, e := range l.lines {
			if _, err := fmt.Fprintf(w, "%s\n", e.line); err != nil {
				return err
			}
		}
		return nil
	})
	l.took = time.Since(start)
	l.changed = time.Time{}
	if err != nil {
		l.took = max(l.took, time.Second) // so that new lines wait a while
	}
	return Warning(err)
}

// restore takes over what the file tells of a run that has done some steps, of
// which past are whole epochs.
func (l *log) restore(past []pastEpoch, steps int) error {
	l.lines = nil
	epochs, others := oldLines(l.path)
	for i, e := range past {
		line, err := lineOf(EpochInfo{Epoch: i + 1, Steps: e.steps, Losses: e.losses})
		if err != nil {
			return err
		}
		if old := epochs[i+1]; bytes.HasPrefix(old, line[:len(line)-len(`0}`)]) {
			line = old
		}
		for len(others) > 0 && others[0].steps <= min(e.steps, steps) {
			l.lines, others = append(l.lines, others[0]), others[1:]
		}
		l.lines = append(l.lines, entry{e.steps, line})
	}
	for _, o := range others {
		if o.steps <= steps {
			l.lines = append(l.lines, o)
		}
	}
	return nil
}

// lineOf returns an epoch's line, which ends in its duration unless the epoch is
// not whole.
func lineOf(e EpochInfo) ([]byte, error) {
	l := e.Losses
	line, err := json.Marshal(logLine{e.Epoch, e.Steps, l.Discriminator(), l.Real, l.Fake, l.Penalty, l.Generator, e.Time.Seconds(), e.Partial})
	if err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	return line, nil
}

// oldLines returns a log's lines of whole epochs, by their numbers, and those of
// steps.
func oldLines(path string) (epochs map[int][]byte, others []entry) {
	epochs = map[int][]byte{}
	f, err := atomicfile.Open(path)
	if err != nil {
		return epochs, nil // nothing to keep
	}
	defer f.Close()
	old, err := io.ReadAll(f)
	if err != nil {
		return epochs, nil
	}
	for line := range bytes.Lines(old) {
		var l struct {
			logLine
			Step int `json:"step"`
		}
		switch {
		case json.Unmarshal(line, &l) != nil || l.Partial:
		case l.Step > 0:
			others = append(others, entry{l.Step, bytes.TrimSpace(line)})
		default:
			epochs[l.Epoch] = bytes.TrimSpace(line)
		}
	}
	return epochs, others
}
