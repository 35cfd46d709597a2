package npy

import (
	"encoding/binary"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

func written(t *testing.T, x *tensor.Tensor) []byte {
	path := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, Save(path, x))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// The files in testdata are NumPy's own, by testdata/make.py.
func TestSaveAsNumPyDoes(t *testing.T) {
	inf := math.Inf(1)
	for name, x := range map[string]*tensor.Tensor{
		"matrix": tensor.FromFloat32([]float32{0, -1.5, float32(inf), float32(-inf), 1e-45, 3e38}, 3, 2),
		"view":   tensor.FromFloat32([]float32{0, float32(inf), 1e-45, -1.5, float32(-inf), 3e38}, 2, 3).T(),
		"vector": tensor.FromFloat64([]float64{math.Pi, -0x1p-1074, math.MaxFloat64}),
		"scalar": tensor.Scalar(tensor.Float64, 0.1),
		"empty":  tensor.New(tensor.Float32, 0, 784),
		"rank6":  tensor.Arange(tensor.Float32, 4).Reshape(1, 2, 1, 1, 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", name+".npy"))
			require.NoError(t, err)
			require.Equal(t, want, written(t, x))
		})
	}
}

// Long arrays are written in parts.
func TestSaveLong(t *testing.T) {
	for _, n := range []int{1<<14 - 1, 1 << 14, 1<<15 + 1} {
		b := written(t, tensor.Arange(tensor.Float64, n))[128:]
		require.Len(t, b, 8*n)
		for i := range n {
			require.Equal(t, float64(i), math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
		}
	}
}

func TestSaveNowhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "x.npy")
	err := Save(path, tensor.Arange(tensor.Float32, 2))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)
}

// A tensor that was forgotten is told as misuse is, before there is a file.
func TestSaveNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, f := range []func(){func() { Save(path, nil) }, func() { Write(io.Discard, nil) }} {
		err := tensor.Catch(f)
		require.ErrorAs(t, err, new(tensor.Misuse))
		require.ErrorContains(t, err, "a tensor is nil")
	}
	require.NoFileExists(t, path)
}
