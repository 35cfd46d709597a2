package cpu

import (
	"sync"

	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// pools keep descriptions of work, and memory, between calls, so that sharing work
// among threads allocates nothing.
type pools struct {
	loop, reduce, adam, norm, look, epilogue, grad, buffers, pick, transpose, nearBinary, repeat, rows, memory, correlation, weightSum sync.Pool
}

var (
	pools32, pools64 pools
	randomJobs       sync.Pool
)

func poolOf[T vec.Float]() *pools {
	var x T
	switch any(x).(type) {
	case float32:
		return &pools32
	case float64:
		return &pools64
	default:
		panic("cpu: unknown element type")
	}
}

// take returns a value from a pool, or a new one where it is empty.
func take[V any](pool *sync.Pool) *V {
	if v, ok := pool.Get().(*V); ok {
		return v
	}
	return new(V)
}

// share runs a job over [0,n) in pieces of grain, on a copy from its pool.
func share[Job any, Body interface {
	*Job
	parallel.Body
}](pool *sync.Pool, n, grain int, job Job) {
	j := Body(take[Job](pool))
	*j = job
	parallel.Run(n, grain, j)
	reset[Job](j)
	pool.Put(j)
}

// reset clears a pooled value, so that what it refers to can be collected.
func reset[V any](v *V) {
	var zero V
	*v = zero
}
