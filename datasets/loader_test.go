package datasets_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// What a trainer asks of its batches, in its own words.
var _ interface {
	Epoch(ctx context.Context, epoch, from int) iter.Seq2[datasets.Batch, error]
	Batches() int
} = (*datasets.Loader)(nil)

// counter is n samples of shape [1, 3], of which sample i is i, i+¼, i+½.
type counter int

func (c counter) Len() int     { return int(c) }
func (c counter) Shape() []int { return []int{1, 3} }
func (c counter) Fill(i int, dst []float32) error {
	if len(dst) != 3 {
		return fmt.Errorf("dst has %d elements", len(dst))
	}
	v := float32(i)
	dst[0], dst[1], dst[2] = v, v+0.25, v+0.5
	return nil
}

// broken is a counter whose samples misbehave.
type broken struct {
	counter
	fill func(i int) error
}

func (b broken) Fill(i int, dst []float32) error {
	if err := b.fill(i); err != nil {
		return err
	}
	return b.counter.Fill(i, dst)
}

// order returns the samples of an epoch of a counter, batch by batch.
func order(t *testing.T, l *datasets.Loader, epoch, from int) [][]int {
	t.Helper()
	var batches [][]int
	for b, err := range l.Epoch(t.Context(), epoch, from) {
		x := b.X
		require.NoError(t, err)
		rows := x.Float64s()
		var batch []int
		for k := 0; k < len(rows); k += 3 {
			i := rows[k]
			require.Equal(t, []float64{i, i + 0.25, i + 0.5}, rows[k:k+3])
			batch = append(batch, int(i))
		}
		require.Equal(t, len(batch), x.Dim(0))
		batches = append(batches, batch)
	}
	return batches
}

