package rundir

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct{ word, unix, windows string }{
		{"-out", "-out", "-out"},
		{"runs/été-2", "runs/été-2", "runs/été-2"},
		{"a run", "'a run'", `"a run"`},
		{"", "''", `""`},
		{`C:\runs`, `'C:\runs'`, `C:\runs`},
		{`C:\a run\\`, `'C:\a run\\'`, `"C:\a run\\\\"`},
		{"$HOME `x`", "'$HOME `x`'", "\"$HOME `x`\""},
		{"it's", `'it'\''s'`, `"it's"`},
		{"~", "'~'", `"~"`},
		{"a\x1b[2J'\"\n", `$'a\x1b[2J\'"\n'`, "\"a\x1b[2J'\"\n\""},
	} {
		require.Equal(t, c.unix, quote(c.word, false), "%q", c.word)
		require.Equal(t, c.windows, quote(c.word, true), "%q", c.word)
	}
}

// A shell gets the very words back.
func TestShell(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	words := []string{"plain", "a run", "it's", `back\slash`, "$HOME", "*", "new\nline", "\x1b[31m'", "", "é", "#", "~", "a;b", `"`}
	var command []string
	for _, w := range words {
		command = append(command, quote(w, false))
	}
	out, err := exec.Command(shell, "-c", `printf '%s\0' `+strings.Join(command, " ")).Output()
	require.NoError(t, err)
	require.Equal(t, strings.Join(words, "\x00")+"\x00", string(out))
}

// What go run has made is gone by the time that somebody repeats the command.
func TestProgram(t *testing.T) {
	for _, name := range []string{"./mnist", "/usr/bin/mnist", "mnist", "/home/go-build/mnist"} {
		require.Equal(t, []string{name}, program(name))
	}
	made := filepath.Join("/tmp", "go-build123", "b001", "exe", "mnist")
	repeated := program(made) // with the tags of this build in the middle, if it has any
	require.Equal(t, []string{"go", "run"}, repeated[:2])
	require.Equal(t, "github.com/gander-ml/gander/gan/rundir.test", repeated[len(repeated)-1])
	require.Equal(t, "-resume auto -out x", again(nil, "-out", "x"), "a run.json that somebody has changed")
	require.Equal(t, "./a -seed 1 -resume auto -out "+CommandLine("a b"), again([]string{"./a", "-seed", "1"}, "-out", "a b"))
}
