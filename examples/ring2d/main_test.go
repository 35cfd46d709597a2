package main

import (
	"context"
	"encoding/json"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/tensor"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

func TestFilesAndTable(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-mixture", "grid", "-steps", "3", "-batch", "8", "-samples", "points/p.npy"}
	r := clitest.Run(t, dir, args...)
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Regexp(t, `(?m)^seed 1: \d+ modes, .* 3 steps in `, r.Out)
	_, table, _ := strings.Cut(r.Out, "\n\n")
	require.Regexp(t, `(?s)2,500 points.*modes +\d+ +25\b.*10,000 points.*spread in σ +\S+ +0\.97\d`, table)

	files := clitest.Files(t, dir)
	animation, err := gif.DecodeAll(strings.NewReader(files["runs/ring2d/grid.gif"]))
	require.NoError(t, err)
	require.Len(t, animation.Image, 3)
	require.NotEqual(t, animation.Image[0].Pix, animation.Image[2].Pix)
	picture, err := png.Decode(strings.NewReader(files["runs/ring2d/grid.png"]))
	require.NoError(t, err)
	require.Equal(t, 3*side, picture.Bounds().Dx())
	require.Len(t, files["points/p.npy"], 128+10_000*2*4)
	require.Contains(t, files["points/p.npy"], "'<f4', 'fortran_order': False, 'shape': (10000, 2)")

	// The same seed gives the same everything, but for the time it takes.
	_, again, _ := strings.Cut(clitest.Run(t, dir, args...).Out, "\n\n")
	require.Equal(t, table, again)
	now := clitest.Files(t, dir)
	for _, name := range []string{"runs/ring2d/grid.gif", "runs/ring2d/grid.png", "points/p.npy", "runs/ring2d/seed-1/checkpoints/checkpoint-0000000003.safetensors"} {
		require.True(t, files[name] == now[name], name)
	}

	// What is finished and resumed is shown again, and can be extended.
	r = clitest.Run(t, dir, append(args, "-resume", "auto")...)
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, "resumed from ")
	require.True(t, strings.HasSuffix(r.Out, table), r.Out)
	r = clitest.Run(t, dir, append(args, "-resume", "must", "-set", "steps=5")...)
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, " 5 steps in ")
	clitest.Fails(t, filepath.Join(dir, "runs"), 1, "optimizer.lr was 0.002 and is 0.1", "-mixture", "grid", "-steps", "5", "-batch", "8", "-lr", "0.1", "-resume", "auto", "-out", "ring2d")
}

// What cannot be written leaves the file that was there, and nothing else.
func TestSave(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, save(filepath.Join(dir, "a.gif"), []byte("older")))
	require.NoError(t, save(filepath.Join(dir, "a.gif"), []byte("new")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "b.gif", "full"), 0o755))
	require.Error(t, save(filepath.Join(dir, "b.gif"), []byte("new")))
	require.Error(t, save(filepath.Join(dir, "none", "c.gif"), []byte("new")))
	require.Equal(t, map[string]string{"a.gif": "new", "b.gif": "folder", "b.gif/full": "folder"}, clitest.Files(t, dir))
}

