package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// decoder reads one element in each of the ways in which its dtype can be read;
// the others are nil.
type decoder struct {
	single func([]byte) float32
	double func([]byte) float64
	whole  func([]byte) int64
}

var le = binary.LittleEndian

// decoders are those of the dtypes that can be read at all.
var decoders = map[string]decoder{
	"F64":  {double: func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }},
	"F32":  {single: func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }},
	"F16":  {single: func(b []byte) float32 { return fromHalf(le.Uint16(b)) }},
	"BF16": {single: func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) }}, // the upper half of a float32
	"I8":   whole(func(b []byte) int8 { return int8(b[0]) }),
	"U8":   whole(func(b []byte) uint8 { return b[0] }),
	"BOOL": whole(func(b []byte) uint8 { return b[0] }),
	"I16":  whole(func(b []byte) int16 { return int16(le.Uint16(b)) }),
	"U16":  whole(le.Uint16),
	"I32":  whole(func(b []byte) int32 { return int32(le.Uint32(b)) }),
	"U32":  whole(le.Uint32),
	"I64":  whole(func(b []byte) int64 { return int64(le.Uint64(b)) }),
	"U64":  whole(le.Uint64),
}

func whole[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](read func([]byte) T) decoder {
	return decoder{
		single: func(b []byte) float32 { return float32(read(b)) },
		double: func(b []byte) float64 { return float64(read(b)) },
		whole:  func(b []byte) int64 { return int64(read(b)) },
	}
}

// fills reports whether elements can go to a tensor of that dtype.
func (d decoder) fills(dt tensor.DType) bool {
	switch dt {
	case tensor.Float32:
		return d.single != nil
	case tensor.Float64:
		return d.double != nil
	}
	return false
}

// newTensor returns a tensor for an entry's elements.
func (e entry) newTensor() (t *tensor.Tensor, err error) {
	d, dt := decoders[e.dtype], tensor.Float32
	if d.single == nil {
		dt = tensor.Float64
	}
	if d.whole != nil || !d.fills(dt) {
		return nil, fmt.Errorf("tensor %s holds %s, not floating-point numbers that a tensor can hold", excerpt.Quote(e.name), e.dtype)
	}
	if err := tensor.Catch(func() { t = tensor.New(dt, e.shape...) }); err != nil {
		return nil, fmt.Errorf("tensor %s: %w", excerpt.Quote(e.name), err)
	}
	return t, nil
}

// pieceLen is the number of elements that are read or written at once, so that
// what is between the file and a tensor never takes much memory.
const pieceLen = 1 << 14

// copier brings elements from a file to tensors.
type copier struct {
	raw    []byte
	single []float32
	double []float64
}

// copy reads an entry's elements from r into t, which may be nil.
func (c *copier) copy(r io.Reader, e entry, t *tensor.Tensor) error {
	if t == nil {
		_, err := io.CopyN(io.Discard, r, int64(e.end-e.begin))
		return err
	}
	dst := t
	if !t.IsContiguous() {
		dst = t.Device().New(t.DType(), t.Shape()...)
	}
	n, size, d := t.Len(), bits[e.dtype]/8, decoders[e.dtype]
	flat := dst.Reshape(n)
	for at := 0; at < n; at += pieceLen {
		end := min(at+pieceLen, n)
		c.raw = resize(c.raw, (end-at)*size)
		if _, err := io.ReadFull(r, c.raw); err != nil {
			return err
		}
		part := flat.Slice(0, at, end)
		switch t.DType() {
		case tensor.Float32:
			c.single = resize(c.single, end-at)
			decode(c.single, c.raw, size, d.single)
			part.SetFloat32(c.single)
		case tensor.Float64:
			c.double = resize(c.double, end-at)
			decode(c.double, c.raw, size, d.double)
			part.SetFloat64(c.double)
		default:
			panic(fmt.Sprintf("safetensors: no decoder for %v", t.DType()))
		}
	}
	if dst != t {
		t.CopyFrom(dst)
	}
	return nil
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// decode makes one number of every size bytes.
func decode[T any](dst []T, b []byte, size int, one func([]byte) T) {
	for i := range dst {
		dst[i] = one(b[i*size : (i+1)*size])
	}
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
