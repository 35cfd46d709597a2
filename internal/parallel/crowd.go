package parallel

import (
	"sync"
	"sync/atomic"
	"time"
)

// When another program takes a core of two, helper and caller come to share the
// other. The helper that is woken for a loop displaces the caller, does the loop,
// watches for the next one, which the displaced caller cannot begin, and leaves; then
// the caller wakes it again. Two threads take a third longer so than one. Such a pool
// does better if callers run their loops alone.
//
// Threads that often have to leave their cores raise the suspicion, but a program's
// own threads, the garbage collector's for example, displace each other as well. So
// what decides is a trial: loops run with helpers for a while, then without, and what
// took less time per chunk is kept. The pool goes on alone for longer after each trial
// that says so, and is the slower to suspect the more often it was wrong.

const (
	lookEvery  = 50 * time.Millisecond // for losses
	manyLosses = 200                   // per second and thread: a suspicion

	trialTime    = 50 * time.Millisecond // with helpers, and without
	trialChunks  = 100                   // without as many in each, a trial says nothing
	clearGain    = 1.1                   // in time per chunk; half of the trials of equals would say yes
	firstRest    = 300 * time.Millisecond
	longestRest  = 2 * time.Second        // so that a neighbour's end is not missed for long
	firstFaith   = 500 * time.Millisecond // during which there is no new trial
	longestFaith = time.Minute
)

// phase is what a crowd is about.
type phase = int32

const (
	unsuspecting phase = iota
	together           // the trial's loops with helpers
	alone              // and those without
	resting            // going on without
)

// crowd finds out whether other programs crowd the cores. Times are since the
// program's start.
type crowd struct {
	phase atomic.Int32

	mu          sync.Mutex
	until       time.Duration // the phase lasts; an unsuspecting one, at least
	looked      time.Duration // when losses were last counted
	losses      int64
	rest, faith time.Duration // the last ones
	tally       [alone + 1]tally
}

// tally is what the loops of a phase took.
type tally struct {
	time   time.Duration
	chunks int
}

var (
	crowded crowd
	began   = time.Now()
)

// look counts losses, if it is time to. It is called whenever a helper is hired: while
// loops follow each other and helpers keep their cores, none is. threads are those of
// the pool.
func (c *crowd) look(now time.Duration, threads int, losses func() int64) {
	if c.phase.Load() != unsuspecting || !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	since := now - c.looked
	if since < lookEvery || now < c.until {
		return
	}
	n := losses()
	many := float64(n-c.losses) >= manyLosses*float64(threads)*since.Seconds()
	recent := c.looked != 0 && since < 2*firstFaith // else it says nothing of now
	c.looked, c.losses = now, n
	if many && recent {
		c.enter(together, now+trialTime)
	}
}

func (c *crowd) enter(p phase, until time.Duration) {
	if p == together {
		c.tally = [alone + 1]tally{}
	}
	c.until = until
	c.phase.Store(p)
}

// begin returns the phase that a loop begins in.
func (c *crowd) begin(now time.Duration) phase {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.phase.Load()
	if now < c.until {
		return p
	}
	switch p {
	case together:
		c.enter(alone, now+trialTime)
	case alone:
		if c.betterAlone() {
			c.rest, c.faith = min(max(firstRest, 2*c.rest), longestRest), 0
			c.enter(resting, now+c.rest)
		} else {
			c.rest, c.faith = 0, min(max(firstFaith, 2*c.faith), longestFaith)
			c.enter(unsuspecting, now+c.faith)
		}
	case resting:
		c.enter(together, now+trialTime)
	}
	return c.phase.Load()
}

// end counts a loop that began in phase p, if that is part of a trial.
func (c *crowd) end(p phase, took time.Duration, chunks int) {
	if p != together && p != alone {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[p].time += took
	c.tally[p].chunks += chunks
}

func (c *crowd) betterAlone() bool {
	with, without := c.tally[together], c.tally[alone]
	return min(with.chunks, without.chunks) >= trialChunks &&
		clearGain*without.time.Seconds()/float64(without.chunks) < with.time.Seconds()/float64(with.chunks)
}
