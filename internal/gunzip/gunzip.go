// Package gunzip reads what may be compressed and may not.
package gunzip

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
)

// Open returns the content of r, which is gzip or plain, told apart by
// the first two bytes.
func Open(r io.Reader) (content io.Reader, compressed bool, err error) {
	b := bufio.NewReader(r)
	first, err := b.Peek(len(magic))
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	if string(first) != magic {
		return b, false, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, true, noEOF(err)
	}
	z.Multistream(false)
	return &reader{b, z}, true, nil
}

const magic = "\x1f\x8b"

// reader reads gzip streams, one after another as the format allows, and says
// so if something else follows.
type reader struct {
	b *bufio.Reader
	z *gzip.Reader
}

func (g *reader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if n > 0 {
		return n, nil // the end comes with the next call
	}
	switch next, err := g.b.Peek(len(magic)); {
	case len(next) == 0:
		return 0, err
	case string(next) != magic:
		return 0, errors.New("other bytes follow the gzip stream")
	}
	if err := g.z.Reset(g.b); err != nil {
		return 0, noEOF(err)
	}
	g.z.Multistream(false)
	return 0, nil
}

// noEOF turns an end that comes too early into an error that says so.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
