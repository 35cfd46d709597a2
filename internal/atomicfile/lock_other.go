//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package atomicfile

import (
	"os"
	"time"
)

// noFollow stands for a flag that there is not: OpenLocked looks at the name, too.
const noFollow = 0

// lock does nothing: see removeLeftover.
func lock(*os.File) error { return nil }

func closeBeforeRename(f *os.File) error { return f.Close() }

// removeLeftover removes a new file that has not been written to for a day. There
// are no locks that would tell whether its writer still lives.
func removeLeftover(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > 24*time.Hour {
		os.Remove(path)
	}
}
