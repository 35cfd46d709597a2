package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/tensor"
)

// Save writes t to the file path, as [Write] does. The file is written whole or
// not at all; the error names it.
func Save(path string, t *tensor.Tensor) error {
	tensor.Check("npy.Save", t)
	return atomicfile.Write(path, func(w io.Writer) error { return Write(w, t) })
}

// Write writes t's shape and elements, byte for byte as numpy.save does for an
// array of float32 or float64 in C order (format version 1.0). The error is w's. Write
// panics with a [tensor.Misuse] if t is nil or its scope was closed.
func Write(w io.Writer, t *tensor.Tensor) error {
	tensor.Check("npy.Write", t)
	switch t.DType() {
	case tensor.Float32:
		return writeAs(w, "<f4", t.Shape(), t.Float32s())
	case tensor.Float64:
		return writeAs(w, "<f8", t.Shape(), t.Float64s())
	}
	panic(fmt.Sprintf("npy: no format for %v", t.DType()))
}

func writeAs[T float32 | float64](w io.Writer, descr string, shape []int, values []T) error {
	if _, err := w.Write(header(descr, shape)); err != nil {
		return err
	}
	for part := range slices.Chunk(values, 1<<14) {
		if err := binary.Write(w, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return nil
}

// header returns the magic string, the version, the length of what follows, and a
// Python dictionary, padded with spaces so that the elements begin at a multiple
// of 64 bytes.
func header(descr string, shape []int) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += "," // distinguishes a tuple of one from a number
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const start = len("\x93NUMPY\x01\x00") + 2
	end := (start + len(dict) + len("\n") + 63) / 64 * 64
	h := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(end-start))
	return fmt.Appendf(h, "%-*s\n", end-start-1, dict)
}
