package main

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"os"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

const (
	frames     = 60
	side       = 320 // of the animation, in pixels
	cells      = 80  // per side, at whose corners the discriminator is asked
	shades     = 24
	pointColor = shades
	modeColor  = shades + 1
	timeColor  = shades + 2
)

// colors go from blue, taken for generated, over white to orange, for real.
var colors = func() (p color.Palette) {
	low, high := [3]float64{92, 140, 200}, [3]float64{240, 160, 70}
	for i := range shades {
		t := 2*float64(i)/(shades-1) - 1
		end := high
		if t < 0 {
			end = low
		}
		var c [3]uint8
		for k := range c {
			c[k] = uint8(255 + (end[k]-255)*math.Abs(t))
		}
		p = append(p, color.RGBA{c[0], c[1], c[2], 255})
	}
	return append(p, color.RGBA{20, 20, 40, 255}, color.RGBA{120, 120, 120, 255}, color.RGBA{60, 60, 60, 255})
}()

// film collects images of a training.
type film struct {
	centers     [][2]float64
	sigma, half float64        // an image shows [−half, half]²
	corners     *tensor.Tensor // where the discriminator is asked, row by row from the top
	field       []float64      // what it said last
	steps, step int            // in all, and at the last image
	images      int            // that a film from the first step on would have
	gif         gif.GIF
}

func newFilm(m datasets.Mixture, steps int) *film {
	f := &film{steps: steps}
	f.centers, f.sigma = m.Modes()
	for _, c := range f.centers {
		f.half = max(f.half, 1.35*c[0])
	}
	var corners []float64
	for row := range cells + 1 {
		for column := range cells + 1 {
			corners = append(corners, f.half*(2*float64(column)/cells-1), f.half*(1-2*float64(row)/cells))
		}
	}
	f.corners = tensor.FromFloat64(corners, len(corners)/2, 2).Cast(tensor.Float32)
	return f
}

// hook makes an image after some of the steps, which lie closer together at the
// beginning, where more happens, and after the last.
func (f *film) hook() gan.Hook {
	var t *gan.Trainer
	return gan.Hook{
		Start: func(r gan.Run) error {
			t = r.Trainer
			for f.due() <= t.Steps() && f.images < frames { // before the run was resumed
				f.images++
			}
			return nil
		},
		Step: func(s *gan.StepInfo) error {
			if s.Step >= f.due() {
				f.shoot(t, s.Step)
			}
			return nil
		},
		End: func(r *gan.Report) error {
			if r.Steps > f.step { // training ended early
				f.shoot(t, r.Steps)
			}
			return nil
		},
	}
}

// due is the step of the next image.
func (f *film) due() int {
	n := f.images + 1
	return f.steps * n * n / (frames * frames)
}

func (f *film) shoot(t *gan.Trainer, step int) {
	f.step, f.field = step, ask(t.Discriminator(), f.corners)
	f.gif.Image = append(f.gif.Image, f.draw(side, t.Sample(1000, 1)))
	f.gif.Delay = append(f.gif.Delay, 8) // hundredths of a second
	f.images++
}

// ask returns the discriminator's outputs, moved and scaled such that most of
// them lie between 0 and 1: what they are in themselves is of no meaning.
func ask(d nn.Module, x *tensor.Tensor) []float64 {
	weights := nn.Params(d)[0].Param.Value()
	y := d.Forward(nil, autograd.Const(x.To(weights.Device()))).Value().Float64s()
	sorted := slices.Sorted(slices.Values(y))
	lo, hi := sorted[len(y)/20], sorted[len(y)-1-len(y)/20]
	for i := range y {
		y[i] = (y[i] - lo) / max(hi-lo, 1e-30)
	}
	return y
}

// draw makes an image of size pixels along each side. A bar below shows what
// part of the training is over.
func (f *film) draw(size int, points *tensor.Tensor) *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, size, size+size/80), colors)
	for y := range size {
		for x := range size {
			v := f.at((float64(x)+0.5)/float64(size)*cells, (float64(y)+0.5)/float64(size)*cells)
			img.SetColorIndex(x, y, uint8(max(0, min(v*shades, shades-1))))
		}
	}
	pixel := func(x, y float64) (int, int) {
		scale := float64(size) / (2 * f.half)
		return int(math.Floor((x + f.half) * scale)), int(math.Floor((f.half - y) * scale))
	}
	inside := image.Rect(0, 0, size, size)
	dot := func(x, y float64, c uint8) {
		if px, py := pixel(x, y); (image.Point{px, py}).In(inside) {
			img.SetColorIndex(px, py, c)
		}
	}
	for _, c := range f.centers {
		for k := range 200 {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / 200)
			dot(c[0]+3*f.sigma*cos, c[1]+3*f.sigma*sin, modeColor)
		}
	}
	for p := range slices.Chunk(points.Float64s(), 2) {
		dot(p[0], p[1], pointColor)
	}
	for y := size; y < img.Rect.Max.Y; y++ {
		for x := range size {
			img.SetColorIndex(x, y, shades/2)
			if x*f.steps < size*f.step {
				img.SetColorIndex(x, y, timeColor)
			}
		}
	}
	return img
}

// at interpolates the field.
func (f *film) at(x, y float64) float64 {
	column, row := min(int(x), cells-1), min(int(y), cells-1)
	u, v := x-float64(column), y-float64(row)
	corner := func(i, j int) float64 { return f.field[(row+j)*(cells+1)+column+i] }
	return (1-v)*((1-u)*corner(0, 0)+u*corner(1, 0)) + v*((1-u)*corner(0, 1)+u*corner(1, 1))
}

// write makes path.gif of all images, and path.png of the last one, larger.
func (f *film) write(path string, g *gan.Generator) error {
	f.gif.Delay[len(f.gif.Delay)-1] = 300
	var animation, last bytes.Buffer
	if err := errors.Join(gif.EncodeAll(&animation, &f.gif), png.Encode(&last, f.draw(3*side, g.Sample(10_000, 1)))); err != nil {
		return err
	}
	return errors.Join(save(path+".gif", animation.Bytes()), save(path+".png", last.Bytes()))
}

// save writes a file whole or not at all: on a full disk, an older one stays.
func save(path string, content []byte) error {
	written := path + ".new"
	err := os.WriteFile(written, content, 0o644)
	if err == nil {
		err = os.Rename(written, path)
	}
	if err != nil {
		os.Remove(written)
	}
	return err
}
