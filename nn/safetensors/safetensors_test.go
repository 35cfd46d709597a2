package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// file puts a header and data together.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func mustTensor(t *testing.T, f *safetensors.File, name string) *tensor.Tensor {
	t.Helper()
	x, err := f.Tensor(name)
	require.NoError(t, err)
	return x
}

// bits32 makes NaN and −0 comparable.
func bits32(xs []float32) []uint32 {
	out := make([]uint32, len(xs))
	for i, x := range xs {
		out[i] = math.Float32bits(x)
	}
	return out
}

const oddName = "Gewicht \"µ\" <&>\n"

func TestReadReferenceFile(t *testing.T) {
	f, err := safetensors.Load("testdata/floats.safetensors")
	require.NoError(t, err)
	require.Equal(t, []string{"0.bias", "0.weight", oddName, "empty", "scalar"}, f.Names())
	require.Equal(t, map[string]string{"format": "pt <1>"}, f.Metadata())

	w := mustTensor(t, f, "0.weight")
	require.Equal(t, tensor.Float32, w.DType())
	require.Equal(t, []int{2, 3}, w.Shape())
	require.Equal(t, []float32{0, .25, .5, .75, 1, 1.25}, w.Float32s())
	inf := math.Inf(1)
	require.Equal(t, bits32([]float32{float32(math.NaN()), float32(inf), float32(-inf), float32(math.Copysign(0, -1)), 1e-45}),
		bits32(mustTensor(t, f, "0.bias").Float32s()))
	s := mustTensor(t, f, "scalar")
	require.Equal(t, tensor.Float64, s.DType())
	require.Equal(t, 0, s.Rank())
	require.Equal(t, 0.1, s.Item())
	require.Equal(t, []int{2, 0, 3}, mustTensor(t, f, "empty").Shape())

	dtype, shape, ok := f.Info("0.weight")
	require.True(t, ok)
	require.Equal(t, "F32", dtype)
	require.Equal(t, []int{2, 3}, shape)
	shape[0] = 99
	_, shape, _ = f.Info("0.weight")
	require.Equal(t, []int{2, 3}, shape, "Info must return copies")
	f.Metadata()["format"] = "changed"
	require.Equal(t, "pt <1>", f.Metadata()["format"], "Metadata must return copies")
	_, _, ok = f.Info("nothing")
	require.False(t, ok)
}

func TestWriteGivesReferenceBytes(t *testing.T) {
	want, err := os.ReadFile("testdata/floats.safetensors")
	require.NoError(t, err)
	f, err := safetensors.Read(bytes.NewReader(want))
	require.NoError(t, err)
	tensors := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		tensors[name] = mustTensor(t, f, name)
	}
	var b bytes.Buffer
	require.NoError(t, safetensors.WriteWithoutChecksum(&b, tensors, f.Metadata()))
	require.Equal(t, string(want), b.String())

	// The checksum is one more entry of the metadata, and nothing else.
	b.Reset()
	require.NoError(t, safetensors.Write(&b, tensors, f.Metadata()))
	require.Equal(t, 1, strings.Count(b.String(), `,"gander.checksum":"gander:crc32c:`))
	data := want[8+binary.LittleEndian.Uint64(want):]
	require.Equal(t, string(data), b.String()[b.Len()-len(data):])
	again, err := safetensors.Read(&b)
	require.NoError(t, err)
	require.Equal(t, f.Metadata(), again.Metadata())
}

