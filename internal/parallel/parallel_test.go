package parallel

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Some tests wait for a helper, however busy the machine is.
func init() { countPreemptions = func() int64 { return 0 } }

// threads sets the number of threads for one test. Two processors at least, so
// that helpers exist on any machine.
func threads(t testing.TB, n int) {
	procs := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(procs, 2))
	SetThreads(n)
	t.Cleanup(func() {
		SetThreads(0)
		runtime.GOMAXPROCS(procs)
	})
}

// TestChunks checks that each index is visited once, in the promised chunks,
// for any number of threads.
func TestChunks(t *testing.T) {
	for _, th := range []int{1, 2, 5} {
		threads(t, th)
		for _, n := range []int{-1, 0, 1, 2, 7, 64, 1000} {
			for _, grain := range []int{-1, 0, 1, 3, 64, 999, 1000, 5000} {
				seen := make([]atomic.Int32, max(n, 0))
				For(n, grain, func(lo, hi int) {
					g := max(grain, 1)
					if lo%g != 0 || hi != min(lo+g, n) {
						t.Errorf("n=%d grain=%d: chunk [%d,%d)", n, grain, lo, hi)
					}
					for i := lo; i < hi; i++ {
						seen[i].Add(1)
					}
				})
				for i := range seen {
					require.EqualValues(t, 1, seen[i].Load(), "n=%d grain=%d index %d", n, grain, i)
				}
			}
		}
	}
}

// TestConcurrentNested runs loops in loops from many goroutines while the
// number of threads changes.
func TestConcurrentNested(t *testing.T) {
	threads(t, 4)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				var sum atomic.Int64
				For(20, 3, func(lo, hi int) {
					For(hi-lo, 1, func(a, b int) {
						For(10, 2, func(c, d int) { sum.Add(int64((b - a) * (d - c))) })
					})
				})
				if sum.Load() != 200 {
					t.Errorf("sum = %d", sum.Load())
				}
			}
		})
	}
	for _, n := range []int{1, 5, 2, 0, 3} {
		SetThreads(n)
		time.Sleep(2 * time.Millisecond)
	}
	wg.Wait()
}

// TestVisibility checks that what helpers write the caller reads, and the
// reverse, with plain memory accesses: the race detector watches.
func TestVisibility(t *testing.T) {
	threads(t, 3)
	x := make([]int, 300)
	for round := range 200 {
		For(len(x), 10, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				x[i]++
			}
		})
		for i := range x {
			require.Equal(t, round+1, x[i])
		}
	}
}

var errBoom = errors.New("boom")

// TestPanic raises a panic in each chunk in turn, so on the caller's goroutine
// and on helpers, and checks that the pool still works afterwards.
func TestPanic(t *testing.T) {
	for _, th := range []int{1, 2, 5} {
		threads(t, th)
		for bad := range 16 {
			require.PanicsWithValue(t, errBoom, func() {
				For(16, 1, func(lo, _ int) {
					time.Sleep(20 * time.Microsecond)
					if lo == bad {
						panic(errBoom)
					}
				})
			})
		}
		var n atomic.Int32
		For(16, 1, func(int, int) { n.Add(1) })
		require.EqualValues(t, 16, n.Load())
	}
}

// onHelper runs a two-chunk loop whose chunks wait for each other, so that a
// helper must take one of them, and calls f there.
func onHelper(f func()) {
	caller := goroutine()
	var both sync.WaitGroup
	both.Add(2)
	For(2, 1, func(int, int) {
		both.Done()
		both.Wait()
		if goroutine() != caller {
			f()
		}
	})
}

// goroutine names the running goroutine.
func goroutine() string {
	name, _, _ := strings.Cut(string(debug.Stack()), "[")
	return name
}

// TestPanicOnHelper makes sure that it is the helper that panics.
func TestPanicOnHelper(t *testing.T) {
	threads(t, 2)
	require.PanicsWithValue(t, errBoom, func() { onHelper(func() { panic(errBoom) }) })
}

// TestGoexitOnHelper checks that a body that ends its goroutine is an error on
// the caller and no deadlock.
func TestGoexitOnHelper(t *testing.T) {
	threads(t, 2)
	require.PanicsWithValue(t, errExit, func() { onHelper(runtime.Goexit) })
}

// TestSlowHelper makes the caller wait longer than it is willing to spin.
func TestSlowHelper(t *testing.T) {
	threads(t, 2)
	for range 3 {
		var slept atomic.Bool
		onHelper(func() {
			time.Sleep(3 * joinSpin)
			slept.Store(true)
		})
		require.True(t, slept.Load())
	}
}

// TestHelpersLeave checks that an idle program has no helpers left.
func TestHelpersLeave(t *testing.T) {
	threads(t, 4)
	For(100, 1, func(int, int) {})
	require.Eventually(t, func() bool { return helpers.Load() == 0 }, time.Minute, time.Millisecond)
}

func TestThreads(t *testing.T) {
	threads(t, 0)
	require.Equal(t, runtime.GOMAXPROCS(0), Threads())
	SetThreads(5)
	require.Equal(t, 5, Threads())
	runtime.GOMAXPROCS(1)
	require.Equal(t, 1, Threads())
	runtime.GOMAXPROCS(3)
	SetThreads(0)
	require.Equal(t, 3, Threads())
	require.Panics(t, func() { SetThreads(-1) })
}

type counter struct{ n atomic.Int64 }

func (c *counter) Run(lo, hi int) { c.n.Add(int64(hi - lo)) }

func TestNoAllocation(t *testing.T) {
	threads(t, 2)
	c := new(counter)
	allocs := testing.AllocsPerRun(2000, func() { Run(100, 10, c) })
	require.Zero(t, allocs)
}

// BenchmarkRun measures a loop of eight chunks of a few microseconds each
// against the same work on one thread.
func BenchmarkRun(b *testing.B) {
	for _, th := range []int{1, 2} {
		b.Run(map[int]string{1: "threads=1", 2: "threads=2"}[th], func(b *testing.B) {
			threads(b, th)
			w := new(spinner)
			for b.Loop() {
				Run(8, 1, w)
			}
		})
	}
}

type spinner struct{ sink [8]float64 }

func (s *spinner) Run(lo, _ int) {
	x := 1.0
	for range 4000 {
		x = x*0.999 + 0.5
	}
	s.sink[lo%8] = x
}
