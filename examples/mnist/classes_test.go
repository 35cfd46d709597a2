package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// coarse are images whose blocks of 4×4 pixels are one.
type coarse struct{ *datasets.Images }

func (coarse) Shape() []int { return []int{49} }

func (c coarse) Fill(i int, dst []float32) error {
	var image [784]float32
	if err := c.Images.Fill(i, image[:]); err != nil {
		return err
	}
	clear(dst)
	for k, v := range image {
		dst[k/28/4*7+k%28/4] += v / 16
	}
	return nil
}

// After a short training already, the digits of each class are much nearer to real
// ones of that class than to those of another. They are coarse, so that it is short.
func TestClassesOfAShortRun(t *testing.T) {
	images, err := digits.Load()
	require.NoError(t, err)
	data := coarse{images}
	g := nn.Sequential(nn.ConcatCondition(10, 1.5), nn.Linear(26, 128), nn.LeakyReLU(0.2), nn.Linear(128, 49), nn.Tanh())
	d := nn.Sequential(nn.Linear(49, 128), nn.LeakyReLU(0.2), nn.ConcatCondition(10, 3), nn.Linear(138, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
	trainer, err := gan.New(g, d, gan.Config{
		Latent: 16, Classes: datasets.Classes(data), Objective: gan.Relativistic{}, EMAHalfLife: 50, Seed: 1,
		Penalties: []gan.Penalty{gan.R1{Gamma: 0.1}, gan.R2{Gamma: 0.1}},
		Optimizer: optim.Adam{LR: 3e-3, Betas: [2]float64{0, 0.95}},
	})
	require.NoError(t, err)
	_, err = trainer.Fit(t.Context(), datasets.NewLoader(data, 64, datasets.Conditions()), gan.Steps(600))
	require.NoError(t, err)

	real, err := datasets.AsTensor(data, tensor.Float32)
	require.NoError(t, err)
	labels := make([]int, images.Len())
	for i := range labels {
		labels[i] = images.Label(i)
	}
	asked := trainer.Generator().InTurn(2000)
	drawn := trainer.Generator().SampleOf(asked, 1)
	own, err := metrics.ByClass(real, labels, drawn, asked, 10)
	require.NoError(t, err)
	chance := make([]float64, 10) // the mean distance from the other classes
	for shift := 1; shift < 10; shift++ {
		other := make([]int, len(asked))
		for i, c := range asked {
			other[i] = (c + shift) % 10
		}
		distances, err := metrics.ByClass(real, labels, drawn, other, 10)
		require.NoError(t, err)
		for class, distance := range own {
			taken := (class + shift) % 10
			chance[class] += distances[taken] / 9
			require.Less(t, distance, distances[taken]/1.2, "the %d is as near to a %d", class, taken)
		}
	}
	for class, distance := range own {
		require.Less(t, distance, chance[class]/2.5, class)
	}
}
