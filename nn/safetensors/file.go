package safetensors

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// File is a safetensors file in memory. It is immutable and may be used by many
// goroutines at once.
type File struct {
	header header
	data   []byte
}

// Read reads a file into memory; r ends where the file ends. The header is
// checked before the rest is read, and the checksum at the end.
func Read(r io.Reader) (*File, error) {
	s, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	f := &File{header: s.header, data: make([]byte, s.header.size())}
	if n, err := io.ReadFull(s.data, f.data); err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, f.header.checkSize(int64(n))
	} else if err != nil {
		return nil, err
	}
	check := f.header.newCheck()
	check.Write(f.data)
	if err := check.verify(); err != nil {
		return nil, err
	}
	return f, nil
}

// Load is [Read] of the file at path. Its errors name the file. It refuses what
// is not a regular file, such as a pipe: open that and use Read.
func Load(path string) (*File, error) {
	f, err := atomicfile.Open(path)
	return readNamed(path, f, err)
}

// LoadFS is [Load] of a file of fsys, such as an [embed.FS].
func LoadFS(fsys fs.FS, name string) (*File, error) {
	f, err := atomicfile.OpenFS(fsys, name)
	return readNamed(name, f, err)
}

// readNamed is Read of a file that was opened, or could not be.
func readNamed(name string, f fs.File, err error) (out *File, _ error) {
	if err == nil {
		defer f.Close()
		out, err = Read(f)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return out, nil
}

// Names returns the names of the tensors, sorted.
func (f *File) Names() []string { return f.header.names() }

// Metadata returns a copy of the file's own notes, which is empty if there are
// none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.header.metadata) }

// Info returns a tensor's dtype by the specification's name ("F32", "I64", …)
// and its shape. ok is false if there is no such tensor.
func (f *File) Info(name string) (dtype string, shape []int, ok bool) { return f.header.info(name) }

// find returns an entry and its bytes.
func (f *File) find(name string) (entry, []byte, error) {
	i, ok := f.header.index[name]
	if !ok {
		return entry{}, nil, noTensor(name)
	}
	e := f.header.entries[i]
	return e, f.data[e.begin:e.end], nil
}

// Tensor returns a tensor of the file: F64 as Float64, and F32, F16 and BF16 as
// Float32. It is an error if there is no tensor of that name, if it holds
// something else (see [File.Int64s]), or if its rank is above [tensor.MaxRank].
func (f *File) Tensor(name string) (*tensor.Tensor, error) {
	e, b, err := f.find(name)
	if err != nil {
		return nil, err
	}
	t, err := e.newTensor()
	if err != nil {
		return nil, err
	}
	return t, new(copier).copy(bytes.NewReader(b), e, t)
}

// Int64s returns the elements of a tensor of whole numbers (I8 to I64, U8 to
// U64, BOOL as 0 and 1) in row-major order, and its shape. It is an error if
// there is no tensor of that name, if it holds something else, or if a U64 does
// not fit.
func (f *File) Int64s(name string) (values []int64, shape []int, err error) {
	e, b, err := f.find(name)
	if err != nil {
		return nil, nil, err
	}
	d := decoders[e.dtype]
	if d.whole == nil {
		return nil, nil, fmt.Errorf("tensor %s holds %s, not whole numbers", excerpt.Quote(name), e.dtype)
	}
	size := bits[e.dtype] / 8
	values = make([]int64, len(b)/size)
	decode(values, b, size, d.whole)
	if e.dtype == "U64" && slices.ContainsFunc(values, func(v int64) bool { return v < 0 }) {
		return nil, nil, fmt.Errorf("tensor %s holds a U64 above the largest int64", excerpt.Quote(name))
	}
	return values, slices.Clone(e.shape), nil
}
