package nn

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// NewBuffer describes a tensor that is part of a network's state but not
// trained, such as the running mean of a [BatchNorm2D]. Like a parameter it has
// a name and a first value, belongs to [Params], [State], files and snapshots, and
// modules read it by [Ctx.Var]; but it is never tracked. It changes by [Updates].
// NewBuffer panics as [NewParam] does.
func NewBuffer(name string, init Initializer, shape ...int) *Param {
	p := NewParam(name, init, 1, 1, shape...)
	p.buffer = true
	return p
}

// Updates are changes to buffers that the passes of a training step ask for.
// Passes themselves change nothing, so any number of them may run at once. A
// training loop gives them a [Ctx] with Updates, and calls [Updates.Apply] at the
// end of the step:
//
//	ctx := &nn.Ctx{Train: true, Track: true, Updates: new(nn.Updates)}
//	loss := … m.Forward(ctx, x) …
//	optimizer.Step(autograd.Grad(loss, …))
//	ctx.Updates.Apply() // before the step's scope is closed
//
// Updates serve one goroutine.
type Updates struct {
	// Average, if it is above 0, takes statistics anew: in the pass in which it is
	// k, running averages move a k-th part of the way towards the batch's values,
	// so that after passes with 1, 2, 3, … they are the plain means over all these.
	// Passes are not counted then.
	Average int

	changes []change
}

type change struct {
	buffer *Param
	do     func(value *tensor.Tensor)
}

// Add asks for a change of a buffer's value, in place. A module calls it in its
// forward pass. On nil Updates, Add does nothing.
func (u *Updates) Add(buffer *Param, do func(value *tensor.Tensor)) {
	if u != nil {
		u.changes = append(u.changes, change{buffer, do})
	}
}

// Apply makes the changes, in the order in which they were added, and forgets
// them. No pass may use the network at the same time.
func (u *Updates) Apply() {
	for _, c := range u.changes {
		c.do((*Ctx)(nil).Var(c.buffer).Value())
	}
	u.Discard()
}

// ApplyTo makes the changes to weights apart from the network's own, in whose
// passes they were asked for. Nobody else may use these at the same time.
func (u *Updates) ApplyTo(w *Weights) {
	for _, c := range u.changes {
		c.do((&Ctx{Weights: w}).Var(c.buffer).Value())
	}
	u.Discard()
}

// part returns how far running averages move that usually move by momentum.
func (u *Updates) part(momentum float64) float64 {
	if u.Average > 0 {
		return 1 / float64(u.Average)
	}
	return momentum
}

// Discard forgets the changes.
func (u *Updates) Discard() {
	clear(u.changes)
	u.changes = u.changes[:0]
}

// updates returns the pass's Updates, which may be nil.
func (c *Ctx) updates() *Updates {
	if c == nil {
		return nil
	}
	return c.Updates
}

// training reports whether the pass is part of training.
func (c *Ctx) training() bool { return c != nil && c.Train }

// moveTowards returns a change that moves a running statistic part of the way
// towards what was seen.
func moveTowards(seen *autograd.Var, part float64) func(value *tensor.Tensor) {
	return func(value *tensor.Tensor) { tensor.LerpInto(value, value, seen.Value(), part) }
}
