package nn

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// PixelShuffle makes images r times as large along both axes from r² times as
// many channels: [n, c·r², h, w] to [n, c, h·r, w·r] (Shi et al., "Real-time
// single image and video super-resolution using an efficient sub-pixel
// convolutional neural network", 2016). Channel c·r² + i·r + j becomes row i and
// column j of each r×r block of channel c, as in PyTorch. It panics with a
// [tensor.ArgumentError] unless r is from 1 to 46,340, and with a [tensor.ShapeError]
// if an input is not an image batch whose channels are a multiple of r².
func PixelShuffle(r int) Module { return pixelShuffle{factor: shuffleFactor("PixelShuffle", r)} }

// PixelUnshuffle is the inverse of [PixelShuffle]: [n, c, h·r, w·r] to
// [n, c·r², h, w]. It panics with a [tensor.ArgumentError] unless r is from 1 to
// 46,340, and with a [tensor.ShapeError] if an input is not an image batch whose height
// and width are multiples of r.
func PixelUnshuffle(r int) Module { return pixelUnshuffle{factor: shuffleFactor("PixelUnshuffle", r)} }

func shuffleFactor(kind string, r int) int {
	const most = 46340 // its square is an int of 32 bits
	if r < 1 || r > most {
		panic(&tensor.ArgumentError{Op: kind, Problem: fmt.Sprintf("images cannot be divided into blocks of %d by %d", r, r), Fix: fmt.Sprintf("give 1 to %d", most)})
	}
	return r
}

type pixelShuffle struct {
	perSample
	linearInPieces
	weightless
	factor int
}

func (p pixelShuffle) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	out, in, r := outShape(p, x), x.Shape(), p.factor
	blocks := autograd.Reshape(x, in[0], out[1], r, r, in[2], in[3])
	return autograd.Reshape(autograd.Permute(blocks, 0, 1, 4, 2, 5, 3), out...)
}

func (p pixelShuffle) OutShape(in []int) ([]int, error) {
	r := p.factor
	if len(in) != 4 || in[1]%(r*r) != 0 {
		return nil, misfit(fmt.Sprintf("PixelShuffle(%d)", r), in, fmt.Sprintf("this is not an image batch whose channels are a multiple of %d", r*r), fmt.Sprintf("give [n, %d·c, height, width]", r*r))
	}
	return []int{in[0], in[1] / (r * r), in[2] * r, in[3] * r}, nil
}

// Push implements [PiecewiseLinear].
func (p pixelShuffle) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return p.Forward(nil, autograd.Const(v)).Value()
}

// Pull implements [PiecewiseLinear]: the transpose of a permutation is its
// inverse.
func (p pixelShuffle) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return pixelUnshuffle{factor: p.factor}.Forward(nil, autograd.Const(g)).Value()
}

type pixelUnshuffle struct {
	perSample
	linearInPieces
	weightless
	factor int
}

func (p pixelUnshuffle) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	out, in, r := outShape(p, x), x.Shape(), p.factor
	blocks := autograd.Reshape(x, in[0], in[1], out[2], r, out[3], r)
	return autograd.Reshape(autograd.Permute(blocks, 0, 1, 3, 5, 2, 4), out...)
}

func (p pixelUnshuffle) OutShape(in []int) ([]int, error) {
	r := p.factor
	if len(in) != 4 || in[2]%r != 0 || in[3]%r != 0 {
		return nil, misfit(fmt.Sprintf("PixelUnshuffle(%d)", r), in, fmt.Sprintf("this is not an image batch whose height and width are multiples of %d", r), "give [n, channels, height, width]; pad or crop images first")
	}
	return []int{in[0], in[1] * r * r, in[2] / r, in[3] / r}, nil
}

// Push implements [PiecewiseLinear].
func (p pixelUnshuffle) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return p.Forward(nil, autograd.Const(v)).Value()
}

// Pull implements [PiecewiseLinear].
func (p pixelUnshuffle) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return pixelShuffle{factor: p.factor}.Forward(nil, autograd.Const(g)).Value()
}

// Export implements [Exporter].
func (p pixelShuffle) Export(g *Graph, x *Value) *Value {
	c, h, w, r := x.Shape[1], x.Shape[2], x.Shape[3], p.factor
	blocks := g.Op("Transpose", Attrs{"perm": []int{0, 1, 4, 2, 5, 3}}, g.Reshape(x, c/(r*r), r, r, h, w))
	return g.Reshape(blocks, c/(r*r), h*r, w*r)
}

// Export implements [Exporter].
func (p pixelUnshuffle) Export(g *Graph, x *Value) *Value {
	c, h, w, r := x.Shape[1], x.Shape[2], x.Shape[3], p.factor
	blocks := g.Op("Transpose", Attrs{"perm": []int{0, 1, 3, 5, 2, 4}}, g.Reshape(x, c, h/r, r, w/r, r))
	return g.Reshape(blocks, c*r*r, h/r, w/r)
}

type shuffleSpec struct {
	Factor int `json:"factor"`
}

// Describe implements [Describer].
func (p pixelShuffle) Describe() (string, any) { return "PixelShuffle", shuffleSpec{p.factor} }

// Describe implements [Describer].
func (p pixelUnshuffle) Describe() (string, any) { return "PixelUnshuffle", shuffleSpec{p.factor} }

func init() {
	Register("PixelShuffle", func(c shuffleSpec) (Module, error) { return PixelShuffle(c.Factor), nil })
	Register("PixelUnshuffle", func(c shuffleSpec) (Module, error) { return PixelUnshuffle(c.Factor), nil })
}
