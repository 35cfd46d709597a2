package progress

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
)

// drive plays a run of two epochs to a hook, of which the second ends early.
func drive(t *testing.T, h gan.Hook) {
	t.Helper()
	require.NoError(t, h.Start(gan.Run{Epochs: 100, Batches: 2}))
	for step := 1; step <= 3; step++ {
		require.NoError(t, h.Step(&gan.StepInfo{Epoch: (step + 1) / 2, Batch: 2 - step%2, Step: step, Losses: gan.Losses{Real: 0.25, Fake: 0.5, Generator: 2}}))
		if step == 2 {
			require.NoError(t, h.Epoch(gan.EpochInfo{Epoch: 1, Steps: 2, Losses: gan.Losses{Real: 0.125, Fake: 0.25, Generator: 1.5}, Time: 1234 * time.Millisecond}))
		}
	}
	require.NoError(t, h.Epoch(gan.EpochInfo{Epoch: 2, Steps: 3, Losses: gan.Losses{Real: 1, Fake: 2, Penalty: 0.5, Generator: 12.34567}, Time: time.Minute, Partial: true}))
	if h.End != nil {
		require.NoError(t, h.End(&gan.Report{}))
	}
}

const lines = `epoch   1/100  D 0.3750  G 1.5000  1.23 s
epoch   2/100  D 3.5000  G 12.3457  60.00 s  (part of it)
`

func TestLines(t *testing.T) {
	var b bytes.Buffer
	drive(t, Lines(&b))
	require.Equal(t, lines, b.String())
}

// If a run of a number of steps ends as intended, nothing is missing.
func TestRunOfSteps(t *testing.T) {
	var b bytes.Buffer
	h := Lines(&b)
	require.NoError(t, h.Start(gan.Run{Epochs: 3, Steps: 5, Batches: 2}))
	require.NoError(t, h.Epoch(gan.EpochInfo{Epoch: 2, Steps: 3, Partial: true}))
	require.NoError(t, h.Epoch(gan.EpochInfo{Epoch: 3, Steps: 5, Partial: true}))
	require.Equal(t, "epoch 2/3  D 0.0000  G 0.0000  0.00 s  (part of it)\nepoch 3/3  D 0.0000  G 0.0000  0.00 s\n", b.String())
}

// In the epoch in which such a run ends, the bar is of the batches until then.
func TestBatchesOfTheLastEpoch(t *testing.T) {
	of := func(batch, step, steps int) int {
		return batches(&gan.StepInfo{Batch: batch, Step: step}, gan.Run{Steps: steps, Batches: 50})
	}
	require.Equal(t, []int{20, 20, 20}, []int{of(1, 1, 20), of(20, 20, 20), of(5, 55, 70)})
	require.Equal(t, []int{50, 50, 50, 50}, []int{of(1, 1, 50), of(50, 50, 70), of(1, 1, math.MaxInt), of(3, 3, 0)})
	var b bytes.Buffer
	h := bar(&b, func() int { return 200 })
	require.NoError(t, h.Start(gan.Run{Epochs: 1, Steps: 20, Batches: 50}))
	require.NoError(t, h.Step(&gan.StepInfo{Epoch: 1, Batch: 20, Step: 20}))
	require.Contains(t, b.String(), "20/20")
}

// A run that goes on until it is stopped is of no number of epochs.
func TestRunWithoutEnd(t *testing.T) {
	var b bytes.Buffer
	h := Lines(&b)
	require.NoError(t, h.Start(gan.Run{Epochs: math.MaxInt, Steps: math.MaxInt, Batches: 2}))
	require.NoError(t, h.Epoch(gan.EpochInfo{Epoch: 12, Steps: 24}))
	require.Equal(t, "epoch 12  D 0.0000  G 0.0000  0.00 s\n", b.String())
	require.Equal(t, []string{"", "/7"}, []string{of(math.MaxInt), of(7)})
}

// A file and a pipe get lines, with nothing in them that only a terminal
// understands.
func TestBarIntoAFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer f.Close()
	drive(t, Bar(f))
	b, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, lines, string(b))

	var buffer bytes.Buffer
	drive(t, Bar(&buffer))
	require.Equal(t, lines, buffer.String())
}

