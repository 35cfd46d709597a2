// Package parallel splits a loop over the cores cheaply enough for loops that
// last a few microseconds.
//
// Waking a parked goroutine takes about 100 µs on a busy machine, so `go` plus
// a WaitGroup pays only for long loops. Here a few helper goroutines stay on
// their cores for a short while after the last loop, polling for the next
// one, and leave if none comes: a program that computes finds its helpers
// ready within a microsecond, and an idle program has none.
//
// A loop is cut into chunks of a fixed size, whatever the number of threads,
// so that a body which sums per chunk gives the same bits everywhere. Chunks
// are claimed one by one, in order, by the caller and by the helpers that are
// there; the caller never waits for a helper to arrive, only for chunks that a
// helper has claimed. Calls may be nested and concurrent. If helpers turn out to
// slow loops down, because another program has taken a core, loops run without them
// for a while.
package parallel

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Body is the body of a parallel loop: Run does the iterations lo ≤ i < hi.
// Several goroutines call it at once, on disjoint ranges.
type Body interface{ Run(lo, hi int) }

// bodyFunc lets a plain function be a Body.
type bodyFunc func(lo, hi int)

func (f bodyFunc) Run(lo, hi int) { f(lo, hi) }

// For calls body on the chunks [0,grain), [grain,2·grain), … of [0,n), in
// parallel, and returns when all are done. See [Run], which it equals except
// that the closure may cost its caller an allocation.
func For(n, grain int, body func(lo, hi int)) { Run(n, grain, bodyFunc(body)) }

// Run calls b.Run on the chunks [0,grain), [grain,2·grain), … of [0,n), in
// parallel, and returns when all are done. The chunks depend on n and grain
// only (a grain below 1 means 1), and a single thread visits them in order.
// A panic in a chunk cancels the chunks not yet claimed and is raised again,
// with the same value, on the caller's goroutine. Run does not allocate.
func Run(n, grain int, b Body) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	chunks := (n-1)/grain + 1
	threads := Threads()
	switch {
	case chunks == 1 || threads == 1:
		runAlone(n, grain, chunks, b)
	case contended.phase.Load() == normal:
		share(n, grain, chunks, threads, b)
	default:
		start := time.Since(epoch)
		phase := contended.begin(start)
		if phase == trialAlone || phase == alone {
			runAlone(n, grain, chunks, b)
		} else {
			share(n, grain, chunks, threads, b)
		}
		contended.end(phase, time.Since(epoch)-start, chunks)
	}
}

// share runs a loop with helpers, unless there are too many loops already.
func share(n, grain, chunks, threads int, b Body) {
	if j := acquire(); j != nil {
		j.run(n, grain, chunks, threads, b)
	} else {
		runAlone(n, grain, chunks, b)
	}
}

func runAlone(n, grain, chunks int, b Body) {
	for i := range chunks {
		runChunk(n, grain, i, b)
	}
}

func runChunk(n, grain, i int, b Body) {
	lo := i * grain
	b.Run(lo, lo+min(grain, n-lo))
}

var setting atomic.Int32

// SetThreads limits every later loop to n threads, the caller included; 0, the
// default, means GOMAXPROCS. More than GOMAXPROCS is allowed and only useful in
// tests. It panics if n is negative.
func SetThreads(n int) {
	if n < 0 {
		panic("parallel: negative number of threads")
	}
	setting.Store(int32(min(n, maxThreads)))
}

// Threads reports how many threads a loop that starts now may use. With
// GOMAXPROCS=1 that is always 1.
func Threads() int {
	procs := runtime.GOMAXPROCS(0)
	if set := int(setting.Load()); set > 0 && procs > 1 {
		return set
	}
	return min(procs, maxThreads)
}
