package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// folder has the files of bench/golden/make_dcgan.py and this package's description.
func folder(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"dcgan.pth", "checkpoint.pth", "dcgan.safetensors", "dcgan.json"} {
		from := filepath.Join("..", "..", "nn", "torch", "testdata", name)
		if strings.HasSuffix(name, ".json") {
			from = filepath.Join("testdata", name)
		}
		b, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	return dir
}

func succeeds(t *testing.T, dir, args string) clitest.Result {
	t.Helper()
	r := clitest.Run(t, dir, strings.Fields(args)...)
	require.Zero(t, r.Status, r.Errors)
	return r
}

// TestBothWays: PyTorch's generator draws PyTorch's samples, and its weights go back
// as they came.
func TestBothWays(t *testing.T) {
	dir := folder(t)
	r := succeeds(t, dir, "-from dcgan.pth -net dcgan.json -latent 16 -o g.safetensors")
	require.Equal(t, "a generator with 19 tensors of its part \"main\", in g.safetensors\n", r.Errors)
	g, err := gan.LoadGenerator(filepath.Join(dir, "g.safetensors"))
	require.NoError(t, err)
	require.Equal(t, []int{3, 32, 32}, g.SampleShape())
	values, err := safetensors.Load(filepath.Join(dir, "dcgan.safetensors"))
	require.NoError(t, err)
	z, err := values.Tensor("latent")
	require.NoError(t, err)
	want, err := values.Tensor("samples")
	require.NoError(t, err)
	require.InDeltaSlice(t, want.Float32s(), g.Map(z).Float32s(), 1e-5)

	succeeds(t, dir, "-from g.safetensors -part 1 -prefix main -o back.safetensors")
	succeeds(t, dir, "-from dcgan.pth -o same.safetensors")
	files := clitest.Files(t, dir)
	require.Equal(t, files["same.safetensors"], files["back.safetensors"])
	require.NotContains(t, files["back.safetensors"], nn.ArchitectureKey)

	// From a state dict in safetensors, into the network of another file.
	r = succeeds(t, dir, "-from back.safetensors -net g.safetensors -latent 16 -shape 3,1024 -o again.safetensors")
	require.Contains(t, r.Errors, `of its part "main"`)
	again, err := gan.LoadGenerator(filepath.Join(dir, "again.safetensors"))
	require.NoError(t, err)
	require.Equal(t, []int{3, 1024}, again.SampleShape())
	require.Equal(t, g.Sample(2, 1).Float32s(), again.Sample(2, 1).Float32s())

	r = succeeds(t, dir, "-from back.safetensors -net g.safetensors -o net.safetensors")
	require.Contains(t, r.Errors, "a network with 19 tensors")
	_, _, err = nn.Load(filepath.Join(dir, "net.safetensors"))
	require.NoError(t, err)
}

// Classes that PyTorch knew by number get names.
func TestClasses(t *testing.T) {
	dir := t.TempDir()
	net := nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(5, 4), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	require.NoError(t, nn.Save(filepath.Join(dir, "net.safetensors"), net, nil))
	succeeds(t, dir, "-from net.safetensors -net net.safetensors -latent 3 -classes cat,dog -o g.safetensors")
	g, err := gan.LoadGenerator(filepath.Join(dir, "g.safetensors"))
	require.NoError(t, err)
	require.Equal(t, []string{"cat", "dog"}, g.Classes())
	for args, want := range map[string]string{
		"-classes cat,dog,cow": "3",
		"-classes cat,cat":     "cat",
	} {
		clitest.Fails(t, dir, 1, want, strings.Fields("-from net.safetensors -net net.safetensors -latent 3 -o x.safetensors "+args)...)
	}
	clitest.Fails(t, dir, 2, "-latent must be 1 or more", strings.Fields("-from net.safetensors -net net.safetensors -classes cat,dog -o x.safetensors")...)
	clitest.Fails(t, dir, 2, "need -net", strings.Fields("-from net.safetensors -classes cat,dog -o x.safetensors")...)
}

