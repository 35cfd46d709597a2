package safetensors_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// stream hides everything of a reader but Read.
func stream(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} }

// written is a file of this package.
func written(t testing.TB, tensors map[string]*tensor.Tensor, metadata map[string]string) []byte {
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, tensors, metadata))
	return b.Bytes()
}

func TestReadForms(t *testing.T) {
	x := tensor.NewStream(1, "test").Normal(tensor.Float32, 300, 400) // more than one piece
	content := written(t, map[string]*tensor.Tensor{"x": x, "y": tensor.Scalar(tensor.Float64, 2)}, map[string]string{"k": "v"})
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	fsys := fstest.MapFS{"models/f": {Data: content}}
	for name, read := range map[string]func() (*safetensors.File, error){
		"path":     func() (*safetensors.File, error) { return safetensors.Load(path) },
		"fs":       func() (*safetensors.File, error) { return safetensors.LoadFS(fsys, "models/f") },
		"folder":   func() (*safetensors.File, error) { return safetensors.LoadFS(os.DirFS(filepath.Dir(path)), "f") },
		"seeker":   func() (*safetensors.File, error) { return safetensors.Read(bytes.NewReader(content)) },
		"stream":   func() (*safetensors.File, error) { return safetensors.Read(stream(content)) },
		"slow":     func() (*safetensors.File, error) { return safetensors.Read(iotest.OneByteReader(stream(content))) },
		"data+EOF": func() (*safetensors.File, error) { return safetensors.Read(iotest.DataErrReader(stream(content))) },
		"further on": func() (*safetensors.File, error) {
			r := bytes.NewReader(append([]byte("before"), content...))
			r.Seek(6, io.SeekStart)
			return safetensors.Read(r)
		},
	} {
		f, err := read()
		require.NoError(t, err, name)
		require.Equal(t, []string{"x", "y"}, f.Names(), name)
		require.Equal(t, x.Float32s(), mustTensor(t, f, "x").Float32s(), name)
		require.Equal(t, 2.0, mustTensor(t, f, "y").Item(), name)
		require.Equal(t, map[string]string{"k": "v"}, f.Metadata(), name)
	}

	_, err := safetensors.LoadFS(fsys, "models/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = safetensors.LoadFS(fsys, "models")
	require.ErrorContains(t, err, "reading models: ")
	broken := errors.New("broken")
	for n := range 3 {
		r := io.MultiReader(bytes.NewReader(content[:[]int{3, 100, 5000}[n]]), iotest.ErrReader(broken))
		_, err = safetensors.Read(r)
		require.ErrorIs(t, err, broken)
	}
}

// A tensor that was forgotten is told as misuse is, and makes no file.
func TestNilTensors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	x := tensor.Arange(tensor.Float32, 3)
	f, err := safetensors.NewReader(bytes.NewReader(written(t, map[string]*tensor.Tensor{"x": x}, nil)))
	require.NoError(t, err)
	for _, forgotten := range []func(){
		func() { safetensors.Save(path, map[string]*tensor.Tensor{"x": x, "y": nil}, nil) },
		func() { safetensors.Write(io.Discard, map[string]*tensor.Tensor{"y": nil}, nil) },
		func() { f.ReadInto(map[string]*tensor.Tensor{"x": nil}) },
	} {
		err := tensor.Catch(forgotten)
		require.ErrorAs(t, err, new(tensor.Misuse))
		require.ErrorContains(t, err, "a tensor is nil")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, f.ReadInto(map[string]*tensor.Tensor{"x": x}), "nothing was read")
}

// What ends early or late is refused, whether its size is known or not.
func TestReadWrongLength(t *testing.T) {
	content := written(t, map[string]*tensor.Tensor{"x": tensor.Arange(tensor.Float32, 100)}, nil)
	for n := range content {
		for _, r := range []io.Reader{bytes.NewReader(content[:n]), stream(content[:n])} {
			_, err := safetensors.Read(r)
			require.ErrorIs(t, err, safetensors.ErrFormat, "%d bytes", n)
		}
	}
	for _, r := range []io.Reader{bytes.NewReader(append(content, 0)), stream(append(content, 0))} {
		_, err := safetensors.Read(r)
		require.ErrorIs(t, err, safetensors.ErrFormat)
		require.ErrorContains(t, err, "describes 400 bytes of data, and")
	}
	content = written(t, map[string]*tensor.Tensor{"x": tensor.Arange(tensor.Float32, 1<<15)}, nil)
	f, err := safetensors.NewReader(&shrinking{bytes.NewReader(content)})
	require.NoError(t, err)
	_, err = f.Tensors()
	require.ErrorIs(t, err, safetensors.ErrFormat)
	require.ErrorContains(t, err, `ends within tensor "x"`)
	_, err = safetensors.Read(&shrinking{bytes.NewReader(content)})
	require.ErrorIs(t, err, safetensors.ErrFormat)
}

