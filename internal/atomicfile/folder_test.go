package atomicfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLockFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	_, err := LockFolder(folder)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Mkdir(folder, 0o755))
	l, err := LockFolder(folder)
	require.NoError(t, err)
	_, err = LockFolder(folder)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "process ")
	l.Release()
	l.Release()
	require.Empty(t, names(t, folder))

	// It goes with the folder, and the new one is free.
	l, err = LockFolder(folder)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "f"), []byte("x"), 0o644))
	aside := folder + "-aside"
	require.NoError(t, l.MoveAway(aside))
	require.Equal(t, []string{"f"}, names(t, aside))
	require.NoError(t, os.Mkdir(folder, 0o755))
	l, err = LockFolder(folder)
	require.NoError(t, err)
	require.ErrorIs(t, l.MoveAway(aside), os.ErrExist)
	l.Release()

	// Something else in the lock's place is named, and left alone.
	require.NoError(t, os.Mkdir(filepath.Join(folder, lockName), 0o755))
	_, err = LockFolder(folder)
	require.ErrorContains(t, err, lockName+" is a folder, not a regular file")
	require.NoError(t, os.Remove(filepath.Join(folder, lockName)))
	if os.Symlink("elsewhere", filepath.Join(folder, lockName)) == nil && runtime.GOOS != "windows" {
		_, err = LockFolder(folder)
		require.ErrorContains(t, err, lockName+" is a symbolic link, not a regular file")
	}
}

// A lock of a process that was killed is in nobody's way.
func TestLockOfTheDead(t *testing.T) {
	if os.Getenv("GANDER_TEST_LOCKS") != "" {
		_, err := LockFolder(os.Getenv("GANDER_TEST_LOCKS"))
		if err != nil {
			os.Exit(3)
		}
		os.Stdout.WriteString("locked\n")
		forever()
	}
	folder := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestLockOfTheDead$")
	cmd.Env = append(os.Environ(), "GANDER_TEST_LOCKS="+folder)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 7))
	require.NoError(t, err)
	_, err = LockFolder(folder)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	l, err := LockFolder(folder)
	require.NoError(t, err)
	l.Release()
}
