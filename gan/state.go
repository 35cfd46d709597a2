package gan

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/excerpt"
)

// State is what a [Hook] remembers from step to step, and is to know in a run that is
// resumed: sums since the last line that it wrote, say, or what it has said already.
// Checkpoints hold it, as it is after their step, under the name.
//
// A hook whose state the checkpoint does not hold starts anew, as in a new run, and a
// state that no hook of [Trainer.Fit] takes is dropped with the first step. In a group,
// all processes get the state of process 0's hooks.
//
// A hook with a state must not call [Trainer.Checkpoint] in its Step, since a checkpoint
// holds what it knows after that.
type State struct {
	// Name tells one hook's state from another's. If several hooks of a run have the
	// same name, their order in [On] tells them apart. "" means that there is no state.
	Name string
	// Save returns the state, which encoding/json must be able to encode. It is called
	// after each step, so it should be fast, but the value is encoded only when it is
	// written, on any goroutine: it must not change any more. Equal runs should have
	// equal states, without times, so that they have equal checkpoints. The states of
	// all hooks may take 8 MiB as JSON; with more, no checkpoint is written.
	Save func() any
	// Restore is called before any hook's Start, with what Save's value was encoded to,
	// or with nil if the hook starts anew. Its error says what does not fit; training
	// does not begin then.
	Restore func(state []byte) error
}

// maxState is how many bytes the states of all hooks may take.
const maxState = 8 << 20

// stateful is a hook with a state, and the name that it goes by.
type stateful struct {
	State
	name string
}

// arrange puts the hooks into the order in which they hear of a step, and names the
// states.
func (f *fitting) arrange() error {
	taken := map[string]bool{}
	for _, h := range f.o.hooks {
		s := h.State
		if s.Name == "" && (s.Save != nil || s.Restore != nil) || s.Name != "" && (s.Save == nil || s.Restore == nil) || !utf8.ValidString(s.Name) {
			return fmt.Errorf("gan: %w: the State of a hook, %s, needs a name, Save and Restore", ErrConfig, excerpt.Quote(s.Name))
		}
		switch {
		case s.Name != "":
			name := s.Name
			for n := 2; taken[name]; n++ { // also if somebody has named a hook so
				name = fmt.Sprintf("%s #%d", s.Name, n)
			}
			taken[name] = true
			f.states = append(f.states, stateful{s, name})
			f.first = append(f.first, h)
		case !h.last:
			f.others = append(f.others, h)
		}
	}
	for _, h := range f.o.hooks {
		if h.last && h.State.Name == "" {
			f.others = append(f.others, h)
		}
	}
	return nil
}

// remind gives the hooks their states back, before anything is written.
func (f *fitting) remind() error {
	known, err := encoded(f.memory)
	if err != nil {
		return fmt.Errorf("gan: %w", err)
	}
	for _, s := range f.states {
		if err := s.Restore(known[s.name]); err != nil {
			return fmt.Errorf("gan: going on after step %d: %w: the state of the hook %s: %w", f.game.steps, ErrCheckpoint, excerpt.Quote(s.name), excerpt.Error(err))
		}
	}
	return nil
}

// remember takes down the states as they are now. f.mu is held.
func (f *fitting) remember() {
	f.memory = nil
	for _, s := range f.states {
		if f.memory == nil {
			f.memory = map[string]any{}
		}
		f.memory[s.name] = s.Save()
	}
}

// tellStep tells the hooks with a state of a step. f.mu is held, so that no checkpoint
// is of a step of which they do not know.
func (f *fitting) tellStep(info *StepInfo) error {
	f.telling.Store(true)
	defer f.telling.Store(false)
	defer f.remember()
	return f.call(f.first, stepOf(info))
}

// stepOf returns what tells a hook of a step.
func stepOf(info *StepInfo) func(Hook) error {
	return func(h Hook) error {
		if h.Step == nil {
			return nil
		}
		return h.Step(info)
	}
}

// encoded encodes the states of hooks.
func encoded(memory map[string]any) (map[string]json.RawMessage, error) {
	var out map[string]json.RawMessage
	size := 0
	for _, name := range slices.Sorted(maps.Keys(memory)) {
		b, err := json.Marshal(memory[name])
		if err != nil {
			return nil, fmt.Errorf("the state of the hook %s: %w", excerpt.Quote(name), err)
		}
		if size += len(name) + len(b); size > maxState {
			return nil, fmt.Errorf("the states of hooks up to %s take %d bytes; the limit is %d", excerpt.Quote(name), size, maxState)
		}
		if out == nil {
			out = map[string]json.RawMessage{}
		}
		out[name] = b
	}
	return out, nil
}

// remembered are the states of a checkpoint, not looked into.
func remembered(states map[string]json.RawMessage) (map[string]any, error) {
	var out map[string]any
	size := 0
	for name, b := range states {
		if size += len(name) + len(b); size > maxState {
			return nil, fmt.Errorf("the states of its hooks take more than %d bytes", maxState)
		}
		if out == nil {
			out = map[string]any{}
		}
		out[name] = b
	}
	return out, nil
}

// errOwnStep is what a hook gets that would wait for itself.
var errOwnStep = errors.New("gan: a hook with a State has called Checkpoint in its Step, where its state is not complete; do it in a hook without, see After")

// ownStep reports whether the caller, who has found t.mu held, is called by a hook with
// a State, and so would wait for itself. Only the stack tells whether it is that hook or
// another goroutine, which need not wait for long.
func (t *Trainer) ownStep() bool {
	if !t.telling.Load() {
		return false
	}
	pc := make([]uintptr, 256)
	n := runtime.Callers(2, pc)
	for n == len(pc) { // there may be more
		pc = make([]uintptr, 2*n)
		n = runtime.Callers(2, pc)
	}
	frames := runtime.CallersFrames(pc[:n])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, ".(*fitting).tellStep") {
			return true
		}
		if !more {
			return false
		}
	}
}
