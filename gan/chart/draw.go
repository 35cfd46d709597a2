package chart

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// All lengths are in pixels.
const (
	width, height = 672, 384
	margin        = 10
	thickness     = 2  // of a curve
	dash          = 7  // and of the gap behind it
	row           = 16 // of text
	letter        = 7  // how wide one is
)

// Colours that most colour-blind people can tell apart (Okabe and Ito, 2008).
var palette = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff},
	{0xcc, 0x79, 0xa7, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff},
}

var (
	ink  = image.NewUniform(color.NRGBA{0x22, 0x22, 0x22, 0xff})
	grid = image.NewUniform(color.NRGBA{0xdd, 0xdd, 0xdd, 0xff})
)

// point is a place in the image.
type point struct{ x, y float64 }

// paint draws curves whose points are finite.
func paint(title, xLabel, yLabel string, curves []Curve) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	box := image.Rect(margin, margin+row/2, width-margin-letter, height-margin-row)
	if title != "" {
		box.Min.Y += row
	}
	if xLabel != "" {
		box.Max.Y -= row
	}
	if yLabel != "" {
		box.Min.X += row + letter/2
	}
	x, y := axisOf(curves, func(c Curve) []float64 { return c.X }), axisOf(curves, func(c Curve) []float64 { return c.Y })
	y.raise(float64(len(curves)*row+row/2) / float64(box.Dy())) // the legend is above the curves
	xTicks, yTicks := x.ticks(7), y.ticks(6)
	widest := 0
	for _, t := range yTicks {
		widest = max(widest, len(t.label))
	}
	box.Min.X += widest*letter + letter

	at := func(x, y float64) point {
		return point{float64(box.Min.X) + x*float64(box.Dx()), float64(box.Max.Y) - y*float64(box.Dy())}
	}
	for _, t := range xTicks {
		p := at(t.at, 0)
		bar(img, grid, image.Rect(int(p.x), box.Min.Y, int(p.x)+1, box.Max.Y))
		write(img, int(p.x)-len(t.label)*letter/2, box.Max.Y+row-2, t.label)
	}
	for _, t := range yTicks {
		p := at(0, t.at)
		bar(img, grid, image.Rect(box.Min.X, int(p.y), box.Max.X, int(p.y)+1))
		write(img, box.Min.X-letter-len(t.label)*letter, int(p.y)+letter/2+1, t.label)
	}
	bar(img, ink, image.Rect(box.Min.X-1, box.Min.Y, box.Min.X, box.Max.Y+1))
	bar(img, ink, image.Rect(box.Min.X-1, box.Max.Y, box.Max.X, box.Max.Y+1))
	middle := func(from, to int, s string) int { return (from + to - lengthOf(s)) / 2 }
	write(img, middle(box.Min.X, box.Max.X, title), margin+row-4, title)
	write(img, middle(box.Min.X, box.Max.X, xLabel), height-margin, xLabel)
	writeUp(img, margin+row-4, height-middle(height-box.Max.Y, height-box.Min.Y, yLabel), yLabel)

	for i, c := range curves {
		points := make([]point, len(c.X))
		for k := range points {
			points[k] = at(x.at(c.X[k]), y.at(c.Y[k]))
		}
		stroke(img, palette[i%len(palette)], points, c.Dashed)
		// Its line in the legend, and its name to the left of it.
		base := box.Min.Y + i*row + row/2
		end := float64(box.Max.X - letter)
		stroke(img, palette[i%len(palette)], []point{{end - 28, float64(base)}, {end, float64(base)}}, c.Dashed)
		write(img, box.Max.X-2*letter-28-lengthOf(c.Name), base+letter/2+1, c.Name)
	}
	return img
}

// axis is the range of one coordinate.
type axis struct{ low, high float64 }

// axisOf returns the range of what the curves have of a coordinate. One that is
// empty, or too narrow for numbers to tell apart, is made wider.
func axisOf(curves []Curve, of func(Curve) []float64) axis {
	a := axis{math.Inf(1), math.Inf(-1)}
	for _, c := range curves {
		for _, v := range of(c) {
			a.low, a.high = min(a.low, v), max(a.high, v)
		}
	}
	if a.low > a.high { // there are no curves
		return axis{0, 1}
	}
	// Steps of less than 1e-300 have no logarithm or no reciprocal.
	if least := max(1e-9*max(math.Abs(a.low), math.Abs(a.high)), 1e-300); a.high-a.low <= least {
		wider := max(1, 2*least)
		a.low, a.high = a.low-wider, a.high+wider
	}
	return a
}

// raise leaves a part of the axis free at its upper end.
func (a *axis) raise(part float64) {
	part = min(part, 0.6)
	a.high += (a.high - a.low) * part / (1 - part)
}

// at returns where a number lies, from 0 to 1.
func (a axis) at(v float64) float64 { return (v - a.low) / (a.high - a.low) }

