package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// canned returns results that were never measured.
func canned() *Results {
	nan := math.NaN()
	place := Place{Commit: "abc1234", Date: "2026-01-02", CPU: "Abacus 3000", Go: "go1.26.0", Cores: 2, Threads: 2, Load: 0.25}
	digit := func(row, split string, seed uint64, distance, rarest, took float64) *DigitRun {
		return &DigitRun{Row: row, Split: split, Seed: seed, Command: "go run ./examples/mnist -preset " + strings.Fields(strings.ReplaceAll(row, ",", " "))[0], Steps: 2000, Seconds: took, Judged: 10_000, Place: place,
			Values: metrics.Table{
				{Name: mnistfeatures.Distance, Value: distance, Floor: 1.3, Ceiling: 643, StdErr: nan},
				{Name: mnistfeatures.DistanceTraining, Value: distance + 0.5, Floor: 0.96, Ceiling: 631, StdErr: nan},
				{Name: mnistfeatures.Precision, Value: 0.9 - float64(seed)/100, Floor: 0.86, Ceiling: 0.42, StdErr: nan},
				{Name: mnistfeatures.Recall, Value: 0.6 + rarest, Floor: 0.87, Ceiling: 0, StdErr: nan},
				{Name: mnistfeatures.RarestDigit, Value: rarest, Floor: 0.09, Ceiling: 0, StdErr: nan},
				{Name: subject.Nearest, Value: 6.5, Floor: 6.4, Ceiling: nan, StdErr: nan},
				{Name: subject.NearCopies, Value: 0.002, Floor: 0.01, Ceiling: nan, StdErr: nan},
				{Name: subject.Unclear, Value: 0.0123, Floor: 0.0005, Ceiling: nan, StdErr: nan},
			}}
	}
	mixture := func(worse float64) metrics.Table {
		v := func(name string, x, floor float64) metrics.Value {
			return metrics.Value{Name: name, Value: x, Floor: floor, Ceiling: nan, StdErr: 0.001}
		}
		return metrics.Table{v("modes", 8-worse, 8), v("high-quality share", 0.98-worse/100, 0.989), v("reverse KL", 0.006+worse/1000, 0.0003),
			v("KL with off-mode", 0.008+worse/1000, 0.0004), v("spread in σ", 0.66-worse/100, 0.974)}
	}
	other := place
	other.Commit, other.Load = "def5678 with changes", -1
	ring := &MixtureRun{Mixture: "ring", Command: "go run ./examples/ring2d -mixture ring -seeds 2 -json", Values: mixture(1), Place: other,
		Seeds: []Seed{{Seed: 1, Steps: 5000, Seconds: 20, Values: mixture(0)}, {Seed: 2, Steps: 5000, Seconds: 30, Values: mixture(2)}}}
	third := digit("quick", subject.Full, 3, 12, 0.075, 43)
	third.Place = other
	return &Results{
		Digits: []*DigitRun{third, digit(asLongAs("quick"), subject.Full, 1, 600, 0, 42.5), digit("quick", subject.Full, 1, 10, 0.08, 41), digit("quick", subject.Full, 2, 11, 0.07, 42),
			digit("classic", subject.Embedded, 1, 1234.5, 0, 95)},
		Mixtures: []*MixtureRun{ring},
	}
}

// The table says what was measured: the file in testdata was read with care.
func TestMarkdown(t *testing.T) {
	want, err := os.ReadFile("testdata/RESULTS.md")
	require.NoError(t, err)
	require.Equal(t, string(want), canned().Markdown())
	require.NotContains(t, new(Results).Markdown(), "##")
}

// The table of results is that of the file beside it.
func TestResults(t *testing.T) {
	r, err := load("../RESULTS.md")
	require.NoError(t, err)
	b, err := os.ReadFile("../RESULTS.md")
	require.NoError(t, err)
	require.Equal(t, r.Markdown(), string(b))
}

// What is written is read again, and the table made of it is the same.
func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "R.md")
	r, err := load(path)
	require.NoError(t, err)
	require.Empty(t, r.Digits)
	require.NoError(t, canned().save(path))
	r, err = load(path)
	require.NoError(t, err)
	require.Equal(t, canned().Markdown(), r.Markdown())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(text), r.Markdown())

	require.Len(t, r.of("quick", subject.Full), 3)
	require.InDelta(t, 42, seconds(r.of("quick", subject.Full)), 1e-12)
	r.drop("quick", subject.Full)
	require.Empty(t, r.of("quick", subject.Full))
	require.Len(t, r.Digits, 2)

	require.NoError(t, os.WriteFile(table.Beside(path), []byte("{"), 0o644))
	_, err = load(path)
	require.ErrorContains(t, err, "R.json")
}

