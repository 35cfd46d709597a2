package tensorboard

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/tensor"
)

// Options say what is written how often. The zero value writes all that a hook
// knows.
type Options struct {
	// Every is the number of steps between two events with scalars, which are means
	// over these steps, D's scores and the learning rates excepted: 0 means 10.
	Every int
	// ImagesEvery is the number of steps between two pictures: 0 means a fiftieth of
	// the run, and at most 10,000.
	ImagesEvery int
	Samples     int    // how many are drawn: 64 unless set
	Seed        uint64 // of their latent vectors
	// Draw makes a picture of samples [n, …]. Nil draws images in a grid; other
	// samples are not drawn.
	Draw func(samples *tensor.Tensor) (image.Image, error)
}

// Writer writes events into a folder. Its methods may be called from any goroutine,
// during a run of its hook.
type Writer struct {
	dir string
	o   Options
	now func() time.Time

	mu      sync.Mutex
	file    *os.File
	buffer  *bufio.Writer
	flushed time.Time
	whole   int64 // bytes of the file that are whole records
	err     error // the first, until it has been told
}

// New returns a writer into a folder, which is made when a run starts. It panics with
// a [tensor.ArgumentError] if a number in o is negative.
func New(dir string, o Options) *Writer {
	if o.Every < 0 || o.ImagesEvery < 0 || o.Samples < 0 {
		panic(&tensor.ArgumentError{Op: "tensorboard.New", Problem: fmt.Sprintf("scalars every %d steps, %d samples every %d", o.Every, o.Samples, o.ImagesEvery),
			Fix: "give 1 or more, or 0 for the default"})
	}
	if o.Every == 0 {
		o.Every = 10
	}
	if o.Samples == 0 {
		o.Samples = 64
	}
	return &Writer{dir: dir, o: o, now: time.Now}
}

// Hook returns the hook that writes a run. Training does not start if the file cannot
// be made; one that cannot be written later is a [gan.Warning]. The file is closed
// when the run ends, however it does.
func (w *Writer) Hook() gan.Hook {
	var run gan.Run
	var means, before sums // before is what is restored, until Start
	every := 0
	var draw func(*tensor.Tensor) (image.Image, error)
	due := func(step int) bool { return draw != nil && (step%every == 0 || step == 1) }
	pictures := gan.Background(due, func(g *gan.Generator) (image.Image, error) {
		return w.drawn(draw, g), nil
	}, func(step int, img image.Image) error {
		if img != nil {
			w.Image(step, "Samples/grid", img)
		}
		return nil
	})
	return gan.Hook{
		Start: func(r gan.Run) error {
			run, means, before = r, before, sums{}
			if every = w.o.ImagesEvery; every == 0 {
				every = min(max(r.Steps/50, 1), 10_000)
			}
			if draw = w.o.Draw; draw == nil {
				draw = grid(r.Trainer.Generator().SampleShape())
			}
			if err := pictures.Start(r); err != nil {
				return err
			}
			return w.open(r.Trainer.Steps())
		},
		Step: func(s *gan.StepInfo) error {
			means.add(s)
			if s.Step%w.o.Every == 0 {
				w.scalars(s, means)
				means = sums{}
			}
			if err := pictures.Step(s); err != nil {
				return err
			}
			if err := pictures.Epoch(gan.EpochInfo{}); err != nil { // those that are finished
				return err
			}
			return w.told()
		},
		Note: func(step int, sentence string) { w.write(step, text("Notes", sentence)) },
		Epoch: func(gan.EpochInfo) error {
			w.flush()
			return w.told()
		},
		End: func(r *gan.Report) error {
			err := pictures.End(r)
			if draw != nil && r.Steps > 0 && r.Steps%every != 0 {
				if img := w.drawn(draw, run.Trainer.Generator()); img != nil {
					w.Image(r.Steps, "Samples/grid", img)
				}
			}
			closing := w.close()
			if err != nil {
				return errors.Join(err, closing)
			}
			return gan.Warning(closing)
		},
		State: gan.State{
			Name: "tensorboard",
			Save: func() any { return means.state() },
			Restore: func(state []byte) (err error) {
				before, err = readState(state)
				return err
			},
		},
	}
}

// drawn returns a picture of a generator's samples, of all classes in turn if it knows
// classes, or nil.
func (w *Writer) drawn(draw func(*tensor.Tensor) (image.Image, error), g *gan.Generator) image.Image {
	samples, err := g.Draw(context.Background(), gan.Request{N: w.o.Samples, Labels: g.InTurn(w.o.Samples), Seed: w.o.Seed})
	var img image.Image
	if err == nil {
		img, err = draw(samples)
	}
	if err != nil {
		w.note(err)
		return nil
	}
	return img
}

