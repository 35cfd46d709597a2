package datasets

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Loader yields a dataset as batches, epoch by epoch, filled ahead of their use
// by worker goroutines. What it yields, and in which order, depends on the
// dataset, the batch size, the seed and the epoch alone. It may be used by many
// goroutines at once; each epoch under way has its own order and memory.
type Loader struct {
	data     Dataset
	batch    int
	seed     uint64
	inOrder  bool
	dropLast bool
	keep     bool // the samples' shape
	workers  int
	rank     int // of shards
	shards   int
	dtype    tensor.DType
	fill64   Filler64 // nil: use Fill

	conditions bool        // are asked for
	condition  conditioner // of size 0: none
	classes    []string    // of which the condition is the one-hot; nil: it is not

	n, size int   // samples, and elements of one
	shape   []int // of one sample, as yielded

	// Of the whole dataset, computed once.
	digest, conditionDigest func() (string, error)
	counts                  func() []int

	mu   sync.Mutex
	idle [][]*lane // memory of epochs that are over
}

// LoaderOption changes a default of [NewLoader].
type LoaderOption func(*Loader)

// Seed chooses the shuffled orders; the default is 0.
func Seed(seed uint64) LoaderOption { return func(l *Loader) { l.seed = seed } }

// InOrder yields every epoch in the dataset's own order.
func InOrder() LoaderOption { return func(l *Loader) { l.inOrder = true } }

// DropLast leaves out the last batch of an epoch if it would be smaller than the
// others. In a shuffled epoch, other samples are left out each time.
func DropLast() LoaderOption { return func(l *Loader) { l.dropLast = true } }

// KeepShape yields [n, …sample shape], say [64, 1, 28, 28] for convolutions, in
// place of [n, elements], [64, 784].
func KeepShape() LoaderOption { return func(l *Loader) { l.keep = true } }

// DType chooses the elements' type; the default is [tensor.Float32].
func DType(dt tensor.DType) LoaderOption { return func(l *Loader) { l.dtype = dt } }

// Workers chooses how many goroutines fill batches ahead; the default is 1,
// which is plenty for data in memory. More help if Fill is slow. Each holds
// two batches. The number never changes what is yielded. NewLoader panics with
// a [tensor.ArgumentError] if n is below 1.
func Workers(n int) LoaderOption { return func(l *Loader) { l.workers = n } }

// Shard yields a part of every batch: for the process of that rank, from 0, among so
// many that train as one (gan.Config.Group). The batch that NewLoader is given is that
// of all of them, and the order and the fingerprint are those of the whole. NewLoader
// panics with a [tensor.ArgumentError] if there is no such rank, or if a batch has
// fewer samples than there are processes; [DropLast] leaves out the last one.
func Shard(rank, processes int) LoaderOption {
	return func(l *Loader) { l.rank, l.shards = rank, processes }
}

// NewLoader returns a loader of a dataset, in batches of the given size. Unless
// options say otherwise, each epoch is shuffled anew (from seed 0), batches are
// [batch, elements of a sample] in Float32, the last of an epoch has whatever
// is left, and one worker fills ahead. It panics with a [tensor.ArgumentError]
// if data is nil or batch is below 1, and with a [tensor.ShapeError] if no tensor
// has the samples' shape with one more axis.
func NewLoader(data Dataset, batch int, options ...LoaderOption) *Loader {
	given("NewLoader", data)
	l := &Loader{data: data, batch: batch, workers: 1, shards: 1, dtype: tensor.Float32, n: data.Len()}
	for _, option := range options {
		option(l)
	}
	if batch < 1 {
		misuse("NewLoader", fmt.Sprintf("a batch of %d samples", batch), "give 1 or more")
	}
	if l.n < 0 {
		misuse("NewLoader", fmt.Sprintf("a dataset of %d samples", l.n), "let Len return 0 or more")
	}
	if l.workers < 1 {
		misuse("NewLoader", fmt.Sprintf("%d workers", l.workers), "give 1 or more")
	}
	if l.rank < 0 || l.rank >= l.shards {
		misuse("NewLoader", fmt.Sprintf("there is no shard %d of %d", l.rank, l.shards), "count from 0")
	}
	if least := l.smallestWhole(); l.Batches() > 0 && least < l.shards {
		misuse("NewLoader", fmt.Sprintf("a batch of %d samples for %d processes", least, l.shards), "give larger batches, or leave the last one out (DropLast)")
	}
	sample := data.Shape()
	tensor.New(l.dtype, append([]int{0}, sample...)...) // panics if no tensor has such a shape
	l.size = elementsOf(sample)
	if l.keep {
		l.shape = sample
	} else {
		l.shape = []int{l.size}
	}
	l.digest = sync.OnceValues(l.computeDigest)
	l.conditionDigest = sync.OnceValues(l.digestConditions)
	l.counts = sync.OnceValue(l.countClasses)
	if l.conditions {
		l.adoptConditions()
	}
	switch l.dtype {
	case tensor.Float32:
	case tensor.Float64:
		l.fill64, _ = data.(Filler64)
	default:
		misuse("NewLoader", fmt.Sprintf("no batches of %v", l.dtype), "give tensor.Float32 or tensor.Float64")
	}
	return l
}

// Batches returns the number of batches in an epoch.
func (l *Loader) Batches() int {
	batches := l.n / l.batch
	if l.n%l.batch > 0 && !l.dropLast {
		batches++
	}
	return batches
}

