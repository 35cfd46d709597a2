package gan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// game is everything that one step reads and changes: the two networks, what
// they minimise, how they are updated, and the random numbers they draw. It
// knows nothing of data, epochs, hooks and files.
type game struct {
	generator, discriminator nn.Module
	objective                Objective
	penalties                []Penalty
	strategy                 strategy // computes the discriminator's gradient
	latentSize               int
	condition                int      // numbers in that of a sample; 0: there is none
	classes                  []string // of which the condition is the one-hot; nil: it is a vector, or none
	sample                   []int    // shape of one; nil: not known
	generatorEvery           int
	freshLatent              bool
	clip                     float64 // 0: none

	gParams                []*nn.Param // those that are not frozen
	gLeaves, dLeaves       []*autograd.Var
	gOptimizer, dOptimizer *optim.Optimizer
	methods                [2]string  // the optimizers' names, the generator's first
	ema                    *optim.EMA // nil: none

	dtype   tensor.DType
	device  *tensor.Device
	latent  *tensor.Stream // of the latent vectors
	random  *tensor.Stream // of whatever else a step draws
	scope   *tensor.Scope  // of one step
	updates nn.Updates     // of the networks' buffers, asked for by the passes of a step

	steps int    // done in all
	seed  string // that all random numbers have come from

	keepsSeen bool
	seen      *tensor.Tensor   // the condition of the last batch, if averages need one to be settled
	values    []*tensor.Tensor // of all of the networks' parameters and buffers, the generator's first
	journal   journal
	peers     *peers  // the other processes; nil: there are none
	touched   touched // by the current step
	torn      error   // why the weights may be those of no step; nil: they are not
	replaying bool    // the step was done before

	mu     sync.Mutex // held while what samples are made of changes or is copied
	made   int        // the step that the generator's weights are of
	counts []int      // of the data's samples of each class; nil: not known
	copy   *Generator // of the newest weights, if one was asked for
}

// touched is what a step has begun to change, and has to undo if it fails.
type touched uint8

const (
	untouched touched = iota
	discriminatorTouched
	generatorTouched
)

// newGame checks what can be checked before the first step, and gives networks
// without weights theirs.
func newGame(g, d nn.Module, c Config) (*game, error) {
	if err := c.check(g, d); err != nil {
		return nil, err
	}
	sample, err := sampleShape(g, c.Latent, c.SampleShape)
	if err != nil {
		return nil, fmt.Errorf("Config.SampleShape: %w", err)
	}
	device := c.device(g)
	if err := tensor.Catch(func() {
		for k, m := range []nn.Module{g, d} {
			if nn.Ready(m) {
				nn.To(m, device)
			} else {
				nn.Init(m, []uint64{c.Seed, ^c.Seed}[k], c.DType, device) // two seeds, so that they do not start alike
			}
		}
	}); err != nil {
		return nil, err
	}
	out := &game{
		generator: g, discriminator: d,
		objective: c.objective(), penalties: c.Penalties, latentSize: c.Latent, sample: sample,
		condition: c.condition(), classes: slices.Clone(c.Classes),
		generatorEvery: max(c.GeneratorEvery, 1), freshLatent: c.FreshLatent, clip: c.ClipWeights,
		gParams: trainable(g), gLeaves: nn.Leaves(g), dLeaves: nn.Leaves(d),
		latent: tensor.NewStream(c.Seed, "latent"),
		random: tensor.NewStream(c.Seed, "step"),
		seed:   strconv.FormatUint(c.Seed, 10),
		scope:  tensor.NewScope(),
	}
	for i, leaves := range [...][]*autograd.Var{out.gLeaves, out.dLeaves} {
		if len(leaves) == 0 {
			return nil, fmt.Errorf("the %s has no parameters to train; give a module of your own the method Params or Children, and thaw what nn.Freeze has frozen", [...]string{"generator", "discriminator"}[i])
		}
	}
	gValues, dValues := autograd.Values(out.gLeaves), autograd.Values(out.dLeaves)
	out.dtype, out.device = gValues[0].DType(), device
	for _, p := range append(gValues, dValues...) {
		if p.DType() != out.dtype {
			return nil, fmt.Errorf("the networks' parameters are %v and %v; they must agree", out.dtype, p.DType())
		}
	}
	if err := c.tryMixing(g, d); err != nil {
		return nil, err
	}
	if err := c.checkGroup(g, d, out.dtype); err != nil {
		return nil, err
	}
	out.peers = newPeers(c)
	for _, p := range append(nn.Params(g), nn.Params(d)...) {
		out.values = append(out.values, p.Param.Value())
	}
	out.strategy = newStrategy(d, c.Penalties, trainable(d))
	gMethod, dMethod := c.optimizers()
	out.methods = [2]string{gMethod.Name(), dMethod.Name()}
	err = tensor.Catch(func() {
		out.gOptimizer, out.dOptimizer = optim.New(gMethod, gValues), optim.New(dMethod, dValues)
		if c.EMAHalfLife != 0 {
			out.ema = optim.NewEMAHalfLife(gValues, c.EMAHalfLife)
		}
	})
	out.keepsSeen = out.condition > 0 && out.classes == nil && out.ema != nil && hasBuffers(g)
	if err == nil {
		err = device.Sync() // what was queued may have failed
	}
	return out, err
}