// checkNoWorkers fails the test when a loader's goroutine is alive.
func checkNoWorkers(t *testing.T) {
	t.Helper()
	alive := ""
	for range 100 {
		stacks := make([]byte, 1<<20)
		alive = string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(alive, "datasets.(*Loader).work") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("a worker is left:\n%s", alive)
}

func TestEverySampleOnce(t *testing.T) {
	for _, n := range []int{1, 5, 63, 64, 65, 200} {
		l := datasets.NewLoader(counter(n), 64)
		batches := order(t, l, 0, 0)
		require.Len(t, batches, l.Batches())
		all := slices.Concat(batches...)
		slices.Sort(all)
		require.Len(t, all, n)
		for i, v := range all {
			require.Equal(t, i, v)
		}
		for _, b := range batches[:len(batches)-1] {
			require.Len(t, b, 64)
		}
	}
	empty := datasets.NewLoader(counter(0), 64)
	assert.Zero(t, empty.Batches())
	assert.Empty(t, order(t, empty, 0, 0))
}

func TestOrderDependsOnSeedAndEpochOnly(t *testing.T) {
	want := order(t, datasets.NewLoader(counter(50), 8), 3, 0)
	for _, workers := range []int{1, 2, 3, 7, 20} {
		l := datasets.NewLoader(counter(50), 8, datasets.Workers(workers))
		order(t, l, 0, 0) // an epoch before, complete or not, changes nothing
		for range l.Epoch(t.Context(), 9, 2) {
			break
		}
		assert.Equal(t, want, order(t, l, 3, 0), "%d workers", workers)
		assert.Equal(t, want, order(t, l, 3, 0), "%d workers, again", workers)
	}
	flat := slices.Concat(want...)
	assert.Equal(t, flat, slices.Concat(order(t, datasets.NewLoader(counter(50), 5), 3, 0)...), "whatever the batch")
	assert.Equal(t, want, order(t, datasets.NewLoader(counter(50), 8, datasets.Seed(0)), 3, 0), "the default seed")
	assert.NotEqual(t, want, order(t, datasets.NewLoader(counter(50), 8, datasets.Seed(1)), 3, 0))
	assert.NotEqual(t, want, order(t, datasets.NewLoader(counter(50), 8), 4, 0))
	assert.NotEqual(t, want, order(t, datasets.NewLoader(counter(50), 8, datasets.InOrder()), 3, 0))

	// Frozen: a checkpoint of today must find the same batches tomorrow.
	assert.Equal(t, [][]int{{5, 1, 11, 4, 2, 3}, {6, 10, 9, 0, 8, 7}}, order(t, datasets.NewLoader(counter(12), 6), 5, 0))
}

func TestFromSkipsExactly(t *testing.T) {
	for _, options := range [][]datasets.LoaderOption{
		nil, {datasets.Workers(3)}, {datasets.InOrder()}, {datasets.DropLast(), datasets.Workers(2)},
	} {
		l := datasets.NewLoader(counter(50), 8, options...)
		whole := order(t, l, 2, 0)
		for from := range len(whole) {
			assert.Equal(t, whole[from:], order(t, l, 2, from))
		}
		assert.Empty(t, order(t, l, 2, l.Batches()))
		assert.Empty(t, order(t, l, 2, 1000))
	}
}

func TestLastBatch(t *testing.T) {
	const huge = int(^uint(0) >> 1)
	for _, c := range []struct{ n, batch, batches, whole int }{
		{10, 4, 3, 2}, {8, 4, 2, 2}, {3, 4, 1, 0}, {1, 1, 1, 1}, {10, huge, 1, 0}, {0, 4, 0, 0},
	} {
		l := datasets.NewLoader(counter(c.n), c.batch, datasets.InOrder())
		got := order(t, l, 0, 0)
		assert.Equal(t, c.batches, l.Batches())
		assert.Len(t, got, c.batches)
		assert.Len(t, slices.Concat(got...), c.n)

		l = datasets.NewLoader(counter(c.n), c.batch, datasets.InOrder(), datasets.DropLast())
		dropped := order(t, l, 0, 0)
		assert.Equal(t, c.whole, l.Batches())
		assert.Len(t, dropped, c.whole)
		assert.Len(t, slices.Concat(dropped...), c.whole*c.batch)
	}
}

func TestShapesAndTypes(t *testing.T) {
	m := tiny(t, 5)
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, keep := range []bool{false, true} {
			options := []datasets.LoaderOption{datasets.InOrder(), datasets.DType(dt)}
			shape := []int{2, 6}
			if keep {
				options = append(options, datasets.KeepShape())
				shape = []int{2, 1, 2, 3}
			}
			for b, err := range datasets.NewLoader(m, 2, options...).Epoch(t.Context(), 0, 1) {
				x := b.X
				require.NoError(t, err)
				assert.Equal(t, dt, x.DType())
				assert.Equal(t, shape, x.Shape())
				assert.True(t, x.IsContiguous())
				pixel := 13.0 // of sample 2
				want := (pixel/255 - 0.5) / 0.5
				if dt == tensor.Float32 {
					want = float64((float32(pixel)/255 - 0.5) / 0.5)
				}
				assert.Equal(t, want, x.Float64s()[1])
				break
			}
		}
	}
	// A dataset without Fill64 is widened.
	for b, err := range datasets.NewLoader(counter(4), 4, datasets.InOrder(), datasets.DType(tensor.Float64)).Epoch(t.Context(), 0, 0) {
		x := b.X
		require.NoError(t, err)
		assert.Equal(t, tensor.Float64, x.DType())
		assert.Equal(t, []float64{0, 0.25, 0.5, 1}, x.Float64s()[:4])
	}
}

func TestMisuse(t *testing.T) {
	for name, f := range map[string]func(){
		"no batch":       func() { datasets.NewLoader(counter(3), 0) },
		"no workers":     func() { datasets.NewLoader(counter(3), 1, datasets.Workers(0)) },
		"negative epoch": func() { datasets.NewLoader(counter(3), 1).Epoch(t.Context(), -1, 0) },
		"negative from":  func() { datasets.NewLoader(counter(3), 1).Epoch(t.Context(), 0, -1) },
		"no data":        func() { datasets.NewLoader(nil, 1) },
		"negative data":  func() { datasets.NewLoader(counter(-1), 1) },
	} {
		var argument *tensor.ArgumentError
		assert.ErrorAs(t, tensor.Catch(f), &argument, name)
	}
	var shape *tensor.ShapeError
	assert.ErrorAs(t, tensor.Catch(func() { datasets.NewLoader(deep{}, 1) }), &shape)
}

type deep struct{ counter }

func (deep) Shape() []int { return make([]int, tensor.MaxRank) }

func TestCancel(t *testing.T) {
	cause := errors.New("enough")
	for _, workers := range []int{1, 3} {
		l := datasets.NewLoader(counter(1000), 10, datasets.Workers(workers))
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		batches := 0
		var got error
		for b, err := range l.Epoch(ctx, 0, 0) {
			x := b.X
			if err != nil {
				assert.Nil(t, x)
				got = err
				continue // the sequence must end by itself
			}
			if batches++; batches == 7 {
				cancel(cause)
			}
		}
		assert.Equal(t, 7, batches)
		assert.ErrorIs(t, got, cause)
		checkNoWorkers(t)

		for _, err := range l.Epoch(ctx, 0, 0) {
			assert.ErrorIs(t, err, cause)
		}
		require.Len(t, order(t, l, 0, 0), 100, "the loader is as good as new")
	}
}

