package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

var (
	full  = flag.Bool("full", false, "also train the default run, for minutes, and judge what it draws")
	judge = flag.String("judge", "", "judge the generator in this `file`, trained on shapes")
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]string{
		"-unknown":      "flag provided but not defined: -unknown",
		"-size 48":      "-size must be 32 or 64",
		"-colour green": "-colour must be auto, grey or rgb",
		"-colour grey":  "the shapes are coloured; -colour grey needs -data",
		"-labels x.csv": "-labels is a file in the folder of -data",
		"-steps -1":     "-steps, -batch and -threads must not be negative",
		"-width 300":    "-width must lie between 1 and 256",
		"-set lr=0.5":   "-set changes a run that is resumed: give -resume auto as well",
		"-lr 2":         "-lr must lie between 0 and 1",
		"-out=":         "-out must name a folder",
		"train":         `unexpected argument "train"`,
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	clitest.Fails(t, dir, 1, "nowhere", "-data", "nowhere")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	clitest.Fails(t, dir, 1, "there are no pictures in empty", "-data", "empty")
	clitest.Fails(t, dir, 1, "abacus", "-device", "abacus")
}

// mixed makes a folder as users have them: 193 files that look like pictures, of all
// formats and many sizes, in folders for three classes, 16 of them damaged; and files
// that do not.
func mixed(t *testing.T) (dir string, damaged int) {
	t.Helper()
	dir = t.TempDir()
	samples, err := filepath.Glob("../../datasets/imagefolder/testdata/pictures/*")
	require.NoError(t, err)
	require.NotEmpty(t, samples)
	r := rand.New(rand.NewPCG(1, 1))
	classes := []string{"cats", "Dogs & more", "öwls"}
	for i := range 193 {
		var b bytes.Buffer
		ext := []string{".png", ".jpg", ".JPEG", ".gif", ""}[i%5]
		if ext == "" {
			path := samples[i/5%len(samples)]
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			b.Write(content)
			ext = filepath.Ext(path)
		} else {
			m := image.NewNRGBA(image.Rect(0, 0, 20+r.IntN(150), 20+r.IntN(150)))
			for k := range m.Pix {
				m.Pix[k] = uint8(40*(i%3) + r.IntN(100))
			}
			if ext == ".jpg" {
				grey := image.NewGray(m.Bounds())
				grey.SetGray(3, 3, color.Gray{Y: 200})
				require.NoError(t, jpeg.Encode(&b, grey, nil))
			} else {
				require.NoError(t, map[string]func() error{
					".png": func() error { return png.Encode(&b, m) }, ".JPEG": func() error { return jpeg.Encode(&b, m, nil) }, ".gif": func() error { return gif.Encode(&b, m, nil) },
				}[ext]())
			}
		}
		content := b.Bytes()
		if i%12 == 0 && ext != ".webp" { // cut, or no picture at all
			damaged++
			content = content[:len(content)/3]
			if i%24 == 0 {
				content = []byte("<html>404</html>")
			}
		}
		folder := filepath.Join(dir, classes[i%3])
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("IMG %03d%s", i, ext)), content, 0o644))
	}
	for _, name := range []string{"README.txt", "cats/Thumbs.db", "cats/.DS_Store", "cats/scan.tif", "notes.png"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("no picture"), 0o644))
	}
	return dir, damaged
}

// Two pictures are enough, and what is printed can be repeated although there is a
// space in the folder's name.
func TestFewPictures(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, grey uint8) {
		t.Helper()
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, &image.Gray{Pix: bytes.Repeat([]byte{grey}, 400), Stride: 20, Rect: image.Rect(0, 0, 20, 20)}))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644))
	}
	write("one.png", 50)
	r := clitest.Run(t, dir, "-data", ".", "-device", "cpu")
	require.Equal(t, 1, r.Status)
	require.Equal(t, "1 picture\n", r.Out)
	require.Equal(t, "images: one picture is not enough to learn from\n", r.Errors)
	write("two.png", 200)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "three.png"), nil, 0o644))
	r = clitest.Run(t, dir, "-data", ".", "-width", "2", "-steps", "25", "-out", "a run")
	require.Zero(t, r.Status, r.Errors)
	require.NotContains(t, r.Out, "will take") // nothing is left
	require.Contains(t, r.Out, "1 file that cannot be used:\n  three.png: the file is empty\n2 pictures\n")
	require.Contains(t, r.Out, "sample -model "+rundir.CommandLine(filepath.Join("a run", "generator.safetensors"))+"\n")
	require.NotEqual(t, rundir.CommandLine("a run"), "a run")
	require.Contains(t, clitest.Files(t, filepath.Join(dir, "a run")), "neighbours.png")
}