type tick struct {
	at    float64
	label string
}

// ticks returns round numbers within the range, at most so many.
func (a axis) ticks(most int) (out []tick) {
	rough := (a.high - a.low) / float64(most)
	power := math.Floor(math.Log10(rough))
	step := math.Pow(10, power)
	for _, factor := range []float64{2, 5, 10} {
		if step < rough*(1-1e-9) {
			step = factor * math.Pow(10, power)
			if factor == 10 {
				power++
			}
		}
	}
	first := math.Ceil(a.low/step - 1e-9)
	for i := range most + 1 {
		v := (first + float64(i)) * step
		if a.at(v) > 1+1e-9 {
			break
		}
		if math.Abs(v) < step/2 {
			v = 0 // and no minus zero
		}
		label := strconv.FormatFloat(v, 'f', max(int(-power), 0), 64)
		if math.Abs(v) >= 1e6 || power < -4 {
			digits := math.Floor(math.Log10(max(math.Abs(v), step))*(1+1e-12)) - power + 1
			label = strconv.FormatFloat(v, 'g', min(max(int(digits), 1), 17), 64)
		}
		out = append(out, tick{a.at(v), label})
	}
	return out
}

func bar(img *image.RGBA, c image.Image, r image.Rectangle) {
	draw.Draw(img, r, c, image.Point{}, draw.Src)
}

// stroke draws a line through points, and a dot if they are all in one place.
func stroke(img *image.RGBA, c color.Color, points []point, dashed bool) {
	r := vector.NewRasterizer(width, height)
	if len(points) > 0 && !slices.ContainsFunc(points, func(p point) bool { return p != points[0] }) {
		disc(r, points[0], 4)
	}
	walked := 0. // along the line
	for k := 1; k < len(points); k++ {
		a, b := points[k-1], points[k]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		between := func(t float64) point { return point{a.x + (b.x-a.x)*t/length, a.y + (b.y-a.y)*t/length} }
		if !dashed {
			segment(r, a, b)
			disc(r, b, thickness/2)
			continue
		}
		for t := 0.; t < length; {
			phase := math.Mod(walked+t, 2*dash)
			if phase < dash {
				to := min(t+dash-phase, length)
				segment(r, between(t), between(to))
				t = to
			} else {
				t += 2*dash - phase
			}
			t += 1e-6 // past the end of the dash or the gap
		}
		walked += length
	}
	r.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{})
}

// segment fills the rectangle about a line. All that is filled turns the same way,
// so that what overlaps does not cancel.
func segment(r *vector.Rasterizer, a, b point) {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	if length == 0 {
		return
	}
	nx, ny := -(b.y-a.y)/length*thickness/2, (b.x-a.x)/length*thickness/2
	polygon(r, point{a.x - nx, a.y - ny}, point{b.x - nx, b.y - ny}, point{b.x + nx, b.y + ny}, point{a.x + nx, a.y + ny})
}

func disc(r *vector.Rasterizer, middle point, radius float64) {
	var corners [12]point
	for k := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(len(corners)))
		corners[k] = point{middle.x + radius*cos, middle.y + radius*sin}
	}
	polygon(r, corners[:]...)
}

func polygon(r *vector.Rasterizer, corners ...point) {
	for k, p := range corners {
		if k == 0 {
			r.MoveTo(float32(p.x), float32(p.y))
		} else {
			r.LineTo(float32(p.x), float32(p.y))
		}
	}
	r.ClosePath()
}

// write writes text from x on, on a line at y.
func write(img draw.Image, x, y int, text string) {
	d := font.Drawer{Dst: img, Src: ink, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// writeUp writes text upwards from y on, on a line at x.
func writeUp(img draw.Image, x, y int, text string) {
	flat := image.NewRGBA(image.Rect(0, 0, lengthOf(text), row))
	write(flat, 0, row-4, text)
	for i := range flat.Rect.Dx() {
		for j := range row {
			if _, _, _, a := flat.At(i, j).RGBA(); a > 0 {
				img.Set(x-row+4+j, y-i, flat.At(i, j))
			}
		}
	}
}

func lengthOf(text string) int { return font.MeasureString(basicfont.Face7x13, text).Ceil() }

// check returns what is wrong with a curve.
func (c Curve) check() error {
	switch {
	case len(c.X) != len(c.Y):
		return fmt.Errorf("chart: curve %q has %d abscissae and %d ordinates", c.Name, len(c.X), len(c.Y))
	case len(c.X) == 0:
		return fmt.Errorf("chart: curve %q has no points", c.Name)
	}
	for k := range c.X {
		for _, v := range []float64{c.X[k], c.Y[k]} {
			if !(math.Abs(v) <= math.MaxFloat64/16) { // so that differences are finite
				return fmt.Errorf("chart: curve %q: point %d is (%g, %g), which cannot be drawn", c.Name, k, c.X[k], c.Y[k])
			}
		}
	}
	return nil
}
