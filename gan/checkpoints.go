package gan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/repanic"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// Checkpoints writes checkpoints in the course of training, from which
// [Trainer.ResumeLatest] goes on after a crash, a power cut or kill -9:
//
//	trainer.Fit(ctx, source, gan.On(gan.Checkpoints{Dir: "run/checkpoints"}.Hook()))
//
// They are written beside training, from a copy, as checkpoint-0000001200.safetensors
// after step 1200 and so on, each whole or not at all: one before the first step,
// then as often as Every and Interval say, and one when training ends, however it
// ends. Of those, the last few are kept.
type Checkpoints struct {
	// Dir is the folder, which is made if need be, and locked while training.
	Dir string
	// Every is the number of steps from one checkpoint to the next, and Interval
	// the time; whichever is over first. 0 is neither. If both are 0, it is a
	// second, and after a while a hundred times as long as writing takes.
	Every    int
	Interval time.Duration
	// Keep is the number of checkpoints to keep; 0 means 3.
	Keep int
	// Best, if it is not nil, says what a generator is worth, the less the better,
	// such as its Fréchet distance. It is called for each checkpoint, beside
	// training. The best checkpoint so far is kept as best-0000001200.safetensors.
	// An error of it is a [Warning]. A NaN is never the best. If a signal ends the
	// run ([Signals]), nobody waits for it. If it panics, Fit does when it notes that.
	Best func(*Generator) (float64, error)
}

// ErrInUse is wrapped by errors about folders that another run writes to. Under js,
// wasip1, aix and solaris, and on file systems without locks, nobody notices.
var ErrInUse = atomicfile.ErrInUse

// Hook returns the hook that does it. Training does not begin if the folder
// cannot be written to or is in use, or if it holds checkpoints of steps that the
// trainer has not done: those of another run, which would be overwritten. If the
// trainer was resumed from the folder, later checkpoints in it, which were damaged
// or not wanted, are renamed and not used any more.
//
// A checkpoint that could not be written, because the disk is full, say, is a
// [Warning], since the next one may succeed; at the end of training it is an error.
//
// Hook panics with a [tensor.ArgumentError] if Dir is empty or a number negative.
func (c Checkpoints) Hook() Hook {
	if c.Dir == "" || c.Every < 0 || c.Interval < 0 || c.Keep < 0 {
		panic(&tensor.ArgumentError{Op: "Checkpoints", Problem: "there is no folder, or a number is negative", Fix: "set Dir, and the others to 0 or more"})
	}
	k := &keeper{Checkpoints: c}
	return Hook{
		Start:   k.start,
		Step:    k.step,
		End:     k.end,
		release: k.release,
		last:    true,
	}
}

// keeper is what [Checkpoints] does in one run after another.
type keeper struct {
	Checkpoints
	trainer *Trainer
	ctx     context.Context
	lock    *atomicfile.FolderLock
	best    float64       // what the best so far is worth
	began   time.Time     // when training did
	last    time.Time     // when the last checkpoint was begun
	cost    time.Duration // of the last, copying and writing

	writing  chan written  // of the one that is being written; nil: none is
	file     chan struct{} // closed when its file is written
	panicked any           // what Best has panicked with, to be raised on the trainer's goroutine
}

// written is how it went.
type written struct {
	cost     time.Duration
	failed   error
	panicked any
}

func (k *keeper) start(r Run) error {
	k.trainer, k.ctx, k.writing, k.panicked, k.cost, k.began = r.Trainer, r.Context, nil, nil, 0, time.Now()
	if err := writable(k.Dir); err != nil {
		return err
	}
	if k.lock == nil {
		lock, err := atomicfile.LockFolder(k.Dir)
		if err != nil {
			return fmt.Errorf("gan: %w", err)
		}
		k.lock = lock
	}
	if err := k.setAside(k.trainer.Steps()); err != nil {
		return err
	}
	k.best = math.Inf(1)
	if best, err := list(k.Dir, bestPrefix); err == nil {
		for _, b := range best {
			if v, err := worth(b.path); err == nil {
				k.best = min(k.best, v)
			}
		}
	}
	return k.begin()
}

