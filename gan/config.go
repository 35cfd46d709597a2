package gan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Config says how to train.
type Config struct {
	// Latent is the number of inputs of the generator, which are drawn from the
	// standard normal distribution. It has no default.
	Latent int
	// Classes are the names of the classes that samples have, in the order of their
	// numbers, if the networks are to know them: the condition of a sample is then
	// the one-hot of its class. Both networks need a layer that reads it, such as
	// nn.ConcatCondition, and the source must yield it, as a datasets.Loader with
	// datasets.Conditions does.
	Classes []string
	// Condition is how many numbers the condition of a sample has, if that is not a
	// class: any vector that is known of the real samples and asked for in generated
	// ones. 0 means the number of Classes, or no condition if there are none.
	Condition int
	// SampleShape is the shape of one sample, without the batch, if the generator
	// makes it in another: {1, 28, 28} for grey images that it makes as rows of 784
	// numbers. Nil means as it makes them. Training and samples do not depend on it;
	// [Generator.SampleShape] tells those who draw or store samples, also from a
	// file.
	SampleShape []int
	// Objective is the game; nil means [NonSaturating].
	Objective Objective
	// Optimizer updates both networks; nil means Adam with a rate of 2e-4 and
	// betas 0.5 and 0.999 (Radford et al., "Unsupervised representation
	// learning with deep convolutional generative adversarial networks", 2016). An
	// optim.Adam{LR: 1e-3} without Betas has those of its own paper, 0.9 and 0.999,
	// and a momentum of 0.9 is a lot for a game: set them, too.
	Optimizer optim.Method
	// GeneratorOptimizer and DiscriminatorOptimizer replace Optimizer for one
	// network.
	GeneratorOptimizer, DiscriminatorOptimizer optim.Method
	// Penalties are added to the discriminator's loss.
	Penalties []Penalty
	// AllowMixing allows Penalties for a discriminator that mixes the samples of
	// a batch, such as one with nn.MinibatchStdDev, as StyleGAN2 has them. By
	// default [New] refuses the two together, also if a module that does not say
	// that it mixes is found to do so. A penalty then sees, as the gradient at a
	// sample, the gradient of the sum of the batch's outputs by it: with what the
	// sample contributes to the outputs for the others. Real and generated
	// samples are batches of their own.
	AllowMixing bool
	// Group, if it is not nil, joins processes that train as one: each gets its part
	// of every batch from its source (datasets.Shard), and N processes with a batch
	// of B/N each train what one does with a batch of B. [Trainer.Fit] takes over the
	// state of process 0, compares all settings and, every 100 steps, the networks; it
	// ends for all after the same step. Hooks that write belong to process 0. Layers
	// and objectives that mix the samples of a batch are refused. Layers that draw
	// random numbers draw others in each process. Losses are those of the whole
	// batch; the samples, scores and terms of a [StepInfo] are those of this process.
	// Another number of processes may go on from a checkpoint: with other bits, and
	// with other random numbers of layers.
	Group Group
	// GeneratorEvery is the number of the discriminator's steps for one of the
	// generator's ("n_critic"); 0 means 1. Schedules of the generator's optimizer count
	// the generator's steps, which are so many times fewer than the run's.
	GeneratorEvery int
	// FreshLatent makes the generator's step draw latent vectors of its own. The
	// default continues from the samples that the discriminator has just seen,
	// which saves a pass.
	FreshLatent bool
	// ClipWeights holds every weight of the discriminator within ±ClipWeights
	// after each of its steps (Arjovsky et al., 2017); 0 means not to.
	ClipWeights float64
	// EMAHalfLife, if above 0, makes samples come from an exponential moving
	// average of the generator's weights. It is the half-life in generator steps;
	// early on, a tenth of the steps done so far is used instead.
	EMAHalfLife float64
	// Seed settles every random number of the run: the first weights of
	// networks that have none yet, and the latent vectors.
	Seed uint64
	// DType is that of networks that have no weights yet. The zero value is
	// Float32.
	DType tensor.DType
	// Device computes: both networks are moved there, each batch is copied there,
	// and optimizer states and samples live there. Nil means the device of the
	// generator's weights, or [tensor.CPU] if it has none yet.
	Device *tensor.Device
}

// ErrConfig is wrapped by the errors of [New].
var ErrConfig = errors.New("this cannot be trained")

