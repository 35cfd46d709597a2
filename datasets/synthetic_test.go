package datasets_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

var _ interface {
	Epoch(ctx context.Context, epoch, from int) iter.Seq2[datasets.Batch, error]
	Batches() int
} = datasets.Synthetic{}

func epochOf(t *testing.T, f datasets.Synthetic, epoch, from int) [][]float64 {
	t.Helper()
	var out [][]float64
	for b, err := range f.Epoch(t.Context(), epoch, from) {
		x := b.X
		require.NoError(t, err)
		require.Equal(t, []int{f.Batch, 2}, x.Shape())
		require.Equal(t, f.DType, x.DType())
		out = append(out, x.Float64s())
	}
	return out
}

// Parts of a batch are the batch.
func TestSyntheticParts(t *testing.T) {
	whole := datasets.Synthetic{From: datasets.Ring(), Batch: 7, PerEpoch: 2, Seed: 3}
	for b, err := range whole.Epoch(context.Background(), 1, 1) {
		require.NoError(t, err)
		var joined []*tensor.Tensor
		for rank := range 3 {
			part := whole
			part.Rank, part.Processes = rank, 3
			r, n := part.Shard()
			require.Equal(t, [2]int{rank, 3}, [2]int{r, n})
			for p, err := range part.Epoch(context.Background(), 1, 1) {
				require.NoError(t, err)
				require.Equal(t, part.SmallestBatch(), p.X.Dim(0))
				joined = append(joined, p.X)
			}
		}
		require.Equal(t, b.X.Float32s(), tensor.Concat(0, joined...).Float32s())
	}
	for _, wrong := range []datasets.Synthetic{{From: datasets.Ring(), Batch: 7, PerEpoch: 1, Rank: 3, Processes: 3}, {From: datasets.Ring(), Batch: 2, PerEpoch: 1, Processes: 3}, {From: datasets.Ring(), Batch: 2, PerEpoch: 1, Rank: -1}} {
		require.ErrorContains(t, tensor.Catch(func() { wrong.Epoch(context.Background(), 0, 0) }), "there is no part")
	}
}

func TestSyntheticIsOfSeedEpochAndBatch(t *testing.T) {
	f := datasets.Synthetic{From: datasets.GaussianGrid(), Batch: 6, PerEpoch: 5, Seed: 1}
	assert.Equal(t, 5, f.Batches())
	all := map[float64]bool{}
	for epoch := range 3 {
		batches := epochOf(t, f, epoch, 0)
		require.Len(t, batches, 5)
		for _, b := range batches {
			for _, v := range b {
				require.False(t, all[v], "a sample came twice")
				all[v] = true
			}
		}
		for from := range 7 {
			assert.Equal(t, append([][]float64(nil), batches[min(from, 5):]...), epochOf(t, f, epoch, from))
		}
	}
	other := f
	other.Seed = 2
	assert.NotEqual(t, epochOf(t, f, 0, 0), epochOf(t, other, 0, 0))
	wide := f
	wide.DType = tensor.Float64
	assert.InDeltaSlice(t, epochOf(t, wide, 1, 0)[2], epochOf(t, f, 1, 0)[2], 1e-6)
}

func TestSyntheticEnds(t *testing.T) {
	f := datasets.Synthetic{From: datasets.Ring(), Batch: 4, PerEpoch: 1000}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	batches, last := 0, error(nil)
	for b, err := range f.Epoch(ctx, 0, 0) {
		x := b.X
		if err != nil {
			assert.Nil(t, x)
			last = err
			continue
		}
		if batches++; batches == 3 {
			cancel(cause)
		}
	}
	assert.Equal(t, 3, batches)
	assert.Equal(t, cause, last)

	for range f.Epoch(t.Context(), 0, 0) {
		break // leaving early is fine
	}
}

func TestSyntheticMisuse(t *testing.T) {
	f := datasets.Synthetic{From: datasets.Ring(), Batch: 4, PerEpoch: 10}
	assert.ErrorContains(t, tensor.Catch(func() { f.Epoch(t.Context(), -1, 0) }), "epoch -1")
	assert.ErrorContains(t, tensor.Catch(func() { f.Epoch(t.Context(), 0, -1) }), "batch -1")
	f.Batch = 0
	assert.ErrorContains(t, tensor.Catch(func() { f.Epoch(t.Context(), 0, 0) }), "0 samples")
}
