//go:build unix

package parallel

import "syscall"

// preemptions is how often the system took a core away from a thread of this
// program.
func preemptions() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return int64(u.Nivcsw)
}
