package gan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Every returns a function that is true of each nth step. It panics with a [tensor.ArgumentError] if n is less
// than 1.
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
// discriminator.safetensors into a folder after each epoch, in place of the epoch
// before. The folder is made if need be. Training does not start if a network
// could not be loaded again, because a layer does not describe itself ([nn.Encode]).
func SaveNetworks(dir string) Hook {
	var t *Trainer
	return Hook{
		Start: func(r Run) error {
			t = r.Trainer
			for _, m := range []nn.Module{t.game.generator, t.game.discriminator} {
				if _, err := nn.Encode(m); err != nil {
					return fmt.Errorf("gan: a network could not be loaded from the file that it is saved to: %w", err)
				}
			}
			return writable(dir)
		},
		Epoch: func(EpochInfo) error {
			if err := t.Generator().Save(filepath.Join(dir, "generator.safetensors")); err != nil {
				return err
			}
			return nn.Save(filepath.Join(dir, "discriminator.safetensors"), t.Discriminator(), nil)
		},
	}
}

// SaveSamples returns a hook that writes n samples of one seed after each
// epoch, as epoch-0001.png and so on, into a folder, which is made if
// necessary. The same latent vectors every time show how their images change.
func SaveSamples(dir string, n int, seed uint64, g ImageGrid) Hook {
	var t *Trainer
	return Hook{
		Start: func(r Run) error {
			t = r.Trainer
			return writable(dir)
		},
		Epoch: func(e EpochInfo) error {
			return g.WritePNG(filepath.Join(dir, fmt.Sprintf("epoch-%04d.png", e.Epoch)), t.Sample(n, seed))
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
// run keeps the lines of the epochs before.
func Log(path string) Hook {
	var lines [][]byte
	return Hook{
		Start: func(r Run) error {
			lines = nil
			if err := writable(filepath.Dir(path)); err != nil {
				return err
			}
			f, err := atomicfile.Open(path)
			if err != nil {
				return nil // nothing to keep
			}
			defer f.Close()
			old, err := io.ReadAll(f)
			if err != nil {
				return nil
			}
			for line := range bytes.Lines(old) {
				var l logLine
				if json.Unmarshal(line, &l) == nil && l.Epoch <= len(r.Past) && !l.Partial {
					lines = append(lines, bytes.TrimSpace(line))
				}
			}
			return nil
		},
		Epoch: func(e EpochInfo) error {
			l := e.Losses
			line, err := json.Marshal(logLine{e.Epoch, e.Steps, l.Discriminator(), l.Real, l.Fake, l.Penalty, l.Generator, e.Time.Seconds(), e.Partial})
			if err != nil {
				return fmt.Errorf("gan: %w", err)
			}
			lines = append(lines, line)
			return atomicfile.Write(path, func(w io.Writer) error {
				for _, line := range lines {
					if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}
