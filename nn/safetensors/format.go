package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/excerpt"
)

// ErrFormat is wrapped by every error about a file's contents.
var ErrFormat = errors.New("not a valid safetensors file")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

const (
	// maxHeader is the longest header, in bytes. The specification allows 100
	// MB; the headers of the largest models that are published take a few.
	maxHeader   = 16 << 20
	maxRank     = 32
	metadataKey = "__metadata__"
)

// ChecksumKey is the metadata entry that holds a file's checksum. It is not
// part of what [File.Metadata] returns.
const ChecksumKey = "gander.checksum"

// checksumMark begins the value of that entry. The key and the mark go
// together: if one bit of either is damaged, the other still tells that there
// is a checksum.
const checksumMark = "gander:crc32c:"

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
	index    map[string]int    // into entries, by name
	metadata map[string]string // without the checksum
	checksum string            // "" if there is none
}

// size returns the number of bytes of all elements.
func (h *header) size() int {
	if len(h.entries) == 0 {
		return 0
	}
	return h.entries[len(h.entries)-1].end
}

// headerLen decodes the first eight bytes of a file of the given size, or of
// one of unknown size if that is negative.
func headerLen(first []byte, size int64) (int, error) {
	if len(first) < 8 {
		return 0, damaged("%d bytes are too few", len(first))
	}
	n := binary.LittleEndian.Uint64(first)
	switch {
	case n > maxHeader:
		return 0, damaged("the header's length is %d; the limit is %d", n, maxHeader)
	case size >= 0 && int64(n) > size-8:
		return 0, damaged("the header's length is %d, and %d bytes follow", n, size-8)
	}
	return int(n), nil
}

// otherFormat recognises files that are given for safetensors by mistake. Some of
// these beginnings are lengths of headers, too: only what has no header may be
// taken for another format.
func otherFormat(first []byte) string {
	const advice = "; examples/convert and the package nn/torch read it"
	begins := func(s string) bool { return bytes.HasPrefix(first, []byte(s)) }
	switch {
	case begins("PK\x03\x04"):
		return "a ZIP archive, as PyTorch's torch.save writes it (.pt, .pth)" + advice
	case begins("\x80\x02"), begins("\x80\x03"), begins("\x80\x04"), begins("\x80\x05"):
		return "a Python pickle, as old versions of PyTorch's torch.save write it (.pt, .pth); load it in Python and write it with safetensors.torch.save_file"
	case begins("\x89HDF"):
		return "an HDF5 file, as Keras writes it; convert it to safetensors first"
	case begins("\x93NUMPY"):
		return "a NumPy array (.npy); convert it to safetensors first"
	case begins("GGUF"):
		return "a GGUF file; convert it to safetensors first"
	case begins("\x1f\x8b"):
		return "compressed by gzip; decompress it first"
	case begins("version "):
		return "a pointer of Git LFS, not the file itself; fetch it with git lfs pull"
	}
	return ""
}

// parseHeader decodes a header, which begins with '{', and checks it as far as
// that goes without the elements.
func parseHeader(text []byte) (header, error) {
	h := header{index: map[string]int{}, metadata: map[string]string{}}
	if !utf8.Valid(text) {
		return h, damaged("the header is not valid UTF-8")
	}
	// Once the syntax is known to be right, only the meaning is left to check.
	if !json.Valid(text) {
		var ignored any
		return h, damaged("the header is not valid JSON: %v", json.Unmarshal(text, &ignored))
	}
	p := parser{text: text}
	seen := false
	err := p.object(func(name string) error {
		if name == metadataKey {
			if seen {
				return fmt.Errorf("the header names %q twice", metadataKey)
			}
			seen = true
			return p.metadata(&h)
		}
		if _, twice := h.index[name]; twice {
			return fmt.Errorf("the header names %s twice", excerpt.Quote(name))
		}
		e, err := p.entry(name)
		if err != nil {
			return fmt.Errorf("tensor %s%w", excerpt.Quote(name), err)
		}
		h.index[name] = 0 // the places are known when the entries are in order
		h.entries = append(h.entries, e)
		return nil
	})
	if err == nil {
		err = h.arrange()
	}
	if err != nil {
		return h, damaged("%v", err)
	}
	return h, nil
}

// arrange sorts the entries by place and checks that they follow one another.
func (h *header) arrange() error {
	slices.SortFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at, last := 0, ""
	for i, e := range h.entries {
		switch {
		case e.begin > at:
			return fmt.Errorf("there is a hole of %d bytes before tensor %s", e.begin-at, excerpt.Quote(e.name))
		case e.begin < at:
			return fmt.Errorf("tensors %s and %s overlap", excerpt.Quote(last), excerpt.Quote(e.name))
		}
		at, last = e.end, e.name
		h.index[e.name] = i
	}
	return nil
}

// checkSize compares what the header says about the elements with the bytes
// that are there.
func (h *header) checkSize(have int64) error {
	if want := int64(h.size()); have != want {
		return damaged("the header describes %d bytes of data, and %d are there", want, have)
	}
	return nil
}

// digest returns a checksum that has seen everything that the header says, but
// no elements yet. What counts is the meaning, so that a program which writes
// the same header in another way does not break it.
func (h *header) digest() hash.Hash32 {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		sum.Write(b[:])
	}
	text := func(s string) {
		number(len(s))
		sum.Write([]byte(s))
	}
	number(len(h.metadata))
	for _, key := range slices.Sorted(maps.Keys(h.metadata)) {
		text(key)
		text(h.metadata[key])
	}
	number(len(h.entries))
	for _, e := range h.entries {
		text(e.name)
		text(e.dtype)
		number(len(e.shape))
		for _, d := range e.shape {
			number(d)
		}
	}
	return sum
}

