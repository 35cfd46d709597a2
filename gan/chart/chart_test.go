package chart_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"iter"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/chart"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

var (
	blue   = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	orange = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
)

// where returns the part of a chart that has a colour, less the legend's line.
func where(t *testing.T, path string, c color.NRGBA) (r image.Rectangle, pixels int) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if legend := x > b.Max.X*9/10 && y < b.Max.Y/5; legend || color.NRGBAModel.Convert(img.At(x, y)) != color.Color(c) {
				continue
			}
			r = r.Union(image.Rect(x, y, x+1, y+1))
			pixels++
		}
	}
	return r, pixels
}

func TestWritePNG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chart.png")
	xs := []float64{0, 1, 2}
	require.NoError(t, chart.WritePNG(path, "Title", "x", "y",
		chart.Curve{Name: "low", X: xs, Y: []float64{0, 0, 0}},
		chart.Curve{Name: "high", X: xs, Y: []float64{1, 1, 1}, Dashed: true}))
	low, lowPixels := where(t, path, blue)
	high, highPixels := where(t, path, orange)
	require.Greater(t, low.Dx(), 500, "the curve goes through the whole image")
	require.Greater(t, high.Dx(), 500)
	require.Greater(t, low.Min.Y, high.Max.Y+100, "0 is below 1")
	require.Greater(t, lowPixels, highPixels*3/2, "dashes have gaps")
}

func TestWritePNGRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chart.png")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	for want, c := range map[string]chart.Curve{
		`curve "a" has 2 abscissae and 1 ordinates`: {Name: "a", X: []float64{1, 2}, Y: []float64{1}},
		`curve "b": point 1 is (2, NaN)`:            {Name: "b", X: []float64{1, 2}, Y: []float64{1, math.NaN()}},
		`curve "c": point 0 is (-Inf, 1)`:           {Name: "c", X: []float64{math.Inf(-1)}, Y: []float64{1}},
		`curve "d" has no points`:                   {Name: "d"},
	} {
		require.ErrorContains(t, chart.WritePNG(path, "", "", "", c), "chart: "+want)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(b))

	good := chart.Curve{Name: "d", X: []float64{1, 2}, Y: []float64{1, 2}}
	require.Error(t, chart.WritePNG(filepath.Join(path, "below"), "", "", "", good))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// ones is a source of five equal batches.
type ones struct{}

func (ones) Batches() int { return 5 }

func (ones) Epoch(_ context.Context, _, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		for k := from; k < 5 && yield(gan.Batch{X: tensor.Full(tensor.Float32, 1, 4, 2)}, nil); k++ {
		}
	}
}

func TestLosses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "losses.png")
	trainer, err := gan.New(nn.Linear(2, 2), nn.Linear(2, 1), gan.Config{Latent: 2})
	require.NoError(t, err)
	drawn := func(epoch int) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	hook := chart.Losses(path)
	fit := func(o gan.Option) {
		_, err := trainer.Fit(context.Background(), ones{}, o, gan.On(hook))
		require.NoError(t, err)
	}
	fit(gan.Epochs(0))
	require.False(t, drawn(0), "there is nothing to draw")

	// One epoch is one point, which must show.
	fit(gan.Epochs(1))
	first, _ := where(t, path, blue)
	require.NotZero(t, first)
	require.Less(t, first.Dx(), 30)

	// If training continues, all its epochs are drawn.
	fit(gan.Epochs(4))
	all, _ := where(t, path, blue)
	require.Greater(t, all.Dx(), 500)
	other := filepath.Join(t.TempDir(), "other.png")
	_, err = trainer.Fit(context.Background(), ones{}, gan.Epochs(4), gan.On(chart.Losses(other)))
	require.NoError(t, err)
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	got, err := os.ReadFile(other)
	require.NoError(t, err)
	require.Equal(t, want, got, "the chart does not depend on when it was drawn")

	// Every tenth epoch is drawn during training.
	require.NoError(t, os.Remove(path))
	_, err = trainer.Fit(context.Background(), ones{}, gan.Epochs(11), gan.On(hook, gan.Hook{Epoch: func(e gan.EpochInfo) error {
		require.Equal(t, e.Epoch >= 10, drawn(e.Epoch), "epoch %d", e.Epoch)
		return nil
	}}))
	require.NoError(t, err)
}

// Epochs that are over sooner than a chart is drawn do not wait for many.
func TestLossesOfShortEpochs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "losses.png")
	trainer, err := gan.New(nn.Linear(2, 2), nn.Linear(2, 1), gan.Config{Latent: 2})
	require.NoError(t, err)
	var before os.FileInfo
	drawn := 0
	_, err = trainer.Fit(context.Background(), ones{}, gan.Epochs(300), gan.On(chart.Losses(path), gan.Hook{Epoch: func(e gan.EpochInfo) error {
		if now, err := os.Stat(path); err == nil {
			if before == nil || !os.SameFile(before, now) {
				drawn++
			}
			before = now
		}
		return nil
	}}))
	require.NoError(t, err)
	require.Positive(t, drawn)
	require.Less(t, drawn, 15, "of 30 tenth epochs")
}

func TestLossesInAnImpossiblePlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	trainer, err := gan.New(nn.Linear(2, 2), nn.Linear(2, 1), gan.Config{Latent: 2})
	require.NoError(t, err)
	_, err = trainer.Fit(context.Background(), ones{}, gan.On(chart.Losses(filepath.Join(file, "losses.png"))))
	require.ErrorContains(t, err, "losses.png")
}
