package gan

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Generator is a trained generator on a device. It never changes, so any number
// of goroutines may sample from it at once.
type Generator struct {
	net     nn.Module
	weights *nn.Weights
	latent  int
	dtype   tensor.DType
	device  *tensor.Device
	scopes  *sync.Pool // of *tensor.Scope, warm from earlier chunks
}

// newGenerator returns a generator of a network with weights of its own. They
// are copied to where products of few rows read them fastest.
func newGenerator(net nn.Module, w *nn.Weights, latent int, dt tensor.DType, d *tensor.Device) *Generator {
	return &Generator{
		net: net, weights: w.To(d), latent: latent, dtype: dt, device: d,
		scopes: &sync.Pool{New: func() any { return tensor.NewScope() }},
	}
}

// To returns the generator on a device: g itself if it is there already, else a
// copy.
func (g *Generator) To(d *tensor.Device) *Generator {
	if d == g.device {
		return g
	}
	return newGenerator(g.net, g.weights, g.latent, g.dtype, d)
}

// Device returns where the generator's weights and samples live.
func (g *Generator) Device() *tensor.Device { return g.device }

// sampleChunk is how many samples are made at once, so that memory does not
// grow with their number. A chunk's latent vectors are whole blocks of the
// stream's random numbers.
const sampleChunk = 256

// Sample draws n samples [n, …] on the generator's device, sample i from latent
// vector i of the seed. The same seed gives the same samples, bit for bit;
// asking for more of them does not change the first, nor does asking for one. It
// panics with a [tensor.ShapeError] on a negative n.
func (g *Generator) Sample(n int, seed uint64) *tensor.Tensor {
	random := tensor.NewStream(seed, "sample")
	return g.chunks("Generator.Sample", n, func(s *tensor.Scope, _, m int) *tensor.Tensor {
		z := s.Empty(g.device, g.dtype, m, g.latent)
		random.NormalInto(z)
		return z
	})
}

// Map returns the samples [n, …], on the generator's device, of given latent
// vectors [n, latent]. It panics with a [tensor.Misuse] if they do not fit.
func (g *Generator) Map(latent *tensor.Tensor) *tensor.Tensor {
	if latent.Rank() != 2 || latent.Dim(1) != g.latent {
		panic(&tensor.ShapeError{Op: "Generator.Map", Shapes: [][]int{latent.Shape()},
			Problem: fmt.Sprintf("these are not latent vectors of %d numbers", g.latent), Fix: fmt.Sprintf("give [n, %d]", g.latent)})
	}
	return g.chunks("Generator.Map", latent.Dim(0), func(s *tensor.Scope, at, m int) *tensor.Tensor {
		return s.Adopt(latent.Slice(0, at, at+m, 1)).To(g.device)
	})
}

// chunks makes n samples, at most sampleChunk at a time. draw returns the latent
// vectors [m, latent] from number at on, in a scope.
func (g *Generator) chunks(op string, n int, draw func(s *tensor.Scope, at, m int) *tensor.Tensor) *tensor.Tensor {
	if n < 0 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{{n, g.latent}}, Problem: "the number of samples is negative", Fix: "ask for 0 or more"})
	}
	scope := g.scopes.Get().(*tensor.Scope)
	defer g.scopes.Put(scope)
	defer scope.Close()
	ctx := &nn.Ctx{Weights: g.weights}
	var out *tensor.Tensor
	for at := 0; out == nil || at < n; at += sampleChunk {
		m := min(sampleChunk, n-at)
		y := g.net.Forward(ctx, autograd.Const(draw(scope, at, m))).Value()
		if out == nil {
			shape := y.Shape()
			shape[0] = n
			out = g.device.New(y.DType(), shape...)
		}
		out.Slice(0, at, at+m, 1).CopyFrom(y)
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
	return newGenerator(net, nn.Snapshot(net), latent, first.DType(), first.Device()), nil
}
