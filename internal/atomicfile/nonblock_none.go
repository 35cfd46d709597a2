//go:build js || plan9 || wasip1

package atomicfile

// nonBlock stands for a flag that there is not, nor are there pipes.
const nonBlock = 0

func isUnread(error) bool { return false }
