package tensorboard

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/strictjson"
)

// sums are what the means of the next event with scalars are made of.
type sums struct {
	gan.Losses
	normG, normD float64 // of gradients
	steps, ofG   int     // over which they are; of which the generator had its turn
}

// add adds a step.
func (t *sums) add(s *gan.StepInfo) {
	g, d := s.GradNorms()
	t.Real += s.Losses.Real
	t.Fake += s.Losses.Fake
	t.Penalty += s.Losses.Penalty
	t.normD += d
	t.steps++
	if s.GeneratorTerms() != nil {
		t.Generator += s.Losses.Generator
		t.normG += g
		t.ofG++
	}
}

// numbers returns where the sums are that a checkpoint holds.
func (t *sums) numbers() []*float64 {
	return []*float64{&t.Real, &t.Fake, &t.Penalty, &t.Generator, &t.normG, &t.normD}
}

// state is what a checkpoint holds of a hook. The numbers are their bits: one that is
// infinite is none in JSON, and must not keep a checkpoint from being written.
type state struct {
	Numbers   [6]uint64 `json:"numbers"`
	Steps     int       `json:"steps"`
	Generator int       `json:"generator_steps"`
}

func (t sums) state() any {
	s := state{Steps: t.steps, Generator: t.ofG}
	for i, x := range t.numbers() {
		s.Numbers[i] = math.Float64bits(*x)
	}
	return s
}

// readState reads what encoding/json has made of a state; nil is a hook that starts
// anew.
func readState(text []byte) (t sums, err error) {
	if text == nil {
		return sums{}, nil
	}
	var s state
	if err := strictjson.Unmarshal(text, &s); err != nil {
		return sums{}, err
	}
	if s.Steps < 0 || s.Generator < 0 || s.Generator > s.Steps {
		return sums{}, fmt.Errorf("it holds sums over %d steps, %d of the generator's", s.Steps, s.Generator)
	}
	t.steps, t.ofG = s.Steps, s.Generator
	for i, x := range t.numbers() {
		*x = math.Float64frombits(s.Numbers[i])
	}
	return t, nil
}
