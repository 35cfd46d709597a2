package gallery

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/tensor"
)

// Grid says how samples are laid out in one image, from left to right and from top
// to bottom. The zero value is as near to a square as can be, a pixel for a pixel.
type Grid struct {
	Height, Width int // of one sample in pixels; may be 0 if the samples have the shape [n, c, h, w]
	Columns       int // at most; 0: as near to a square as can be
	Scale         int // side of the block that shows one pixel; 0 means 1
	Gap           int // pixels between samples, and around them

	// Low and High are the values that are drawn black and white; if both are 0, −1
	// and 1. What lies beyond is drawn as the nearest of them.
	Low, High float64
	// Labels are written beside the rows, from the first on, in letters 13 pixels high:
	// the names of classes. What is longer than 24 characters is cut, and a letter that
	// is not of ASCII is drawn as a box.
	Labels []string
	// Colours mark the rows by a bar beside them, from the first on; nil ones do not.
	Colours []color.Color
}

// maxPixels is the size of an image that can only be a mistake, and would take
// all memory.
const maxPixels = 1 << 28

const barWidth = 4 // of the colour of a row

// Image draws samples. Any other shape than those of the package comment, a NaN, no
// samples, a range that is none, more labels or colours than rows, and an image of
// more than 2²⁸ pixels are errors.
func (g Grid) Image(samples *tensor.Tensor) (image.Image, error) {
	n, c, h, w, err := g.dims(samples)
	if err != nil {
		return nil, err
	}
	low, high := g.Low, g.High
	if low == 0 && high == 0 {
		low, high = -1, 1
	}
	if !(low < high) || math.IsInf(high-low, 0) {
		return nil, fmt.Errorf("gallery: the values from %g to %g are no range", low, high)
	}
	cols := min(g.Columns, n)
	if cols < 1 {
		cols = int(math.Ceil(math.Sqrt(float64(n))))
	}
	rows := (n + cols - 1) / cols
	if len(g.Labels) > rows || len(g.Colours) > rows {
		return nil, fmt.Errorf("gallery: there are %d labels and %d colours for %d rows of %d", len(g.Labels), len(g.Colours), rows, cols)
	}
	scale, gap := max(g.Scale, 1), max(g.Gap, 0)
	margin := labelWidth(g.Labels)
	if len(g.Colours) > 0 {
		margin += gap + barWidth
	}
	pitch := float64(h)*float64(scale) + float64(gap) // of rows
	if len(g.Labels) > 0 {
		pitch = max(pitch, letterHeight)
	}
	width := float64(margin) + float64(cols)*(float64(w)*float64(scale)+float64(gap)) + float64(gap)
	if size := (float64(rows)*pitch + float64(gap)) * width; size > maxPixels {
		return nil, fmt.Errorf("gallery: %d samples of %d×%d would make an image of %.0f pixels; draw fewer, or smaller", n, h, w, size)
	}
	cellH, cellW := int(pitch), w*scale+gap
	bounds := image.Rect(0, 0, int(width), rows*cellH+gap)

	values := samples.Float64s()
	var img draw.Image
	var set func(x, y int, v [3]uint8)
	if c == 1 && len(g.Colours) == 0 {
		grey := image.NewGray(bounds)
		img, set = grey, func(x, y int, v [3]uint8) { grey.SetGray(x, y, color.Gray{Y: v[0]}) }
	} else {
		rgb := image.NewNRGBA(bounds)
		img, set = rgb, func(x, y int, v [3]uint8) { rgb.SetNRGBA(x, y, color.NRGBA{v[0], v[1], v[2], 255}) }
		for i := 3; i < len(rgb.Pix); i += 4 {
			rgb.Pix[i] = 255
		}
	}
	for i := range n {
		top, left := gap+i/cols*cellH, margin+gap+i%cols*cellW
		for y := range h * scale {
			for x := range w * scale {
				var px [3]uint8
				for k := range 3 {
					v := values[((i*c+min(k, c-1))*h+y/scale)*w+x/scale]
					if v != v {
						return nil, fmt.Errorf("gallery: sample %d has a NaN at row %d, column %d", i, y/scale, x/scale)
					}
					px[k] = uint8(math.Round((min(max(v, low), high) - low) / (high - low) * 255))
				}
				set(left+x, top+y, px)
			}
		}
	}
	for row, text := range g.Labels {
		write(img, gap, gap+row*cellH+max(h*scale, letterHeight)/2, text)
	}
	for row, colour := range g.Colours {
		if colour != nil {
			top, left := gap+row*cellH, margin-barWidth
			draw.Draw(img, image.Rect(left, top, left+barWidth, top+h*scale), image.NewUniform(colour), image.Point{}, draw.Src)
		}
	}
	return img, nil
}

// dims reads count, channels, height and width of samples.
func (g Grid) dims(t *tensor.Tensor) (n, c, h, w int, err error) {
	if t == nil {
		return 0, 0, 0, 0, errors.New("gallery: the samples are nil")
	}
	s := t.Shape()
	switch {
	case t.Len() == 0:
		return 0, 0, 0, 0, fmt.Errorf("gallery: samples of shape %v make no image; give one sample or more, of one pixel or more", s)
	case len(s) == 2 && g.Height > 0 && g.Width > 0 && s[1] == g.Height*g.Width:
		return s[0], 1, g.Height, g.Width, nil
	case len(s) == 4 && (s[1] == 1 || s[1] == 3) && (g.Height == 0 || g.Height == s[2]) && (g.Width == 0 || g.Width == s[3]):
		return s[0], s[1], s[2], s[3], nil
	}
	what := "images"
	if g.Height != 0 || g.Width != 0 {
		what = fmt.Sprintf("images of %d×%d", g.Height, g.Width)
	}
	return 0, 0, 0, 0, fmt.Errorf("gallery: samples of shape %v are not %s; give [n, h·w] with a height and width, or [n, 1 or 3, h, w]", s, what)
}

// Write writes [Grid.Image] to w as PNG.
func (g Grid) Write(w io.Writer, samples *tensor.Tensor) error {
	img, err := g.Image(samples)
	if err != nil {
		return err
	}
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("gallery: %w", err)
	}
	return nil
}

// Save writes [Grid.Image] to a PNG file, whole or not at all.
func (g Grid) Save(path string, samples *tensor.Tensor) error {
	img, err := g.Image(samples)
	if err != nil {
		return err
	}
	return save(path, func(w io.Writer) error { return png.Encode(w, img) })
}

func save(path string, write func(io.Writer) error) error {
	if err := atomicfile.Write(path, write); err != nil {
		return fmt.Errorf("gallery: %w", err)
	}
	return nil
}
