package gan_test

import (
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
)

// greys returns a picture's brightness by row, in hexadecimal, for comparison by
// eye.
func greys(img image.Image) []string {
	var out []string
	for y := range img.Bounds().Dy() {
		row := ""
		for x := range img.Bounds().Dx() {
			v := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y
			row += string("0123456789abcdef"[v/16])
		}
		out = append(out, row)
	}
	return out
}

// Two samples of 1×2 pixels: black and white, white and dark grey.
var two = tensor.FromFloat32([]float32{-1, 1, 1, -0.5}, 2, 2)

func TestImageGridLayout(t *testing.T) {
	three := tensor.Concat(0, two, tensor.FromFloat32([]float32{0.5, 0.5}, 1, 2))
	for name, c := range map[string]struct {
		grid    gan.ImageGrid
		samples *tensor.Tensor
		want    []string
	}{
		"a square":       {gan.ImageGrid{Height: 1, Width: 2}, two, []string{"0ff4"}},
		"one column":     {gan.ImageGrid{Height: 1, Width: 2, Columns: 1}, two, []string{"0f", "f4"}},
		"upright":        {gan.ImageGrid{Height: 2, Width: 1}, two, []string{"0f", "f4"}},
		"as a tensor":    {gan.ImageGrid{}, two.Reshape(2, 1, 1, 2), []string{"0ff4"}},
		"a gap":          {gan.ImageGrid{Height: 1, Width: 2, Gap: 1}, two, []string{"0000000", "00f0f40", "0000000"}},
		"larger":         {gan.ImageGrid{Height: 1, Width: 2, Scale: 2}, two, []string{"00ffff44", "00ffff44"}},
		"both":           {gan.ImageGrid{Height: 1, Width: 2, Scale: 2, Gap: 1, Columns: 1}, two, []string{"000000", "000ff0", "000ff0", "000000", "0ff440", "0ff440", "000000"}},
		"spare columns":  {gan.ImageGrid{Height: 1, Width: 2, Columns: 9}, two, []string{"0ff4"}},
		"a part of rows": {gan.ImageGrid{Height: 1, Width: 2}, three, []string{"0ff4", "bb00"}},
		"negative means none": {gan.ImageGrid{Height: 1, Width: 2, Columns: -1, Scale: -1, Gap: -1}, two,
			[]string{"0ff4"}},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := c.grid.Image(c.samples)
			require.NoError(t, err)
			require.IsType(t, &image.Gray{}, img)
			require.Equal(t, image.Point{}, img.Bounds().Min)
			require.Equal(t, c.want, greys(img))
		})
	}
}

func TestImageGridValues(t *testing.T) {
	for value, want := range map[float64]uint8{
		-1: 0, 1: 255, 0: 128, -0.5: 64, 0.5: 191, 1.0 / 255: 128, -1 + 2.0/255: 1,
		-1.0001: 0, 1.0001: 255, 7: 255, -7: 0, math.Inf(1): 255, math.Inf(-1): 0,
	} {
		img, err := gan.ImageGrid{Height: 1, Width: 1}.Image(tensor.FromFloat64([]float64{value}, 1, 1))
		require.NoError(t, err)
		require.Equal(t, color.Gray{Y: want}, img.At(0, 0), "%g", value)
	}
	// What a loader makes of a pixel is drawn as that pixel.
	for pixel := range 256 {
		value := (float32(pixel)/255 - 0.5) / 0.5
		img, err := gan.ImageGrid{Height: 1, Width: 1}.Image(tensor.FromFloat32([]float32{value}, 1, 1))
		require.NoError(t, err)
		require.Equal(t, color.Gray{Y: uint8(pixel)}, img.At(0, 0))
	}
}

func TestImageGridColour(t *testing.T) {
	// One sample of 1×2: a red pixel and a light blue one, channel by channel.
	x := tensor.FromFloat32([]float32{1, 0, -1, 0, -1, 1}, 1, 3, 1, 2)
	img, err := gan.ImageGrid{Gap: 1}.Image(x)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 4, 3), img.Bounds())
	require.Equal(t, color.NRGBA{255, 0, 0, 255}, img.At(1, 1))
	require.Equal(t, color.NRGBA{128, 128, 255, 255}, img.At(2, 1))
	require.Equal(t, color.NRGBA{0, 0, 0, 255}, img.At(0, 0), "the gap is black, not transparent")
}

