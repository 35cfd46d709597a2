package parallel

import (
	"sync"
	"sync/atomic"
	"time"
)

// When other programs take its cores, a helper shares one with its caller. The
// helper that is woken for a loop displaces the caller, does the loop, watches for
// the next one, which the displaced caller cannot begin, and leaves; then the caller
// wakes it again. Two threads then take a third longer than one. So a pool whose
// threads lose their cores by the hundred per second lets the callers run alone for a
// while, and for longer each time that it finds itself displaced again.

const (
	lookEvery   = 5 * time.Millisecond
	manyLosses  = 200                    // per second and thread; with cores to spare it is below 70
	firstRest   = 50 * time.Millisecond  // alone
	longestRest = time.Second            // alone, so that a neighbour's end is not missed for long
	relapse     = 100 * time.Millisecond // after a rest: the neighbour is still there
)

// crowd watches how often the threads of this program lose their cores to others.
// Times are since the program's start.
type crowd struct {
	alone atomic.Int64 // loops run on their callers' threads until then

	mu     sync.Mutex
	looked time.Duration // when losses were last counted
	losses int64
	rest   time.Duration // the last one
}

var (
	crowded crowd
	began   = time.Now()
)

// resting reports whether loops should run on their callers' threads.
func (c *crowd) resting() bool {
	until := c.alone.Load()
	return until != 0 && int64(time.Since(began)) < until
}

// look counts anew, if it is time to, whenever a helper is hired: while loops follow
// each other and helpers keep their cores, none is. threads are those of the pool.
func (c *crowd) look(now time.Duration, threads int, losses func() int64) {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	if c.looked != 0 && now-c.looked < lookEvery {
		return
	}
	n := losses()
	first, perSecond := c.looked == 0, float64(n-c.losses)/(now-c.looked).Seconds()
	c.looked, c.losses = now, n
	if first || perSecond < manyLosses*float64(threads) {
		return
	}
	if now-time.Duration(c.alone.Load()) > relapse {
		c.rest = 0
	}
	c.rest = min(max(firstRest, 2*c.rest), longestRest)
	c.alone.Store(int64(now + c.rest))
}
