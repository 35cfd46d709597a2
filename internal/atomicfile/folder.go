package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockName is the file in a folder whose lock is the folder's.
const lockName = ".gander-lock"

// ErrInUse is wrapped by the error of [LockFolder] if another process, or another
// part of this one, has the folder.
var ErrInUse = errors.New("the folder is in use")

// FolderLock says that a folder is in use. It ends with the process, however that
// ends: a lock of a process that is dead is in nobody's way.
type FolderLock struct {
	f      *os.File
	folder string
}

// LockFolder locks a folder, which must be there. If it is locked already, the
// error wraps [ErrInUse] and says by whom. It does nothing where there are no locks
// that end with their process: on file systems that have none, and under js, wasip1,
// plan9, aix and solaris (not illumos). A file that is made and removed would be none:
// it would stay when its process is killed, and keep the next one out.
func LockFolder(folder string) (*FolderLock, error) {
	path := filepath.Join(folder, lockName)
	for {
		f, err := openExclusive(path)
		if err == ErrLocked {
			return nil, fmt.Errorf("%s: %w%s", folder, ErrInUse, owner(path))
		}
		if err != nil {
			if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
				return nil, Regular(path, info)
			}
			return nil, err
		}
		if !still(f, path) { // it was removed by whoever had it
			f.Close()
			continue
		}
		host, err := os.Hostname()
		if err != nil {
			host = "this machine"
		}
		// Notes for the reader of a message; the lock itself does not need them.
		f.Truncate(0)
		fmt.Fprintf(f, "process %d on %s since %s\n", os.Getpid(), host, time.Now().Format("2006-01-02 15:04:05"))
		return &FolderLock{f, folder}, nil
	}
}

// owner returns what a lock's file says, in brackets.
func owner(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 200))
	text := strings.TrimSpace(string(b))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\uFFFD' }) {
		return ""
	}
	return " (" + text + ")"
}

// Release unlocks the folder. It may be called again.
func (l *FolderLock) Release() {
	if l.f == nil {
		return
	}
	removeLock(l.f, filepath.Join(l.folder, lockName))
	l.f = nil
}

// MoveAway gives the locked folder another name, which must be free, and unlocks
// it.
func (l *FolderLock) MoveAway(to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	letMove(l.f)
	if err := os.Rename(l.folder, to); err != nil {
		return err
	}
	l.folder = to
	l.Release()
	return syncFolder(filepath.Dir(to))
}
