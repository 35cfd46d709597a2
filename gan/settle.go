package gan

import (
	"slices"
	"sync"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// The buffers of a network in training, such as the running statistics of a batch
// norm or the singular vectors of a spectral norm, belong to the weights of the
// last steps, not to averages of the weights: with averages, other values reach the
// layers. So they are found anew for the averages, as Izmailov et al. do
// ("Averaging weights leads to wider optima and better generalization", 2018).

// settlePasses and settleBatch are the passes that buffers are found by, and the
// samples in each.
const (
	settlePasses = 16
	settleBatch  = sampleChunk
)

// settle has the generator find the buffers that belong to its weights when they
// are first used. Training passes on latent vectors of a stream of their own do
// that; they change nothing of the network that trains. Classes are drawn as often
// as the data has them; of conditions that are vectors, those in seen are used in
// turn. If the network has no buffers, or no such vectors were seen yet, there is
// nothing to do.
func (g *Generator) settle(seen *tensor.Tensor) {
	if !hasBuffers(g.net) || g.condition > 0 && g.classes == nil && seen == nil {
		return
	}
	w := g.weights()
	g.weights = sync.OnceValue(func() *nn.Weights {
		scope := g.scopes.Get().(*tensor.Scope)
		defer g.scopes.Put(scope)
		defer scope.Close()
		latent, random := tensor.NewStream(0, "settle"), tensor.NewStream(0, "settle, passes")
		classes := tensor.NewStream(0, "settle, classes")
		var updates nn.Updates
		n := max(min(settleBatch, g.pass), 2)
		err := tensor.Catch(func() {
			for k := range settlePasses {
				updates.Average = k + 1
				z := scope.Empty(g.device, g.dtype, n, g.latent)
				latent.NormalInto(z)
				ctx := &nn.Ctx{Train: true, Rand: random, Updates: &updates, Weights: w}
				switch {
				case g.classes != nil:
					ctx.Condition = autograd.Const(scope.Adopt(tensor.OneHot(g.dtype, g.condition, g.labels(n, classes))).To(g.device))
				case g.condition > 0:
					ctx.Condition = autograd.Const(inTurn(scope.Adopt(seen), k*n, n))
				}
				g.net.Forward(ctx, autograd.Const(z))
				updates.ApplyTo(w)
				scope.Close()
			}
		})
		if failure, ok := err.(*tensor.DeviceFailure); ok {
			panic(failure) // buffers may be half-way
		}
		return w // a network that cannot do it keeps its buffers
	})
}

// inTurn returns n rows of x, from row first on, beginning again after the last.
func inTurn(x *tensor.Tensor, first, n int) *tensor.Tensor {
	var parts []*tensor.Tensor
	for first, rows := first%x.Dim(0), x.Dim(0); n > 0; first = 0 {
		m := min(n, rows-first)
		parts = append(parts, x.Slice(0, first, first+m))
		n -= m
	}
	return tensor.Concat(0, parts...)
}

// hasBuffers reports whether a network has buffers.
func hasBuffers(m nn.Module) bool {
	return slices.ContainsFunc(nn.Params(m), func(p nn.NamedParam) bool { return p.Param.Buffer() })
}