// trainable returns the parameters that are not frozen.
func trainable(m nn.Module) (out []*nn.Param) {
	for _, p := range nn.Params(m) {
		if !p.Param.Frozen() {
			out = append(out, p.Param)
		}
	}
	return out
}

// attempt does a step on a batch of real samples, with latent vectors of the game's own
// sequence if none are given. A step that fails leaves everything as it was before, so
// that a checkpoint leads to the same step again.
func (g *game) attempt(b Batch, latent *tensor.Tensor) (r result, err error) {
	fail := func(err error) error { return fmt.Errorf("gan: step %d: %w", g.steps+1, err) }
	if err = g.checkBatch(b); err == nil {
		err = g.checkLatent(b, latent)
	}
	if err != nil {
		if g.peers != nil {
			g.peers.withdraw(g)
		}
		return r, fail(err)
	}
	latentBefore, randomBefore := *g.latent, *g.random
	g.touched = untouched
	done := false
	defer func() {
		if done {
			return
		}
		if g.peers != nil && r.err == nil && r.failed == "" {
			g.peers.withdraw(g)
		}
		// The step has failed, or a network panics.
		*g.latent, *g.random = latentBefore, randomBefore
		g.updates.Discard()
		if g.touched == untouched {
			late := lostWork(err)
			if late == nil || g.journal.sound {
				g.journal.forget() // a device may have failed while it was written
				return
			}
			if g.peers != nil || !g.journal.current(g) { // the others have not failed; or there is no way back
				g.tear(late)
				return
			}
			g.touched = generatorTouched // by the step before, of which something may be lost
		}
		g.scope.Close()
		g.scope.Release() // a device may be out of memory, and going back takes some
		if undo := g.journal.rewind(g); undo != nil {
			g.torn = fmt.Errorf("the last step has failed and could not be undone: %w", undo)
			err = fmt.Errorf("%w; what the step has done to the networks could not be undone: %w", err, undo)
		}
	}()
	var data *DataError
	broken := ""
	rates := [2]float64{g.gOptimizer.LR(), g.dOptimizer.LR()}
	misuse := tensor.Catch(func() {
		g.journal.begin(g, b, latent)
		r = g.stepOn(b, latent)
		r.rates = rates
		switch {
		case r.err != nil:
		case r.failed == "":
			g.journal.done(g, b.X)
		default:
			data, broken = lookForNaN(b), g.brokenWeights()
		}
	})
	switch {
	case misuse != nil:
		return r, fail(g.explain(misuse, b.X))
	case r.err != nil:
		return r, fail(r.err)
	case r.failed != "":
		return r, &NonFiniteError{Step: g.steps + 1, Network: r.failed, Gradient: r.losses.finite(), Losses: r.losses, Weights: broken, Data: data, group: g.peers != nil}
	}
	g.steps++
	g.torn, done = nil, true
	return r, nil
}

// lostWork returns the failure of a device among the causes of an error, if work may be
// lost that was queued before it, the last update for example; or else nil. A lack of
// memory is told at once.
func lostWork(err error) *tensor.DeviceFailure {
	var failure *tensor.DeviceFailure
	if errors.As(err, &failure) && failure.Op != "Alloc" {
		return failure
	}
	return nil
}

// tear notes that a device has failed at work that the weights may depend on.
func (g *game) tear(late *tensor.DeviceFailure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.torn = fmt.Errorf("the device has failed, perhaps at the last update: %w", late)
}

// whole returns why the weights may be those of no step, or nil.
func (g *game) whole() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.torn
}

