package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// A trial is added to the table, once.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-of", "ring", "-o", "T.md", "-seeds", "2", "steps=4", "batch=8", "gwaves=3", "latent=3", "skip=.1", "slots=5 gamma2=1e-3"}
	r := clitest.Run(t, dir, args...)
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, "ring, seed 2, `batch=8 gamma2=0.001 gwaves=3 latent=3 skip=0.1 slots=5 steps=4`:  modes ")
	files := clitest.Files(t, dir)
	require.Regexp(t, "(?m)^\\| `batch=8 .* steps=4` \\| 1 2 \\| 4 \\| ", files["T.md"])

	r = clitest.Run(t, dir, args...)
	require.Empty(t, r.Out, "both seeds are there")
	require.NoError(t, os.Remove(filepath.Join(dir, "T.md")))
	clitest.Run(t, dir, "-o", "T.md", "-seeds", "0")
	require.Equal(t, files["T.md"], clitest.Files(t, dir)["T.md"])
	require.Contains(t, clitest.Run(t, dir, "-of", "ring", "-o", "V.md", "-v", "steps=20", "batch=8").Out, "step 18:  modes ")

	clitest.Fails(t, dir, 1, "nowhere", "-o", "nowhere/T.md", "-seeds", "0")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "T.json"), []byte("{"), 0o644))
	clitest.Fails(t, dir, 1, "unexpected end", "-o", "T.md", "-seeds", "0")
}

// Processes that add trials at the same time lose none of each other's.
func TestAddTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "T.md")
	const each = 12
	var writers sync.WaitGroup
	for first := range 4 {
		writers.Go(func() {
			for i := range each {
				seed := uint64(first*each + i)
				assert.NoError(t, add(t.Context(), path, trial{Of: "half", Seed: seed}, trial{Of: "half", Seed: seed / 2}))
			}
		})
	}
	writers.Wait()
	all, err := read(path)
	require.NoError(t, err)
	seeds := map[uint64]bool{}
	for _, made := range all {
		seeds[made.Seed] = true
	}
	require.Len(t, seeds, 4*each)
	require.Len(t, all, 4*each, "none is there twice")
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		want string
		args []string
	}{
		{`"steps" is not word=number`, []string{"steps"}},
		{`"gama=1" is not word=number, with a word of digits`, []string{"gama=1"}},
		{`"classes=true" is not word=number`, []string{"classes=true"}},
		{"batch is a whole number from 0 on", []string{"batch=4.5"}},
		{"waves is a whole number from 0 on", []string{"-of", "ring", "waves=-3"}},
		{"gkind is a whole number from 0 to 1", []string{"-of", "pocket", "gkind=2"}},
		{"classes is a whole number from 0 to 1", []string{"classes=.5"}},
		{"batch is a whole number from 0 on", []string{"batch=NaN"}},
		{"batch is a whole number from 0 on", []string{"batch=Inf"}},
		{"lr is a number from 0 on", []string{"lr=NaN"}},
		{"lr is a number from 0 on", []string{"lr=+Inf"}},
		{"gdeep is a whole number from -1 on", []string{"gdeep=-2"}},
		{"steps must be above 0", []string{"steps=0"}},
		{"gamma must be above 0", []string{"-of", "whole", "gamma=0"}},
		{"ConcatCondition", []string{"glabel=0"}},
		{"-of does not know", []string{"-of", "moon"}},
		{"-seeds and -threads", []string{"-seeds", "-1"}},
		{"-samples must be at least 200", []string{"-samples", "100"}},
		{"-o must name a file in .md", []string{"-o", "T.txt"}},
		{"-nonsense", []string{"-nonsense"}},
		{"a rehearsal must not", []string{"-samples", "200", "-o", "./bench/quality/TRIED.md"}},
	} {
		clitest.Fails(t, dir, 2, c.want, c.args...)
	}
	clitest.Fails(t, dir, 1, "there is no train-images", "-o", "T.md", "-data", dir)
	require.Contains(t, clitest.Run(t, dir, "-of", "half", "-help").Errors, "steps       of training (4000)")
}

// A trial of every kind, from training to the table.
func TestKinds(t *testing.T) {
	if testing.Short() {
		t.Skip("trains and judges")
	}
	table := filepath.Join(t.TempDir(), "T.md")
	for of, words := range map[string]string{"digits": "batch=8 dmid=1 gfine=2", "grid": "batch=8", "whole": "batch=2 lrg=0.5 pairs=0"} {
		run := clitest.Run(t, ".", "-of", of, "-samples", "200", "-threads", "1", "-o", table, "steps=2 "+words)
		require.Zero(t, run.Status, run.Errors)
		require.Contains(t, run.Out, of+", seed 1, `"+words+" steps=2`:  ")
	}
	all, err := read(table)
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, made := range all {
		require.Equal(t, 200, made.Judged)
		for _, k := range kinds {
			if k.name == made.Of {
				require.GreaterOrEqual(t, len(made.Values), len(k.columns)-1, "without points near modes there is no spread")
				require.Equal(t, k.split(""), made.Split)
			}
		}
	}
}

