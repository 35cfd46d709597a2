package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
	err = Write(filepath.Join(folder, "missing", "f"), spy)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "there is no folder "+filepath.Join(folder, "missing"))
	require.NotContains(t, err.Error(), suffix, "a name that nobody has given")
	require.False(t, called, "write was called though there is nowhere to write to")

	require.NoError(t, os.Mkdir(filepath.Join(folder, "dir"), 0o755))
	err = Write(filepath.Join(folder, "dir"), spy)
	require.ErrorIs(t, err, ErrNotRegular)
	require.ErrorContains(t, err, "is a folder")
	require.False(t, called)
	require.Equal(t, []string{"dir", "file"}, names(t, folder))
}

func TestWriteKeepsPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no permission bits")
	}
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o400} {
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, Write(path, writes("secret")))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode())
	}
}

// A link stays a link; what it leads to is replaced.
func TestWriteFollowsLinks(t *testing.T) {
	folder := t.TempDir()
	below := filepath.Join(folder, "below")
	require.NoError(t, os.Mkdir(below, 0o755))
	at := func(name string) string { return filepath.Join(folder, name) }
	for link, target := range map[string]string{"a": "below/file", "b": "a", "c": at("b"), "loop": "loop"} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Skip("there are no symbolic links")
		}
	}
	for _, text := range []string{"first", "second"} { // at first it leads nowhere
		require.NoError(t, Write(at("c"), writes(text)))
		require.Equal(t, text, contents(t, filepath.Join(below, "file")))
	}
	require.Equal(t, []string{"file"}, names(t, below))
	require.Equal(t, []string{"a", "b", "below", "c", "loop"}, names(t, folder))
	target, err := os.Readlink(at("a"))
	require.NoError(t, err)
	require.Equal(t, "below/file", target)
	require.ErrorContains(t, Write(at("loop"), writes("x")), "too many symbolic links")

	// A link's target is seen from the folder that the link really lies in.
	require.NoError(t, os.Mkdir(filepath.Join(below, "deep"), 0o755))
	require.NoError(t, os.Symlink("below/deep", at("short")))
	require.NoError(t, os.Symlink("../sideways", filepath.Join(below, "deep", "link")))
	require.NoError(t, Write(at("short")+"/link", writes("third")))
	require.Equal(t, "third", contents(t, filepath.Join(below, "sideways")))
	require.NoError(t, Write(at("short")+"/../upwards", writes("fourth")))
	require.Equal(t, "fourth", contents(t, filepath.Join(below, "upwards")))
	require.Equal(t, []string{"deep", "file", "sideways", "upwards"}, names(t, below))

	f, err := Open(at("c"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// What is not a regular file gets the contents and stays what it is.
func TestWriteThrough(t *testing.T) {
	if runtime.GOOS != "windows" {
		before, err := os.Lstat("/dev/null")
		require.NoError(t, err)
		require.NoError(t, Write("/dev/null", writes("nothing")))
		after, err := os.Lstat("/dev/null")
		require.NoError(t, err)
		require.Equal(t, before.Mode(), after.Mode())
	}

	pipe := filepath.Join(t.TempDir(), "pipe")
	if exec.Command("mkfifo", pipe).Run() != nil {
		t.Skip("there is no mkfifo")
	}
	called := false
	err := Write(pipe, func(io.Writer) error { called = true; return nil })
	require.ErrorContains(t, err, "nobody reads it")
	require.False(t, called)
	_, err = Open(pipe)
	require.ErrorIs(t, err, ErrNotRegular)
	require.ErrorContains(t, err, "is a pipe")

	cat := exec.Command("cat", pipe)
	var got strings.Builder
	cat.Stdout = &got
	require.NoError(t, cat.Start())
	long := strings.Repeat("0123456789", 100_000)
	require.Eventually(t, func() bool { return Write(pipe, writes(long)) == nil }, time.Minute, time.Millisecond)
	require.NoError(t, cat.Wait())
	require.True(t, long == got.String())
	require.Equal(t, []string{"pipe"}, names(t, filepath.Dir(pipe)))

	_, err = Open(filepath.Dir(pipe))
	require.ErrorContains(t, err, "is a folder")
	_, err = Open(filepath.Join(filepath.Dir(pipe), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Tests of whole processes start this binary again.
func TestMain(m *testing.M) {
	switch path := os.Getenv("ATOMICFILE_PATH"); os.Getenv("ATOMICFILE_TEST") {
	case "hang": // in the middle of a file
		err := Write(path, func(w io.Writer) error {
			w.Write(make([]byte, 1<<20))
			fmt.Println("ready")
			forever()
			return nil
		})
		fmt.Println(err)
	case "stdout":
		fmt.Print("before ")
		if err := Write(path, writes("contents")); err != nil {
			fmt.Println(err)
		}
	default:
		os.Exit(m.Run())
	}
}

// again starts this binary for one of the cases of TestMain.
func again(what, path string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "ATOMICFILE_TEST="+what, "ATOMICFILE_PATH="+path)
	return c
}

func TestWriteToStdout(t *testing.T) {
	for _, path := range []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("there is no %s", path)
		}
		out, err := again("stdout", path).Output()
		require.NoError(t, err)
		require.Equal(t, "before contents", string(out), "a pipe as %s", path)

		file := filepath.Join(t.TempDir(), "out")
		f, err := os.Create(file)
		require.NoError(t, err)
		c := again("stdout", path)
		c.Stdout = f
		require.NoError(t, c.Run())
		require.NoError(t, f.Close())
		require.Equal(t, "before contents", contents(t, file), "a file as %s", path)
	}
}

// forever waits. Without cgo, the runtime takes a program in which nobody can go on
// for a deadlock and ends it; one that sleeps can.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// hang starts a process that is in the middle of writing path.
func hang(t *testing.T, path string) *exec.Cmd {
	c := again("hang", path)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return c
}

// What a killed writer leaves behind is removed by the next to write there, but
// not what a living one is at.
func TestLeftovers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no locks")
	}
	folder := t.TempDir()
	path, other := filepath.Join(folder, "f"), filepath.Join(folder, "other")
	require.NoError(t, Write(path, writes("old")))
	foreign := []string{".12345678-0123456789abcdef.tmp", ".gander-tmp", leftoverPrefix(path) + "0123456789abcdeg" + suffix}
	for _, name := range foreign {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o644))
	}
	count := func() int { return len(names(t, folder)) - len(foreign) }

	alive, dead, dead2 := hang(t, path), hang(t, path), hang(t, other)
	require.Equal(t, 4, count())
	for _, c := range []*exec.Cmd{dead, dead2} {
		require.NoError(t, c.Process.Kill())
		c.Wait()
	}
	require.Equal(t, 4, count(), "SIGKILL leaves the files")
	require.Equal(t, "old", contents(t, path))

	require.NoError(t, Write(path, writes("new")))
	require.Equal(t, 3, count(), "the one of this name")
	require.NoError(t, Writable(folder))
	require.Equal(t, 2, count(), "all but that of the living")
	require.NoError(t, alive.Process.Kill())
	alive.Wait()
	require.NoError(t, Writable(folder))
	require.Equal(t, 1, count())
	for _, name := range foreign {
		require.FileExists(t, filepath.Join(folder, name))
	}
}

// Writers of one name at once do not take each other's new files for leftovers,
// and a reader finds one of the contents whole.
func TestWritersAtOnce(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	text := func(k int) string { return strings.Repeat(string(rune('a'+k)), 100_000) }
	require.NoError(t, Write(path, writes(text(0))))
	var group sync.WaitGroup
	for k := range 8 {
		group.Go(func() {
			for range 20 {
				assert.NoError(t, Write(path, writes(text(k))))
				got, err := os.ReadFile(path)
				assert.NoError(t, err)
				assert.Equal(t, strings.Repeat(string(got[:1]), 100_000), string(got))
			}
		})
	}
	group.Wait()
	require.Equal(t, []string{"f"}, names(t, folder))
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

// Messages name the files and folders that the caller knows.
func TestMessagesNameNoNewFile(t *testing.T) {
	folder := "/sys/kernel" // where not even root makes files
	if _, err := os.Stat(folder); err != nil {
		t.Skip("there is no such folder")
	}
	err := Write(folder+"/file", func(io.Writer) error { return nil })
	require.Error(t, err)
	require.Regexp(t, `^writing /sys/kernel/file: making a file in /sys/kernel: [a-z ]+$`, err.Error())
}
