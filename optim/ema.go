package optim

import (
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// EMA is an exponential moving average of parameters: with decay d, each
// [EMA.Update] does
//
//	average ← d·average + (1−d)·parameter
//
// starting from the parameters themselves. A generator with averaged weights gives
// better samples than with the weights of one step (Yazıcı et al., "The unusual
// effectiveness of averaging in GAN training", 2019). An EMA serves one goroutine
// at a time.
type EMA struct {
	memory   memory
	params   []*tensor.Tensor
	constant float64 // 1 − decay, unless halfLife is set
	halfLife float64 // in updates; 0 for a constant decay
}

// NewEMA returns an average with a constant decay, from 0 to below 1. It panics
// as [New] does.
func NewEMA(params []*tensor.Tensor, decay float64) *EMA {
	if err := checkFraction("decay", decay); err != nil {
		panic(&MethodError{"EMA", err})
	}
	e := newEMA("NewEMA", params)
	e.constant = 1 - decay
	return e
}

// NewEMAHalfLife returns an average in which the weight of a value halves every
// halfLife updates: decay = 2^(−1/halfLife). Early on the half-life is shorter, so
// that the first, poor values soon lose their weight: update t uses
// min(halfLife, max(1, t/10)). It panics as [New] does, and unless halfLife is
// above 0.
func NewEMAHalfLife(params []*tensor.Tensor, halfLife float64) *EMA {
	if err := checkAboveZero("halfLife", halfLife); err != nil {
		panic(&MethodError{"EMA", err})
	}
	e := newEMA("NewEMAHalfLife", params)
	e.halfLife = halfLife
	return e
}

func newEMA(op string, params []*tensor.Tensor) *EMA {
	e := &EMA{memory: newMemory(op, "EMA", params, []string{"average"}, nil), params: slices.Clone(params)}
	for i, a := range e.averages() {
		a.CopyFrom(params[i])
	}
	return e
}

func (e *EMA) averages() []*tensor.Tensor { return e.memory.slots[0] }

// Update updates the averages with the parameters' current values.
func (e *EMA) Update() {
	e.memory.steps++
	tensor.AverageInto(e.averages(), e.params, e.weight())
}

// weight returns the weight of the new value in the current update.
func (e *EMA) weight() float64 {
	if e.halfLife == 0 {
		return e.constant
	}
	h := min(e.halfLife, max(1, float64(e.memory.steps)/10))
	return -math.Expm1(-math.Ln2 / h)
}

// Steps returns the number of updates done.
func (e *EMA) Steps() int { return e.memory.steps }

// Values returns the averages, in the order of the parameters. They belong to the
// EMA: the next Update changes them, and the caller must not.
func (e *EMA) Values() []*tensor.Tensor { return slices.Clone(e.averages()) }

// State returns copies of the averages, "average.0", "average.1", …, and the
// number of updates, "step", as a Float64 tensor of rank 0.
func (e *EMA) State() map[string]*tensor.Tensor { return e.memory.state() }

// Restore copies what State has returned. If it does not fit the parameters,
// Restore changes nothing and returns an error that names the first entry that
// does not fit.
func (e *EMA) Restore(state map[string]*tensor.Tensor) error { return e.memory.restore(state) }

// Save copies the averages to s, for [EMA.GoBack]. Unlike [EMA.State] it reuses
// the memory of s.
func (e *EMA) Save(s *Saved) { e.memory.save(s) }

// GoBack restores what [EMA.Save] of the same EMA has copied. It panics with a
// [tensor.ArgumentError] if that was another, or none.
func (e *EMA) GoBack(s *Saved) { e.memory.goBack(s) }
