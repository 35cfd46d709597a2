package main

import (
	"math"
	"math/rand/v2"
)

// shapes is a set of pictures that the program draws itself: a circle, a square, a
// triangle or a star, somewhere, of some size, turned a little and coloured by chance,
// on a light ground. It is a datasets.Dataset whose classes are the four.
type shapes struct {
	size   int
	pixels [][]float32 // [3, size, size] each, from −1 to 1
}

var shapeNames = []string{"circle", "square", "triangle", "star"}

// newShapes draws n pictures of size×size pixels; the same seed draws the same ones.
func newShapes(n, size int, seed uint64) *shapes {
	s := &shapes{size: size, pixels: make([][]float32, n)}
	for i := range s.pixels {
		s.pixels[i] = drawShape(i%len(shapeNames), size, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	return s
}

func (s *shapes) Len() int          { return len(s.pixels) }
func (s *shapes) Shape() []int      { return []int{3, s.size, s.size} }
func (s *shapes) Label(i int) int   { return i % len(shapeNames) }
func (s *shapes) Classes() []string { return shapeNames }
func (s *shapes) Fill(i int, dst []float32) error {
	copy(dst, s.pixels[i])
	return nil
}

// drawShape draws a picture of a class.
func drawShape(class, size int, r *rand.Rand) []float32 {
	radius := (0.28 + 0.12*r.Float64()) * float64(size)
	free := float64(size)/2 - radius - 1
	cx := float64(size)/2 + free*(2*r.Float64()-1)
	cy := float64(size)/2 + free*(2*r.Float64()-1)
	corners := corners(class, radius, 0.6*r.Float64()-0.3)
	colour := hue(r.Float64(), 0.75+0.25*r.Float64(), 0.55+0.4*r.Float64())
	ground := 0.9 + 0.1*r.Float64()

	out := make([]float32, 3*size*size)
	for y := range size {
		for x := range size {
			px, py := float64(x)+0.5-cx, float64(y)+0.5-cy
			depth := radius*0.9 - math.Hypot(px, py) // within the shape, in pixels
			if corners != nil {
				depth = inside(corners, px, py)
			}
			cover := min(max(depth+0.5, 0), 1) // of the pixel
			for c := range 3 {
				v := ground + cover*(colour[c]-ground)
				out[(c*size+y)*size+x] = float32(2*v - 1)
			}
		}
	}
	return out
}

// corners returns a polygon about the origin, or nil for a circle.
func corners(class int, radius, turn float64) (out [][2]float64) {
	count := []int{0, 4, 3, 10}[class]
	turn += []float64{0, math.Pi / 4, -math.Pi / 2, -math.Pi / 2}[class] // upright
	for k := range count {
		r := radius
		if class == 3 && k%2 == 1 {
			r *= 0.42 // between the points of the star
		}
		a := turn + 2*math.Pi*float64(k)/float64(count)
		out = append(out, [2]float64{r * math.Cos(a), r * math.Sin(a)})
	}
	return out
}

// inside returns the distance of a point from a polygon's edge, negative outside.
func inside(corners [][2]float64, x, y float64) float64 {
	distance, within := math.Inf(1), false
	for k, b := range corners {
		a := corners[(k+len(corners)-1)%len(corners)]
		dx, dy := b[0]-a[0], b[1]-a[1]
		t := min(max(((x-a[0])*dx+(y-a[1])*dy)/(dx*dx+dy*dy), 0), 1)
		distance = min(distance, math.Hypot(x-a[0]-t*dx, y-a[1]-t*dy))
		if (a[1] > y) != (b[1] > y) && x < a[0]+(y-a[1])/dy*dx {
			within = !within
		}
	}
	if within {
		return distance
	}
	return -distance
}

// hue returns a colour of the wheel, from 0 to 1, with its saturation and value.
func hue(h, s, v float64) (rgb [3]float64) {
	for c, shift := range [3]float64{0, 2. / 3, 1. / 3} {
		_, f := math.Modf(h + shift)
		rgb[c] = v * (1 - s*min(max(1-min(max(math.Abs(6*f-3)-1, 0), 1), 0), 1))
	}
	return rgb
}
