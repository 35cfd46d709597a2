//go:build unix

package parallel

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestIdle checks that helpers stop spinning: an idle program uses no core.
func TestIdle(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for most of a second")
	}
	threads(t, 4)
	For(1000, 1, func(int, int) {})
	before := cpuTime(t)
	time.Sleep(700 * time.Millisecond)
	require.Less(t, cpuTime(t)-before, 50*time.Millisecond)
}

// cpuTime is the processor time that this process has used.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
