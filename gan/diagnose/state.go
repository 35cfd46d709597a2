package diagnose

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/strictjson"
)

// state is what a checkpoint holds of a hook.
type state struct {
	Sums      bits            `json:"sums"` // of the losses since the last measurement
	Steps     int             `json:"steps"`
	Generator int             `json:"generator_steps"`
	Said      map[string]int  `json:"said"`
	Record    []*savedMeasure `json:"record"`
	Pending   []*savedMeasure `json:"pending,omitempty"` // at most one
}

// savedMeasure is a [Measurement] but for PerSecond, which is not the same in every run.
type savedMeasure struct {
	Step    int       `json:"step"`
	Numbers bits      `json:"numbers"`
	Dead    [2]string `json:"dead"` // layers
	Real    bits      `json:"real,omitempty"`
	Fake    bits      `json:"fake,omitempty"`
}

// bits are numbers, which may be NaN, in base64 of eight bytes each, the lowest first.
type bits []float64

func (v bits) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return json.Marshal(b)
}

func (v *bits) UnmarshalJSON(text []byte) error {
	var b []byte
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	if len(b)%8 != 0 {
		return fmt.Errorf("%d bytes are not numbers of eight", len(b))
	}
	*v = nil
	for ; len(b) > 0; b = b[8:] {
		*v = append(*v, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return nil
}

// numbersOf returns where a measurement's numbers are that a checkpoint holds.
func numbersOf(m *Measurement) []*float64 {
	g, d := &m.Generator, &m.Discriminator
	return []*float64{
		&m.Losses.Real, &m.Losses.Fake, &m.Losses.Penalty, &m.Losses.Generator,
		&g.GradNorm, &g.Rate, &g.Update, &g.Dead, &d.GradNorm, &d.Rate, &d.Update, &d.Dead,
		&m.Accuracy, &m.RealSlope, &m.FakeSlope, &m.RealDistance, &m.FakeDistance,
		&m.RealRange[0], &m.RealRange[1], &m.Limits[0], &m.Limits[1], &m.Beyond,
	}
}

func save(m *Measurement) *savedMeasure {
	s := &savedMeasure{Step: m.Step, Dead: [2]string{m.Generator.DeadLayer, m.Discriminator.DeadLayer}}
	for _, x := range numbersOf(m) {
		s.Numbers = append(s.Numbers, *x)
	}
	if len(m.RealScores)+len(m.FakeScores) <= scores { // those of larger batches are too many for a checkpoint
		s.Real, s.Fake = m.RealScores, m.FakeScores
	}
	return s
}

func (s *savedMeasure) measurement() (*Measurement, error) {
	m := &Measurement{Step: s.Step, PerSecond: math.NaN(), RealScores: s.Real, FakeScores: s.Fake}
	m.Generator.DeadLayer, m.Discriminator.DeadLayer = s.Dead[0], s.Dead[1]
	to := numbersOf(m)
	if len(s.Numbers) != len(to) {
		return nil, fmt.Errorf("a measurement has %d numbers, not %d", len(s.Numbers), len(to))
	}
	for i, x := range to {
		*x = s.Numbers[i]
	}
	return m, nil
}

// saved is a [state] that costs nothing before it is written, when the measurement that
// is under way is waited for. What it holds does not change any more.
type saved struct {
	losses     gan.Losses
	steps, ofG int
	pending    *measuring
	record     []*Measurement
	said       map[string]int
}

func (s saved) MarshalJSON() ([]byte, error) {
	l := s.losses
	out := state{Sums: bits{l.Real, l.Fake, l.Penalty, l.Generator}, Steps: s.steps, Generator: s.ofG, Said: s.said, Record: []*savedMeasure{}}
	for _, m := range s.record {
		out.Record = append(out.Record, save(m))
	}
	if s.pending != nil {
		if m := s.pending.wait(); m != nil {
			out.Pending = []*savedMeasure{save(m)}
		}
	}
	return json.Marshal(out)
}

// readState reads what [saved] wrote; nil is a hook that starts anew.
func readState(text []byte) (*state, error) {
	if text == nil {
		return nil, nil
	}
	var s state
	if err := strictjson.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if len(s.Sums) != 4 || s.Steps < 0 || s.Generator < 0 || s.Generator > s.Steps {
		return nil, fmt.Errorf("it holds %d sums over %d steps, %d of the generator's", len(s.Sums), s.Steps, s.Generator)
	}
	if len(s.Record) > longest || len(s.Pending) > 1 {
		return nil, fmt.Errorf("it holds %d measurements, and %d under way", len(s.Record), len(s.Pending))
	}
	last := 0
	for _, all := range [][]*savedMeasure{s.Record, s.Pending} {
		for _, m := range all {
			if m == nil || m.Step <= last {
				return nil, fmt.Errorf("its measurements are not in order after that of step %d", last)
			}
			last = m.Step
			if _, err := m.measurement(); err != nil {
				return nil, err
			}
		}
	}
	for rule, ago := range s.Said {
		if ago < 0 || ago > again {
			return nil, fmt.Errorf("the rule %q was heard %d measurements ago", rule, ago)
		}
	}
	return &s, nil
}

// into takes the state over, which was checked.
func (s *state) into(h *hook) {
	h.losses = gan.Losses{Real: s.Sums[0], Fake: s.Sums[1], Penalty: s.Sums[2], Generator: s.Sums[3]}
	h.steps, h.ofG = s.Steps, s.Generator
	if s.Said != nil {
		h.said = s.Said
	}
	for _, m := range s.Record {
		m, _ := m.measurement()
		h.record.Measurements = append(h.record.Measurements, m)
	}
	for _, m := range s.Pending {
		m, _ := m.measurement()
		h.pending = &measuring{done: make(chan struct{}), m: m}
		close(h.pending.done)
	}
}
