package main

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

const (
	pixels  = 28 * 28
	classes = 10
)

// labelled are images followed by their labels.
type labelled struct{ *datasets.Images }

func (l labelled) Shape() []int { return []int{pixels + classes} }

func (l labelled) Fill(i int, dst []float32) error {
	clear(dst[pixels:])
	dst[pixels+l.Label(i)] = 1
	return l.Images.Fill(i, dst[:pixels])
}

// draw is a generator of labelled images: body draws the image.
type draw struct{ body nn.Module }

func (m draw) Forward(ctx *nn.Ctx, z *autograd.Var) *autograd.Var {
	choice := autograd.Slice(z, 1, 0, classes).Value() // [n, 10]
	largest := tensor.MaxOver(choice, 1).Unsqueeze(1)  // [n, 1]
	label := autograd.Const(tensor.Equal(choice, largest))
	rest := autograd.Slice(z, 1, classes, z.Shape()[1])
	return autograd.Concat(1, m.body.Forward(ctx, autograd.Concat(1, label, rest)), label)
}

func (m draw) Children() []nn.Child { return []nn.Child{{Name: "body", Module: m.body}} }
func (m draw) MixesBatch() bool     { return false }
func (m draw) Describe() (kind string, constants any) {
	return "conditional.draw", part{nn.Part{Module: m.body}}
}

// judge is a discriminator of labelled images: body gives ten answers, of which
// the label chooses one.
type judge struct{ body nn.Module }

func (m judge) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	image := autograd.Slice(x, 1, 0, pixels)
	label := autograd.Slice(x, 1, pixels, pixels+classes).Detach() // is given, and not to be improved
	answer := autograd.Sum(autograd.Mul(m.body.Forward(ctx, image), label), 1)
	return autograd.Reshape(answer, x.Shape()[0], 1)
}

func (m judge) Children() []nn.Child { return []nn.Child{{Name: "body", Module: m.body}} }
func (m judge) MixesBatch() bool     { return false }

// part is how a draw is described in files.
type part struct {
	Body nn.Part `json:"body"`
}

func init() {
	nn.Register("conditional.draw", func(c part) (nn.Module, error) { return draw{c.Body.Module}, nil })
}

// critic is the discriminator of recipe.Quick with ten answers.
func critic() nn.Module {
	return nn.Sequential(
		nn.Reshape(1, 28, 28),
		nn.Conv2D(1, 16, 4, nn.Stride(2), nn.Padding(1)), nn.LeakyReLU(0.2),
		nn.Conv2D(16, 32, 4, nn.Stride(2), nn.Padding(1)), nn.LeakyReLU(0.2),
		nn.Flatten(), nn.Linear(32*7*7, 128), nn.LeakyReLU(0.2), nn.Linear(128, classes))
}
