// Package safetensors reads and writes the safetensors file format, in which
// PyTorch and other libraries exchange the weights of a network. A file is
//
//	8 bytes   N, the length of the header, little-endian
//	N bytes   a JSON object: {"name": {"dtype": "F32", "shape": [2, 3],
//	          "data_offsets": [0, 24]}, …, "__metadata__": {"key": "value"}}
//	the rest  the tensors' elements, little-endian and row-major, without gaps
//
// A file holds numbers only: reading one runs no code. Everything that a file
// says about itself is checked against its real size before memory is
// allocated for it, and a file that breaks a rule is refused with an error that
// wraps [ErrFormat].
//
// The specification is at https://github.com/huggingface/safetensors.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error about a file's contents.
var ErrFormat = errors.New("not a valid safetensors file")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

const (
	maxHeader   = 100_000_000 // bytes, by the specification
	metadataKey = "__metadata__"
)

// bits is the size of one element of each dtype of the specification.
var bits = map[string]int{
	"F64": 64, "F32": 32, "F16": 16, "BF16": 16,
	"I64": 64, "I32": 32, "I16": 16, "I8": 8,
	"U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
	"C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8,
}

// entry is what the header says about one tensor.
type entry struct {
	name       string
	dtype      string
	shape      []int
	begin, end int // of its bytes, from the end of the header
}

// header is a decoded header whose entries are in the order of their bytes.
type header struct {
	entries  []entry
	metadata map[string]string
}

// headerLen decodes the first eight bytes of a file of the given size.
func headerLen(first []byte, size int64) (int, error) {
	if size < 8 {
		return 0, damaged("%d bytes are too few", size)
	}
	n := binary.LittleEndian.Uint64(first)
	switch {
	case n > maxHeader:
		return 0, damaged("the header's length is %d; the limit is %d", n, maxHeader)
	case int64(n) > size-8:
		return 0, damaged("the header's length is %d, and %d bytes follow", n, size-8)
	}
	return int(n), nil
}

// parseHeader decodes a header and checks that its entries cover exactly size
// bytes.
func parseHeader(text []byte, size int64) (header, error) {
	switch {
	case len(text) == 0 || text[0] != '{':
		return header{}, damaged("the header does not begin with '{'")
	case !utf8.Valid(text):
		return header{}, damaged("the header is not valid UTF-8")
	}
	// Once the syntax is known to be right, only the meaning is left to check.
	if !json.Valid(text) {
		var ignored any
		return header{}, damaged("the header is not valid JSON: %v", json.Unmarshal(text, &ignored))
	}
	p := parser{json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	h := header{}
	err := p.object("the header", func(name string) (err error) {
		if name == metadataKey {
			h.metadata, err = p.metadata()
			return err
		}
		e, err := p.entry(name)
		h.entries = append(h.entries, e)
		return err
	})
	if err != nil {
		return header{}, err
	}
	return h, h.checkCover(size)
}

// checkCover sorts the entries by place and checks that they follow one another
// from 0 to size.
func (h *header) checkCover(size int64) error {
	slices.SortFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at, last := 0, ""
	for _, e := range h.entries {
		switch {
		case e.begin > at:
			return damaged("there is a hole of %d bytes before tensor %q", e.begin-at, e.name)
		case e.begin < at:
			return damaged("tensors %q and %q overlap", last, e.name)
		}
		at, last = e.end, e.name
	}
	if int64(at) != size {
		return damaged("the header describes %d bytes of data, and %d are there", at, size)
	}
	return nil
}

// parser reads a header token by token, because decoding into a map would lose
// duplicate names.
type parser struct{ dec *json.Decoder }

// delim reads one token, which must be the given bracket.
func (p parser) delim(what string, want json.Delim) error {
	if t, _ := p.dec.Token(); t != want {
		return damaged("%s does not begin with '%v'", what, want)
	}
	return nil
}

// object reads an object and calls value at each of its values.
func (p parser) object(what string, value func(key string) error) error {
	if err := p.delim(what, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return damaged("%s: %v", what, err)
		}
		key := t.(string)
		if seen[key] {
			return damaged("%s names %q twice", what, key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := p.dec.Token() // the closing bracket
	return err
}

func (p parser) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := p.object("the metadata", func(key string) error {
		t, _ := p.dec.Token()
		value, ok := t.(string)
		if !ok {
			return damaged("the metadata %q is not a string", key)
		}
		m[key] = value
		return nil
	})
	return m, err
}

// entry reads what the header says about one tensor and checks it as far as
// that goes without the others.
func (p parser) entry(name string) (entry, error) {
	e := entry{name: name}
	what := fmt.Sprintf("tensor %q", name)
	var offsets []int
	fields := 0
	err := p.object(what, func(key string) (err error) {
		fields++
		switch key {
		case "dtype":
			t, _ := p.dec.Token()
			e.dtype, _ = t.(string)
			if bits[e.dtype] == 0 {
				return damaged("%s has an unknown dtype %v", what, t)
			}
		case "shape":
			e.shape, err = p.ints(what + "'s shape")
		case "data_offsets":
			offsets, err = p.ints(what + "'s offsets")
		default:
			return damaged("%s has an unknown field %q", what, key)
		}
		return err
	})
	switch {
	case err != nil:
		return e, err
	case fields != 3:
		return e, damaged("%s lacks one of dtype, shape and data_offsets", what)
	case len(offsets) != 2 || offsets[0] > offsets[1]:
		return e, damaged("%s has offsets %v, not a beginning and an end", what, offsets)
	}
	e.begin, e.end = offsets[0], offsets[1]
	n, ok := byteLen(e.dtype, e.shape)
	if !ok || n != e.end-e.begin {
		return e, damaged("%s of dtype %s and shape %v does not take the %d bytes from %d to %d",
			what, e.dtype, e.shape, e.end-e.begin, e.begin, e.end)
	}
	return e, nil
}

// ints reads an array of whole numbers of 0 or more.
func (p parser) ints(what string) ([]int, error) {
	if err := p.delim(what, '['); err != nil {
		return nil, err
	}
	out := []int{}
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return nil, damaged("%s: %v", what, err)
		}
		number, _ := t.(json.Number)
		n, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, damaged("%s holds %v, not a whole number that fits", what, t)
		}
		out = append(out, int(n))
	}
	_, err := p.dec.Token()
	return out, err
}

// byteLen returns the bytes that an array takes; ok is false where that is not a
// whole number or does not fit an int. Dims of 0 count as 1 for the latter, so
// that the product of the others always fits.
func byteLen(dtype string, shape []int) (n int, ok bool) {
	n, product := 1, 1
	for _, d := range shape {
		if d > math.MaxInt/64/product {
			return 0, false
		}
		n *= d
		product *= max(d, 1)
	}
	return n * bits[dtype] / 8, n*bits[dtype]%8 == 0
}