// The page is there before training begins.
func TestPage(t *testing.T) {
	cmd := clitest.Command(t, t.TempDir(), "-width", "2", "-batch", "4", "-http", "localhost:0")
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		url, ok := strings.CutPrefix(lines.Text(), "look at ")
		if !ok {
			continue
		}
		answer, err := http.Get(url)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		return
	}
	t.Fatal("no address was printed")
}

// A new user's folder trains at the first command, and goes on at the second.
func TestOwnFolder(t *testing.T) {
	folder, damaged := mixed(t)
	dir := t.TempDir()
	args := []string{"-data", folder, "-width", "2", "-batch", "16", "-resume", "auto"}
	r := clitest.Run(t, dir, append(args, "-steps", "30")...)
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Contains(t, r.Out, fmt.Sprintf("%d files that cannot be used:\n  \"cats/IMG 000.png\": this is no PNG", damaged))
	require.Contains(t, r.Out, "begins with \"<html>404</html>\"")
	require.Contains(t, r.Out, "README.txt: its name is not that of a picture")
	require.Contains(t, r.Out, "cats/scan.tif: TIFF is not read")
	require.Contains(t, r.Out, fmt.Sprintf("%d pictures of 3 classes: %q", 193-damaged, "Dogs & more"))
	require.Contains(t, r.Out, "picked: coloured pictures of 32×32, 3 classes; batches of 16, 30 steps")
	require.Regexp(t, `a step takes \d+ ms: the other 5 will take about \d+ seconds?`, r.Out)
	out := filepath.Join(dir, "runs", "images")
	files := clitest.Files(t, out)
	for _, name := range []string{"samples.png", "film.gif", "walk.png", "neighbours.png", "losses.png", "log.jsonl", "run.json", "generator.safetensors", "discriminator.safetensors"} {
		require.NotEmpty(t, files[name], name)
	}
	for _, name := range []string{"samples.png", "walk.png", "neighbours.png"} {
		m, err := png.Decode(strings.NewReader(files[name]))
		require.NoError(t, err, name)
		require.Equal(t, m.Bounds().Dy(), 3*(96+6)+6, name)
	}
	film, err := gif.DecodeAll(strings.NewReader(files["film.gif"]))
	require.NoError(t, err)
	require.Len(t, film.Image, 3)
	g, err := gan.LoadGenerator(filepath.Join(out, "generator.safetensors"))
	require.NoError(t, err)
	require.Equal(t, []string{"Dogs & more", "cats", "öwls"}, g.Classes())
	require.Equal(t, []int{3, 32, 32}, g.SampleShape())

	// The same once more has nothing left to do, nothing to complain of, and takes
	// nothing away.
	same := clitest.Run(t, dir, append(args, "-steps", "30")...)
	require.Zero(t, same.Status, same.Errors)
	require.Empty(t, same.Errors)
	after := clitest.Files(t, out)
	for _, name := range []string{"samples.png", "film.gif", "walk.png", "neighbours.png", "generator.safetensors", "discriminator.safetensors"} {
		require.True(t, files[name] == after[name], name)
	}

	clitest.Fails(t, dir, 1, "this checkpoint does not fit", append(args, "-steps", "40")...)
	// What a run drew that got further and was lost is no part of the film, and neither
	// is what is no file: a pipe would never be read to its end.
	require.NoError(t, os.Mkdir(filepath.Join(out, "samples", "step-000025.png"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(out, "samples", "step-000050.png"), []byte("cut off"), 0o644))
	more := clitest.Run(t, dir, append(args, "-steps", "40", "-set", "steps=40")...)
	require.Zero(t, more.Status, more.Errors)
	require.Empty(t, more.Errors)
	film, err = gif.DecodeAll(strings.NewReader(clitest.Files(t, out)["film.gif"]))
	require.NoError(t, err)
	require.Len(t, film.Image, 4, "of steps 10, 20, 30, and of the resumed run 40")
	clitest.Fails(t, dir, 1, "cannot be used", "-data", folder, "-strict")
}

// Grey pictures without classes make a generator of grey ones that is not asked.
func TestGreyFolder(t *testing.T) {
	folder, dir := t.TempDir(), t.TempDir()
	for i := range 9 {
		m := image.NewGray(image.Rect(0, 0, 70, 70))
		for k := range m.Pix {
			m.Pix[k] = uint8(k * i)
		}
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, m))
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".png")), b.Bytes(), 0o644))
	}
	r := clitest.Run(t, dir, "-data", folder, "-size", "64", "-width", "2", "-steps", "2", "-flip", "-out", "o")
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, "9 pictures\n")
	require.Contains(t, r.Out, "picked: grey pictures of 64×64, no classes; batches of 9, 2 steps")
	g, err := gan.LoadGenerator(filepath.Join(dir, "o", "generator.safetensors"))
	require.NoError(t, err)
	require.Equal(t, []int{1, 64, 64}, g.SampleShape())
	require.Nil(t, g.Classes())
}

