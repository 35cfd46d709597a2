package gallery_test

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
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

func TestGridLayout(t *testing.T) {
	three := tensor.Concat(0, two, tensor.FromFloat32([]float32{0.5, 0.5}, 1, 2))
	for name, c := range map[string]struct {
		grid    gallery.Grid
		samples *tensor.Tensor
		want    []string
	}{
		"a square":       {gallery.Grid{Height: 1, Width: 2}, two, []string{"0ff4"}},
		"one column":     {gallery.Grid{Height: 1, Width: 2, Columns: 1}, two, []string{"0f", "f4"}},
		"upright":        {gallery.Grid{Height: 2, Width: 1}, two, []string{"0f", "f4"}},
		"as a tensor":    {gallery.Grid{}, two.Reshape(2, 1, 1, 2), []string{"0ff4"}},
		"a gap":          {gallery.Grid{Height: 1, Width: 2, Gap: 1}, two, []string{"0000000", "00f0f40", "0000000"}},
		"larger":         {gallery.Grid{Height: 1, Width: 2, Scale: 2}, two, []string{"00ffff44", "00ffff44"}},
		"both":           {gallery.Grid{Height: 1, Width: 2, Scale: 2, Gap: 1, Columns: 1}, two, []string{"000000", "000ff0", "000ff0", "000000", "0ff440", "0ff440", "000000"}},
		"spare columns":  {gallery.Grid{Height: 1, Width: 2, Columns: 9}, two, []string{"0ff4"}},
		"a part of rows": {gallery.Grid{Height: 1, Width: 2}, three, []string{"0ff4", "bb00"}},
		"negative means none": {gallery.Grid{Height: 1, Width: 2, Columns: -1, Scale: -1, Gap: -1}, two,
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

func TestGridValues(t *testing.T) {
	for value, want := range map[float64]uint8{
		-1: 0, 1: 255, 0: 128, -0.5: 64, 0.5: 191, 1.0 / 255: 128, -1 + 2.0/255: 1,
		-1.0001: 0, 1.0001: 255, 7: 255, -7: 0, math.Inf(1): 255, math.Inf(-1): 0,
	} {
		img, err := gallery.Grid{Height: 1, Width: 1}.Image(tensor.FromFloat64([]float64{value}, 1, 1))
		require.NoError(t, err)
		require.Equal(t, color.Gray{Y: want}, img.At(0, 0), "%g", value)
	}
	// What a loader makes of a pixel is drawn as that pixel.
	for pixel := range 256 {
		value := (float32(pixel)/255 - 0.5) / 0.5
		img, err := gallery.Grid{Height: 1, Width: 1}.Image(tensor.FromFloat32([]float32{value}, 1, 1))
		require.NoError(t, err)
		require.Equal(t, color.Gray{Y: uint8(pixel)}, img.At(0, 0))
	}
}

func TestGridColour(t *testing.T) {
	// One sample of 1×2: a red pixel and a light blue one, channel by channel.
	x := tensor.FromFloat32([]float32{1, 0, -1, 0, -1, 1}, 1, 3, 1, 2)
	img, err := gallery.Grid{Gap: 1}.Image(x)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 4, 3), img.Bounds())
	require.Equal(t, color.NRGBA{255, 0, 0, 255}, img.At(1, 1))
	require.Equal(t, color.NRGBA{128, 128, 255, 255}, img.At(2, 1))
	require.Equal(t, color.NRGBA{0, 0, 0, 255}, img.At(0, 0), "the gap is black, not transparent")
}

func TestGridRefuses(t *testing.T) {
	grid := gallery.Grid{Height: 2, Width: 2}
	for want, c := range map[string]struct {
		gallery.Grid
		samples *tensor.Tensor
	}{
		"samples of shape [1 5] are not images of 2×2":              {grid, tensor.New(tensor.Float32, 1, 5)},
		"samples of shape [1 4] are not images; give":               {gallery.Grid{}, tensor.New(tensor.Float32, 1, 4)},
		"samples of shape [4] are not images of 2×2":                {grid, tensor.New(tensor.Float32, 4)},
		"samples of shape [1 2 2 2] are not images":                 {grid, tensor.New(tensor.Float32, 1, 2, 2, 2)},
		"samples of shape [1 1 4 4] are not images of 2×2":          {grid, tensor.New(tensor.Float32, 1, 1, 4, 4)},
		"samples of shape [1 1 2 4] are not images of 2×2":          {grid, tensor.New(tensor.Float32, 1, 1, 2, 4)},
		"samples of shape [0 4] make no image":                      {grid, tensor.New(tensor.Float32, 0, 4)},
		"samples of shape [1 1 0 4] make no image":                  {grid, tensor.New(tensor.Float32, 1, 1, 0, 4)},
		"sample 1 has a NaN at row 1, column 0":                     {grid, tensor.FromFloat64([]float64{0, 0, 0, 0, 0, 0, math.NaN(), 0}, 2, 4)},
		"1 samples of 2×2 would make an image of 4294967296 pixels": {gallery.Grid{Height: 2, Width: 2, Scale: 1 << 15}, tensor.New(tensor.Float32, 1, 4)},
		"2 samples of 2×2 would make an image of":                   {gallery.Grid{Height: 2, Width: 2, Gap: math.MaxInt}, tensor.New(tensor.Float32, 2, 4)},
	} {
		_, err := c.Image(c.samples)
		require.ErrorContains(t, err, "gallery: "+want)
	}
}

func TestGridSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grid.png")
	grid := gallery.Grid{Height: 1, Width: 2, Scale: 3, Gap: 2}
	require.NoError(t, grid.Save(path, two))
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
	require.Error(t, grid.Save(path, tensor.Full(tensor.Float32, math.NaN(), 1, 2)))
	require.Equal(t, before, files(t, filepath.Dir(path)))
}

