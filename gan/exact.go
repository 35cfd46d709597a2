package gan

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// exactStep is the discriminator's step under R1 and R2 for a network that is
// linear between kinks: the same gradient as the general path's, without a
// second derivative.
//
// Between kinks the slope of D at sample i is a product of weight matrices and
// of the activations' slopes, g₀ = ∂D/∂xᵢ, and the derivative of ½γ‖g₀‖² by the
// weights is that of ⟨v, g₀⟩ with v = γ·g₀ held constant: of D's linear part
// applied to v. So with the gradients gₗ of the output by each layer's output,
// computed once, with v pushed forward through the same slopes, and with c the
// loss's gradient by the output, each layer's weight gradient is one product,
// Σᵢ gₗᵢ ⊗ (cᵢ·hᵢ + vᵢ), and its bias's Σᵢ cᵢ·gₗᵢ. That is four products a layer
// where second derivatives take six. A first layer without weights may be curved
// (nn.FourierFeatures): its derivative depends on the sample alone.
type exactStep struct {
	layers []nn.PiecewiseLinear
	place  [][]int // of each layer's parameters among the trained ones, −1: frozen
	count  int     // of the trained ones
}

// newExactStep returns the exact form, or nil where it does not apply: to other
// penalties than R1 and R2, and to other layers.
func newExactStep(d nn.Module, penalties []Penalty, trained []*nn.Param) *exactStep {
	if len(penalties) == 0 {
		return nil
	}
	for _, p := range penalties {
		switch p.(type) {
		case R1, R2:
		default:
			return nil
		}
	}
	layers, ok := nn.PiecewiseLayers(d)
	if !ok {
		return nil
	}
	index := map[*nn.Param]int{}
	for i, p := range trained {
		index[p] = i
	}
	e := &exactStep{layers: layers, count: len(trained)}
	used := map[*nn.Param]bool{}
	for _, l := range layers {
		var places []int
		if o, ok := l.(nn.Owner); ok {
			for _, p := range o.Params() {
				if used[p] {
					return nil // shared weights have gradients of several layers
				}
				used[p] = true
				i, ok := index[p]
				if !ok {
					i = -1
				}
				places = append(places, i)
			}
		}
		e.place = append(e.place, places)
	}
	return e
}

// run computes the losses and the gradients by the trained parameters, on real
// samples x and generated ones y. grads is nil where a loss is not finite.
func (e *exactStep) run(t *Trainer, x, y *tensor.Tensor, r *stepResult) (grads []*autograd.Var) {
	n, m := x.Dim(0), y.Dim(0)
	h := make([]*tensor.Tensor, len(e.layers)+1) // h[l] goes into layer l
	h[0] = tensor.Concat(0, x, y)
	for l, layer := range e.layers {
		h[l+1] = layer.Forward(t.training(false), autograd.Const(h[l])).Value()
	}

	// The loss, and its gradient by the outputs.
	d := autograd.Leaf(h[len(e.layers)])
	r.terms = t.objective.Discriminator(autograd.Slice(d, 0, 0, n, 1), autograd.Slice(d, 0, n, n+m, 1))
	loss := sum(mean(r.terms.Real, &r.losses.Real), mean(r.terms.Fake, &r.losses.Fake))
	c := autograd.Grad(loss, []*autograd.Var{d}, autograd.Opts{})[0].Value()

	// g[l] is the gradient of each sample's output by what goes into layer l.
	g := make([]*tensor.Tensor, len(e.layers)+1)
	g[len(e.layers)] = fullLike(d.Value(), 1)
	for l := len(e.layers) - 1; l >= 0; l-- {
		g[l] = e.layers[l].Pull(h[l], h[l+1], g[l+1])
	}

	// The penalties, and v = ∂(penalty)/∂g₀.
	v := emptyLike(g[0], g[0].Shape()...)
	var weights [2]float64
	for _, p := range t.penalties {
		if _, fake := p.(R2); fake {
			weights[1] += p.Weight(t.steps)
		} else {
			weights[0] += p.Weight(t.steps)
		}
	}
	for k, part := range [2][2]int{{0, n}, {n, n + m}} {
		factor := weights[k] / float64(part[1]-part[0])
		slope := g[0].Slice(0, part[0], part[1], 1)
		if weights[k] != 0 {
			r.losses.Penalty += factor / 2 * tensor.Sum(tensor.Square(slope)).Item()
		}
		v.Slice(0, part[0], part[1], 1).CopyFrom(tensor.Scale(slope, factor))
	}
	if !r.losses.finite() {
		return nil
	}

	grads = make([]*autograd.Var, e.count)
	for l, layer := range e.layers {
		if len(e.place[l]) > 0 {
			mixed := tensor.Add(tensor.Mul(perSample(c, h[l]), h[l]), v)
			biasG := tensor.Mul(perSample(c, g[l+1]), g[l+1])
			for k, value := range layer.WeightGrad(g[l+1], mixed, biasG) {
				if i := e.place[l][k]; i >= 0 {
					grads[i] = autograd.Const(value)
				}
			}
		}
		if l < len(e.layers)-1 {
			v = layer.Push(h[l+1], v)
		}
	}
	return grads
}

// perSample gives c [n, 1] the rank of like [n, …], to be broadcast.
func perSample(c, like *tensor.Tensor) *tensor.Tensor {
	shape := like.Shape()
	for k := 1; k < len(shape); k++ {
		shape[k] = 1
	}
	return c.Reshape(shape...)
}
