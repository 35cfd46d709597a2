package gan

import (
	"fmt"
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
// are counted from 1, over the whole run. Its error ends training. After panics with a
// [tensor.ArgumentError] if a function is nil.
func After(due func(step int) bool, do func(*Trainer) error) Hook {
	if due == nil || do == nil {
		panic(noFunction("After"))
	}
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

// noFunction is the error of a hook that was given none.
func noFunction(op string) error {
	return &tensor.ArgumentError{Op: op, Problem: "a function is nil", Fix: "give each, such as Every(100)"}
}

// SaveNetworks returns a hook that writes generator.safetensors and
// discriminator.safetensors into a folder after each epoch, in place of the
// epoch before. Training waits for that, some ten milliseconds: if epochs are of a few
// steps, [Generator.Save] in the end, or [Checkpoints], which are written beside training,
// cost less. The folder is made if need be. Training does not start if a network
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
