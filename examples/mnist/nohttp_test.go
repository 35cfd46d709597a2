//go:build !http

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
)

// A program without package net/http compiles itself with it, under the tags that it
// was built with.
func TestAgain(t *testing.T) {
	info := &debug.BuildInfo{Path: "example.org/copied/mnist"}
	require.Equal(t, []string{"build", "-tags", "http", "-o", "here", "example.org/copied/mnist"}, buildArgs(info, "here"))
	info.Settings = []debug.BuildSetting{{Key: "-compiler", Value: "gc"}, {Key: "-tags", Value: "purego,cuda"}}
	require.Equal(t, []string{"build", "-tags", "http,purego,cuda", "-o", "here", "example.org/copied/mnist"}, buildArgs(info, "here"))

	dir := t.TempDir()
	clitest.Fails(t, dir, 1, "build it with -tags http", "-http", "localhost:0", "-group", "mpi")
	t.Setenv("PATH", "")
	r := clitest.Run(t, dir, "-http", "localhost:0")
	require.Equal(t, 1, r.Status)
	require.Contains(t, r.Errors, "-http and -download need package net/http; this program was built without it, and could not be compiled anew: the go command does not run: ")
	require.Contains(t, r.Errors, "; build it with -tags http")
	require.Empty(t, clitest.Files(t, dir))
}

// The status is that of the program with net/http; one that is killed has none, so that
// its end is told.
func TestStatusOfAgain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for the go command is a shell script")
	}
	for end, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -9 $$": 1} {
		bin := t.TempDir() // with a go command that compiles but this
		script := "#!/bin/sh\nfor path; do :; done\nmade=\"$5${path##*/}\"\nprintf '#!/bin/sh\\n" + end + "\\n' >\"$made\"\n/bin/chmod +x \"$made\"\n"
		require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755))
		t.Setenv("PATH", bin)
		r := clitest.Run(t, t.TempDir(), "-http", "localhost:0")
		require.Equal(t, want, r.Status, "%s: %s", end, r.Errors)
		require.Equal(t, end[0] == 'k', strings.Contains(r.Errors, "signal: killed"), r.Errors)
	}
}

// What ends while it is compiled has failed, unless the user wanted it so.
func TestCompilationEnds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for the go command is a shell script")
	}
	for script, want := range map[string]int{"echo no such package >&2; exit 1": 1, "trap 'exit 1' INT; kill -INT $PPID; while :; do :; done": 0} {
		bin := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		t.Setenv("PATH", bin)
		r := clitest.Run(t, t.TempDir(), "-http", "localhost:0")
		require.Equal(t, want, r.Status, r.Errors)
		// Tags that the program was built with, such as purego, stand behind http.
		failed := regexp.MustCompile(`\nno such package\nmnist: -http and -download need package net/http; this program was built without it, and could not be compiled anew: ` +
			`go build, whose words are above, ended with exit status 1 \(it has to run in the folder of the module\); build it with -tags http(,\w+)*\n$`)
		require.Equal(t, want == 1, failed.MatchString(r.Errors), r.Errors)
	}
}
