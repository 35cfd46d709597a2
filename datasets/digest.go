package datasets

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
)

// digest is a checksum of samples.
type digest struct {
	sum hash.Hash
	buf []byte
}

func newDigest() *digest { return &digest{sum: sha256.New()} }

func (d *digest) add32(values []float32) {
	d.buf = d.buf[:0]
	for _, v := range values {
		d.buf = binary.LittleEndian.AppendUint32(d.buf, math.Float32bits(v))
	}
	d.sum.Write(d.buf)
}

func (d *digest) add64(values []float64) {
	d.buf = d.buf[:0]
	for _, v := range values {
		d.buf = binary.LittleEndian.AppendUint64(d.buf, math.Float64bits(v))
	}
	d.sum.Write(d.buf)
}

// String returns the first 128 bits of the SHA-256 checksum.
func (d *digest) String() string { return fmt.Sprintf("%x", d.sum.Sum(nil)[:16]) }

// computeDigest returns the checksum of all of the loader's samples, as it yields
// them, whatever their order.
func (l *Loader) computeDigest() (string, error) {
	return digestOf(l.data, l.fill64 != nil)
}

// Digest returns a checksum of the pixels.
func (m *Images) Digest() (string, error) {
	d := newDigest()
	fmt.Fprintln(d.sum, m.height, m.width)
	d.sum.Write(m.pixels)
	return d.String(), nil
}
