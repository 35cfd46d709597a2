package gan

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// journal leads a game back to the beginning of a step that fails after it has
// updated the discriminator. To copy the discriminator's state before each step
// would take up to 5 % of the time. So the whole state is copied before every
// 128th step at most, and in between the inputs of the steps are kept, in up to
// twice as much memory: the same steps done again lead to the same bits.
type journal struct {
	base   state
	inputs []input // of the steps since; those after the first n are of a step that goes on or has failed, and spare memory
	n      int
	length int // numbers in these inputs

	versions []uint32 // of the networks' values after the last step; none: base is of no use
	sound    bool     // base is of this step, and what it was copied from is taken for whole
}

const (
	maxReplay  = 128     // steps to be done again at most
	smallState = 1 << 14 // numbers that are copied before every step
)

// input is what one step was given.
type input struct {
	real   Batch
	latent *tensor.Tensor    // nil if the game drew its own
	memory [3]*tensor.Tensor // of all these
}

// begin prepares for a step: [journal.rewind] leads back to here. What the step is given
// is copied first, since the step reads it then from the cache; and a device that has no
// memory left fails before anything has changed. Devices may tell late that they have
// failed, so a large state is copied only if it is what the last step was to leave.
func (j *journal) begin(g *game, b Batch, latent *tensor.Tensor) {
	anew := j.base.length <= smallState || j.n == maxReplay || j.length > 2*j.base.length
	// What was changed from outside, no replay would change.
	if g.peers != nil {
		anew = anew || g.peers.anew // all do the same steps again
	} else {
		anew = anew || !j.current(g)
	}
	if j.sound = false; anew {
		if j.base.length > smallState { // to wait in each step would cost more than the copy
			if err := g.device.Sync(); err != nil {
				panic(err)
			}
		}
		j.sound = true
		j.forget() // until the copies are whole
		j.base.save(g)
		j.n, j.length = 0, 0
	}
	if j.n == len(j.inputs) {
		j.inputs = append(j.inputs, input{})
	}
	in := &j.inputs[j.n]
	in.real.X, in.latent = keep(&in.memory[0], b.X), keep(&in.memory[1], latent)
	if g.condition != 0 {
		in.real.Condition = keep(&in.memory[2], b.Condition)
	}
	j.note(g)
}

// done notes that the step which began last, on the real samples x, went well.
func (j *journal) done(g *game, x *tensor.Tensor) {
	j.n++
	j.length += x.Len()
	if g.peers != nil { // of all processes, which begin anew before the same steps
		j.length += x.Len() / x.Dim(0) * (g.peers.part.total - g.peers.part.n)
	}
	j.note(g)
}

// keep copies t, unless it is nil, to memory that is used again.
func keep(memory **tensor.Tensor, t *tensor.Tensor) *tensor.Tensor {
	if t == nil {
		return nil
	}
	if m := *memory; m == nil || m.Len() < t.Len() || m.DType() != t.DType() || m.Device() != t.Device() {
		*memory = t.Device().New(t.DType(), t.Len())
	}
	out := (*memory).Slice(0, 0, t.Len()).Reshape(t.Shape()...)
	out.CopyFrom(t)
	return out
}

