package bench

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/parallel"
)

// BenchmarkStopTheWorld measures how long it takes to stop all goroutines, as
// the garbage collector must, while one of them multiplies matrices: assembly
// cannot be preempted, so the kernels have to come up for air. Beside it stands
// the same with nothing to stop, and with a loop in Go that can be preempted
// anywhere: on a machine with other work to do, that is what the machine itself
// takes to run a thread again.
func BenchmarkStopTheWorld(b *testing.B) {
	const n = 1024
	x, y, c := numbers(n*n), numbers(n*n), make([]float32, n*n)
	sums := make([]float64, 8)
	for name, load := range map[string]func(){
		"none": func() { time.Sleep(time.Millisecond) },
		"go": func() {
			parallel.For(len(sums), 1, func(i, _ int) {
				for range 1 << 20 {
					sums[i] = sums[i]*0.999 + 0.5
				}
			})
		},
		"gemm":       func() { kernel.Sgemm(false, true, n, n, n, 1, x, n, y, n, 0, c, n) },
		"small-gemm": func() { kernel.Sgemm(false, false, 64, 512, 784, 1, x, 784, y, 512, 0, c, 512) },
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
	for b.Loop() {
		start := time.Now()
		runtime.ReadMemStats(&stats) // stops the world
		pauses = append(pauses, time.Since(start))
		time.Sleep(200 * time.Microsecond)
	}
	slices.Sort(pauses)
	b.ReportMetric(float64(pauses[len(pauses)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(pauses[len(pauses)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(pauses[len(pauses)-1].Microseconds()), "max-µs")
}
