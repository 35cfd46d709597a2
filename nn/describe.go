package nn

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/strictjson"
	"github.com/gander-ml/gander/tensor"
)

// Describer is a module that can say how to build it again, without its
// weights.
type Describer interface {
	// Describe returns the name under which the module is known to [Register]
	// and its constants, as a value that encoding/json makes an object of, or
	// nil if there are none. No constant is named "type". Modules among the
	// constants are [Part]s.
	Describe() (kind string, constants any)
}

// Part is a module among the constants of another, as [Describer] gives them
// and [Register] gets them: encoding/json writes and reads its architecture.
//
//	struct {
//		Body nn.Part `json:"body"`
//	}
type Part struct{ Module Module }

// MarshalJSON describes the module, or null if there is none.
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
// error if they make no sense. A [tensor.Misuse] that it panics with counts as
// one, so a constructor's own checks are enough.
//
// T is what encoding/json makes of an object: a struct or a map, for instance.
// All fields of a struct must be there, but for those that are tagged omitempty
// or omitzero, and no others. Constants of type int are sizes, and are at most
// 2²⁴ in magnitude, so that a damaged description does not ask for more; give
// other numbers another type.
//
// Register panics with a [StateError] if the kind is taken, if T is something
// else, or if a field of T is named "type". Call it from an init function.
func Register[T any](kind string, build func(constants T) (Module, error)) {
	if problem := unfit(reflect.TypeFor[T]()); problem != "" {
		panic(&StateError{Problem: "module " + kind + " is registered with constants that " + problem, Fix: "give a struct with other fields"})
	}
	buildersMu.Lock()
	defer buildersMu.Unlock()
	if _, taken := builders[kind]; taken {
		panic(&StateError{Problem: "module " + kind + " is registered twice", Fix: "choose another name"})
	}
	builders[kind] = func(constants []byte) (Module, error) {
		var c T
		if err := strictjson.Unmarshal(constants, &c); err != nil {
			return nil, err
		}
		if err := checkSizes(reflect.ValueOf(&c).Elem(), ""); err != nil {
			return nil, err
		}
		return build(c)
	}
}

// Kinds lists the kinds of modules that this program knows, those of package nn and
// what else is registered.
func Kinds() []string {
	buildersMu.RLock()
	defer buildersMu.RUnlock()
	return slices.Sorted(maps.Keys(builders))
}

// unfit says why constants cannot be of type t, or "".
func unfit(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	own := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
	switch t.Kind() {
	case reflect.Struct:
		if slices.Contains(strictjson.Names(t), "type") {
			return `have a field "type", which is the module's own`
		}
	case reflect.Map, reflect.Interface:
	default:
		if !own {
			return "are not a JSON object"
		}
	}
	return ""
}

// maxSize is the largest int among constants, and the largest factor and size of images
// that layers take: products of it and of dims do not overflow an int of 64 bits.
const maxSize = 1 << 24

