package gan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/strictjson"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// checkpointKey is where a checkpoint's metadata holds what is not a tensor.
const checkpointKey = "gander.checkpoint"

// progressState is the part of a checkpoint that is not tensors: counters, stream
// positions, and the settings that Resume compares.
type progressState struct {
	Steps         int      `json:"steps"`
	Batch         int      `json:"batch"`                  // done in the current epoch
	Generator     int      `json:"generator_steps"`        // among Batch
	Untold        bool     `json:"untold,omitempty"`       // see position
	ClassCounts   []int    `json:"class_counts,omitempty"` // of the data's samples
	LatentKey     uint64   `json:"latent_key"`
	LatentCounter uint64   `json:"latent_counter"`
	RandomKey     uint64   `json:"random_key"`
	RandomCounter uint64   `json:"random_counter"`
	Arithmetic    string   `json:"arithmetic"`
	Settings      settings `json:"settings"`
	Data          settings `json:"data,omitempty"`

	Hooks map[string]json.RawMessage `json:"hooks,omitempty"` // states
}

// ErrCheckpoint is wrapped by the error of [Trainer.Resume] if a file does not
// hold a checkpoint of this training.
var ErrCheckpoint = errors.New("this checkpoint does not fit")

// ErrNotFinite is wrapped by the error of [Trainer.Checkpoint] if what it was to
// write holds a NaN or an infinity. The file is as it was before.
var ErrNotFinite = errors.New("the state is not finite")

// SettingsError says that a checkpoint was made with other settings.
type SettingsError struct {
	Path        string // of the checkpoint
	Differences []Difference
	group       bool // the state came from another process that trains in this moment
}

func (e *SettingsError) Error() string {
	const most = 600 // bytes
	text := ""
	for i, d := range e.Differences {
		was, is := excerpt.Name(d.Old), excerpt.Name(d.New)
		if was == is { // they differ where they are too long to be shown
			was = "another"
		}
		one := fmt.Sprintf("%s was %s and is %s", excerpt.Name(d.Setting), was, is)
		if e.group {
			one = fmt.Sprintf("%s is %s there and %s here", excerpt.Name(d.Setting), was, is)
		}
		if i > 0 {
			one = ", " + one
		}
		if len(text)+len(one) > most {
			text += fmt.Sprintf(", and %d more", len(e.Differences)-i)
			break
		}
		text += one
	}
	if e.group {
		return fmt.Sprintf("gan: %s of the group was started with other settings: %s; give all processes the same", e.Path, text)
	}
	return fmt.Sprintf("gan: resuming from %s: %v: %s; go back to the old settings, or change them on purpose with gan.Allow", e.Path, ErrCheckpoint, text)
}

// Unwrap returns [ErrCheckpoint].
func (e *SettingsError) Unwrap() error { return ErrCheckpoint }

// Checkpoint writes everything that training depends on to a safetensors file,
// whole or not at all: both networks, both optimizers' states, the average of
// the weights, the position in the random numbers and in the data, the mean
// losses so far, what hooks remember ([State]), and all settings. [Trainer.Resume]
// goes on from it as if there had been no interruption, byte for byte. It may be called
// from any goroutine, and waits for the current step and the hooks with a state. A state
// of training that is not finite is not written; the error wraps [ErrNotFinite] then. Nor
// is one that a step has left which failed half-way and could not be undone, or that a
// device has lost part of, as it told a hook.
func (t *Trainer) Checkpoint(path string) error {
	s, err := t.snapshot()
	if err != nil {
		return err
	}
	return s.save(path, nil)
}

// WriteCheckpoint is [Trainer.Checkpoint] to a stream.
func (t *Trainer) WriteCheckpoint(w io.Writer) error {
	s, err := t.snapshot()
	if err != nil {
		return err
	}
	return s.write(nil, func(metadata map[string]string) error { return safetensors.Write(w, s.tensors, metadata) })
}

// snapshot is a copy of everything that training depends on, between two steps.
type snapshot struct {
	tensors map[string]*tensor.Tensor
	state   progressState
	data    func() (settings, error)
	memory  map[string]any // of hooks
}

