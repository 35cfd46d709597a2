package gan_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// generatorFile is a generator's file with that architecture and those weights.
func generatorFile(t testing.TB, architecture, latent string, weights map[string]*tensor.Tensor) []byte {
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, weights, map[string]string{nn.ArchitectureKey: architecture, "gander.latent": latent}))
	return b.Bytes()
}

func TestGeneratorFileForms(t *testing.T) {
	g := newTiny(t, gan.Hinge{}).Generator()
	path := filepath.Join(t.TempDir(), "g")
	require.NoError(t, g.Save(path))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, g.Write(&b))
	require.True(t, bytes.Equal(content, b.Bytes()))

	want := g.Sample(5, 1).Float32s()
	for name, load := range map[string]func() (*gan.Generator, error){
		"fs": func() (*gan.Generator, error) {
			return gan.LoadGeneratorFS(fstest.MapFS{"a/g": {Data: content}}, "a/g")
		},
		"seeker": func() (*gan.Generator, error) { return gan.ReadGenerator(bytes.NewReader(content)) },
		"stream": func() (*gan.Generator, error) {
			return gan.ReadGenerator(struct{ io.Reader }{bytes.NewReader(content)})
		},
	} {
		loaded, err := load()
		require.NoError(t, err, name)
		require.Equal(t, want, loaded.Sample(5, 1).Float32s(), name)
	}
	_, err = gan.LoadGeneratorFS(fstest.MapFS{}, "g")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = gan.ReadGenerator(bytes.NewReader(content[:100]))
	require.ErrorIs(t, err, safetensors.ErrFormat)
}

// A small file that describes a network which would take any memory there is.
func TestLoadGeneratorOfAbsurdSizes(t *testing.T) {
	one := map[string]*tensor.Tensor{"0.weight": tensor.New(tensor.Float32, 4, 1)}
	const head = `{"type":"Sequential","layers":[{"type":"Linear","in":1,"out":4,"bias":false},{"type":"Reshape","shape":[1,2,2]},`
	for rest, want := range map[string]string{
		`{"type":"UpsampleNearest","scale":65536},{"type":"UpsampleNearest","scale":65536}]}`:                                                                          `layer "2 UpsampleNearest" makes [1 1 131072 131072], with which a pass would take 68,`,
		`{"type":"AdaptiveAvgPool2D","size":[1000000000,1]}]}`:                                                                                                         "AdaptiveAvgPool2D: size is 1000000000",
		`{"type":"AdaptiveAvgPool2D","size":[16777216,16777216]}]}`:                                                                                                    `layer "2 AdaptiveAvgPool2D" makes`,
		`{"type":"UpsampleNearest","scale":4611686018427387904}]}`:                                                                                                     "UpsampleNearest: scale is 4611686018427387904",
		`{"type":"MaxPool2D","size":[16777216,16777216],"stride":[1,1],"padding":[8388608,8388608]}]}`:                                                                 `layer "2 MaxPool2D" makes`,
		`{"type":"Residual","body":{"type":"Sequential","layers":[{"type":"UpsampleNearest","scale":65536},{"type":"AdaptiveAvgPool2D","size":[2,2]}]},"skip":null}]}`: `layer "2.body.0 UpsampleNearest" makes`,
	} {
		var err error
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = gan.ReadGenerator(bytes.NewReader(generatorFile(t, head+rest, "1", one)))
		runtime.ReadMemStats(&after)
		require.ErrorContains(t, err, want)
		require.Less(t, len(err.Error()), 400)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	}

	// Who means it may have it.
	file := generatorFile(t, head+`{"type":"UpsampleNearest","scale":16}]}`, "1", one)
	_, err := gan.ReadGenerator(bytes.NewReader(file), gan.SampleMemory(4000))
	var large *nn.MemoryError
	require.ErrorAs(t, err, &large)
	require.ErrorContains(t, err, "gan.SampleMemory")
	g, err := gan.ReadGenerator(bytes.NewReader(file), gan.SampleMemory(1<<20))
	require.NoError(t, err)
	require.Equal(t, []int{3, 1, 32, 32}, g.Sample(3, 1).Shape())
	require.ErrorAs(t, tensor.Catch(func() { gan.SampleMemory(0) }), new(tensor.Misuse))

	for _, latent := range []string{"9223372036854775807", "99999999999999999999", "1000000000", "-1", "1e3", " 1"} {
		_, err := gan.ReadGenerator(bytes.NewReader(generatorFile(t, `{"type":"Sequential","layers":[{"type":"Embedding","n":4,"dim":1},{"type":"Flatten"}]}`, latent,
			map[string]*tensor.Tensor{"0.weight": tensor.New(tensor.Float32, 4, 1)})))
		require.Error(t, err, latent)
	}
}

