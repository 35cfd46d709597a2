package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// File is a safetensors file in memory. It is immutable and may be used by many
// goroutines at once.
type File struct {
	header header
	index  map[string]int // into header.entries
	data   []byte
}

// Open reads a file. Its header is checked before the rest is read.
func Open(path string) (*File, error) {
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, nil
}

func open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return read(f, info.Size())
}

// Parse reads a file that is already in memory. The File keeps b, which must
// not be changed afterwards.
func Parse(b []byte) (*File, error) {
	n, err := headerLen(b, int64(len(b)))
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(b[8:8+n], int64(len(b)-8-n))
	if err != nil {
		return nil, err
	}
	return newFile(h, b[8+n:]), nil
}

// read reads a file of the given size.
func read(r io.Reader, size int64) (*File, error) {
	first := make([]byte, min(8, size))
	if _, err := io.ReadFull(r, first); err != nil {
		return nil, err
	}
	n, err := headerLen(first, size)
	if err != nil {
		return nil, err
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	h, err := parseHeader(text, size-8-int64(n))
	if err != nil {
		return nil, err
	}
	data := make([]byte, size-8-int64(n))
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	return newFile(h, data), nil
}

func newFile(h header, data []byte) *File {
	f := &File{header: h, index: map[string]int{}, data: data}
	for i, e := range h.entries {
		f.index[e.name] = i
	}
	return f
}

// Names returns the names of the tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.index)) }

// Metadata returns a copy of the file's own notes; it is empty where there are
// none.
func (f *File) Metadata() map[string]string {
	m := map[string]string{}
	maps.Copy(m, f.header.metadata)
	return m
}

// Info returns a tensor's dtype by the specification's name ("F32", "I64", …)
// and its shape. ok is false where there is no such tensor.
func (f *File) Info(name string) (dtype string, shape []int, ok bool) {
	i, ok := f.index[name]
	if !ok {
		return "", nil, false
	}
	e := f.header.entries[i]
	return e.dtype, slices.Clone(e.shape), true
}

// find returns an entry and its bytes.
func (f *File) find(name string) (entry, []byte, error) {
	i, ok := f.index[name]
	if !ok {
		return entry{}, nil, fmt.Errorf("there is no tensor %q in the file", name)
	}
	e := f.header.entries[i]
	return e, f.data[e.begin:e.end], nil
}

// Tensor returns a tensor of the file: F64 as Float64, and F32, F16 and BF16 as
// Float32. It is an error where there is no tensor of that name, where it holds
// something else (see [File.Int64s]), or where its rank is above
// [tensor.MaxRank].
func (f *File) Tensor(name string) (*tensor.Tensor, error) {
	e, b, err := f.find(name)
	if err != nil {
		return nil, err
	}
	dt := tensor.Float32
	switch e.dtype {
	case "F64":
		dt = tensor.Float64
	case "F32", "F16", "BF16":
	default:
		return nil, fmt.Errorf("tensor %q holds %s, not floating-point numbers that a tensor can hold", name, e.dtype)
	}
	var t *tensor.Tensor
	if err := tensor.Catch(func() { t = tensor.New(dt, e.shape...) }); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	le := binary.LittleEndian
	switch e.dtype {
	case "F64":
		t.SetFloat64(decode(b, 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }))
	case "F32":
		t.SetFloat32(decode(b, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }))
	case "F16":
		t.SetFloat32(decode(b, 2, func(b []byte) float32 { return fromHalf(le.Uint16(b)) }))
	case "BF16": // the upper half of a float32
		t.SetFloat32(decode(b, 2, func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) }))
	}
	return t, nil
}

// Int64s returns the elements of a tensor of whole numbers (I8 to I64, U8 to
// U64, BOOL as 0 and 1) in row-major order, and its shape. It is an error where
// there is no tensor of that name, where it holds something else, or where a
// U64 does not fit.
func (f *File) Int64s(name string) (values []int64, shape []int, err error) {
	e, b, err := f.find(name)
	if err != nil {
		return nil, nil, err
	}
	le := binary.LittleEndian
	switch e.dtype {
	case "I8":
		values = decode(b, 1, func(b []byte) int64 { return int64(int8(b[0])) })
	case "U8", "BOOL":
		values = decode(b, 1, func(b []byte) int64 { return int64(b[0]) })
	case "I16":
		values = decode(b, 2, func(b []byte) int64 { return int64(int16(le.Uint16(b))) })
	case "U16":
		values = decode(b, 2, func(b []byte) int64 { return int64(le.Uint16(b)) })
	case "I32":
		values = decode(b, 4, func(b []byte) int64 { return int64(int32(le.Uint32(b))) })
	case "U32":
		values = decode(b, 4, func(b []byte) int64 { return int64(le.Uint32(b)) })
	case "I64", "U64":
		values = decode(b, 8, func(b []byte) int64 { return int64(le.Uint64(b)) })
	default:
		return nil, nil, fmt.Errorf("tensor %q holds %s, not whole numbers", name, e.dtype)
	}
	if e.dtype == "U64" && slices.ContainsFunc(values, func(v int64) bool { return v < 0 }) {
		return nil, nil, fmt.Errorf("tensor %q holds a U64 above the largest int64", name)
	}
	return values, slices.Clone(e.shape), nil
}

// decode turns every size bytes into one number.
func decode[T any](b []byte, size int, one func([]byte) T) []T {
	out := make([]T, len(b)/size)
	for i := range out {
		out[i] = one(b[i*size : (i+1)*size])
	}
	return out
}

// fromHalf converts the bits of an IEEE 754 half: one sign, five exponent and
// ten fraction bits. Every half is a float32.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // zero and subnormals: fraction·2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // Inf and NaN
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
