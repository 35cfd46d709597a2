package gan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/strictjson"
	"github.com/gander-ml/gander/tensor"
)

// logLine is an epoch's line of the log.
type logLine struct {
	Epoch         int     `json:"epoch"`
	Steps         int     `json:"steps"`
	Discriminator float64 `json:"discriminator_loss"`
	Real          float64 `json:"discriminator_loss_real"`
	Fake          float64 `json:"discriminator_loss_fake"`
	Penalty       float64 `json:"discriminator_penalty,omitempty"`
	Generator     float64 `json:"generator_loss"`
	Seconds       float64 `json:"seconds"`
	Partial       bool    `json:"partial,omitempty"`
}

// stepLine is a step's line, and noteLine that of a sentence about the run.
type (
	stepLine struct {
		Step              int     `json:"step"`
		Epoch             int     `json:"epoch"`
		Discriminator     float64 `json:"discriminator_loss"` // means over the steps since the last such line
		Real              float64 `json:"discriminator_loss_real"`
		Fake              float64 `json:"discriminator_loss_fake"`
		Penalty           float64 `json:"discriminator_penalty,omitempty"`
		Generator         float64 `json:"generator_loss"`
		GeneratorNorm     float64 `json:"generator_gradient_norm"` // of this step
		DiscriminatorNorm float64 `json:"discriminator_gradient_norm"`
		PerSecond         float64 `json:"steps_per_second"`
	}
	noteLine struct {
		Step int    `json:"step"`
		Note string `json:"note"`
	}
)

// LogOption changes how [Log] works.
type LogOption func(*logConfig)

type logConfig struct{ every int }

// LogSteps adds a line after every n steps, with means over them:
//
//	{"step":100,"epoch":1,"discriminator_loss":0.51,…,"steps_per_second":66.2}
//
// It panics with a [tensor.ArgumentError] if n is less than 1.
func LogSteps(n int) LogOption {
	if n < 1 {
		panic(&tensor.ArgumentError{Op: "LogSteps", Problem: fmt.Sprintf("every %d steps", n), Fix: "give 1 or more"})
	}
	return func(c *logConfig) { c.every = n }
}

// Log returns a hook that keeps a log of the epochs' mean losses, one JSON
// object per line:
//
//	{"epoch":1,"steps":157,"discriminator_loss":0.51,…,"seconds":1.2}
//
// and, with [LogSteps], of steps. What hooks tell by [Run.Note] has lines of its
// own, {"step":600,"note":"…"}.
//
// The file is replaced after each epoch, and once in a while in a long one, so it is
// whole at any time. If that would take more than a fiftieth of the time, as after epochs
// of a single batch, it is replaced about once in a second, or less often if it is large.
// A resumed run goes on with the lines of the time before. Those that the file lacks,
// since the run was killed before it was written, are made from the checkpoint, which
// does not know the time: in them, seconds and steps_per_second are 0. All else is as in
// a run that was not interrupted.
//
// A log that cannot be written is a [Warning]: it is whole again as soon as it
// can. If it could not until the run was killed, the newest lines are known, 256 of
// steps and notes or more.
func Log(path string, options ...LogOption) Hook {
	var c logConfig
	for _, option := range options {
		option(&c)
	}
	l := &log{path: path}
	var before *logState // what is restored, until Start
	return Hook{
		Start: func(r Run) error {
			state := before
			before = nil
			if err := writable(filepath.Dir(path)); err != nil {
				return err
			}
			steps := 0
			if r.Trainer != nil { // it is nil in a test of a hook
				steps = r.Trainer.Steps()
			}
			return l.restore(state, r.past, steps)
		},
		Step: func(s *StepInfo) error {
			l.sums.add(s.Losses, s.result.g.terms != nil, math.MaxInt, s.Step)
			if c.every > 0 && s.Step%c.every == 0 {
				m := l.sums.means()
				l.sums = position{}
				var ofG, ofD float64
				if err := tensor.Catch(func() { ofG, ofD = s.GradNorms() }); err != nil {
					return fmt.Errorf("gan: the gradients' norms after step %d: %w", s.Step, err)
				}
				line := stepLine{s.Step, s.Epoch, m.Discriminator(), m.Real, m.Fake, m.Penalty, m.Generator,
					ofG, ofD, s.PerSecond}
				timeless := line
				timeless.PerSecond = 0
				if err := l.add(s.Step, line, timeless); err != nil {
					return err
				}
			}
			return l.keep()
		},
		Note: func(step int, sentence string) {
			line := noteLine{step, sentence}
			l.add(step, line, line) // of strings and integers: no error
			if l.over {
				l.write() // a hook that ends after this one; if it fails, nobody listens any more
			}
		},
		Epoch: func(e EpochInfo) error {
			line, err := lineOf(e)
			if err != nil {
				return err
			}
			l.lines = append(l.lines, entry{e.Steps, line, true})
			l.change()
			if !l.failed && time.Since(l.wrote) < 50*l.took {
				return l.keep()
			}
			return l.write()
		},
		End: func(*Report) error {
			l.over = true
			return l.keepNow()
		},
		State: State{
			Name: "log " + strings.ToValidUTF8(filepath.Base(path), "?"),
			Save: func() any { return l.state() },
			Restore: func(state []byte) (err error) {
				before, err = readLogState(state)
				return err
			},
		},
	}
}

