package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/gander-ml/gander/gan"
)

// Bar returns a hook that reports to w. The bar appears if w is a terminal. If
// nothing can be written to w any more, because it is a pipe that nobody reads,
// the hook falls silent with a [gan.Warning].
func Bar(w io.Writer) gan.Hook {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return bar(w, func() int {
			columns, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0
			}
			return columns
		})
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
		End: func(r *gan.Report) error {
			if broken || h.End == nil {
				return nil
			}
			return try(h.End(r))
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
			_, err := fmt.Fprintf(w, "epoch %d%s  batch %d/%d  %s\n", s.Epoch, of(run.Epochs), s.Batch, batches(s, run), losses(s.Losses))
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

// bar draws one bar per epoch, and replaces it by the epoch's summary. It never takes
// more than a line of the terminal, which has so many columns: 0 if nobody knows.
func bar(w io.Writer, columns func() int) gan.Hook {
	var run gan.Run
	var drawn time.Time // zero: there is no bar
	length := 0         // of the bar
	// put writes a text over the bar, at once, so that it does not flicker.
	put := func(text string) error {
		over := "\r"
		if length > 0 {
			over = "\r" + strings.Repeat(" ", length) + "\r"
		}
		drawn, length = time.Time{}, 0
		_, err := io.WriteString(w, over+text)
		return err
	}
	return quietly(gan.Hook{
		Start: func(r gan.Run) error {
			run, drawn, length = r, time.Time{}, 0
			return nil
		},
		Step: func(s *gan.StepInfo) error {
			now := time.Now()
			if now.Sub(drawn) < 100*time.Millisecond { // else it would slow short steps
				return nil
			}
			text := fmt.Sprintf("%s  %s", epoch(s.Epoch, run), losses(s.Losses))
			text = fit(text, s.Batch, batches(s, run), columns())
			err := put(text)
			drawn, length = now, utf8.RuneCountInString(text)
			return err
		},
		Epoch: func(e gan.EpochInfo) error { return put(summary(e, run) + "\n") },
		Note:  func(step int, sentence string) { put(note(step, sentence) + "\n") }, // the next step draws the bar again, below
		End: func(*gan.Report) error {
			if length == 0 {
				return nil
			}
			return put("") // of an epoch that a failure has ended
		},
	})
}

// batches returns how many batches there will have been of the epoch of a step: fewer
// than it has if a run of a number of steps ends within it.
func batches(s *gan.StepInfo, r gan.Run) int {
	if left := r.Steps - s.Step; left >= 0 && left < r.Batches-s.Batch {
		return s.Batch + left
	}
	return r.Batches
}

// fit returns a line of text and of how many batches are done, as far as it fits into
// a terminal without touching its last column: the bar is left out first, and then
// what is last in the text.
func fit(text string, done, of, columns int) string {
	if columns <= 0 {
		columns = 80
	}
	of = max(of, 1)
	done = min(max(done, 0), of)
	counts := fmt.Sprintf("  %3d%% (%*d/%d)", 100*done/of, len(fmt.Sprint(of)), done, of)
	room := columns - 1 - len(text) - len(counts) - len("  ||")
	if cells := min(room, 24); cells >= 4 {
		full := cells * done / of
		return text + "  |" + strings.Repeat("█", full) + strings.Repeat(" ", cells-full) + "|" + counts
	}
	line := text + counts
	return line[:min(len(line), max(columns-1, 0))]
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
	return fmt.Sprintf("%s  %s  %.2f s%s", epoch(e.Epoch, r), losses(e.Losses), e.Time.Seconds(), end)
}

// epoch is "epoch   3/100", or "epoch 3" of a run without an end.
func epoch(n int, r gan.Run) string {
	all := of(r.Epochs)
	return fmt.Sprintf("epoch %*d%s", len(all)-len("/"), n, all)
}

// of is "/100", or nothing if there is no end.
func of(n int) string {
	if n == math.MaxInt {
		return ""
	}
	return fmt.Sprint("/", n)
}