// A consumer that waits for a slow sample hears of the end at once.
func TestCancelWhileWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := broken{counter(4), func(int) error {
		close(entered)
		<-leave
		return nil
	}}
	go func() {
		<-entered
		cancel()
	}()
	for _, err := range datasets.NewLoader(slow, 4).Epoch(ctx, 0, 0) {
		assert.ErrorIs(t, err, context.Canceled)
		close(leave)
	}
	checkNoWorkers(t)
}

func TestBreakLeavesNoWorkers(t *testing.T) {
	for _, workers := range []int{1, 4} {
		l := datasets.NewLoader(counter(1000), 10, datasets.Workers(workers))
		for stop := range 5 {
			batches := 0
			for _, err := range l.Epoch(t.Context(), 0, 0) {
				require.NoError(t, err)
				if batches++; batches > stop {
					break
				}
			}
			checkNoWorkers(t)
		}
		assert.PanicsWithValue(t, "body", func() {
			for range l.Epoch(t.Context(), 0, 0) {
				panic("body")
			}
		})
		checkNoWorkers(t)
	}
}

func TestDatasetError(t *testing.T) {
	bad := errors.New("unreadable")
	data := broken{counter(100), func(i int) error {
		if i == 37 {
			return bad
		}
		return nil
	}}
	for _, workers := range []int{1, 3} {
		l := datasets.NewLoader(data, 10, datasets.InOrder(), datasets.Workers(workers))
		batches, failures := 0, 0
		for b, err := range l.Epoch(t.Context(), 0, 0) {
			x := b.X
			if err != nil {
				failures++
				assert.Nil(t, x)
				assert.ErrorIs(t, err, bad)
				assert.ErrorContains(t, err, "sample 37")
				continue
			}
			batches++
		}
		assert.Equal(t, 3, batches, "those before the error arrive")
		assert.Equal(t, 1, failures)
		checkNoWorkers(t)
	}
}

func TestDatasetPanic(t *testing.T) {
	data := broken{counter(100), func(i int) error {
		if i == 37 {
			panic(&tensor.ShapeError{Op: "Fill", Problem: "no good"})
		}
		return nil
	}}
	l := datasets.NewLoader(data, 10, datasets.InOrder(), datasets.Workers(2))
	batches := 0
	err := tensor.Catch(func() {
		for range l.Epoch(t.Context(), 0, 0) {
			batches++
		}
	})
	assert.ErrorContains(t, err, "no good")
	assert.ErrorContains(t, err, "datasets_test.TestDatasetPanic.func1", "the place is told")
	assert.Equal(t, 3, batches)
	checkNoWorkers(t)
	assert.Len(t, order(t, l, 0, 4), 6, "a failed epoch spoils no later one")
}

// sparse sets one number of each sample, and of its condition, and leaves the rest.
type sparse int

func (s sparse) Len() int           { return int(s) }
func (s sparse) Shape() []int       { return []int{4} }
func (s sparse) ConditionSize() int { return 3 }
func (s sparse) Fill(i int, dst []float32) error {
	dst[i%4] = float32(i + 1)
	return nil
}
func (s sparse) FillCondition(i int, dst []float32) error {
	dst[i%3] = 1
	return nil
}

// wideSparse does the same in float64.
type wideSparse struct{ sparse }

func (s wideSparse) Fill64(i int, dst []float64) error {
	dst[i%4] = float64(i + 1)
	return nil
}

// dense sets all numbers.
type dense struct{ sparse }

func (d dense) Fill(i int, dst []float32) error { clear(dst); return d.sparse.Fill(i, dst) }
func (d dense) FillCondition(i int, dst []float32) error {
	clear(dst)
	return d.sparse.FillCondition(i, dst)
}

type wideDense struct{ dense }

func (d wideDense) Fill64(i int, dst []float64) error {
	clear(dst)
	return wideSparse{d.sparse}.Fill64(i, dst)
}

