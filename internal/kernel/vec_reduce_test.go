package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReduceSmall(t *testing.T) {
	x := []float32{3, -1, 2}
	assert.Equal(t, 4.0, Reduce(Sum, x))
	assert.Equal(t, 3.0, Reduce(MaxReduce, x))
	assert.Equal(t, -1.0, Reduce(MinReduce, x))
	assert.Equal(t, 14.0, Reduce(SumSquares, x))
	for op, want := range []float64{0, math.Inf(-1), math.Inf(1), 0} {
		assert.Equal(t, want, Reduce(ReduceOp(op), []float64{}))
	}
	nan := float32(math.NaN())
	for op := range NumReduce {
		for at := range 100 {
			y := make([]float32, 100)
			y[at] = nan
			require.True(t, math.IsNaN(Reduce(op, y)), "%d at %d", op, at)
		}
	}
}

func TestReduceInPieces(t *testing.T) {
	x := random[float32](rand.New(rand.NewPCG(1, 2)), 3*SumBlock+77)
	for op := range NumReduce {
		total := op.Identity()
		for i := 0; i < len(x); i += SumBlock {
			total = op.Combine(total, Reduce(op, x[i:min(i+SumBlock, len(x))]))
		}
		assert.Equal(t, Reduce(op, x), total)
	}
}
