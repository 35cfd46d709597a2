package gan

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// chance composes discriminators that are linear between kinks by chance.
type chance struct {
	*rand.Rand
	layers []nn.Module
	shape  []int // of what comes out of them, for one sample
}

// add appends a layer, or does nothing if the layer does not take the shape, or
// makes too much or nothing of it.
func (c *chance) add(m nn.Module) {
	out, err := nn.OutShape(m, c.shape)
	if err != nil || product(out) < 1 || product(out) > 400 {
		return
	}
	c.layers, c.shape = append(c.layers, m), out
	if k := c.IntN(8); k < 2 {
		c.layers = append(c.layers, []nn.Module{nn.ReLU(), nn.LeakyReLU(0.2)}[k])
	} else if k == 3 { // what there is becomes a part
		c.layers = []nn.Module{nn.Sequential(c.layers...)}
	}
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// linear appends a layer over the last axis.
func (c *chance) linear(out int) {
	var options []nn.LinearOption
	if c.IntN(2) == 0 {
		options = append(options, nn.NoBias())
	}
	c.add(nn.Linear(c.shape[len(c.shape)-1], out, options...))
}

// condition appends a layer that reads a condition of two numbers, or none.
func (c *chance) condition() {
	switch c.IntN(6) {
	case 0:
		c.add(nn.ConcatCondition(2, 1.5))
	case 1:
		c.add(nn.EmbedCondition(nn.Linear(2, 3)))
	}
}

// images appends layers of images.
func (c *chance) images() {
	for range 1 + c.IntN(3) {
		c.condition()
		in := c.shape[1]
		conv := []nn.ConvOption{nn.Stride(1 + c.IntN(2)), nn.Padding(c.IntN(2))}
		if c.IntN(2) == 0 {
			conv = append(conv, nn.NoBias())
		}
		switch c.IntN(8) {
		case 0:
			c.add(nn.Conv2D(in, 4, 1+c.IntN(3), conv...))
		case 1:
			if in%2 == 0 {
				c.add(nn.Conv2D(in, 2, 3, append(conv, nn.Groups(2))...))
			}
		case 2:
			c.add(nn.ConvTranspose2D(in, 1+c.IntN(3), 2+c.IntN(2), conv...))
		case 3:
			c.add(nn.ConvTranspose2D(in, 2, 3, nn.Stride(2), nn.Padding(1), nn.OutputPadding(1)))
		case 4:
			c.add(nn.AvgPool2D(2))
		case 5:
			c.add(nn.UpsampleBilinear(2))
		case 6:
			c.add(nn.UpsampleNearest(2))
		case 7:
			c.add(nn.PixelUnshuffle(2))
			if in%4 == 0 {
				c.add(nn.PixelShuffle(2))
			}
		}
	}
	c.add(nn.Flatten())
}

// discriminator returns a network and the shape of its samples.
func (c *chance) discriminator() (d nn.Module, sample []int) {
	sample = [][]int{{2}, {3, 4}, {2, 5, 5}, {4, 4, 6}}[c.IntN(4)]
	c.shape = append([]int{1}, sample...)
	switch len(sample) {
	case 1:
		if c.IntN(2) == 0 {
			c.add(nn.FourierFeatures([][]float64{{0.3, 0.1}, {0.2, 0.7}}))
		}
	case 2:
		c.linear(5)
		c.linear(2)
		c.add(nn.Flatten())
	case 3:
		if c.IntN(3) == 0 {
			c.add(nn.DiffAugment(nn.Augmentations{Colour: true, Shift: .3, Cutout: .5}))
		}
		c.images()
	}
	for range c.IntN(3) {
		c.linear(3 + c.IntN(5))
		c.condition()
	}
	if c.IntN(3) == 0 && len(c.layers) > 0 {
		nn.Freeze(c.layers[c.IntN(len(c.layers))], true)
	}
	if c.condition(); c.IntN(4) == 0 {
		return nn.Sequential(append(c.layers, nn.Projection(nn.Linear(c.shape[1], 1), nn.Linear(2, c.shape[1])))...), sample
	}
	return nn.Sequential(append(c.layers, nn.Linear(c.shape[1], 1))...), sample
}

// TestExactStepOfAnyNetwork holds the exact form to the general one for networks
// that were composed by chance.
func TestExactStepOfAnyNetwork(t *testing.T) {
	conditional := 0
	for seed := range uint64(300) {
		c := chance{Rand: rand.New(rand.NewPCG(seed, 1))}
		d, sample := c.discriminator()
		g := nn.Sequential(nn.Linear(3, product(sample)), nn.Reshape(sample...))
		condition, err := nn.ConditionSize(d)
		require.NoError(t, err)
		if condition > 0 {
			conditional++
			g = nn.Sequential(nn.ConcatCondition(condition, 1), nn.Linear(3+condition, product(sample)), nn.Reshape(sample...))
		}
		game, err := newGame(g, d, Config{Latent: 3, Condition: condition, Objective: OnLogits[seed%uint64(len(OnLogits))],
			Penalties: []Penalty{R1{Gamma: 0.7}, R2{Gamma: 0.3}}, Seed: seed, DType: tensor.Float64})
		require.NoError(t, err)
		require.True(t, isExact(game), nn.Summary(d))
		random, batch := tensor.NewStream(seed, "test"), append([]int{5}, sample...)
		paths := eachPath(t, game, random.Normal(tensor.Float64, batch...), random.Normal(tensor.Float64, batch...))
		want, got := paths["general"].d.grads, paths["exact"].d.grads
		require.Len(t, got, len(want))
		for k := range want {
			require.Equal(t, want[k].Shape(), got[k].Shape())
			difference := tensor.Norm([]*tensor.Tensor{tensor.Sub(want[k], got[k])}).Item()
			require.LessOrEqual(t, difference, 1e-12*(1+tensor.Norm(want[k:k+1]).Item()), fmt.Sprintf("seed %d, gradient %d:\n%s", seed, k, nn.Summary(d)))
		}
	}
	require.Greater(t, conditional, 100)
	require.Less(t, conditional, 250)
}