// What a sample leaves is 0, and never another sample's.
func TestSamplesBeginWithZeros(t *testing.T) {
	const n = 60
	numbers, conditions := make([]float64, 4*n), make([]float64, 3*n)
	for i := range n {
		numbers[4*i+i%4], conditions[3*i+i%3] = float64(i+1), 1
	}
	for data, whole := range map[datasets.Dataset]datasets.Dataset{sparse(n): dense{n}, wideSparse{n}: wideDense{dense{n}}} {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			l := datasets.NewLoader(data, 5, datasets.DType(dt), datasets.Workers(2), datasets.Conditions())
			for epoch := range 2 {
				batch := 0
				for b, err := range l.Epoch(t.Context(), epoch, 0) {
					require.NoError(t, err)
					x, c := b.X.Cast(tensor.Float64).Float64s(), b.Condition.Cast(tensor.Float64).Float64s()
					for j := range 5 {
						i := l.Index(epoch, batch, j)
						require.Equal(t, numbers[4*i:4*i+4], x[4*j:4*j+4])
						require.Equal(t, conditions[3*i:3*i+3], c[3*j:3*j+3])
					}
					batch++
				}
			}
			got, err := l.Fingerprint()
			require.NoError(t, err)
			want, err := datasets.NewLoader(whole, 5, datasets.DType(dt), datasets.Conditions()).Fingerprint()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		mean, _, err := datasets.MeanStd(datasets.Subset(data, []int{0, 4, 5}))
		require.NoError(t, err)
		require.InDeltaSlice(t, []float64{2, 2, 0, 0}, mean, 1e-12)
	}
}

// Workers fill ahead, so the buffer under the consumer's hands must not be
// among those being filled.
func TestYieldedTensorHoldsStill(t *testing.T) {
	var fills atomic.Int64
	data := broken{counter(40), func(int) error { fills.Add(1); return nil }}
	l := datasets.NewLoader(data, 2, datasets.InOrder(), datasets.Workers(2))
	k := 0
	for b, err := range l.Epoch(t.Context(), 0, 0) {
		x := b.X
		require.NoError(t, err)
		before := x.Version()
		for seen, idle := fills.Load(), 0; idle < 20; idle++ { // until the workers have stopped
			time.Sleep(100 * time.Microsecond)
			if now := fills.Load(); now != seen {
				seen, idle = now, 0
			}
		}
		assert.Equal(t, float64(2*k), x.At(0, 0))
		assert.Equal(t, before, x.Version())
		k++
	}
	assert.Equal(t, 20, k)
}

func TestEpochsAtOnce(t *testing.T) {
	l := datasets.NewLoader(counter(100), 8, datasets.Workers(2))
	want := [][][]int{order(t, l, 0, 0), order(t, l, 1, 0)}
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() { assert.Equal(t, want[i%2], order(t, l, i%2, 0)) })
	}
	group.Wait()
}

// After the first epoch, no buffer of a batch's size is made.
func TestEpochAllocatesLittle(t *testing.T) {
	m, err := datasets.NewImages(numbers(640, 28, 28), numbers(640))
	require.NoError(t, err)
	l := datasets.NewLoader(m, 64, datasets.Workers(2))
	epoch := func() {
		for _, err := range l.Epoch(t.Context(), 0, 0) {
			require.NoError(t, err)
		}
	}
	epoch()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	epoch()
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*784*4/2), "half of one of the 10 batches")
}

// BenchmarkLoader reads MNIST-sized images: how fast they can be had when the
// consumer does nothing, and how long a consumer that works 3 ms per batch waits
// for each.
func BenchmarkLoader(b *testing.B) {
	m, err := datasets.NewImages(numbers(10_000, 28, 28), numbers(10_000))
	require.NoError(b, err)
	for _, work := range []time.Duration{0, 3 * time.Millisecond} {
		b.Run(fmt.Sprintf("work=%v/batch=64/n=784", work), func(b *testing.B) {
			l := datasets.NewLoader(m, 64)
			b.ReportAllocs()
			var waited time.Duration
			for batches, epoch := 0, 0; batches < b.N; epoch++ {
				asked := time.Now()
				for _, err := range l.Epoch(b.Context(), epoch, 0) {
					waited += time.Since(asked)
					if err != nil {
						b.Fatal(err)
					}
					if batches++; batches >= b.N {
						break
					}
					for start := time.Now(); time.Since(start) < work; {
					}
					asked = time.Now()
				}
			}
			b.ReportMetric(float64(waited.Nanoseconds())/float64(b.N), "wait-ns/batch")
		})
	}
}