// On a terminal the bar moves, and leaves a line per epoch behind.
func TestBarOnATerminal(t *testing.T) {
	var b bytes.Buffer
	drive(t, bar(&b, unknown))
	out := b.String()
	require.Contains(t, out, "epoch   1/100  D 0.7500  G 2.0000")
	var left []string // what a terminal shows in the end
	for line := range strings.Lines(out) {
		shown := strings.Split(strings.TrimSuffix(line, "\n"), "\r")
		left = append(left, strings.ReplaceAll(shown[len(shown)-1], "\x1b[K", ""))
	}
	require.Equal(t, strings.TrimSuffix(lines, "\n"), strings.Join(left, "\n"))
	require.True(t, strings.HasSuffix(out, "\n"))
}

// unknown is the width of a terminal that does not tell.
func unknown() int { return 0 }

// However narrow the terminal is, the bar stays within its line, and so can be
// written over.
func TestNarrowTerminals(t *testing.T) {
	const text = "epoch   7/100  D 0.7500  G 12.0000"
	for columns := range 200 {
		line := fit(text, 5, 157, columns)
		if columns == 0 {
			require.Equal(t, fit(text, 5, 157, 80), line)
			columns = 80
		}
		shown := utf8.RuneCountInString(line)
		require.Less(t, shown, columns, line)
		require.Equal(t, columns >= len(text)+len("  ||||||    3% (  5/157)")+1, strings.Contains(line, "|"), line)
		require.True(t, strings.HasPrefix(line, text[:min(columns-1, len(text))]), line)
	}
	require.Equal(t, text+"  |          |    3% (  5/157)", fit(text, 5, 157, 65))
	require.Equal(t, text+"  |██████████|  100% (157/157)", fit(text, 157, 157, 65))
	require.Contains(t, fit(text, 3, 0, 80), "100%", "a source that is longer than it said")
}

// A failure leaves no half line behind, above which its message would stand.
func TestBarThatIsNotFinished(t *testing.T) {
	var b bytes.Buffer
	h := bar(&b, unknown)
	require.NoError(t, h.Start(gan.Run{Epochs: 1, Batches: 9}))
	require.NoError(t, h.Step(&gan.StepInfo{Epoch: 1, Batch: 1, Step: 1}))
	require.NotEmpty(t, strings.TrimSpace(b.String()))
	require.NoError(t, h.End(&gan.Report{}))
	last := b.String()[strings.LastIndex(b.String(), "\r"):]
	require.Equal(t, "\r", last)
}

// Sentences of other hooks stand in lines of their own, also while a bar is drawn.
func TestNotes(t *testing.T) {
	for name, hook := range map[string]func(*bytes.Buffer) gan.Hook{
		"lines": func(b *bytes.Buffer) gan.Hook { return Lines(b) },
		"bar":   func(b *bytes.Buffer) gan.Hook { return bar(b, unknown) },
	} {
		var b bytes.Buffer
		h := hook(&b)
		require.NoError(t, h.Start(gan.Run{Epochs: 1, Batches: 9}))
		require.NoError(t, h.Step(&gan.StepInfo{Epoch: 1, Batch: 1, Step: 1}))
		h.Note(1, "it swings")
		require.NoError(t, h.Step(&gan.StepInfo{Epoch: 1, Batch: 2, Step: 2}))
		require.NoError(t, h.Epoch(gan.EpochInfo{Epoch: 1, Steps: 2}))
		var left []string // what a terminal shows in the end
		for line := range strings.Lines(b.String()) {
			shown := strings.Split(strings.TrimSuffix(line, "\n"), "\r")
			left = append(left, strings.ReplaceAll(shown[len(shown)-1], "\x1b[K", ""))
		}
		require.Equal(t, []string{"step 1: it swings", "epoch 1/1  D 0.0000  G 0.0000  0.00 s"}, left, name)
	}
}

// failing is a writer that fails.
type failing struct{}

var errFull = errors.New("no space left")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	for _, h := range []gan.Hook{Lines(failing{}), bar(failing{}, unknown)} {
		require.NoError(t, h.Start(gan.Run{Epochs: 1, Batches: 2}))
		require.ErrorIs(t, h.Epoch(gan.EpochInfo{Epoch: 1}), errFull)
	}
}
