package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// A trial is added to the table, once.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-of", "ring", "-o", "T.md", "-seeds", "2", "steps=4", "batch=8", "gwaves=3", "latent=3", "skip=0.1", "slots=5", "gamma2=0.001"}
	r := clitest.Run(t, dir, args...)
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, "ring, seed 2, `batch=8 gamma2=0.001 gwaves=3 latent=3 skip=0.1 slots=5 steps=4`:  modes ")
	files := clitest.Files(t, dir)
	require.Regexp(t, "(?m)^\\| `batch=8 .* steps=4` \\| 2 \\| 4 \\| ", files["T.md"])

	r = clitest.Run(t, dir, args...)
	require.Empty(t, r.Out, "both seeds are there")
	require.NoError(t, os.Remove(filepath.Join(dir, "T.md")))
	clitest.Run(t, dir, "-o", "T.md", "-seeds", "0")
	require.Equal(t, files["T.md"], clitest.Files(t, dir)["T.md"])

	clitest.Fails(t, dir, 2, `"steps" is not name=value`, "steps")
	clitest.Fails(t, dir, 2, `"speed=2" is not name=value`, "speed=2")
	clitest.Fails(t, dir, 2, "-of does not know", "-of", "moon")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "T.json"), []byte("{"), 0o644))
	clitest.Fails(t, dir, 1, "unexpected end", "-o", "T.md", "-seeds", "0")
}

// The best comes first, and the worst seed stands in brackets.
func TestMarkdown(t *testing.T) {
	values := func(modes, kl float64) metrics.Table {
		return metrics.Table{metrics.NewValue("modes", modes), metrics.NewValue("reverse KL", kl)}
	}
	got := markdown([]trial{
		{Of: "half", Changes: "a=1", Seed: 1, Steps: 5, Seconds: 10, Values: values(10, 0.5)},
		{Of: "half", Changes: "", Seed: 1, Steps: 7, Seconds: 10, Values: values(10, 0.25)},
		{Of: "half", Changes: "", Seed: 2, Steps: 7, Seconds: 20, Values: values(8, 0.5)},
		{Of: "half", Changes: "b=2", Seed: 1, Steps: 5, Seconds: 1, Values: values(1, math.NaN())},
	})
	require.Contains(t, got, "| changes | seeds | steps | modes | reverse KL | s |\n| --- | --- | --- | --- | --- | --- |\n"+
		"| – | 2 | 7 | 9 (8) | 0.375 (0.5) | 15 |\n| `a=1` | 1 | 5 | 10 (10) | 0.5 (0.5) | 10 |\n")
	require.NotContains(t, got, "## ring")
}
