package datasets_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// tiny is n images of 2 by 3 that count up, labelled 0 to 9 in turn.
func tiny(t *testing.T, n int) *datasets.Images {
	t.Helper()
	labels := numbers(n)
	for i := range labels.Data {
		labels.Data[i] %= 10
	}
	m, err := datasets.NewImages(numbers(n, 2, 3), labels)
	require.NoError(t, err)
	return m
}

func hash(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, binary.Write(&b, binary.LittleEndian, v))
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// The hashes are those of torchvision 0.29.2 (PyTorch 2.15.0):
//
//	img = PIL.Image.fromarray(numpy.arange(256, dtype=numpy.uint8).reshape(16, 16))
//	y = Compose([ToTensor(), Normalize((0.5,), (0.5,))])(img)
//	hashlib.sha256(y.numpy().tobytes())
//
// once as it is and once under torch.set_default_dtype(torch.float64).
func TestScalingIsTorchvisions(t *testing.T) {
	m, err := datasets.NewImages(numbers(1, 16, 16), numbers(1))
	require.NoError(t, err)

	x := make([]float32, 256)
	require.NoError(t, m.Fill(0, x))
	assert.Equal(t, "d15e8ce72284446496a6de66e8a4795818530b44cd2c3dd415077364535c3c1a", hash(t, x))
	for i, bits := range map[int]uint32{0: 0xbf800000, 1: 0xbf7dfdfe, 37: 0xbf35b5b6, 127: 0xbb808080, 128: 0x3b808100, 200: 0x3f119192, 255: 0x3f800000} {
		assert.Equal(t, bits, math.Float32bits(x[i]), "pixel %d", i)
	}

	y := make([]float64, 256)
	require.NoError(t, m.Fill64(0, y))
	assert.Equal(t, "af3a03c4fb28800b972b456d8e6576c81d9bf1ee692e0e41d3234ab793da67f9", hash(t, y))
}

// Each step is correctly rounded, said without floating-point hardware.
func TestScalingIsRoundedAtEachStep(t *testing.T) {
	m, err := datasets.NewImages(numbers(1, 16, 16), numbers(1))
	require.NoError(t, err)
	x, y := make([]float32, 256), make([]float64, 256)
	require.NoError(t, m.Fill(0, x))
	require.NoError(t, m.Fill64(0, y))
	exact := func(prec uint, pixel int) *big.Float {
		number := func(v float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(v) }
		step := func() *big.Float { return new(big.Float).SetPrec(prec) }
		q := step().Quo(number(float64(pixel)), number(255))
		return step().Quo(step().Sub(q, number(0.5)), number(0.5))
	}
	for pixel := range 256 {
		want32, _ := exact(24, pixel).Float32()
		want64, _ := exact(53, pixel).Float64()
		assert.Equal(t, want32, x[pixel])
		assert.Equal(t, want64, y[pixel])
	}
}

func TestImages(t *testing.T) {
	m := tiny(t, 12)
	assert.Equal(t, 12, m.Len())
	assert.Equal(t, []int{1, 2, 3}, m.Shape())
	assert.Equal(t, 1, m.Label(11))
	assert.Equal(t, []uint8{6, 7, 8, 9, 10, 11}, m.Pixels(1))
	m.Pixels(1)[0] = 99
	assert.Equal(t, uint8(6), m.Pixels(1)[0], "Pixels is a copy")

	s := m.Subset(3, 5)
	assert.Equal(t, 2, s.Len())
	assert.Equal(t, 4, s.Label(1))
	assert.Equal(t, m.Pixels(4), s.Pixels(1))
	assert.Zero(t, m.Subset(12, 12).Len())

	for name, f := range map[string]func(){
		"label below":    func() { m.Label(-1) },
		"label above":    func() { m.Label(12) },
		"pixels above":   func() { m.Pixels(12) },
		"subset's image": func() { s.Pixels(2) },
		"fill above":     func() { m.Fill(12, make([]float32, 6)) },
		"fill64 above":   func() { m.Fill64(12, make([]float64, 6)) },
		"short dst":      func() { m.Fill(0, make([]float32, 5)) },
		"long dst":       func() { m.Fill64(0, make([]float64, 7)) },
		"subset below":   func() { m.Subset(-1, 3) },
		"subset above":   func() { m.Subset(3, 13) },
		"subset reverse": func() { m.Subset(3, 2) },
	} {
		var shape *tensor.ArgumentError
		assert.ErrorAs(t, tensor.Catch(f), &shape, name)
	}
}

