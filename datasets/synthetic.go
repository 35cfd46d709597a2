package datasets

import (
	"context"
	"fmt"
	"iter"

	"github.com/gander-ml/gander/tensor"
)

// Sampler draws samples of a distribution that is known as a formula. [Mixture]
// is one.
type Sampler interface {
	// Sample returns n samples, [n, …], which depend on n and the stream's
	// position alone.
	Sample(dt tensor.DType, n int, random *tensor.Stream) *tensor.Tensor
}

// Synthetic yields batches of samples that nobody has seen before, as if the data
// set had no end:
//
//	t.Fit(ctx, datasets.Synthetic{From: datasets.GaussianGrid(), Batch: 512, PerEpoch: 100, Seed: 1}, gan.Steps(8500))
//
// A batch depends on the sampler, its size, the seed, the epoch's number and its
// place in the epoch alone, so a training that was stopped goes on with the very
// samples it would have had. Any number of goroutines may use a Synthetic at once,
// if they may use the sampler.
type Synthetic struct {
	From     Sampler
	Batch    int          // samples in a batch
	PerEpoch int          // batches in what counts as an epoch
	Seed     uint64       // of all samples
	DType    tensor.DType // of the batches; Float32 unless set

	// Rank and Processes, if Processes is above 1, leave this process its part of each
	// batch of Batch samples, as [Shard] does for a [Loader].
	Rank, Processes int
}

// Batches returns PerEpoch.
func (f Synthetic) Batches() int { return f.PerEpoch }

// SmallestBatch returns Batch, or what this process has of it.
func (f Synthetic) SmallestBatch() int {
	lo, hi := f.part()
	return hi - lo
}

// Shard returns Rank and Processes: 0 and 1 if nothing is shared out.
func (f Synthetic) Shard() (rank, processes int) { return f.Rank, max(f.Processes, 1) }

// part returns which samples of a batch are this process's.
func (f Synthetic) part() (lo, hi int) {
	rank, processes := f.Shard()
	return f.Batch * rank / processes, f.Batch * (rank + 1) / processes
}

// Fingerprint returns what the batches depend on, by name. The sampler goes by a
// checksum of 1,024 samples, so that any two that draw differently differ.
func (f Synthetic) Fingerprint() (map[string]string, error) {
	var x *tensor.Tensor
	if err := tensor.Catch(func() { x = f.From.Sample(tensor.Float64, 1024, tensor.NewStream(0, "fingerprint")) }); err != nil {
		return nil, err
	}
	sum := newDigest()
	sum.add64(x.Float64s())
	return map[string]string{
		"sampler": fmt.Sprintf("%T", f.From), "digest": sum.String(), "batch": fmt.Sprint(f.Batch),
		"seed": fmt.Sprint(f.Seed), "dtype": f.DType.String(),
	}, nil
}

// Epoch yields the batches of an epoch, counted from 0, from batch from on. Each
// is a tensor of its own. When ctx ends, its error is yielded once, with an empty
// batch. Epoch panics with a [tensor.ArgumentError] if epoch or from is
// negative, Batch below 1, or if there is no such Rank or nothing for it in a batch.
func (f Synthetic) Epoch(ctx context.Context, epoch, from int) iter.Seq2[Batch, error] {
	if epoch < 0 || from < 0 || f.Batch < 1 {
		misuse("Synthetic.Epoch", fmt.Sprintf("there is no batch %d of epoch %d, of %d samples", from, epoch, f.Batch),
			"count epochs and batches from 0, and give 1 sample or more")
	}
	lo, hi := f.part()
	if rank, processes := f.Shard(); rank < 0 || rank >= processes || f.Batch < processes {
		misuse("Synthetic.Epoch", fmt.Sprintf("there is no part %d of %d in a batch of %d samples", rank, processes, f.Batch),
			"count ranks from 0, and give a sample or more for each process")
	}
	return func(yield func(Batch, error) bool) {
		for k := from; k < f.PerEpoch; k++ {
			if ctx.Err() != nil {
				yield(Batch{}, context.Cause(ctx))
				return
			}
			// A stream for each batch: samplers may draw as many numbers as
			// they like.
			random := tensor.NewStream(f.Seed, fmt.Sprintf("fresh %d %d", epoch, k))
			x := f.From.Sample(f.DType, f.Batch, random)
			if f.Processes > 1 {
				x = x.Slice(0, lo, hi)
			}
			if !yield(Batch{X: x}, nil) {
				return
			}
		}
	}
}
