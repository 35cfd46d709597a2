//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package atomicfile

import (
	"os"
	"syscall"
)

// openExclusive opens the file of a lock and locks it.
func openExclusive(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	if lock(f) == ErrLocked { // other errors mean that there are no locks
		f.Close()
		return nil, ErrLocked
	}
	return f, nil
}

// still reports whether an open lock is the one at path.
func still(f *os.File, path string) bool { return sameFile(f, path) }

// removeLock removes the file of a lock while it is locked.
func removeLock(f *os.File, path string) {
	if sameFile(f, path) {
		os.Remove(path)
	}
	f.Close()
}

// letMove does nothing: a folder with open files can be moved.
func letMove(*os.File) {}