// A checkpoint with several networks.
func TestParts(t *testing.T) {
	dir := folder(t)
	clitest.Fails(t, dir, 1, `several parts of it fit the network as well: "half.main", "netG.main"; choose one`,
		strings.Fields("-from checkpoint.pth -net dcgan.json -latent 16 -o g.safetensors")...)
	succeeds(t, dir, "-from checkpoint.pth -part netG -net dcgan.json -latent 16 -o g.safetensors")
	succeeds(t, dir, "-from dcgan.pth -net dcgan.json -latent 16 -o same.safetensors")
	files := clitest.Files(t, dir)
	require.Equal(t, files["same.safetensors"], files["g.safetensors"])

	r := succeeds(t, dir, "-from checkpoint.pth -part netD.module")
	require.Equal(t, []string{"main.0.bias", "main.0.weight_orig", "main.0.weight_u", "main.0.weight_v", "main.2.bias",
		"main.2.weight_orig", "main.2.weight_u", "main.2.weight_v", "main.5.bias", "main.5.weight"}, firstWords(r.Out))
	require.Contains(t, r.Out, "float32 [4 3 4 4]\n")
}

// TestSafetensorsWithCounters: PyTorch's files have counters of int64, and half
// precision.
func TestSafetensorsWithCounters(t *testing.T) {
	dir := t.TempDir()
	header := `{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"n":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	file := string([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}) + header + "\x00\x3c\x00\xc0" + "\x07\x00\x00\x00\x00\x00\x00\x00"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x"), []byte(file), 0o644))
	succeeds(t, dir, "-from x -o y.safetensors")
	f, err := safetensors.Load(filepath.Join(dir, "y.safetensors"))
	require.NoError(t, err)
	for name, want := range map[string][]float32{"a": {1, -2}, "n": {7}} {
		v, err := f.Tensor(name)
		require.NoError(t, err)
		require.Equal(t, want, v.Float32s())
	}
}

func firstWords(text string) (out []string) {
	for line := range strings.Lines(text) {
		out = append(out, strings.Trim(strings.Fields(line)[0], `"`))
	}
	return out
}

func TestFailures(t *testing.T) {
	dir := folder(t)
	net := nn.Linear(2, 2)
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	require.NoError(t, safetensors.Save(filepath.Join(dir, "plain.safetensors"), nn.State(net), nil))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte("neither"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "odd.json"), []byte(`{"type":"Strange"}`), 0o644))
	require.NoError(t, safetensors.Save(filepath.Join(dir, "empty.safetensors"), nil, nil))
	before := slices.Sorted(maps.Keys(clitest.Files(t, dir)))
	for args, want := range map[string]string{
		"":                                "-from must name a file",
		"-from dcgan.pth x":               `unexpected argument "x"`,
		"-from dcgan.pth -net dcgan.json": "-o must name the file to write",
		"-from dcgan.pth -latent 3 -o x.safetensors":           "-latent, -shape and -classes need -net",
		"-from dcgan.pth -o netG.pth":                          "-o must name a file in .safetensors",
		"-from x -net y -prefix z -o x.safetensors":            "-prefix is for files without -net",
		"-from x -net y -shape 3 -o x.safetensors":             "-latent must be 1 or more",
		"-from x -net y -latent 1 -shape 3,a -o x.safetensors": `-shape "3,a" is not of numbers`,
		"-from x -net y -latent -1 -o x.safetensors":           "-latent must be 1 or more",
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	for args, want := range map[string]string{
		"-from none":              "none",
		"-from .":                 "not a regular file",
		"-from empty.safetensors": "empty.safetensors holds no tensors",
		"-from empty.safetensors -o x.safetensors": "empty.safetensors holds no tensors",
		"-from text":              "text: not a valid safetensors file",
		"-from dcgan.pth -part x": `dcgan.pth has no part "x"`,
		"-from dcgan.pth -net none -o x.safetensors":                           "none",
		"-from dcgan.pth -net text -o x.safetensors":                           "text: not a valid safetensors file",
		"-from dcgan.pth -net odd.json -o x.safetensors":                       `"Strange"; import the package that registers it; known are AdaptiveAvgPool2D, `,
		"-from dcgan.pth -net plain.safetensors -o x.safetensors":              "plain.safetensors: it describes no network",
		"-from plain.safetensors -net dcgan.json -o x.safetensors":             "plain.safetensors: none of the network's parameters",
		"-from dcgan.pth -net dcgan.json -latent 17 -o x.safetensors":          "does not take 17 latent numbers",
		"-from dcgan.pth -net dcgan.json -latent 16 -o none/x.safetensors":     "none",
		"-from dcgan.pth -net dcgan.json -latent 16 -shape 7 -o x.safetensors": "does not have the shape [7]",
	} {
		clitest.Fails(t, dir, 1, want, strings.Fields(args)...)
	}
	require.Equal(t, before, slices.Sorted(maps.Keys(clitest.Files(t, dir))), "nothing is left behind")
}

func TestFullDisk(t *testing.T) { clitest.FullDisk(t, folder(t), "-from", "dcgan.pth") }
