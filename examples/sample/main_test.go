package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// saved writes an untrained generator of rows of pixels and returns it.
func saved(t *testing.T, path string, pixels int, shape ...int) *gan.Generator {
	t.Helper()
	net := nn.Sequential(nn.Linear(5, pixels), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 5, shape...)
	require.NoError(t, err)
	require.NoError(t, g.Save(path))
	return g
}

// A name that says nothing is refused before anything is read, and a generator that is
// not there yet brings to mind what makes one.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"", "digits.jpg", "digits.NPY", "digits.png.gz"} {
		clitest.Fails(t, dir, 2, "-o must name a file in .png, .npy or .onnx, or end in / for a folder", "-model", "g", "-o", name)
	}
	clitest.Fails(t, dir, 1, "go run ./examples/mnist")
	saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	clitest.Fails(t, dir, 1, "there is no folder missing", "-model", "g", "-o", filepath.Join("missing", "g.png"))
}

func TestSample(t *testing.T) {
	dir := t.TempDir()
	g := saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	draw := func(args ...string) image.Image {
		t.Helper()
		r := clitest.Run(t, dir, append([]string{"-model", "g", "-o", "out.png"}, args...)...)
		require.Zero(t, r.Status, r.Errors)
		require.Empty(t, r.Out)
		require.Regexp(t, `^[0-9]+ samples, drawn on cpu, in out.png\n$`, r.Errors)
		img, err := png.Decode(strings.NewReader(clitest.Files(t, dir)["out.png"]))
		require.NoError(t, err)
		return img
	}
	want, err := gallery.Grid{Height: 3, Width: 3, Columns: 5, Scale: 4, Gap: 8}.Image(g.Sample(10, 1))
	require.NoError(t, err)
	require.Equal(t, want, draw())
	require.Equal(t, want, draw("-n", "10", "-seed", "1"), "the same seed, the same picture")
	require.NotEqual(t, want, draw("-seed", "2"))
	require.Equal(t, image.Rect(0, 0, 4*(3+2)+2, 2*(3+2)+2), draw("-n", "7", "-columns", "4", "-scale", "1").Bounds())
}

// A generator with classes draws those that are asked for.
func TestLabel(t *testing.T) {
	dir := t.TempDir()
	net := nn.Sequential(nn.ConcatCondition(3, 1), nn.Linear(8, 9), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 5, 1, 3, 3)
	require.NoError(t, err)
	g, err = g.WithClasses([]string{"cat", "dog", "owl"}, nil)
	require.NoError(t, err)
	require.NoError(t, g.Save(filepath.Join(dir, "g")))
	for label, labels := range map[string][]int{"dog": {1, 1, 1, 1, 1}, "owl, cat": {2, 0, 2, 0, 2}, "": g.Labels(5, 3)} {
		r := clitest.Run(t, dir, "-model", "g", "-n", "5", "-seed", "3", "-label", label, "-o", "out.npy")
		require.Zero(t, r.Status, r.Errors)
		require.NoError(t, npy.Save(filepath.Join(dir, "want.npy"), g.SampleOf(labels, 3)))
		files := clitest.Files(t, dir)
		require.Equal(t, files["want.npy"], files["out.npy"])
	}
	saved(t, filepath.Join(dir, "plain"), 9, 1, 3, 3)
	clitest.Fails(t, dir, 1, `there is no class "fox"; there are "cat" "dog" "owl"`, "-model", "g", "-label", "dog,fox")
	odd, err := g.WithClasses([]string{"\x1b[2J", "b\nc", "d"}, nil) // as in a stranger's file
	require.NoError(t, err)
	require.NoError(t, odd.Save(filepath.Join(dir, "odd")))
	clitest.Fails(t, dir, 1, `there are "\x1b[2J" "b\nc" "d"`, "-model", "odd", "-label", "fox")
	clitest.Fails(t, dir, 1, "plain: the generator knows no classes", "-model", "plain", "-label", "dog")
}