func TestReadOtherTypes(t *testing.T) {
	f, err := safetensors.Load("testdata/types.safetensors")
	require.NoError(t, err)
	require.Empty(t, f.Metadata())
	for name, want := range map[string][]int64{
		"i8": {math.MinInt8, 1, math.MaxInt8}, "u8": {0, 1, math.MaxUint8},
		"i16": {math.MinInt16, 1, math.MaxInt16}, "u16": {0, 1, math.MaxUint16},
		"i32": {math.MinInt32, 1, math.MaxInt32}, "u32": {0, 1, math.MaxUint32},
		"i64": {math.MinInt64, 1, math.MaxInt64},
	} {
		got, shape, err := f.Int64s(name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
		require.Equal(t, []int{3, 1}, shape)
		_, err = f.Tensor(name)
		require.ErrorContains(t, err, strings.ToUpper(name))
	}
	got, shape, err := f.Int64s("bool")
	require.NoError(t, err)
	require.Equal(t, []int64{1, 0}, got)
	require.Equal(t, []int{2}, shape)
	_, _, err = f.Int64s("u64")
	require.ErrorContains(t, err, "largest int64")
	_, _, err = f.Int64s("f16")
	require.ErrorContains(t, err, "F16")
	_, _, err = f.Int64s("nothing")
	require.ErrorContains(t, err, `"nothing"`)
	_, err = f.Tensor("nothing")
	require.ErrorContains(t, err, `"nothing"`)
	_, err = f.Tensor("complex")
	require.ErrorContains(t, err, "C64")
	_, err = f.Tensor("rank7")
	var shapeErr *tensor.ShapeError
	require.ErrorAs(t, err, &shapeErr)

	inf, negZero := math.Inf(1), math.Copysign(0, -1)
	half := []float64{0, negZero, 0.333251953125, -2.5, 65504, 0x1p-24, -3 * 0x1p-16, inf, -inf}
	brain := []float64{0, negZero, 0.333984375, -2.5, 65536, 0x1p-24, -3 * 0x1p-16, inf, -inf}
	for name, want := range map[string][]float64{"f16": half, "bf16": brain} {
		x := mustTensor(t, f, name)
		require.Equal(t, tensor.Float32, x.DType())
		got := x.Float64s()
		require.True(t, math.IsNaN(got[9]), name)
		require.Equal(t, want, got[:9], name)
		require.True(t, math.Signbit(got[1]), name)
	}
}

func TestSaveAndLoad(t *testing.T) {
	x := tensor.NewStream(1, "test").Normal(tensor.Float32, 70, 90) // several pieces of output
	tensors := map[string]*tensor.Tensor{
		"x": x, "transposed": x.T(), "wide": x.Cast(tensor.Float64), "": tensor.Scalar(tensor.Float32, 7),
	}
	metadata := map[string]string{"step": "12", "note": "ü\t\"", "": ""}
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, safetensors.Save(path, tensors, metadata))
	f, err := safetensors.Load(path)
	require.NoError(t, err)
	require.Equal(t, metadata, f.Metadata())
	require.Equal(t, []string{"", "transposed", "wide", "x"}, f.Names())
	for name, want := range tensors {
		got := mustTensor(t, f, name)
		require.Equal(t, want.DType(), got.DType())
		require.Equal(t, want.Shape(), got.Shape())
		require.Equal(t, want.Float64s(), got.Float64s())
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for range 5 {
		var again bytes.Buffer
		require.NoError(t, safetensors.Write(&again, tensors, metadata))
		require.Equal(t, b, again.Bytes(), "the same input must give the same bytes")
	}
}

func TestWriteNothing(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, safetensors.WriteWithoutChecksum(&b, nil, nil))
	require.Equal(t, "\x08\x00\x00\x00\x00\x00\x00\x00{}      ", b.String())
	f, err := safetensors.Read(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	require.Empty(t, f.Names())
	require.NoError(t, safetensors.Write(&b, nil, nil))
}

func TestWriteRefuses(t *testing.T) {
	one := tensor.Scalar(tensor.Float32, 1)
	for name, c := range map[string]struct {
		tensors  map[string]*tensor.Tensor
		metadata map[string]string
		want     string
	}{
		"reserved name":    {map[string]*tensor.Tensor{"__metadata__": one}, nil, `"__metadata__" cannot be`},
		"name not UTF-8":   {map[string]*tensor.Tensor{"a\xff": one}, nil, `"a\xff" cannot be`},
		"key not UTF-8":    {nil, map[string]string{"k\xff": ""}, `"k\xff" is not valid`},
		"value not UTF-8":  {nil, map[string]string{"k": "\xff"}, `"k" is not valid`},
		"key reserved":     {nil, map[string]string{"gander.checksum": ""}, `"gander.checksum" is reserved`},
		"value reserved":   {nil, map[string]string{"k": "gander:crc32c:00000000"}, `"k" is reserved`},
		"header too large": {nil, map[string]string{"k": strings.Repeat("x", 16<<20)}, "the limit is 16777216"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.ErrorContains(t, safetensors.Write(&b, c.tensors, c.metadata), c.want)
			require.Zero(t, b.Len(), "nothing may be written before the input is checked")
		})
	}
}

