package imagefolder

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// maxSize bounds a sample's side, and with it the memory that resizing takes.
const maxSize = 1024

// small is a picture as a sample, in planes of rows.
type small struct {
	colour []uint8 // [3, size, size], or nil
	grey   []uint8 // [size, size], or nil
	tinted bool    // it is not grey
}

// shrink makes a sample of a picture, which is seen on a canvas, in an EXIF
// orientation.
func shrink(m image.Image, canvas image.Rectangle, orientation int, o Options) small {
	t := turns[orientation]
	size := o.Size
	w, h := canvas.Dx(), canvas.Dy() // as it is stored
	part := canvas                   // of it, that is seen
	tw, th := size, size             // the part's size in the sample, as it is stored
	if o.Fit == Crop {
		side := min(w, h)
		// The offsets are those of the picture as it is seen. Turned, an offset is
		// from the other side, where half a pixel may make a difference.
		x, y := (w-side)/2, (h-side)/2
		if t.backX {
			x = w - side - x
		}
		if t.backY {
			y = h - side - y
		}
		part = image.Rect(x, y, x+side, y+side).Add(canvas.Min)
	} else if w > h {
		th = max((size*h+w/2)/w, 1)
	} else {
		tw = max((size*w+h/2)/h, 1)
	}

	background := image.NewUniform(color.RGBA64Model.Convert(o.Background))
	seen := image.NewRGBA64(image.Rect(0, 0, tw, th))
	if o, ok := m.(interface{ Opaque() bool }); !ok || !o.Opaque() || !m.Bounds().Eq(canvas) {
		// The background goes in before anything is resized, since the filter
		// overshoots: an opacity of more than 1 is none. The first picture of a GIF
		// need not fill the canvas.
		flat := image.NewRGBA(part)
		draw.Draw(flat, part, background, image.Point{}, draw.Src)
		draw.Draw(flat, part, m, part.Min, draw.Over)
		m = flat
	}
	draw.CatmullRom.Scale(seen, seen.Bounds(), m, part, draw.Src, nil)

	sw, sh := tw, th // as it is seen
	if t.swapped {
		sw, sh = th, tw
	}
	left, top := (size-sw)/2, (size-sh)/2
	var out small
	if o.Channels != 1 {
		out.colour = make([]uint8, 3*size*size)
	}
	if o.Channels != 3 {
		out.grey = make([]uint8, size*size)
	}
	for y := range size {
		for x := range size {
			c := background.C.(color.RGBA64)
			if at := (image.Point{x - left, y - top}); at.In(image.Rect(0, 0, sw, sh)) {
				c = seen.RGBA64At(t.from(at.X, at.Y, tw, th))
			}
			out.set(y*size+x, size*size, c)
		}
	}
	return out
}

// set makes c pixel k of n.
func (s *small) set(k, n int, c color.RGBA64) {
	r, g, b := byteOf(c.R), byteOf(c.G), byteOf(c.B)
	s.tinted = s.tinted || max(r, g, b)-min(r, g, b) > 8
	if s.colour != nil {
		s.colour[k], s.colour[n+k], s.colour[2*n+k] = r, g, b
	}
	if s.grey != nil {
		// ITU-R 601, as image/color has it.
		s.grey[k] = byteOf(uint16((19595*uint32(c.R) + 38470*uint32(c.G) + 7471*uint32(c.B) + 1<<15) >> 16))
	}
}

// byteOf rounds a number of 16 bits to one of 8.
func byteOf(v uint16) uint8 { return uint8((uint32(v)*255 + 32767) / 65535) }
