package datasets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// layersOf returns which samples of a classed dataset sample i is made of.
func layersOf(t *testing.T, data datasets.Dataset, i int) (from [3]int) {
	t.Helper()
	dst, wide := make([]float32, 60), make([]float64, 60)
	require.NoError(t, data.Fill(i, dst))
	require.NoError(t, data.(datasets.Filler64).Fill64(i, wide))
	for layer := range from {
		from[layer] = int(dst[20*layer]) / 100
		for k := range 20 { // a whole sample
			require.Equal(t, float32(100*from[layer]+k), dst[20*layer+k])
			require.Equal(t, float64(dst[20*layer+k]), wide[20*layer+k])
		}
	}
	return from
}

func TestStack(t *testing.T) {
	const n = 3000
	data := classed{10, []string{"a", "b"}}
	s := datasets.Stack(data, 3, n, 7)
	require.Equal(t, n, s.Len())
	require.Equal(t, []int{3, 4, 5}, s.Shape())
	require.Equal(t, []int{1, 4, 5}, data.Shape())
	_, labelled := s.(datasets.Labeler)
	require.False(t, labelled, "samples change from epoch to epoch")

	seen := map[[3]int]int{}
	for i := range n {
		seen[layersOf(t, s, i)]++
	}
	// Of 1,000 equally likely ones, 1,000·(1 − e⁻³) = 950 occur among 3,000 samples.
	require.InDelta(t, 950, len(seen), 25)
	for _, count := range seen {
		require.Less(t, count, 14)
	}

	// The seed and the epoch settle what is drawn.
	require.Equal(t, layersOf(t, datasets.Stack(data, 3, n, 7), 5), layersOf(t, s, 5))
	differs := func(a, b datasets.Dataset) bool {
		for i := range 10 {
			if layersOf(t, a, i) != layersOf(t, b, i) {
				return true
			}
		}
		return false
	}
	v := s.(datasets.Varying)
	require.False(t, differs(s, v.InEpoch(0)))
	require.True(t, differs(s, v.InEpoch(1)))
	require.False(t, differs(v.InEpoch(3), v.InEpoch(1).(datasets.Varying).InEpoch(3)))
	require.True(t, differs(s, datasets.Stack(data, 3, n, 8)))
	require.Equal(t, digestOfSet(t, s), digestOfSet(t, v.InEpoch(2)))
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, datasets.Stack(data, 3, n, 8)))
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, datasets.Stack(classed{11, data.names}, 3, n, 7)))
}

// What is stacked may change from epoch to epoch itself.
func TestStackOfAugmented(t *testing.T) {
	data := datasets.Augment(classed{1, []string{"a"}}, 1, datasets.Flip())
	s := datasets.Stack(data, 2, 1, 1).(datasets.Varying)
	seen := map[float32]bool{}
	for epoch := range 20 {
		seen[first(t, s.InEpoch(epoch), 0)] = true
	}
	require.Len(t, seen, 2, "the left and the right end of the first row")
}

func TestStackMisuse(t *testing.T) {
	data := classed{10, []string{"a"}}
	for name, use := range map[string]func(){
		"nil":        func() { datasets.Stack(nil, 3, 1, 1) },
		"no samples": func() { datasets.Stack(classed{0, []string{"a"}}, 3, 1, 1) },
		"no layers":  func() { datasets.Stack(data, 0, 1, 1) },
		"layers":     func() { datasets.Stack(data, 1<<16+1, 1, 1) },
		"none":       func() { datasets.Stack(data, 3, 0, 1) },
		"index":      func() { datasets.Stack(data, 3, 2, 1).Fill(2, make([]float32, 60)) },
		"length":     func() { datasets.Stack(data, 3, 2, 1).Fill(0, make([]float32, 20)) },
	} {
		var misuse *tensor.ArgumentError
		require.ErrorAs(t, tensor.Catch(use), &misuse, name)
	}
}

// ownShape is a dataset that returns its own slice as its shape.
type ownShape struct{ shape []int }

func (o ownShape) Len() int     { return 5 }
func (o ownShape) Shape() []int { return o.shape }
func (o ownShape) Fill(i int, dst []float32) error {
	for k := range dst {
		dst[k] = float32(i)
	}
	return nil
}

// The shape of what is stacked stays as it is, epoch after epoch.
func TestStackLeavesShape(t *testing.T) {
	data := ownShape{[]int{1, 2}}
	loader := datasets.NewLoader(datasets.Stack(data, 3, 4, 1), 2)
	for epoch := range 3 {
		for b, err := range loader.Epoch(t.Context(), epoch, 0) {
			require.NoError(t, err)
			require.Equal(t, []int{2, 6}, b.X.Shape())
		}
	}
	require.Equal(t, []int{1, 2}, data.shape)
}
