package optim

import "math"

// Schedule is a number that depends on the step alone. As a method's Schedule
// it multiplies the learning rate; elsewhere it is the value itself.
//
// A linear warm-up before a cosine decay is a product:
//
//	optim.Product{optim.Linear{From: 0.01, To: 1, Steps: 100}, optim.Cosine{From: 1, To: 0.05, Steps: 5000}}
type Schedule interface {
	// At returns the value at a step; the first is 0. Package gan asks for steps far
	// beyond the end of a run, too, to tell one function from another.
	At(step int) float64
}

// ScheduleFunc makes a [Schedule] of a function, which must be pure.
type ScheduleFunc func(step int) float64

// At calls f.
func (f ScheduleFunc) At(step int) float64 { return f(step) }

// Linear goes from From to To in a straight line over Steps steps, and stays
// there (PyTorch's LinearLR).
type Linear struct {
	From, To float64
	Steps    int // below 1: To at once
}

// At returns From + (To−From)·min(1, step/Steps).
func (l Linear) At(step int) float64 { return l.From + (l.To-l.From)*progress(step, l.Steps) }

// Cosine goes from From to To along half a wave over Steps steps, and stays
// there (PyTorch's CosineAnnealingLR, which rises again after that; Loshchilov
// and Hutter, "SGDR", 2017).
type Cosine struct {
	From, To float64
	Steps    int // below 1: To at once
}

// At returns To + (From−To)·(1+cos(π·min(1, step/Steps)))/2.
func (c Cosine) At(step int) float64 {
	return c.To + (c.From-c.To)*(1+math.Cos(math.Pi*progress(step, c.Steps)))/2
}

// progress is the part of steps that is done, from 0 to 1.
func progress(step, steps int) float64 {
	if step >= steps {
		return 1
	}
	return float64(step) / float64(steps)
}

// StepDecay starts at 1 and is multiplied by Factor after each Every steps
// (PyTorch's StepLR).
type StepDecay struct {
	Every  int // below 1 counts as 1
	Factor float64
}

// At returns Factor to the power of ⌊step/Every⌋.
func (s StepDecay) At(step int) float64 {
	return math.Pow(s.Factor, float64(step/max(s.Every, 1)))
}

// Product is the product of schedules, 1 if there are none.
type Product []Schedule

// At multiplies the schedules' values.
func (p Product) At(step int) float64 {
	v := 1.0
	for _, s := range p {
		v *= s.At(step)
	}
	return v
}

// scheduled returns the learning rate of a step.
func scheduled(lr float64, s Schedule, step int) float64 {
	if s == nil {
		return lr
	}
	return lr * s.At(step)
}
