package datasets_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// plain is a dataset of given numbers, two to a sample.
type plain struct {
	numbers []float32
	fails   bool
}

func (p *plain) Len() int     { return len(p.numbers) / 2 }
func (p *plain) Shape() []int { return []int{2} }
func (p *plain) Fill(i int, dst []float32) error {
	if p.fails {
		return errors.New("lost")
	}
	copy(dst, p.numbers[2*i:])
	return nil
}

func fingerprint(t *testing.T, s interface {
	Fingerprint() (map[string]string, error)
}) map[string]string {
	f, err := s.Fingerprint()
	require.NoError(t, err)
	return f
}

func TestLoaderFingerprint(t *testing.T) {
	data := &plain{numbers: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
	first := fingerprint(t, datasets.NewLoader(data, 2, datasets.Seed(5)))
	require.Equal(t, "5", first["samples"])
	require.Equal(t, "[2]", first["shape"])
	require.Equal(t, "2", first["batch"])
	require.Equal(t, "5", first["seed"])
	require.Len(t, first["digest"], 32)
	require.Equal(t, first, fingerprint(t, datasets.NewLoader(data, 2, datasets.Seed(5), datasets.Workers(3))), "workers change nothing")
	for i := range data.numbers {
		changed := &plain{numbers: append([]float32(nil), data.numbers...)}
		changed.numbers[i]++
		require.NotEqual(t, first["digest"], fingerprint(t, datasets.NewLoader(changed, 2))["digest"], "number %d", i)
	}
	_, err := datasets.NewLoader(&plain{numbers: data.numbers, fails: true}, 2).Fingerprint()
	require.EqualError(t, err, "datasets: sample 0: lost")
}

func TestSyntheticFingerprint(t *testing.T) {
	ring := datasets.Synthetic{From: datasets.Ring(), Batch: 4, PerEpoch: 3, Seed: 1}
	grid, wide := ring, ring
	grid.From = datasets.GaussianGrid()
	m := datasets.Ring()
	m.Sigma *= 1.0001
	wide.From = m
	require.Equal(t, fingerprint(t, ring), fingerprint(t, ring))
	require.NotEqual(t, fingerprint(t, ring)["digest"], fingerprint(t, grid)["digest"])
	require.NotEqual(t, fingerprint(t, ring)["digest"], fingerprint(t, wide)["digest"])
	require.Equal(t, 4, ring.SmallestBatch())
}

// Index is where Epoch's samples are from.
func TestLoaderIndex(t *testing.T) {
	data := &plain{numbers: []float32{0, 0, 1, 0, 2, 0, 3, 0, 4, 0}}
	for _, options := range [][]datasets.LoaderOption{{datasets.Seed(3)}, {datasets.InOrder()}} {
		l := datasets.NewLoader(data, 2, options...)
		for epoch := range 3 {
			batch := 0
			for b, err := range l.Epoch(context.Background(), epoch, 0) {
				x := b.X
				require.NoError(t, err)
				for i := range x.Dim(0) {
					require.Equal(t, x.At(i, 0), float64(l.Index(epoch, batch, i)))
				}
				batch++
			}
		}
		require.Error(t, tensor.Catch(func() { l.Index(0, 2, 1) }))
	}
	require.Equal(t, 1, datasets.NewLoader(data, 2).SmallestBatch())
	require.Equal(t, 2, datasets.NewLoader(data, 2, datasets.DropLast()).SmallestBatch())
	require.Equal(t, 5, datasets.NewLoader(data, 5).SmallestBatch())
	require.Zero(t, datasets.NewLoader(data, 9, datasets.DropLast()).SmallestBatch())
}
