//go:build !(js || plan9 || wasip1)

package atomicfile

import (
	"errors"
	"syscall"
)

// nonBlock makes opening a pipe that nobody uses return at once.
const nonBlock = syscall.O_NONBLOCK

// isUnread reports whether opening a pipe has failed because nobody reads it.
func isUnread(err error) bool { return errors.Is(err, syscall.ENXIO) }
