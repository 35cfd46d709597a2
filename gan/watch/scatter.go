package watch

import (
	"image"
	"image/color"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// The colours of points, which are to be seen on white and on black.
var (
	realColour = color.NRGBA{128, 128, 128, 140}
	fakeColour = color.NRGBA{230, 110, 20, 200}
)

// scatter draws points in the plane over real ones, which settle the scale.
func (w *watching) scatter(x *tensor.Tensor) (image.Image, error) {
	const side = 360
	reach := 1e-9
	for _, v := range w.real {
		reach = max(reach, math.Abs(v)*1.3)
	}
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	dot := func(a, b float64, radius int, c color.NRGBA) {
		col, row := int((a/reach+1)*side/2), int((1-b/reach)*side/2)
		for dy := -radius; dy <= radius; dy++ {
			for dx := -radius; dx <= radius; dx++ {
				if dx*dx+dy*dy <= radius*radius {
					img.SetNRGBA(col+dx, row+dy, c) // nothing, outside
				}
			}
		}
	}
	for i := 0; i+1 < len(w.real); i += 2 {
		dot(w.real[i], w.real[i+1], 3, realColour)
	}
	values := x.Float64s()
	for i := 0; i+1 < len(values); i += 2 {
		if a, b := values[i], values[i+1]; math.Abs(a) < 2*reach && math.Abs(b) < 2*reach {
			dot(a, b, 1, fakeColour)
		}
	}
	return img, nil
}