// fullDisk fails after some bytes.
type fullDisk struct{ left int }

var errFull = errors.New("full")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteReportsWriteErrors(t *testing.T) {
	tensors := map[string]*tensor.Tensor{"a": tensor.New(tensor.Float32, 100), "b": tensor.New(tensor.Float64, 100)}
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, tensors, nil))
	for _, room := range []int{0, b.Len() - 1200, b.Len() - 400, b.Len() - 1} {
		require.ErrorIs(t, safetensors.Write(&fullDisk{room}, tensors, nil), errFull, "room for %d", room)
	}
	require.NoError(t, safetensors.Write(&fullDisk{b.Len()}, tensors, nil))
}

func TestReadAccepts(t *testing.T) {
	for _, header := range []string{
		`{}`,
		`{}   `,
		`{"__metadata__":{}}`,
		`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"shape":[2],"data_offsets":[4,8],"dtype":"F16"}}`,
		`{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`,
		`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},` +
			`"c":{"dtype":"F32","shape":[3,0],"data_offsets":[8,8]}}`,
		`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},"b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[1,4]},` +
			`"c":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[4,8]}}`,
	} {
		data := 8
		if !strings.Contains(header, "shape") {
			data = 0
		}
		f, err := safetensors.Read(bytes.NewReader(file(header, data)))
		require.NoError(t, err, header)
		require.Equal(t, strings.Count(header, "shape"), len(f.Names()))
	}
}

