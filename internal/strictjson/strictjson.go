// Package strictjson reads JSON that a program wrote itself, so that whatever
// is not as it would have written it is an error rather than a guess.
package strictjson

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/excerpt"
)

// Unmarshal is [json.Unmarshal] of a value whose text says each thing once.
// Unlike there, it is an error
//
//   - if an object that a struct is made of has a key that is not exactly the
//     name of one of its fields, or lacks one that is not tagged omitempty or
//     omitzero;
//   - if any object has a key twice;
//   - if an array has another number of elements than the Go array;
//   - if there is a null for what cannot be nil;
//   - if the text is not valid UTF-8.
//
// Values of types with an UnmarshalJSON of their own are left to that. Messages
// quote at most a few dozen bytes of the text.
func Unmarshal(text []byte, v any) error {
	if err := valid(text); err != nil {
		return err
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return &json.InvalidUnmarshalError{Type: t}
	}
	s := scanner{text: text}
	if err := s.check(t.Elem()); err != nil {
		return err
	}
	return excerpt.Error(json.Unmarshal(text, v))
}

func valid(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("this is not valid UTF-8")
	}
	if !json.Valid(text) {
		var ignored any
		return excerpt.Error(json.Unmarshal(text, &ignored))
	}
	return nil
}

// A Field is a key of an object with the text of its value.
type Field struct {
	Key   string
	Value json.RawMessage
}

// Fields returns the fields of an object, in order. It is an error if the text
// is not one object, or if a key comes twice.
func Fields(text []byte) ([]Field, error) {
	if err := valid(text); err != nil {
		return nil, err
	}
	s := scanner{text: text}
	if s.next() != '{' {
		return nil, errors.New("this is not a JSON object")
	}
	var out []Field
	err := s.object(func(key string) error {
		s.next()
		begin := s.at
		s.skip()
		out = append(out, Field{key, s.text[begin:s.at]})
		return nil
	})
	return out, err
}

// scanner walks over a text that is known to be valid.
type scanner struct {
	text []byte
	at   int
}

// next skips white space and returns the byte that follows.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take goes past the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// string reads a string.
func (s *scanner) string() string {
	s.next()
	begin := s.at
	s.skipString()
	text := s.text[begin:s.at]
	if !slices.Contains(text, '\\') {
		return string(text[1 : len(text)-1])
	}
	var out string
	json.Unmarshal(text, &out) // which is a string
	return out
}

func (s *scanner) skipString() {
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

// skip goes past the next value.
func (s *scanner) skip() {
	for depth := 0; ; {
		switch s.next() {
		case '"':
			s.skipString()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':':
			s.at++
			continue
		default:
			for s.at < len(s.text) && !strings.ContainsRune(",:]} \t\r\n", rune(s.text[s.at])) {
				s.at++
			}
		}
		if depth == 0 {
			return
		}
	}
}

// object goes past an object and calls value at each of its values, which it
// must go past.
func (s *scanner) object(value func(key string) error) error {
	s.take('{')
	seen := map[string]bool{}
	for !s.take('}') {
		s.take(',')
		key := s.string()
		s.take(':')
		if seen[key] {
			return fmt.Errorf("%s is given twice", excerpt.Quote(key))
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return nil
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// check goes past a value that is to become a t. What [json.Unmarshal] refuses
// by itself it lets pass.
func (s *scanner) check(t reflect.Type) error {
	if p := reflect.PointerTo(t); p.Implements(unmarshaler) || p.Implements(textUnmarshaler) {
		s.skip()
		return nil
	}
	first := s.next()
	if first == 'n' {
		s.skip()
		switch t.Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
			return nil
		}
		return errors.New("null is not a value here")
	}
	switch kind := t.Kind(); {
	case kind == reflect.Pointer:
		return s.check(t.Elem())
	case kind == reflect.Struct && first == '{':
		return s.structure(t)
	case kind == reflect.Map && first == '{':
		return s.object(func(key string) error { return within(key, s.check(t.Elem())) })
	case kind == reflect.Interface && first == '{':
		return s.object(func(key string) error { return within(key, s.check(t)) })
	case (kind == reflect.Slice || kind == reflect.Array) && first == '[':
		return s.array(t, t.Elem())
	case kind == reflect.Interface && first == '[':
		return s.array(t, t)
	}
	s.skip()
	return nil
}

func (s *scanner) array(t, elem reflect.Type) error {
	s.take('[')
	n := 0
	for ; !s.take(']'); n++ {
		s.take(',')
		if err := s.check(elem); err != nil {
			return err
		}
	}
	if t.Kind() == reflect.Array && n != t.Len() {
		return fmt.Errorf("an array has %d elements, not %d", n, t.Len())
	}
	return nil
}

func (s *scanner) structure(t reflect.Type) error {
	known := fieldsOf(t)
	err := s.object(func(key string) error {
		at := slices.IndexFunc(known, func(f field) bool { return f.name == key })
		if at < 0 {
			return fmt.Errorf("%s is unknown", excerpt.Quote(key))
		}
		known[at].seen = true
		return within(key, s.check(known[at].typ))
	})
	if err != nil {
		return err
	}
	for _, f := range known {
		if !f.seen && !f.optional {
			return fmt.Errorf("%q is missing", f.name)
		}
	}
	return nil
}

func within(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", excerpt.Name(key), err)
}

// field is a field of a struct as encoding/json sees it.
type field struct {
	name     string
	typ      reflect.Type
	optional bool
	seen     bool
}

// fieldsOf returns the fields that encoding/json reads, those of embedded
// structs among them.
func fieldsOf(t reflect.Type) (out []field) {
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		embedded := f.Anonymous && name == ""
		if tag == "-" || embedded && indirect(f.Type).Kind() == reflect.Struct || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		o := strings.Split(options, ",")
		out = append(out, field{name: name, typ: f.Type, optional: slices.Contains(o, "omitempty") || slices.Contains(o, "omitzero")})
	}
	return out
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// Names returns the keys that objects for a struct have, or nil if t is not a
// struct.
func Names(t reflect.Type) (names []string) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}
