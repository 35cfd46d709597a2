package datasets_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// encode writes an IDX file.
func encode(x *datasets.IDX) []byte {
	b := []byte{0, 0, byte(x.Type), byte(len(x.Dims))}
	for _, d := range x.Dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, x.Data...)
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// numbers is an array of uint8 that counts up.
func numbers(dims ...int) *datasets.IDX {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := &datasets.IDX{Type: datasets.IDXUint8, Dims: dims, Data: make([]byte, n)}
	for i := range x.Data {
		x.Data[i] = byte(i)
	}
	return x
}

func TestReadIDX(t *testing.T) {
	for _, want := range []*datasets.IDX{
		numbers(3),
		numbers(2, 3, 4),
		numbers(0, 28, 28),
		numbers(70_000, 3), // more than one chunk
		{Type: datasets.IDXInt16, Dims: []int{2}, Data: []byte{1, 2, 3, 4}},
		{Type: datasets.IDXFloat64, Dims: []int{1, 1}, Data: make([]byte, 8)},
	} {
		for _, file := range [][]byte{encode(want), compress(encode(want))} {
			got, err := datasets.ReadIDX(bytes.NewReader(file))
			require.NoError(t, err)
			assert.Equal(t, want, got)
			got, err = datasets.ReadIDX(iotest.HalfReader(bytes.NewReader(file)))
			require.NoError(t, err)
			assert.Equal(t, want, got)

			path := filepath.Join(t.TempDir(), "array")
			require.NoError(t, os.WriteFile(path, file, 0o600))
			got, err = datasets.LoadIDX(path)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

func TestReadIDXErrors(t *testing.T) {
	good := encode(numbers(10, 7))
	packed := compress(good)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-8] ^= 1 // in the checksum
	with := func(i int, v byte) []byte {
		b := bytes.Clone(good)
		b[i] = v
		return b
	}
	huge := []byte{0, 0, 8, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0}
	wide := []byte{0, 0, 0x0e, 1, 0x08, 0, 0, 1} // 2²⁷+1 elements of 8 bytes
	hidden := []byte{0, 0, 8, 3, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for _, c := range []struct {
		name string
		file []byte
		text string
		is   error
	}{
		{"empty", nil, "header", io.ErrUnexpectedEOF},
		{"half a magic number", good[:3], "header", io.ErrUnexpectedEOF},
		{"half the dims", good[:7], "header", io.ErrUnexpectedEOF},
		{"no data", good[:12], "data of [10 7]", io.ErrUnexpectedEOF},
		{"truncated", good[:len(good)-1], "data of [10 7]: 69 of 70 bytes", io.ErrUnexpectedEOF},
		{"trailing byte", append(bytes.Clone(good), 0), "more data follows the 70 bytes of [10 7]", nil},
		{"a PNG", []byte("\x89PNG\r\n\x1a\n"), "starts with 89 50 4e 47, not with 00 00", nil},
		{"unknown type", with(2, 0x0a), "unknown element type 0x0a", nil},
		{"no dims", with(3, 0), "no dims", nil},
		{"too large", huge, "more than 1073741824 bytes", nil},
		{"too large by its type", wide, "more than 1073741824 bytes", nil},
		{"too large behind a zero", hidden, "more than 1073741824 bytes", nil},
		{"gzip: truncated", packed[:len(packed)-9], "69 of 70 bytes", io.ErrUnexpectedEOF},
		{"gzip: no checksum", packed[:len(packed)-8], "unexpected EOF", io.ErrUnexpectedEOF},
		{"gzip: magic only", packed[:2], "unexpected EOF", io.ErrUnexpectedEOF},
		{"gzip: wrong checksum", flipped, "invalid checksum", gzip.ErrChecksum},
		{"gzip: damaged header", []byte{0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9}, "invalid header", gzip.ErrHeader},
		{"gzip: trailing garbage", append(bytes.Clone(packed), "garbage bytes"...), "other bytes follow the gzip stream", nil},
		{"gzip: two arrays", append(bytes.Clone(packed), packed...), "more data follows", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := datasets.ReadIDX(bytes.NewReader(c.file))
			if c.name != "gzip: truncated" { // how much gzip decodes is its own business
				require.ErrorContains(t, err, c.text)
			}
			require.ErrorContains(t, err, "datasets: IDX: ")
			if c.is != nil {
				assert.ErrorIs(t, err, c.is)
			}

			path := filepath.Join(t.TempDir(), "array")
			require.NoError(t, os.WriteFile(path, c.file, 0o600))
			_, err = datasets.LoadIDX(path)
			require.ErrorContains(t, err, path)
			if c.is != nil {
				assert.ErrorIs(t, err, c.is)
			}
		})
	}

	_, err := datasets.ReadIDX(iotest.ErrReader(fs.ErrPermission))
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = datasets.LoadIDX(filepath.Join(t.TempDir(), "absent"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "absent")
}

// A short file whose header promises a gigabyte must not cost a gigabyte.
func TestReadIDXMemory(t *testing.T) {
	lie := append([]byte{0, 0, 8, 1, 0x3f, 0xff, 0xff, 0xff}, 1, 2, 3)
	path := filepath.Join(t.TempDir(), "lie")
	require.NoError(t, os.WriteFile(path, lie, 0o600))
	for _, read := range []func() error{
		func() error { _, err := datasets.ReadIDX(bytes.NewReader(lie)); return err },
		func() error { _, err := datasets.ReadIDX(bytes.NewReader(compress(lie))); return err },
		func() error { _, err := datasets.LoadIDX(path); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
	}
	_, err := datasets.LoadIDX(path)
	assert.ErrorContains(t, err, "promises 1073741823 bytes of data, the file has 3")
}

// allocated returns what f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// zeros is a compressed array of n zeros.
func zeros(n uint32) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, n))
	io.CopyN(w, zero{}, int64(n))
	w.Close()
	return out.Bytes()
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A small file that decompresses to much is refused before it takes much.
func TestReadIDXBomb(t *testing.T) {
	bomb := zeros(80 << 20)
	require.Less(t, len(bomb), 1<<19)
	require.Less(t, allocated(func() {
		_, err := datasets.ReadIDX(bytes.NewReader(bomb))
		require.ErrorContains(t, err, "MaxBytes")
	}), uint64(130<<20))

	fine := zeros(8 << 20)
	require.Less(t, allocated(func() {
		x, err := datasets.ReadIDX(bytes.NewReader(fine))
		require.NoError(t, err)
		require.Len(t, x.Data, 8<<20)
	}), uint64(17<<20), "twice what arrives")
	_, err := datasets.ReadIDX(bytes.NewReader(fine), datasets.MaxBytes(8<<20-1))
	require.ErrorContains(t, err, "more than 8388607 bytes of data, which is the limit")
	_, err = datasets.ReadIDX(bytes.NewReader(fine), datasets.MaxBytes(8<<20))
	require.NoError(t, err)
	x, err := datasets.ReadIDX(bytes.NewReader(bomb), datasets.MaxBytes(80<<20))
	require.NoError(t, err, "who means it may have it")
	require.Len(t, x.Data, 80<<20)
	require.ErrorAs(t, tensor.Catch(func() { datasets.MaxBytes(-1) }), new(tensor.Misuse))
}

func TestLoadIDXForms(t *testing.T) {
	want := numbers(2, 3)
	fsys := fstest.MapFS{"a/b": {Data: compress(encode(want))}}
	got, err := datasets.LoadIDXFS(fsys, "a/b")
	require.NoError(t, err)
	assert.Equal(t, want, got)
	_, err = datasets.LoadIDXFS(fsys, "a/c")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = datasets.LoadIDXFS(fsys, "a")
	assert.ErrorContains(t, err, "a is a folder, not a regular file")

	// gzip allows several streams, one after another.
	b := encode(want)
	got, err = datasets.ReadIDX(bytes.NewReader(append(compress(b[:5]), append(compress(nil), compress(b[5:])...)...)))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	pipe := filepath.Join(t.TempDir(), "pipe")
	if exec.Command("mkfifo", pipe).Run() != nil {
		t.Skip("there is no mkfifo")
	}
	_, err = datasets.LoadIDX(pipe)
	assert.ErrorContains(t, err, "is a pipe, not a regular file")
	require.NoError(t, os.Rename(pipe, filepath.Join(filepath.Dir(pipe), "train-images-idx3-ubyte")))
	_, err = datasets.MNIST(filepath.Dir(pipe), datasets.Train)
	assert.ErrorContains(t, err, "is a pipe, not a regular file")
}

func TestIDXTypeString(t *testing.T) {
	assert.Equal(t, "uint8 type 0x0a", datasets.IDXUint8.String()+" "+datasets.IDXType(0x0a).String())
	for _, typ := range []datasets.IDXType{datasets.IDXInt8, datasets.IDXInt16, datasets.IDXInt32, datasets.IDXFloat32, datasets.IDXFloat64} {
		assert.NotContains(t, typ.String(), "0x")
		assert.Positive(t, typ.Size())
	}
}
