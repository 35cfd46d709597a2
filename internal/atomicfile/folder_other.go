//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package atomicfile

import "os"

// openExclusive opens the file of a lock. There are no locks.
func openExclusive(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
}

// still is true, since there are no locks.
func still(*os.File, string) bool { return true }

// removeLock removes the file.
func removeLock(f *os.File, path string) {
	f.Close()
	os.Remove(path)
}

// letMove does nothing.
func letMove(*os.File) {}