func TestSaveSamplesHook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "samples")
	grid := gallery.Grid{Height: 2, Width: 2, Columns: 3, Gap: 1}
	g, d := nn.Sequential(nn.Linear(2, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 1))
	trainer, err := gan.New(g, d, gan.Config{Latent: 2, Seed: 1, Optimizer: optim.Adam{LR: .1}})
	require.NoError(t, err)
	loader := datasets.NewLoader(datasets.FromTensor(tensor.NewStream(1, "noise").Uniform(tensor.Float32, 20, 4), nil), 5)
	var want []image.Image
	_, err = trainer.Fit(context.Background(), loader, gan.Epochs(2), gan.On(
		gallery.SaveSamples(dir, 6, 11, grid),
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

	_, err = trainer.Fit(context.Background(), loader, gan.Epochs(3), gan.On(gallery.SaveSamples(dir, 6, 1, gallery.Grid{Height: 3, Width: 3})))
	require.ErrorContains(t, err, "SaveSamples: gallery: samples of shape [6 4] are not images of 3×3")

	// Rows of which the configuration tells that they are images need no size.
	grid.Height, grid.Width = 0, 0
	rows, d := nn.Sequential(nn.Linear(2, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 1))
	trainer, err = gan.New(rows, d, gan.Config{Latent: 2, Seed: 1, SampleShape: []int{1, 2, 2}})
	require.NoError(t, err)
	_, err = trainer.Fit(context.Background(), loader, gan.On(gallery.SaveSamples(dir, 6, 11, grid)))
	require.NoError(t, err)
	img, err := png.Decode(strings.NewReader(files(t, dir)["epoch-0001.png"]))
	require.NoError(t, err)
	same, err := grid.Image(trainer.Sample(6, 11).Reshape(6, 1, 2, 2))
	require.NoError(t, err)
	require.Equal(t, same, img)
}

// files returns the files of a folder by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		out[e.Name()] = string(b)
	}
	return out
}

func TestGridRange(t *testing.T) {
	x := tensor.FromFloat64([]float64{0, .5, 1, 2}, 1, 4)
	img, err := gallery.Grid{Height: 1, Width: 4, Low: 0, High: 1}.Image(x)
	require.NoError(t, err)
	require.Equal(t, []string{"08ff"}, greys(img))
	for _, g := range []gallery.Grid{{Low: 1, High: 1}, {Low: 2, High: 1}, {Low: math.NaN(), High: 1}, {Low: math.Inf(-1), High: 1}} {
		g.Height, g.Width = 1, 4
		_, err := g.Image(x)
		require.ErrorContains(t, err, "are no range")
	}
	_, err = gallery.Grid{}.Image(nil)
	require.ErrorContains(t, err, "the samples are nil")
}

