package datasets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/gunzip"
)

// IDXType is the element type of an IDX file: the code in its header.
type IDXType uint8

// The element types that the format defines.
const (
	IDXUint8   IDXType = 0x08
	IDXInt8    IDXType = 0x09
	IDXInt16   IDXType = 0x0b
	IDXInt32   IDXType = 0x0c
	IDXFloat32 IDXType = 0x0d
	IDXFloat64 IDXType = 0x0e
)

// Size returns the bytes of one element, or 0 for a code that the format does
// not define.
func (t IDXType) Size() int {
	switch t {
	case IDXUint8, IDXInt8:
		return 1
	case IDXInt16:
		return 2
	case IDXInt32, IDXFloat32:
		return 4
	case IDXFloat64:
		return 8
	}
	return 0
}

// String returns the type's name, "uint8".
func (t IDXType) String() string {
	switch t {
	case IDXUint8:
		return "uint8"
	case IDXInt8:
		return "int8"
	case IDXInt16:
		return "int16"
	case IDXInt32:
		return "int32"
	case IDXFloat32:
		return "float32"
	case IDXFloat64:
		return "float64"
	}
	return fmt.Sprintf("type %#02x", uint8(t))
}

// IDX is an array as an IDX file holds it, the format of MNIST: two zero bytes,
// the element type, the rank, each dim as a big-endian uint32, then the
// elements in row-major order.
type IDX struct {
	Type IDXType
	Dims []int
	Data []byte // the elements, each big-endian
}

// ReadOption changes a default of [ReadIDX] and of the functions made of it.
type ReadOption func(*readLimits)

// readLimits are what reading an array may cost.
type readLimits struct {
	bytes int64 // of elements
	ratio int64 // of those to the bytes of gzip; 0: any
}

// The default limits. Sixteen times the largest file of MNIST, and more than
// the largest of EMNIST, may be read; and gzip shrinks images by less than a
// hundred times, unless they are made to look small.
const (
	maxIDX      = 1 << 30
	maxRatio    = 200
	alwaysFine  = 64 << 20
	pieceOfFile = 1 << 16
)

// MaxBytes sets the largest size of an array's elements, in bytes; the default
// is 1 GiB, and 200 times the compressed size for arrays above 64 MiB. With it,
// there is no limit of the second kind. It panics with a [tensor.ArgumentError] if
// n is negative.
func MaxBytes(n int64) ReadOption {
	if n < 0 {
		misuse("MaxBytes", fmt.Sprintf("a limit of %d bytes", n), "give 0 or more")
	}
	return func(l *readLimits) { *l = readLimits{bytes: min(n, math.MaxInt)} }
}

// ReadIDX reads one IDX array, gzip-compressed or not, up to the end of r. It
// returns an error if the header is not one of IDX, if the array exceeds a limit
// (see [MaxBytes]), if data is missing or left over, or if gzip's checksum does
// not fit. Memory grows with the data that really arrives, so a header that lies
// about its size costs nothing.
func ReadIDX(r io.Reader, options ...ReadOption) (*IDX, error) {
	x, err := readIDX(r, -1, options)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %w", err)
	}
	return x, nil
}

// LoadIDX is [ReadIDX] of the file at path. Its errors name the file. It refuses
// what is not a regular file, such as a pipe: open that and use ReadIDX.
func LoadIDX(path string, options ...ReadOption) (*IDX, error) {
	f, err := atomicfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %w", err)
	}
	return loadIDX(f, path, options)
}

// LoadIDXFS is [LoadIDX] of a file of fsys, such as an [embed.FS].
func LoadIDXFS(fsys fs.FS, name string, options ...ReadOption) (*IDX, error) {
	f, err := atomicfile.OpenFS(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %w", err)
	}
	return loadIDX(f, name, options)
}

// loadIDX reads an open file, which it closes, and whose path errors name.
func loadIDX(f fs.File, path string, options []ReadOption) (*IDX, error) {
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	x, err := readIDX(f, size, options)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %s: %w", path, err)
	}
	return x, nil
}

