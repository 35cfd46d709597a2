package optim_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		schedule optim.Schedule
		at       map[int]float64
	}{
		{optim.Linear{From: 2, To: 1, Steps: 4}, map[int]float64{0: 2, 1: 1.75, 4: 1, 5: 1, 1000: 1}},
		{optim.Linear{From: 2, To: 1}, map[int]float64{0: 1, 5: 1}},
		{optim.Cosine{From: 0.9, To: 0.99, Steps: 4}, map[int]float64{0: 0.9, 2: 0.945, 4: 0.99, 9: 0.99}},
		{optim.Cosine{From: 1, To: 0.05}, map[int]float64{0: 0.05, 5: 0.05}},
		{optim.StepDecay{Every: 3, Factor: 0.5}, map[int]float64{0: 1, 2: 1, 3: 0.5, 5: 0.5, 6: 0.25}},
		{optim.StepDecay{Factor: 0.5}, map[int]float64{0: 1, 1: 0.5}},
		{optim.Product{}, map[int]float64{0: 1, 5: 1}},
		{optim.Product{optim.Linear{From: 0, To: 1, Steps: 2}, optim.StepDecay{Every: 4, Factor: 0.1}},
			map[int]float64{0: 0, 1: 0.5, 2: 1, 3: 1, 4: 0.1}},
		{optim.ScheduleFunc(func(step int) float64 { return float64(step * step) }), map[int]float64{3: 9}},
	} {
		for step, want := range c.at {
			require.InDelta(t, want, c.schedule.At(step), 1e-15, "%T at %d", c.schedule, step)
		}
	}
}

// Each method applies its schedule, and LR returns the rate of the next step.
func TestMethodsFollowTheirSchedule(t *testing.T) {
	half := optim.ScheduleFunc(func(step int) float64 { return math.Exp2(-float64(step)) })
	for _, m := range []optim.Method{
		optim.SGD{LR: 2, Schedule: half},
		optim.Adam{LR: 2, Schedule: half},
		optim.AdamW{LR: 2, Schedule: half},
		optim.RMSprop{LR: 2, Schedule: half},
	} {
		p := tensor.Full(tensor.Float64, 1, 1)
		o := optim.New(m, []*tensor.Tensor{p})
		for step := range 3 {
			require.Equal(t, 2*half.At(step), o.LR(), m.Name())
			require.Equal(t, step, o.Steps())
			before := p.Item()
			o.Step([]*tensor.Tensor{tensor.Full(tensor.Float64, 1, 1)})
			require.Less(t, p.Item(), before)
		}
		require.Equal(t, 0.25, o.LR(), m.Name())
	}
	// The step itself, in a case that is easy to check.
	p := tensor.Scalar(tensor.Float64, 0)
	o := optim.New(optim.SGD{LR: 2, Schedule: half}, []*tensor.Tensor{p})
	for _, want := range []float64{-2, -3, -3.5} {
		o.Step([]*tensor.Tensor{tensor.Scalar(tensor.Float64, 1)})
		require.Equal(t, want, p.Item())
	}
}
