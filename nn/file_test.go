package nn_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// stream hides everything of a reader but Read.
func stream(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} }

// TestFileForms: a path, a stream and a file system give the same network, and
// a path and a stream get the same bytes.
func TestFileForms(t *testing.T) {
	m := ready(everything(), 3, tensor.Float32)
	folder := t.TempDir()
	path := filepath.Join(folder, "net.safetensors")
	require.NoError(t, nn.Save(path, m, map[string]string{"k": "v"}))
	content := read(t, path)
	var b bytes.Buffer
	require.NoError(t, nn.Write(&b, m, map[string]string{"k": "v"}))
	require.True(t, bytes.Equal(content, b.Bytes()))
	b.Reset()
	require.NoError(t, nn.WriteWeights(&b, m, nn.Snapshot(m), map[string]string{"k": "v"}))
	require.True(t, bytes.Equal(content, b.Bytes()))

	fsys := fstest.MapFS{"a/b": {Data: content}}
	for name, load := range map[string]func() (nn.Module, map[string]string, error){
		"path":   func() (nn.Module, map[string]string, error) { return nn.Load(path) },
		"fs":     func() (nn.Module, map[string]string, error) { return nn.LoadFS(fsys, "a/b") },
		"folder": func() (nn.Module, map[string]string, error) { return nn.LoadFS(os.DirFS(folder), "net.safetensors") },
		"seeker": func() (nn.Module, map[string]string, error) { return nn.Read(bytes.NewReader(content)) },
		"stream": func() (nn.Module, map[string]string, error) { return nn.Read(stream(content)) },
		"slow":   func() (nn.Module, map[string]string, error) { return nn.Read(iotest.HalfReader(stream(content))) },
	} {
		loaded, meta, err := load()
		require.NoError(t, err, name)
		require.Equal(t, bits(m), bits(loaded), name)
		require.Equal(t, "v", meta["k"], name)
	}
	for name, load := range map[string]func(m nn.Module) error{
		"path":   func(m nn.Module) error { return nn.LoadInto(path, m) },
		"fs":     func(m nn.Module) error { return nn.LoadIntoFS(fsys, "a/b", m) },
		"seeker": func(m nn.Module) error { return nn.ReadInto(bytes.NewReader(content), m) },
		"stream": func(m nn.Module) error { return nn.ReadInto(stream(content), m) },
	} {
		fresh, full := everything(), ready(everything(), 4, tensor.Float32)
		leaf := nn.Params(full)[0].Param.Leaf()
		require.NoError(t, load(fresh), name)
		require.NoError(t, load(full), name)
		require.Equal(t, bits(m), bits(fresh), name)
		require.Equal(t, bits(m), bits(full), name)
		require.Same(t, leaf, nn.Params(full)[0].Param.Leaf(), "optimizers hold the leaves")
	}

	_, _, err := nn.LoadFS(fsys, "none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, nn.LoadIntoFS(fsys, "none", m), fs.ErrNotExist)
	broken := errors.New("broken")
	_, _, err = nn.Read(io.MultiReader(stream([]byte(content[:2000])), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, nn.Write(failing{broken}, m, nil), broken)
	require.ErrorContains(t, nn.Write(io.Discard, small(), nil), "the network has no weights yet")
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestDamageTouchesNothing: a damaged file is refused before the network that it
// was to be read into is touched, although the damage shows at the end only.
func TestDamageTouchesNothing(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, nn.Write(&b, ready(small(), 1, tensor.Float32), nil))
	m := ready(small(), 2, tensor.Float32)
	before := bits(m)
	content := b.Bytes()
	for i := range 8 * len(content) {
		content[i/8] ^= 1 << (i % 8)
		_, _, err := nn.Read(bytes.NewReader(content))
		require.Error(t, err)
		require.Error(t, nn.ReadInto(bytes.NewReader(content), m))
		require.Equal(t, before, bits(m))
		content[i/8] ^= 1 << (i % 8)
	}
	fresh := small()
	content[len(content)-1] ^= 1
	require.ErrorIs(t, nn.ReadInto(bytes.NewReader(content), fresh), safetensors.ErrFormat)
	require.False(t, nn.Ready(fresh))
}

// TestLoadingMemory: a file takes little more memory than its weights, and a
// stream that cannot seek twice as much. What is allocated at all bounds what is
// in use at any time.
func TestLoadingMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, nn.Save(path, ready(nn.Sequential(nn.Linear(1000, 2000), nn.Tanh(), nn.Linear(2000, 1000)), 1, tensor.Float32), nil))
	content := read(t, path)
	size := float64(len(content))
	allocated := func(f func()) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / size
	}
	require.Less(t, allocated(func() {
		_, _, err := nn.Load(path)
		require.NoError(t, err)
	}), 1.1)
	require.Less(t, allocated(func() {
		_, _, err := nn.Read(stream(content))
		require.NoError(t, err)
	}), 2.2)
}

// Tensors that no network has are refused, whatever they hold.
func TestLoadOddTensors(t *testing.T) {
	for dtype, size := range map[string]int{"I64": 8, "F32": 4, "U8": 1, "C64": 8, "BOOL": 1} {
		for shape, n := range map[string]int{"[1,1,1,1,1,1,1]": 1, "[0,1125899906842624,64]": 0, "[0,9007199254740991]": 0, "[]": 1, "[0]": 0} {
			header := fmt.Sprintf(`{"__metadata__":{"gander.architecture":"{\"type\":\"PReLU\",\"n\":1}"},"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},`+
				`"odd":{"dtype":%q,"shape":%s,"data_offsets":[4,%d]}}`, dtype, shape, 4+n*size)
			file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
			file = append(file, make([]byte, 4+n*size)...)
			_, _, err := nn.Read(bytes.NewReader(file))
			require.Error(t, err, "%s %s", dtype, shape)
			require.Error(t, nn.ReadInto(bytes.NewReader(file), nn.PReLU(1)))
			require.Less(t, len(err.Error()), 300)
		}
	}
}

// A file of names that would change a terminal, and of many, has a short error.
func TestLoadMessagesAreBounded(t *testing.T) {
	state := map[string]*tensor.Tensor{}
	for i := range 1000 {
		state[fmt.Sprintf("\x1b[31m%d%s", i, strings.Repeat("9", 1000))] = tensor.New(tensor.Float32, 1)
	}
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, state, nil))
	err := nn.ReadInto(&b, small())
	require.ErrorContains(t, err, "and 1000 more")
	require.Less(t, len(err.Error()), 600)
	require.NotContains(t, err.Error(), "\x1b")
}
