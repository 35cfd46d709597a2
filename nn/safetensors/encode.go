package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/tensor"
)

// Write makes path a file of the tensors and notes; metadata may be nil. An
// existing file is replaced as a whole, or not at all where there is an error.
// See [Encode] for the names that are not allowed.
func Write(path string, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return Encode(w, tensors, metadata) })
}

// Encode writes the bytes of a file; metadata may be nil. The same input gives
// the same bytes: tensors are ordered by dtype, the wider first, so that each
// is aligned, and then by name. It is an error, before anything is written,
// where a name is "__metadata__" or not valid UTF-8, or where the header would
// be longer than the specification allows.
func Encode(w io.Writer, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	entries, err := describe(tensors)
	if err != nil {
		return err
	}
	head, err := encodeHeader(entries, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, e := range entries {
		if err := encodeElements(w, tensors[e.name]); err != nil {
			return err
		}
	}
	return nil
}

// describe lists the tensors in the order in which they are written.
func describe(tensors map[string]*tensor.Tensor) ([]entry, error) {
	var entries []entry
	for name, t := range tensors {
		if name == metadataKey || !utf8.ValidString(name) {
			return nil, fmt.Errorf("%q cannot be the name of a tensor", name)
		}
		dtype := "F32"
		if t.DType() == tensor.Float64 {
			dtype = "F64"
		}
		entries = append(entries, entry{name: name, dtype: dtype, shape: t.Shape()})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(-cmp.Compare(bits[a.dtype], bits[b.dtype]), cmp.Compare(a.name, b.name))
	})
	at := 0
	for i := range entries {
		e := &entries[i]
		e.begin, e.end = at, at+tensors[e.name].Len()*bits[e.dtype]/8
		at = e.end
	}
	return entries, nil
}

// encodeHeader returns the first part of a file, padded so that the elements
// begin at a multiple of eight bytes.
func encodeHeader(entries []entry, metadata map[string]string) ([]byte, error) {
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, fmt.Errorf("the metadata %q is not valid UTF-8", key)
		}
	}
	b := bytes.NewBuffer(make([]byte, 8, 1024)) // the length comes last
	b.WriteByte('{')
	field := func(name string, value any) {
		if b.Bytes()[b.Len()-1] != '{' {
			b.WriteByte(',')
		}
		appendJSON(b, name)
		b.WriteByte(':')
		appendJSON(b, value)
	}
	if len(metadata) > 0 {
		field(metadataKey, metadata) // package json sorts the keys
	}
	for _, e := range entries {
		field(e.name, struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{e.dtype, e.shape, [2]int{e.begin, e.end}})
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - 8
	if n > maxHeader {
		return nil, fmt.Errorf("the header would take %d bytes; the limit is %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// appendJSON writes a string, a map or a struct of such, which cannot fail.
func appendJSON(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
	b.Truncate(b.Len() - 1) // the line feed
}

// encodeElements writes a tensor's elements in row-major order.
func encodeElements(w io.Writer, t *tensor.Tensor) error {
	if t.DType() == tensor.Float64 {
		return encode(w, t.Float64s(), func(b []byte, v float64) []byte {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		})
	}
	return encode(w, t.Float32s(), func(b []byte, v float32) []byte {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	})
}

// encode writes numbers in pieces, so that their bytes never take much memory.
func encode[T any](w io.Writer, values []T, appendTo func([]byte, T) []byte) error {
	var buffer []byte
	for piece := range slices.Chunk(values, 4096) {
		buffer = buffer[:0]
		for _, v := range piece {
			buffer = appendTo(buffer, v)
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}