// explain adds to what a step says of samples that do not fit that their shape or
// their type is not the generator's, if that is so.
func (g *game) explain(misuse error, real *tensor.Tensor) error {
	if real.DType() != g.dtype {
		return fmt.Errorf("the real samples are %v and the networks %v; set datasets.DType or Config.DType: %w", real.DType(), g.dtype, misuse)
	}
	made, err := nn.OutShape(g.generator, []int{1, g.latentSize})
	shape := real.Shape()
	if err != nil || len(shape) == 0 || slices.Equal(made[1:], shape[1:]) {
		return misuse
	}
	made[0] = shape[0]
	fix := "give real samples of the generator's shape"
	switch {
	case len(made) == 4 && len(shape) == 2:
		fix = "keep the shape of the data's images (datasets.KeepShape)"
	case len(made) == 2 && real.Len() == made[0]*made[1]:
		fix = "leave out datasets.KeepShape, or let the generator end in nn.Reshape"
	}
	return fmt.Errorf("the real samples are %v and the generator's %v; %s: %w", shape, made, fix, misuse)
}

// stepOn does a step on samples and latent vectors that may come from elsewhere,
// the latter from the game's own sequence if there are none.
func (g *game) stepOn(b Batch, latent *tensor.Tensor) result {
	if g.peers != nil {
		g.peers.begin(g.steps)
	}
	if latent == nil {
		latent = g.drawLatent(b.X.Dim(0))
	}
	var condition *autograd.Var
	if g.condition != 0 {
		condition = autograd.Const(g.scope.Adopt(b.Condition).To(g.device))
	}
	return g.step(g.scope.Adopt(b.X).To(g.device), condition, g.scope.Adopt(latent).To(g.device))
}

// drawLatent draws n latent vectors into the step's scope.
func (g *game) drawLatent(n int) *tensor.Tensor {
	return g.rows(n, []int{n, g.latentSize}, g.latent, (*tensor.Stream).NormalInto)
}

// training is how a step runs a network, on samples of the condition c. The weights
// of a network that does not learn are not tracked.
func (g *game) training(learns bool, c *autograd.Var) *nn.Ctx {
	random := g.random
	if g.peers != nil {
		random = g.peers.random
	}
	return &nn.Ctx{Train: true, Track: learns, Condition: c, Rand: random, Updates: &g.updates}
}

// judge returns D(x|c), tracked by the discriminator's weights if it learns. New has
// checked the shape only of a discriminator that tells it.
func (g *game) judge(learns bool, x, c *autograd.Var) *autograd.Var {
	d := g.discriminator.Forward(g.training(learns, c), x)
	if in, out := x.Value(), d.Value(); in.Rank() == 0 || out.Rank() != 2 || out.Dim(0) != in.Dim(0) || out.Dim(1) != 1 {
		panic(&tensor.ShapeError{Op: "Trainer.Step", Shapes: [][]int{in.Shape(), out.Shape()},
			Problem: "the discriminator does not make one number of each sample", Fix: "let it make [n, 1] of [n, …]"})
	}
	return d
}

// updateDiscriminator changes the discriminator's weights.
func (g *game) updateDiscriminator(grads []*tensor.Tensor) {
	g.touched = discriminatorTouched
	g.dOptimizer.Step(grads)
	if g.clip != 0 {
		tensor.ClampInto(autograd.Values(g.dLeaves), -g.clip, g.clip)
	}
}

// updateGenerator changes the generator's weights and their average, and then makes the
// changes of buffers that the passes have asked for. Nobody copies the generator
// meanwhile. grads is nil if it is not the generator's turn; c is the condition of the
// step's samples.
func (g *game) updateGenerator(grads []*tensor.Tensor, c *autograd.Var) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.touched = generatorTouched
	if g.keepsSeen {
		g.seen = g.device.New(g.dtype, c.Shape()...) // copies of the generator keep the old one
		g.seen.CopyFrom(c.Value())
	}
	if grads != nil {
		g.gOptimizer.Step(grads)
		if g.ema != nil {
			g.ema.Update()
		}
	}
	g.updates.Apply()
	g.made = g.steps + 1
	if !g.replaying {
		g.copy = nil
	}
}

// copied returns the generator as it is between two steps, with the averages of
// its weights if they are kept. It may be called from any goroutine.
func (g *game) copied() *Generator {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.copy == nil {
		averages := map[*nn.Param]*tensor.Tensor{}
		if g.ema != nil {
			for i, v := range g.ema.Values() {
				averages[g.gParams[i]] = v
			}
		}
		g.copy = newGenerator(g.generator, nn.SnapshotWith(g.generator, averages), g.latentSize, g.sample, g.dtype, g.device)
		g.copy.notes, g.copy.classes, g.copy.counts = g.notes(g.made), g.classes, g.counts
		if g.ema != nil {
			g.copy.settle(g.seen)
		}
	}
	return g.copy
}

// notes are what the files of networks of a step tell about where they come from.
func (g *game) notes(step int) map[string]string {
	return map[string]string{stepKey: strconv.Itoa(step), seedKey: g.seed}
}