// Shapes are drawn where they belong, and a small network tells them apart.
func TestShapes(t *testing.T) {
	s := newShapes(40, 32, 1)
	again := newShapes(40, 32, 1)
	require.Equal(t, s.pixels, again.pixels)
	require.NotEqual(t, s.pixels, newShapes(40, 32, 2).pixels)
	for i, px := range s.pixels {
		covered := 0.
		for k := range 32 * 32 {
			for c := range 3 {
				require.True(t, px[c*1024+k] >= -1 && px[c*1024+k] <= 1)
			}
			if spread := max(px[k], px[1024+k], px[2048+k]) - min(px[k], px[1024+k], px[2048+k]); spread > .4 {
				covered++
			}
			if x, y := k%32, k/32; x == 0 || y == 0 || x == 31 || y == 31 {
				require.InDelta(t, px[k], px[1024+k], .1, "shape %d touches the edge", i)
			}
		}
		require.InDelta(t, 250, covered, 220, "%s %d", shapeNames[s.Label(i)], i)
	}
}

// TestFidelity: what is drawn is what was asked for, as a judge sees it who has learned
// from other shapes. It is for
//
//	go test ./examples/images -run TestFidelity -full -v
//
// which trains for some minutes, or with -judge runs/images/generator.safetensors
// instead of -full.
func TestFidelity(t *testing.T) {
	path := *judge
	if path == "" {
		if !*full {
			t.Skip("takes minutes; give -full, or -judge and a file")
		}
		dir := t.TempDir()
		r := clitest.Run(t, dir)
		require.Zero(t, r.Status, r.Errors)
		t.Log(r.Out)
		path = filepath.Join(dir, "runs", "images", "generator.safetensors")
	}
	g, err := gan.LoadGenerator(path)
	require.NoError(t, err)

	m := train(t, newShapes(4000, 32, 100))
	ceiling := newShapes(1000, 32, 200)
	x, err := datasets.AsTensor(ceiling, tensor.Float32)
	require.NoError(t, err)
	labels := make([]int, 1000)
	for i := range labels {
		labels[i] = i % len(shapeNames)
	}
	best, err := metrics.Fidelity(classes(m, x), labels)
	require.NoError(t, err)
	drawn, err := metrics.Fidelity(classes(m, g.SampleOf(labels, 7)), labels)
	require.NoError(t, err)
	t.Logf("drawn %.1f ± %.1f %%, real ones %.1f %%", 100*drawn.Value, 100*drawn.StdErr, 100*best.Value)
	for class, name := range shapeNames {
		var of, asked []int
		for i, c := range classes(m, g.SampleOf(labels, 8)) {
			if labels[i] == class {
				of, asked = append(of, c), append(asked, class)
			}
		}
		v, err := metrics.Fidelity(of, asked)
		require.NoError(t, err)
		t.Logf("%-9s %.1f %%", name, 100*v.Value)
	}
	require.Greater(t, best.Value, .97, "the judge does not know shapes")
	require.Greater(t, drawn.Value, .9)
}

// train makes a judge.
func train(t *testing.T, set datasets.Dataset) nn.Module {
	m := nn.Sequential(
		nn.Conv2D(3, 12, 4, nn.Stride(2), nn.Padding(1)), nn.ReLU(),
		nn.Conv2D(12, 24, 4, nn.Stride(2), nn.Padding(1)), nn.ReLU(),
		nn.Conv2D(24, 32, 3, nn.Padding(1)), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.Linear(32*16, 64), nn.ReLU(), nn.Linear(64, 4))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	leaves := nn.Leaves(m)
	const epochs = 12
	loader := datasets.NewLoader(datasets.Augment(set, 1, datasets.Flip(), datasets.Shift(2)), 50, datasets.KeepShape(), datasets.Conditions())
	o := optim.New(optim.Adam{LR: 2e-3, Schedule: optim.Linear{From: 1, To: 0.02, Steps: epochs * loader.Batches()}}, autograd.Values(leaves))
	scope := tensor.NewScope()
	for epoch := range epochs {
		for b, err := range loader.Epoch(t.Context(), epoch, 0) {
			require.NoError(t, err)
			x := autograd.Const(scope.Adopt(b.X))
			loss := nn.CrossEntropyLoss(m.Forward(&nn.Ctx{Train: true, Track: true}, x), tensor.ArgMax(b.Condition, 1))
			o.Step(autograd.Values(autograd.Grad(loss, leaves, autograd.Opts{})))
			scope.Close()
		}
	}
	return m
}

// classes are those that a judge sees.
func classes(m nn.Module, x *tensor.Tensor) []int {
	return tensor.ArgMax(m.Forward(nil, autograd.Const(x)).Value(), 1)
}