func TestNewImagesErrors(t *testing.T) {
	int16s := &datasets.IDX{Type: datasets.IDXInt16, Dims: []int{3}, Data: make([]byte, 6)}
	for _, c := range []struct {
		images, labels *datasets.IDX
		text           string
	}{
		{int16s, numbers(3), "images of int16, want uint8"},
		{numbers(3, 2, 2), int16s, "labels of int16, want uint8"},
		{numbers(3), numbers(3), "images of shape [3], want [n, height, width]"},
		{numbers(3, 2, 2), numbers(3, 1), "labels of shape [3 1], want [n]"},
		{numbers(3, 2, 2), numbers(4), "3 images, but 4 labels"},
		{&datasets.IDX{Type: datasets.IDXUint8, Dims: []int{3, 2, 2}}, numbers(3), "not as long"},
		{nil, nil, "the array of images is nil"},
		{numbers(3, 2, 2), nil, "the array of labels is nil"},
		{numbers(0, 28, 28), numbers(0), "there are no images: their shape is [0 28 28]"},
		{numbers(3, 0, 28), numbers(3), "there are no images: their shape is [3 0 28]"},
		{&datasets.IDX{Type: datasets.IDXUint8, Dims: []int{1, -2, -2}, Data: make([]byte, 4)}, numbers(1), "there are no images"},
		{numbers(make([]int, 255)...), numbers(3), "images of shape [0 0 0 0 0 0 0 0]… (255 dims), want"},
	} {
		_, err := datasets.NewImages(c.images, c.labels)
		assert.ErrorContains(t, err, c.text)
	}
}

func TestMNIST(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	_, err := datasets.MNIST(dir, datasets.Train)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "train-images-idx3-ubyte, with or without .gz, in "+dir)

	write("train-images-idx3-ubyte", encode(numbers(4, 2, 2)))
	_, err = datasets.MNIST(dir, datasets.Train)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "train-labels-idx1-ubyte")

	write("train-labels-idx1-ubyte.gz", compress(encode(numbers(4))))
	m, err := datasets.MNIST(dir, datasets.Train)
	require.NoError(t, err)
	assert.Equal(t, 4, m.Len())
	assert.Equal(t, []uint8{12, 13, 14, 15}, m.Pixels(3))

	_, err = datasets.MNIST(dir, datasets.Test)
	assert.ErrorContains(t, err, "t10k-images-idx3-ubyte")

	write("train-labels-idx1-ubyte.gz", compress(encode(numbers(5))))
	_, err = datasets.MNIST(dir, datasets.Train)
	assert.ErrorContains(t, err, "train split in "+dir+": 4 images, but 5 labels")

	write("train-labels-idx1-ubyte.gz", compress(encode(numbers(5)))[:20])
	_, err = datasets.MNIST(dir, datasets.Train)
	assert.ErrorContains(t, err, filepath.Join(dir, "train-labels-idx1-ubyte.gz"))

	write("train-labels-idx1-ubyte.gz", compress(encode(numbers(4))))
	m, err = datasets.MNISTFS(os.DirFS(dir), datasets.Train)
	require.NoError(t, err)
	assert.Equal(t, 4, m.Len())
	_, err = datasets.MNIST(dir, datasets.Train, datasets.MaxBytes(15))
	assert.ErrorContains(t, err, "more than 15 bytes of data, which is the limit")
	t.Chdir(dir)
	_, err = datasets.MNIST("", datasets.Train)
	require.NoError(t, err)

	write("train-images-idx3-ubyte", encode(numbers(0, 2, 2)))
	write("train-labels-idx1-ubyte.gz", compress(encode(numbers(0))))
	_, err = datasets.MNIST(dir, datasets.Train)
	assert.ErrorContains(t, err, "train split in "+dir+": there are no images")

	var misuse tensor.Misuse
	assert.ErrorAs(t, tensor.Catch(func() { datasets.MNIST(dir, datasets.Split(2)) }), &misuse)
	assert.ErrorContains(t, misuse, "Split(2)")
}

// The names of some archives are read too, and others are told.
func TestMNISTNames(t *testing.T) {
	images, labels := encode(numbers(4, 2, 2)), encode(numbers(4))
	m, err := datasets.MNISTFS(fstest.MapFS{
		"train-images.idx3-ubyte": {Data: images}, "train-labels.idx1-ubyte.gz": {Data: compress(labels)},
	}, datasets.Train)
	require.NoError(t, err)
	assert.Equal(t, 4, m.Len())

	for name, want := range map[string]string{
		"Train-Images-IDX3-Ubyte":         `if it is "Train-Images-IDX3-Ubyte", rename that`,
		"train_images_idx3_ubyte.bin":     `if it is "train_images_idx3_ubyte.bin", rename that`,
		"mnist train-images-idx3-ubyte":   `if it is "mnist train-images-idx3-ubyte", rename that`,
		"train-images-idx3-ubyte.gz.part": `if it is "train-images-idx3-ubyte.gz.part", rename that`,
		"train-labels-idx1-ubyte":         "package datasets/download fetches it",
	} {
		_, err := datasets.MNISTFS(fstest.MapFS{name: {Data: images}}, datasets.Train)
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "there is no train-images-idx3-ubyte, with or without .gz")
	}
}