// shrinking claims more than it has, as a file that is cut while it is read.
type shrinking struct{ *bytes.Reader }

func (s *shrinking) Read(b []byte) (int, error) {
	const rest = 1000
	if s.Len() <= rest {
		return 0, io.EOF
	}
	return s.Reader.Read(b[:min(len(b), s.Len()-rest)])
}

func TestReaderReadsInto(t *testing.T) {
	content, err := os.ReadFile("testdata/types.safetensors")
	require.NoError(t, err)
	open := func() *safetensors.Reader {
		f, err := safetensors.NewReader(bytes.NewReader(content))
		require.NoError(t, err)
		return f
	}
	require.Contains(t, open().Names(), "bf16")
	dtype, shape, ok := open().Info("i64")
	require.True(t, ok)
	require.Equal(t, "I64", dtype)
	require.Equal(t, []int{3, 1}, shape)
	_, _, ok = open().Info("nothing")
	require.False(t, ok)

	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		dst := map[string]*tensor.Tensor{
			"i64": tensor.New(dt, 1, 3).T(), "u64": tensor.New(dt, 3, 1), "i8": tensor.New(dt, 3, 1), "bool": tensor.New(dt, 2),
		}
		f := open()
		require.NoError(t, f.ReadInto(dst))
		require.Equal(t, -0x1p63, dst["i64"].At(0, 0))
		require.Equal(t, 1.0, dst["i64"].At(1, 0))
		require.Equal(t, 0x1p64, dst["u64"].At(2, 0))
		require.Equal(t, []float64{math.MinInt8, 1, math.MaxInt8}, dst["i8"].Float64s())
		require.Equal(t, []float64{1, 0}, dst["bool"].Float64s())
		require.ErrorIs(t, f.ReadInto(nil), safetensors.ErrRead)
		_, err := f.Tensors()
		require.ErrorIs(t, err, safetensors.ErrRead)
	}
	for want, dst := range map[string]map[string]*tensor.Tensor{
		`no tensor "z"`:               {"z": tensor.New(tensor.Float32, 3)},
		`"i8" has shape [3 1] in`:     {"i8": tensor.New(tensor.Float32, 3)},
		`"f16" holds F16, which a`:    {"f16": tensor.New(tensor.Float64, 10)},
		`"complex" holds C64, which `: {"complex": tensor.New(tensor.Float32, shapeOf(t, open(), "complex")...)},
	} {
		f := open()
		require.ErrorContains(t, f.ReadInto(dst), want)
		require.NoError(t, f.ReadInto(nil), "nothing has been read yet")
	}
	_, err = open().Tensors()
	require.ErrorContains(t, err, "not floating-point numbers")
}

func shapeOf(t *testing.T, f *safetensors.Reader, name string) []int {
	_, shape, ok := f.Info(name)
	require.True(t, ok)
	return shape
}

// Any single flipped bit is noticed, wherever it lies.
func TestChecksum(t *testing.T) {
	for name, metadata := range map[string]map[string]string{
		"with notes":    {"architecture": `{"slope":0.2}`, "gander.checksumm": "", "z": "\t"},
		"without notes": nil,
	} {
		content := written(t, map[string]*tensor.Tensor{
			"0.weight": tensor.Arange(tensor.Float32, 6).Reshape(2, 3), "0.wide": tensor.Full(tensor.Float64, 0.5, 3),
			"empty": tensor.New(tensor.Float32, 0, 2),
		}, metadata)
		_, err := safetensors.Read(bytes.NewReader(content))
		require.NoError(t, err)
		for i := range 8 * len(content) {
			content[i/8] ^= 1 << (i % 8)
			for _, r := range []io.Reader{bytes.NewReader(content), stream(content)} {
				_, err := safetensors.Read(r)
				require.ErrorIs(t, err, safetensors.ErrFormat, "%s: bit %d of %q", name, i%8, content[max(0, i/8-20):i/8+1])
				f, err := safetensors.NewReader(bytes.NewReader(content))
				if err == nil {
					_, err = f.Tensors()
				}
				require.ErrorIs(t, err, safetensors.ErrFormat)
			}
			content[i/8] ^= 1 << (i % 8)
		}
	}
}