// checkSizes returns an error if an int within v, which is called name, is out
// of bounds.
func checkSizes(v reflect.Value, name string) error {
	switch v.Kind() {
	case reflect.Int:
		if n := v.Int(); n > maxSize || n < -maxSize {
			return fmt.Errorf("%s is %d; sizes are at most %d", name, n, maxSize)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkSizes(v.Index(i), name); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			inner, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type == reflect.TypeFor[Part]() {
				continue // it has checked its own
			}
			if err := checkSizes(v.Field(i), cmp.Or(inner, f.Name)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			if err := checkSizes(value, excerpt.Name(key.String())); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return checkSizes(v.Elem(), name)
		}
	}
	return nil
}

// A description larger or deeper than this is damage, not a network: it would
// take a long time to read, because each level of it is read again for the
// modules within.
const (
	maxDescription = 1 << 20
	maxNesting     = 100 // of brackets; a Sequential has two
)

// Encode describes a module's architecture as JSON:
//
//	{"type":"Sequential","layers":[{"type":"Linear","in":128,"out":256,"bias":true},{"type":"Tanh"}]}
//
// It makes sure that [Decode] can build the module again, and so tells early
// whether [Save] will work. The error wraps [ErrUnknownModule] if a part is not
// a [Describer], or its kind is not registered. It is also an error if parts
// share a parameter, which a description does not tell, if what Decode builds
// describes itself differently or has other parameters, and if the description
// is longer than 1 MiB or nested more than fifty deep.
func Encode(m Module) ([]byte, error) {
	description, err := encodeChecked(m)
	if err != nil {
		return nil, fmt.Errorf("nn: describing an architecture: %w", err)
	}
	return description, nil
}

func encodeChecked(m Module) ([]byte, error) {
	seen := map[*Param]bool{}
	for _, p := range everyParam(m, "", nil) {
		if seen[p.Param] {
			return nil, fmt.Errorf("several parts share %s", p.Name)
		}
		seen[p.Param] = true
	}
	description, err := encode(m)
	if err != nil {
		return nil, err
	}
	if err := checkSize(description); err != nil {
		return nil, err
	}
	again, err := decode(description)
	if err != nil {
		return nil, fmt.Errorf("it could not be built again: %w", err)
	}
	if same, err := encode(again); err != nil || !bytes.Equal(description, same) {
		return nil, fmt.Errorf("what is built from it describes itself differently: Describe of a part does not tell what its function given to Register uses, or the other way round")
	}
	a, b := Params(m), Params(again)
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i].Name != b[i].Name || !slices.Equal(a[i].Param.shape, b[i].Param.shape) || a[i].Param.buffer != b[i].Param.buffer {
			return nil, fmt.Errorf("what is built from it has other parameters, from number %d of %d on", i, len(a))
		}
	}
	return description, nil
}

func encode(m Module) ([]byte, error) {
	d, ok := m.(Describer)
	if !ok {
		return nil, fmt.Errorf("%w: %T does not describe itself; give it the method Describe, and its package Register", ErrUnknownModule, m)
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
		return nil, fmt.Errorf("%s: its constants are not a JSON object", kind)
	case len(body) == len("{}"):
		return head, nil
	}
	fields, err := strictjson.Fields(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	if slices.ContainsFunc(fields, func(f strictjson.Field) bool { return f.Key == "type" }) {
		return nil, fmt.Errorf(`%s: a constant cannot be named "type"`, kind)
	}
	return slices.Concat(head[:len(head)-1], []byte(","), body[1:]), nil
}

// Decode builds the module that [Encode] described, without weights. A damaged
// description is an error, and so is one with constants that are missing,
// unknown or given twice; one that names a kind this program does not have wraps
// [ErrUnknownModule].
func Decode(description []byte) (Module, error) {
	m, err := decodeWhole(description)
	if err != nil {
		return nil, excerpt.Error(fmt.Errorf("nn: reading an architecture: %w", err))
	}
	return m, nil
}

// decodeWhole is Decode, with errors that others name.
func decodeWhole(description []byte) (Module, error) {
	if err := checkSize(description); err != nil {
		return nil, err
	}
	return decode(description)
}

func decode(description []byte) (m Module, err error) {
	fields, err := strictjson.Fields(description)
	if err != nil {
		return nil, err
	}
	var kind string
	described := false
	constants := []byte{'{'}
	for _, f := range fields {
		if f.Key == "type" {
			described = true
			if err := json.Unmarshal(f.Value, &kind); err != nil || f.Value[0] != '"' {
				return nil, fmt.Errorf(`"type" is %s, not a string`, excerpt.Name(string(f.Value)))
			}
			continue
		}
		key, err := json.Marshal(f.Key)
		if err != nil {
			return nil, err
		}
		if len(constants) > 1 {
			constants = append(constants, ',')
		}
		constants = append(append(append(constants, key...), ':'), f.Value...)
	}
	if !described {
		return nil, errors.New(`a module's "type" is missing`)
	}
	buildersMu.RLock()
	build, ok := builders[kind]
	buildersMu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("%w %s; import the package that registers it", ErrUnknownModule, excerpt.Quote(kind))
	}
	if misuse := tensor.Catch(func() { m, err = build(append(constants, '}')) }); misuse != nil {
		err = misuse
	}
	if err == nil && m == nil {
		err = errors.New("there is no module")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
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