// Shard returns which part of each batch the loader yields, of how many: 0 and 1
// without the option [Shard].
func (l *Loader) Shard() (rank, processes int) { return l.rank, l.shards }

// SmallestBatch returns the number of samples in the last batch of an epoch, which
// has the fewest, or 0 if there are no batches. With [Shard] it is what this process
// has of it.
func (l *Loader) SmallestBatch() int {
	lo, hi := l.shard(l.smallestWhole())
	return hi - lo
}

// shard returns which of n samples are this process's.
func (l *Loader) shard(n int) (lo, hi int) { return n * l.rank / l.shards, n * (l.rank + 1) / l.shards }

// samples returns the samples of a batch that are this process's.
func (l *Loader) samples(order []int, batch int) []int {
	whole := order[batch*l.batch:]
	whole = whole[:min(l.batch, len(whole))]
	lo, hi := l.shard(len(whole))
	return whole[lo:hi]
}

// smallestWhole returns the number of samples in the last batch of all processes.
func (l *Loader) smallestWhole() int {
	switch {
	case l.Batches() == 0:
		return 0
	case l.n%l.batch > 0 && !l.dropLast:
		return l.n % l.batch
	}
	return l.batch
}

// Index returns the number, in the dataset, of sample i of a batch; all count
// from 0. It panics with a [tensor.ShapeError] if there is no such sample.
func (l *Loader) Index(epoch, batch, i int) int {
	if epoch >= 0 && batch >= 0 && batch < l.Batches() && i >= 0 {
		if samples := l.samples(l.order(epoch), batch); i < len(samples) {
			return samples[i]
		}
	}
	misuse("Loader.Index", fmt.Sprintf("there is no sample %d in batch %d of epoch %d", i, batch, epoch), "count from 0")
	return 0
}

// Fingerprint returns what the batches depend on, by name: the number of samples, their
// shape, a checksum of all of them, the size of a batch, the order and its seed; and
// with [Conditions] their number and a checksum of them. The first call reads the whole
// dataset, unless that is a [Digester]; later ones answer at once. It may be called
// from any goroutine.
func (l *Loader) Fingerprint() (map[string]string, error) {
	digest, err := l.digest()
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	f := map[string]string{
		"samples": fmt.Sprint(l.n), "shape": fmt.Sprint(l.data.Shape()), "digest": digest,
		"batch": fmt.Sprint(l.batch), "batch_shape": fmt.Sprint(l.shape), "dtype": l.dtype.String(),
		"drop_last": fmt.Sprint(l.dropLast), "order": "the dataset's own",
	}
	if !l.inOrder {
		f["order"], f["seed"] = "shuffled", fmt.Sprint(l.seed)
	}
	if l.condition.size > 0 {
		if f["conditions"], err = l.conditionDigest(); err != nil {
			return nil, fmt.Errorf("datasets: %w", err)
		}
		f["condition"] = fmt.Sprint(l.condition.size)
	}
	return f, nil
}

// Epoch yields the batches of an epoch, counted from 0, from batch from on: what
// a training that stopped before that batch goes on with. Each comes once, in an
// order that depends on the seed and the epoch only. A yielded batch is
// overwritten after the loop body returns.
//
// An error, the dataset's or ctx's, is yielded once, with an empty batch, and ends
// the epoch. Leaving the loop early is fine; in any case every worker has ended
// before the loop has. A panic in the dataset is raised again here, as an error that
// tells where it arose. Epoch panics with a [tensor.ArgumentError] if epoch or from is
// negative.
func (l *Loader) Epoch(ctx context.Context, epoch, from int) iter.Seq2[Batch, error] {
	if epoch < 0 || from < 0 {
		misuse("Loader.Epoch", fmt.Sprintf("there is no batch %d of epoch %d", from, epoch), "count both from 0")
	}
	return func(yield func(Batch, error) bool) {
		if from >= l.Batches() {
			return
		}
		lanes := l.take()
		defer l.giveBack(lanes)
		workersCtx, stop := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer stop()

		order := l.order(epoch)
		data := inEpoch(l.data, epoch)
		for w, lane := range lanes {
			lane.reset(data, l.fill64 != nil)
			workers.Go(func() { l.work(workersCtx, lane, order, from+w, len(lanes)) })
		}
		for k := from; k < l.Batches(); k++ {
			lane := lanes[(k-from)%len(lanes)]
			s, err := lane.next(ctx)
			if err != nil {
				yield(Batch{}, err)
				return
			}
			if !yield(s.batch, nil) {
				return
			}
			lane.free <- s
		}
	}
}

// order returns the samples of an epoch, in order. Every epoch has 2³² blocks
// of random numbers to itself, more than any shuffle takes.
func (l *Loader) order(epoch int) []int {
	if !l.inOrder {
		key, _ := tensor.NewStream(l.seed, "shuffle").State()
		return tensor.StreamAt(key, uint64(epoch)<<32).Perm(l.n)
	}
	return counting(l.n)
}

// take returns the memory of one epoch: a lane per worker.
func (l *Loader) take() []*lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.idle) - 1; last >= 0 {
		lanes := l.idle[last]
		l.idle = slices.Delete(l.idle, last, last+1)
		return lanes
	}
	lanes := make([]*lane, min(l.workers, l.Batches()))
	for w := range lanes {
		lanes[w] = l.newLane()
	}
	return lanes
}

func (l *Loader) giveBack(lanes []*lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, lanes)
}
