package nn

import (
	"fmt"
	"strings"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Augmentations are the random changes of [DiffAugment].
type Augmentations struct {
	// Colour changes brightness, saturation and contrast. It adds −½ to ½ to an
	// image, then multiplies each pixel's difference from the mean of its channels by
	// 0 to 2, and the image's difference from its mean by ½ to 1½.
	Colour bool
	// Shift moves an image along each axis by up to this part of its height and width,
	// in whole pixels, with zeros behind it. The paper has 1/8; 0 means not at all.
	Shift float64
	// Cutout sets a rectangle of this part of the height and width to 0, anywhere,
	// also partly outside. The paper has ½; 0 means none.
	Cutout float64
}

// DiffAugment changes each image [n, c, h, w] at random before a discriminator looks
// at it, real and generated ones alike (Zhao et al., "Differentiable augmentation for
// data-efficient GAN training", 2020). Put it first in a discriminator that has few
// images to learn from, hundreds or some thousands: it cannot learn them by heart, and
// the generator does not learn to draw the changes, as it would from data that is
// changed (datasets.Augment). In evaluation it changes nothing.
//
// Zero should be an image's middle, as it is if pixels lie in [−1, 1]. The numbers,
// eight for each image, come from [Ctx.Rand]; a training pass without one panics with
// a [StateError]. What becomes of an image does not depend on the others. DiffAugment
// is linear, but for a constant, given the numbers, so the cheap way to compute R1
// and R2 stays open, and gradients exist to every order.
//
// DiffAugment panics with a [tensor.ArgumentError] if nothing is to be changed, or
// unless 0 ≤ Shift < 1 and 0 ≤ Cutout ≤ 1, and with a [tensor.ShapeError] if an input
// is not an image batch.
func DiffAugment(a Augmentations) Module {
	switch {
	case a == (Augmentations{}):
		panic(&tensor.ArgumentError{Op: "DiffAugment", Problem: "nothing is to be changed", Fix: "set Colour, Shift or Cutout"})
	case !(a.Shift >= 0 && a.Shift < 1) || !(a.Cutout >= 0 && a.Cutout <= 1):
		panic(&tensor.ArgumentError{Op: "DiffAugment", Problem: fmt.Sprintf("a shift by %g and a cutout of %g of an image", a.Shift, a.Cutout),
			Fix: "give parts of 1, such as 0.125 and 0.5"})
	}
	return &diffAugment{is: a}
}

type diffAugment struct {
	perSample
	linearInPieces
	weightless
	is     Augmentations
	tables constants // positions, by tableKey
}

// drawn is what was drawn for the images of a pass. A part is nil if it changes
// nothing.
type drawn struct {
	brightness, saturation, contrast *autograd.Var // [n, 1, 1, 1]
	rows, cols                       *autograd.Var // [n, 1, h, h] and [n, 1, w, w]: one-hots
	mask                             *autograd.Var // [n, 1, h, w]
}

// numbersEach is how many numbers an image takes, whatever is changed: so that the
// numbers of two batches are those of one twice as large, and each image has whole
// blocks of the stream.
const numbersEach = 8

func (m *diffAugment) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	outShape(m, x)
	tensor.Check("DiffAugment", x.Value())
	if !ctx.training() {
		return x
	}
	return m.draw(ctx, x.Value()).change(x)
}

