package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// message is one of protocol buffers (https://protobuf.dev/programming-guides/encoding):
// fields, each a key and a value. The numbers of tensors are put in as it is written,
// so that a file takes no memory beside the weights.
type message struct {
	pieces []piece
	size   int64
}

// piece is bytes, or a tensor's elements in little-endian order.
type piece struct {
	bytes  []byte
	tensor *tensor.Tensor
}

// The wire types, which stand in the lowest three bits of a key.
const (
	wireVarint = 0
	wireBytes  = 2
	wireFixed  = 5 // four bytes
)

// add appends bytes to the last piece, or as a new one after a tensor.
func (m *message) add(b []byte) {
	if n := len(m.pieces); n == 0 || m.pieces[n-1].tensor != nil {
		m.pieces = append(m.pieces, piece{})
	}
	last := &m.pieces[len(m.pieces)-1]
	last.bytes = append(last.bytes, b...)
	m.size += int64(len(b))
}

func (m *message) key(field, wire int) { m.add(binary.AppendUvarint(nil, uint64(field<<3|wire))) }

func (m *message) number(field int, v int) {
	m.key(field, wireVarint)
	m.add(binary.AppendUvarint(nil, uint64(int64(v))))
}

func (m *message) float(field int, v float64) {
	m.key(field, wireFixed)
	m.add(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))))
}

func (m *message) text(field int, s string) {
	m.key(field, wireBytes)
	m.add(binary.AppendUvarint(nil, uint64(len(s))))
	m.add([]byte(s))
}

// elements is the field of a tensor's numbers.
func (m *message) elements(field int, t *tensor.Tensor) {
	size := int64(t.Len()) * int64(t.DType().Size())
	m.key(field, wireBytes)
	m.add(binary.AppendUvarint(nil, uint64(size)))
	m.pieces = append(m.pieces, piece{tensor: t})
	m.size += size
}

// message is a field that is a message itself.
func (m *message) message(field int, inner message) {
	m.key(field, wireBytes)
	m.add(binary.AppendUvarint(nil, uint64(inner.size)))
	for _, p := range inner.pieces {
		if p.tensor == nil {
			m.add(p.bytes)
			continue
		}
		m.pieces = append(m.pieces, p)
		m.size += int64(p.tensor.Len()) * int64(p.tensor.DType().Size())
	}
}

// writeTo writes the message.
func (m *message) writeTo(w io.Writer) error {
	for _, p := range m.pieces {
		var err error
		if p.tensor == nil {
			_, err = w.Write(p.bytes)
		} else {
			err = writeElements(w, p.tensor)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeElements(w io.Writer, t *tensor.Tensor) error {
	switch t.DType() {
	case tensor.Float32:
		return inPieces(w, t.Float32s(), func(b []byte, v float32) []byte {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		})
	case tensor.Float64:
		return inPieces(w, t.Float64s(), func(b []byte, v float64) []byte {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		})
	}
	panic(fmt.Errorf("onnx: unknown element type %v", t.DType()))
}

// inPieces writes numbers, a few thousand at a time.
func inPieces[T any](w io.Writer, numbers []T, one func(b []byte, v T) []byte) error {
	var b []byte
	for len(numbers) > 0 {
		n := min(len(numbers), 1<<13)
		b = b[:0]
		for _, v := range numbers[:n] {
			b = one(b, v)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		numbers = numbers[n:]
	}
	return nil
}
