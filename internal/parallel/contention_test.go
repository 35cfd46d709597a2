package parallel

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// contentionTest simulates a pool of two threads.
type contentionTest struct {
	*testing.T
	contention
	now       time.Duration
	preempted int64
}

// check lets time pass, with so many preemptions per second, and counts them.
func (c *contentionTest) check(after time.Duration, perSecond float64) phase {
	c.now += after
	c.preempted += int64(perSecond * after.Seconds())
	c.contention.check(c.now, 2, func() int64 { return c.preempted })
	return c.phase.Load()
}

// try goes through a trial in which loops of 10 chunks take so long, and returns what
// it leads to.
func (c *contentionTest) try(with, without time.Duration) phase {
	for _, p := range []phase{trialShared, trialAlone} {
		took := map[phase]time.Duration{trialShared: with, trialAlone: without}[p]
		for range int(trialTime / took) {
			require.Equal(c, p, c.begin(c.now))
			c.now += took
			c.end(p, took, 10)
		}
		c.now = c.until
		c.begin(c.now)
	}
	return c.phase.Load()
}

// TestContention goes through the phases of a pool while another program comes and
// goes.
func TestContention(t *testing.T) {
	const slow, fast = 2 * time.Millisecond, time.Millisecond
	c := contentionTest{T: t}
	require.Equal(t, normal, c.check(time.Second, 1e6), "what was before the first check does not count")
	require.Equal(t, normal, c.check(checkEvery, 390))
	require.Equal(t, normal, c.check(checkEvery-1, 1e6), "too soon")
	require.Equal(t, trialShared, c.check(1, 0), "but counted next time")
	for want := firstAlone; want < 4*mostAlone; want *= 2 {
		require.Equal(t, alone, c.try(slow, fast))
		require.Equal(t, min(want, mostAlone), c.until-c.now)
		require.Equal(t, alone, c.begin(c.until-1))
		c.now = c.until
		require.Equal(t, trialShared, c.begin(c.now), "another trial")
	}
	// The other program has gone. Each wrong suspicion doubles the wait before the next trial.
	for want := firstWait; want < 4*mostWait; want *= 2 {
		require.Equal(t, normal, c.try(fast, slow))
		require.Equal(t, min(want, mostWait), c.until-c.now)
		require.Equal(t, normal, c.check(c.until-c.now-1, 1e4))
		c.check(checkEvery, 0)
		require.Equal(t, trialShared, c.check(checkEvery, 410))
	}
	require.Equal(t, alone, c.try(slow, fast), "another program")
	require.Equal(t, firstAlone, c.until-c.now)
	c.now = c.until
	c.begin(c.now)
	require.Equal(t, normal, c.try(trialTime/9, trialTime/20), "too few chunks to say")
}

// TestTrial reports preemptions to a real pool: it holds a trial and still works.
func TestTrial(t *testing.T) {
	threads(t, 2)
	contended = contention{}
	defer func(old func() int64) { countPreemptions, contended = old, contention{} }(countPreemptions)
	n := int64(0)
	countPreemptions = func() int64 { n += 1 << 20; return n }
	seen := map[phase]bool{}
	for start := time.Now(); !(seen[trialShared] && seen[trialAlone]) && time.Since(start) < 5*time.Minute; {
		time.Sleep(2 * linger) // so that a helper is started
		for range 20 {
			sum := new(counter)
			Run(100, 10, sum)
			require.EqualValues(t, 100, sum.n.Load())
		}
		seen[contended.phase.Load()] = true
	}
	require.True(t, seen[trialShared] && seen[trialAlone], "%v", seen)
}

// TestAlone checks that a pool in phase alone starts no helper and does all the work.
func TestAlone(t *testing.T) {
	threads(t, 4)
	require.Eventually(t, func() bool { return helpers.Load() == 0 }, time.Minute, time.Millisecond)
	contended.enter(alone, time.Since(epoch)+time.Hour)
	defer func() { contended = contention{} }()
	n := 0
	For(1000, 1, func(lo, hi int) { n += hi - lo }) // a race, were there helpers
	require.Equal(t, 1000, n)
	require.Zero(t, helpers.Load())
}

// TestPreemptions lets more threads compute than there are cores.
func TestPreemptions(t *testing.T) {
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd":
	default:
		t.Skip("not known to count there")
	}
	n := runtime.NumCPU() + 1
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n + 1))
	stop := make(chan struct{})
	defer close(stop)
	for range n {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
	}
	before := preemptions()
	require.Eventually(t, func() bool { return preemptions() > before }, 5*time.Minute, 10*time.Millisecond)
}
