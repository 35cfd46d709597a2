package gan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// Interrupted is the cause of a context that a signal has cancelled; see
// [Signals]. [Cancelled] is true of it.
type Interrupted struct{ Signal os.Signal }

func (e *Interrupted) Error() string { return fmt.Sprintf("stopped by a signal: %v", e.Signal) }

// Unwrap returns [context.Canceled].
func (e *Interrupted) Unwrap() error { return context.Canceled }

// interrupted reports whether a signal has cancelled a context.
func interrupted(ctx context.Context) bool {
	var signal *Interrupted
	return errors.As(context.Cause(ctx), &signal)
}

// Signals returns a context that the first signal cancels, with an [Interrupted] as its
// cause: Ctrl-C (SIGINT); SIGTERM, which docker stop, Kubernetes and Slurm send; SIGUSR1,
// which Slurm and mpirun send if asked to; or SIGHUP, of a terminal that is closed.
// [Trainer.Fit] then finishes the current step and lets hooks save. A second signal
// ends the program at once. What the program was told to ignore, by nohup for example,
// stays ignored.
//
// From the call on, writing to a pipe that nobody reads any more is an error
// like any other and does not end the program (SIGPIPE), so that training
// survives the end of the command that showed its output.
//
// stop gives the signals, except SIGPIPE, back their usual effect.
func Signals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range slices.Concat(ofUser, []os.Signal{os.Interrupt, syscall.SIGTERM, hangup}) {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	catchPipe()
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals) // before anybody can know that the first has come
			cancel(&Interrupted{s})
		case <-ctx.Done():
			signal.Stop(signals)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(context.Canceled)
	}
}

// hangup is SIGHUP, which not every system has a name for.
const hangup = syscall.Signal(1)

// ExitStatus is the status for a program to end with after an error of [Trainer.Fit]: 0
// if it is nil or says that the run was cancelled; if a signal did that, 0 for Ctrl-C,
// 143 for SIGTERM and SIGUSR1 and 129 for SIGHUP, by which those who sent them tell a
// stopped run from a finished one; and 1 otherwise.
func ExitStatus(err error) int {
	var stopped *Interrupted
	switch {
	case err != nil && !Cancelled(err):
		return 1
	case !errors.As(err, &stopped):
		return 0
	}
	switch {
	case stopped.Signal == syscall.SIGTERM || slices.Contains(ofUser, stopped.Signal):
		return 128 + 15
	case stopped.Signal == hangup:
		return 128 + 1
	}
	return 0
}
