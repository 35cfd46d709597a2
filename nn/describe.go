package nn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Describer is a module that can say how to build it again, without its
// weights.
type Describer interface {
	// Describe returns the name under which the module is known to [Register]
	// and its constants, as a value that encoding/json makes an object of, or
	// nil where there are none. Modules among the constants are [Part]s.
	Describe() (kind string, constants any)
}

// Part is a module among the constants of another, as [Describer] gives them
// and [Register] gets them: encoding/json writes and reads its architecture.
//
//	struct {
//		Body nn.Part `json:"body"`
//	}
type Part struct{ Module Module }

// MarshalJSON describes the module, or null where there is none.
func (p Part) MarshalJSON() ([]byte, error) {
	if p.Module == nil {
		return []byte("null"), nil
	}
	return encode(p.Module)
}

// UnmarshalJSON builds the module that was described, or none for null.
func (p *Part) UnmarshalJSON(description []byte) (err error) {
	p.Module = nil
	if string(description) != "null" {
		p.Module, err = decode(description)
	}
	return err
}

// ErrUnknownModule says that a description names a module which this program
// does not have, or that a module has no description.
var ErrUnknownModule = errors.New("unknown module")

var (
	buildersMu sync.RWMutex
	builders   = map[string]func([]byte) (Module, error){}
)

// Register makes a kind of module known to [Decode]. build gets the constants,
// decoded from JSON into a T, and returns the module without weights, or an
// error where they make no sense. A [tensor.Misuse] that it panics with counts
// as one, so a constructor's own checks are enough. Register panics with a
// [StateError] where the kind is taken. Call it from an init function.
func Register[T any](kind string, build func(constants T) (Module, error)) {
	buildersMu.Lock()
	defer buildersMu.Unlock()
	if _, taken := builders[kind]; taken {
		panic(&StateError{Problem: "module " + kind + " is registered twice", Fix: "choose another name"})
	}
	builders[kind] = func(description []byte) (Module, error) {
		var constants T
		if err := json.Unmarshal(description, &constants); err != nil {
			return nil, err
		}
		return build(constants)
	}
}

// A description larger or deeper than this is damage, not a network: it would
// take a long time to read, because each level of it is read again for the
// modules within.
const (
	maxDescription = 1 << 20
	maxNesting     = 200 // of brackets; a Sequential has two
)

// Encode describes a module's architecture as JSON:
//
//	{"type":"Sequential","layers":[{"type":"Linear","in":128,"out":256,"bias":true},{"type":"Tanh"}]}
//
// The error wraps [ErrUnknownModule] where a part is no [Describer]. It is also
// an error where parts share a parameter, which a description does not tell,
// and where the description is longer than 1 MiB or nested more than a hundred
// deep.
func Encode(m Module) ([]byte, error) {
	seen := map[*Param]bool{}
	for _, p := range everyParam(m, "", nil) {
		if seen[p.Param] {
			return nil, fmt.Errorf("nn: describing an architecture: several parts share %s", p.Name)
		}
		seen[p.Param] = true
	}
	description, err := encode(m)
	if err == nil {
		err = checkSize(description)
	}
	if err != nil {
		return nil, fmt.Errorf("nn: describing an architecture: %w", err)
	}
	return description, nil
}

func encode(m Module) ([]byte, error) {
	d, ok := m.(Describer)
	if !ok {
		return nil, fmt.Errorf("%w: %T does not describe itself", ErrUnknownModule, m)
	}
	kind, constants := d.Describe()
	head, err := json.Marshal(struct {
		Type string `json:"type"`
	}{kind})
	if err != nil || constants == nil {
		return head, err
	}
	body, err := json.Marshal(constants)
	var inner *json.MarshalerError
	switch {
	case errors.As(err, &inner): // a Part's; what json says around it is noise
		return nil, inner.Unwrap()
	case err != nil:
		return nil, fmt.Errorf("%s: %w", kind, err)
	case body[0] != '{':
		return nil, fmt.Errorf("%s: its constants are no JSON object", kind)
	case len(body) == len("{}"):
		return head, nil
	}
	return slices.Concat(head[:len(head)-1], []byte(","), body[1:]), nil
}

// Decode builds the module that [Encode] described, without weights. A damaged
// description is an error; one that names a kind this program does not have
// wraps [ErrUnknownModule].
func Decode(description []byte) (Module, error) {
	err := checkSize(description)
	if err == nil {
		var m Module
		if m, err = decode(description); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("nn: reading an architecture: %w", err)
}

func decode(description []byte) (m Module, err error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(description, &head); err != nil {
		return nil, err
	}
	buildersMu.RLock()
	build, ok := builders[head.Type]
	buildersMu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("%w %q; import the package that registers it", ErrUnknownModule, head.Type)
	}
	if misuse := tensor.Catch(func() { m, err = build(description) }); misuse != nil {
		err = misuse
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", head.Type, err)
	}
	return m, nil
}

func checkSize(description []byte) error {
	if len(description) > maxDescription {
		return fmt.Errorf("%d bytes are too many for an architecture", len(description))
	}
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(description); i++ {
		switch c := description[i]; {
		case quoted && c == '\\':
			i++ // whatever follows is part of the string
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	if deepest > maxNesting {
		return fmt.Errorf("modules are nested too deep")
	}
	return nil
}

// maxFeatures bounds what a file may ask for: a layer larger than this is
// damage, not a network.
const maxFeatures = 1 << 24
