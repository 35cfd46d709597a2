package atomicfile

import (
	"os"
	"syscall"
)

// openExclusive opens the file of a lock so that nobody else can write to it.
func openExclusive(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const sharingViolation = syscall.Errno(32)
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == sharingViolation:
		return nil, ErrLocked
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// still is true: a file that is open cannot be removed.
func still(*os.File, string) bool { return true }

// removeLock closes the file of a lock and removes it, unless somebody else has
// locked it in between.
func removeLock(f *os.File, path string) {
	f.Close()
	os.Remove(path)
}

// letMove closes a file, since a folder with open files cannot be moved.
func letMove(f *os.File) { f.Close() }
