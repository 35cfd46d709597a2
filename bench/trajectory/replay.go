package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// result is the deviation of a replayed run from the recorded one.
type result struct {
	steps   int
	dtype   tensor.DType
	losses  [3]float64 // largest absolute deviation of each column
	weights float64    // largest absolute deviation of a final weight
}

// lossNames are the columns of "losses".
var lossNames = [3]string{"BCE(D(x),1)", "BCE(D(G(z)),0)", "BCE(D(G(z)),1)"}

// recording is a trajectory file, checked.
type recording struct {
	file          *safetensors.File
	g, d          nn.Module // with the initial weights
	dtype         tensor.DType
	steps, batch  int
	latent, side  int
	learningRate  float64
	rows          []int64
	losses        []float64
	latentVectors *tensor.Tensor // [steps, batch, latent]
}

// open reads and checks a trajectory file.
func open(path string) (*recording, error) {
	f, err := safetensors.Load(path)
	if err != nil {
		return nil, err
	}
	r := &recording{file: f}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *recording) read() (err error) {
	rows, shape, err := r.file.Int64s("rows")
	if err != nil {
		return err
	}
	if len(shape) != 2 {
		return fmt.Errorf("rows has shape %v, not [steps, batch]", shape)
	}
	r.rows, r.steps, r.batch = rows, shape[0], shape[1]
	if r.latentVectors, err = r.file.Tensor("latent"); err != nil {
		return err
	}
	if s := r.latentVectors.Shape(); len(s) != 3 || s[0] != r.steps || s[1] != r.batch {
		return fmt.Errorf("latent has shape %v, not [%d, %d, latent]", s, r.steps, r.batch)
	}
	r.latent = r.latentVectors.Dim(2)
	losses, err := r.file.Tensor("losses")
	if err != nil {
		return err
	}
	if s := losses.Shape(); !slices.Equal(s, []int{r.steps, 3}) {
		return fmt.Errorf("losses has shape %v, not [%d, 3]", s, r.steps)
	}
	r.losses = losses.Float64s()
	if r.learningRate, err = strconv.ParseFloat(r.file.Metadata()["adam_lr"], 64); err != nil {
		return fmt.Errorf("metadata adam_lr: %w", err)
	}
	if r.g, err = r.network("generator", "Tanh"); err != nil {
		return err
	}
	if r.d, err = r.network("discriminator", "Sigmoid"); err != nil {
		return err
	}
	pixels := nn.Params(r.d)[0].Param.Shape()[1]
	r.side = int(math.Sqrt(float64(pixels)))
	if r.side*r.side != pixels || r.side < 1 || imageSide%r.side != 0 {
		return fmt.Errorf("the discriminator takes %d numbers, which is not an image whose side divides %d", pixels, imageSide)
	}
	return nil
}

// network builds one of the two networks from the shapes of its weights. The
// metadata may name the activations ("generator.activations"); otherwise the
// discriminator's hidden ones are Tanh and the generator's alternate between Tanh
// and ReLU, which is Tanh, ReLU for the classic three layers.
func (r *recording) network(name, last string) (nn.Module, error) {
	initial, err := r.state("initial." + name + ".")
	if err != nil {
		return nil, err
	}
	var weights []*tensor.Tensor
	for {
		w, ok := initial[fmt.Sprintf("%d.weight", 2*len(weights))]
		if !ok {
			break
		}
		if w.Rank() != 2 {
			return nil, fmt.Errorf("initial.%s.%d.weight has shape %v, not [out, in]", name, 2*len(weights), w.Shape())
		}
		weights = append(weights, w)
	}
	if len(weights) == 0 {
		return nil, fmt.Errorf("there is no initial.%s.0.weight", name)
	}
	var named []string
	if list := r.file.Metadata()[name+".activations"]; list != "" {
		if named = strings.Split(list, ","); len(named) != len(weights) {
			return nil, fmt.Errorf("metadata %s.activations names %d for %d layers", name, len(named), len(weights))
		}
	}
	var layers []nn.Module
	for i, w := range weights {
		kind := "Tanh"
		switch {
		case named != nil:
			kind = named[i]
		case i == len(weights)-1:
			kind = last
		case name == "generator" && i%2 == 1:
			kind = "ReLU"
		}
		activation, err := nn.Decode([]byte(fmt.Sprintf(`{"type":%q}`, kind)))
		if err != nil {
			return nil, err
		}
		layers = append(layers, nn.Linear(w.Dim(1), w.Dim(0)), activation)
	}
	net := nn.Sequential(layers...)
	r.dtype = weights[0].DType()
	return net, nn.LoadState(net, initial)
}