// draw draws for the images x.
func (m *diffAugment) draw(ctx *Ctx, x *tensor.Tensor) (d drawn) {
	if ctx.Rand == nil {
		panic(&StateError{Problem: "DiffAugment needs random numbers, and this pass has none", Fix: "set Ctx.Rand"})
	}
	n, h, w := x.Dim(0), x.Dim(2), x.Dim(3)
	u := tensor.EmptyLike(x, n, numbersEach)
	ctx.Rand.UniformInto(u)
	// number returns a·u + b of the next number u of each image.
	next := 0
	number := func(a, b float64) *tensor.Tensor {
		v := u.Slice(1, next, next+1)
		next++
		return tensor.Shift(tensor.Scale(v, a), b).Reshape(n, 1, 1, 1)
	}
	brightness, saturation, contrast := number(1, -.5), number(2, 0), number(1, .5)
	if m.is.Colour {
		d.brightness, d.contrast = autograd.Const(brightness), autograd.Const(contrast)
		if x.Dim(1) > 1 {
			d.saturation = autograd.Const(saturation)
		}
	}
	steps := [2]int{part(h, m.is.Shift), part(w, m.is.Shift)}
	// In float32, the product may round up to the next whole number.
	below := func(count int, b float64) *tensor.Tensor {
		v := number(float64(count), 0)
		return tensor.Shift(tensor.Clamp(v, 0, float64(count)-.25), b)
	}
	down, right := below(2*steps[0]+1, -float64(steps[0])), below(2*steps[1]+1, -float64(steps[1]))
	if steps[0] > 0 || steps[1] > 0 {
		// The new row i is the old row i−s, s = ⌊down⌋: that with 0 ≤ down − (i−j) < 1.
		// Columns are moved from the right, by the transpose.
		d.rows = autograd.Const(within(tensor.Sub(down, m.differences(x, h, 2, 3)), 1))
		d.cols = autograd.Const(within(tensor.Sub(right, m.differences(x, w, 3, 2)), 1))
	}
	if m.is.Cutout > 0 {
		ch, cw := part(h, m.is.Cutout), part(w, m.is.Cutout)
		// The middle is o = ⌊v⌋, and o − ⌊c/2⌋ ≤ i < o − ⌊c/2⌋ + c is covered: that is
		// 0 ≤ v − i + c − ⌊c/2⌋ − 1 < c.
		y, x0 := below(h+1-ch%2, float64(ch-ch/2-1)), below(w+1-cw%2, float64(cw-cw/2-1))
		hidden := tensor.Mul(within(tensor.Sub(y, m.positions(x, h, 2)), float64(ch)), within(tensor.Sub(x0, m.positions(x, w, 3)), float64(cw)))
		d.mask = autograd.Const(tensor.Shift(tensor.Neg(hidden), 1))
	}
	return d
}

// part returns the part of a length in whole pixels.
func part(length int, of float64) int { return int(float64(length)*of + .5) }

// within returns 1 where 0 ≤ t < width, and 0 elsewhere.
func within(t *tensor.Tensor, width float64) *tensor.Tensor {
	return tensor.Sub(tensor.GreaterEqual(t, tensor.ScalarLike(t, 0)), tensor.GreaterEqual(t, tensor.ScalarLike(t, width)))
}

// change changes images as was drawn.
func (d drawn) change(x *autograd.Var) *autograd.Var {
	if d.brightness != nil {
		x = autograd.Add(x, d.brightness)
	}
	return d.linear(x, false)
}

// linear does what is linear in the images, or its transpose. The parts of the
// colour are symmetric, and commute.
func (d drawn) linear(x *autograd.Var, transposed bool) *autograd.Var {
	if transposed {
		return d.colours(d.move(d.hide(x), true))
	}
	return d.hide(d.move(d.colours(x), false))
}

func (d drawn) colours(x *autograd.Var) *autograd.Var {
	x = fromMean(x, d.saturation, 1)
	return fromMean(x, d.contrast, 1, 2, 3)
}

// fromMean multiplies the difference of x from its mean over axes by a factor.
func fromMean(x, factor *autograd.Var, axes ...int) *autograd.Var {
	if factor == nil {
		return x
	}
	shape := x.Shape()
	for _, a := range axes {
		shape[a] = 1
	}
	mean := autograd.Reshape(autograd.Mean(x, axes...), shape...)
	return autograd.Add(mean, autograd.Mul(autograd.Sub(x, mean), factor))
}

func (d drawn) move(x *autograd.Var, back bool) *autograd.Var {
	switch {
	case d.rows == nil:
		return x
	case back:
		return autograd.MatMul(autograd.MatMul(autograd.Transpose(d.rows), x), autograd.Transpose(d.cols))
	}
	return autograd.MatMul(autograd.MatMul(d.rows, x), d.cols)
}

func (d drawn) hide(x *autograd.Var) *autograd.Var {
	if d.mask == nil {
		return x
	}
	return autograd.Mul(x, d.mask)
}

// tableKey names the positions along an axis of images.
type tableKey struct {
	length, axis int
	dtype        tensor.DType
}

