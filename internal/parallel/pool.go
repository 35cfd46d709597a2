package parallel

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// linger is how long a helper polls for another job before it leaves. If it
	// were shorter than the gaps inside a training step, each gap would cost a
	// wake-up; if it were longer, a core would be busy for nothing after the last
	// loop.
	linger = 250 * time.Microsecond

	// joinSpin is how long a caller polls for the last chunks before it
	// blocks, which matters if the thread of a helper has lost its core.
	joinSpin = 100 * time.Microsecond

	// yieldEvery is how many polls pass before the core is offered to other
	// goroutines. A poll takes a few hundred nanoseconds.
	yieldEvery = 64

	maxThreads = 1 << 12
)

// The state of a job is one word, so that entering a job, claiming a chunk of
// it and being counted as present are one compare-and-swap: a helper that looks
// at a job too late, even after the job has been reused, either fails to enter
// or enters the new one, which is as good. From the top: chunks not yet claimed, whether
// the caller sleeps, helpers present.
const (
	oneHelper = 1
	asleep    = 1 << 23
	oneChunk  = 1 << 24
)

// A job is one loop in flight. The fields without atomics are written by the
// caller before it publishes the state and read by helpers that have entered.
type job struct {
	owned   atomic.Bool
	_       [63]byte // helpers poll state; keep it off the line of owned
	state   atomic.Uint64
	_       [56]byte
	body    Body
	n       int
	grain   int
	chunks  int
	failure atomic.Pointer[any] // first panic value of a helper
	done    chan struct{}       // wakes a sleeping caller
}

var (
	// A second concurrent or nested call takes the next job; if all are
	// taken, the machine is busy enough and the call runs alone.
	jobs [4]job

	helpers atomic.Int32 // alive
	limit   atomic.Int32 // wanted at most

	countPreemptions = preemptions // tests that need helpers count none
)

func init() {
	for i := range jobs {
		jobs[i].done = make(chan struct{}, 1)
	}
}

func acquire() *job {
	for i := range jobs {
		if j := &jobs[i]; !j.owned.Load() && j.owned.CompareAndSwap(false, true) {
			return j
		}
	}
	return nil
}

// run publishes the loop, works on it and waits for the helpers that joined.
func (j *job) run(n, grain, chunks, threads int, b Body) {
	j.n, j.grain, j.chunks, j.body = n, grain, chunks, b
	j.state.Store(uint64(chunks) * oneChunk)
	startHelpers(min(chunks, threads)-1, threads-1)

	returned := false
	defer func() {
		j.cancel()
		j.join()
		failure := j.failure.Swap(nil)
		j.body = nil
		j.owned.Store(false)
		if failure != nil && returned {
			panic(*failure)
		}
	}()
	for i, ok := j.claim(0); ok; i, ok = j.claim(0) {
		runChunk(n, grain, i, b)
	}
	returned = true
}

// claim takes the next chunk and adds entering to the count of helpers.
func (j *job) claim(entering uint64) (i int, ok bool) {
	for {
		s := j.state.Load()
		if s < oneChunk {
			return 0, false
		}
		if j.state.CompareAndSwap(s, s-oneChunk+entering) {
			return j.chunks - int(s/oneChunk), true
		}
	}
}

// cancel drops the chunks that nobody has claimed.
func (j *job) cancel() {
	for {
		s := j.state.Load()
		if s < oneChunk || j.state.CompareAndSwap(s, s%oneChunk) {
			return
		}
	}
}

// join waits until no helper is present. No chunk is left to claim.
func (j *job) join() {
	if j.state.Load() == 0 {
		return
	}
	start := time.Now()
	for polls := 1; time.Since(start) < joinSpin; polls++ {
		pause(polls)
		if j.state.Load() == 0 {
			return
		}
	}
	for {
		s := j.state.Load()
		if s == 0 {
			return
		}
		if j.state.CompareAndSwap(s, s|asleep) {
			<-j.done
			j.state.Store(0)
			return
		}
	}
}

// startHelpers starts helpers until want of them are alive, and lets those above
// most leave.
func startHelpers(want, most int) {
	if limit.Load() != int32(most) {
		limit.Store(int32(most))
	}
	for {
		h := helpers.Load()
		if int(h) >= want {
			return
		}
		if helpers.CompareAndSwap(h, h+1) {
			contended.check(time.Since(epoch), most+1, countPreemptions)
			go help()
		}
	}
}

// help is a helper: it works, polls for a while, and leaves.
func help() {
	defer helpers.Add(-1)
	start := time.Now()
	for polls := 1; helpers.Load() <= limit.Load(); polls++ {
		if assist() {
			start, polls = time.Now(), 0
			continue
		}
		if time.Since(start) > linger {
			return
		}
		pause(polls)
	}
}

// assist joins any job that has chunks left and reports whether it found one.
func assist() bool {
	for i := range jobs {
		j := &jobs[i]
		if j.state.Load() < oneChunk {
			continue
		}
		if c, ok := j.claim(oneHelper); ok {
			j.work(c)
			return true
		}
	}
	return false
}

var errExit = errors.New("parallel: the body of a loop called runtime.Goexit")

// work runs chunk i and every further one it can claim, then leaves the job.
func (j *job) work(i int) {
	returned := false
	defer func() {
		if !returned {
			failure := recover()
			if failure == nil {
				failure = errExit
			}
			j.failure.CompareAndSwap(nil, &failure)
			j.cancel()
		}
		if j.state.Add(^uint64(0)) == asleep { // the last helper out
			j.done <- struct{}{}
		}
	}()
	n, grain, b := j.n, j.grain, j.body
	for ok := true; ok; i, ok = j.claim(0) {
		runChunk(n, grain, i, b)
	}
	returned = true
}

// pause waits a few hundred nanoseconds, or offers the core to other goroutines
// each time that polls is a multiple of yieldEvery.
func pause(polls int) {
	if polls%yieldEvery == 0 {
		runtime.Gosched()
		return
	}
	procyield(8)
}
