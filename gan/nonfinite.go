package gan

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// NonFiniteError says that a loss or a gradient became NaN or infinite. It was
// seen before any update was made with it, and what the step had done until then
// was undone.
type NonFiniteError struct {
	Step     int        // counted from 1
	Network  string     // "discriminator" or "generator": which one was to be updated
	Gradient bool       // its losses are finite, but an element of its gradient is not
	Losses   Losses     // Generator is 0 if the error is the discriminator's
	Weights  string     // the network whose weights are not finite, after an update that was too large; "" if both's are
	Data     *DataError // what is wrong with the real samples; nil if they are finite
	Snapshot string     // the file that [Trainer.Replay] does the step again from; "" if there is none

	group bool // others have a part of the batch, of which they alone know whether it is finite
}

func (e *NonFiniteError) Error() string {
	replay := ""
	if e.Snapshot != "" {
		replay = "; what led to it is in " + e.Snapshot
	}
	if e.Data != nil {
		return fmt.Sprintf("gan: step %d: %v%s", e.Step, e.Data, replay)
	}
	what, why, before := "loss", "", ""
	if e.Gradient {
		what = "gradient"
	}
	if e.Weights != "" {
		why = fmt.Sprintf(", since the %s's last update was too large for its weights", e.Weights)
		before = ", from a checkpoint of before"
	}
	if e.group && e.Weights == "" {
		before = ", unless another process finds its real samples not to be finite"
	}
	return fmt.Sprintf("gan: step %d: the %s's %s is not finite (losses: real %.4g, fake %.4g, penalty %.4g, generator %.4g)%s; try a smaller learning rate%s%s",
		e.Step, e.Network, what, e.Losses.Real, e.Losses.Fake, e.Losses.Penalty, e.Losses.Generator, why, before, replay)
}

// Unwrap returns Data, if there is any.
func (e *NonFiniteError) Unwrap() error {
	if e.Data == nil {
		return nil
	}
	return e.Data
}

// DataError says that a real sample, or its condition, is not finite.
type DataError struct {
	Epoch, Batch int     // counted from 1; 0 outside [Trainer.Fit]
	Sample       int     // in the batch, counted from 0: the first that is not finite
	Condition    bool    // it is a number of the sample's condition
	Index        int     // its number in the data set, from 0; -1 if the source does not tell
	Value        float64 // NaN or an infinity
}

func (e *DataError) Error() string {
	where := "the real batch"
	if e.Epoch > 0 {
		where = fmt.Sprintf("the real batch (epoch %d, batch %d)", e.Epoch, e.Batch)
	}
	number := ""
	if e.Index >= 0 {
		number = fmt.Sprintf(", number %d of the data", e.Index)
	}
	what := ""
	if e.Condition {
		what = "in its condition "
	}
	return fmt.Sprintf("%s, sample %d%s, holds %s%v", where, e.Sample, number, what, e.Value)
}

// brokenWeights returns the network of which a weight is not finite, or "": numbers that
// are not finite come from it then, whichever network was to learn from them.
func (g *game) brokenWeights() string {
	switch finite := func(leaves []*autograd.Var) bool { return isFinite(tensor.Norm(autograd.Values(leaves)).Item()) }; {
	case !finite(g.gLeaves):
		return "generator"
	case !finite(g.dLeaves):
		return "discriminator"
	}
	return ""
}

// lookForNaN returns what is wrong with real samples and their condition, or nil.
func lookForNaN(b Batch) *DataError {
	for _, part := range []*tensor.Tensor{b.X, b.Condition} {
		if part == nil || isFinite(tensor.Norm([]*tensor.Tensor{part}).Item()) {
			continue
		}
		values := part.Float64s()
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return &DataError{Sample: i / (len(values) / part.Dim(0)), Condition: part == b.Condition, Index: -1, Value: v}
			}
		}
	}
	return nil
}

// Indexed is a [Source] that knows which of its data a sample of a batch is. A
// datasets.Loader is one.
type Indexed interface {
	// Index returns the number, in the data set, of sample i of a batch; all
	// count from 0.
	Index(epoch, batch, i int) int
}

// blame adds to the error of a step on a batch where in the data these were,
// and writes down what led to it.
func (f *fitting) blame(err error, b Batch, epoch, batch int) error {
	e, ok := err.(*NonFiniteError)
	if !ok {
		return err
	}
	if e.Data != nil {
		e.Data.Epoch, e.Data.Batch = epoch, batch
		if s, ok := f.src.(Indexed); ok {
			e.Data.Index = s.Index(epoch-1, batch-1, e.Data.Sample)
		}
	}
	if f.o.failure == "" {
		return err
	}
	if failed := f.record(b); failed != nil {
		return both(err, failed)
	}
	e.Snapshot = f.o.failure
	return err
}