func TestGridLabels(t *testing.T) {
	x := tensor.Full(tensor.Float32, 1, 4, 1, 2, 2)
	plain := gallery.Grid{Columns: 2, Gap: 1}
	before, err := plain.Image(x)
	require.NoError(t, err)
	labelled := plain
	labelled.Labels = []string{"I", "cat\x1b"}
	img, err := labelled.Image(x)
	require.NoError(t, err)
	margin := 7*len("cat?") + 7
	require.Equal(t, before.Bounds().Dx()+margin, img.Bounds().Dx())
	require.Equal(t, 2*13+1, img.Bounds().Dy(), "rows have room for letters")
	// The letters are left of the samples, each in its row.
	lit := func(r image.Rectangle) (n int) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if v := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y; v > 100 {
					n++
				}
			}
		}
		return n
	}
	require.Equal(t, 8, lit(image.Rect(margin, 0, img.Bounds().Dx(), 13)))
	require.Positive(t, lit(image.Rect(0, 0, 8, 13)))
	require.Zero(t, lit(image.Rect(9, 0, margin, 13)))
	require.Positive(t, lit(image.Rect(8, 13, margin, 26)))

	labelled.Labels = []string{strings.Repeat("x", 1000)}
	img, err = labelled.Image(x)
	require.NoError(t, err)
	require.Equal(t, before.Bounds().Dx()+7*25, img.Bounds().Dx())

	labelled.Labels, labelled.Colours = nil, []color.Color{nil, color.NRGBA{R: 200, A: 255}}
	img, err = labelled.Image(x)
	require.NoError(t, err)
	require.Equal(t, color.NRGBA{A: 255}, img.At(1, 1))
	require.Equal(t, color.NRGBA{R: 200, A: 255}, img.At(1, 4))
	require.Equal(t, color.NRGBA{R: 200, A: 255}, img.At(4, 5))
	require.Equal(t, color.NRGBA{A: 255}, img.At(5, 4))
	require.Equal(t, color.NRGBA{255, 255, 255, 255}, img.At(6, 4))

	labelled.Labels = make([]string, 3)
	_, err = labelled.Image(x)
	require.ErrorContains(t, err, "there are 3 labels and 2 colours for 2 rows of 2")
}

func TestFilm(t *testing.T) {
	film := gallery.Film{Grid: gallery.Grid{Height: 1, Width: 2}, Frames: 4, Delay: 50 * time.Millisecond}
	require.ErrorContains(t, film.Write(io.Discard), "the film has no pictures")
	require.ErrorContains(t, film.Save(filepath.Join(t.TempDir(), "x.gif")), "the film has no pictures")
	for i := range 11 {
		require.NoError(t, film.Add(tensor.Full(tensor.Float32, float64(i)/5-1, 1, 2)))
	}
	require.Equal(t, 3, film.Len())
	path := filepath.Join(t.TempDir(), "film.gif")
	require.NoError(t, film.Save(path))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	got, err := gif.DecodeAll(f)
	require.NoError(t, err)
	require.Equal(t, []int{5, 5, 100}, got.Delay)
	for k, i := range []int{0, 4, 8} { // of every fourth
		want := uint8(math.Round(float64(i) / 10 * 255))
		require.Equal(t, color.RGBA{want, want, want, 255}, got.Image[k].At(1, 0))
	}
}

// A GIF counts to 65,535: what is longer does not begin anew from 0.
func TestSlowFilm(t *testing.T) {
	for delay, want := range map[time.Duration]int{20 * time.Minute: 65535, -time.Second: 1, time.Millisecond: 1} {
		film := gallery.Film{Grid: gallery.Grid{Height: 1, Width: 2}, Delay: delay}
		require.NoError(t, film.Add(tensor.New(tensor.Float32, 1, 2)))
		require.NoError(t, film.Add(tensor.New(tensor.Float32, 1, 2)))
		var b bytes.Buffer
		require.NoError(t, film.Write(&b))
		got, err := gif.DecodeAll(&b)
		require.NoError(t, err)
		require.Equal(t, []int{want, min(20*want, 65535)}, got.Delay, "%v", delay)
	}
}

