package bench

import (
	"context"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/tensor"
)

// BenchmarkStopTheWorld measures how long it takes to stop all goroutines, as
// the garbage collector must, while they train or multiply matrices: assembly
// cannot be preempted, so a call of it must be short. The figures named stopping
// are the runtime's own: from the request until all goroutines have stopped. Those
// named pause are the time that runtime.ReadMemStats takes, including the
// scheduling of its caller's thread. For comparison, the same is measured with
// nothing to stop, and with a loop in Go that can be preempted anywhere.
func BenchmarkStopTheWorld(b *testing.B) {
	const n = 1024
	x, y, c := numbers(n*n), numbers(n*n), make([]float32, n*n)
	sums := make([]float64, 8)
	trainer, loader := trainerOf(b, recipe.Classic(), recipe.Classic().Config())
	var batch *tensor.Tensor
	for real, err := range loader.Epoch(context.Background(), 0, 0) {
		if err != nil {
			b.Fatal(err)
		}
		batch = real.X.Clone()
		break
	}
	for name, load := range map[string]func(){
		"none": func() { time.Sleep(time.Millisecond) },
		"go": func() {
			parallel.For(len(sums), 1, func(i, _ int) {
				for range 1 << 20 {
					sums[i] = sums[i]*0.999 + 0.5
				}
			})
		},
		"gemm": func() { gemm.Sgemm(false, true, n, n, n, 1, x, n, y, n, 0, c, n) },
		"train": func() {
			if _, err := trainer.Step(gan.Batch{X: batch}); err != nil {
				b.Error(err)
			}
		},
		"small-gemm": func() { gemm.Sgemm(false, false, 64, 512, 784, 1, x, 784, y, 512, 0, c, 512) },
	} {
		b.Run("load="+name, func(b *testing.B) { stopTheWorld(b, load) })
	}
}

func stopTheWorld(b *testing.B, load func()) {
	var (
		stop atomic.Bool
		wg   sync.WaitGroup
	)
	wg.Go(func() {
		for !stop.Load() {
			load()
		}
	})
	defer wg.Wait()
	defer stop.Store(true)

	var stats runtime.MemStats
	var pauses []time.Duration
	before := stopping()
	for b.Loop() {
		start := time.Now()
		runtime.ReadMemStats(&stats) // stops the world
		pauses = append(pauses, time.Since(start))
		time.Sleep(200 * time.Microsecond)
	}
	after := stopping()
	for i := range after.Counts {
		after.Counts[i] -= before.Counts[i]
	}
	slices.Sort(pauses)
	for _, q := range []struct {
		name  string
		share float64
	}{{"median", 0.5}, {"p99", 0.99}, {"max", 1}} {
		b.ReportMetric(1e6*quantile(after, q.share), q.name+"-stopping-µs")
		b.ReportMetric(float64(pauses[int(q.share*float64(len(pauses)-1))].Microseconds()), q.name+"-pause-µs")
	}
}

// stopping is the runtime's histogram of how long it took to stop everything.
func stopping() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/stopping/other:seconds"}}
	metrics.Read(s)
	return s[0].Value.Float64Histogram()
}

// quantile returns the upper end of the bucket of the quantile that is a share of
// all values.
func quantile(h *metrics.Float64Histogram, share float64) float64 {
	var total, seen uint64
	for _, c := range h.Counts {
		total += c
	}
	for i, c := range h.Counts {
		if seen += c; c > 0 && float64(seen) >= share*float64(total) {
			return h.Buckets[i+1]
		}
	}
	return 0
}