func TestJSON(t *testing.T) {
	r := clitest.Run(t, t.TempDir(), "-json", "-seeds", "2", "-seed", "7", "-steps", "2", "-batch", "4")
	require.Zero(t, r.Status, r.Errors)
	require.Equal(t, 2, strings.Count(r.Errors, "\n"), "a line for each seed")
	var got struct {
		Mixture, Objective, Penalty, Schedule string
		Batch                                 int
		Few                                   []metrics.Value `json:"2500"`
		Many                                  []metrics.Value `json:"10000"`
		Seeds                                 []struct {
			Seed, Steps int
			Seconds     float64
			Many        []metrics.Value `json:"10000"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.Out), &got))
	require.Equal(t, []any{"ring", "relativistic", "r1r2", "decay", 4}, []any{got.Mixture, got.Objective, got.Penalty, got.Schedule, got.Batch})
	require.Len(t, got.Seeds, 2)
	require.Equal(t, []int{7, 2, 8, 2}, []int{got.Seeds[0].Seed, got.Seeds[0].Steps, got.Seeds[1].Seed, got.Seeds[1].Steps})
	require.Equal(t, "modes", got.Many[0].Name)
	require.Equal(t, (got.Seeds[0].Many[0].Value+got.Seeds[1].Many[0].Value)/2, got.Many[0].Value)
	require.EqualValues(t, 8, got.Few[0].Floor)
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	for args, want := range map[string]string{
		"-mixture square": `"square" for flag -mixture: it must be one of ring, grid`,
		"-objective x":    "one of relativistic, ",
		"-penalty x":      "one of r1r2, r1, gp, none",
		"-schedule x":     "one of decay, constant",
		"-steps -1":       "-steps",
		"-steps 1.5":      "-steps",
		"-batch 0":        "-batch",
		"-batch 2000000":  "-batch at most 1048576",
		"-seeds 0":        "-seeds",
		"-threads -1":     "-threads",
		"-lr 0":           "-lr",
		"-lr NaN":         "-lr",
		"-gamma -1":       "-gamma",
		"-gamma 0":        "-penalty none is without",
		"-out=":           "-out must name a folder",
		"-samples x.png":  "-samples must name a file in .npy",
		"-set lr=0.1":     "-set changes a run that is resumed",
		"-nonsense":       "-nonsense",
		"argument":        `unexpected argument "argument"`,
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	clitest.Fails(t, dir, 1, "file", "-out", "file/below")
	clitest.Fails(t, dir, 1, "abacus", "-device", "abacus")
	clitest.Fails(t, dir, 1, "file", "-out", ".", "-samples", "file/x.npy")
	clitest.Fails(t, dir, 1, "missing port", "-out", ".", "-http", "80") // and no run is moved aside
	require.Contains(t, clitest.Run(t, dir, "-help").Errors, "-mixture")
}

// Ctrl-C in the middle of training shows what there is and ends well.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another")
	}
	dir := t.TempDir()
	r := clitest.Signal(t, dir, "", os.Interrupt, "-steps", "100000000", "-batch", "2")
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Contains(t, r.Out, "10,000 points")
	require.Contains(t, clitest.Files(t, dir), "runs/ring2d/ring.png")
	require.Contains(t, r.Out, "stopped and saved; the same command with -resume auto goes on")
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	s := settings{mixture: "ring", objective: "relativistic", penalty: "r1r2", schedule: "decay",
		gamma: 0.1, lr: 3e-3, steps: 100_000, batch: 4, seeds: 3, out: dir, where: "cpu", changes: rundir.NewChanges(nil, nil)}
	ctx, cancel := context.WithCancel(context.Background())
	f := newFilm(mixtures["ring"], s.steps)
	stop := gan.Hook{Step: func(i *gan.StepInfo) error {
		if i.Step == 3 {
			cancel()
		}
		return nil
	}}
	o, err := train(ctx, s, 1, stop, f.hook())
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 3, o.Steps)
	require.Equal(t, 3, f.step)
	require.NoError(t, f.write(filepath.Join(dir, "x"), o.generator))
	require.Len(t, clitest.Files(t, dir), 2)

	s.out = t.TempDir()
	require.ErrorIs(t, run(ctx, s), context.Canceled) // there is nothing to show yet
	require.NotContains(t, clitest.Files(t, s.out), "ring.png")
}

// Each objective goes with each penalty.
func TestGames(t *testing.T) {
	for _, objective := range objectiveNames() {
		for _, penalty := range penalties {
			for _, schedule := range schedules {
				s := settings{objective: objective, penalty: penalty, schedule: schedule, gamma: 0.1, lr: 1e-3, steps: 10, batch: 4}
				r := s.recipe(1)
				g, d := r.Networks()
				trainer, err := gan.New(g, d, s.config(r))
				require.NoError(t, err)
				x := mixtures["ring"].Sample(tensor.Float32, 4, tensor.NewStream(1, "x"))
				for range 2 {
					losses, err := trainer.Step(gan.Batch{X: x})
					require.NoError(t, err)
					require.Equal(t, penalty != "none", losses.Penalty > 0)
				}
			}
		}
	}
}

// A picture shows the field where it belongs, from the top left.
func TestField(t *testing.T) {
	f := newFilm(mixtures["grid"], 10)
	f.field = f.corners.Float64s() // of corner i: x at 2i, y at 2i+1
	for i := range f.field {
		if i < len(f.field)/2 {
			f.field[i] = f.field[2*i]
		}
	}
	for _, column := range []float64{0, 0.25, 17, 79.5, cells} {
		require.InDelta(t, f.half*(2*column/cells-1), f.at(column, 3.75), 1e-6)
	}
	ys := f.corners.Float64s()
	for i := range len(ys) / 2 {
		f.field[i] = ys[2*i+1]
	}
	for _, row := range []float64{0, 0.25, 17, 79.5, cells} {
		require.InDelta(t, f.half*(1-2*row/cells), f.at(8.1, row), 1e-6)
	}
	_, sigma := mixtures["grid"].Modes()
	require.Equal(t, sigma, f.sigma)
}