// A name in .npy asks for the numbers, a row per picture.
func TestArray(t *testing.T) {
	dir := t.TempDir()
	g := saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	r := clitest.Run(t, dir, "-model", "g", "-n", "7", "-seed", "3", "-o", "out.npy")
	require.Zero(t, r.Status, r.Errors)
	require.NoError(t, npy.Save(filepath.Join(dir, "want.npy"), g.Sample(7, 3)))
	files := clitest.Files(t, dir)
	require.Equal(t, files["want.npy"], files["out.npy"])
	require.Contains(t, files["out.npy"], "'shape': (7, 9)")
}

// A name that ends in a slash asks for a folder, which other programs score.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	g := saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	want, err := gallery.Grid{}.Image(g.Sample(3, 2).Slice(0, 2, 3).Reshape(1, 1, 3, 3))
	require.NoError(t, err)
	names := func() (out []string) {
		for name := range clitest.Files(t, dir) {
			out = append(out, filepath.ToSlash(name))
		}
		slices.Sort(out)
		return out
	}
	r := clitest.Run(t, dir, "-model", "g", "-n", "3", "-seed", "2", "-o", "some/digits/")
	require.Zero(t, r.Status, r.Errors)
	all := []string{"g", "some", "some/digits", "some/digits/000000.png", "some/digits/000001.png", "some/digits/000002.png"}
	require.Equal(t, all, names())
	img, err := png.Decode(strings.NewReader(clitest.Files(t, dir)["some/digits/000002.png"]))
	require.NoError(t, err)
	require.Equal(t, want, img)
	clitest.Fails(t, dir, 1, "the folder holds something already; give a new one", "-model", "g", "-o", "some/digits/")

	saved(t, filepath.Join(dir, "row"), 9)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	clitest.Fails(t, dir, 1, "are not images", "-model", "row", "-o", "empty/")
	require.Equal(t, slices.Insert(all, 0, "empty"), slices.DeleteFunc(names(), func(name string) bool { return name == "row" }))
	r = clitest.Run(t, dir, "-model", "g", "-n", "1", "-scale", "5", "-o", "empty/")
	require.Zero(t, r.Status, r.Errors)
	img, err = png.Decode(strings.NewReader(clitest.Files(t, dir)["empty/000000.png"]))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 15, 15), img.Bounds())
}

// A link to a folder stays a link, and one to nowhere too, perhaps to a disk that is not
// there.
func TestLinkToFolder(t *testing.T) {
	dir := t.TempDir()
	saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	for link, to := range map[string]string{"link": "real", "lost": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	r := clitest.Run(t, dir, "-model", "g", "-n", "1", "-o", "link/")
	require.Zero(t, r.Status, r.Errors)
	require.FileExists(t, filepath.Join(dir, "real", "000000.png"))
	r = clitest.Run(t, dir, "-model", "g", "-n", "1", "-o", "lost/")
	require.Equal(t, 1, r.Status)
	require.Equal(t, "sample: writing lost: no such file or directory\n", r.Errors)
	for _, link := range []string{"link", "lost"} {
		_, err := os.Readlink(filepath.Join(dir, link))
		require.NoError(t, err)
	}
}

// Ctrl-C in the middle of a folder leaves nothing behind.
func TestInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another")
	}
	dir := t.TempDir()
	saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	for _, out := range []string{"many/", "new/deep/many/"} {
		cmd := clitest.Command(t, dir, "-model", "g", "-n", "100000", "-scale", "40", "-o", out)
		var errs strings.Builder
		cmd.Stderr = &errs
		require.NoError(t, cmd.Start())
		defer cmd.Process.Kill()
		for begun := false; !begun; { // until the first images are there
			for name := range clitest.Files(t, dir) {
				begun = begun || strings.Contains(name, "000003.png")
			}
		}
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		cmd.Wait()
		require.Equal(t, 1, cmd.ProcessState.ExitCode())
		require.Equal(t, "sample: stopped before anything was written\n", errs.String())
		require.Len(t, clitest.Files(t, dir), 1, "the generator alone")
	}
}

