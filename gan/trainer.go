package gan

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Config says how to train.
type Config struct {
	// Latent is the number of inputs of the generator, which are drawn from the
	// standard normal distribution. It has no default.
	Latent int
	// Objective is the game; nil means [NonSaturating].
	Objective Objective
	// Optimizer updates both networks; nil means Adam with a rate of 2e-4 and
	// betas 0.5 and 0.999 (Radford et al., "Unsupervised representation
	// learning with deep convolutional generative adversarial networks", 2016).
	Optimizer optim.Method
	// GeneratorOptimizer and DiscriminatorOptimizer replace Optimizer for one
	// network.
	GeneratorOptimizer, DiscriminatorOptimizer optim.Method
	// Penalties are added to the discriminator's loss.
	Penalties []Penalty
	// GeneratorEvery is the number of the discriminator's steps for one of the
	// generator's ("n_critic"); 0 means 1.
	GeneratorEvery int
	// FreshLatent makes the generator's step draw latent vectors of its own. The
	// default goes on from the samples that the discriminator has just seen,
	// which saves a pass.
	FreshLatent bool
	// ClipWeights holds every weight of the discriminator within ±ClipWeights
	// after each of its steps (Arjovsky et al., 2017); 0 means not to.
	ClipWeights float64
	// EMAHalfLife, in the generator's steps, makes samples come from an
	// exponential moving average of its weights, in which a value's weight
	// halves every so many steps, a tenth of the run while that is less; 0
	// means from the weights themselves.
	EMAHalfLife float64
	// Seed settles every random number of the run: the first weights of
	// networks that have none yet, and the latent vectors.
	Seed uint64
	// DType is that of networks that have no weights yet. The zero value is
	// Float32.
	DType tensor.DType
}

// ErrConfig is wrapped by the errors of [New].
var ErrConfig = errors.New("this cannot be trained")

// Trainer trains a generator against a discriminator. Its methods are meant for
// one goroutine, but for [Trainer.Sample] and [Trainer.Generator], which any
// number of others may call meanwhile.
type Trainer struct {
	g, d           nn.Module
	objective      Objective
	penalties      []Penalty
	latentSize     int
	generatorEvery int
	freshLatent    bool
	exact          *exactStep // nil: the general path
	joint          bool       // the discriminator sees real and fake samples in one batch
	clip           float64

	gOptimizer, dOptimizer *optim.Optimizer
	methods                [2]string  // their names, the generator's first
	ema                    *optim.EMA // nil: none
	gParams, dParams       []*nn.Param
	gLeaves, dLeaves       []*autograd.Var
	grads                  []*tensor.Tensor // reused by values

	dtype  tensor.DType
	device *tensor.Device
	latent *tensor.Stream // of the latent vectors
	random *tensor.Stream // of whatever else a step draws
	scope  *tensor.Scope

	updates nn.Updates // of the networks' buffers, by the passes of a step

	steps    int      // done in all
	position position // in the data

	mu       sync.Mutex // held while the generator's weights change or are copied
	snapshot *Generator // the copy of the newest weights, if one was asked for
}