// state returns the tensors whose names have a prefix, without it.
func (r *recording) state(prefix string) (map[string]*tensor.Tensor, error) {
	out := map[string]*tensor.Tensor{}
	for _, name := range r.file.Names() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			t, err := r.file.Tensor(name)
			if err != nil {
				return nil, err
			}
			out[rest] = t
		}
	}
	return out, nil
}

// imageSide is the side of MNIST's images in pixels.
const imageSide = 28

// replay trains as the recording did. image returns the 28×28 pixels of one
// entry of "rows", by its place and its value.
func (r *recording) replay(image func(place int, row int64) ([]uint8, error)) (*result, error) {
	t, err := gan.New(r.g, r.d, gan.Config{
		Latent: r.latent, Objective: gan.Classic{}, Optimizer: optim.Adam{LR: r.learningRate},
	})
	if err != nil {
		return nil, err
	}
	out := &result{steps: r.steps, dtype: r.dtype}
	x := make([]float64, r.batch*r.side*r.side)
	for step := range r.steps {
		for i := range r.batch {
			place := step*r.batch + i
			pixels, err := image(place, r.rows[place])
			if err != nil {
				return nil, err
			}
			pool(x[i*r.side*r.side:][:r.side*r.side], pixels, r.side)
		}
		batch := tensor.FromFloat64(x, r.batch, r.side*r.side).Cast(r.dtype)
		z := r.latentVectors.Slice(0, step, step+1).Reshape(r.batch, r.latent).Cast(r.dtype)
		l, err := t.StepWith(gan.Batch{X: batch}, z)
		if err != nil {
			return nil, err
		}
		for k, got := range []float64{l.Real, l.Fake, l.Generator} {
			out.losses[k] = larger(out.losses[k], math.Abs(got-r.losses[3*step+k]))
		}
	}
	for name, net := range map[string]nn.Module{"generator": r.g, "discriminator": r.d} {
		final, err := r.state("final." + name + ".")
		if err != nil {
			return nil, err
		}
		for key, got := range nn.State(net) {
			want, ok := final[key]
			if !ok {
				return nil, fmt.Errorf("there is no final.%s.%s", name, key)
			}
			if !want.SameShape(got) {
				return nil, fmt.Errorf("final.%s.%s has shape %v, the network's %v", name, key, want.Shape(), got.Shape())
			}
			gap := tensor.MaxOver(tensor.Abs(tensor.Sub(got.Cast(tensor.Float64), want.Cast(tensor.Float64))))
			out.weights = larger(out.weights, gap.Item())
		}
	}
	return out, nil
}

// larger is max, but NaN counts as the largest of all.
func larger(a, b float64) float64 {
	if a != a || b <= a {
		return a
	}
	return b
}

// pool averages blocks of a 28×28 image down to side×side and scales 0…255 to
// −1…1.
func pool(dst []float64, pixels []uint8, side int) {
	block := imageSide / side
	for y := range side {
		for x := range side {
			sum := 0.0
			for dy := range block {
				for dx := range block {
					sum += float64(pixels[(y*block+dy)*imageSide+x*block+dx]) / 255
				}
			}
			dst[y*side+x] = (sum/float64(block*block) - 0.5) / 0.5
		}
	}
}