// A name in .onnx asks for the generator.
func TestONNX(t *testing.T) {
	dir := t.TempDir()
	g := saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	r := clitest.Run(t, dir, "-model", "g", "-o", "g.onnx")
	require.Zero(t, r.Status, r.Errors)
	require.Equal(t, "the generator, in g.onnx\n", r.Errors)
	graph, err := g.Graph()
	require.NoError(t, err)
	var want strings.Builder
	require.NoError(t, onnx.Write(&want, graph))
	require.Equal(t, want.String(), clitest.Files(t, dir)["g.onnx"])
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	saved(t, filepath.Join(dir, "g"), 9, 1, 3, 3)
	saved(t, filepath.Join(dir, "row"), 9)
	whole, err := os.ReadFile(filepath.Join(dir, "g"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cut"), whole[:len(whole)-1], 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte("no generator at all"), 0o644))
	require.NoError(t, nn.Save(filepath.Join(dir, "network"), initialised(), nil))
	// Files that are sound, and ask for too much or do not take normal numbers.
	image := func(layers ...nn.Module) nn.Module {
		m := nn.Sequential(append([]nn.Module{nn.Linear(1, 4), nn.Reshape(1, 2, 2)}, layers...)...)
		nn.Init(m, 1, tensor.Float32, tensor.CPU())
		return m
	}
	words := nn.Sequential(nn.Embedding(3, 4))
	nn.Init(words, 1, tensor.Float32, tensor.CPU())
	for name, m := range map[string]nn.Module{"huge": image(nn.UpsampleNearest(65536), nn.UpsampleNearest(65536)), "large": image(nn.UpsampleNearest(4096)), "words": words} {
		require.NoError(t, nn.Save(filepath.Join(dir, name), m, map[string]string{"gander.latent": "1"}))
	}
	for args, want := range map[string]string{
		"-wrong":                  "flag provided but not defined: -wrong",
		"-n 0":                    "-n must lie between 1 and 100000",
		"-n 100001":               "-n must lie between 1 and 100000",
		"-n ten":                  `invalid value "ten" for flag -n`,
		"-o=":                     "-o must name a file",
		"-model=":                 "-model must name a file",
		"-columns 0":              "-columns must be 1 or more",
		"-scale 65":               "-scale must lie between 1 and 64",
		"-seed x":                 `invalid value "x" for flag -seed`,
		"g":                       `unexpected argument "g"`,
		"-model g -o d.png extra": `unexpected argument "extra"`,
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	for args, want := range map[string]string{
		"":                                "generator.safetensors",
		"-model none":                     "none",
		"-model g -device abacus":         "abacus",
		"-model .":                        ".",
		"-model cut":                      "cut",
		"-model text":                     "text: not a valid safetensors file",
		"-model network":                  "network: this is a network, but not a generator",
		"-model huge":                     `huge: one sample takes too much memory`,
		"-model words":                    "words: ",
		"-model large -n 100":             "large: 100 samples of [1 8192 8192] take more than 2 GiB; ask for fewer",
		"-model row":                      "sample: samples of [9] are not images: give a name in .npy",
		"-model g -o text/below.png":      "below.png",
		"-model g -o text/below.npy":      "below.npy",
		"-model g -o none/below.png":      "below.png",
		"-model g -o none/below.onnx":     "below.onnx",
		"-model g -o text/":               "writing text: not a directory",
		"-model g -n 100000 -scale 64":    "would make an image of",
		"-model g -o . -n 1":              "writing .",
		"-model g -columns 9999999999999": "-", // fits: there are never more columns than pictures
	} {
		if want == "-" {
			r := clitest.Run(t, dir, strings.Fields(args)...)
			require.Zero(t, r.Status, r.Errors)
			continue
		}
		clitest.Fails(t, dir, 1, want, strings.Fields(args)...)
	}
	help := clitest.Run(t, dir, "-h")
	require.Zero(t, help.Status)
	require.Contains(t, help.Errors, "-columns")
}

func initialised() nn.Module {
	net := nn.Linear(5, 9)
	nn.Init(net, 1, 0, tensor.CPU())
	return net
}