// setAside renames checkpoints of later steps than the trainer's, the best among them,
// if it was resumed from one here.
func (k *keeper) setAside(step int) error {
	all, err := list(k.Dir, prefix)
	if err != nil {
		return err
	}
	best, err := list(k.Dir, bestPrefix)
	if err != nil {
		return err
	}
	all = append(all, best...)
	later := slices.DeleteFunc(slices.Clone(all), func(f numbered) bool { return f.step <= step })
	if len(later) == 0 {
		return nil
	}
	if len(all) == len(later) || step == 0 && !k.trainer.resumed {
		last := slices.MaxFunc(later, func(a, b numbered) int { return a.step - b.step })
		return fmt.Errorf("gan: %s holds checkpoints of another run, the last of step %d: resume from it, or give another folder", k.Dir, last.step)
	}
	for _, f := range later {
		if err := os.Rename(f.path, freeName(f.path+".unused")); err != nil {
			return fmt.Errorf("gan: %w", err)
		}
	}
	return nil
}

// freeName returns path, or path with a number if there is something.
func freeName(path string) string {
	for i := 1; ; i++ {
		name := path
		if i > 1 {
			name = fmt.Sprintf("%s-%d", path, i)
		}
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) || i == 1000 {
			return name
		}
	}
}

func (k *keeper) step(s *StepInfo) error {
	err := k.finish(false)
	k.raise()
	bySteps := k.Every > 0 && s.Step%k.Every == 0
	interval := k.Interval
	if k.Every == 0 && interval == 0 {
		// At the beginning more often, so that a run that is killed again and again
		// keeps half of what it does each time.
		interval = max(time.Second, min(100*k.cost, time.Since(k.began)/2))
	}
	byTime := interval > 0 && k.writing == nil && time.Since(k.last) >= interval
	if bySteps || byTime {
		err = both(err, k.finish(true))
		k.raise()
		if failed := k.begin(); failed != nil {
			return both(failed, err)
		}
	}
	return Warning(err)
}

// begin copies the state and has it written.
func (k *keeper) begin() error {
	k.last = time.Now()
	s, err := k.trainer.snapshot()
	if err != nil {
		return err
	}
	result := make(chan written, 1)
	var g *Generator
	if k.Best != nil {
		g = k.trainer.Generator()
	}
	k.writing = result
	began, file := k.last, make(chan struct{})
	k.file = file
	go func() {
		w := written{failed: errors.New("gan: Best has ended its goroutine")}
		whole := sync.OnceFunc(func() { close(file) })
		defer func() {
			if w.panicked = repanic.Value(recover()); w.panicked != nil {
				w.failed = nil // the panic tells
			}
			w.cost = time.Since(began)
			whole()
			result <- w
		}()
		w.failed = k.write(s)
		whole()
		if w.failed == nil && g != nil {
			w.failed = k.compare(s, g)
		}
	}()
	return nil
}

// finish takes note of the checkpoint that is being written, if it is done; it
// waits for that if wait is set.
func (k *keeper) finish(wait bool) error {
	if k.writing == nil {
		return nil
	}
	var w written
	if wait {
		w = <-k.writing
	} else {
		select {
		case w = <-k.writing:
		default:
			return nil
		}
	}
	k.writing, k.cost, k.panicked = nil, w.cost, w.panicked
	return w.failed
}

// raise panics with what Best has panicked with beside training, so that all hooks end
// as they do if one panics.
func (k *keeper) raise() {
	if p := k.panicked; p != nil {
		k.panicked = nil
		panic(p)
	}
}

// write writes one checkpoint and removes the oldest.
func (k *keeper) write(s *snapshot) error {
	if err := os.MkdirAll(k.Dir, 0o755); err != nil { // somebody may have removed it
		return fmt.Errorf("gan: %w", err)
	}
	if err := s.save(k.path(prefix, s.state.Steps), nil); err != nil {
		return err
	}
	return k.prune(prefix, keepOr(k.Keep))
}

func keepOr(n int) int {
	if n == 0 {
		return 3
	}
	return n
}

// compare keeps a checkpoint as the best if it is.
func (k *keeper) compare(s *snapshot, g *Generator) error {
	v, err := k.Best(g)
	if err != nil {
		return fmt.Errorf("gan: what the generator of step %d is worth: %w", s.state.Steps, err)
	}
	if !(v < k.best) || interrupted(k.ctx) {
		return nil
	}
	if err := s.save(k.path(bestPrefix, s.state.Steps), map[string]string{worthKey: strconv.FormatFloat(v, 'g', -1, 64)}); err != nil {
		return err
	}
	k.best = v
	return k.prune(bestPrefix, 1)
}

