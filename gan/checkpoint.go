package gan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/strictjson"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// checkpointKey is where a checkpoint's metadata holds what is not a tensor.
const checkpointKey = "gander.checkpoint"

// progressState is the part of a checkpoint that is not tensors: counters, stream
// positions, and the names that Resume compares.
type progressState struct {
	Steps         int       `json:"steps"`
	Batch         int       `json:"batch"` // done in the current epoch
	LatentKey     uint64    `json:"latent_key"`
	LatentCounter uint64    `json:"latent_counter"`
	RandomKey     uint64    `json:"random_key"`
	RandomCounter uint64    `json:"random_counter"`
	Generator     int       `json:"generator_steps"` // among Batch
	Latent        int       `json:"latent"`
	Objective     string    `json:"objective"`
	Penalties     []string  `json:"penalties,omitempty"`
	Optimizers    [2]string `json:"optimizers"` // the generator's, the discriminator's
}

// ErrCheckpoint is wrapped by the error of [Trainer.Resume] if a file does not
// hold a checkpoint of this training.
var ErrCheckpoint = errors.New("this checkpoint does not fit")

// Checkpoint writes everything that training depends on to a safetensors file,
// whole or not at all: both networks, both optimizers' states, the average of
// the weights, the position in the random numbers and in the data, and the mean
// losses so far. [Trainer.Resume] continues from it as if there had been no
// interruption, byte for byte. Call it between steps.
func (t *Trainer) Checkpoint(path string) error {
	return t.writeCheckpoint(func(tensors map[string]*tensor.Tensor, metadata map[string]string) error {
		return safetensors.Save(path, tensors, metadata)
	})
}

// WriteCheckpoint is [Trainer.Checkpoint] to a stream.
func (t *Trainer) WriteCheckpoint(w io.Writer) error {
	return t.writeCheckpoint(func(tensors map[string]*tensor.Tensor, metadata map[string]string) error {
		return safetensors.Write(w, tensors, metadata)
	})
}

// writeCheckpoint calls write with what a checkpoint holds. A device that fails
// meanwhile is an error, too.
func (t *Trainer) writeCheckpoint(write func(tensors map[string]*tensor.Tensor, metadata map[string]string) error) (err error) {
	failure := tensor.Catch(func() {
		var tensors map[string]*tensor.Tensor
		var metadata map[string]string
		if tensors, metadata, err = t.checkpoint(); err == nil {
			err = write(tensors, metadata)
		}
	})
	if err = both(err, failure); err != nil {
		return fmt.Errorf("gan: writing a checkpoint: %w", err)
	}
	return nil
}

