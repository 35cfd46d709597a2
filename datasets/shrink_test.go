package datasets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/tensor"
)

func TestShrink(t *testing.T) {
	fill := func(data datasets.Dataset, i int) []float64 {
		n := 1
		for _, d := range data.Shape() {
			n *= d
		}
		dst, single := make([]float64, n), make([]float32, n)
		require.NoError(t, data.(datasets.Filler64).Fill64(i, dst))
		require.NoError(t, data.Fill(i, single))
		for k := range dst {
			require.InDelta(t, dst[k], float64(single[k]), 1e-5)
		}
		return dst
	}
	// Pixel (y, x) of sample i is 100i + 5y + x.
	data := classed{3, []string{"a", "b"}}
	s := datasets.Shrink(data, 2, 2)
	require.Equal(t, []int{1, 2, 2}, s.Shape())
	// Two rows each, whose mean is 2.5 and 12.5 at x = 0; two columns and a half, 0.8 and 3.2.
	require.InDeltaSlice(t, []float64{203.3, 205.7, 213.3, 215.7}, fill(s, 2), 1e-12)
	require.Equal(t, 1, s.(datasets.Labeler).Label(1))
	require.Equal(t, data.names, classesOf(s))
	require.InDeltaSlice(t, fill(datasets.Shrink(data, 4, 5), 1), fill(datasets.Subset(data, []int{1}), 0), 1e-12, "as large as before")
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, datasets.Shrink(data, 2, 3)))
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, data))

	// The mean of an image stays what it was, and colours do not mix.
	set, err := digits.Load()
	require.NoError(t, err)
	colours := datasets.Stack(set, 3, 10, 1)
	large, small := fill(colours, 4), fill(datasets.Shrink(colours, 8, 8), 4)
	require.Len(t, small, 3*64)
	for c := range 3 {
		mean := 0.0
		for _, v := range large[c*784 : (c+1)*784] {
			mean += v / 784
		}
		for _, v := range small[c*64 : (c+1)*64] {
			mean -= v / 64
		}
		require.InDelta(t, 0, mean, 1e-12)
	}
	epoch := datasets.Shrink(colours, 8, 8).(datasets.Varying).InEpoch(1)
	require.Equal(t, fill(datasets.Shrink(colours.(datasets.Varying).InEpoch(1), 8, 8), 4), fill(epoch, 4))
	require.NotEqual(t, small, fill(epoch, 4))

	for name, use := range map[string]func(){
		"nil":    func() { datasets.Shrink(nil, 1, 1) },
		"larger": func() { datasets.Shrink(data, 5, 5) },
		"wider":  func() { datasets.Shrink(data, 4, 6) },
		"none":   func() { datasets.Shrink(data, 0, 5) },
		"length": func() { s.Fill(0, make([]float32, 20)) },
	} {
		var misuse *tensor.ArgumentError
		require.ErrorAs(t, tensor.Catch(use), &misuse, name)
	}
	var shape *tensor.ShapeError
	require.ErrorAs(t, tensor.Catch(func() { datasets.Shrink(counter(3), 1, 1) }), &shape)
}
