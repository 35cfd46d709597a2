package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/internal/isa"
)

// TestReferences replays the small recordings under every implementation of the
// kernels. images.gz holds their images in order of use.
func TestReferences(t *testing.T) {
	images, err := datasets.LoadIDX("testdata/images.gz")
	require.NoError(t, err)
	image := func(place int, _ int64) ([]uint8, error) {
		return images.Data[place*imageSide*imageSide:][:imageSide*imageSide], nil
	}
	for _, implementation := range isa.Implementations() {
		for file, tol := range map[string]float64{
			"testdata/seed_gan_small.f64.safetensors": 1e-9,
			"testdata/seed_gan_small.f32.safetensors": 1e-5,
		} {
			t.Run(implementation+"/"+file, func(t *testing.T) {
				defer isa.Use(implementation)()
				r, err := open(file)
				require.NoError(t, err)
				res, err := r.replay(image)
				require.NoError(t, err)
				require.Equal(t, 100, res.steps)
				for k, d := range res.losses {
					require.LessOrEqual(t, d, tol, lossNames[k])
				}
				require.LessOrEqual(t, res.weights, 10*tol)
			})
		}
	}
}

// TestDeviationIsFound makes sure that the comparison can fail: one wrong image
// must be found.
func TestDeviationIsFound(t *testing.T) {
	images, err := datasets.LoadIDX("testdata/images.gz")
	require.NoError(t, err)
	r, err := open("testdata/seed_gan_small.f64.safetensors")
	require.NoError(t, err)
	res, err := r.replay(func(place int, _ int64) ([]uint8, error) {
		if place == 70 {
			place = 71
		}
		return images.Data[place*imageSide*imageSide:][:imageSide*imageSide], nil
	})
	require.NoError(t, err)
	require.Greater(t, res.losses[0], 1e-6)
}

func TestDamagedFile(t *testing.T) {
	_, err := open("testdata/images.gz")
	require.Error(t, err)
	_, err = open("testdata/none.safetensors")
	require.ErrorContains(t, err, "none.safetensors")
}
