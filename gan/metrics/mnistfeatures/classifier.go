package mnistfeatures

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// The network's weights, under "body." and "head.", and under "training." the
// mean, the covariance and the number of the training digits' features.
//
//go:embed classifier.safetensors
var file []byte

// Judge is a trained network with the statistics of real digits. It never changes,
// so any number of goroutines may use it at once.
type Judge struct {
	body, head nn.Module
	training   *metrics.Gaussian
	reference  func() (*reference, error) // computed by the first call
	// Of the reference, likewise: of a few neighbours, and of more.
	manifold, wide func() (*metrics.Manifold, error)
}

// reference is the 10,000 test digits, which samples are compared with.
type reference struct {
	outputs  *Classified
	labels   []int
	gaussian *metrics.Gaussian
}

// Load returns the judge. The first call decodes and verifies its file; every call
// returns the same judge. It returns an error only if the file was damaged when the
// program was built.
func Load() (*Judge, error) { return load() }

var load = sync.OnceValues(func() (*Judge, error) {
	j, err := decode(file, fileSHA256)
	if err != nil {
		return nil, fmt.Errorf("mnistfeatures: %w", err)
	}
	return j, nil
})

// decode reads the file of that SHA-256.
func decode(content []byte, want string) (*Judge, error) {
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("the classifier's file has SHA-256 %x, want %s", sum, want)
	}
	f, err := safetensors.Read(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	j := new(Judge)
	j.body, j.head = Network()
	j.reference = sync.OnceValues(j.classifyTest)
	fit := func(k int) func() (*metrics.Manifold, error) {
		return sync.OnceValues(func() (*metrics.Manifold, error) {
			r, err := j.reference()
			if err != nil {
				return nil, err
			}
			return metrics.FitManifold(r.outputs.Features, k)
		})
	}
	j.manifold, j.wide = fit(neighbors), fit(moreNeighbors)
	if err := errors.Join(loadPart(f, "body.", j.body), loadPart(f, "head.", j.head)); err != nil {
		return nil, err
	}
	mean, errMean := f.Tensor("training.mean")
	covariance, errCovariance := f.Tensor("training.covariance")
	count, errCount := f.Tensor("training.count")
	if err := errors.Join(errMean, errCovariance, errCount); err != nil {
		return nil, err
	}
	j.training = &metrics.Gaussian{N: int(count.Item()), Mean: mean.Float64s(), Cov: mat.NewSymDense(Features, covariance.Float64s())}
	return j, nil
}

// loadPart loads the weights of a part of the network.
func loadPart(f *safetensors.File, prefix string, m nn.Module) error {
	state := map[string]*tensor.Tensor{}
	for _, full := range f.Names() {
		name, ok := strings.CutPrefix(full, prefix)
		if !ok {
			continue
		}
		var err error
		if state[name], err = f.Tensor(full); err != nil {
			return err
		}
	}
	return nn.LoadState(m, state)
}

// Classified has the network's outputs for n images.
type Classified struct {
	Features *tensor.Tensor // [n, 96], Float32, none below 0
	Classes  []int          // the most likely digit of each
	// Probabilities are those that the network gives these digits.
	Probabilities []float64
}

// Unclear returns how many images no class fits: the network gives none of them a
// probability of one half or more. Among digits that look real otherwise, these are
// the ones that people cannot read either; noise it takes for a digit.
func (c *Classified) Unclear() (n int) {
	for _, p := range c.Probabilities {
		if p < 0.5 {
			n++
		}
	}
	return n
}

