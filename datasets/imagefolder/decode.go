package imagefolder

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"math"
	"sync"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
)

const (
	maxSide  = 65535
	maxScans = 500 // of a JPEG; usual are 1 to 10
)

// source is where pictures come from, and how they are decoded.
type source struct {
	fsys    fs.FS
	options Options
	room    *room
}

// A room bounds the pixels that are decoded at once.
type room struct {
	mu   sync.Mutex
	more sync.Cond // there is more room
	free int
}

func newRoom(pixels int) *room {
	r := &room{free: pixels}
	r.more.L = &r.mu
	return r
}

// take waits for room; pixels are at most those that newRoom was given.
func (r *room) take(pixels int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.free < pixels {
		r.more.Wait()
	}
	r.free -= pixels
}

func (r *room) giveBack(pixels int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += pixels
	r.more.Broadcast()
}

// A format is one that pictures may have.
type format struct {
	name   string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// check refuses what the decoder would take and should not; it may be nil.
	check func(file []byte, c image.Config) error
	// orientation finds the EXIF block; it may be nil.
	exif func(file []byte) []byte
}

var (
	pngFormat  = &format{name: "PNG", config: png.DecodeConfig, decode: png.Decode, exif: exifOfPNG}
	jpegFormat = &format{name: "JPEG", config: jpeg.DecodeConfig, decode: jpeg.Decode, check: checkJPEG, exif: exifOfJPEG}
	gifFormat  = &format{name: "GIF", config: gif.DecodeConfig, decode: gif.Decode}
	bmpFormat  = &format{name: "BMP", config: bmp.DecodeConfig, decode: bmp.Decode}
	webpFormat = &format{name: "WebP", config: webp.DecodeConfig, decode: decodeWebP, check: checkWebP, exif: exifOfWebP}
)

// sniff tells the format by the content.
func sniff(file []byte) (*format, error) {
	begins := func(s string) bool { return bytes.HasPrefix(file, []byte(s)) }
	switch {
	case len(file) == 0:
		return nil, errors.New("the file is empty")
	case begins("\x89PNG\r\n\x1a\n"):
		return pngFormat, nil
	case begins("\xff\xd8\xff"):
		return jpegFormat, nil
	case begins("GIF87a"), begins("GIF89a"):
		return gifFormat, nil
	case begins("BM"):
		return bmpFormat, nil
	case begins("RIFF") && len(file) >= 12 && string(file[8:12]) == "WEBP":
		return webpFormat, nil
	case begins("II*\x00"), begins("MM\x00*"):
		return nil, errors.New("this is a TIFF file, which is not read; convert it to PNG or JPEG")
	case len(file) >= 12 && string(file[4:8]) == "ftyp":
		return nil, errors.New("this is a HEIC or AVIF file, or a film, which is not read; convert it to PNG or JPEG")
	}
	return nil, fmt.Errorf("this is no PNG, JPEG, GIF, BMP or WebP picture; it begins with %s", excerpt.Quote(string(file[:min(len(file), 16)])))
}

// decode returns a file's picture as a sample. It never panics, and ends soon after
// ctx does.
func (s *source) decode(ctx context.Context, name string) (out small, err error) {
	file, err := s.read(name)
	if err != nil {
		return small{}, err
	}
	return decodeBytes(ctx, file, s.options, s.room)
}

func (s *source) read(name string) ([]byte, error) {
	f, err := atomicfile.OpenFS(s.fsys, name)
	if err != nil {
		return nil, atomicfile.Bare(err)
	}
	defer f.Close()
	// No more pixels than the sides allow, lest the product overflow.
	limit := 4*min(int64(s.options.MaxPixels), maxSide*maxSide) + 1<<16
	tooLarge := fmt.Errorf("the file has more than %d bytes", limit)
	if info, err := f.Stat(); err == nil && info.Size() > limit {
		return nil, tooLarge
	}
	file, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(file)) > limit {
		err = tooLarge
	}
	return file, err
}

func decodeBytes(ctx context.Context, file []byte, o Options, r *room) (out small, err error) {
	f, err := sniff(file)
	if err != nil {
		return small{}, err
	}
	defer func() {
		if p := recover(); p != nil { // a decoder that has not expected this
			out, err = small{}, fmt.Errorf("the %s data is damaged: %s", f.name, excerpt.Quote(fmt.Sprint(p)))
		} else if err != nil {
			err = explain(f, err)
		}
	}()
	c, err := f.config(&reader{ctx, bytes.NewReader(file)})
	if err != nil {
		return small{}, err
	}
	switch {
	case c.Width < 1 || c.Height < 1:
		return small{}, fmt.Errorf("a picture of %d×%d pixels", c.Width, c.Height)
	case c.Width > maxSide || c.Height > maxSide || int64(c.Width)*int64(c.Height) > int64(o.MaxPixels):
		return small{}, fmt.Errorf("a picture of %d×%d pixels is too large; at most %d are decoded, and sides of %d", c.Width, c.Height, o.MaxPixels, maxSide)
	}
	if f.check != nil {
		if err := f.check(file, c); err != nil {
			return small{}, err
		}
	}
	r.take(c.Width * c.Height)
	defer r.giveBack(c.Width * c.Height)
	m, err := f.decode(&reader{ctx, bytes.NewReader(file)})
	if err != nil {
		return small{}, err
	}
	canvas := image.Rect(0, 0, c.Width, c.Height)
	switch b := m.Bounds(); {
	case f == gifFormat: // its first picture may be smaller than the whole
	case b.Size() != canvas.Size():
		return small{}, fmt.Errorf("the header says %d×%d pixels, but there are %d×%d", c.Width, c.Height, b.Dx(), b.Dy())
	default:
		canvas = b
	}
	orientation := 1
	if f.exif != nil {
		orientation = orientationOf(f.exif(file))
	}
	return shrink(m, canvas, orientation, o), nil
}

