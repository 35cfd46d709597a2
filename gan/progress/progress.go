package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/gander-ml/gander/gan"
)

// Bar returns a hook that reports to w. The bar appears if w is a terminal. If
// nothing can be written to w any more, because it is a pipe that nobody reads,
// the hook falls silent with a [gan.Warning].
func Bar(w io.Writer) gan.Hook {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return bar(w)
	}
	return Lines(w)
}

// quietly returns the hook with its first error as a warning, after which it is
// not called any more.
func quietly(h gan.Hook) gan.Hook {
	broken := false
	try := func(err error) error {
		broken = err != nil
		return gan.Warning(err)
	}
	return gan.Hook{
		Start: func(r gan.Run) error {
			broken = false
			return h.Start(r)
		},
		Step: func(s *gan.StepInfo) error {
			if broken {
				return nil
			}
			return try(h.Step(s))
		},
		Epoch: func(e gan.EpochInfo) error {
			if broken {
				return nil
			}
			return try(h.Epoch(e))
		},
		Note: func(step int, sentence string) {
			if !broken {
				h.Note(step, sentence) // if it fails, so will the next line
			}
		},
	}
}

// Lines returns a hook that writes one line per epoch and, in a long epoch, one
// every ten seconds, so that a log shows that training runs. See [Bar] for what
// happens if w fails.
func Lines(w io.Writer) gan.Hook {
	var run gan.Run
	var last time.Time
	return quietly(gan.Hook{
		Start: func(r gan.Run) error {
			run, last = r, time.Now()
			return nil
		},
		Step: func(s *gan.StepInfo) error {
			if time.Since(last) < 10*time.Second {
				return nil
			}
			last = time.Now()
			_, err := fmt.Fprintf(w, "epoch %d/%d  batch %d/%d  %s\n", s.Epoch, run.Epochs, s.Batch, run.Batches, losses(s.Losses))
			return err
		},
		Epoch: func(e gan.EpochInfo) error {
			last = time.Now()
			_, err := fmt.Fprintln(w, summary(e, run))
			return err
		},
		Note: func(step int, sentence string) { fmt.Fprintln(w, note(step, sentence)) },
	})
}

// bar draws one bar per epoch, and replaces it by the epoch's summary.
func bar(w io.Writer) gan.Hook {
	var run gan.Run
	var b *progressbar.ProgressBar
	var drawn time.Time
	return quietly(gan.Hook{
		Start: func(r gan.Run) error {
			run = r
			return nil
		},
		Step: func(s *gan.StepInfo) error {
			if b == nil {
				b = progressbar.NewOptions(run.Batches,
					progressbar.OptionSetWriter(w),
					progressbar.OptionSetWidth(24),
					progressbar.OptionThrottle(100*time.Millisecond),
					progressbar.OptionShowCount(),
					progressbar.OptionSetElapsedTime(false), // so that the line fits 80 columns
					progressbar.OptionSetPredictTime(false),
					progressbar.OptionClearOnFinish())
			}
			// Formatting in every step would slow short steps.
			if now := time.Now(); now.Sub(drawn) > 100*time.Millisecond {
				drawn = now
				b.Describe(fmt.Sprintf("epoch %d/%d  %s", s.Epoch, run.Epochs, losses(s.Losses)))
			}
			return b.Set(s.Batch)
		},
		Epoch: func(e gan.EpochInfo) error {
			if b != nil {
				if err := b.Clear(); err != nil {
					return err
				}
				b = nil
			}
			_, err := fmt.Fprintln(w, summary(e, run))
			return err
		},
		Note: func(step int, sentence string) {
			if b != nil {
				b.Clear() // the next step draws it again, below
			}
			fmt.Fprintln(w, note(step, sentence))
		},
	})
}

// note is the line of a sentence about the run ([gan.Run.Note]).
func note(step int, sentence string) string { return fmt.Sprintf("step %d: %s", step, sentence) }

func losses(l gan.Losses) string {
	return fmt.Sprintf("D %.4f  G %.4f", l.Discriminator(), l.Generator)
}

// summary is an epoch's line: "epoch   3/100  D 0.5127  G 2.1034  1.12 s".
func summary(e gan.EpochInfo, r gan.Run) string {
	end := ""
	if e.Partial && e.Steps != r.Steps { // a run of a number of steps may end within an epoch
		end = "  (part of it)"
	}
	return fmt.Sprintf("epoch %*d/%d  %s  %.2f s%s", len(fmt.Sprint(r.Epochs)), e.Epoch, r.Epochs, losses(e.Losses), e.Time.Seconds(), end)
}