// Classify returns the network's outputs for images in [−1, 1], as [n, 784] or
// [n, 1, 28, 28]. It returns an error if a pixel is not finite, and panics with a
// [tensor.ShapeError] on another shape.
func (j *Judge) Classify(images *tensor.Tensor) (*Classified, error) {
	const size = 28 * 28
	tensor.Check("Judge.Classify", images)
	shape := images.Shape()
	plane := len(shape) == 2 && shape[1] == size
	if !plane && !(len(shape) == 4 && shape[1] == 1 && shape[2] == 28 && shape[3] == 28) {
		panic(&tensor.ShapeError{Op: "Judge.Classify", Shapes: [][]int{shape}, Problem: "these are not images of 28×28 pixels",
			Fix: "give [n, 784] or [n, 1, 28, 28]"})
	}
	pixels := images.Float32s()
	for i, v := range pixels {
		if v := float64(v); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("mnistfeatures: pixel %d of image %d is %g", i%size, i/size, v)
		}
	}

	n := shape[0]
	out := &Classified{tensor.New(tensor.Float32, n, Features), make([]int, n), make([]float64, n)}
	scope := tensor.NewScope()
	const chunk = 100 // so that memory does not grow with n
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		x := scope.Adopt(tensor.FromFloat32(pixels[lo*size:hi*size], hi-lo, 1, 28, 28))
		features := j.body.Forward(nil, autograd.Const(x))
		logits := j.head.Forward(nil, features).Value().Float32s()
		out.Features.Slice(0, lo, hi).CopyFrom(features.Value())
		for i := range hi - lo {
			row := logits[i*Classes : (i+1)*Classes]
			out.Classes[lo+i] = largest(row)
			out.Probabilities[lo+i] = probability(row)
		}
		scope.Close()
	}
	return out, nil
}

// Modes returns the number that the digits of each image spell, its first layer's digit
// first: of images of three layers, as datasets.Stack makes them of digits, 0 to 999. They
// are [n, layers, 28, 28] in [−1, 1], or rows of as many numbers; [metrics.Modes] counts
// them. Modes returns an error if a pixel is not finite, and panics with a
// [tensor.ShapeError] on another shape, or one of more than 9 layers.
func (j *Judge) Modes(images *tensor.Tensor) ([]int, error) {
	const size = 28 * 28
	tensor.Check("Judge.Modes", images)
	shape := images.Shape()
	layers := 0
	switch {
	case len(shape) == 2 && shape[1]%size == 0:
		layers = shape[1] / size
	case len(shape) == 4 && shape[2] == 28 && shape[3] == 28:
		layers = shape[1]
	}
	if layers < 1 || layers > 9 {
		panic(&tensor.ShapeError{Op: "Judge.Modes", Shapes: [][]int{shape}, Problem: "these are not images of 28×28 pixels in 1 to 9 layers",
			Fix: "give [n, layers, 28, 28] or [n, layers·784]"})
	}
	seen, err := j.Classify(images.Reshape(shape[0]*layers, size))
	if err != nil {
		return nil, err
	}
	modes := make([]int, shape[0])
	for i, class := range seen.Classes {
		modes[i/layers] = modes[i/layers]*Classes + class
	}
	return modes, nil
}

// largest returns the index of the largest number, the first one if several are
// equal.
func largest(xs []float32) (at int) {
	for i, x := range xs {
		if x > xs[at] {
			at = i
		}
	}
	return at
}

// probability returns the largest softmax of some logits.
func probability(logits []float32) float64 {
	top, sum := float64(logits[largest(logits)]), 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	return 1 / sum
}

// Test returns the network's outputs for the 10,000 test digits, which Evaluate
// compares with. The first call takes a second; every call returns the same value,
// which the caller must not change.
func (j *Judge) Test() (*Classified, error) {
	r, err := j.reference()
	if err != nil {
		return nil, err
	}
	return r.outputs, nil
}

// classifyTest returns the reference.
func (j *Judge) classifyTest() (*reference, error) {
	set, err := digits.Load()
	if err != nil {
		return nil, err
	}
	images, labels := make([]float32, set.Len()*28*28), make([]int, set.Len())
	for i := range set.Len() {
		labels[i] = set.Label(i)
		if err := set.Fill(i, images[i*28*28:(i+1)*28*28]); err != nil {
			return nil, err
		}
	}
	outputs, err := j.Classify(tensor.FromFloat32(images, set.Len(), 28*28))
	if err != nil {
		return nil, err
	}
	g, err := metrics.FitGaussian(outputs.Features)
	return &reference{outputs, labels, g}, err
}

// Training returns the mean and the covariance of the features of the 60,000
// training digits. The caller must not change them.
func (j *Judge) Training() *metrics.Gaussian { return j.training }
