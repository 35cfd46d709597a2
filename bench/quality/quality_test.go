package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
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
				{Name: nearest, Value: 6.5, Floor: 6.4, Ceiling: nan, StdErr: nan},
				{Name: nearCopies, Value: 0.002, Floor: 0.01, Ceiling: nan, StdErr: nan},
				{Name: unclear, Value: 0.0123, Floor: 0.0005, Ceiling: nan, StdErr: nan},
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
		Seeds: []MixtureSeed{{Seed: 1, Steps: 5000, Seconds: 20, Values: mixture(0)}, {Seed: 2, Steps: 5000, Seconds: 30, Values: mixture(2)}}}
	third := digit("quick", full, 3, 12, 0.075, 43)
	third.Place = other
	return &Results{
		Digits: []*DigitRun{third, digit(asLongAs("quick"), full, 1, 600, 0, 42.5), digit("quick", full, 1, 10, 0.08, 41), digit("quick", full, 2, 11, 0.07, 42),
			digit("classic", embedded, 1, 1234.5, 0, 95)},
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
	table, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(table), r.Markdown())

	require.Len(t, r.of("quick", full), 3)
	require.InDelta(t, 42, seconds(r.of("quick", full)), 1e-12)
	r.drop("quick", full)
	require.Empty(t, r.of("quick", full))
	require.Len(t, r.Digits, 2)

	require.NoError(t, os.WriteFile(beside(path), []byte("{"), 0o644))
	_, err = load(path)
	require.ErrorContains(t, err, "R.json")
}

