package main

import (
	"image/png"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

func TestFilesAndTable(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-preset", "quarter", "-steps", "4", "-looks", "2", "-samples", "50"}
	r := clitest.Run(t, dir, args...)
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Regexp(t, `(?m)^step 2: of 50 pictures, modes \d+, reverse KL \d`, r.Out)
	_, table, found := strings.Cut(r.Out, "\n50 pictures\n")
	require.True(t, found, r.Out)
	require.Regexp(t, `modes +\d+ +4\d\nreverse KL +[3-7]\.\d+ +3\.\d`, table) // of 50 pictures, ln(1000/50) at least

	files := clitest.Files(t, dir)
	picture, err := png.Decode(strings.NewReader(files["runs/stackedmnist/samples.png"]))
	require.NoError(t, err)
	require.Equal(t, 10*(2*28+2)+2, picture.Bounds().Dx())
	g, err := gan.LoadGenerator(dir + "/runs/stackedmnist/generator.safetensors")
	require.NoError(t, err)
	require.Equal(t, []int{3, 28, 28}, g.SampleShape())

	// The same seed gives the same everything, but for the time it takes.
	again := clitest.Run(t, dir, args...)
	_, sameTable, _ := strings.Cut(again.Out, "\n50 pictures\n")
	require.Equal(t, table, sameTable)
	now := clitest.Files(t, dir)
	for _, name := range []string{"samples.png", "checkpoints/checkpoint-0000000004.safetensors"} {
		require.True(t, files["runs/stackedmnist/"+name] == now["runs/stackedmnist/"+name], name)
	}

	// What is finished and resumed is shown again.
	r = clitest.Run(t, dir, append(args, "-resume", "must")...)
	require.Contains(t, r.Out, "resumed from ")
	require.True(t, strings.HasSuffix(r.Out, table), r.Out)
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	for want, args := range map[string][]string{
		`no preset "pieces"`:   {"-preset", "pieces"},
		"unexpected argument":  {"quarter"},
		"-samples 1 to":        {"-samples", "0"},
		"-samples 1 to 100000": {"-samples", "1000000000"},
		"must name a folder":   {"-out", ""},
	} {
		clitest.Fails(t, dir, 2, want, args...)
	}
	clitest.Fails(t, dir, 1, "there is no train-images-idx3-ubyte", "-data", "nowhere")
	require.Empty(t, clitest.Files(t, dir))
}

// Who has had enough of the count at the end need not wait for it.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another")
	}
	dir := t.TempDir()
	r := clitest.Signal(t, dir, "; pictures in ", os.Interrupt, "-preset", "quarter", "-steps", "1", "-looks", "0", "-samples", "100000")
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.NotContains(t, r.Out, "100000 pictures\n")
	require.Contains(t, clitest.Files(t, dir), "runs/stackedmnist/generator.safetensors")
}
