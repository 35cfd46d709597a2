package gan

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Trainer trains a generator against a discriminator. Any number of goroutines
// may call [Trainer.Sample], [Trainer.Generator] and [Trainer.Checkpoint] at the
// same time. Only one may train: [Trainer.Fit], [Trainer.Step] and
// [Trainer.Resume] return [ErrBusy] while one of them is under way.
type Trainer struct {
	game     *game
	position position       // in the data
	settings settings       // of the configuration and the networks
	data     *dataset       // what training saw last; nil: nothing yet
	memory   map[string]any // what hooks remember of the last step, by the names of their states
	resumed  bool           // since the last Fit
	before   *resumable     // what the data of the next Fit must be; nil: anything

	busy    atomic.Bool // something trains
	telling atomic.Bool // hooks with a state are told of a step
	mu      sync.Mutex  // held while a step changes the state, or a checkpoint copies it
}

// ErrBusy is returned by the methods of a [Trainer] that train, while one of them
// is under way: on another goroutine, or around the hook that has made the call.
var ErrBusy = errors.New("gan: the trainer is training already")

// New prepares the training of generator g, from [n, latent] to samples,
// against discriminator d, from samples to [n, 1]. Networks without weights get
// them from the seed; others keep theirs, so that training can continue. The error
// wraps [ErrConfig] and says what does not fit.
func New(g, d nn.Module, c Config) (*Trainer, error) {
	game, err := newGame(g, d, c)
	if err != nil {
		return nil, fmt.Errorf("gan: %w: %w", ErrConfig, err)
	}
	return &Trainer{game: game, settings: settingsOf(g, d, c, game)}, nil
}

// Step does one step on a batch of real samples of the trainer's dtype, Batch{X: x},
// with their condition if the networks read one: the discriminator's update, then the
// generator's. [Trainer.Fit] is made of such steps. The error is a [NonFiniteError], a
// [tensor.Misuse] if the samples do not fit the networks, or a [tensor.DeviceFailure].
// A step that fails in either half leaves everything as it was: networks, optimizers,
// averages and random numbers.
func (t *Trainer) Step(real Batch) (Losses, error) { return t.step(real, nil) }

// StepWith is [Trainer.Step] with given latent vectors [n, latent], one for each real
// sample, in place of the trainer's own, from which only [Config.FreshLatent] draws then.
func (t *Trainer) StepWith(real Batch, latent *tensor.Tensor) (Losses, error) {
	return t.step(real, latent)
}

func (t *Trainer) step(real Batch, latent *tensor.Tensor) (Losses, error) {
	if !t.busy.CompareAndSwap(false, true) {
		return Losses{}, ErrBusy
	}
	defer t.busy.Store(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.game.scope.Close()
	if p := t.game.peers; p != nil {
		if err := p.meet(batchSize(real), goOn, !t.game.journal.current(t.game)); err != nil {
			return Losses{}, fmt.Errorf("gan: %w", err)
		}
	}
	r, err := t.game.attempt(real, latent)
	if err == nil {
		t.memory = nil // hooks do not know of this step
	}
	return r.losses, err
}

// Steps returns the number of steps done, over all calls and resumed runs.
func (t *Trainer) Steps() int { return t.game.steps }

// Generator returns the generator as it is between two steps: a copy that
// training does not change. It may be called from any goroutine.
func (t *Trainer) Generator() *Generator { return t.game.copied() }

// Sample draws n samples [n, …] from the generator as it is between two steps.
// The same weights and seed give the same samples. It may be called from any
// goroutine. It panics as [Generator.Sample] does.
func (t *Trainer) Sample(n int, seed uint64) *tensor.Tensor { return t.Generator().Sample(n, seed) }

// Device returns where training takes place.
func (t *Trainer) Device() *tensor.Device { return t.game.device }

// Discriminator returns the network itself; do not run it while training.
func (t *Trainer) Discriminator() nn.Module { return t.game.discriminator }

// Networks returns the two networks themselves, whose weights are those of the last
// step and not averages. Do not run them while training: a hook may, and whoever
// works beside it has to copy the weights first ([nn.Snapshot]), in a hook.
func (t *Trainer) Networks() (generator, discriminator nn.Module) {
	return t.game.generator, t.game.discriminator
}

// Settings returns what the trainer was made with, by the names that [Allow] knows:
//
//	objective               relativistic
//	generator.optimizer.lr  0.002
//
// A number that is [optim.Zero] is called Zero.
func (t *Trainer) Settings() map[string]string {
	out := make(map[string]string, len(t.settings))
	for name, value := range t.settings {
		out[name] = shown(value)
	}
	return out
}
