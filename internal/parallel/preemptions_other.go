//go:build !unix

package parallel

// preemptions is unknown here, so the pool never suspects contention.
func preemptions() int64 { return 0 }
