package cpu

import (
	"sync"

	"github.com/gander-ml/gander/internal/kernel"
)

// pools keep the descriptions of work between calls, so that handing work to
// threads allocates nothing.
type pools struct {
	loop, reduce, adam, epilogue sync.Pool
}

func newPools[T kernel.Float]() *pools {
	return &pools{
		loop:     sync.Pool{New: func() any { return new(loop[T]) }},
		reduce:   sync.Pool{New: func() any { return new(reduceJob[T]) }},
		adam:     sync.Pool{New: func() any { return new(adamJob[T]) }},
		epilogue: sync.Pool{New: func() any { return new(biasAct[T]) }},
	}
}

var (
	pools32    = newPools[float32]()
	pools64    = newPools[float64]()
	randomJobs = sync.Pool{New: func() any { return new(randomJob) }}
)

func poolOf[T kernel.Float]() *pools {
	var x T
	if _, ok := any(x).(float64); ok {
		return pools64
	}
	return pools32
}
