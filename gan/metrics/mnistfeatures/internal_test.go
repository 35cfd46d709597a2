package mnistfeatures

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecodeNoticesDamage(t *testing.T) {
	_, err := decode(file, fileSHA256)
	require.NoError(t, err)
	assert.Less(t, len(file), 1<<20)
	damaged := bytes.Clone(file)
	damaged[len(damaged)/2] ^= 1
	_, err = decode(damaged, fileSHA256)
	assert.ErrorContains(t, err, "SHA-256")
	_, err = decode(file[:1000], fileSHA256)
	assert.ErrorContains(t, err, "SHA-256")
	_, err = decode(nil, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	assert.Error(t, err, "the right sum of a file that is none")
}

func TestFloorOf(t *testing.T) {
	defer func(f map[string][]measured) { floors = f }(floors)
	floors = map[string][]measured{"x": {{100, 5}, {200, 3}, {1000, 2}}, "one": {{100, 1}}} // 1 + 400/n, then another line
	for n, want := range map[int]float64{100: 5, 200: 3, 1000: 2, 133: 1 + 400./133, 500: 2.25, 2000: 1.875} {
		assert.InDelta(t, want, floorOf("x", n), 1e-12, n)
	}
	for _, f := range []float64{floorOf("x", 99), floorOf("one", 100), floorOf("none", 100)} {
		assert.True(t, math.IsNaN(f))
	}
}

// There is a floor and a ceiling for all that a report holds.
func TestScaleIsComplete(t *testing.T) {
	for _, name := range []string{Distance, DistanceTraining, Precision, Recall, RarestDigit} {
		assert.Contains(t, ceilings, name)
		assert.Equal(t, 10_000, floors[name][len(floors[name])-1].n)
		for i := 1; i < len(floors[name]); i++ {
			assert.Greater(t, floors[name][i].n, floors[name][i-1].n)
		}
	}
}