// The best comes first, and the worst seed stands in brackets.
func TestMarkdown(t *testing.T) {
	half := func(words, note string, seed uint64, steps int, seconds, modes float64, kl ...float64) trial {
		values := metrics.Table{metrics.NewValue("modes", modes)}
		for _, kl := range kl {
			values = append(values, metrics.NewValue("reverse KL", kl))
		}
		return trial{Of: "half", Split: subject.Embedded, Words: words, Note: note, Seed: seed, Steps: steps, Seconds: seconds, Values: values}
	}
	got := markdown([]trial{
		half("b=2", "", 1, 5, 1, 1),
		half("a=1", "", 1, 5, 10, 10, 0.5),
		half("", "", 2, 7, 10, 8, 0.5),
		half("", "", 1, 7, 20, 10, 0.25),
		half("", "faulty", 3, 7, 0, 10, 0.75),
	})
	require.Contains(t, got, "\n## half, trained on the 10,000 test digits\n\n")
	require.Contains(t, got, "| words | seeds | steps | modes | reverse KL | s |\n| --- | --- | --- | --- | --- | --- |\n"+
		"| – | 1 2 | 7 | 9 ± 1 (8) | 0.375 ± 0.12 (0.500) | 15 |\n| `a=1` | 1 | 5 | 10 | 0.500 | 10 |\n| – (faulty) | 3 | 7 | 10 | 0.750 | – |\n| `b=2` | 1 | 5 | 1 | – | 1 |\n")
	require.NotContains(t, got, "## ring")
}

// Digits are sorted by the distance from those that training has not seen, and the cost
// stands beside it.
func TestDigitsTable(t *testing.T) {
	made := func(words, split string, seed uint64, distance float64) trial {
		return trial{Of: "digits", Split: split, Words: words, Seed: seed, Steps: 3000, Judged: 10_000, Values: metrics.Table{
			metrics.NewValue(mnistfeatures.Distance, distance), metrics.NewValue(mnistfeatures.DistanceTraining, 10-distance), metrics.NewValue(subject.Unclear, 0.0003)}}
	}
	got := markdown([]trial{made("lr=1", subject.Embedded, 1, 2), made("lr=1", subject.Embedded, 2, 3), made("a=1", subject.Embedded, 1, 5), made("a=1", subject.Full, 1, 5), made("lr=1", subject.Full, 1, 2)})
	row := func(words, seeds, cost, values string) string {
		return "| `" + words + "` | " + seeds + " | 3,000 | " + cost + " | " + values + " | – |\n"
	}
	forgotten := row("a=1", "1", "–", "5 | 5 | – | – | – | – | 0.03 %")
	require.Contains(t, got, forgotten+row("lr=1", "1 2", "3.86", "2.50 ± 0.50 (3) | 7.50 ± 0.50 (8) | – | – | – | – | 0.03 % ± 0.00 % (0.03 %)"))
	require.Contains(t, got, row("lr=1", "1", "3.86", "2 | 8 | – | – | – | – | 0.03 %")+forgotten)
}

// The table of trials is that of the file beside it, and all words are still known.
func TestTried(t *testing.T) {
	made, err := read("../TRIED.md")
	require.NoError(t, err)
	require.NotEmpty(t, made)
	b, err := os.ReadFile("../TRIED.md")
	require.NoError(t, err)
	require.Equal(t, markdown(made), string(b))
	type key struct {
		of, split, words, note string
		seed                   uint64
	}
	known, there := 0, map[key]bool{}
	for _, trial := range made {
		for _, k := range kinds {
			if k.name != trial.Of {
				continue
			}
			known++
			c, err := k.parse(trial.Words)
			require.NoError(t, err)
			require.Equal(t, trial.Words, k.changes(c), "so that it is found again")
			if trial.Note == "" {
				require.Equal(t, int(c["steps"]), trial.Steps)
			}
		}
		at := key{trial.Of, trial.Split, trial.Words, trial.Note, trial.Seed}
		require.False(t, there[at], "twice: %v", at)
		there[at] = true
	}
	require.Equal(t, len(made), known)
}

// Products of the first networks, layer by layer: G's linear layers and folded
// convolutions, D's convolutions and linear layers.
func TestProducts(t *testing.T) {
	first, err := digits.parse()
	require.NoError(t, err)
	g := 110*256 + 256*1568 + 4*196*32*16 + 4*784*16
	d := 196*16*16 + 49*16*16*32 + 1578*128 + 128
	require.Equal(t, float64(2*64*(4*g+10*d)), first.products())
	c, err := digits.parse("ddeep=1 gdeep=-1 gskip=0.5 gagain=1 dagain=1 dplanes=1 dmid=1 glow=1 gmid=1 gfine=8 dlabel=0")
	require.NoError(t, err)
	g = 120*1568 + 110*1568 + 9*49*32*32 + 4*196*32*16 + 9*196*16*16 + 784*8*(4*16+9)
	d = 196*16*16*11 + 49*16*16*32 + 9*49*32*32 + 1568*128 + 128*128 + 138*128 + 128
	require.Equal(t, float64(2*64*(4*g+10*d)), c.products())
	require.NoError(t, digits.check(c), "such networks exist")
}

// The recipes are variants that were tried: the same words train the same weights, which
// draw the same samples.
func TestRecipesAreVariants(t *testing.T) {
	for words, r := range map[string]recipe.Recipe{
		"steps=4000 fall=.5 ddeep=1 ghid=160 gskip=0.7 temperature=1.03":       recipe.Quick(),
		"steps=4500 fall=.5 classes=0":                                         recipe.Unconditional(),
		"steps=10000 fall=.5 ddeep=1 dhid=256 ghid=160 gskip=0.7 halflife=800": recipe.Best(),
	} {
		c, err := digits.parse(words)
		require.NoError(t, err)
		require.Equal(t, r.Steps, c.n("steps"))
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
			weights = append(weights, trainer.Sample(2, 1).Float32s())
			return weights
		}
		for _, steps := range []int{r.Steps, 4} { // in four steps schedules go all their way
			r.Steps, c["steps"] = steps, float64(steps)
			require.Equal(t, trained(r), trained(digits.recipe(c)), words)
		}
	}
}
