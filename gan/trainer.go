package gan

import (
	"fmt"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Trainer trains a generator against a discriminator. Its methods are meant for
// one goroutine, except [Trainer.Sample] and [Trainer.Generator], which any
// number of others may call at the same time.
type Trainer struct {
	game     *game
	position position // in the data
}

// New prepares the training of generator g, from [n, latent] to samples,
// against discriminator d, from samples to [n, 1]. Networks without weights get
// them from the seed; others keep theirs, so that training can continue. The error
// wraps [ErrConfig] and says what does not fit.
func New(g, d nn.Module, c Config) (*Trainer, error) {
	game, err := newGame(g, d, c)
	if err != nil {
		return nil, fmt.Errorf("gan: %w: %w", ErrConfig, err)
	}
	return &Trainer{game: game}, nil
}

// Step does one step on real samples [n, …] of the trainer's dtype: the
// discriminator's update, then the generator's. [Trainer.Fit] is made of such
// steps. The error is a [NonFiniteError], a [tensor.Misuse] if the samples do not
// fit the networks, or a [tensor.DeviceFailure]. A step that fails in either half
// leaves everything as it was: networks, optimizers, averages and random numbers.
func (t *Trainer) Step(real *tensor.Tensor) (Losses, error) {
	defer t.game.scope.Close()
	r, err := t.game.attempt(real, nil)
	return r.losses, err
}

// StepWith is [Trainer.Step] with given latent vectors [n, latent] in place of
// the trainer's own, from which only [Config.FreshLatent] draws then.
func (t *Trainer) StepWith(real, latent *tensor.Tensor) (Losses, error) {
	defer t.game.scope.Close()
	r, err := t.game.attempt(real, latent)
	return r.losses, err
}

// NonFiniteError says that a loss or a gradient became NaN or infinite. It was
// seen before any update was made with it, and what the step had done until then
// was undone.
type NonFiniteError struct {
	Step     int    // counted from 1
	Network  string // "discriminator" or "generator": which one was to be updated
	Gradient bool   // its losses are finite, but an element of its gradient is not
	Losses   Losses // Generator is 0 if the error is the discriminator's
}

func (e *NonFiniteError) Error() string {
	what := "loss"
	if e.Gradient {
		what = "gradient"
	}
	return fmt.Sprintf("gan: step %d: the %s's %s is not finite (losses: real %g, fake %g, penalty %g, generator %g); try a smaller learning rate",
		e.Step, e.Network, what, e.Losses.Real, e.Losses.Fake, e.Losses.Penalty, e.Losses.Generator)
}

// Steps returns the number of steps done, over all calls and resumed runs.
func (t *Trainer) Steps() int { return t.game.steps }

// Generator returns the generator as it is between two steps: a copy that
// training does not change. It may be called from any goroutine.
func (t *Trainer) Generator() *Generator { return t.game.copied() }

// Sample draws n samples [n, …] from the generator as it is between two steps.
// The same weights and seed give the same samples. It may be called from any
// goroutine. It panics with a [tensor.ShapeError] on a negative n.
func (t *Trainer) Sample(n int, seed uint64) *tensor.Tensor { return t.Generator().Sample(n, seed) }

// Device returns where training takes place.
func (t *Trainer) Device() *tensor.Device { return t.game.device }

// Discriminator returns the network itself; do not run it while training.
func (t *Trainer) Discriminator() nn.Module { return t.game.discriminator }