// scalars writes what is known after some steps.
func (w *Writer) scalars(s *gan.StepInfo, sums sums) {
	n, ofG := float64(sums.steps), float64(sums.ofG)
	vs := [][]byte{
		scalar("Loss/D/loss", (sums.Real+sums.Fake)/n),
		scalar("Loss/r1_penalty", sums.Penalty/n),
		scalar("Gradients/discriminator", sums.normD/n),
	}
	if ofG > 0 {
		vs = append(vs, scalar("Loss/G/loss", sums.Generator/ofG), scalar("Gradients/generator", sums.normG/ofG))
	}
	real, fake := s.Scores()
	for i, scores := range []*tensor.Tensor{real, fake} {
		kind, mean, sign := [2]string{"real", "fake"}[i], 0.0, 0.0
		for _, v := range scores.Float64s() {
			mean += v / float64(scores.Len())
			if v != 0 {
				sign += math.Copysign(1, v) / float64(scores.Len())
			}
		}
		vs = append(vs, scalar("Loss/scores/"+kind, mean), scalar("Loss/signs/"+kind, sign))
	}
	g, d := s.LearningRates()
	vs = append(vs, scalar("Progress/generator_lr", g), scalar("Progress/discriminator_lr", d), scalar("Timing/steps_per_sec", s.PerSecond))
	w.write(s.Step, vs...)
}

// Scalar writes a number of a step under a tag, such as "Metrics/fid". An error is
// told by the hook.
func (w *Writer) Scalar(step int, tag string, value float64) { w.write(step, scalar(tag, value)) }

// Image writes a picture of a step under a tag. The hook reports an error.
func (w *Writer) Image(step int, tag string, img image.Image) {
	if img == nil {
		w.note(fmt.Errorf("the picture %q of step %d is nil", tag, step))
		return
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		w.note(err)
		return
	}
	size := img.Bounds().Size()
	w.write(step, picture(tag, size.Y, size.X, b.Bytes()))
}

// grid returns how images of a shape are drawn, or nil.
func grid(shape []int) func(*tensor.Tensor) (image.Image, error) {
	switch {
	case len(shape) == 2:
		shape = []int{1, shape[0], shape[1]}
	case len(shape) != 3 || shape[0] != 1 && shape[0] != 3:
		return nil
	}
	return func(x *tensor.Tensor) (image.Image, error) {
		return gallery.Grid{}.Image(x.Reshape(append([]int{x.Dim(0)}, shape...)...))
	}
}

// open begins a file of a run that has done some steps.
func (w *Writer) open(steps int) error {
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	after, err := newest(w.dir)
	if err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	name := fmt.Sprintf("%s%010d.%s.%d.0", prefix, max(w.now().Unix(), after+1), host, os.Getpid())
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.buffer, w.whole, w.err = f, bufio.NewWriter(f), 0, nil
	w.put(event(w.seconds(), 0, fileVersion, []byte("brain.Event:2")))
	if steps > 0 {
		w.put(event(w.seconds(), steps+1, sessionLog, start))
	}
	w.push()
	return w.take()
}

// prefix is how the names of event files begin, before the second of their making.
// TensorBoard reads the files of a folder in the order of their names, and never goes
// back to an earlier one.
const prefix = "events.out.tfevents."

// newest returns the second that the last event file of a folder is named by, or −1: it
// may lie in the future if the clock was set back, or be this one.
func newest(dir string) (second int64, err error) {
	entries, err := os.ReadDir(dir)
	second = -1
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), prefix); ok {
			digits, _, _ := strings.Cut(rest, ".")
			if s, err := strconv.ParseInt(digits, 10, 64); err == nil && s < 9_999_999_999 { // ten digits, and one more
				second = max(second, s)
			}
		}
	}
	return second, err
}

func (w *Writer) seconds() float64 { return float64(w.now().UnixMicro()) / 1e6 }

// write writes an event with values. Without a run it does nothing.
func (w *Writer) write(step int, vs ...[]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return
	}
	w.put(event(w.seconds(), step, summary, values(vs...)))
	if w.now().Sub(w.flushed) > time.Second {
		w.push()
	}
}

// note keeps an error to be told.
func (w *Writer) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("tensorboard: %w", err)
	}
}

// put, push, fail and take are called with the lock held.
func (w *Writer) put(event []byte) {
	_, err := w.buffer.Write(record(event))
	w.fail(err)
}

func (w *Writer) push() {
	w.flushed = w.now()
	if err := w.buffer.Flush(); err != nil {
		w.fail(err)
		return
	}
	at, err := w.file.Seek(0, io.SeekCurrent)
	if w.fail(err); err == nil {
		w.whole = at
	}
}

// fail keeps an error, and takes a record back that is not whole, after which
// TensorBoard would read no other.
func (w *Writer) fail(err error) {
	if err == nil {
		return
	}
	if w.err == nil {
		w.err = fmt.Errorf("tensorboard: %w", err)
	}
	w.file.Truncate(w.whole)
	w.file.Seek(w.whole, io.SeekStart)
	w.buffer.Reset(w.file)
}

func (w *Writer) take() error {
	err := w.err
	w.err = nil
	return err
}

// flush gives the file what there is.
func (w *Writer) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		w.push()
	}
}

// told returns an error that nobody knows yet, as a warning.
func (w *Writer) told() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return gan.Warning(w.take())
}

// close ends the file.
func (w *Writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	w.push()
	err := errors.Join(w.take(), w.file.Sync(), w.file.Close())
	w.file, w.buffer = nil, nil
	return err
}