// readIDX is ReadIDX of a source of that many bytes, or −1 if that is not known.
func readIDX(r io.Reader, size int64, options []ReadOption) (*IDX, error) {
	limits := readLimits{bytes: maxIDX, ratio: maxRatio}
	for _, option := range options {
		option(&limits)
	}
	arrived := &counted{r: r}
	content, compressed, err := gunzip.Open(arrived)
	if err != nil {
		return nil, err
	}
	if compressed {
		size = -1
	} else {
		limits.ratio = 0
	}
	x, n, err := readHeader(content, limits.bytes)
	if err != nil {
		return nil, err
	}
	if have := size - int64(4+4*len(x.Dims)); size >= 0 && have < int64(n) {
		return nil, fmt.Errorf("the header promises %d bytes of data, the file has %d: %w", n, have, io.ErrUnexpectedEOF)
	}
	x.Data, err = readFull(content, n, func(size int) error {
		if limits.ratio > 0 && int64(size) > max(alwaysFine, limits.ratio*arrived.n) {
			return fmt.Errorf("%d bytes of gzip hold more than %d: this is not an array of images, or a limit is to be set with MaxBytes", arrived.n, size/2)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("data of %s: %w", shapeText(x.Dims), err)
	}
	// Reading on to the end is also what makes gzip check its sum.
	switch _, err := io.ReadFull(content, make([]byte, 1)); {
	case err == nil:
		return nil, fmt.Errorf("more data follows the %d bytes of %s", n, shapeText(x.Dims))
	case err != io.EOF:
		return nil, err
	}
	return x, nil
}

// shapeText is a shape for messages: a file may have 255 dims.
func shapeText(dims []int) string {
	if len(dims) > 8 {
		return fmt.Sprintf("%v… (%d dims)", dims[:8], len(dims))
	}
	return fmt.Sprint(dims)
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// readHeader returns the array, still without data, and the bytes of its data.
func readHeader(r io.Reader, limit int64) (x *IDX, n int, err error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, 0, fmt.Errorf("header: %w", noEOF(err))
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, 0, fmt.Errorf("starts with % x, not with 00 00: not an IDX file", magic)
	}
	x = &IDX{Type: IDXType(magic[2]), Dims: make([]int, magic[3])}
	if x.Type.Size() == 0 {
		return nil, 0, fmt.Errorf("the header has unknown element %v", x.Type)
	}
	if len(x.Dims) == 0 {
		return nil, 0, errors.New("the header has no dims")
	}
	dims := make([]byte, 4*len(x.Dims))
	if _, err := io.ReadFull(r, dims); err != nil {
		return nil, 0, fmt.Errorf("header: %w", noEOF(err))
	}
	n, bound := x.Type.Size(), x.Type.Size()
	for i := range x.Dims {
		d := binary.BigEndian.Uint32(dims[4*i:])
		// The bound skips zeros, so that a product of dims never overflows later.
		if int64(d) > limit/int64(bound) {
			return nil, 0, fmt.Errorf("the header asks for more than %d bytes of data, which is the limit", limit)
		}
		x.Dims[i] = int(d)
		n *= x.Dims[i]
		bound *= max(x.Dims[i], 1)
	}
	return x, n, nil
}

// readFull reads exactly n bytes, in a buffer that doubles as they arrive, if
// allow agrees to each new size.
func readFull(r io.Reader, n int, allow func(size int) error) ([]byte, error) {
	data := make([]byte, min(n, pieceOfFile))
	for have := 0; ; {
		m, err := io.ReadFull(r, data[have:])
		have += m
		if err != nil {
			return nil, fmt.Errorf("%d of %d bytes: %w", have, n, noEOF(err))
		}
		if have == n {
			return data, nil
		}
		size := have + min(have, n-have)
		if err := allow(size); err != nil {
			return nil, err
		}
		grown := make([]byte, size)
		copy(grown, data)
		data = grown
	}
}

// noEOF turns an end of file into an unexpected one.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
