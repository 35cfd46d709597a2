package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// The README shows this program.
func TestREADME(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), "\n```go\n"+string(program)+"```\n", "copy examples/hello/main.go into README.md")
}

func TestNoArguments(t *testing.T) {
	clitest.Fails(t, t.TempDir(), 1, "hello takes no arguments", "-h")
}

// That the picture cannot be written is told before training, and not after it.
func TestNoPlaceForThePicture(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "digits.png", "taken"), 0o755))
	clitest.Fails(t, dir, 1, "digits.png")
	require.NoFileExists(t, filepath.Join(dir, "generator.safetensors"))
}

// Ctrl-C ends training early, and what there is by then is saved and drawn.
func TestHello(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another")
	}
	if testing.Short() {
		t.Skip("trains for an epoch")
	}
	dir := t.TempDir()
	cmd := clitest.Command(t, dir)
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, first, "1/26") // the epoch, or a part of it on a slow machine
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%s", rest)
	g, err := gan.LoadGenerator(filepath.Join(dir, "generator.safetensors"))
	require.NoError(t, err)
	require.Equal(t, 100, g.Latent())
	require.Len(t, g.Classes(), 10)
	require.Contains(t, clitest.Files(t, dir), "digits.png")
}
