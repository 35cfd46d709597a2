//go:build !unix

package gan

import "os"

// catchPipe does nothing: there is no SIGPIPE.
func catchPipe() {}

// ofUser is empty: there is no SIGUSR1.
var ofUser []os.Signal
