// Package examples_test builds each example as a user does who has copied it.
package examples_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy of an example in a module of its own, which knows Gander as a
// dependency, compiles.
func TestCopiedExamplesCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("links every example")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	_, needs, ok := strings.Cut(string(mod), "\n\n") // what follows the module's name
	require.True(t, ok)
	needs += fmt.Sprintf("\nrequire github.com/gander-ml/gander v0.0.0\nreplace github.com/gander-ml/gander => %q\n", root)

	mains, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.NotEmpty(t, mains)
	dir := t.TempDir()
	write := func(name string, content []byte) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
	write("go.mod", []byte("module example.org/copied\n\n"+needs))
	write("go.sum", sum)
	for _, main := range mains {
		require.NoError(t, filepath.WalkDir(filepath.Dir(main), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			write(name, content)
			if filepath.Base(name) == "main.go" {
				require.Less(t, strings.Count(string(content), "\n"), 150, "%s is too long to be read in one sitting", name)
			}
			return nil
		}))
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "bin")+string(filepath.Separator), "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	programs, err := os.ReadDir(filepath.Join(dir, "bin"))
	require.NoError(t, err)
	require.Len(t, programs, len(mains))
	for _, program := range programs {
		testFlags(t, filepath.Join(dir, "bin", program.Name()))
	}
}

// testFlags runs a program with a flag that it does not know, of which it says so in a
// line, and then asks for those that it knows.
func testFlags(t *testing.T, program string) {
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	if name == "hello" || name == "secondorder" {
		return // they have no flags
	}
	run := func(flag string) (status int, errors string) {
		cmd := exec.Command(program, flag)
		cmd.Dir = t.TempDir()
		out, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	status, errors := run("-wrong")
	require.Equal(t, 2, status, name)
	require.Equal(t, "flag provided but not defined: -wrong\n"+name+": see -help\n", errors)
	for _, help := range []string{"-h", "-help"} {
		status, errors = run(help)
		require.Zero(t, status, name)
		require.Contains(t, errors, "  -help\n    \tlist the flags\n", name)
	}
}

// Who tries an example for the first time waits until all that it links is compiled:
// with a web server and cryptography, twice as long.
func TestFirstUse(t *testing.T) {
	for _, name := range []string{"hello", "mnist", "sample", "theory"} {
		out, err := exec.Command("go", "list", "-deps", "./"+name).Output()
		require.NoError(t, err)
		linked := strings.Fields(string(out))
		require.Contains(t, linked, "github.com/gander-ml/gander/nn", name)
		for _, heavy := range []string{"net", "net/http", "crypto/tls", "crypto/x509"} {
			require.NotContains(t, linked, heavy, "%s links it", name)
		}
	}
}