// Times of another machine are not equal wall time, which is said at once.
func TestClassicComparesOnOneMachine(t *testing.T) {
	place := canned().Digits[0].Place
	for _, change := range []func(*Place){func(p *Place) { p.CPU = "Slide rule" }, func(p *Place) { p.Cores++ }, func(p *Place) { p.Threads = 1 }} {
		other := place
		change(&other)
		m := &measurer{results: canned(), whole: &subject.Subject{Split: subject.Full}, place: other}
		require.ErrorContains(t, m.classic(t.Context(), 1), "there is nothing to compare with")
	}
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]string{
		"-only slow":                        `-only does not know "slow"`,
		"-only quick,":                      `-only does not know ""`,
		"-seeds -1":                         "-seeds, -steps and -threads",
		"-digits 100":                       "-digits must lie between",
		"-o table.txt":                      "-o must name a file in .md",
		"-steps 20":                         "a rehearsal must not replace the results",
		"-digits 500 -o ./bench/RESULTS.md": "a rehearsal must not replace the results",
		"-nonsense":                         "-nonsense",
		"quick":                             `unexpected argument "quick"`,
		"-steps x -o a.md":                  "-steps",
		"-threads -2 -o .x":                 "-threads",
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	clitest.Fails(t, dir, 1, "nowhere", "-o", "nowhere/R.md")
	clitest.Fails(t, dir, 1, "there is no train-images", "-o", "R.md", "-data", dir)
	require.Contains(t, clitest.Run(t, dir, "-help").Errors, "recipes for digits")

	// Two at a time would lose each other's rows.
	lock, err := atomicfile.LockFolder(dir)
	require.NoError(t, err)
	defer lock.Release()
	clitest.Fails(t, dir, 1, "the folder is in use", "-o", "R.md")
}

// A trial, from training to the table.
func TestTrial(t *testing.T) {
	if testing.Short() {
		t.Skip("trains and judges")
	}
	path := filepath.Join(t.TempDir(), "R.md")
	args := []string{"-steps", "2", "-digits", "200", "-seeds", "1", "-threads", "1", "-o", path}
	alone := clitest.Run(t, ".", append(args, "-only", "classic")...)
	require.Equal(t, 1, alone.Status)
	require.Contains(t, alone.Errors, "measure quick or best first")

	run := clitest.Run(t, ".", append(args, "-only", "ring,classic,quick")...)
	require.Zero(t, run.Status, run.Errors)
	require.Regexp(t, `(?s)^quick, seed 1: 2 steps, .*\nclassic, as long as quick, seed 1: 2 steps, .*\nring, seed 1: `, run.Out)
	r, err := load(path)
	require.NoError(t, err)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, r.Markdown(), string(b))
	quick := r.of("quick", subject.Embedded)
	require.Len(t, quick, 1)
	require.Equal(t, "go run ./examples/mnist -preset quick -looks 0 -steps 2 -threads 1", quick[0].Command)
	require.Equal(t, []int{2, 200, 1}, []int{quick[0].Steps, quick[0].Judged, quick[0].Threads})
	for _, name := range []string{mnistfeatures.Distance, mnistfeatures.DistanceTraining, mnistfeatures.Precision, mnistfeatures.Recall, mnistfeatures.RarestDigit, subject.Nearest, subject.NearCopies} {
		v := quick[0].Values.Get(name)
		require.False(t, math.IsNaN(v.Value) || math.IsNaN(v.Floor), name)
	}
	require.Equal(t, 8.0, r.mixture("ring").Values.Get("modes").Floor)
	require.Contains(t, string(b), "better than classic at equal wall time")

	// With -continue, nothing is measured twice at one commit.
	again := clitest.Run(t, ".", append(args, "-only", "ring,quick", "-continue")...)
	require.Zero(t, again.Status, again.Errors)
	require.Empty(t, again.Out)
	require.Equal(t, string(b), read(t, path))

	var raw map[string]any
	require.NoError(t, json.Unmarshal([]byte(read(t, table.Beside(path))), &raw))
	require.NotContains(t, read(t, table.Beside(path)), filepath.Dir(path), "no path of this machine")
}

func read(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
