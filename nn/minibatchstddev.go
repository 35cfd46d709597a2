package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// MinibatchStdDev tells a discriminator how much the samples of a batch differ,
// so that a generator whose samples are all alike is found out (Karras et al.,
// "Progressive growing of GANs for improved quality, stability, and variation",
// 2018, section 3). It appends features to the channels: [n, c, …] to
// [n, c + features, …].
//
// The batch is divided into groups of groupSize samples, or of n if n is less;
// with m groups, samples i, i+m, i+2m, … form group i. The channels are divided
// into as many parts as there are features. The feature of a part is constant
// over a group: √(variance+10⁻⁸) of each number over the group's samples, without
// Bessel's correction, averaged over the part's channels and pixels. At a
// variance of 0 its gradient is 0; where the variance is no number of the type, as of
// float32 numbers about 10²⁰, it is infinite. It is the same in training and evaluation.
// StyleGAN2 uses groups of 4 and 1 feature (Karras et al., "Analyzing and
// improving the image quality of StyleGAN", 2020).
//
// The output for a sample depends on the others of its group: the layer mixes
// the samples of a batch, and gan refuses it together with penalties per sample
// unless told to allow it. It panics with a [tensor.ArgumentError] if groupSize or
// features is below 1, and with a [tensor.ShapeError] if an input's channels are not
// a multiple of features, or n is above groupSize and not a multiple of it.
func MinibatchStdDev(groupSize, features int) Module {
	if groupSize < 1 || features < 1 {
		panic(&tensor.ArgumentError{Op: "MinibatchStdDev", Problem: fmt.Sprintf("groups of %d samples and %d features are not possible", groupSize, features),
			Fix: "give 1 or more of each, such as 4 and 1"})
	}
	return minibatchStdDev{groupSize, features}
}

type minibatchStdDev struct{ groupSize, features int }

// MixesBatch implements [BatchMixer].
func (minibatchStdDev) MixesBatch() bool { return true }

func (m minibatchStdDev) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	out, in := outShape(m, x), x.Shape()
	n, pixels := in[0], product(in[2:])
	size := m.size(n)
	groups := autograd.Reshape(x, size, n/size, m.features, in[1]/m.features*pixels)
	centred := autograd.Sub(groups, autograd.Reshape(autograd.Mean(groups, 0), 1, n/size, m.features, in[1]/m.features*pixels))
	deviation := autograd.Sqrt(autograd.Shift(autograd.Mean(autograd.Square(centred), 0), 1e-8))
	feature := autograd.Mean(deviation, 2) // [groups, features]

	each := autograd.BroadcastTo(autograd.Reshape(feature, 1, n/size, m.features, 1), size, n/size, m.features, pixels)
	out[1] = m.features
	return autograd.Concat(1, x, autograd.Reshape(each, out...))
}

// size returns how many samples of a batch of n form a group.
func (m minibatchStdDev) size(n int) int { return max(min(m.groupSize, n), 1) }

func (m minibatchStdDev) OutShape(in []int) ([]int, error) {
	bad := func(problem, fix string) ([]int, error) {
		return nil, misfit(fmt.Sprintf("MinibatchStdDev(%d, %d)", m.groupSize, m.features), in, problem, fix)
	}
	switch {
	case len(in) < 2 || in[1]%m.features != 0:
		return bad(fmt.Sprintf("the channels are not divisible into %d parts", m.features), "give [n, channels, …]")
	case in[0]%m.size(in[0]) != 0:
		return bad(fmt.Sprintf("%d samples are not divisible into groups of %d", in[0], m.groupSize),
			"give batches that are a multiple of the group size, and drop a smaller last one")
	}
	out := slices.Clone(in)
	out[1] += m.features
	return out, nil
}

// Scratch implements [Scratcher].
func (minibatchStdDev) Scratch(in []int) [][]int { return copies(6, in) }

// Export implements [Exporter]. The size of a group depends on that of the batch.
func (m minibatchStdDev) Export(g *Graph, x *Value) *Value {
	numbers := x.Shape[1] / m.features * product(x.Shape[2:])
	n := g.Op("Gather", Attrs{"axis": 0}, g.Op("Shape", nil, x), g.Ints("first", 0))
	size := g.Op("Min", nil, n, g.Ints("group", m.groupSize))
	groups := g.Op("Reshape", nil, x, g.Op("Concat", Attrs{"axis": 0}, size, g.Ints("groups", -1, m.features, numbers)))
	mean := func(v *Value, axis int) *Value { return g.Op("ReduceMean", Attrs{"axes": []int{axis}}, v) }
	centred := g.Op("Sub", nil, groups, mean(groups, 0))
	variance := mean(g.Op("Mul", nil, centred, centred), 0)
	feature := mean(g.Op("Sqrt", nil, g.Op("Add", nil, variance, g.Scalar(1e-8))), 3) // [1, groups, features, 1]
	each := g.Op("Expand", nil, feature, g.Op("Concat", Attrs{"axis": 0}, size, g.Ints("pixels", 1, m.features, product(x.Shape[2:]))))
	shape := append([]int{-1, m.features}, x.Shape[2:]...)
	return g.Op("Concat", Attrs{"axis": 1}, x, g.Op("Reshape", nil, each, g.Ints("shape", shape...)))
}

type stdDevSpec struct {
	GroupSize int `json:"group_size"`
	Features  int `json:"features"`
}

// Describe implements [Describer].
func (m minibatchStdDev) Describe() (string, any) {
	return "MinibatchStdDev", stdDevSpec{m.groupSize, m.features}
}

func init() {
	Register("MinibatchStdDev", func(c stdDevSpec) (Module, error) {
		return MinibatchStdDev(c.GroupSize, c.Features), nil
	})
}
