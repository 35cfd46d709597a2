package gan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

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

// SaveSamples returns a hook that writes n samples of one seed after each
// epoch, as epoch-0001.png and so on, into a folder, which is made if need be.
// The same latent vectors every time show how their images change. If the generator
// has classes, they come in the order of their numbers, over and over: with as many
// columns as classes, each column shows one. A grid that does not fit the samples is
// an error before the first step, and so are conditions that are vectors. An image
// that cannot be written is a [Warning].
func SaveSamples(dir string, n int, seed uint64, g ImageGrid) Hook {
	var t *Trainer
	draw := func() (*tensor.Tensor, error) {
		from := t.Generator()
		r := Request{N: n, Seed: seed}
		if k := len(from.classes); k > 0 {
			for i := range n {
				r.Labels = append(r.Labels, i%k)
			}
		}
		return from.Draw(context.Background(), r)
	}
	return Hook{
		Start: func(r Run) error {
			t = r.Trainer
			samples, err := draw()
			if err == nil {
				_, err = g.Image(samples)
			}
			if err != nil {
				return fmt.Errorf("SaveSamples: %w", err)
			}
			return writable(dir)
		},
		Epoch: func(e EpochInfo) error {
			samples, err := draw()
			if err != nil {
				return err
			}
			if err := writable(dir); err != nil { // somebody may have removed it
				return Warning(err)
			}
			return Warning(g.WritePNG(filepath.Join(dir, fmt.Sprintf("epoch-%04d.png", e.Epoch)), samples))
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

// logLine is one line of the log.
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

// Log returns a hook that keeps a log of the epochs' mean losses, one JSON
// object per line:
//
//	{"epoch":1,"steps":157,"discriminator_loss":0.51,…,"seconds":1.2}
//
// The file is replaced after each epoch, so it is whole at any time. A resumed
// run goes on with the lines of the epochs before; those that the file lacks are
// made from the checkpoint, which does not know how long they took.
//
// A log that cannot be written is a [Warning]: it is whole again as soon as it
// can.
func Log(path string) Hook {
	var lines [][]byte
	return Hook{
		Start: func(r Run) error {
			if err := writable(filepath.Dir(path)); err != nil {
				return err
			}
			lines = nil
			there := oldLines(path)
			for i, e := range r.past {
				line, err := lineOf(EpochInfo{Epoch: i + 1, Steps: e.steps, Losses: e.losses})
				if err != nil {
					return err
				}
				if old := there[i+1]; bytes.HasPrefix(old, line[:len(line)-len(`0}`)]) {
					line = old
				}
				lines = append(lines, line)
			}
			return nil
		},
		Epoch: func(e EpochInfo) error {
			line, err := lineOf(e)
			if err != nil {
				return err
			}
			lines = append(lines, line)
			return Warning(atomicfile.Write(path, func(w io.Writer) error {
				for _, line := range lines {
					if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
						return err
					}
				}
				return nil
			}))
		},
	}
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

// oldLines returns the lines of a log that are whole epochs, by their numbers.
func oldLines(path string) map[int][]byte {
	out := map[int][]byte{}
	f, err := atomicfile.Open(path)
	if err != nil {
		return out // nothing to keep
	}
	defer f.Close()
	old, err := io.ReadAll(f)
	if err != nil {
		return out
	}
	for line := range bytes.Lines(old) {
		var l logLine
		if json.Unmarshal(line, &l) == nil && !l.Partial {
			out[l.Epoch] = bytes.TrimSpace(line)
		}
	}
	return out
}