// checksumText is the metadata entry's value.
func checksumText(sum hash.Hash32) string { return fmt.Sprintf("%s%08x", checksumMark, sum.Sum32()) }

// check sees a file's elements go by, and compares the checksum at the end if
// the file has one.
type check struct {
	sum  hash.Hash32 // nil if it has none
	want string
}

func (h *header) newCheck() check {
	if h.checksum == "" {
		return check{}
	}
	return check{h.digest(), h.checksum}
}

func (c check) Write(b []byte) (int, error) {
	if c.sum != nil {
		c.sum.Write(b)
	}
	return len(b), nil
}

func (c check) verify() error {
	if c.sum == nil || checksumText(c.sum) == c.want {
		return nil
	}
	return damaged("the checksum does not fit: the file is damaged, or another program changed it and kept the metadata entry %q", ChecksumKey)
}

// parser reads a header that is known to be valid JSON and UTF-8.
type parser struct {
	text []byte
	at   int
}

// next skips white space and returns the byte that follows.
func (p *parser) next() byte {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return c
		}
	}
	return 0
}

// skip goes past the next byte if it is c.
func (p *parser) skip(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

// string reads a string; ok is false if the next value is none.
func (p *parser) string() (s string, ok bool) {
	if p.next() != '"' {
		return "", false
	}
	begin, escaped := p.at, false
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			escaped = true
			p.at++
		}
	}
	p.at++
	if !escaped {
		return string(p.text[begin+1 : p.at-1]), true
	}
	return s, json.Unmarshal(p.text[begin:p.at], &s) == nil
}

// scalar returns the text of the next value: of a number or a name such as
// null as it stands, of a string what it says, of others their first bracket.
func (p *parser) scalar() string {
	switch c := p.next(); c {
	case '"':
		s, _ := p.string()
		return s
	case '{', '[':
		return string(c)
	}
	n := bytes.IndexAny(p.text[p.at:], ",]} \t\r\n")
	begin := p.at
	p.at += n
	return string(p.text[begin:p.at])
}

// object reads an object and calls value at each of its values, which it must
// read.
func (p *parser) object(value func(key string) error) error {
	if !p.skip('{') {
		return errors.New(" does not begin with '{'")
	}
	for !p.skip('}') {
		p.skip(',')
		key, _ := p.string()
		p.skip(':')
		if err := value(key); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) metadata(h *header) error {
	if p.next() != '{' {
		return errors.New("the metadata does not begin with '{'")
	}
	return p.object(func(key string) error {
		value, ok := p.string()
		if !ok {
			return fmt.Errorf("the metadata %s is not a string", excerpt.Quote(key))
		}
		if _, twice := h.metadata[key]; twice || key == ChecksumKey && h.checksum != "" {
			return fmt.Errorf("the metadata names %s twice", excerpt.Quote(key))
		}
		marked := len(value) == len(checksumMark)+8 && value[:len(checksumMark)] == checksumMark
		switch {
		case marked != (key == ChecksumKey):
			return fmt.Errorf("the checksum's entry is damaged: %s holds %s", excerpt.Quote(key), excerpt.Quote(value))
		case marked:
			h.checksum = value
		default:
			h.metadata[key] = value
		}
		return nil
	})
}

// entry reads what the header says about one tensor and checks it as far as
// that goes without the others. Its errors go on from the tensor's name.
func (p *parser) entry(name string) (entry, error) {
	e := entry{name: name}
	var offsets []int
	var seen []string // of at most three fields
	err := p.object(func(key string) (err error) {
		if slices.Contains(seen, key) {
			return fmt.Errorf(" names %s twice", excerpt.Quote(key))
		}
		seen = append(seen, key)
		switch key {
		case "dtype":
			s, ok := p.string()
			if !ok {
				s = p.scalar()
			}
			if !ok || bits[s] == 0 {
				return fmt.Errorf(" has an unknown dtype %s", excerpt.Name(s))
			}
			e.dtype = s
		case "shape":
			e.shape, err = p.ints("shape", maxRank)
		case "data_offsets":
			offsets, err = p.ints("data_offsets", 2)
		default:
			return fmt.Errorf(" has an unknown field %s", excerpt.Quote(key))
		}
		return err
	})
	switch {
	case err != nil:
		return e, err
	case len(seen) != 3:
		return e, errors.New(" lacks one of dtype, shape and data_offsets")
	case len(offsets) != 2 || offsets[0] > offsets[1]:
		return e, fmt.Errorf(" has offsets %v, not a beginning and an end", offsets)
	}
	e.begin, e.end = offsets[0], offsets[1]
	n, ok := byteLen(e.dtype, e.shape)
	if !ok || n != e.end-e.begin {
		return e, fmt.Errorf(" of dtype %s and shape %v does not take the %d bytes from %d to %d",
			e.dtype, e.shape, e.end-e.begin, e.begin, e.end)
	}
	return e, nil
}

// ints reads an array of at most so many whole numbers of 0 or more.
func (p *parser) ints(what string, most int) ([]int, error) {
	if !p.skip('[') {
		return nil, fmt.Errorf("'s %s does not begin with '['", what)
	}
	out := make([]int, 0, 4)
	for !p.skip(']') {
		p.skip(',')
		quoted := p.next() == '"'
		text := p.scalar()
		n, err := strconv.ParseUint(text, 10, strconv.IntSize-1)
		if quoted || err != nil {
			return nil, fmt.Errorf("'s %s holds %s, not a whole number that fits", what, excerpt.Name(text))
		}
		if len(out) == most {
			return nil, fmt.Errorf("'s %s has more than %d numbers", what, most)
		}
		out = append(out, int(n))
	}
	return slices.Clip(out), nil
}

// byteLen returns the bytes that an array takes; ok is false if that is not a
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
