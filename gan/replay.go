package gan

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// failedKey and failedConditionKey name the tensors of the real samples of a step
// that has failed, and of their condition.
const (
	failedKey          = "failed.real"
	failedConditionKey = "failed.condition"
)

// RecordFailure has [Trainer.Fit], if a step fails with a [NonFiniteError], write a
// file for [Trainer.Replay]: a checkpoint from before the step, with its real
// samples. The step is undone by then, so nothing has to be kept while training
// goes well. [Trainer.Resume] takes the file for a checkpoint. With the path "",
// nothing is written.
func RecordFailure(path string) Option { return func(o *options) { o.failure = path } }

// record writes the state and the batch of a step that has failed and was undone.
func (f *fitting) record(b Batch) error {
	s, err := f.snapshot()
	if err != nil {
		return err
	}
	s.tensors[failedKey] = b.X
	if f.game.condition != 0 {
		s.tensors[failedConditionKey] = b.Condition
	}
	return s.save(f.o.failure, nil)
}

// Origin is the operation of a step from which the first number came that is not
// finite.
type Origin struct {
	Network string // "generator" or "discriminator"; "" of what is in neither, such as the loss
	Layer   string // "2 Linear", or "body.0 Conv2D" of a part of a part; "" outside of layers
	// Op is the operation's name. In the backward direction it is one of those that
	// the derivative rule of Rule consists of, or that rule itself.
	Op, Rule string
	Backward bool
	Inputs   []Range
	Result   Range
}

// Range says what numbers a tensor holds.
type Range struct {
	Name      string // of a parameter, "discriminator 2.weight"; else ""
	Shape     []int
	Min, Max  float64 // of those that are finite
	NonFinite int     // how many are not
}

// String is a line about the operation, and one about each of its inputs and its
// result.
func (o *Origin) String() string {
	var b strings.Builder
	where := "outside of the networks"
	if o.Network != "" {
		where = o.Network
		if o.Layer != "" {
			where += ", layer " + o.Layer
		}
	}
	direction := "forward"
	if o.Backward {
		direction = "backward"
	}
	op := o.Op
	if o.Rule != "" && o.Rule != o.Op {
		op = fmt.Sprintf("%s, for the derivative of %s", o.Op, o.Rule)
	}
	fmt.Fprintf(&b, "%s, %s: %s\n", where, direction, op)
	for i, in := range o.Inputs {
		fmt.Fprintf(&b, "  input %d  %v\n", i, in)
	}
	fmt.Fprintf(&b, "  result   %v\n", o.Result)
	return b.String()
}

// String is "[64 128] from -3.1 to 4e+38, 2 of 8192 not finite".
func (r Range) String() string {
	n := 1
	for _, d := range r.Shape {
		n *= d
	}
	text := fmt.Sprint(r.Shape)
	if r.Name != "" {
		text += " " + r.Name
	}
	if r.NonFinite < n {
		text += fmt.Sprintf(" from %.6g to %.6g", r.Min, r.Max)
	}
	if r.NonFinite > 0 {
		text += fmt.Sprintf(", %d of %d not finite", r.NonFinite, n)
	}
	return text
}

// Replay does the step again that [RecordFailure] has written down, and returns the
// operation in it whose result was the first not to be finite. The trainer must
// have been made as for [Trainer.Resume]; it is then where it was before the step.
// The discriminator's gradient is computed by differentiation, also where training
// has a cheaper form. It is an error if the file holds no such step, or if the step
// does not fail here.
//
// No other goroutine may train or sample meanwhile.
func (t *Trainer) Replay(path string, options ...ResumeOption) (*Origin, error) {
	if !t.busy.CompareAndSwap(false, true) {
		return nil, ErrBusy
	}
	defer t.busy.Store(false)
	if t.game.peers != nil {
		return nil, fmt.Errorf("gan: %w: replaying %s in a group; make a trainer without Config.Group", ErrConfig, path)
	}
	r := newResuming(options)
	if err := t.resume(path, r); err != nil {
		return nil, err
	}
	if r.failed.X == nil {
		return nil, fmt.Errorf("gan: replaying %s: it holds no step that has failed; see RecordFailure", path)
	}
	t.mu.Lock()
	origin, err := t.game.search(r.failed)
	t.mu.Unlock()
	if err == nil && origin == nil {
		err = both(errors.New("the step does not fail here"), t.resume(path, newResuming(options)))
	}
	if err != nil {
		return nil, fmt.Errorf("gan: replaying %s: %w", path, err)
	}
	return origin, nil
}

// search does a step that fails, and is undone, and returns the operation that it
// fails in. If it does not fail, origin is nil.
func (g *game) search(real Batch) (origin *Origin, err error) {
	s := &searcher{places: map[*tensor.Tensor]place{}, names: map[*tensor.Tensor]string{}}
	generator, discriminator, strategy := g.generator, g.discriminator, g.strategy
	defer func() {
		g.generator, g.discriminator, g.strategy, g.copy = generator, discriminator, strategy, nil
		g.scope.Close()
	}()
	for name, m := range map[string]nn.Module{"generator": generator, "discriminator": discriminator} {
		for _, p := range nn.Params(m) {
			s.names[p.Param.Value()] = name + " " + p.Name
		}
	}
	g.generator, g.discriminator = watched{generator, "generator", s}, watched{discriminator, "discriminator", s}
	if _, ok := strategy.(general); !ok {
		g.strategy = general{}
	}
	defer autograd.Trace(s.look)()
	_, err = g.attempt(real, nil)
	var failed *NonFiniteError
	if errors.As(err, &failed) {
		return s.origin, nil
	}
	return nil, err
}

// searcher looks at each operation of a step.
type searcher struct {
	at     place                     // what is running
	places map[*tensor.Tensor]place  // where results were made
	names  map[*tensor.Tensor]string // of parameters
	origin *Origin                   // nil: not found yet
}

// look is told of each operation.
func (s *searcher) look(e autograd.Event) {
	if s.origin != nil {
		return
	}
	inRule := e.Backward || e.Rule != ""
	at := s.at
	if inRule {
		at = s.places[e.Of]
	} else {
		s.places[e.Of] = at
	}
	for _, out := range e.Out {
		if out == nil || isFinite(tensor.Norm([]*tensor.Tensor{out}).Item()) {
			continue
		}
		s.origin = &Origin{Network: at.network, Layer: at.layer(), Op: e.Op, Rule: e.Rule, Backward: inRule, Result: s.rangeOf(out)}
		if e.Backward {
			s.origin.Rule = e.Op
		}
		for _, in := range e.In {
			s.origin.Inputs = append(s.origin.Inputs, s.rangeOf(in))
		}
		return
	}
}

func (s *searcher) rangeOf(t *tensor.Tensor) Range {
	r := Range{Name: s.names[t], Shape: t.Shape(), Min: math.Inf(1), Max: math.Inf(-1)}
	for _, v := range t.Float64s() {
		if isFinite(v) {
			r.Min, r.Max = min(r.Min, v), max(r.Max, v)
		} else {
			r.NonFinite++
		}
	}
	return r
}

// watched is a network whose passes say where they are.
type watched struct {
	nn.Module
	name string
	s    *searcher
}

func (w watched) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	inner, before := nn.Ctx{}, w.s.at
	if ctx != nil {
		inner = *ctx
	}
	inner.Enter = w.s.at.enter
	w.s.at = place{network: w.name}
	defer func() { w.s.at = before }()
	return w.Module.Forward(&inner, x)
}
