// Package clitest tests programs by their arguments, exit status, output and
// files. A test binary runs itself again as the program, so nothing has to be
// built. A program's tests have
//
//	func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }
package clitest

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// marker in the environment makes the test binary run the program.
const marker = "GANDER_TEST_RUNS_MAIN"

// Main runs the tests, or the program if [Command] has started the binary, and
// returns the exit status.
func Main(m *testing.M, main func()) int {
	if os.Getenv(marker) != "" {
		os.Unsetenv(marker)
		main()
		return 0
	}
	return m.Run()
}

// Command returns the program with these arguments, to be started in a folder.
func Command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), marker+"=1")
	return cmd
}

// Result is a program's exit status and output.
type Result struct {
	Status      int
	Out, Errors string // standard output and standard error
}

// Run runs the program to its end.
func Run(t testing.TB, dir string, args ...string) Result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := Command(t, dir, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return Result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Signal runs the program to its end, and sends it a signal at the first line of its
// output that matches the regular expression when.
func Signal(t testing.TB, dir, when string, signal os.Signal, args ...string) Result {
	t.Helper()
	due := regexp.MustCompile(when)
	var out, errs bytes.Buffer
	cmd := Command(t, dir, args...)
	cmd.Stderr = &errs
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	sent := false
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		out.WriteString(lines.Text() + "\n")
		if !sent && due.MatchString(lines.Text()) {
			sent = true
			require.NoError(t, cmd.Process.Signal(signal))
		}
	}
	cmd.Wait() // its error is the exit status
	require.True(t, sent, "no line matches %q: %s", when, out.String())
	return Result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Fails runs a program that must end with the status, write a first line to
// standard error that contains want, and leave the folder's files unchanged. A
// second line may follow for wrong usage, status 2: that -help lists the flags.
func Fails(t testing.TB, dir string, status int, want string, args ...string) {
	t.Helper()
	before := Files(t, dir)
	r := Run(t, dir, args...)
	require.Equal(t, status, r.Status, "%v: %s", args, r.Errors)
	first, more, whole := strings.Cut(r.Errors, "\n")
	require.Contains(t, first, want, "%v", args)
	require.True(t, whole, "%v: not a line: %s", args, r.Errors)
	require.True(t, more == "" || status == 2 && help.MatchString(more), "%v: not one line: %s", args, r.Errors)
	after := Files(t, dir)
	for name, content := range after {
		require.True(t, before[name] == content, "%v: %s was written", args, name)
	}
	require.Len(t, after, len(before), "%v: files are gone", args)
}

// FullDisk runs the program with its standard output on a disk that is full, of which
// it must tell in one line, with status 1. It does nothing where there is no
// /dev/full.
func FullDisk(t testing.TB, dir string, args ...string) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer full.Close()
	var errs bytes.Buffer
	cmd := Command(t, dir, args...)
	cmd.Stdout, cmd.Stderr = full, &errs
	cmd.Run() // its error is the exit status
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), errs.String())
	require.Regexp(t, `^\w+: write /dev/stdout: no space left on device\n$`, errs.String())
}

// help is the line that follows what package flag says of a wrong flag.
var help = regexp.MustCompile(`^\w+: see -help\n$`)

// Files returns the contents of a folder and of those below, by path. A folder
// has the content "folder".
func Files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content := []byte("folder")
		if !e.IsDir() {
			content, err = os.ReadFile(path)
		}
		out[filepath.ToSlash(rel)] = string(content)
		return err
	}))
	return out
}
