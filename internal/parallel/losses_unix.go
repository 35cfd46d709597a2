//go:build unix

package parallel

import "syscall"

// losses is how often threads of this program had to leave a core to another thread.
func losses() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return int64(u.Nivcsw)
}
