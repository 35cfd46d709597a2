package datasets_test

import (
	"bytes"
	"compress/gzip"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// fuzzLimit keeps what a fuzzer allocates small.
const fuzzLimit = 1 << 20

// FuzzReadIDX: whatever is accepted is consistent, and reads again as it was
// written.
func FuzzReadIDX(f *testing.F) {
	f.Add(encode(numbers(2, 3)))
	f.Add(compress(encode(numbers(2, 3))))
	f.Add(encode(numbers(0, 5)))
	f.Add([]byte{0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 9})
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, file []byte) {
		x, err := datasets.ReadIDX(bytes.NewReader(file), datasets.MaxBytes(fuzzLimit))
		if err != nil {
			require.Less(t, len(err.Error()), 500)
			return
		}
		n := x.Type.Size()
		for _, d := range x.Dims {
			n *= d
		}
		require.Len(t, x.Data, n)
		again, err := datasets.ReadIDX(bytes.NewReader(encode(x)))
		require.NoError(t, err)
		require.Equal(t, x, again)
	})
}

// FuzzGzip: an array is read from any number of gzip streams, and not if
// anything follows them. A fuzzer does not hit upon gzip's checksums by itself.
func FuzzGzip(f *testing.F) {
	f.Add(encode(numbers(2, 3)), []byte(nil), uint8(4), 1)
	f.Add(encode(numbers(40, 7)), []byte{0x1f, 0x8b, 8, 0}, uint8(0), 9)
	f.Add(encode(numbers(1)), []byte{0x1f}, uint8(1), 0)
	f.Add([]byte{0, 0, 8, 1, 0x3f, 0xff, 0xff, 0xff, 1, 2}, []byte("rest"), uint8(255), -1)
	f.Fuzz(func(t *testing.T, content, rest []byte, at uint8, level int) {
		var packed bytes.Buffer
		cut := min(int(at), len(content))
		for _, part := range [][]byte{content[:cut], content[cut:]} {
			w, err := gzip.NewWriterLevel(&packed, max(gzip.HuffmanOnly, min(level, gzip.BestCompression)))
			require.NoError(t, err)
			w.Write(part)
			require.NoError(t, w.Close())
		}
		plain, want := datasets.ReadIDX(bytes.NewReader(content), datasets.MaxBytes(fuzzLimit))
		got, err := datasets.ReadIDX(bytes.NewReader(packed.Bytes()), datasets.MaxBytes(fuzzLimit))
		if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
			return // compressed twice
		}
		require.Equal(t, want == nil, err == nil, "%v and %v", want, err)
		require.Equal(t, plain, got)
		if len(rest) > 0 {
			packed.Write(rest)
			if _, err := datasets.ReadIDX(&packed, datasets.MaxBytes(fuzzLimit)); err == nil {
				z, err := gzip.NewReader(bytes.NewReader(rest)) // streams of nothing
				require.NoError(t, err)
				n, err := z.Read(make([]byte, 1))
				require.Zero(t, n)
				require.Error(t, err)
			}
		}
	})
}

// FuzzMNIST: a folder is refused, or all of its images can be had.
func FuzzMNIST(f *testing.F) {
	f.Add("train-images-idx3-ubyte", encode(numbers(2, 3, 4)), "train-labels-idx1-ubyte.gz", compress(encode(numbers(2))))
	f.Add("train-images.idx3-ubyte.gz", compress(encode(numbers(2, 3, 4))), "train-labels.idx1-ubyte", encode(numbers(2)))
	f.Add("train-images-idx3-ubyte", encode(numbers(0, 28, 28)), "train-labels-idx1-ubyte", encode(numbers(0)))
	f.Add("TRAIN images-idx3 ubyte", encode(numbers(1, 1, 1)), "x/train-labels-idx1-ubyte", []byte(nil))
	f.Fuzz(func(t *testing.T, imagesName string, images []byte, labelsName string, labels []byte) {
		folder := fstest.MapFS{imagesName: {Data: images}, labelsName: {Data: labels}}
		set, err := datasets.MNISTFS(folder, datasets.Train, datasets.MaxBytes(fuzzLimit))
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			require.NotContains(t, err.Error(), "\x1b")
			return
		}
		require.Positive(t, set.Len())
		shape := set.Shape()
		dst := make([]float32, shape[0]*shape[1]*shape[2])
		for i := range set.Len() {
			require.NoError(t, set.Fill(i, dst))
			set.Label(i)
		}
		loader := datasets.NewLoader(set, 3)
		for b, err := range loader.Epoch(t.Context(), 0, 0) {
			x := b.X
			require.NoError(t, err)
			require.Equal(t, tensor.Float32, x.DType())
		}
	})
}