// New prepares the training of generator g, from [n, latent] to samples,
// against discriminator d, from samples to [n, 1]. Networks without weights get
// them from the seed; others keep theirs, so that training can go on. The error
// wraps [ErrConfig] and says what does not fit.
func New(g, d nn.Module, c Config) (*Trainer, error) {
	bad := func(format string, args ...any) (*Trainer, error) {
		return nil, fmt.Errorf("gan: %w: %s", ErrConfig, fmt.Sprintf(format, args...))
	}
	if g == nil || d == nil {
		return bad("a network is nil")
	}
	if c.Latent < 1 {
		return bad("Config.Latent is %d; give the generator's number of inputs", c.Latent)
	}
	if c.Objective == nil {
		c.Objective = NonSaturating{}
	}
	if c.GeneratorEvery < 0 || c.ClipWeights < 0 || c.EMAHalfLife < 0 {
		return bad("Config.GeneratorEvery, ClipWeights and EMAHalfLife must not be negative")
	}
	if err := fits(g, d, c); err != nil {
		return bad("%v", err)
	}
	if !nn.Ready(g) {
		nn.Init(g, c.Seed, c.DType)
	}
	if !nn.Ready(d) {
		nn.Init(d, ^c.Seed, c.DType) // another seed, so that the two do not start alike
	}
	t := &Trainer{
		g: g, d: d,
		objective: c.Objective, penalties: c.Penalties, latentSize: c.Latent,
		generatorEvery: max(c.GeneratorEvery, 1), freshLatent: c.FreshLatent, clip: c.ClipWeights,
		latent: tensor.NewStream(c.Seed, "latent"),
		random: tensor.NewStream(c.Seed, "step"),
		scope:  tensor.NewScope(),
	}
	mixes, known := nn.MixesBatch(d)
	if mixes && len(c.Penalties) > 0 {
		return bad("the penalty %q is per sample, but the discriminator mixes the samples of a batch, so that no sample has a gradient of its own; use a layer, group or instance norm instead of a batch norm", c.Penalties[0].Name())
	}
	t.joint = known && !mixes && len(c.Penalties) == 0
	t.gParams, t.dParams = trainable(g), trainable(d)
	t.exact = newExactStep(d, c.Penalties, t.dParams)
	if len(t.gParams) == 0 || len(t.dParams) == 0 {
		return bad("a network has no parameters to train; are they frozen?")
	}
	gParams, dParams := paramValues(t.gParams), paramValues(t.dParams)
	t.dtype, t.device = gParams[0].DType(), gParams[0].Device()
	for _, p := range append(gParams, dParams...) {
		if p.DType() != t.dtype || p.Device() != t.device {
			return bad("the networks' parameters are %v on %v and %v on %v; they must agree", t.dtype, t.device, p.DType(), p.Device())
		}
	}
	t.gLeaves, t.dLeaves = leaves(t.gParams), leaves(t.dParams)
	either := func(m optim.Method) optim.Method {
		switch {
		case m != nil:
			return m
		case c.Optimizer != nil:
			return c.Optimizer
		}
		return optim.Adam{LR: 2e-4, Betas: [2]float64{0.5, 0.999}}
	}
	gMethod, dMethod := either(c.GeneratorOptimizer), either(c.DiscriminatorOptimizer)
	t.methods = [2]string{gMethod.Name(), dMethod.Name()}
	err := tensor.Catch(func() {
		t.gOptimizer, t.dOptimizer = optim.New(gMethod, gParams), optim.New(dMethod, dParams)
		if c.EMAHalfLife != 0 {
			t.ema = optim.NewEMAHalfLife(gParams, c.EMAHalfLife)
		}
	})
	if err != nil {
		return bad("%v", err)
	}
	return t, nil
}

// fits checks what can be known before the first pass.
func fits(g, d nn.Module, c Config) error {
	sample, err := nn.OutShape(g, []int{1, c.Latent})
	if errors.Is(err, nn.ErrUnknownShape) {
		sample, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("the generator does not take Config.Latent = %d inputs: %w", c.Latent, err)
	}
	if sample != nil {
		out, err := nn.OutShape(d, sample)
		switch {
		case errors.Is(err, nn.ErrUnknownShape):
		case err != nil:
			return fmt.Errorf("the discriminator does not take the generator's samples %v: %w", sample, err)
		case len(out) != 2 || out[1] != 1:
			return fmt.Errorf("the discriminator makes %v of one sample; it must make [1 1]", out)
		}
	}
	switch last, known := lastKind(d); {
	case !known:
	case c.Objective.Output() == Probabilities && last != "Sigmoid":
		return fmt.Errorf("the objective %q wants probabilities, but the discriminator ends in %s; add a Sigmoid, or choose NonSaturating", c.Objective.Name(), last)
	case c.Objective.Output() == Logits && last == "Sigmoid":
		return fmt.Errorf("the objective %q wants logits, but the discriminator ends in Sigmoid; drop it, or choose Classic", c.Objective.Name())
	}
	return nil
}

// lastKind returns the kind of the module that makes a network's output.
func lastKind(m nn.Module) (kind string, known bool) {
	if p, ok := m.(nn.Parent); ok {
		parts := p.Children()
		if len(parts) == 0 {
			return "", false
		}
		return lastKind(parts[len(parts)-1].Module)
	}
	if d, ok := m.(nn.Describer); ok {
		kind, _ = d.Describe()
		return kind, true
	}
	return "", false
}

// trainable returns the parameters that are not frozen.
func trainable(m nn.Module) []*nn.Param {
	var out []*nn.Param
	for _, p := range nn.Params(m) {
		if !p.Param.Frozen() {
			out = append(out, p.Param)
		}
	}
	return out
}

func paramValues(ps []*nn.Param) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(ps))
	for i, p := range ps {
		out[i] = p.Value()
	}
	return out
}

func leaves(ps []*nn.Param) []*autograd.Var {
	out := make([]*autograd.Var, len(ps))
	for i, p := range ps {
		out[i] = p.Leaf()
	}
	return out
}

// values unwraps gradients into a slice that the next call overwrites.
func (t *Trainer) values(vs []*autograd.Var) []*tensor.Tensor {
	t.grads = t.grads[:0]
	for _, v := range vs {
		t.grads = append(t.grads, v.Value())
	}
	return t.grads
}