// refused lists damaged files by the words that the error must hold.
var refused = []struct {
	bytes []byte
	want  string
}{
	{nil, "0 bytes are too few"},
	{[]byte("1234567"), "7 bytes are too few"},
	{make([]byte, 8), "does not begin with '{'"},
	{file("", 0)[:8], "does not begin with '{'"},
	{binary.LittleEndian.AppendUint64(nil, 2), "length is 2, and 0 bytes follow"},
	{binary.LittleEndian.AppendUint64(nil, 100_000_001), "the limit is 16777216"},
	{binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "the limit is 16777216"},
	{file(` {}`, 0), "does not begin with '{'"},
	{file(`[]`, 0), "does not begin with '{'"},
	{file(`{`, 0), "not valid JSON"},
	{file(`{}}`, 0), "not valid JSON"},
	{file(`{}{}`, 0), "not valid JSON"},
	{file("{}\x00", 0), "not valid JSON"},
	{file(`{"a":}`, 0), "not valid JSON"},
	{file(`{"a":1,}`, 0), "not valid JSON"},
	{file(`{"a":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`, 0), "not valid JSON"},
	{file("{\"a\xff\":{}}", 0), "not valid UTF-8"},
	{file(`{}`, 3), "describes 0 bytes of data, and 3 are there"},
	{file(`{"__metadata__":"x"}`, 0), "the metadata does not begin with '{'"},
	{file(`{"__metadata__":null}`, 0), "the metadata does not begin with '{'"},
	{file(`{"__metadata__":{"k":1}}`, 0), `the metadata "k" is not a string`},
	{file(`{"__metadata__":{"k":{"x":"y"}}}`, 0), `the metadata "k" is not a string`},
	{file(`{"__metadata__":{"k":"1","k":"1"}}`, 0), `the metadata names "k" twice`},
	{file(`{"__metadata__":{},"__metadata__":{}}`, 0), `names "__metadata__" twice`},
	{file(`{"a":[]}`, 0), `tensor "a" does not begin with '{'`},
	{file(`{"a":{}}`, 0), "lacks one of"},
	{file(`{"a":{"dtype":"F32","shape":[]}}`, 0), "lacks one of"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1`, 4), `unknown field "x"`},
	{entry(`"dtype":"F32","dtype":"F32","shape":[1]`, 4), `tensor "a" names "dtype" twice`},
	{entry(`"dtype":"f32","shape":[1],"data_offsets":[0,4]`, 4), "unknown dtype f32"},
	{entry(`"dtype":"","shape":[1],"data_offsets":[0,4]`, 4), "unknown dtype"},
	{entry(`"dtype":4,"shape":[1],"data_offsets":[0,4]`, 4), "unknown dtype 4"},
	{entry(`"dtype":{"F32":1},"shape":[1],"data_offsets":[0,4]`, 4), "unknown dtype {"},
	{entry(`"dtype":"F32","shape":1,"data_offsets":[0,4]`, 4), `shape does not begin with '['`},
	{entry(`"dtype":"F32","shape":["1"],"data_offsets":[0,4]`, 4), "holds 1, not a whole number"},
	{entry(`"dtype":"F32","shape":[[1]],"data_offsets":[0,4]`, 4), "not a whole number"},
	{entry(`"dtype":"F32","shape":[null],"data_offsets":[0,4]`, 4), "not a whole number"},
	{entry(`"dtype":"F32","shape":[-1],"data_offsets":[0,4]`, 4), "holds -1, not a whole number"},
	{entry(`"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]`, 4), "holds -1, not a whole number"},
	{entry(`"dtype":"F32","shape":[-0],"data_offsets":[0,0]`, 0), "holds -0, not a whole number"},
	{entry(`"dtype":"F32","shape":[1.0],"data_offsets":[0,4]`, 4), "holds 1.0, not a whole number"},
	{entry(`"dtype":"F32","shape":[1e0],"data_offsets":[0,4]`, 4), "holds 1e0, not a whole number"},
	{entry(`"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]`, 4), "not a whole number that fits"},
	{entry(`"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]`, 0), "does not take the 0 bytes"},
	{entry(`"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]`, 0), "does not take the 0 bytes"},
	{entry(`"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]`, 0), "does not take the 0 bytes"},
	{entry(`"dtype":"F32","shape":[2],"data_offsets":[0,4]`, 4), "does not take the 4 bytes from 0 to 4"},
	{entry(`"dtype":"F4","shape":[3],"data_offsets":[0,1]`, 1), "does not take the 1 bytes"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[0]`, 4), "offsets [0]"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4,4]`, 4), "data_offsets has more than 2 numbers"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[4,0]`, 4), "offsets [4 0]"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[-4,0]`, 4), "holds -4"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4]`, 3), "describes 4 bytes of data, and 3 are there"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4]`, 5), "describes 4 bytes of data, and 5 are there"},
	{entry(`"dtype":"F32","shape":[1],"data_offsets":[4,8]`, 8), `a hole of 4 bytes before tensor "a"`},
	{entry(`"dtype":"F32","shape":[0],"data_offsets":[4,4]`, 4), `a hole of 4 bytes before tensor "a"`},
	{entry(`"dtype":"U8","shape":[9223372036854775],"data_offsets":[0,9223372036854775]`, 4), "and 4 are there"},
	{pair(0, 4, 0, 4), `tensors "a" and "b" overlap`},
	{pair(0, 4, 3, 7), `tensors "a" and "b" overlap`},
	{pair(4, 8, 0, 4+4), `"b" of dtype`},
	{pair(0, 4, 5, 9), `a hole of 1 bytes before tensor "b"`},
	{named("a", "a"), `the header names "a" twice`},
	{named("a", `\u0061`), `the header names "a" twice`},
}

// entry is a file of one tensor.
func entry(fields string, data int) []byte { return file(`{"a":{`+fields+`}}`, data) }

const float = `"%s":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}`

// pair is a file of two tensors of one float32 each, at those offsets.
func pair(a0, a1, b0, b1 int) []byte {
	return file(fmt.Sprintf("{"+float+","+float+"}", "a", a0, a1, "b", b0, b1), max(a1, b1))
}