// Pictures of files make the same film as the samples that they show.
func TestFilmOfImages(t *testing.T) {
	for _, channels := range []int{1, 3} {
		x := tensor.NewStream(1, "x").Uniform(tensor.Float32, 4, channels, 5, 6)
		drawn := gallery.Film{Grid: gallery.Grid{Gap: 1}}
		var read gallery.Film
		require.EqualError(t, read.AddImage(nil), "gallery: the picture is nil")
		for _, img := range []image.Image{image.NewUniform(color.Black), image.NewGray(image.Rect(0, 0, 0, 3)), image.NewGray(image.Rect(0, 0, 1<<16, 1))} {
			require.ErrorContains(t, read.AddImage(img), "gallery: a GIF has no room for a picture of (")
		}
		for range 2 {
			require.NoError(t, drawn.Add(x))
			var file, again bytes.Buffer
			require.NoError(t, drawn.Grid.Write(&file, x))
			img, err := png.Decode(&file)
			require.NoError(t, err)
			require.NoError(t, read.AddImage(img))
			if grey, ok := img.(*image.Gray); ok { // is not kept
				clear(grey.Pix)
			}
			require.NoError(t, drawn.Write(&file))
			require.NoError(t, read.Write(&again))
			require.Equal(t, file.Bytes(), again.Bytes())
		}
	}
	var film gallery.Film
	whole := image.NewGray(image.Rect(0, 0, 9, 9))
	whole.SetGray(5, 6, color.Gray{Y: 77})
	require.NoError(t, film.AddImage(whole.SubImage(image.Rect(4, 5, 7, 8))))
	require.ErrorContains(t, film.AddImage(whole), "a film of (3,3) has no room for a picture of (9,9)")
	require.NoError(t, film.AddImage(image.NewGray(image.Rect(0, 0, 3, 3))))
	var b bytes.Buffer
	require.NoError(t, film.Write(&b))
	got, err := gif.DecodeAll(&b)
	require.NoError(t, err)
	require.Equal(t, color.RGBA{77, 77, 77, 255}, got.Image[0].At(1, 1))
}

func TestColourFilm(t *testing.T) {
	var film gallery.Film
	for i := range 3 {
		require.NoError(t, film.Add(tensor.Full(tensor.Float32, float64(i)-1, 1, 3, 4, 4)))
	}
	require.ErrorContains(t, film.Add(tensor.New(tensor.Float32, 1, 3, 4, 5)), "a film of (4,4) has no room for a picture of (5,4)")
	require.Error(t, film.Add(tensor.New(tensor.Float32, 1, 3)))
	var b bytes.Buffer
	require.NoError(t, film.Write(&b))
	got, err := gif.DecodeAll(&b)
	require.NoError(t, err)
	require.Len(t, got.Image, 3)
	require.Equal(t, []int{10, 10, 200}, got.Delay)
	r, g, bl, _ := got.Image[2].At(0, 0).RGBA()
	require.Equal(t, []uint32{0xffff, 0xffff, 0xffff}, []uint32{r, g, bl})
}

