package cpu

import (
	"sync"

	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// pools keep descriptions of work, and memory, between calls, so that sharing work
// among threads allocates nothing.
type pools struct {
	loop, reduce, adam, norm, look, epilogue, grad, buffers, pick, transpose, nearBinary, repeat, rows, memory, correlation, weightSum sync.Pool
}

func newPools[T vec.Float]() *pools {
	return &pools{
		pick:        sync.Pool{New: func() any { return new(pickJob[T]) }},
		transpose:   sync.Pool{New: func() any { return new(transposeJob[T]) }},
		nearBinary:  sync.Pool{New: func() any { return new(nearBinaryJob[T]) }},
		repeat:      sync.Pool{New: func() any { return new(repeatJob[T]) }},
		rows:        sync.Pool{New: func() any { return new(rowsJob[T]) }},
		buffers:     sync.Pool{New: func() any { return new(buffers[T]) }},
		grad:        sync.Pool{New: func() any { return new(gradJob[T]) }},
		loop:        sync.Pool{New: func() any { return new(loop[T]) }},
		reduce:      sync.Pool{New: func() any { return new(reduceJob[T]) }},
		norm:        sync.Pool{New: func() any { return new(normJob[T]) }},
		look:        sync.Pool{New: func() any { return new(gemm.Look[T]) }},
		adam:        sync.Pool{New: func() any { return new(adamJob[T]) }},
		epilogue:    sync.Pool{New: func() any { return new(biasAct[T]) }},
		correlation: sync.Pool{New: func() any { return new(correlation[T]) }},
		weightSum:   sync.Pool{New: func() any { return new(weightSum[T]) }},
		memory:      sync.Pool{New: func() any { return new(memory[T]) }},
	}
}

var (
	pools32    = newPools[float32]()
	pools64    = newPools[float64]()
	randomJobs = sync.Pool{New: func() any { return new(randomJob) }}
)

func poolOf[T vec.Float]() *pools {
	var x T
	switch any(x).(type) {
	case float32:
		return pools32
	case float64:
		return pools64
	default:
		panic("cpu: unknown element type")
	}
}

// share runs a job over [0,n) in pieces of grain, on a copy from its pool.
func share[Job any, Body interface {
	*Job
	parallel.Body
}](pool *sync.Pool, n, grain int, job Job) {
	j := pool.Get().(Body)
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