// prune removes all but the last few files of a kind.
func (k *keeper) prune(prefix string, keep int) error {
	all, err := list(k.Dir, prefix)
	if err != nil {
		return err
	}
	for _, f := range all[:max(len(all)-keep, 0)] {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("gan: %w", err)
		}
	}
	return nil
}

func (k *keeper) end(r *Report) error {
	defer k.release()
	defer k.raise()         // when the last checkpoint is written
	if interrupted(k.ctx) { // nobody waits for Best, whose result is dropped
		<-k.file
		k.writing = nil
	}
	warned := k.finish(true) // about an earlier one
	if k.trainer.Steps() == 0 && warned == nil {
		r.Checkpoint = k.path(prefix, 0)
		return nil
	}
	s, failed := k.trainer.snapshot()
	if failed == nil {
		failed = k.write(s)
	}
	if failed != nil {
		return both(Warning(warned), failed)
	}
	r.Checkpoint = k.path(prefix, s.state.Steps)
	if k.Best != nil && !interrupted(k.ctx) {
		warned = both(warned, k.compare(s, k.trainer.Generator()))
	}
	return Warning(warned)
}

func (k *keeper) release() {
	if k.lock != nil {
		k.finish(true) // if there was no End
		k.lock.Release()
		k.lock = nil
	}
}

// Checkpoints are named by their step.
const (
	prefix     = "checkpoint-"
	bestPrefix = "best-"
	extension  = ".safetensors"
	worthKey   = "gander.worth" // in the metadata of the best
)

func (k *keeper) path(prefix string, step int) string {
	return filepath.Join(k.Dir, fmt.Sprintf("%s%010d%s", prefix, step, extension))
}

// maxSteps is more than any run does, and what a file's name may tell.
const maxSteps = 1 << 53

// numbered is a file that is named by a step.
type numbered struct {
	path string
	step int
}

// list returns the files of a kind in a folder, by their steps.
func list(dir, prefix string) (out []numbered, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		digits, ok2 := strings.CutSuffix(digits, extension)
		step, err := strconv.ParseUint(digits, 10, 53)
		if ok && ok2 && err == nil && !e.IsDir() {
			out = append(out, numbered{filepath.Join(dir, e.Name()), int(step)})
		}
	}
	slices.SortStableFunc(out, func(a, b numbered) int { return a.step - b.step })
	return out, nil
}

// worth reads what a best checkpoint is worth, if it is whole.
func worth(path string) (float64, error) {
	f, err := safetensors.Load(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(f.Metadata()[worthKey], 64)
}

// ErrNoCheckpoint is wrapped by the error of [Trainer.ResumeLatest] if there is no
// checkpoint in the folder. It is an [fs.ErrNotExist].
var ErrNoCheckpoint = fmt.Errorf("there is no checkpoint: %w", fs.ErrNotExist)

// ResumeLatest is [Trainer.Resume] from the newest checkpoint that [Checkpoints]
// has written into a folder, and returns its path. It looks at the files
// themselves, the last step first. One that is damaged or cannot be read is passed
// over, which [Notify] tells with the reason. One that does not fit is refused, as
// Resume does, and older ones are not tried. If there is none at all, the error
// wraps [ErrNoCheckpoint]; if there are only damaged ones, it does not.
func (t *Trainer) ResumeLatest(dir string, options ...ResumeOption) (path string, err error) {
	if !t.busy.CompareAndSwap(false, true) {
		return "", ErrBusy
	}
	defer t.busy.Store(false)
	r := newResuming(options)
	all, err := list(dir, prefix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var damage error
	for _, f := range slices.Backward(all) {
		err := t.resume(f.path, r)
		if err == nil || errors.Is(err, ErrCheckpoint) {
			return f.path, err
		}
		damage = both(damage, err)
		r.notify(fmt.Sprintf("passed over: %v", err))
	}
	if damage != nil {
		return "", damage
	}
	return "", fmt.Errorf("gan: resuming: %s: %w", dir, ErrNoCheckpoint)
}