// The checksum is of the meaning: a program may write the header in another way.
func TestChecksumOfRewrittenHeader(t *testing.T) {
	content := written(t, map[string]*tensor.Tensor{"a": tensor.Arange(tensor.Float32, 2)}, map[string]string{"k": "v"})
	header, data := string(content[8:len(content)-8]), content[len(content)-8:]
	rewritten := strings.NewReplacer(`"dtype":"F32",`, ``, `"shape":[2],`, "\n\"shape\": [ 2 ],\t\"dtype\":\"F32\",", `"k"`, `"\u006b"`).Replace(header)
	require.NotEqual(t, header, rewritten)
	b := file(rewritten, 0)
	_, err := safetensors.Read(bytes.NewReader(append(b, data...)))
	require.NoError(t, err)
	b = file(strings.Replace(header, `"v"`, `"w"`, 1), 0)
	_, err = safetensors.Read(bytes.NewReader(append(b, data...)))
	require.ErrorContains(t, err, "the checksum does not fit")
}

// allocated returns what f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A stream of unknown size gets no memory for what its header merely promises.
func TestStreamAllocatesNothingBig(t *testing.T) {
	lie := entry(`"dtype":"U8","shape":[140737488355328],"data_offsets":[0,140737488355328]`, 4)
	require.Less(t, allocated(func() {
		_, err := safetensors.Read(stream(lie))
		require.ErrorIs(t, err, safetensors.ErrFormat)
	}), uint64(1<<20))
	require.Less(t, allocated(func() {
		_, err := safetensors.Read(stream([]byte("\xff\xff\xff\x00\x00\x00\x00\x00{}")))
		require.ErrorIs(t, err, safetensors.ErrFormat)
	}), uint64(1<<20))
}

// A file that is nothing but header takes memory in proportion to it.
func TestLargeHeader(t *testing.T) {
	most := 16 << 20
	if testing.Short() {
		most = 1 << 20
	}
	short := func(i int) string { return fmt.Sprintf(`"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`, i) }
	notes := func(i int) string { return fmt.Sprintf(`"%x":"",`, i) }
	for name, one := range map[string]func(int) string{"tensors": short, "notes": notes} {
		var b strings.Builder
		b.WriteString("{")
		if name == "notes" {
			b.WriteString(`"__metadata__":{`)
		}
		for i := 0; b.Len() < most-200; i++ {
			b.WriteString(one(i))
		}
		text := strings.TrimSuffix(b.String(), ",") + strings.Repeat("}", strings.Count(b.String()[:20], "{")-strings.Count(name, "tensors"))
		content := file(text, 0)
		require.Less(t, allocated(func() {
			_, err := safetensors.Read(bytes.NewReader(content))
			require.NoError(t, err)
		}), uint64(30*most), name)
	}
	_, err := safetensors.Read(bytes.NewReader(file("{}"+strings.Repeat(" ", 16<<20), 0)))
	require.ErrorContains(t, err, "the limit is 16777216")
}

// Foreign text in a message is cut and escaped.
func TestMessagesAreBounded(t *testing.T) {
	long := strings.Repeat("9", 1<<20)
	name := `\u001b[31m` + long
	for _, header := range []string{
		`{"` + name + `":{}}`,
		`{"` + name + `":{},"` + name + `":{}}`,
		`{"` + name + `":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`,
		`{"` + name + `":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`,
		`{"__metadata__":{"` + name + `":1}}`,
		`{"__metadata__":{"` + name + `":"","` + name + `":""}}`,
		`{"a":{"dtype":"` + name + `"}}`,
		`{"a":{"dtype":` + long + `}}`,
		`{"a":{"shape":[` + long + `]}}`,
		`{"a":{"shape":["` + name + `"]}}`,
		`{"a":{"shape":[1` + strings.Repeat(",1", 1000) + `]}}`,
		`{"a":{"` + name + `":1}}`,
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"` + name + `":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
		`{"a":{"dtype":"F32","shape":[` + strings.Repeat("1,", 31) + `2],"data_offsets":[0,4]}}`,
		long, `{` + name, `{"` + name, `{"a":` + name,
	} {
		_, err := safetensors.Read(bytes.NewReader(file(header, 4)))
		require.ErrorIs(t, err, safetensors.ErrFormat)
		require.Less(t, len(err.Error()), 400)
		require.NotContains(t, err.Error(), "\x1b")
	}
	f, err := safetensors.Load("testdata/floats.safetensors")
	require.NoError(t, err)
	_, err = f.Tensor("\x1b" + long)
	require.Less(t, len(err.Error()), 200)
	require.NotContains(t, err.Error(), "\x1b")
}

