package gan

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/tensor"
)

// ImageGrid says how samples are laid out in one image.
type ImageGrid struct {
	Height, Width int // of one sample in pixels; 0 if the samples have the shape [n, c, h, w]
	Columns       int // at most; 0: as near to a square as can be
	Scale         int // side of the block that shows one pixel; 0 means 1
	Gap           int // pixels between samples, and around them
}

// Image draws samples of values in [−1, 1], −1 black and 1 white, as [n, h·w]
// with the grid's height and width, or [n, 1, h, w] in grey, or [n, 3, h, w] in
// colour. Values outside are drawn as the nearest end. Any other shape, a NaN, no
// samples, and an image of more than 2²⁸ pixels are errors.
func (g ImageGrid) Image(samples *tensor.Tensor) (image.Image, error) {
	n, c, h, w, err := g.dims(samples)
	if err != nil {
		return nil, err
	}
	cols := min(g.Columns, n)
	if cols < 1 {
		cols = int(math.Ceil(math.Sqrt(float64(n))))
	}
	rows := (n + cols - 1) / cols
	scale, gap := max(g.Scale, 1), max(g.Gap, 0)
	if size := side(rows, h, scale, gap) * side(cols, w, scale, gap); size > maxPixels {
		return nil, fmt.Errorf("gan: %d samples of %d×%d would make an image of %.0f pixels; draw fewer, or smaller", n, h, w, size)
	}
	cellH, cellW := h*scale+gap, w*scale+gap
	values := samples.Float32s()
	bounds := image.Rect(0, 0, cols*cellW+gap, rows*cellH+gap)

	var img image.Image
	var set func(x, y int, v [3]uint8)
	if c == 1 {
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
		top, left := gap+i/cols*cellH, gap+i%cols*cellW
		for y := range h * scale {
			for x := range w * scale {
				var px [3]uint8
				for k := range c {
					v := values[((i*c+k)*h+y/scale)*w+x/scale]
					if v != v {
						return nil, fmt.Errorf("gan: sample %d has a NaN at row %d, column %d", i, y/scale, x/scale)
					}
					px[k] = uint8(math.Round(float64(min(max(v, -1), 1)+1) * 127.5))
				}
				set(left+x, top+y, px)
			}
		}
	}
	return img, nil
}

// maxPixels is the size of an image that can only be a mistake, and would take
// all memory.
const maxPixels = 1 << 28

// side returns an image's length in pixels, without overflow.
func side(cells, length, scale, gap int) float64 {
	return float64(cells)*(float64(length)*float64(scale)+float64(gap)) + float64(gap)
}

// dims reads count, channels, height and width of samples.
func (g ImageGrid) dims(t *tensor.Tensor) (n, c, h, w int, err error) {
	s := t.Shape()
	switch {
	case t.Len() == 0:
		return 0, 0, 0, 0, fmt.Errorf("gan: samples of shape %v make no image", s)
	case len(s) == 2 && g.Height > 0 && g.Width > 0 && s[1] == g.Height*g.Width:
		return s[0], 1, g.Height, g.Width, nil
	case len(s) == 4 && (s[1] == 1 || s[1] == 3):
		return s[0], s[1], s[2], s[3], nil
	}
	what := "images"
	if g.Height != 0 || g.Width != 0 {
		what = fmt.Sprintf("images of %d×%d", g.Height, g.Width)
	}
	return 0, 0, 0, 0, fmt.Errorf("gan: samples of shape %v are not %s; give [n, h·w] with a height and width, or [n, 1 or 3, h, w]", s, what)
}

// WritePNG writes [ImageGrid.Image] to a file, whole or not at all.
func (g ImageGrid) WritePNG(path string, samples *tensor.Tensor) error {
	img, err := g.Image(samples)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, img) })
}
