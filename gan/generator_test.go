package gan_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// The shape of a sample is the configuration's or the network's own, and a file
// keeps it.
func TestSampleShape(t *testing.T) {
	again := func(g *gan.Generator) *gan.Generator {
		var file bytes.Buffer
		require.NoError(t, g.Write(&file))
		read, err := gan.ReadGenerator(&file)
		require.NoError(t, err)
		require.Equal(t, g.Sample(3, 1).Float32s(), read.Sample(3, 1).Float32s())
		return read
	}
	for _, shape := range [][]int{{4}, {2, 2}, {1, 4, 1}} {
		g := newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.SampleShape = shape }).Generator()
		require.Equal(t, shape, g.SampleShape())
		require.Equal(t, shape, again(g).SampleShape())
		require.Equal(t, []int{3, 4}, g.Sample(3, 1).Shape(), "samples are as the network makes them")
	}
	g := newTiny(t, gan.Hinge{}).Generator()
	require.Equal(t, []int{4}, again(g).SampleShape())
	g.SampleShape()[0] = 5
	require.Equal(t, []int{4}, g.SampleShape())

	unknown := nn.Sequential(nn.Linear(latentSize, 4), quarterTurn{})
	nn.Init(unknown, 1, tensor.Float32, tensor.CPU())
	silent, err := gan.NewGenerator(unknown, latentSize)
	require.NoError(t, err)
	require.Nil(t, again(silent).SampleShape())

	for text, want := range map[string]string{
		"[2,3]":  "a sample [4] of the network does not have the shape [2 3]",
		"[2]":    "a sample [4] of the network does not have the shape [2]",
		"[4,0]":  "no sample has the shape [4 0]",
		"[-2,2]": "no sample has the shape [-2 2]",
		"square": `its metadata "gander.sample_shape" is not a shape`,
		"[2,2":   `its metadata "gander.sample_shape" is not a shape`,
	} {
		net, _ := tiny(gan.Logits)
		nn.Init(net, 1, tensor.Float32, tensor.CPU())
		var file bytes.Buffer
		require.NoError(t, nn.Write(&file, net, map[string]string{"gander.latent": "3", "gander.sample_shape": text}))
		_, err := gan.ReadGenerator(&file)
		require.ErrorContains(t, err, want)
	}
}

// A generator of a network that was trained elsewhere is a copy, too.
func TestNewGenerator(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
	require.NoError(t, err)
	net, _ := tiny(gan.Logits)
	_, err = gan.NewGenerator(net, latentSize)
	require.ErrorContains(t, err, "the network has no weights")
	var file bytes.Buffer
	require.NoError(t, trainer.Generator().Write(&file))
	require.NoError(t, nn.ReadInto(&file, net))

	g, err := gan.NewGenerator(net, latentSize, 2, 2)
	require.NoError(t, err)
	want := trainer.Sample(3, 1).Float32s()
	require.Equal(t, want, g.Sample(3, 1).Float32s())
	nn.Params(net)[0].Param.Value().Fill(1)
	require.Equal(t, want, g.Sample(3, 1).Float32s())
	require.Equal(t, []int{2, 2}, g.SampleShape())

	_, err = gan.NewGenerator(net, latentSize+1)
	require.ErrorContains(t, err, "the network does not take 4 latent numbers")
	_, err = gan.NewGenerator(net, 0)
	require.ErrorContains(t, err, "a generator of 0 latent numbers is not possible")
	_, err = gan.NewGenerator(net, latentSize, 5)
	require.ErrorContains(t, err, "does not have the shape [5]")
	_, err = gan.NewGenerator(nn.Tanh(), 4)
	require.ErrorContains(t, err, "the network has no weights")
}
