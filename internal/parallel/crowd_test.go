package parallel

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowdTest tells a crowd of a pool of two threads what happens.
type crowdTest struct {
	*testing.T
	crowd
	now  time.Duration
	lost int64
}

// look lets time pass, with so many losses per second, and counts them.
func (c *crowdTest) look(after time.Duration, perSecond float64) phase {
	c.now += after
	c.lost += int64(perSecond * after.Seconds())
	c.crowd.look(c.now, 2, func() int64 { return c.lost })
	return c.phase.Load()
}

// try goes through a trial in which loops of 10 chunks take so long, and returns what
// it leads to.
func (c *crowdTest) try(with, without time.Duration) phase {
	for _, p := range []phase{together, alone} {
		took := map[phase]time.Duration{together: with, alone: without}[p]
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

// TestCrowd goes through the life of a pool whose neighbour comes and goes.
func TestCrowd(t *testing.T) {
	const slow, fast = 2 * time.Millisecond, time.Millisecond
	c := crowdTest{T: t}
	require.Equal(t, unsuspecting, c.look(time.Second, 1e6), "what was before the first look does not count")
	require.Equal(t, unsuspecting, c.look(lookEvery, 390))
	require.Equal(t, unsuspecting, c.look(lookEvery-1, 1e6), "too soon")
	require.Equal(t, together, c.look(1, 0), "but counted next time")
	for want := firstRest; want < 4*longestRest; want *= 2 {
		require.Equal(t, resting, c.try(slow, fast))
		require.Equal(t, min(want, longestRest), c.until-c.now)
		require.Equal(t, resting, c.begin(c.until-1))
		c.now = c.until
		require.Equal(t, together, c.begin(c.now), "another trial")
	}
	// The neighbour has gone. Each wrong suspicion lets the next one wait for longer.
	for want := firstFaith; want < 4*longestFaith; want *= 2 {
		require.Equal(t, unsuspecting, c.try(fast, slow))
		require.Equal(t, min(want, longestFaith), c.until-c.now)
		require.Equal(t, unsuspecting, c.look(c.until-c.now-1, 1e4))
		c.look(lookEvery, 0)
		require.Equal(t, together, c.look(lookEvery, 410))
	}
	require.Equal(t, resting, c.try(slow, fast), "another neighbour")
	require.Equal(t, firstRest, c.until-c.now)
	c.now = c.until
	c.begin(c.now)
	require.Equal(t, unsuspecting, c.try(trialTime/9, trialTime/20), "too few chunks to say")
}

// TestSuspicion lets a real pool believe in losses: it tries, and goes on.
func TestSuspicion(t *testing.T) {
	threads(t, 2)
	crowded = crowd{}
	defer func(old func() int64) { countLosses, crowded = old, crowd{} }(countLosses)
	n := int64(0)
	countLosses = func() int64 { n += 1 << 20; return n }
	seen := map[phase]bool{}
	for start := time.Now(); !(seen[together] && seen[alone]) && time.Since(start) < 20*time.Second; {
		time.Sleep(2 * linger) // so that a helper is hired
		for range 20 {
			sum := new(counter)
			Run(100, 10, sum)
			require.EqualValues(t, 100, sum.n.Load())
		}
		seen[crowded.phase.Load()] = true
	}
	require.True(t, seen[together] && seen[alone], "%v", seen)
}

// TestResting checks that a resting pool hires nobody and does all the work.
func TestResting(t *testing.T) {
	threads(t, 4)
	require.Eventually(t, func() bool { return helpers.Load() == 0 }, 5*time.Second, time.Millisecond)
	crowded.enter(resting, time.Since(began)+time.Hour)
	defer func() { crowded = crowd{} }()
	n := 0
	For(1000, 1, func(lo, hi int) { n += hi - lo }) // a race, were there helpers
	require.Equal(t, 1000, n)
	require.Zero(t, helpers.Load())
}

// TestLosses lets more threads compute than there are cores.
func TestLosses(t *testing.T) {
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
	before := losses()
	require.Eventually(t, func() bool { return losses() > before }, 20*time.Second, 10*time.Millisecond)
}