// Times of another machine are not equal wall time, which is said at once.
func TestClassicComparesOnOneMachine(t *testing.T) {
	place := canned().Digits[0].Place
	for _, change := range []func(*Place){func(p *Place) { p.CPU = "Slide rule" }, func(p *Place) { p.Cores++ }, func(p *Place) { p.Threads = 1 }} {
		other := place
		change(&other)
		m := &measurer{results: canned(), split: full, place: other}
		require.ErrorContains(t, m.classic(t.Context(), 1), "there is nothing to compare with")
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0004: "0.000400", 1.296: "1.30", 12.34: "12.3", 999.4: "999", 999.6: "1000", -0.01234: "-0.0123", 25: "25", 12345.6: "12346"} {
		require.Equal(t, want, number(x))
	}
	require.Equal(t, "–", number(math.NaN()))
	require.Equal(t, "–", percent(math.NaN()))
	for n, want := range map[int]string{7: "7", 999: "999", 1000: "1,000", 15700: "15,700", 1002003: "1,002,003"} {
		require.Equal(t, want, thousands(n))
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
		"-try gamma":                        "-try: ",
		"-try gama=1":                       "-try: flag provided but not defined: -gama",
		"-try steps=0":                      "-try: steps, batch and latent must be at least 1",
		"-try glabel=0":                     "-try: ConcatCondition",
		"-try steps=4 -only quick":          "give -only or -try, not both",
		"-try batch=4 -digits 200":          "a rehearsal must not replace the results",
		"-steps x -o a.md":                  "-steps",
		"-threads -2 -o .x":                 "-threads",
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	clitest.Fails(t, dir, 1, "nowhere", "-o", "nowhere/R.md")
	clitest.Fails(t, dir, 1, "there is no train-images", "-o", "R.md", "-data", dir)
	require.Contains(t, clitest.Run(t, dir, "-help").Errors, "recipes for digits")
}

// A trial, from training to the table.
func TestTrial(t *testing.T) {
	if testing.Short() {
		t.Skip("trains and judges")
	}
	table := filepath.Join(t.TempDir(), "R.md")
	args := []string{"-steps", "2", "-digits", "200", "-seeds", "1", "-threads", "1", "-o", table}
	alone := clitest.Run(t, ".", append(args, "-only", "classic")...)
	require.Equal(t, 1, alone.Status)
	require.Contains(t, alone.Errors, "measure quick or best first")

	run := clitest.Run(t, ".", append(args, "-only", "ring,classic,quick")...)
	require.Zero(t, run.Status, run.Errors)
	require.Regexp(t, `(?s)^quick, seed 1: 2 steps, .*\nclassic, as long as quick, seed 1: 2 steps, .*\nring, 1 seeds: `, run.Out)
	r, err := load(table)
	require.NoError(t, err)
	b, err := os.ReadFile(table)
	require.NoError(t, err)
	require.Equal(t, r.Markdown(), string(b))
	quick := r.of("quick", embedded)
	require.Len(t, quick, 1)
	require.Equal(t, "go run ./examples/mnist -preset quick -looks 0 -steps 2 -threads 1", quick[0].Command)
	require.Equal(t, []int{2, 200, 1}, []int{quick[0].Steps, quick[0].Judged, quick[0].Threads})
	for _, name := range []string{mnistfeatures.Distance, mnistfeatures.DistanceTraining, mnistfeatures.Precision, mnistfeatures.Recall, mnistfeatures.RarestDigit, nearest, nearCopies} {
		v := quick[0].Values.Get(name)
		require.False(t, math.IsNaN(v.Value) || math.IsNaN(v.Floor), name)
	}
	require.Equal(t, 8.0, r.mixture("ring").Values.Get("modes").Floor)
	require.Contains(t, string(b), "better than classic at equal wall time")

	// With -continue, nothing is measured twice at one commit.
	again := clitest.Run(t, ".", append(args, "-only", "ring,quick", "-continue")...)
	require.Zero(t, again.Status, again.Errors)
	require.Empty(t, again.Out)
	require.Equal(t, string(b), read(t, table))

	var raw map[string]any
	require.NoError(t, json.Unmarshal([]byte(read(t, beside(table))), &raw))
	require.NotContains(t, read(t, beside(table)), filepath.Dir(table), "no path of this machine")
}

// A trial of a variant, twice.
func TestTry(t *testing.T) {
	if testing.Short() {
		t.Skip("trains and judges")
	}
	table := filepath.Join(t.TempDir(), "T.md")
	args := []string{"-steps", "2", "-digits", "200", "-threads", "1", "-o", table, "-try", " batch=8  dmid=true gfine=2"}
	run := clitest.Run(t, ".", args...)
	require.Zero(t, run.Status, run.Errors)
	require.Regexp(t, `^batch=8 dmid=true gfine=2, seed 1: 2 steps, .*\n$`, run.Out)
	run = clitest.Run(t, ".", append(args, "-seeds", "2")...)
	require.Zero(t, run.Status, run.Errors)
	require.Regexp(t, `^batch=8 dmid=true gfine=2, seed 2: 2 steps, .*\n$`, run.Out, "the first is there already")
	trials, err := loadTrials(table)
	require.NoError(t, err)
	require.Len(t, trials, 2)
	require.Equal(t, trials.Markdown(), read(t, table))
	require.Len(t, trials[0].Values, len(kept))
	require.Equal(t, embedded, trials[0].Split)
	require.Equal(t, 200, trials[1].Judged)
}

// The table of trials is that of the file beside it, and says means and errors of
// seeds, the best first.
func TestTrialsTable(t *testing.T) {
	trial := func(words, split string, seed uint64, distance float64) Trial {
		return Trial{Words: words, Split: split, Seed: seed, Steps: 2000, Judged: 10_000, Values: map[string]float64{
			mnistfeatures.Distance: distance, mnistfeatures.DistanceTraining: distance + 1, mnistfeatures.Precision: 0.8, mnistfeatures.Recall: 0.7, mnistfeatures.RarestDigit: 0.09, unclear: 0.0003}}
	}
	s := Trials{trial("a", embedded, 1, 5), trial("lr=1", embedded, 1, 2), trial("lr=1", embedded, 2, 3), trial("lr=1", full, 1, 9)}.Markdown()
	require.Contains(t, s, "| lr=1 | 1 2 | 2.58 | 2.50 ± 0.50 | 3.50 ± 0.50 | – | 0.800 ± 0 | 0.700 ± 0 | 9.0 % | 0.03 % |\n| a | 1 | – | 5 | 6 |")
	require.Contains(t, s, "training digits\n\n| variant")

	made, err := loadTrials("TRIED.md")
	require.NoError(t, err)
	require.NotEmpty(t, made)
	require.Equal(t, made.Markdown(), read(t, "TRIED.md"))
	for _, trial := range made {
		_, err := parse(trial.Words)
		require.NoError(t, err)
	}
}

// Products of the first networks, layer by layer: G's linear layers and folded
// convolutions, D's convolutions and linear layers.
func TestProducts(t *testing.T) {
	g := 110*256 + 256*1568 + 4*196*32*16 + 4*784*16
	d := 196*16*16 + 49*16*16*32 + 1578*128 + 128
	require.Equal(t, float64(2*64*(4*g+10*d)), first().products())
	v, err := parse("ddeep=1 gdeep=-1 gagain=1 dagain=1 dplanes=1 dmid=true glow=true gmid=true gfine=8 dlabel=0")
	require.NoError(t, err)
	g = 120*1568 + 9*49*32*32 + 4*196*32*16 + 9*196*16*16 + 784*8*(4*16+9)
	d = 196*16*16*11 + 49*16*16*32 + 9*49*32*32 + 1568*128 + 128*128 + 138*128 + 128
	require.Equal(t, float64(2*64*(4*g+10*d)), v.products())
	net, judge := v.Recipe(1).Networks() // and such networks exist
	require.NotPanics(t, func() { _, err = gan.New(net, judge, v.Recipe(1).Config()) })
	require.NoError(t, err)
}

// The recipes are variants that were tried: the same words train the same weights.
func TestRecipesAreVariants(t *testing.T) {
	for words, r := range map[string]recipe.Recipe{"steps=4500 fall=.5 ddeep=1": recipe.Quick(), "steps=4500 fall=.5 classes=false": recipe.Unconditional(), "steps=13500 fall=.5 ddeep=1": recipe.Best()} {
		v, err := parse(words)
		require.NoError(t, err)
		require.Equal(t, r.Steps, v.Steps)
		trained := func(r recipe.Recipe) (weights [][]float32) {
			g, d := r.Networks()
			trainer, err := gan.New(g, d, r.Config())
			require.NoError(t, err)
			b := gan.Batch{X: tensor.NewStream(1, "x").Uniform(tensor.Float32, 4, 784)}
			if r.Config().Classes != nil {
				b.Condition = tensor.OneHot(tensor.Float32, 10, []int{3, 1, 4, 1})
			}
			for range 4 {
				_, err := trainer.Step(b)
				require.NoError(t, err)
			}
			for _, net := range []nn.Module{g, d} {
				for _, p := range nn.Params(net) {
					weights = append(weights, p.Param.Value().Float32s())
				}
			}
			return weights
		}
		for _, steps := range []int{r.Steps, 4} { // in four steps schedules go all their way
			r.Steps, v.Steps = steps, steps
			require.Equal(t, trained(r), trained(v.Recipe(1)), words)
		}
	}
}

func read(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
