package parallel

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCrowd goes through the life of a pool of two threads whose neighbour comes
// and goes.
func TestCrowd(t *testing.T) {
	var c crowd
	now, lost := time.Millisecond, int64(5000)
	// look counts after some time, in which there were so many losses per second,
	// and returns for how long the pool rests.
	look := func(after time.Duration, perSecond float64) time.Duration {
		now += after
		lost += int64(perSecond * after.Seconds())
		c.look(now, 2, func() int64 { return lost })
		return max(0, time.Duration(c.alone.Load())-now)
	}
	require.Zero(t, look(0, 0), "what was before the first look does not count")
	require.Zero(t, look(lookEvery, 390))
	require.Zero(t, look(lookEvery-1, 1e6), "too soon")
	require.EqualValues(t, firstRest, look(1, 0), "but counted next time")
	for want := 2 * firstRest; want < 4*longestRest; want *= 2 {
		require.Zero(t, look(c.rest, 20), "alone, it loses nothing")
		require.Equal(t, min(want, longestRest), look(lookEvery, 1400), "the neighbour is still there")
	}
	require.Zero(t, look(c.rest, 20))
	require.Zero(t, look(relapse, 20), "the neighbour has gone")
	require.Equal(t, firstRest, look(lookEvery, 1400), "another one")
}

// TestResting checks that a resting pool hires nobody and does all the work.
func TestResting(t *testing.T) {
	threads(t, 4)
	require.Eventually(t, func() bool { return helpers.Load() == 0 }, 5*time.Second, time.Millisecond)
	crowded.alone.Store(int64(time.Since(began) + time.Hour))
	defer crowded.alone.Store(0)
	n := 0
	For(1000, 1, func(lo, hi int) { n += hi - lo }) // a race, were there helpers
	require.Equal(t, 1000, n)
	require.Zero(t, helpers.Load())
	crowded.alone.Store(int64(time.Since(began)))
	require.False(t, crowded.resting())
}

// TestLosses counts what this process had to give up: never less than before.
func TestLosses(t *testing.T) {
	n := losses()
	require.GreaterOrEqual(t, losses(), n)
}
