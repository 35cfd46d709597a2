package gan

import (
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// exact is the strategy under R1 and R2 for a network that is linear between
// kinks: the gradients of [general] without a second derivative.
//
// Between kinks the derivative of D at sample i is a product of weight matrices
// and of the activations' derivatives, g₀ = ∂D/∂xᵢ, and the derivative of
// ½γ‖g₀‖² by the weights is that of ⟨v, g₀⟩ with v = γ·g₀ held constant: of D's
// linear part applied to v. So with the gradients gₗ of the output by each
// layer's output, computed once, with v pushed forward through the same
// derivatives, and with c the loss's gradient by the output, each layer's weight
// gradient is one product, Σᵢ gₗᵢ ⊗ (cᵢ·hᵢ + vᵢ), and its bias's Σᵢ cᵢ·gₗᵢ. That
// is four products a layer instead of the six of second derivatives. A first
// layer without weights may be curved (nn.FourierFeatures): its derivative
// depends on the sample alone.
type exact struct {
	layers []nn.PiecewiseLinear
	place  [][]int // of each layer's parameters among the trained ones; −1: frozen
	count  int     // of the trained ones
}

// newExact returns the strategy, or nil if it does not apply: to other penalties
// than R1 and R2, and to other layers.
func newExact(d nn.Module, penalties []Penalty, trained []*nn.Param) *exact {
	for _, p := range penalties {
		if _, ok := squaredNormAt(p); !ok {
			return nil
		}
	}
	layers, ok := nn.PiecewiseLayers(d)
	if !ok || len(penalties) == 0 {
		return nil
	}
	index := map[*nn.Param]int{}
	for i, p := range trained {
		index[p] = i
	}
	e := &exact{layers: layers, count: len(trained)}
	used := map[*nn.Param]bool{}
	for _, l := range layers {
		var places []int
		for _, p := range nn.Params(l) {
			if used[p.Param] {
				return nil // shared weights have gradients of several layers
			}
			used[p.Param] = true
			i, ok := index[p.Param]
			if !ok {
				i = -1
			}
			places = append(places, i)
		}
		e.place = append(e.place, places)
	}
	for p := range index {
		if !used[p] {
			return nil // it belongs to no layer, but to a chain of them
		}
	}
	return e
}

func (e *exact) gradients(t *game, x, y *tensor.Tensor, condition *autograd.Var) (out discriminatorHalf) {
	n, m := x.Dim(0), y.Dim(0)
	ctx := t.training(false, twice(condition))
	layers := e.bound(ctx)
	last := len(layers)
	h := e.forward(ctx, layers, tensor.Concat(0, x, y)) // h[l] goes into layer l

	// The loss, and its gradient by the outputs.
	d := autograd.Leaf(h[last])
	out.scores = [2]*tensor.Tensor{h[last].Slice(0, 0, n), h[last].Slice(0, n, n+m)}
	out.terms = t.discriminate(autograd.Slice(d, 0, 0, n), autograd.Slice(d, 0, n, n+m))
	loss := add(mean(out.terms.Real, &out.real), mean(out.terms.Fake, &out.fake))
	c := autograd.Grad(t.learnable("discriminator", loss), []*autograd.Var{d}, autograd.Opts{})[0].Value()

	// g[l] is the gradient of each sample's output by what goes into layer l.
	g := make([]*tensor.Tensor, last+1)
	g[last] = tensor.FullLike(d.Value(), 1)
	for l := last - 1; l >= 0; l-- {
		g[l] = layers[l].Pull(h[l], h[l+1], g[l+1])
	}

	var v *tensor.Tensor // ∂(penalties)/∂g₀
	out.penalties, v = t.squaredNorms(g[0], n)

	out.grads = make([]*tensor.Tensor, e.count)
	for l, layer := range layers {
		if len(e.place[l]) > 0 {
			mixed := tensor.MulAdd(perSample(c, h[l]), h[l], v)
			for k, value := range layer.WeightGrad(g[l+1], mixed, c) {
				if i := e.place[l][k]; i >= 0 {
					out.grads[i] = value
				}
			}
		}
		if l < last-1 {
			v = layer.Push(h[l+1], v)
		}
	}
	return out
}

// forward returns what goes into each layer, and what the last one makes of it.
func (e *exact) forward(ctx *nn.Ctx, layers []nn.PiecewiseLinear, x *tensor.Tensor) []*tensor.Tensor {
	h := make([]*tensor.Tensor, len(layers)+1)
	h[0] = x
	for l := 0; l < len(layers); l++ {
		in := autograd.Const(h[l])
		if act, fused := e.fused(layers, l); fused != nil {
			// What lies between the two is not kept: the result, which has its shape
			// and tells the activation's derivative, stands for it.
			h[l+1] = fused.ForwardFused(ctx, in, act).Value()
			h[l+2] = h[l+1]
			l++
			continue
		}
		h[l+1] = layers[l].Forward(ctx, in).Value()
	}
	return h
}

// squaredNorms returns the penalties, and the gradient of their sum by g, which holds
// D's gradients by n real and by generated samples.
func (t *game) squaredNorms(g *tensor.Tensor, n int) (penalties []*tensor.Tensor, v *tensor.Tensor) {
	both := g.Dim(0)
	var weights [2]float64 // on real and on generated samples
	for _, p := range t.penalties {
		kind, _ := squaredNormAt(p)
		weights[kind] += t.weightOf(p)
	}
	factors := [2]float64{weights[0] / float64(n), weights[1] / float64(both-n)}
	penalise := func(part *tensor.Tensor, factor float64) {
		if factor != 0 {
			penalties = append(penalties, tensor.Scale(tensor.SumSquares(part), factor/2))
		}
	}
	if factors[0] == factors[1] {
		penalise(g, factors[0])
		return penalties, tensor.Scale(g, factors[0])
	}
	parts := [2]*tensor.Tensor{g.Slice(0, 0, n), g.Slice(0, n, both)}
	for kind, factor := range factors {
		penalise(parts[kind], factor)
	}
	return penalties, tensor.Concat(0, tensor.Scale(parts[0], factors[0]), tensor.Scale(parts[1], factors[1]))
}

// fused returns layer l, and the activation after it, if they run as one operation.
func (e *exact) fused(layers []nn.PiecewiseLinear, l int) (tensor.Activation, nn.Fusing) {
	layer, fuses := layers[l].(nn.Fusing)
	if fuses && l+1 < len(layers) && len(e.place[l+1]) == 0 {
		if a, is := layers[l+1].(nn.Activator); is {
			if act, ok := a.Activation(); ok {
				return act, layer
			}
		}
	}
	return tensor.Activation{}, nil
}

// bound returns the layers as they are in a pass.
func (e *exact) bound(ctx *nn.Ctx) []nn.PiecewiseLinear {
	layers := e.layers
	for l, layer := range e.layers {
		if b, ok := layer.(nn.PassBound); ok {
			if &layers[0] == &e.layers[0] {
				layers = slices.Clone(e.layers)
			}
			layers[l] = b.Bind(ctx)
		}
	}
	return layers
}

// perSample gives c [n, 1] the rank of like [n, …], to be broadcast.
func perSample(c, like *tensor.Tensor) *tensor.Tensor {
	if like.Rank() == 2 {
		return c
	}
	shape := like.Shape()
	for k := 1; k < len(shape); k++ {
		shape[k] = 1
	}
	return c.Reshape(shape...)
}
