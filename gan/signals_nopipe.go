//go:build !unix

package gan

// catchPipe does nothing: there is no SIGPIPE.
func catchPipe() {}
