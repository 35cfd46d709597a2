//go:build !js

package main

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// The folder is complete: what the page refers to is there, and the program is
// WebAssembly that is not too large. bench/browser opens it in a browser.
func TestSite(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for WebAssembly")
	}
	dir := t.TempDir()
	r := clitest.Run(t, dir, "-out", "a/site")
	require.Zero(t, r.Status, r.Errors)
	require.Regexp(t, `^the page is in a/site; its program takes [0-9.]+ MB\n$`, r.Errors)
	files := clitest.Files(t, filepath.Join(dir, "a", "site"))
	names := `[\w.]+\.(?:js|css|svg|gz|safetensors)\b`
	for _, from := range []string{"index.html", "page.js", "worker.js"} {
		for _, name := range regexp.MustCompile(`"(`+names+`)"`).FindAllStringSubmatch(files[from], -1) {
			require.Contains(t, files, name[1], "%s refers to it", from)
		}
		require.NotContains(t, files[from], "https:", from)
	}
	require.Less(t, len(files["gander.wasm.gz"]), 4<<20)
	z, err := gzip.NewReader(strings.NewReader(files["gander.wasm.gz"]))
	require.NoError(t, err)
	program, err := io.ReadAll(z)
	require.NoError(t, err)
	require.True(t, isWhole(program))
	for _, n := range []int{0, 4, 8, 100, len(program) / 2, len(program) - 1} {
		require.False(t, isWhole(program[:n]), n)
	}
	_, err = gan.ReadGenerator(strings.NewReader(files["generator.safetensors"]))
	require.NoError(t, err)
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	net := nn.Linear(5, 9)
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 5)
	require.NoError(t, err)
	require.NoError(t, g.Save(filepath.Join(dir, "rows")))
	conditioned := nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(5, 4))
	nn.Init(conditioned, 1, tensor.Float32, tensor.CPU())
	g, err = gan.NewGenerator(conditioned, 3, 1, 2, 2)
	require.NoError(t, err)
	require.NoError(t, g.Save(filepath.Join(dir, "conditioned")))
	for args, want := range map[string]string{
		"-wrong": "flag provided but not defined: -wrong",
		"-out=":  "-out names a folder",
		"extra":  "no arguments besides the flags",
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	for args, want := range map[string]string{
		"-model none":        "none",
		"-model conditioned": "conditions of 2 numbers, and not classes",
		"-model rows":        "samples of [9] are not grey images",
		"-out rows/site":     "rows",
		"-http 80":           "80: missing port in address",
	} {
		clitest.Fails(t, dir, 1, want, strings.Fields(args)...)
	}
}

// The small networks find all eight modes, in the first half of the training, and
// four of five points lie in them at its end.
func TestRing(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	for _, seed := range []uint64{1, 2, 3} {
		found, steps := 0, []int{}
		var last frame
		due := func(step int) bool { return step%100 == 0 }
		require.NoError(t, train(context.Background(), seed, due, func(f frame) {
			if f.modes == 8 && found == 0 {
				found = f.step
			}
			require.Len(t, f.points, 2*points)
			require.Len(t, f.field, (cells+1)*(cells+1))
			steps, last = append(steps, f.step), f
		}))
		require.Len(t, steps, 20)
		require.NotZero(t, found)
		require.LessOrEqual(t, found, 1000)
		require.Equal(t, 8, last.modes)
		require.Greater(t, last.quality, 0.8)
		require.Equal(t, last.steps, last.step)
	}
}

// Whoever stops the program while it compiles finds nothing in the folder for
// temporary files.
func TestInterrupt(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("compiles for WebAssembly; a process cannot send Ctrl-C to another on Windows")
	}
	temporary := t.TempDir()
	cmd := clitest.Command(t, t.TempDir())
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary, "GOCACHE="+t.TempDir()) // for which compiling takes a while
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	require.Eventually(t, func() bool {
		there, err := os.ReadDir(temporary)
		return err == nil && len(there) > 0
	}, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	cmd.Wait()
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}