// snapshot copies everything. A device that fails meanwhile is an error.
func (t *Trainer) snapshot() (s *snapshot, err error) {
	if !t.mu.TryLock() {
		if t.ownStep() {
			return nil, errOwnStep
		}
		t.mu.Lock()
	}
	defer t.mu.Unlock()
	if torn := t.game.whole(); torn != nil {
		return nil, fmt.Errorf("gan: writing a checkpoint: %w", torn)
	}
	err = tensor.Catch(func() {
		s = &snapshot{tensors: map[string]*tensor.Tensor{}, data: t.dataSettings(), memory: t.memory}
		for _, part := range t.game.parts() {
			for name, value := range part.state() {
				s.tensors[part.prefix+name] = value
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("gan: writing a checkpoint: %w", err)
	}
	s.tensors[lossesKey] = t.position.losses()
	if t.game.seen != nil {
		s.tensors[seenKey] = t.game.seen // never changes
	}
	key, counter := t.game.latent.State()
	randomKey, randomCounter := t.game.random.State()
	s.state = progressState{
		Steps: t.game.steps, Batch: t.position.batch, Generator: t.position.generator, Untold: t.position.untold,
		ClassCounts: t.game.classCounts(),
		LatentKey:   key, LatentCounter: counter, RandomKey: randomKey, RandomCounter: randomCounter,
		Arithmetic: t.game.device.Arithmetic(), Settings: t.settings,
	}
	return s, nil
}

// save makes path a file of the copy and of more notes. Any goroutine may call it.
func (s *snapshot) save(path string, notes map[string]string) error {
	return s.write(notes, func(metadata map[string]string) error { return safetensors.Save(path, s.tensors, metadata) })
}

// write calls do with the metadata of a checkpoint, if the state is finite.
func (s *snapshot) write(notes map[string]string, do func(metadata map[string]string) error) (err error) {
	failure := tensor.Catch(func() {
		if s.state.Data, err = s.data(); err != nil {
			return
		}
		if name := s.notFinite(); name != "" {
			err = fmt.Errorf("%w: %s after step %d", ErrNotFinite, name, s.state.Steps)
			return
		}
		if s.state.Hooks, err = encoded(s.memory); err != nil {
			return
		}
		var meta []byte
		if meta, err = json.Marshal(s.state); err != nil {
			return
		}
		all := map[string]string{checkpointKey: string(meta)}
		maps.Copy(all, notes)
		err = do(all)
	})
	if err = both(err, failure); err != nil {
		return fmt.Errorf("gan: writing a checkpoint: %w", err)
	}
	return nil
}

// notFinite returns the name of the first tensor that is not finite, or "".
func (s *snapshot) notFinite() string {
	for _, name := range slices.Sorted(maps.Keys(s.tensors)) {
		if name != failedKey && name != failedConditionKey && !isFinite(tensor.Norm([]*tensor.Tensor{s.tensors[name]}).Item()) {
			return name
		}
	}
	return ""
}

// gamePart is what a checkpoint holds of one part of a game, in tensors whose names begin
// with the prefix.
type gamePart struct {
	prefix  string
	state   func() map[string]*tensor.Tensor // copies
	restore func(state map[string]*tensor.Tensor) error
}

// parts returns the parts of a game, in the order in which they are restored.
func (g *game) parts() []gamePart {
	network := func(prefix string, m nn.Module) gamePart {
		return gamePart{prefix, func() map[string]*tensor.Tensor {
			state := nn.State(m)
			for name, value := range state {
				state[name] = value.Clone()
			}
			return state
		}, func(state map[string]*tensor.Tensor) error { return nn.LoadState(m, state) }}
	}
	out := []gamePart{
		network("generator.", g.generator),
		network("discriminator.", g.discriminator),
		{"optimizer.generator.", g.gOptimizer.State, g.gOptimizer.Restore},
		{"optimizer.discriminator.", g.dOptimizer.State, g.dOptimizer.Restore},
	}
	if g.ema != nil {
		out = append(out, gamePart{"ema.", g.ema.State, g.ema.Restore})
	}
	return out
}

// ResumeOption changes how [Trainer.Resume] works.
type ResumeOption func(*resuming)

type resuming struct {
	allowed []string
	source  Source
	notify  func(string)
	failed  Batch // the real samples of the next step, if the file has them
}

// Allow lets settings differ from those that a checkpoint was made with: what is
// changed on purpose. A name stands for every setting in which its parts, between
// the dots, occur one after the other: "generator.optimizer.lr" for one setting,
// "optimizer.lr" or "lr" for those of both networks, "data" for everything about
// the data. A name that no setting has is refused, with a list of those that there
// are. An epoch that has had as many batches as the changed data have is over.
func Allow(names ...string) ResumeOption {
	return func(r *resuming) { r.allowed = append(r.allowed, names...) }
}

// WithSource compares the data at once. Without it, [Trainer.Fit] does when it
// gets its source.
func WithSource(src Source) ResumeOption { return func(r *resuming) { r.source = src } }

// Notify has f called with what need not be refused and is good to know: that a
// checkpoint was made by another instruction set or at another precision, so that
// the bits will differ, and which damaged files were passed over. Nil is nobody, as
// without it.
func Notify(f func(string)) ResumeOption {
	return func(r *resuming) {
		if r.notify = f; f == nil {
			r.notify = func(string) {}
		}
	}
}

func newResuming(options []ResumeOption) *resuming {
	r := &resuming{notify: func(string) {}}
	for _, option := range options {
		option(r)
	}
	return r
}

// Resume takes up training where [Trainer.Checkpoint] left it. The trainer must
// have been made with the same networks and the same configuration, and must go
// on with the same data: a difference is refused with a [SettingsError] that
// lists each setting, unless [Allow] names it. A file that is damaged or does
// not fit is refused, with an error that wraps [ErrCheckpoint] in the latter
// case, and the trainer stays as it was. Resume returns [ErrBusy] during Fit.
func (t *Trainer) Resume(path string, options ...ResumeOption) error {
	if !t.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer t.busy.Store(false)
	return t.resume(path, newResuming(options))
}

func (t *Trainer) resume(path string, r *resuming) error {
	f, err := atomicfile.Open(path)
	if err != nil {
		return fmt.Errorf("gan: resuming from %s: %w", path, err)
	}
	defer f.Close()
	return t.resumeFrom(path, f, r)
}

// ReadCheckpoint is [Trainer.Resume] from a stream, which ends where the
// checkpoint ends.
func (t *Trainer) ReadCheckpoint(r io.Reader, options ...ResumeOption) error {
	if !t.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer t.busy.Store(false)
	return t.resumeFrom("a stream", r, newResuming(options))
}

func (t *Trainer) resumeFrom(from string, file io.Reader, r *resuming) error {
	f, err := safetensors.NewReader(file)
	if err != nil {
		return fmt.Errorf("gan: resuming from %s: %w", from, err)
	}
	err = t.resumeRead(from, f, r)
	if errors.Is(err, ErrCheckpoint) {
		// Does it not fit, or is it only damaged where it tells the settings?
		if damage := f.ReadInto(nil); damage != nil && damage != safetensors.ErrRead {
			return fmt.Errorf("gan: resuming from %s: %w", from, damage)
		}
	}
	return err
}

func (t *Trainer) resumeRead(from string, f *safetensors.Reader, r *resuming) error {
	bad := func(err error) error {
		return fmt.Errorf("gan: resuming from %s: %w: %w", from, ErrCheckpoint, excerpt.Error(err))
	}
	p, err := readProgress(f.Metadata())
	if err != nil {
		return bad(err)
	}
	before := &resumable{path: from, data: p.Data, allowed: r.allowed}
	if err := t.sameSettings(p, before, r); err != nil {
		return err
	}
	if p.ClassCounts != nil {
		if err := classesFit(t.game.condition, t.game.classes, p.ClassCounts); err != nil {
			return bad(err)
		}
	}
	values, err := f.Tensors()
	if err != nil {
		return fmt.Errorf("gan: resuming from %s: %w", from, err)
	}
	c, err := t.game.sorted(p, values)
	if err != nil {
		return bad(err)
	}
	// Everything is read. What can still go wrong is undone.
	var failure *tensor.DeviceFailure
	switch err := t.takeOver(p, c, before); {
	case errors.As(err, &failure):
		return fmt.Errorf("gan: resuming from %s: %w", from, err)
	case err != nil:
		return bad(err)
	}
	r.failed = c.failed
	if now := t.game.device.Arithmetic(); now != p.Arithmetic {
		r.notify(fmt.Sprintf("%s was made with the arithmetic %s, this is %s: the same run, with other bits from here on", from, excerpt.Quote(p.Arithmetic), excerpt.Quote(now)))
	}
	return nil
}

// readProgress returns what the metadata of a checkpoint holds.
func readProgress(metadata map[string]string) (p progressState, err error) {
	meta, ok := metadata[checkpointKey]
	if !ok {
		return p, fmt.Errorf("the file is none: its metadata does not hold %q; LoadGenerator reads a generator, nn.LoadInto the weights of a network", checkpointKey)
	}
	if err := strictjson.Unmarshal([]byte(meta), &p); err != nil { // it may come from a later version
		return p, fmt.Errorf("its metadata %q: %w", checkpointKey, err)
	}
	if p.Steps < 0 || int64(p.Steps) >= maxSteps || p.Batch < 0 || p.Batch > p.Steps || p.Generator < 0 || p.Generator > p.Batch {
		return p, fmt.Errorf("it counts %d steps, and %d of the generator's in %d batches", p.Steps, p.Generator, p.Batch)
	}
	return p, nil
}

// sameSettings compares a checkpoint's settings, and the data if the source is known.
func (t *Trainer) sameSettings(p progressState, before *resumable, r *resuming) error {
	diff := t.settings.differences(p.Settings, r.allowed)
	known := []settings{t.settings, p.Settings, p.Data}
	if r.source != nil {
		data := newDataset(r.source)
		more, err := before.compare(data)
		if err != nil {
			return err
		}
		now, err := data.settings()
		if err != nil {
			return err
		}
		diff, known = append(more, diff...), append(known, now)
	}
	if err := allowable(r.allowed, known, r.source != nil); err != nil {
		return err
	}
	if len(diff) > 0 {
		return &SettingsError{Path: before.path, Differences: diff}
	}
	return nil
}

// contents are what a checkpoint holds besides its settings and counters.
type contents struct {
	position position
	memory   map[string]any                       // of hooks
	seen     *tensor.Tensor                       // condition of the last batch; nil: it is not there
	failed   Batch                                // the real samples of the next step, if the file has them
	states   map[string]map[string]*tensor.Tensor // of the game's parts, by prefix
}

// sorted returns the tensors of a checkpoint, and the states of hooks, by what they are
// for.
func (g *game) sorted(p progressState, values map[string]*tensor.Tensor) (*contents, error) {
	memory, err := remembered(p.Hooks)
	if err != nil {
		return nil, err
	}
	c := &contents{position: position{batch: p.Batch, generator: p.Generator, untold: p.Untold}, memory: memory, states: map[string]map[string]*tensor.Tensor{}}
	parts := g.parts()
	for _, part := range parts {
		c.states[part.prefix] = map[string]*tensor.Tensor{}
	}
	found := false
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch value := values[name]; name {
		case lossesKey:
			if found = c.position.setLosses(value); !found {
				return nil, fmt.Errorf("its losses have shape %v, not [epochs + 1, 5], or do not count the steps", value.Shape())
			}
		case seenKey:
			if value.Rank() != 2 || value.Dim(0) < 1 || value.Dim(1) != g.condition || value.DType() != g.dtype {
				return nil, fmt.Errorf("its conditions are %v%v", value.DType(), value.Shape())
			}
			c.seen = value
		case failedKey:
			c.failed.X = value
		case failedConditionKey:
			c.failed.Condition = value
		default:
			at := slices.IndexFunc(parts, func(part gamePart) bool { return strings.HasPrefix(name, part.prefix) })
			if at < 0 {
				return nil, fmt.Errorf("there is no place for its tensor %s", excerpt.Quote(name))
			}
			prefix := parts[at].prefix
			c.states[prefix][strings.TrimPrefix(name, prefix)] = value
		}
	}
	switch {
	case !found:
		return nil, errors.New("its losses are missing")
	case c.position.untold && (len(c.position.past) == 0 || c.position.batch > 0):
		return nil, errors.New("it says that hooks do not know of an epoch, and there is none")
	}
	return c, nil
}

// takeOver brings the trainer to where a checkpoint was made. If that fails, the trainer
// is as before.
func (t *Trainer) takeOver(p progressState, c *contents, before *resumable) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.game.mu.Lock()
	defer t.game.mu.Unlock()
	old := map[string]map[string]*tensor.Tensor{}
	if err := tensor.Catch(func() {
		for _, part := range t.game.parts() {
			old[part.prefix] = part.state()
		}
	}); err != nil {
		return err
	}
	var seen *tensor.Tensor // on the device
	err := t.game.restore(c.states)
	if err == nil && c.seen != nil {
		err = tensor.Catch(func() { seen = c.seen.To(t.game.device) })
	}
	if err != nil {
		if undo := t.game.restore(old); undo != nil {
			return fmt.Errorf("%w; going back failed too: %w", err, undo)
		}
		return err
	}
	t.game.steps, t.game.made, t.position = p.Steps, p.Steps, c.position
	t.game.counts, t.game.seen = p.ClassCounts, seen
	t.game.latent = tensor.StreamAt(p.LatentKey, p.LatentCounter)
	t.game.random = tensor.StreamAt(p.RandomKey, p.RandomCounter)
	t.game.torn, t.game.copy, t.game.seed = nil, nil, p.Settings["seed"]
	t.before, t.resumed, t.memory = before, true, c.memory
	t.settings = maps.Clone(t.settings)
	t.settings["seed"] = p.Settings["seed"] // from which all that was restored has come
	return nil
}

// lossesKey names the tensor of a position's losses, seenKey that of the condition
// of the last batch.
const (
	lossesKey = "losses"
	seenKey   = "seen.condition"
)

// losses returns a row for each epoch done, of four losses and the number of
// steps, and one for the sums of the current epoch.
func (p *position) losses() *tensor.Tensor {
	var rows []float64
	for _, e := range append(slices.Clone(p.past), pastEpoch{losses: p.sums}) {
		l := e.losses
		rows = append(rows, l.Real, l.Fake, l.Penalty, l.Generator, float64(e.steps))
	}
	return tensor.FromFloat64(rows, len(p.past)+1, 5)
}

// setLosses takes over what losses returned, and reports whether it could.
func (p *position) setLosses(t *tensor.Tensor) bool {
	if t.DType() != tensor.Float64 || t.Rank() != 2 || t.Dim(0) < 1 || t.Dim(1) != 5 {
		return false
	}
	for row := range slices.Chunk(t.Float64s(), 5) {
		steps := int(row[4])
		if float64(steps) != row[4] || steps < 0 {
			return false
		}
		p.past = append(p.past, pastEpoch{Losses{row[0], row[1], row[2], row[3]}, steps})
	}
	last := len(p.past) - 1
	p.past, p.sums = p.past[:last], p.past[last].losses
	return true
}

// restore copies the parts of a checkpoint into place. A device that fails
// meanwhile is an error.
func (g *game) restore(states map[string]map[string]*tensor.Tensor) (err error) {
	failure := tensor.Catch(func() {
		for _, part := range g.parts() {
			if err = part.restore(states[part.prefix]); err != nil {
				err = fmt.Errorf("%s: %w", strings.TrimSuffix(part.prefix, "."), err)
				return
			}
		}
	})
	if err == nil && failure == nil {
		failure = g.device.Sync() // what was queued may fail, too
	}
	return both(err, failure)
}

// SaveCheckpoint returns a hook that writes a checkpoint when training ends,
// however it ends, and nothing before; see [Checkpoints].
func SaveCheckpoint(path string) Hook {
	var t *Trainer
	return Hook{
		Start: func(r Run) error {
			t = r.Trainer
			return writable(filepath.Dir(path))
		},
		End: func(*Report) error { return t.Checkpoint(path) },
	}
}
