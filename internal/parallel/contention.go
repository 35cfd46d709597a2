package parallel

import (
	"sync"
	"sync/atomic"
	"time"
)

// If another program takes one of two cores, helper and caller have to share the
// other one. The helper that is woken for a loop displaces the caller, does the
// loop, waits for the next one, which the displaced caller cannot begin, and
// leaves; then the caller wakes it again. Two threads take a third longer than one
// that way, and callers do better if they run their loops alone.
//
// Frequent preemptions raise the suspicion, but a program's own threads, such as
// the garbage collector's, preempt each other as well. So a trial decides: loops
// run with helpers for a while, then without, and what took less time per chunk is
// kept. Each trial in a row that finds callers better off alone makes the pool work
// without helpers for longer; each that does not doubles the wait before the next
// trial.

const (
	checkEvery      = 50 * time.Millisecond // for preemptions
	manyPreemptions = 200                   // per second and thread: start a trial

	trialTime   = 50 * time.Millisecond  // with helpers, and again without
	trialChunks = 100                    // a trial with fewer chunks on either side says nothing
	clearGain   = 1.1                    // in time per chunk: half of the trials between equals would find some gain
	firstAlone  = 300 * time.Millisecond // without helpers after the first trial that says so
	mostAlone   = 2 * time.Second        // so that the other program's end is noticed soon
	firstWait   = 500 * time.Millisecond // before the next trial
	mostWait    = time.Minute
)

// phase is what the pool does about contention.
type phase = int32

const (
	normal      phase = iota // loops run with helpers
	trialShared              // a trial's loops with helpers
	trialAlone               // and those without
	alone                    // loops run without helpers
)

// contention finds out whether other programs compete for the cores. Times are
// since the program's start.
type contention struct {
	phase atomic.Int32

	mu          sync.Mutex
	until       time.Duration // end of the phase, the earliest one if it is normal
	checked     time.Duration // when preemptions were last counted
	preemptions int64         // and how many there were
	lastAlone   time.Duration // length of the last phase alone
	lastWait    time.Duration // and of the last wait for a trial
	cost        [trialAlone + 1]cost
}

// cost is what the loops of a phase took.
type cost struct {
	time   time.Duration
	chunks int
}

var (
	contended contention
	epoch     = time.Now()
)

// check counts preemptions if it is time to, and begins a trial if there were
// many. It is called whenever a helper is started: as long as loops follow each
// other and helpers keep their cores, none is. threads are those of the pool.
func (c *contention) check(now time.Duration, threads int, preemptions func() int64) {
	if c.phase.Load() != normal || !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	since := now - c.checked
	if since < checkEvery || now < c.until {
		return
	}
	n := preemptions()
	many := float64(n-c.preemptions) >= manyPreemptions*float64(threads)*since.Seconds()
	recent := c.checked != 0 && since < 2*firstWait // else the count says nothing about now
	c.checked, c.preemptions = now, n
	if many && recent {
		c.enter(trialShared, now+trialTime)
	}
}

func (c *contention) enter(p phase, until time.Duration) {
	if p == trialShared {
		c.cost = [trialAlone + 1]cost{}
	}
	c.until = until
	c.phase.Store(p)
}

// begin returns the phase that a loop begins in.
func (c *contention) begin(now time.Duration) phase {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.phase.Load()
	if now < c.until {
		return p
	}
	switch p {
	case trialShared:
		c.enter(trialAlone, now+trialTime)
	case trialAlone:
		if c.betterAlone() {
			c.lastAlone, c.lastWait = min(max(firstAlone, 2*c.lastAlone), mostAlone), 0
			c.enter(alone, now+c.lastAlone)
		} else {
			c.lastAlone, c.lastWait = 0, min(max(firstWait, 2*c.lastWait), mostWait)
			c.enter(normal, now+c.lastWait)
		}
	case alone:
		c.enter(trialShared, now+trialTime)
	}
	return c.phase.Load()
}

// end counts a loop that began in phase p, if that is part of a trial.
func (c *contention) end(p phase, took time.Duration, chunks int) {
	if p != trialShared && p != trialAlone {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cost[p].time += took
	c.cost[p].chunks += chunks
}

func (c *contention) betterAlone() bool {
	with, without := c.cost[trialShared], c.cost[trialAlone]
	return min(with.chunks, without.chunks) >= trialChunks &&
		clearGain*without.time.Seconds()/float64(without.chunks) < with.time.Seconds()/float64(with.chunks)
}
