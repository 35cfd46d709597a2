package gan

import (
	"errors"
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Penalties are per sample: they want the gradient of D's output for a sample by
// that sample. They get all of them at once from the gradient of the outputs' sum,
// which is right if each output depends on its own sample only. checkMixing refuses
// penalties with a discriminator that says that it mixes samples, and tryMixing
// with one that does not say and does.

func (c Config) checkMixing(d nn.Module) error {
	if mixes, _ := nn.MixesBatch(d); !mixes || len(c.Penalties) == 0 || c.AllowMixing {
		return nil
	}
	return fmt.Errorf("the penalty %q is per sample, but the discriminator mixes the samples of a batch, so that no sample has a gradient of its own; "+
		"use a layer, group or instance norm instead of a batch norm, or set Config.AllowMixing", c.Penalties[0].Name())
}

// tryMixing runs the discriminator, if it does not say whether it mixes samples, on
// two batches that have one sample in common, the first or the last: if its output
// for that one differs, it mixes. The shapes and the random numbers of the two
// passes are the same, so if it does not, the two outputs have the same bits. A
// second trial with other weights finds what those of the beginning may hide, such
// as a branch that is first multiplied by 0.
//
// The trial draws from streams of its own and changes nothing. It says nothing about
// a discriminator that gives NaN, or other outputs for the same batch, because it
// draws random numbers that are not the pass's. If a network does not take its input,
// the first step will say why.
func (c Config) tryMixing(g, d nn.Module) error {
	_, known := nn.MixesBatch(d)
	if known || len(c.Penalties) == 0 || c.AllowMixing {
		return nil
	}
	mixes := false
	misuse := tensor.Catch(func() {
		random := tensor.NewStream(c.Seed, "mixing")
		scope := tensor.NewScope()
		defer scope.Close()
		normal := func(like *tensor.Tensor, shape ...int) *tensor.Tensor {
			t := scope.Empty(like.Device(), like.DType(), shape...)
			random.NormalInto(t)
			return t
		}
		weights := map[*nn.Param]*tensor.Tensor{}
		for _, p := range trainable(d) {
			v := p.Value()
			weights[p] = tensor.Add(scope.Adopt(v), tensor.Scale(normal(v, v.Shape()...), 0.1))
		}
		first := nn.Leaves(g)[0].Value()
		const n = 8 // groups of 2, 4 and 8 samples are possible
		condition := func(n int) *autograd.Var {
			if c.condition() == 0 {
				return nil
			}
			return autograd.Const(normal(first, n, c.condition()))
		}
		shape, err := nn.OutShape(g, []int{1, c.Latent})
		if errors.Is(err, nn.ErrUnknownShape) {
			shape = g.Forward(&nn.Ctx{Condition: condition(1)}, autograd.Const(normal(first, 1, c.Latent))).Shape()
		}
		if len(shape) == 0 {
			return
		}
		shape[0] = n
		of := condition(n)
		one := normal(first, shape...)
		for _, at := range []int{0, n - 1} {
			other := normal(first, shape...)
			other.Slice(0, at, at+1).CopyFrom(one.Slice(0, at, at+1))
			for _, w := range []*nn.Weights{nil, nn.SnapshotWith(d, weights)} {
				output := func(x *tensor.Tensor) float64 {
					ctx := &nn.Ctx{Train: true, Condition: of, Rand: tensor.NewStream(c.Seed, "mixing, passes"), Weights: w}
					return d.Forward(ctx, autograd.Const(x)).Value().At(at, 0)
				}
				a, b := output(one), output(other)
				mixes = mixes || a != b && a == output(one)
			}
		}
	})
	if misuse != nil || !mixes {
		return nil
	}
	return fmt.Errorf("the penalty %q is per sample, but the discriminator mixes the samples of a batch: its output for one changes with the others; "+
		"use layers that keep samples apart, or set Config.AllowMixing", c.Penalties[0].Name())
}