func TestNeighbours(t *testing.T) {
	data := tensor.NewStream(1, "data").Normal(tensor.Float32, 40, 1, 3, 2)
	samples := tensor.Concat(0, data.Slice(0, 7, 8), tensor.NewStream(2, "samples").Normal(tensor.Float32, 4, 1, 3, 2))
	x, at, distances := gallery.Neighbours(samples, data, 3)
	require.Equal(t, []int{20, 1, 3, 2}, x.Shape())
	require.Equal(t, 7, at[0][0])
	require.Zero(t, distances[0][0], "a copy")
	d, s := data.Float64s(), samples.Float64s()
	for i := range 5 {
		require.Equal(t, samples.Slice(0, i, i+1).Float64s(), x.Slice(0, 4*i, 4*i+1).Float64s())
		type pair struct {
			far float64
			j   int
		}
		var all []pair
		for j := range 40 {
			sum := 0.
			for p := range 6 {
				sum += (s[6*i+p] - d[6*j+p]) * (s[6*i+p] - d[6*j+p])
			}
			all = append(all, pair{math.Sqrt(sum), j})
		}
		slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(a.far, b.far) })
		for q := range 3 {
			require.Equal(t, all[q].j, at[i][q])
			require.InDelta(t, all[q].far, distances[i][q], 1e-12)
			require.Equal(t, data.Slice(0, all[q].j, all[q].j+1).Float64s(), x.Slice(0, 4*i+q+1, 4*i+q+2).Float64s())
		}
	}
	// Of equal ones, the first comes first.
	_, at, _ = gallery.Neighbours(tensor.New(tensor.Float32, 1, 2), tensor.New(tensor.Float32, 5, 2), 3)
	require.Equal(t, [][]int{{0, 1, 2}}, at)
	// What has no distance is the farthest.
	_, at, distances = gallery.Neighbours(tensor.New(tensor.Float32, 1, 1), tensor.FromFloat32([]float32{float32(math.NaN()), 5, 1, float32(math.NaN()), 3}, 5, 1), 4)
	require.Equal(t, [][]int{{2, 4, 1, 0}}, at)
	require.Equal(t, [][]float64{{1, 3, 5, math.Inf(1)}}, distances)
	for _, f := range []func(){
		func() { gallery.Neighbours(nil, data, 1) }, func() { gallery.Neighbours(samples, nil, 1) },
		func() { gallery.Neighbours(samples, data, 0) }, func() { gallery.Neighbours(samples, data, 41) },
		func() { gallery.Neighbours(samples.Reshape(5, 6), data, 1) }, func() { gallery.Neighbours(samples.Cast(tensor.Float64), data, 1) },
	} {
		require.ErrorAs(t, tensor.Catch(f), new(tensor.Misuse))
	}
}

func TestWalk(t *testing.T) {
	from := tensor.FromFloat64([]float64{2, 0, 0, 0, 1, 0}, 2, 3)
	to := tensor.FromFloat64([]float64{0, 4, 0, 0, 3, 0}, 2, 3)
	x := gallery.Walk(from, to, 3)
	require.Equal(t, []int{6, 3}, x.Shape())
	half := 3 * math.Sqrt(.5)
	require.InDeltaSlice(t, []float64{2, 0, 0, half, half, 0, 0, 4, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0}, x.Float64s(), 1e-12)
	// Lengths stay those of many normal numbers, and angles are equal.
	from, to = tensor.NewStream(1, "from").Normal(tensor.Float32, 1, 500), tensor.NewStream(1, "to").Normal(tensor.Float32, 1, 500)
	x = gallery.Walk(from, to, 9)
	require.Equal(t, tensor.Float32, x.DType())
	v := x.Float64s()
	length := func(i int) (sum float64) {
		for _, a := range v[500*i : 500*i+500] {
			sum += a * a
		}
		return math.Sqrt(sum)
	}
	var angles []float64
	for i := range 9 {
		require.InDelta(t, length(0)*(1-float64(i)/8)+length(8)*float64(i)/8, length(i), 1e-3)
		if i > 0 {
			dot := 0.
			for k := range 500 {
				dot += v[500*i+k] * v[500*i-500+k]
			}
			angles = append(angles, math.Acos(dot/length(i)/length(i-1)))
			require.InDelta(t, angles[0], angles[i-1], 1e-3)
		}
	}
	require.InDelta(t, math.Pi/2, 8*angles[0], .2)
	for name, pair := range map[string][2][]float64{"opposite": {{1, 0}, {-1, 0}}, "zero": {{0, 0}, {2, 0}}, "same": {{1, 1}, {1, 1}}} {
		a, b := pair[0], pair[1]
		got := gallery.Walk(tensor.FromFloat64(a, 1, 2), tensor.FromFloat64(b, 1, 2), 3).Float64s()
		require.InDeltaSlice(t, []float64{a[0], a[1], (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, b[0], b[1]}, got, 1e-12, name)
	}
	for _, f := range []func(){
		func() { gallery.Walk(nil, to, 2) }, func() { gallery.Walk(from, nil, 2) },
		func() { gallery.Walk(from, to, 1) }, func() { gallery.Walk(from, to.Slice(1, 0, 3), 2) }, func() { gallery.Walk(from.Reshape(500), to.Reshape(500), 2) },
	} {
		require.ErrorAs(t, tensor.Catch(f), new(tensor.Misuse))
	}
}
