//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package atomicfile

import (
	"os"
	"syscall"
)

// noFollow makes opening a symbolic link fail.
const noFollow = syscall.O_NOFOLLOW

// lock takes the lock of an open file, which ends with the file's last handle,
// however that comes. It returns ErrLocked if another handle has it.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}

// closeBeforeRename does nothing: a file is locked until it has its name.
func closeBeforeRename(*os.File) error { return nil }

// removeLeftover removes a new file unless its writer, who has its lock, still
// lives. If the system has no locks, it stays.
func removeLeftover(path string) {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) == nil && sameFile(f, path) {
		os.Remove(path)
	}
}
