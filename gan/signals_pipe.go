//go:build unix

package gan

import (
	"os"
	"os/signal"
	"syscall"
)

// catchPipe makes SIGPIPE harmless: a signal that somebody is notified of does
// not end the program, and the notification may be lost.
func catchPipe() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// ofUser are the signals that schedulers send if they are asked to.
var ofUser = []os.Signal{syscall.SIGUSR1}
