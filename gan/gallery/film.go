package gallery

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"io"
	"time"

	"github.com/gander-ml/gander/tensor"
)

// Film collects pictures of the same samples in the course of training, and writes
// them as an animated GIF. The zero value is ready for use, in one goroutine at a
// time.
type Film struct {
	// Grid is how samples are laid out.
	Grid Grid
	// Frames is how many pictures there are at most; 0 means 100. When there are more,
	// every second one is left out, and of those that come then, too: so the film
	// covers the whole training, evenly, however long it gets.
	Frames int
	// Delay is how long each picture is shown; 0 means a tenth of a second. The last
	// one is shown 20 times as long. A GIF counts in hundredths of a second, from one to
	// 65,535.
	Delay time.Duration

	frames []*image.Paletted
	seen   int // pictures
	every  int // of which one is kept
}

// Add adds a picture of samples. It fails as [Grid.Image] does, and if the size is
// not that of the pictures before.
func (f *Film) Add(samples *tensor.Tensor) error {
	return f.add(func() (image.Image, error) { return f.Grid.Image(samples) })
}

// AddImage adds a picture that is drawn already, such as one that [Grid.Save] wrote
// before a run was resumed. It fails if the size is not that of the pictures before.
func (f *Film) AddImage(img image.Image) error {
	return f.add(func() (image.Image, error) {
		if img == nil {
			return nil, errors.New("gallery: the picture is nil")
		}
		return img, nil
	})
}

// A GIF has 16 bits for a side in pixels, and for how long a picture is shown, in
// hundredths of a second: 11 minutes.
const (
	maxSide = 1<<16 - 1
	longest = 1<<16 - 1
)

func (f *Film) add(draw func() (image.Image, error)) error {
	f.every = max(f.every, 1)
	if f.seen%f.every != 0 {
		f.seen++
		return nil
	}
	img, err := draw()
	if err != nil {
		return err
	}
	if size := img.Bounds().Size(); min(size.X, size.Y) < 1 || max(size.X, size.Y) > maxSide || size.X > maxPixels/size.Y {
		return fmt.Errorf("gallery: a GIF has no room for a picture of %v", size)
	}
	frame := paletted(img)
	if len(f.frames) > 0 && f.frames[0].Rect != frame.Rect {
		return fmt.Errorf("gallery: a film of %v has no room for a picture of %v", f.frames[0].Rect.Size(), frame.Rect.Size())
	}
	f.seen++
	f.frames = append(f.frames, frame)
	most := f.Frames
	if most == 0 {
		most = 100
	}
	if len(f.frames) > max(most, 2) {
		kept := f.frames[:0]
		for i, frame := range f.frames {
			if i%2 == 0 {
				kept = append(kept, frame)
			}
		}
		clear(f.frames[len(kept):])
		f.frames = kept
		f.every *= 2
	}
	return nil
}

// Len returns how many pictures the film has.
func (f *Film) Len() int { return len(f.frames) }

// Write writes the film to w as GIF. Pictures in colour have the 256 colours of Plan
// 9, dithered; grey ones lose nothing. A film without pictures is an error.
func (f *Film) Write(w io.Writer) error {
	if len(f.frames) == 0 {
		return errors.New("gallery: the film has no pictures")
	}
	delay := int(f.Delay / (10 * time.Millisecond))
	if f.Delay == 0 {
		delay = 10
	}
	delay = min(max(delay, 1), longest)
	out := gif.GIF{Image: f.frames, Delay: make([]int, len(f.frames))}
	for i := range out.Delay {
		out.Delay[i] = delay
	}
	out.Delay[len(out.Delay)-1] = min(20*delay, longest)
	if err := gif.EncodeAll(w, &out); err != nil {
		return fmt.Errorf("gallery: %w", err)
	}
	return nil
}

// Save writes the film to a GIF file, whole or not at all.
func (f *Film) Save(path string) error {
	if len(f.frames) == 0 {
		return f.Write(io.Discard)
	}
	return save(path, f.Write)
}

// greys are the colours of grey pictures.
var greys = func() (p color.Palette) {
	for v := range 256 {
		p = append(p, color.Gray{Y: uint8(v)})
	}
	return p
}()

func paletted(img image.Image) *image.Paletted {
	size := img.Bounds().Size()
	bounds := image.Rectangle{Max: size}
	if grey, ok := img.(*image.Gray); ok {
		out := image.NewPaletted(bounds, greys)
		for y := range size.Y {
			copy(out.Pix[y*out.Stride:][:size.X], grey.Pix[y*grey.Stride:])
		}
		return out
	}
	out := image.NewPaletted(bounds, palette.Plan9)
	draw.FloydSteinberg.Draw(out, out.Rect, img, img.Bounds().Min)
	return out
}