// named is a sound file of two tensors but for their names.
func named(a, b string) []byte {
	return file(fmt.Sprintf("{"+float+","+float+"}", a, 0, 4, b, 4, 8), 8)
}

func TestReadRefuses(t *testing.T) {
	folder := t.TempDir()
	for i, c := range refused {
		if strconv.IntSize == 32 && regexp.MustCompile(`"shape":\[[0-9,]*[0-9]{10}`).Match(c.bytes) {
			c.want = "not a whole number that fits"
		}
		t.Run(fmt.Sprint(i, " ", c.want), func(t *testing.T) {
			_, err := safetensors.Read(bytes.NewReader(c.bytes))
			require.ErrorIs(t, err, safetensors.ErrFormat)
			require.ErrorContains(t, err, c.want)

			path := filepath.Join(folder, fmt.Sprint(i))
			require.NoError(t, os.WriteFile(path, c.bytes, 0o600))
			_, err = safetensors.Load(path)
			require.ErrorIs(t, err, safetensors.ErrFormat)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path)
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := safetensors.Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = safetensors.Load(t.TempDir()) // a folder
	require.Error(t, err)
}

// TestHeaderAllocatesNothingBig: a small file must not make the reader allocate
// what its header dreams of.
func TestHeaderAllocatesNothingBig(t *testing.T) {
	b := entry(`"dtype":"U8","shape":[140737488355328],"data_offsets":[0,140737488355328]`, 4)
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := safetensors.Load(path)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, safetensors.ErrFormat)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

// FuzzRead: whatever is accepted is consistent, and encoding what can be read
// of it gives a file that reads the same.
func FuzzRead(f *testing.F) {
	for _, c := range refused {
		if len(c.bytes) < 1000 {
			f.Add(c.bytes)
		}
	}
	for _, name := range []string{"floats", "types"} {
		b, err := os.ReadFile("testdata/" + name + ".safetensors")
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add(pair(0, 4, 4, 8))
	f.Fuzz(checkFile)
}

// FuzzHeader is FuzzRead with headers whose length is right.
func FuzzHeader(f *testing.F) {
	for _, c := range refused {
		if n := len(c.bytes); n > 8 && n < 1000 {
			if length := binary.LittleEndian.Uint64(c.bytes); length < uint64(n-8) {
				f.Add(string(c.bytes[8:8+length]), uint16(n-8-int(length)))
			}
		}
	}
	f.Add(`{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"I8","shape":[],"data_offsets":[8,9]}}`, uint16(9))
	f.Fuzz(func(t *testing.T, header string, data uint16) { checkFile(t, file(header, int(data))) })
}

func checkFile(t *testing.T, b []byte) {
	file, err := safetensors.Read(bytes.NewReader(b))
	if _, streamed := safetensors.Read(stream(b)); (streamed == nil) != (err == nil) {
		t.Fatalf("a stream gives %v, a file %v", streamed, err)
	}
	if err != nil {
		require.ErrorIs(t, err, safetensors.ErrFormat)
		require.Less(t, len(err.Error()), 500)
		require.NotContains(t, err.Error(), "\x1b")
		return
	}
	tensors := map[string]*tensor.Tensor{}
	for _, name := range file.Names() {
		_, shape, ok := file.Info(name)
		require.True(t, ok)
		if x, err := file.Tensor(name); err == nil {
			require.True(t, slices.Equal(shape, x.Shape()))
			tensors[name] = x
		}
		if values, _, err := file.Int64s(name); err == nil {
			n := 1
			for _, d := range shape {
				n *= d
			}
			require.Len(t, values, n)
		}
	}
	var out bytes.Buffer
	require.NoError(t, safetensors.Write(&out, tensors, file.Metadata()))
	again, err := safetensors.Read(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.Equal(t, file.Metadata(), again.Metadata())
	require.Len(t, again.Names(), len(tensors))
	for name, want := range tensors {
		got := mustTensor(t, again, name)
		require.Equal(t, want.Shape(), got.Shape())
		require.Equal(t, bits32(want.Float32s()), bits32(got.Float32s()))
	}
}
