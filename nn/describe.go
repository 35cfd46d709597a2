package nn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Describer is a module that can say how to build it again, without its
// weights.
type Describer interface {
	// Describe returns the name under which the module is known to [Register]
	// and its constants, as a value that encoding/json makes an object of, or
	// nil where there are none.
	Describe() (kind string, constants any)
}

// ErrUnknownModule says that a description names a module which this program
// does not have, or that a module has no description.
var ErrUnknownModule = errors.New("unknown module")

var (
	buildersMu sync.RWMutex
	builders   = map[string]func([]byte) (Module, error){}
)

// Register makes a kind of module known to [Decode]. build gets the JSON object
// of the constants and returns the module without weights; it must check what
// it gets. Register panics where the kind is taken. Call it from an init
// function.
func Register(kind string, build func(constants []byte) (Module, error)) {
	buildersMu.Lock()
	defer buildersMu.Unlock()
	if _, taken := builders[kind]; taken {
		panic(&StateError{Problem: "module " + kind + " is registered twice", Fix: "choose another name"})
	}
	builders[kind] = build
}

// Encode describes a module's architecture as JSON:
//
//	{"type":"Sequential","layers":[{"type":"Linear","in":128,"out":256,"bias":true},{"type":"Tanh"}]}
//
// The error wraps [ErrUnknownModule] where a part is no [Describer].
func Encode(m Module) ([]byte, error) {
	d, ok := m.(Describer)
	if !ok {
		return nil, fmt.Errorf("nn: %w: %T does not describe itself", ErrUnknownModule, m)
	}
	kind, constants := d.Describe()
	head, err := json.Marshal(struct {
		Type string `json:"type"`
	}{kind})
	if err != nil || constants == nil {
		return head, err
	}
	body, err := json.Marshal(constants)
	if err != nil {
		return nil, fmt.Errorf("nn: describing %s: %w", kind, err)
	}
	if len(body) < 2 || body[0] != '{' {
		return nil, fmt.Errorf("nn: describing %s: its constants are no JSON object", kind)
	}
	if len(body) == 2 {
		return head, nil
	}
	return slices.Concat(head[:len(head)-1], []byte(","), body[1:]), nil
}

// Decode builds the module that [Encode] described, without weights. A damaged
// description is an error; one that names a kind this program does not have
// wraps [ErrUnknownModule].
func Decode(description []byte) (m Module, err error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(description, &head); err != nil {
		return nil, fmt.Errorf("nn: reading an architecture: %w", err)
	}
	buildersMu.RLock()
	build, ok := builders[head.Type]
	buildersMu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("nn: reading an architecture: %w %q", ErrUnknownModule, head.Type)
	}
	m, err = build(description)
	if err != nil {
		return nil, fmt.Errorf("nn: reading an architecture: %s: %w", head.Type, err)
	}
	return m, nil
}

// decode is json.Unmarshal into a value of type T.
func decode[T any](constants []byte) (c T, err error) {
	err = json.Unmarshal(constants, &c)
	return c, err
}

type linearSpec struct {
	In   int  `json:"in"`
	Out  int  `json:"out"`
	Bias bool `json:"bias"`
}

type leakySpec struct {
	Slope float64 `json:"slope"`
}

type reshapeSpec struct {
	Shape []int `json:"shape"`
}

type sequentialSpec struct {
	Layers []json.RawMessage `json:"layers"`
}

// maxFeatures bounds what a file may ask for: a layer larger than this is
// damage, not a network.
const maxFeatures = 1 << 24

func init() {
	for _, m := range []Module{Tanh(), ReLU(), Sigmoid(), Softplus(), Flatten()} {
		kind, _ := m.(Describer).Describe()
		Register(kind, func([]byte) (Module, error) { return m, nil })
	}
	Register("LeakyReLU", func(b []byte) (Module, error) {
		c, err := decode[leakySpec](b)
		return LeakyReLU(c.Slope), err
	})
	Register("Reshape", func(b []byte) (Module, error) {
		c, err := decode[reshapeSpec](b)
		return Reshape(c.Shape...), err
	})
	Register("Linear", func(b []byte) (Module, error) {
		c, err := decode[linearSpec](b)
		if err != nil {
			return nil, err
		}
		if c.In < 1 || c.Out < 1 || c.In > maxFeatures || c.Out > maxFeatures {
			return nil, fmt.Errorf("a layer of %d inputs and %d outputs is not possible", c.In, c.Out)
		}
		if !c.Bias {
			return Linear(c.In, c.Out, NoBias()), nil
		}
		return Linear(c.In, c.Out), nil
	})
	Register("Sequential", func(b []byte) (Module, error) {
		c, err := decode[sequentialSpec](b)
		if err != nil {
			return nil, err
		}
		s := make(sequential, len(c.Layers))
		for i, layer := range c.Layers {
			if s[i], err = Decode(layer); err != nil {
				return nil, fmt.Errorf("layer %d: %w", i, err)
			}
		}
		return s, nil
	})
}

// Describe implements [Describer].
func (l *linear) Describe() (string, any) { return "Linear", linearSpec{l.in, l.out, l.bias != nil} }

// Describe implements [Describer].
func (a activation) Describe() (string, any) {
	if a.kind == "LeakyReLU" {
		return a.kind, leakySpec{a.slope}
	}
	return a.kind, nil
}

// Describe implements [Describer].
func (flatten) Describe() (string, any) { return "Flatten", nil }

// Describe implements [Describer].
func (r reshape) Describe() (string, any) { return "Reshape", reshapeSpec{r.shape} }

// Describe implements [Describer].
func (s sequential) Describe() (string, any) {
	var c sequentialSpec
	for _, m := range s {
		layer, err := Encode(m)
		if err != nil {
			return "Sequential", failed{err}
		}
		c.Layers = append(c.Layers, layer)
	}
	return "Sequential", c
}

// failed carries an error out of Describe, to where the description is encoded.
type failed struct{ err error }

func (f failed) MarshalJSON() ([]byte, error) { return nil, f.err }
