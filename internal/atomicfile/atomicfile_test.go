package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func writes(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// names lists a folder, hidden files included.
func names(t *testing.T, folder string) []string {
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func contents(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func TestWriteCreatesAndReplaces(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	long := strings.Repeat("0123456789", 100_000) // several buffers
	for _, text := range []string{"first", "", long, "last"} {
		require.NoError(t, Write(path, writes(text)))
		require.Equal(t, text, contents(t, path))
		require.Equal(t, []string{"f"}, names(t, folder))
	}
}

func TestWriteInCurrentFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, Write("f", writes("here")))
	require.Equal(t, "here", contents(t, "f"))
}

func TestWritePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no permission bits")
	}
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	f, err := os.OpenFile(plain, os.O_CREATE, 0o644) // what the umask leaves
	require.NoError(t, err)
	require.NoError(t, f.Close())
	path := filepath.Join(folder, "f")
	require.NoError(t, Write(path, writes("x")))
	want, err := os.Stat(plain)
	require.NoError(t, err)
	got, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want.Mode(), got.Mode())
}

func TestWriteFailureLeavesOldFile(t *testing.T) {
	broken := errors.New("broken")
	for name, write := range map[string]func(io.Writer) error{
		"at once":       func(io.Writer) error { return broken },
		"after flushes": func(w io.Writer) error { w.Write(make([]byte, 1<<20)); return broken },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "f")
			require.NoError(t, Write(path, writes("old")))
			err := Write(path, write)
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, path)
			require.Equal(t, "old", contents(t, path))
			require.Equal(t, []string{"f"}, names(t, folder))

			require.ErrorIs(t, Write(filepath.Join(folder, "new"), write), broken)
			require.Equal(t, []string{"f"}, names(t, folder))
		})
	}
}

func TestWritePanicLeavesOldFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	require.NoError(t, Write(path, writes("old")))
	require.PanicsWithValue(t, "boom", func() {
		Write(path, func(w io.Writer) error {
			io.WriteString(w, "half")
			panic("boom")
		})
	})
	require.Equal(t, "old", contents(t, path))
	require.Equal(t, []string{"f"}, names(t, folder))
}

func TestWriteImpossiblePlaces(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, Write(file, writes("x")))
	called := false
	spy := func(io.Writer) error { called = true; return nil }

	err := Write(filepath.Join(file, "below"), spy) // the parent is a file
	var pathErr *fs.PathError
	require.ErrorAs(t, err, &pathErr)
	require.ErrorIs(t, Write(filepath.Join(folder, "missing", "f"), spy), fs.ErrNotExist)
	require.False(t, called, "write was called though there is nowhere to write to")

	require.NoError(t, os.Mkdir(filepath.Join(folder, "dir"), 0o755))
	var linkErr *os.LinkError
	require.ErrorAs(t, Write(filepath.Join(folder, "dir"), spy), &linkErr) // the rename fails
	require.Equal(t, []string{"dir", "file"}, names(t, folder))
}

func TestWritable(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, Writable(folder))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), nil, 0o644))
	require.Error(t, Writable(filepath.Join(folder, "file")))
}