// check says what can be known to be wrong before the networks have weights.
func (c Config) check(g, d nn.Module) error {
	switch {
	case isNil(g) || isNil(d):
		return errors.New("a network is nil")
	case c.Latent < 1:
		return fmt.Errorf("Config.Latent is %d; give the generator's number of inputs", c.Latent)
	case c.GeneratorEvery < 0 || !(c.ClipWeights >= 0) || !(c.EMAHalfLife >= 0):
		return errors.New("Config.GeneratorEvery, ClipWeights and EMAHalfLife must not be negative, nor NaN")
	case c.Condition < 0 || c.Condition > maxCondition:
		return fmt.Errorf("Config.Condition is %d; give the numbers in the condition of a sample, up to %d", c.Condition, maxCondition)
	case slices.ContainsFunc(c.Penalties, func(p Penalty) bool { return isNil(p) }):
		return errors.New("one of Config.Penalties is nil")
	}
	for _, p := range c.Penalties {
		if w := p.Weight(0); !possible(w) {
			return fmt.Errorf("the weight of the penalty %s is %g; give a finite one, of 0 or more", excerpt.Name(p.Name()), w)
		}
		if forgotten(p) {
			return fmt.Errorf("the weight of the penalty %s is 0, so that it does nothing; set its Gamma or Lambda, or leave it out", excerpt.Name(p.Name()))
		}
	}
	for _, v := range []any{c.Objective, c.Optimizer, c.GeneratorOptimizer, c.DiscriminatorOptimizer, c.Group} {
		if v != nil && isNil(v) {
			return fmt.Errorf("Config holds a nil %T; leave the field out for its default", v)
		}
	}
	if err := checkShared(g, d); err != nil {
		return err
	}
	if err := checkLength("generator", g); err != nil {
		return err
	}
	if err := checkLength("discriminator", d); err != nil {
		return err
	}
	if err := c.checkCondition(g, d); err != nil {
		return err
	}
	if err := c.checkShapes(g, d); err != nil {
		return err
	}
	if err := c.checkOutput(d); err != nil {
		return err
	}
	return c.checkMixing(d)
}

// checkShared returns an error if a parameter or buffer is both networks', which
// would learn for and against each other.
func checkShared(g, d nn.Module) error {
	names := map[*nn.Param]string{}
	for _, p := range nn.Params(g) {
		names[p.Param] = p.Name
	}
	for _, p := range nn.Params(d) {
		if name, ok := names[p.Param]; ok && (!p.Param.Frozen() || p.Param.Buffer()) {
			return fmt.Errorf("both networks have the parameter that is the generator's %s and the discriminator's %s; build two networks", name, p.Name)
		}
	}
	return nil
}

// maxParams is more numbers than a device has room for, with their gradients and
// an optimizer's state.
const maxParams = 1 << 33

// checkLength returns an error if a network has more than maxParams parameters,
// which nobody can have meant: allocating them would end the process.
func checkLength(name string, m nn.Module) error {
	total := 0.0 // sums of products do not overflow
	for _, p := range nn.Params(m) {
		n := 1.0
		for _, d := range p.Param.Shape() {
			n *= float64(d)
		}
		if total += n; total > maxParams {
			return fmt.Errorf("the %s is too large: with %s%v it has more than %d parameters", name, p.Name, p.Param.Shape(), int64(maxParams))
		}
	}
	return nil
}

// checkShapes runs shapes through both networks, as far as these know them.
func (c Config) checkShapes(g, d nn.Module) error {
	sample, err := nn.OutShape(g, []int{1, c.Latent})
	switch {
	case errors.Is(err, nn.ErrUnknownShape):
		return nil
	case err != nil:
		return fmt.Errorf("the generator does not take Config.Latent = %d inputs: %w", c.Latent, inLayer(g, []int{1, c.Latent}, err))
	}
	out, err := nn.OutShape(d, sample)
	switch {
	case errors.Is(err, nn.ErrUnknownShape):
	case err != nil:
		return fmt.Errorf("the discriminator does not take the generator's samples %v: %w", sample, inLayer(d, sample, err))
	case len(out) != 2 || out[1] != 1:
		return fmt.Errorf("the discriminator makes %v of one sample; it must make [1 1]", out)
	}
	return nil
}

// inLayer adds to a network's error about an input's shape which of its layers that is.
func inLayer(m nn.Module, in []int, err error) error {
	return place{}.refusing(m, in).add(err)
}

// checkOutput compares what the discriminator ends in with what the objective
// takes its output for.
func (c Config) checkOutput(d nn.Module) error {
	o := c.objective()
	switch last, known := lastKind(d); {
	case !known:
	case o.Output() == Probabilities && last != "Sigmoid":
		return fmt.Errorf("the objective %q wants probabilities, but the discriminator ends in %s; add a Sigmoid, or choose NonSaturating", o.Name(), last)
	case o.Output() == Logits && last == "Sigmoid":
		return fmt.Errorf("the objective %q wants logits, but the discriminator ends in Sigmoid; drop it, or choose Classic", o.Name())
	}
	return nil
}

// device returns Device or its default.
func (c Config) device(g nn.Module) *tensor.Device {
	switch {
	case c.Device != nil:
		return c.Device
	case nn.Ready(g) && len(nn.Params(g)) > 0:
		return nn.Params(g)[0].Param.Value().Device()
	}
	return tensor.CPU()
}

// objective returns Objective or its default.
func (c Config) objective() Objective {
	if c.Objective == nil {
		return NonSaturating{}
	}
	return c.Objective
}

// optimizers returns the generator's method and the discriminator's.
func (c Config) optimizers() (g, d optim.Method) {
	either := func(m optim.Method) optim.Method {
		switch {
		case m != nil:
			return m
		case c.Optimizer != nil:
			return c.Optimizer
		}
		return optim.Adam{LR: 2e-4, Betas: [2]float64{0.5, 0.999}}
	}
	return either(c.GeneratorOptimizer), either(c.DiscriminatorOptimizer)
}

// lastKind returns the kind of the module that makes a network's output.
func lastKind(m nn.Module) (kind string, known bool) {
	if c, ok := m.(nn.Chain); ok {
		parts := c.Children()
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