// log is what the file of [Log] holds, or will.
type log struct {
	path    string
	sums    position // over the steps since the last line of one
	lines   []entry
	count   int           // of those that are not of epochs
	tail    []entry       // the newest of these, without times
	size    int           // of tail, in bytes
	waiting int           // lines of steps and notes that the file lacks
	failed  bool          // to write the file last
	changed time.Time     // when the first line was added since the file was last written; zero: none was
	wrote   time.Time     // when the file was last written
	took    time.Duration // to write the file last
	over    bool          // the run has ended
}

// entry is a line of the log, and the number of steps that were done then.
type entry struct {
	steps int
	line  []byte
	epoch bool // it is an epoch's
}

// logState is what a resumed run must know of a log: what the next line of a step is
// made of, how many lines of steps and notes there are, and the newest of them, which the
// file may lack. It depends on the run alone, not on when the file was written.
type logState struct {
	Steps     int               `json:"steps"` // in the sums
	Generator int               `json:"generator_steps"`
	Sums      [4]float64        `json:"sums"` // times unit
	Count     int               `json:"lines"`
	Tail      []json.RawMessage `json:"tail,omitempty"`
}

// state returns the state, which shares the tail's memory: what it holds does not change.
func (l *log) state() any { return savedLog{l.sums, l.count, l.tail} }

// savedLog is a [logState] that costs nothing before it is written.
type savedLog struct {
	sums  position
	count int
	tail  []entry
}

func (s savedLog) MarshalJSON() ([]byte, error) {
	sums := s.sums.sums
	out := logState{s.sums.batch, s.sums.generator, [4]float64{sums.Real, sums.Fake, sums.Penalty, sums.Generator}, s.count, nil}
	for _, e := range s.tail {
		out.Tail = append(out.Tail, e.line)
	}
	return json.Marshal(out)
}

// readLogState reads what [savedLog] wrote; nil is a log that starts anew.
func readLogState(state []byte) (*logState, error) {
	if state == nil {
		return nil, nil
	}
	var s logState
	if err := strictjson.Unmarshal(state, &s); err != nil {
		return nil, err
	}
	if s.Steps < 0 || s.Generator < 0 || s.Generator > s.Steps || len(s.Tail) > s.Count {
		return nil, fmt.Errorf("it counts %d steps, %d of the generator's, and %d lines of %d", s.Steps, s.Generator, len(s.Tail), s.Count)
	}
	last := 1
	for i, line := range s.Tail {
		e, known := parseLine(line)
		if !known || e.epoch || e.steps < last {
			return nil, fmt.Errorf("its line %s is not one of a log", excerpt.Quote(string(line)))
		}
		last = e.steps
		var plain bytes.Buffer
		if err := json.Compact(&plain, line); err != nil { // in one line
			return nil, err
		}
		s.Tail[i] = plain.Bytes()
	}
	return &s, nil
}

// add adds a line of a step or a note to those that the file will hold; timeless is the
// same without times.
func (l *log) add(steps int, v, timeless any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("gan: %w", err)
	}
	short, err := json.Marshal(timeless)
	if err != nil {
		return fmt.Errorf("gan: %w", err)
	}
	at := len(l.lines)
	for at > 0 && l.lines[at-1].epoch && l.lines[at-1].steps >= steps && !l.over {
		at-- // what is told after an epoch stands before its line, where a resumed run would put it
	}
	l.lines = slices.Insert(l.lines, at, entry{steps, line, false})
	l.waiting++
	l.remember(entry{steps, short, false})
	l.change()
	return nil
}

// change notes that the file lacks a line.
func (l *log) change() {
	if l.changed.IsZero() {
		l.changed = time.Now()
	}
}

// The tail holds a sixteenth of all lines, so that a log that is written when half of it
// is new is written rarely, within limits.
const (
	leastTail = 256
	mostTail  = 4096
	tailBytes = 1 << 20
)

func (l *log) longestTail() int { return min(max(leastTail, l.count/16), mostTail) }

// remember counts a line, and adds it to the tail.
func (l *log) remember(e entry) {
	l.count++
	l.tail, l.size = append(l.tail, e), l.size+len(e.line)
	l.shorten()
}

// shorten drops the oldest lines of a tail that is too long.
func (l *log) shorten() {
	for len(l.tail) > l.longestTail() || l.size > tailBytes && len(l.tail) > 0 {
		l.tail, l.size = l.tail[1:], l.size-len(l.tail[0].line)
	}
}

