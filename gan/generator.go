package gan

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Generator is a trained generator. It never changes, so any number of
// goroutines may sample from it at once.
type Generator struct {
	net     nn.Module
	weights *nn.Weights // nil: the network's own, which nobody else has
	latent  int
	dtype   tensor.DType
	device  *tensor.Device
}

// sampleChunk is how many samples are made at once, so that memory does not
// grow with their number.
const sampleChunk = 256

// Sample draws n samples [n, …], sample i from latent vector i of the seed. The
// same seed gives the same samples, bit for bit, and asking for more of them
// does not change the first. It panics with a [tensor.ShapeError] on a negative
// n.
func (g *Generator) Sample(n int, seed uint64) *tensor.Tensor {
	random := tensor.NewStream(seed, "sample")
	return g.Map(random.Normal(g.dtype, n, g.latent).To(g.device))
}

// Map returns the samples [n, …] of given latent vectors [n, latent]. It panics
// with a [tensor.Misuse] where they do not fit.
func (g *Generator) Map(latent *tensor.Tensor) *tensor.Tensor {
	if latent.Rank() != 2 || latent.Dim(1) != g.latent {
		panic(&tensor.ShapeError{Op: "Generator.Map", Shapes: [][]int{latent.Shape()},
			Problem: fmt.Sprintf("these are no latent vectors of %d numbers", g.latent), Fix: fmt.Sprintf("give [n, %d]", g.latent)})
	}
	ctx := &nn.Ctx{Weights: g.weights}
	scope := tensor.NewScope()
	n := latent.Dim(0)
	var out *tensor.Tensor
	for at := 0; out == nil || at < n; at += sampleChunk {
		m := min(sampleChunk, n-at)
		z := scope.Adopt(latent.Slice(0, at, at+m, 1))
		if m == 1 { // a product with one row may be summed in another order
			z = tensor.Concat(0, z, z)
		}
		y := g.net.Forward(ctx, autograd.Const(z)).Value()
		if out == nil {
			shape := y.Shape()
			shape[0] = n
			out = y.Device().New(y.DType(), shape...)
		}
		out.Slice(0, at, at+m, 1).CopyFrom(y.Slice(0, 0, m, 1))
		scope.Close()
	}
	return out
}

// Latent returns the number of the generator's inputs.
func (g *Generator) Latent() int { return g.latent }

// latentKey is where a file's metadata holds the number of inputs.
const latentKey = "gander.latent"

// Save writes the generator to a safetensors file that [LoadGenerator] reads,
// and PyTorch too. The file is written whole or not at all.
func (g *Generator) Save(path string) error {
	return nn.SaveWeights(path, g.net, g.weights, map[string]string{latentKey: strconv.Itoa(g.latent)})
}

// LoadGenerator builds the generator that [Generator.Save] wrote. A file that
// is damaged, or holds something else, is an error.
func LoadGenerator(path string) (*Generator, error) {
	net, meta, err := nn.Load(path)
	if err != nil {
		return nil, err
	}
	latent, err := strconv.Atoi(meta[latentKey])
	if err != nil || latent < 1 {
		return nil, fmt.Errorf("gan: loading %s: this is a network, but no generator: its metadata does not hold %q", path, latentKey)
	}
	if _, err := nn.OutShape(net, []int{1, latent}); err != nil && !errors.Is(err, nn.ErrUnknownShape) {
		return nil, fmt.Errorf("gan: loading %s: the network does not take %d latent numbers: %w", path, latent, err)
	}
	params := nn.Params(net)
	if len(params) == 0 {
		return nil, fmt.Errorf("gan: loading %s: the network has no weights", path)
	}
	first := params[0].Param.Value()
	// The network is nobody else's, so that its own weights need no copy.
	return &Generator{net: net, latent: latent, dtype: first.DType(), device: first.Device()}, nil
}