// Samples that take much memory are made in passes of fewer, with the same bits.
func TestSamplesInSmallPasses(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 64), nn.Reshape(1, 8, 8), nn.UpsampleNearest(256), nn.AvgPool2D(256), nn.UpsampleNearest(2))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	var b bytes.Buffer
	require.NoError(t, nn.Write(&b, m, map[string]string{"gander.latent": "3"}))
	g, err := gan.ReadGenerator(&b)
	require.NoError(t, err)
	one, err := nn.PassMemory(m, []int{1, 3}, tensor.Float32, 1<<40)
	require.NoError(t, err)
	require.Greater(t, 60*one, int64(1<<30), "sixty do not fit one pass")
	small := nn.Sequential(nn.Linear(3, 64), nn.Reshape(1, 8, 8), nn.UpsampleNearest(2))
	require.NoError(t, nn.LoadState(small, nn.State(m)))
	b.Reset()
	require.NoError(t, nn.Write(&b, small, map[string]string{"gander.latent": "3"}))
	same, err := gan.ReadGenerator(&b)
	require.NoError(t, err)
	require.Equal(t, same.Sample(60, 5).Float32s(), g.Sample(60, 5).Float32s())
}

// Loading takes little more than twice the file, and a stream's copy.
func TestLoadGeneratorMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	m := nn.Sequential(nn.Linear(100, 4000), nn.Tanh(), nn.Linear(4000, 1000))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	path := filepath.Join(t.TempDir(), "g")
	require.NoError(t, nn.Save(path, m, map[string]string{"gander.latent": "100"}))
	info, err := os.Stat(path)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = gan.LoadGenerator(path)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	// What was allocated in all bounds what was in use at any time.
	require.Less(t, float64(after.TotalAlloc-before.TotalAlloc), 2.2*float64(info.Size()))
}

var checksum = regexp.MustCompile(`,?"gander\.checksum":"gander:crc32c:[0-9a-f]{8}",?`)

// withoutChecksum makes a file one that another program might have written.
func withoutChecksum(t testing.TB, file []byte) []byte {
	n := 8 + binary.LittleEndian.Uint64(file)
	header := checksum.ReplaceAllStringFunc(string(file[8:n]), func(s string) string {
		if strings.HasPrefix(s, ",") && strings.HasSuffix(s, ",") {
			return ","
		}
		return ""
	})
	require.Less(t, len(header), int(n-8))
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), file[n:]...)
}

// undescribed is a layer that works, and that no file can describe.
type undescribed struct{}

func (undescribed) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Neg(x) }

// A network that could not be loaded again is trained, but not by a run that is
// to save it: that is told before the first step.
func TestSaveNetworksRefusesEarly(t *testing.T) {
	for name, networks := range map[string]func() (g, d nn.Module){
		"generator": func() (g, d nn.Module) {
			g, d = tiny(gan.Logits)
			return nn.Sequential(g, undescribed{}), d
		},
		"discriminator": func() (g, d nn.Module) {
			g, d = tiny(gan.Logits)
			return g, nn.Sequential(d, undescribed{})
		},
	} {
		g, d := networks()
		trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
		require.NoError(t, err, name)
		_, err = trainer.Fit(context.Background(), tinyNoise(2), gan.Steps(3))
		require.NoError(t, err, name)
		dir := filepath.Join(t.TempDir(), "new")
		_, err = trainer.Fit(context.Background(), tinyNoise(2), gan.Steps(6), gan.On(gan.SaveNetworks(dir)))
		require.ErrorIs(t, err, nn.ErrUnknownModule, name)
		require.ErrorContains(t, err, "gan_test.undescribed does not describe itself")
		require.Equal(t, 3, trainer.Steps(), "no step was made")
		require.NoDirExists(t, dir)
		if name == "generator" {
			require.ErrorIs(t, trainer.Generator().Save(filepath.Join(t.TempDir(), "g")), nn.ErrUnknownModule)
		}
	}
}

// Errors about a generator's file begin with this package and name the file, once.
func TestGeneratorErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "g.safetensors")
	g := newTiny(t, gan.Hinge{}).Generator()
	require.NoError(t, g.Save(path))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, change := range map[string]func([]byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"short":        func(b []byte) []byte { return b[:len(b)-5] },
		"flipped":      func(b []byte) []byte { b[len(b)-3] ^= 4; return b },
		"another kind": func(b []byte) []byte { return bytes.Replace(b, []byte(`\"Tanh\"`), []byte(`\"Tanq\"`), 1) },
		"other shape":  func(b []byte) []byte { return bytes.Replace(b, []byte(`"shape":[8,3]`), []byte(`"shape":[3,8]`), 1) },
	} {
		require.NoError(t, os.WriteFile(path, change(bytes.Clone(whole)), 0o644))
		_, err := gan.LoadGenerator(path)
		_, errFS := gan.LoadGeneratorFS(os.DirFS(dir), "g.safetensors")
		for file, err := range map[string]error{path: err, "g.safetensors": errFS} {
			require.Error(t, err, name)
			text := err.Error()
			require.Equal(t, "gan: loading "+file+": ", text[:min(len(text), len("gan: loading "+file+": "))], name)
			require.Equal(t, 1, strings.Count(text, file), "%s: %s", name, text)
			require.NotContains(t, text, "nn: ", name)
		}
	}
	_, err = gan.LoadGenerator(dir + "/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Regexp(t, "^gan: loading ", err.Error())
	require.Regexp(t, "^gan: saving ", g.Save(dir+"/none/g").Error())
}
