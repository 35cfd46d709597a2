package digits_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
)

func TestLoad(t *testing.T) {
	set, err := digits.Load()
	require.NoError(t, err)
	assert.Equal(t, 10_000, set.Len())
	assert.Equal(t, []int{1, 28, 28}, set.Shape())

	again, err := digits.Load()
	require.NoError(t, err)
	assert.Same(t, set, again)

	// How many there are of each digit, as published.
	var counts [10]int
	for i := range set.Len() {
		counts[set.Label(i)]++
	}
	assert.Equal(t, [10]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, counts)
}

// The embedded files are where MNIST looks for the test split.
func TestFilesAreMNIST(t *testing.T) {
	set, err := digits.Load()
	require.NoError(t, err)
	files, err := datasets.MNIST(".", datasets.Test)
	require.NoError(t, err)
	assert.Equal(t, set, files)
}