// rewind brings the game back to where the last call of begin found it, after a
// step that has failed. If it cannot, the game stays as it is. In a group, all do it
// together: a process that cannot tells the others where they would wait for it.
func (j *journal) rewind(g *game) (err error) {
	p := g.peers
	if p != nil && j.n > 0 && p.ahead {
		return errors.New("the other processes have done the step")
	}
	if p == nil && j.n == 0 { // nothing is to be done again, so that this takes no memory
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := tensor.Catch(func() { j.base.restore(g) }); err != nil {
			j.forget()
			return err
		}
		if g.touched == generatorTouched {
			g.copy = nil // it may have been made half-way through an update
		}
		j.note(g)
		return nil
	}
	left := j.n // steps that the others wait for this process to do again
	var now state
	if err := tensor.Catch(func() {
		now.save(g)
		g.copied() // is what samples come from meanwhile
	}); err != nil {
		p.giveUp(g, false, left)
		return err
	}
	generatorTouched := g.touched == generatorTouched
	done, under := false, false // the latter: a step is under way
	g.replaying = true
	defer func() {
		g.replaying = false
		if !done { // also if a network panics
			p.giveUp(g, under, left)
			g.updates.Discard()
			g.scope.Close()
			j.forget()
			err = errors.Join(err, tensor.Catch(func() { now.restore(g) }))
		}
	}()
	misuse := tensor.Catch(func() {
		j.base.restore(g)
		for _, in := range j.inputs[:j.n] {
			if p != nil {
				if err = p.meet(in.real.X.Dim(0), goOn, false); err != nil {
					left = 0
					return
				}
			}
			left--
			under = true
			r := g.stepOn(in.real, in.latent)
			under = false
			g.scope.Close()
			if err = r.err; err != nil {
				left = 0
				return
			}
			if r.failed != "" {
				err = fmt.Errorf("step %d went well and fails when it is done again", g.steps+1)
				return
			}
			g.steps++
		}
		if !generatorTouched && !now.sameGenerator(g) {
			err = errors.New("the same steps do not lead to the same weights again")
		}
	})
	if err == nil {
		err = misuse
	}
	if done = err == nil; done {
		j.note(g)
		if generatorTouched {
			g.mu.Lock()
			g.copy = nil // it may have been made half-way through an update
			g.mu.Unlock()
		}
	}
	return err
}

// state is a copy of everything that a step reads and changes.
type state struct {
	values         []*tensor.Tensor // the generator's first
	g, d, ema      optim.Saved
	latent, random tensor.Stream
	steps, length  int
	seen           *tensor.Tensor // never changes
}

func (s *state) save(g *game) {
	if s.values == nil {
		var values []*tensor.Tensor
		length := 0
		for _, v := range g.values {
			values = append(values, v.Device().New(v.DType(), v.Shape()...)) // the device may be out of memory
			length += 3 * v.Len()                                            // with two moments, or one and an average
		}
		s.values, s.length = values, length
	}
	for i, v := range g.values {
		s.values[i].CopyFrom(v)
	}
	g.gOptimizer.Save(&s.g)
	g.dOptimizer.Save(&s.d)
	if g.ema != nil {
		g.ema.Save(&s.ema)
	}
	s.latent, s.random, s.steps, s.seen = *g.latent, *g.random, g.steps, g.seen
}

func (s *state) restore(g *game) {
	for i, v := range g.values {
		v.CopyFrom(s.values[i])
	}
	g.gOptimizer.GoBack(&s.g)
	g.dOptimizer.GoBack(&s.d)
	if g.ema != nil {
		g.ema.GoBack(&s.ema)
	}
	*g.latent, *g.random, g.steps, g.seen = s.latent, s.random, s.steps, s.seen
}

// sameGenerator reports whether the generator's values are those of the copy, bit
// for bit.
func (s *state) sameGenerator(g *game) bool {
	for i := range nn.Params(g.generator) {
		a, b := s.values[i].Float64s(), g.values[i].Float64s()
		if !slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }) {
			return false
		}
	}
	return true
}

// note writes down how often each of the networks' values was written so far.
func (j *journal) note(g *game) {
	j.versions = j.versions[:0]
	for _, v := range g.values {
		j.versions = append(j.versions, v.Version())
	}
}

// forget makes the next call of begin copy the state.
func (j *journal) forget() { j.versions = j.versions[:0] }

// current reports whether the networks' values are as they were noted.
func (j *journal) current(g *game) bool {
	return slices.EqualFunc(j.versions, g.values, func(version uint32, v *tensor.Tensor) bool { return version == v.Version() })
}
