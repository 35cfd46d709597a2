package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// Each image is moved by up to a pixel along both axes, in all nine ways, and the
// pixels that move in are background.
func TestMoved(t *testing.T) {
	const n = 200
	x := tensor.Full(tensor.Float32, -1, n, 1, 28, 28)
	x.Slice(2, 0, 1).Fill(0.5) // the top row
	x.Slice(2, 10, 11).Slice(3, 20, 21).Fill(1)
	y := moved(x, tensor.NewStream(1, "test"))
	assert.Equal(t, x.Shape(), y.Shape())
	ways := map[[2]int]bool{}
	for i := range n {
		found := 0
		for r := 9; r <= 11; r++ {
			for c := 19; c <= 21; c++ {
				if y.At(i, 0, r, c) == 1 {
					found++
					ways[[2]int{r, c}] = true
					require.Equal(t, r == 10, y.At(i, 0, 0, 14) == 0.5, "the top row has gone, or background has come in")
					require.Equal(t, r == 11, y.At(i, 0, 1, 14) == 0.5)
				}
			}
		}
		require.Equal(t, 1, found)
	}
	assert.Len(t, ways, 9)
}