// explain says what an error of a decoder means.
func explain(f *format, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the %s file ends too early: %w", f.name, err)
	}
	return err
}

// reader ends when ctx does. bytes.Reader is not embedded, so that decoders see no
// other methods.
type reader struct {
	ctx context.Context
	r   *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// checkJPEG refuses a file of very many scans: each goes over the whole picture,
// and takes a few bytes only.
func checkJPEG(file []byte, _ image.Config) error {
	scans := 0
	err := segments(file, func(marker byte, _ []byte) bool {
		if marker == startOfScan {
			scans++
		}
		return scans <= maxScans
	})
	if scans > maxScans {
		return fmt.Errorf("a JPEG of more than %d scans", maxScans)
	}
	return err
}

const (
	startOfScan = 0xda
	endOfImage  = 0xd9
	app1        = 0xe1
)

// segments calls do with each segment of a JPEG, until that returns false. The
// error is nil: what is damaged is for the decoder to say.
func segments(file []byte, do func(marker byte, data []byte) bool) error {
	for at := 2; ; {
		// To the next marker, over compressed data, in which FF 00 and FF D0 to FF
		// D7 are none.
		next := bytes.IndexByte(file[min(at, len(file)):], 0xff)
		if next < 0 {
			return nil
		}
		at += next + 1
		if at >= len(file) {
			return nil
		}
		marker := file[at]
		if marker == 0xff {
			continue // padding; it may begin a marker
		}
		at++
		switch {
		case marker == endOfImage:
			return nil
		case marker <= 0x01 || marker >= 0xd0 && marker <= 0xd8:
			continue // they have no data
		}
		if at+2 > len(file) {
			return nil
		}
		length := int(binary.BigEndian.Uint16(file[at:]))
		if length < 2 || at+length > len(file) {
			return nil
		}
		if !do(marker, file[at+2:at+length]) {
			return nil
		}
		at += length
	}
}

// checkWebP refuses pictures in another size than the header says, for which the
// decoder would take memory, and films, which it does not know.
func checkWebP(file []byte, c image.Config) error {
	var problem error
	chunks(file, func(id string, data []byte) bool {
		var w, h int
		switch {
		case id == "ANIM" || id == "ANMF":
			problem = errors.New("a WebP film, which is not read; convert it to PNG or JPEG")
			return false
		case id == "VP8 " && len(data) >= 10:
			w = int(binary.LittleEndian.Uint16(data[6:]) & 0x3fff)
			h = int(binary.LittleEndian.Uint16(data[8:]) & 0x3fff)
		case id == "VP8L" && len(data) >= 5:
			bits := binary.LittleEndian.Uint32(data[1:])
			w, h = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
		default:
			return true
		}
		if w != c.Width || h != c.Height {
			problem = fmt.Errorf("the header says %d×%d pixels, but there are %d×%d", c.Width, c.Height, w, h)
		}
		return problem == nil
	})
	return problem
}

// decodeWebP decodes a WebP picture in its own colours. A lossy one holds them as
// films do, with black at 16 and white at 235; package webp returns them as they
// are, in a type whose black is 0 and white 255.
func decodeWebP(r io.Reader) (image.Image, error) {
	m, err := webp.Decode(r)
	var p *image.YCbCr
	switch m := m.(type) {
	case *image.YCbCr:
		p = m
	case *image.NYCbCrA:
		p = &m.YCbCr
	default:
		return m, err
	}
	for _, plane := range []struct {
		pixels     []uint8
		zero, span int
		centre     int
	}{{p.Y, 16, 219, 0}, {p.Cb, 128, 224, 128}, {p.Cr, 128, 224, 128}} {
		var table [256]uint8
		for v := range table {
			full := math.Round(float64(v-plane.zero) * 255 / float64(plane.span))
			table[v] = uint8(min(max(int(full)+plane.centre, 0), 255))
		}
		for k, v := range plane.pixels {
			plane.pixels[k] = table[v]
		}
	}
	return m, err
}

// chunks calls do with each chunk of a RIFF file, until that returns false.
func chunks(file []byte, do func(id string, data []byte) bool) {
	for at := 12; at+8 <= len(file); {
		length := int64(binary.LittleEndian.Uint32(file[at+4:]))
		id := string(file[at : at+4])
		at += 8
		end := min(int64(at)+length, int64(len(file)))
		if !do(id, file[at:end]) {
			return
		}
		at = int(min(int64(at)+length+length%2, int64(len(file))))
	}
}
