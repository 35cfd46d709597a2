package pocket

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/tensor"
)

func TestWithin(t *testing.T) {
	// Of each class two samples, apart by 2(c+1) in one pixel: a variance of (c+1)².
	x, labels, want := make([]float32, 2*classes*side*side), []int{}, 0.0
	for c := range classes {
		labels = append(labels, c, c)
		for k := range 2 * side * side {
			x[2*c*side*side+k] = float32(c) // a mean of its own, which does not matter
		}
		x[2*c*side*side+c] += float32(2 * (c + 1))
		want += float64((c+1)*(c+1)) / (classes * side * side)
	}
	require.InDelta(t, want, within(sample{tensor.FromFloat32(x, 2*classes, side*side), labels}), 1e-5)
}

// Real digits are what they are, copies are found, and noise is no digit.
func TestJudge(t *testing.T) {
	set, err := digits.Load()
	require.NoError(t, err)
	seen, unseen := set.Subset(0, 3000), set.Subset(3000, 4000)
	j, err := trained(t.Context(), seen, unseen, 300)
	require.NoError(t, err)
	require.Greater(t, j.floor.Get(Fidelity).Value, 0.9)
	require.InDelta(t, 1, j.floor.Get(Variance).Value, 0.05)
	require.Zero(t, j.floor.Get(Copies).Value)
	require.Equal(t, 1.0, j.floor.Get(Distinct).Value)
	require.Contains(t, j.String(), "unseen digits")

	others, err := read(Digits(set.Subset(4000, 5000)))
	require.NoError(t, err)
	v, err := j.Judge(others.x, others.labels)
	require.NoError(t, err)
	require.InDelta(t, j.floor.Get(Fidelity).Value, v.Get(Fidelity).Value, 0.04)
	require.Equal(t, j.floor.Get(Fidelity).Value, v.Get(Fidelity).Floor)
	require.Less(t, v.Get("near copies").Value, 0.04)

	// Copies, each of them twice and moved by less than half a shade.
	copies := datasets.Subset(Digits(seen), slices.Repeat([]int{5, 7, 11, 13, 17, 19, 23, 29, 31, 37}, 2))
	c, err := read(copies)
	require.NoError(t, err)
	moved := tensor.Scale(c.x, 1-1e-3)
	v, err = j.Judge(moved, c.labels)
	require.NoError(t, err)
	require.Equal(t, 0.5, v.Get(Distinct).Value)
	require.Greater(t, v.Get(Copies).Value, 0.5) // some pixel may lie between two shades
	require.Equal(t, 1.0, v.Get("near copies").Value)

	noise := tensor.Shift(tensor.Scale(tensor.NewStream(1, "noise").Uniform(tensor.Float32, 1000, side*side), 2), -1)
	v, err = j.Judge(noise, others.labels)
	require.NoError(t, err)
	require.Less(t, v.Get(Fidelity).Value, 0.3)
	require.Zero(t, v.Get(Copies).Value)

	noise.Set(math.NaN(), 3, 4)
	_, err = j.Judge(noise, others.labels)
	require.Error(t, err)
}
