package nn

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Temperature multiplies its input by t in evaluation, and in training changes
// nothing. As the first layer of a generator it makes the latent vectors of which
// samples are drawn t times as long as those it was trained on: N(0, t²) in place of
// N(0, 1).
//
// Below 1 samples are surer and more alike, above 1 more various and less sure:
// precision is exchanged for recall. The first is common. It is the temperature of
// Kingma and Dhariwal ("Glow: generative flow with invertible 1×1 convolutions", 2018),
// and does what the truncation trick does (Brock et al., "Large scale GAN training for
// high fidelity natural image synthesis", 2019, §3.1) and, nearer to the image, ψ of
// Karras et al. ("A style-based generator architecture for generative adversarial
// networks", 2019). A little above 1 makes up for what averaged weights and falling
// rates take from the variety of samples; far from 1, a generator draws what no
// discriminator has judged.
//
// Being a layer, it is part of the network that files hold, and all who sample from
// that agree. Draw at another temperature than a network has by giving it latent
// vectors that are longer or shorter.
//
// Temperature panics with a [tensor.ArgumentError] unless t is above 0 and finite.
func Temperature(t float64) Module {
	if !(t > 0) || math.IsInf(t, 1) {
		panic(&tensor.ArgumentError{Op: "Temperature", Problem: fmt.Sprintf("%g is not a temperature", t), Fix: "give a number above 0, such as 1"})
	}
	return temperature{t: t}
}

type temperature struct {
	elementwise
	t float64
}

func (m temperature) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	tensor.Check("Temperature", x.Value())
	if ctx.training() || m.t == 1 {
		return x
	}
	return autograd.Scale(x, m.t)
}

// Export implements [Exporter].
func (m temperature) Export(g *Graph, x *Value) *Value {
	if m.t == 1 {
		return x
	}
	return g.Op("Mul", nil, x, g.Scalar(m.t))
}

type temperatureSpec struct {
	T float64 `json:"t"`
}

// Describe implements [Describer].
func (m temperature) Describe() (string, any) { return "Temperature", temperatureSpec{m.t} }

func init() {
	Register("Temperature", func(c temperatureSpec) (Module, error) { return Temperature(c.T), nil })
}