func TestImageGridRefuses(t *testing.T) {
	grid := gan.ImageGrid{Height: 2, Width: 2}
	for want, c := range map[string]struct {
		gan.ImageGrid
		samples *tensor.Tensor
	}{
		"samples of shape [1 5] are not images of 2×2":              {grid, tensor.New(tensor.Float32, 1, 5)},
		"samples of shape [1 4] are not images; give":               {gan.ImageGrid{}, tensor.New(tensor.Float32, 1, 4)},
		"samples of shape [4] are not images of 2×2":                {grid, tensor.New(tensor.Float32, 4)},
		"samples of shape [1 2 2 2] are not images":                 {grid, tensor.New(tensor.Float32, 1, 2, 2, 2)},
		"samples of shape [0 4] make no image":                      {grid, tensor.New(tensor.Float32, 0, 4)},
		"samples of shape [1 1 0 4] make no image":                  {grid, tensor.New(tensor.Float32, 1, 1, 0, 4)},
		"sample 1 has a NaN at row 1, column 0":                     {grid, tensor.FromFloat64([]float64{0, 0, 0, 0, 0, 0, math.NaN(), 0}, 2, 4)},
		"1 samples of 2×2 would make an image of 4294967296 pixels": {gan.ImageGrid{Height: 2, Width: 2, Scale: 1 << 15}, tensor.New(tensor.Float32, 1, 4)},
		"2 samples of 2×2 would make an image of":                   {gan.ImageGrid{Height: 2, Width: 2, Gap: math.MaxInt}, tensor.New(tensor.Float32, 2, 4)},
	} {
		_, err := c.Image(c.samples)
		require.ErrorContains(t, err, "gan: "+want)
	}
}

func TestImageGridWritePNG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grid.png")
	grid := gan.ImageGrid{Height: 1, Width: 2, Scale: 3, Gap: 2}
	require.NoError(t, grid.WritePNG(path, two))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	got, err := png.Decode(f)
	require.NoError(t, err)
	want, err := grid.Image(two)
	require.NoError(t, err)
	require.Equal(t, want, got)

	// What cannot be drawn leaves the old picture.
	before := files(t, filepath.Dir(path))
	require.Error(t, grid.WritePNG(path, tensor.Full(tensor.Float32, math.NaN(), 1, 2)))
	require.Equal(t, before, files(t, filepath.Dir(path)))
}

func TestSaveSamplesHook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "samples")
	grid := gan.ImageGrid{Height: 2, Width: 2, Columns: 3, Gap: 1}
	trainer := newTiny(t, gan.Hinge{})
	var want []image.Image
	_, err := trainer.Fit(context.Background(), tinyNoise(2), gan.Epochs(2), gan.On(
		gan.SaveSamples(dir, 6, 11, grid),
		gan.Hook{Epoch: func(gan.EpochInfo) error {
			img, err := grid.Image(trainer.Sample(6, 11))
			want = append(want, img)
			return err
		}}))
	require.NoError(t, err)
	got := files(t, dir)
	require.Len(t, got, 2)
	for i, name := range []string{"epoch-0001.png", "epoch-0002.png"} {
		img, err := png.Decode(strings.NewReader(got[name]))
		require.NoError(t, err)
		require.Equal(t, want[i], img)
	}
	require.NotEqual(t, want[0], want[1])
}

func TestLogHook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "log.jsonl")
	trainer := newTiny(t, gan.Wasserstein{}, func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}} })
	log := gan.Log(path)
	report, err := trainer.Fit(context.Background(), tinyNoise(3), gan.Steps(5), gan.On(log))
	require.NoError(t, err)
	type entry struct {
		Epoch, Steps  int
		Discriminator float64 `json:"discriminator_loss"`
		Real          float64 `json:"discriminator_loss_real"`
		Fake          float64 `json:"discriminator_loss_fake"`
		Penalty       float64 `json:"discriminator_penalty"`
		Generator     float64 `json:"generator_loss"`
		Seconds       float64
		Partial       bool
	}
	read := func() (out []entry) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(b)) {
			var e entry
			d := json.NewDecoder(strings.NewReader(line))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(&e))
			out = append(out, e)
		}
		return out
	}
	expect := func(e gan.EpochInfo) entry {
		l := e.Losses
		return entry{e.Epoch, e.Steps, l.Discriminator(), l.Real, l.Fake, l.Penalty, l.Generator, e.Time.Seconds(), e.Partial}
	}
	require.Equal(t, []entry{expect(report.Epochs[0]), expect(report.Epochs[1])}, read())
	require.NotZero(t, read()[0].Penalty)
	require.True(t, read()[1].Partial)

	// Going on replaces the line of the part by that of the whole; one hook may
	// serve several times.
	more, err := trainer.Fit(context.Background(), tinyNoise(3), gan.Epochs(3), gan.On(log))
	require.NoError(t, err)
	require.Equal(t, []entry{expect(report.Epochs[0]), expect(more.Epochs[0]), expect(more.Epochs[1])}, read())

	// Another training writes another log.
	other, err := newTiny(t, gan.Wasserstein{}).Fit(context.Background(), tinyNoise(3), gan.On(log))
	require.NoError(t, err)
	require.Equal(t, []entry{expect(other.Epochs[0])}, read())
}