// keep writes the file if it lacks lines for a while: a second, or more if the file
// is so large that writing it then took more than a fiftieth of the time. It does not
// wait until it lacks more than the tail holds.
func (l *log) keep() error {
	if l.changed.IsZero() {
		return nil
	}
	if !l.failed && l.waiting > len(l.tail)/2 && (l.waiting >= leastTail/2 || l.size > tailBytes/2) {
		return l.write()
	}
	if time.Since(l.changed) < max(time.Second, 50*l.took) {
		return nil
	}
	return l.write()
}

// keepNow writes the file if it lacks lines.
func (l *log) keepNow() error {
	if l.changed.IsZero() {
		return nil
	}
	return l.write()
}

// write replaces the file.
func (l *log) write() error {
	start := time.Now()
	err := atomicfile.Write(l.path, func(w io.Writer) error {
		for _, e := range l.lines {
			if _, err := fmt.Fprintf(w, "%s\n", e.line); err != nil {
				return err
			}
		}
		return nil
	})
	l.wrote = time.Now()
	l.took = l.wrote.Sub(start)
	l.changed, l.failed = time.Time{}, err != nil
	if err != nil {
		l.took = max(l.took, time.Second) // so that new lines wait a while
	} else {
		l.waiting = 0
	}
	return Warning(err)
}

// restore takes over what the file tells of a run that has done some steps, of
// which past are whole epochs, and what the state knows better; it may be nil.
func (l *log) restore(state *logState, past []pastEpoch, steps int) error {
	*l = log{path: l.path}
	epochs, others := oldLines(l.path)
	if at := slices.IndexFunc(others, func(e entry) bool { return e.steps > steps }); at >= 0 {
		others = others[:at] // later ones are told again
	}
	if state == nil {
		l.count = len(others)
	} else {
		l.sums = position{batch: state.Steps, generator: state.Generator, sums: Losses{state.Sums[0], state.Sums[1], state.Sums[2], state.Sums[3]}}
		others = others[:min(len(others), state.Count)] // and so are those told after the last step
		last, there := 0, 0                             // the step of the file's last line, and how many are of it
		for _, e := range others {
			if e.steps != last {
				last, there = e.steps, 0
			}
			there++
		}
		for _, line := range state.Tail {
			e, _ := parseLine(line)
			l.tail, l.size = append(l.tail, e), l.size+len(line)
			switch {
			case e.steps < last:
			case e.steps == last && there > 0:
				there--
			default: // the file lacks it
				others = append(others, e)
				l.waiting++
			}
		}
		l.count = len(others)
		l.shorten()
	}
	for i, e := range past {
		line, err := lineOf(EpochInfo{Epoch: i + 1, Steps: e.steps, Losses: e.losses})
		if err != nil {
			return err
		}
		if old := epochs[i+1]; bytes.HasPrefix(old, line[:len(line)-len(`0}`)]) {
			line = old
		}
		for len(others) > 0 && others[0].steps <= e.steps {
			l.lines, others = append(l.lines, others[0]), others[1:]
		}
		l.lines = append(l.lines, entry{e.steps, line, true})
	}
	l.lines = append(l.lines, others...)
	if len(l.lines) > 0 {
		l.change() // the file may lack some, and hold others
	}
	return nil
}

// lineOf returns an epoch's line, which ends in its duration unless the epoch is
// not whole.
func lineOf(e EpochInfo) ([]byte, error) {
	l := e.Losses
	line, err := json.Marshal(logLine{e.Epoch, e.Steps, l.Discriminator(), l.Real, l.Fake, l.Penalty, l.Generator, e.Time.Seconds(), e.Partial})
	if err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	return line, nil
}

// parseLine reads a line of a log; known is false if it is not one that lasts.
func parseLine(line []byte) (e entry, known bool) {
	var l struct {
		logLine
		Step int `json:"step"`
	}
	if json.Unmarshal(line, &l) != nil || l.Partial || l.Step < 0 || l.Step == 0 && l.Epoch < 1 {
		return entry{}, false
	}
	if l.Step > 0 {
		return entry{l.Step, line, false}, true
	}
	return entry{l.Epoch, line, true}, true
}

// oldLines returns a log's lines of whole epochs, by their numbers, and those of
// steps and notes.
func oldLines(path string) (epochs map[int][]byte, others []entry) {
	epochs = map[int][]byte{}
	f, err := atomicfile.Open(path)
	if err != nil {
		return epochs, nil // nothing to keep
	}
	defer f.Close()
	old, err := io.ReadAll(f)
	if err != nil {
		return epochs, nil
	}
	for line := range bytes.Lines(old) {
		switch e, known := parseLine(bytes.TrimSpace(line)); {
		case !known:
		case e.epoch:
			epochs[e.steps] = e.line // the number of the epoch
		default:
			others = append(others, e)
		}
	}
	return epochs, others
}
