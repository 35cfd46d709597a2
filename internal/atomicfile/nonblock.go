//go:build !(js || wasip1)

package atomicfile

import "syscall"

// nonBlock makes opening a pipe that nobody uses return at once.
const nonBlock = syscall.O_NONBLOCK
