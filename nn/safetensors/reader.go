package safetensors

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// Reader reads a file as a stream: first the header, by [NewReader], and then
// the elements, once, by [Reader.ReadInto] or [Reader.Tensors]. It is for one
// goroutine.
type Reader struct {
	header header
	data   io.Reader // the elements, exactly as many bytes as the header says
	done   bool
}

// NewReader reads and checks a file's header. r ends where the file ends.
//
// If r is an [io.Seeker], such as a file or a [bytes.Reader], its size is
// compared with the header, and the elements are left in r. Of any other stream
// everything is read at once and kept until it is wanted, because nobody should
// allocate tensors for elements that a header merely promises.
func NewReader(r io.Reader) (*Reader, error) {
	size := sizeOf(r)
	first := make([]byte, 8)
	n, err := io.ReadFull(r, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	noHeader := func(err error) error {
		if other := otherFormat(first[:n]); other != "" {
			return damaged("this is %s", other)
		}
		return err
	}
	length, err := headerLen(first[:n], size)
	if err != nil {
		return nil, noHeader(err)
	}
	head, err := readFull(r, int64(length))
	if err != nil {
		return nil, err
	}
	text := head.bytes()
	switch {
	case len(text) < length:
		return nil, noHeader(damaged("the header's length is %d, and %d bytes follow", length, len(text)))
	case length == 0 || text[0] != '{':
		return nil, noHeader(damaged("the header does not begin with '{'"))
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, err
	}
	if size >= 0 {
		if err := h.checkSize(size - 8 - int64(length)); err != nil {
			return nil, err
		}
		return &Reader{header: h, data: io.LimitReader(r, int64(h.size()))}, nil
	}
	data, err := readFull(r, int64(h.size()))
	if err != nil {
		return nil, err
	}
	if err := h.checkSize(int64(data.len())); err != nil {
		return nil, err
	}
	switch _, err := io.ReadFull(r, first[:1]); {
	case err == nil:
		return nil, damaged("the header describes %d bytes of data, and more are there", h.size())
	case err != io.EOF:
		return nil, err
	}
	return &Reader{header: h, data: data}, nil
}

// sizeOf returns the number of bytes that are left in r, or −1 if that is not
// known.
func sizeOf(r io.Reader) int64 {
	s, ok := r.(io.Seeker)
	if !ok {
		return -1
	}
	if f, ok := r.(fs.File); ok { // a device may be able to seek
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return -1
		}
	}
	here, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return -1
	}
	if _, err := s.Seek(here, io.SeekStart); err != nil || end < here {
		return -1
	}
	return end - here
}

// pieces are bytes that were read ahead. As a reader it lets go of what has been
// read.
type pieces struct {
	list [][]byte
	at   int // in the first
}

// readFull reads n bytes, or fewer if r ends, in pieces that grow as bytes
// arrive.
func readFull(r io.Reader, n int64) (*pieces, error) {
	p := new(pieces)
	for size := int64(1 << 16); n > 0; size = min(2*size, 1<<20) {
		b := make([]byte, min(size, n))
		got, err := io.ReadFull(r, b)
		p.list = append(p.list, b[:got])
		n -= int64(got)
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return p, nil
		case err != nil:
			return nil, err
		}
	}
	return p, nil
}

func (p *pieces) len() int {
	n := -p.at
	for _, b := range p.list {
		n += len(b)
	}
	return n
}

// bytes returns what was read as one slice.
func (p *pieces) bytes() []byte {
	if len(p.list) == 1 {
		return p.list[0]
	}
	return slices.Concat(p.list...)
}

func (p *pieces) Read(b []byte) (n int, err error) {
	if len(p.list) == 0 {
		return 0, io.EOF
	}
	n = copy(b, p.list[0][p.at:])
	if p.at += n; p.at == len(p.list[0]) {
		p.list[0] = nil
		p.list, p.at = p.list[1:], 0
	}
	return n, nil
}

// Names returns the names of the tensors, sorted.
func (r *Reader) Names() []string { return r.header.names() }

// Metadata returns a copy of the file's own notes, which is empty if there are
// none.
func (r *Reader) Metadata() map[string]string { return maps.Clone(r.header.metadata) }

// Info returns a tensor's dtype by the specification's name ("F32", "I64", …)
// and its shape. ok is false if there is no such tensor.
func (r *Reader) Info(name string) (dtype string, shape []int, ok bool) { return r.header.info(name) }

func (h *header) names() []string { return slices.Sorted(maps.Keys(h.index)) }

func (h *header) info(name string) (dtype string, shape []int, ok bool) {
	i, ok := h.index[name]
	if !ok {
		return "", nil, false
	}
	e := h.entries[i]
	return e.dtype, slices.Clone(e.shape), true
}

// ErrRead is returned by the methods of a [Reader] whose elements have been
// read already.
var ErrRead = errors.New("the elements have been read already")

// ReadInto reads the elements of all tensors, each into the tensor of its name.
// Those without one are skipped. Shapes must agree, and dtypes too: F32, F16 and
// BF16 go to Float32, F64 to Float64, and whole numbers and BOOL to either. What
// does not agree is an error before anything is read, and a tensor that is nil panics
// with a [tensor.Misuse].
//
// The checksum is compared at the end. After an error the tensors hold something
// in between, so read into new ones.
func (r *Reader) ReadInto(dst map[string]*tensor.Tensor) error {
	if r.done {
		return ErrRead
	}
	for _, name := range slices.Sorted(maps.Keys(dst)) {
		i, ok := r.header.index[name]
		if !ok {
			return noTensor(name)
		}
		e, t := r.header.entries[i], dst[name]
		tensor.Check("Reader.ReadInto", t)
		if !slices.Equal(t.Shape(), e.shape) {
			return fmt.Errorf("tensor %s has shape %v in the file, not %v", excerpt.Quote(name), e.shape, t.Shape())
		}
		if !decoders[e.dtype].fills(t.DType()) {
			return fmt.Errorf("tensor %s holds %s, which a %v tensor cannot take", excerpt.Quote(name), e.dtype, t.DType())
		}
	}
	r.done = true
	check := r.header.newCheck()
	data := io.TeeReader(r.data, check)
	var c copier
	for _, e := range r.header.entries {
		err := c.copy(data, e, dst[e.name])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return damaged("the file ends within tensor %s", excerpt.Quote(e.name))
		}
		if err != nil {
			return err
		}
	}
	return check.verify()
}

// Tensors reads all tensors: F64 as Float64, and F32, F16 and BF16 as Float32.
// It is an error if a tensor holds something else, or if its rank is above
// [tensor.MaxRank].
func (r *Reader) Tensors() (map[string]*tensor.Tensor, error) {
	if r.done {
		return nil, ErrRead
	}
	out := map[string]*tensor.Tensor{}
	for _, e := range r.header.entries {
		t, err := e.newTensor()
		if err != nil {
			return nil, err
		}
		out[e.name] = t
	}
	if err := r.ReadInto(out); err != nil {
		return nil, err
	}
	return out, nil
}

func noTensor(name string) error {
	return fmt.Errorf("there is no tensor %s in the file", excerpt.Quote(name))
}
