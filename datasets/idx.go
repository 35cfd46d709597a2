package datasets

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
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

// maxIDX is the largest array that is read, in bytes. Sixteen times the largest
// file of MNIST; a header that asks for more is damaged.
const maxIDX = 1 << 30

// ReadIDX reads one IDX array, gzip-compressed or not, up to the end of r. It
// returns an error where the header is not one of IDX, where the array would
// exceed 1 GiB, where data is missing or left over, and where gzip's checksum
// does not fit. Memory grows with the data that really arrives, so a header
// that lies about its size costs nothing.
func ReadIDX(r io.Reader) (*IDX, error) {
	x, err := readIDX(r, -1)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %w", err)
	}
	return x, nil
}

// OpenIDX is [ReadIDX] of a file. Its errors name the file.
func OpenIDX(path string) (*IDX, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %w", err)
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	x, err := readIDX(f, size)
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %s: %w", path, err)
	}
	return x, nil
}

// readIDX is ReadIDX of a source of that many bytes, or −1 where that is not
// known.
func readIDX(r io.Reader, size int64) (*IDX, error) {
	content, compressed, err := decompress(r)
	if err != nil {
		return nil, err
	}
	if compressed {
		size = -1
	}
	x, n, err := readHeader(content)
	if err != nil {
		return nil, err
	}
	if have := size - int64(4+4*len(x.Dims)); size >= 0 && have < int64(n) {
		return nil, fmt.Errorf("the header promises %d bytes of data, the file has %d: %w", n, have, io.ErrUnexpectedEOF)
	}
	if x.Data, err = readFull(content, n); err != nil {
		return nil, fmt.Errorf("data of %v: %w", x.Dims, err)
	}
	// Reading on to the end is also what makes gzip check its sum.
	switch _, err := io.ReadFull(content, make([]byte, 1)); {
	case err == nil:
		return nil, fmt.Errorf("more data follows the %d bytes of %v", n, x.Dims)
	case err != io.EOF:
		return nil, err
	}
	return x, nil
}

// decompress returns the content of r, which is gzip or plain, told apart by
// the first two bytes.
func decompress(r io.Reader) (content io.Reader, compressed bool, err error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(2)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, false, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, true, noEOF(err)
	}
	return z, true, nil
}

// readHeader returns the array, still without data, and the bytes of its data.
func readHeader(r io.Reader) (x *IDX, n int, err error) {
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
		// The bound skips zeros, so that no product of dims overflows later.
		if int64(d) > int64(maxIDX/bound) {
			return nil, 0, fmt.Errorf("the header asks for more than %d bytes of data", maxIDX)
		}
		x.Dims[i] = int(d)
		n *= x.Dims[i]
		bound *= max(x.Dims[i], 1)
	}
	return x, n, nil
}

// readFull reads exactly n bytes, in a buffer that doubles as they arrive.
func readFull(r io.Reader, n int) ([]byte, error) {
	data := make([]byte, min(n, 1<<16))
	for have := 0; ; {
		m, err := io.ReadFull(r, data[have:])
		have += m
		if err != nil {
			return nil, fmt.Errorf("%d of %d bytes: %w", have, n, noEOF(err))
		}
		if have == n {
			return data, nil
		}
		data = append(data, make([]byte, min(have, n-have))...)
	}
}

// noEOF calls an end of file what it is where more was due.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