// Files of other kinds are told by name.
func TestOtherFormats(t *testing.T) {
	for content, want := range map[string]string{
		"PK\x03\x04\x00\x00\x08\x08":                 "a ZIP archive, as PyTorch's torch.save writes it (.pt, .pth)",
		"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.":   "a Python pickle",
		"\x80\x04\x95\x20\x00\x00\x00\x00":           "a Python pickle",
		"\x89HDF\r\n\x1a\n":                          "an HDF5 file",
		"\x93NUMPY\x01\x00":                          "a NumPy array",
		"GGUF\x03\x00\x00\x00":                       "a GGUF file",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00":           "compressed by gzip",
		"version https://git-lfs.github.com/spec/v1": "a pointer of Git LFS",
	} {
		_, err := safetensors.Read(strings.NewReader(content + "and more"))
		require.ErrorIs(t, err, safetensors.ErrFormat)
		require.ErrorContains(t, err, "this is "+want)
	}
}

// The length of a header may look like the beginning of another format.
func TestHeaderLengthsLikeOtherFormats(t *testing.T) {
	for _, length := range []int{0x280, 0x380, 0x480, 0x580, 0x10280, 0x8b1f, 0x88b1f, 0x8b1f + 1<<16} {
		for _, r := range []func([]byte) io.Reader{func(b []byte) io.Reader { return bytes.NewReader(b) }, stream} {
			_, err := safetensors.Read(r(file("{}"+strings.Repeat(" ", length-2), 0)))
			require.NoError(t, err, "%#x", length)
			_, err = safetensors.Read(r(file("{}"+strings.Repeat(" ", length-2), 1)))
			require.ErrorContains(t, err, "describes 0 bytes of data")
		}
	}
}

// A tensor of whole numbers that no tensor.Tensor can hold is an error.
func TestTensorsBeyondRank(t *testing.T) {
	for _, dtype := range []string{"F32", "F64", "I64", "U8"} {
		size := map[string]int{"F32": 4, "F64": 8, "I64": 8, "U8": 1}[dtype]
		for _, shape := range []string{"[1,1,1,1,1,1,1]", "[0,1125899906842624,64]"} {
			n := size
			if shape[1] == '0' {
				n = 0
			}
			b := entry(fmt.Sprintf(`"dtype":%q,"shape":%s,"data_offsets":[0,%d]`, dtype, shape, n), n)
			f, err := safetensors.NewReader(bytes.NewReader(b))
			if err != nil { // the dims are absurd
				require.ErrorIs(t, err, safetensors.ErrFormat)
				continue
			}
			_, err = f.Tensors()
			require.Error(t, err, "%s %s", dtype, shape)
		}
	}
}

// A pipe as input is refused, not waited for.
func TestLoadPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if exec.Command("mkfifo", path).Run() != nil {
		t.Skip("there is no mkfifo")
	}
	_, err := safetensors.Load(path)
	require.ErrorContains(t, err, "is a pipe, not a regular file")
	_, err = safetensors.LoadFS(os.DirFS(filepath.Dir(path)), "pipe")
	require.ErrorContains(t, err, "is a pipe, not a regular file")
}

// Reading into tensors that are there takes no memory for the elements.
func TestReadIntoAllocatesLittle(t *testing.T) {
	x := tensor.New(tensor.Float32, 1<<20)
	content := written(t, map[string]*tensor.Tensor{"x": x}, nil)
	dst := map[string]*tensor.Tensor{"x": tensor.New(tensor.Float32, 1<<20)}
	require.Less(t, allocated(func() {
		f, err := safetensors.NewReader(bytes.NewReader(content))
		require.NoError(t, err)
		require.NoError(t, f.ReadInto(dst))
	}), uint64(1<<19))
	require.Equal(t, []string{"x"}, slices.Collect(maps.Keys(dst)))
}