// checkpoint returns what a checkpoint's file holds.
func (t *Trainer) checkpoint() (tensors map[string]*tensor.Tensor, metadata map[string]string, err error) {
	tensors = map[string]*tensor.Tensor{}
	for prefix, state := range t.game.parts() {
		for name, value := range state {
			tensors[prefix+name] = value
		}
	}
	tensors[lossesKey] = t.position.losses()
	key, counter := t.game.latent.State()
	randomKey, randomCounter := t.game.random.State()
	meta, err := json.Marshal(progressState{
		Steps: t.game.steps, Batch: t.position.batch, Generator: t.position.generator,
		LatentKey: key, LatentCounter: counter, RandomKey: randomKey, RandomCounter: randomCounter,
		Latent: t.game.latentSize, Objective: t.game.objective.Name(), Penalties: t.game.penaltyNames(), Optimizers: t.game.methods,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("gan: %w", err)
	}
	return tensors, map[string]string{checkpointKey: string(meta)}, nil
}

// parts returns the tensors of a checkpoint by the prefix of their names.
func (g *game) parts() map[string]map[string]*tensor.Tensor {
	out := map[string]map[string]*tensor.Tensor{
		"generator.":               nn.State(g.generator),
		"discriminator.":           nn.State(g.discriminator),
		"optimizer.generator.":     g.gOptimizer.State(),
		"optimizer.discriminator.": g.dOptimizer.State(),
	}
	if g.ema != nil {
		out["ema."] = g.ema.State()
	}
	return out
}

// Resume takes up training where [Trainer.Checkpoint] left it. The trainer must
// have been made from the same networks and the same configuration. A file that
// is damaged or does not fit is refused, with an error that wraps
// [ErrCheckpoint] in the latter case, and the trainer stays as it was.
func (t *Trainer) Resume(path string) error {
	f, err := atomicfile.Open(path)
	if err != nil {
		return fmt.Errorf("gan: resuming from %s: %w", path, err)
	}
	defer f.Close()
	return t.resume(path, f)
}

// ReadCheckpoint is [Trainer.Resume] from a stream, which ends where the
// checkpoint ends.
func (t *Trainer) ReadCheckpoint(r io.Reader) error { return t.resume("a stream", r) }

func (t *Trainer) resume(from string, r io.Reader) error {
	f, err := safetensors.NewReader(r)
	if err != nil {
		return fmt.Errorf("gan: resuming from %s: %w", from, err)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("gan: resuming from %s: %w: %w", from, ErrCheckpoint, excerpt.Error(fmt.Errorf(format, args...)))
	}
	var p progressState
	meta, ok := f.Metadata()[checkpointKey]
	if !ok {
		return bad("its metadata does not hold %q", checkpointKey)
	}
	if err := strictjson.Unmarshal([]byte(meta), &p); err != nil { // it may come from a later version
		return bad("its metadata %q: %w", checkpointKey, err)
	}
	switch {
	case p.Objective != t.game.objective.Name():
		return bad("it was made with the objective %q, this is %q", p.Objective, t.game.objective.Name())
	case p.Latent != t.game.latentSize:
		return bad("its generator has %d inputs, this one %d", p.Latent, t.game.latentSize)
	case !slices.Equal(p.Penalties, t.game.penaltyNames()):
		return bad("its penalties are %q, these %q", p.Penalties, t.game.penaltyNames())
	case p.Optimizers != t.game.methods:
		return bad("its optimizers are %q, these %q", p.Optimizers, t.game.methods)
	case p.Steps < 0 || p.Batch < 0 || p.Generator < 0 || p.Generator > p.Batch:
		return bad("it counts %d steps, and %d of the generator's in %d batches", p.Steps, p.Generator, p.Batch)
	}
	states := map[string]map[string]*tensor.Tensor{}
	for prefix := range t.game.parts() {
		states[prefix] = map[string]*tensor.Tensor{}
	}
	at, found := position{batch: p.Batch, generator: p.Generator}, false
	values, err := f.Tensors()
	if err != nil {
		return fmt.Errorf("gan: resuming from %s: %w", from, err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if name == lossesKey {
			if found = at.setLosses(value); !found {
				return bad("its losses have shape %v, not [epochs + 1, 4]", value.Shape())
			}
			continue
		}
		part := ""
		for prefix := range states {
			if strings.HasPrefix(name, prefix) {
				part = prefix
			}
		}
		if part == "" {
			return bad("there is no place for its tensor %s", excerpt.Quote(name))
		}
		states[part][strings.TrimPrefix(name, part)] = value
	}
	if !found {
		return bad("its losses are missing")
	}

	// Everything is read. What can still go wrong is undone.
	t.game.mu.Lock()
	defer t.game.mu.Unlock()
	before := map[string]map[string]*tensor.Tensor{}
	for prefix, state := range t.game.parts() {
		before[prefix] = map[string]*tensor.Tensor{}
		for name, value := range state {
			before[prefix][name] = value.Clone()
		}
	}
	if err := t.game.restore(states); err != nil {
		if undo := t.game.restore(before); undo != nil {
			return fmt.Errorf("gan: resuming from %s: %w; going back failed too: %w", from, err, undo)
		}
		return bad("%w", err)
	}
	t.game.steps, t.position = p.Steps, at
	t.game.latent = tensor.StreamAt(p.LatentKey, p.LatentCounter)
	t.game.random = tensor.StreamAt(p.RandomKey, p.RandomCounter)
	t.game.copy = nil
	return nil
}

func (g *game) penaltyNames() (names []string) {
	for _, p := range g.penalties {
		names = append(names, p.Name())
	}
	return names
}

// lossesKey names the tensor of a position's losses.
const lossesKey = "losses"

// losses returns a row of four for each epoch done, and one for the sums of the
// current epoch.
func (p *position) losses() *tensor.Tensor {
	var rows []float64
	for _, l := range append(slices.Clone(p.past), p.sums) {
		rows = append(rows, l.Real, l.Fake, l.Penalty, l.Generator)
	}
	return tensor.FromFloat64(rows, len(p.past)+1, 4)
}

// setLosses takes over what losses returned, and reports whether it could.
func (p *position) setLosses(t *tensor.Tensor) bool {
	if t.Rank() != 2 || t.Dim(0) < 1 || t.Dim(1) != 4 {
		return false
	}
	for row := range slices.Chunk(t.Float64s(), 4) {
		p.past = append(p.past, Losses{row[0], row[1], row[2], row[3]})
	}
	last := len(p.past) - 1
	p.past, p.sums = p.past[:last], p.past[last]
	return true
}

// restore copies the parts of a checkpoint into place.
func (g *game) restore(states map[string]map[string]*tensor.Tensor) error {
	for _, part := range []struct {
		name string
		load func(map[string]*tensor.Tensor) error
	}{
		{"generator.", func(s map[string]*tensor.Tensor) error { return nn.LoadState(g.generator, s) }},
		{"discriminator.", func(s map[string]*tensor.Tensor) error { return nn.LoadState(g.discriminator, s) }},
		{"optimizer.generator.", g.gOptimizer.Restore},
		{"optimizer.discriminator.", g.dOptimizer.Restore},
		{"ema.", func(s map[string]*tensor.Tensor) error {
			if g.ema == nil {
				return nil
			}
			return g.ema.Restore(s)
		}},
	} {
		if err := part.load(states[part.name]); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSuffix(part.name, "."), err)
		}
	}
	return nil
}

// SaveCheckpoint returns a hook that writes a checkpoint when training ends,
// however it ends.
func SaveCheckpoint(path string) Hook {
	var t *Trainer
	return Hook{
		Start: func(r Run) error {
			t = r.Trainer
			return writable(filepath.Dir(path))
		},
		End: func(*Report) error { return t.Checkpoint(path) },
	}
}