// differences returns i−j for i along one axis of 4 and j along another, up to n.
func (m *diffAugment) differences(like *tensor.Tensor, n, i, j int) *tensor.Tensor {
	return tensor.Sub(m.positions(like, n, i), m.positions(like, n, j))
}

// positions returns 0, 1, …, n−1 along an axis of 4.
func (m *diffAugment) positions(like *tensor.Tensor, n, axis int) *tensor.Tensor {
	return m.tables.get(like.Device(), tableKey{n, axis, like.DType()}, func() *tensor.Tensor {
		shape := []int{1, 1, 1, 1}
		shape[axis] = n
		return like.Device().Arange(like.DType(), n).Reshape(shape...)
	})
}

// Bind implements [PassBound].
func (m *diffAugment) Bind(ctx *Ctx) PiecewiseLinear {
	return &boundDiffAugment{diffAugment: m, ctx: ctx}
}

// Push implements [PiecewiseLinear]; see boundDiffAugment.
func (m *diffAugment) Push(_, _ *tensor.Tensor) *tensor.Tensor { panic(unbound(m.name())) }

// Pull implements [PiecewiseLinear]; see boundDiffAugment.
func (m *diffAugment) Pull(_, _, _ *tensor.Tensor) *tensor.Tensor { panic(unbound(m.name())) }

// boundDiffAugment is a diffAugment in one pass, of which it remembers what was
// drawn.
type boundDiffAugment struct {
	*diffAugment
	ctx   *Ctx
	drawn *drawn
}

func (m *boundDiffAugment) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	outShape(m, x)
	if m.drawn == nil {
		m.drawn = new(drawn)
		if m.ctx.training() {
			*m.drawn = m.draw(m.ctx, x.Value())
		}
	}
	return m.drawn.change(x)
}

// Push implements [PiecewiseLinear].
func (m *boundDiffAugment) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return m.drawn.linear(autograd.Const(v), false).Value()
}

// Pull implements [PiecewiseLinear].
func (m *boundDiffAugment) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return m.drawn.linear(autograd.Const(g), true).Value()
}

func (m *diffAugment) name() string {
	var parts []string
	if m.is.Colour {
		parts = append(parts, "colour")
	}
	if m.is.Shift > 0 {
		parts = append(parts, fmt.Sprintf("shift %g", m.is.Shift))
	}
	if m.is.Cutout > 0 {
		parts = append(parts, fmt.Sprintf("cutout %g", m.is.Cutout))
	}
	return fmt.Sprintf("DiffAugment(%s)", strings.Join(parts, ", "))
}

func (m *diffAugment) OutShape(in []int) ([]int, error) {
	if len(in) != 4 {
		return nil, notImages(m.name(), in)
	}
	return in, nil
}

// Scratch implements [Scratcher]: in training. Images are changed in several steps, and
// the matrices that move their rows and columns are as large as the squares of these.
func (m *diffAugment) Scratch(in []int) [][]int {
	n, h, w := in[0], in[2], in[3]
	shapes := append(copies(9, in), []int{64, n}, []int{n, h, w})
	if part(h, m.is.Shift) > 0 || part(w, m.is.Shift) > 0 {
		shapes = append(shapes, []int{4, n, h, h}, []int{4, n, w, w}, []int{h, h}, []int{w, w})
	}
	if m.is.Cutout > 0 {
		shapes = append(shapes, []int{4, n, h, w})
	}
	return shapes
}

// Export implements [Exporter].
func (m *diffAugment) Export(_ *Graph, x *Value) *Value { return x }

type diffAugmentSpec struct {
	Colour bool    `json:"colour"`
	Shift  float64 `json:"shift"`
	Cutout float64 `json:"cutout"`
}

// Describe implements [Describer].
func (m *diffAugment) Describe() (string, any) {
	return "DiffAugment", diffAugmentSpec{m.is.Colour, m.is.Shift, m.is.Cutout}
}

func init() {
	Register("DiffAugment", func(c diffAugmentSpec) (Module, error) {
		return DiffAugment(Augmentations{Colour: c.Colour, Shift: c.Shift, Cutout: c.Cutout}), nil
	})
}