// updateGenerator changes the generator's weights, and the buffers that go with
// them, while nobody copies them.
func (t *Trainer) updateGenerator(grads []*autograd.Var) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gOptimizer.Step(t.values(grads))
	if t.ema != nil {
		t.ema.Update()
	}
	t.updates.Apply()
	t.snapshot = nil
}

// updateBuffers makes the changes that the step's passes have asked for.
func (t *Trainer) updateBuffers() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.updates.Apply()
	t.snapshot = nil
}

// clipWeights holds the discriminator's weights within ±clip.
func (t *Trainer) clipWeights() {
	if t.clip == 0 {
		return
	}
	for _, p := range t.dParams {
		v := p.Value()
		v.CopyFrom(tensor.Clamp(t.scope.Adopt(v), -t.clip, t.clip))
	}
}

// Step does one step on real samples [n, …] of the trainer's dtype: the
// discriminator's update, then the generator's. [Trainer.Fit] is made of such
// steps. The error is a [NonFiniteError], or a [tensor.Misuse] where the
// samples do not fit the networks.
func (t *Trainer) Step(real *tensor.Tensor) (Losses, error) {
	defer t.scope.Close()
	r, err := t.guarded(real, nil)
	return r.losses, err
}

// StepWith is [Trainer.Step] with given latent vectors [n, latent] in place of
// the trainer's own, from which only [Config.FreshLatent] draws then.
func (t *Trainer) StepWith(real, latent *tensor.Tensor) (Losses, error) {
	defer t.scope.Close()
	r, err := t.guarded(real, latent)
	return r.losses, err
}

// drawLatent draws n latent vectors into the step's scope.
func (t *Trainer) drawLatent(n int) *tensor.Tensor {
	z := t.scope.Empty(t.device, t.dtype, n, t.latentSize)
	t.latent.NormalInto(z)
	return z
}

// guarded does a step, with latent vectors of the trainer's own sequence where
// none are given. A step that fails draws no random numbers and changes no
// buffers, so that a checkpoint leads to the same step again.
func (t *Trainer) guarded(real, latent *tensor.Tensor) (r stepResult, err error) {
	before, randomBefore := *t.latent, *t.random
	misuse := tensor.Catch(func() {
		if z := latent; z != nil {
			r = t.step(t.scope.Adopt(real), t.scope.Adopt(z))
		} else {
			r = t.step(t.scope.Adopt(real), t.drawLatent(real.Dim(0)))
		}
	})
	switch {
	case misuse != nil:
		err = fmt.Errorf("gan: step %d: %w", t.steps+1, misuse)
	case r.failed != "":
		err = &NonFiniteError{Step: t.steps + 1, Network: r.failed, Losses: r.losses}
	default:
		t.steps++
		return r, nil
	}
	*t.latent, *t.random = before, randomBefore
	t.updates.Discard()
	return r, err
}

// NonFiniteError says that a loss became NaN or infinite. The update that it
// would have gone into was not made.
type NonFiniteError struct {
	Step    int    // counted from 1
	Network string // "discriminator" or "generator": whose loss it was
	Losses  Losses // Generator is 0 where the discriminator's came first
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("gan: step %d: the %s's loss is not finite (real %g, fake %g, penalty %g, generator %g); try a smaller learning rate",
		e.Step, e.Network, e.Losses.Real, e.Losses.Fake, e.Losses.Penalty, e.Losses.Generator)
}

// Steps returns the number of steps done, over all calls and resumed runs.
func (t *Trainer) Steps() int { return t.steps }

// Generator returns the generator as it is between two steps: a copy that
// training does not change. It may be called from any goroutine.
func (t *Trainer) Generator() *Generator {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.snapshot == nil {
		t.snapshot = &Generator{net: t.g, weights: t.newestWeights(), latent: t.latentSize, dtype: t.dtype, device: t.device}
	}
	return t.snapshot
}

// newestWeights copies the weights to sample with: the averages, where they are
// kept.
func (t *Trainer) newestWeights() *nn.Weights {
	if t.ema == nil {
		return nn.Snapshot(t.g)
	}
	averages := map[*nn.Param]*tensor.Tensor{}
	for i, v := range t.ema.Values() {
		averages[t.gParams[i]] = v
	}
	return nn.SnapshotWith(t.g, averages)
}

// Sample draws n samples [n, …] from the generator as it is between two steps.
// The same weights and seed give the same samples. It may be called from any
// goroutine. It panics with a [tensor.ShapeError] on a negative n.
func (t *Trainer) Sample(n int, seed uint64) *tensor.Tensor { return t.Generator().Sample(n, seed) }

// Discriminator returns the network itself; do not run it while training.
func (t *Trainer) Discriminator() nn.Module { return t.d }
