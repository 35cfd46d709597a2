package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// Save makes path a file of the tensors and notes; metadata may be nil. An
// existing file is replaced as a whole, or not at all if there is an error. See
// [Write] for the names that are not allowed.
func Save(path string, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return Write(w, tensors, metadata) })
}

// Write writes the bytes of a file; metadata may be nil. The same input gives
// the same bytes: tensors are ordered by dtype, the wider first, so that each
// is aligned, and then by name. It goes over the tensors twice, since the checksum
// stands in the header; those of another device are in host memory meanwhile. It is
// an error, before anything is written, if a tensor's name is "__metadata__" or not
// valid UTF-8, if the metadata holds [ChecksumKey], or if the header would be
// longer than 16 MiB. Write panics with a [tensor.Misuse] if a tensor is nil or its
// scope was closed.
func Write(w io.Writer, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	return write(w, tensors, metadata, true)
}

func write(w io.Writer, tensors map[string]*tensor.Tensor, metadata map[string]string, checksum bool) error {
	h := header{metadata: metadata}
	var err error
	if h.entries, err = describe(tensors); err != nil {
		return err
	}
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return fmt.Errorf("the metadata %s is not valid UTF-8", excerpt.Quote(key))
		}
		if key == ChecksumKey || strings.HasPrefix(value, checksumMark) {
			return fmt.Errorf("the metadata %s is reserved for the file's checksum", excerpt.Quote(key))
		}
	}
	if checksum {
		tensors = onHost(tensors)
		sum := h.digest()
		for _, e := range h.entries {
			eachPiece(tensors[e.name], func(b []byte) error {
				sum.Write(b)
				return nil
			})
		}
		h.checksum = checksumText(sum)
	}
	head, err := h.encode()
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, e := range h.entries {
		err := eachPiece(tensors[e.name], func(b []byte) error {
			_, err := w.Write(b)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// onHost returns the tensors in host memory, each brought there once at most.
func onHost(tensors map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	out := make(map[string]*tensor.Tensor, len(tensors))
	for name, t := range tensors {
		out[name] = t.To(tensor.CPU())
	}
	return out
}

// describe lists the tensors in the order in which they are written.
func describe(tensors map[string]*tensor.Tensor) ([]entry, error) {
	var entries []entry
	for name, t := range tensors {
		tensor.Check("safetensors.Write", t)
		if name == metadataKey || !utf8.ValidString(name) {
			return nil, fmt.Errorf("%s cannot be the name of a tensor", excerpt.Quote(name))
		}
		dtype, ok := map[tensor.DType]string{tensor.Float32: "F32", tensor.Float64: "F64"}[t.DType()]
		if !ok {
			return nil, fmt.Errorf("tensor %s of %v cannot be written", excerpt.Quote(name), t.DType())
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

// encode returns the first part of a file, padded so that the elements begin at
// a multiple of eight bytes.
func (h *header) encode() ([]byte, error) {
	metadata := h.metadata
	if h.checksum != "" {
		metadata = map[string]string{ChecksumKey: h.checksum}
		maps.Copy(metadata, h.metadata)
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
	for _, e := range h.entries {
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

// eachPiece calls do with the bytes of a tensor's elements in row-major order,
// piece by piece. The bytes are do's until it returns.
func eachPiece(t *tensor.Tensor, do func([]byte) error) error {
	n := t.Len()
	flat := t.Contiguous().Reshape(n)
	var b []byte
	for at := 0; at < n; at += pieceLen {
		part := flat.Slice(0, at, min(at+pieceLen, n))
		switch t.DType() {
		case tensor.Float32:
			b = resize(b, 4*part.Len())
			for i, v := range part.Float32s() {
				le.PutUint32(b[4*i:], math.Float32bits(v))
			}
		case tensor.Float64:
			b = resize(b, 8*part.Len())
			for i, v := range part.Float64s() {
				le.PutUint64(b[8*i:], math.Float64bits(v))
			}
		}
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}
