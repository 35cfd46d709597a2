// Package repanic carries a panic from the goroutine where it arose to the one that
// waits for it, with the stack: the trace that Go prints is that of the goroutine which
// panics last, and shows nothing of the function that is at fault.
package repanic

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"github.com/gander-ml/gander/tensor"
)

// Panic is the value of a panic together with the stack on which it arose.
type Panic struct {
	Value any
	Stack []byte
}

// Error returns the value and the stack. Go prints it if nobody recovers.
func (p *Panic) Error() string {
	return fmt.Sprintf("%v\n\nThis happened on another goroutine:\n\n%s\n", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// misuse is the Panic of a tensor.Misuse. It is one too, so that tensor.Catch catches it.
type misuse struct{ *Panic }

func (m misuse) Misuse() string { return m.Value.(tensor.Misuse).Misuse() }

// Value returns what to panic with elsewhere in place of p, which the deferred function
// that calls it has got from recover: a [Panic], or p itself if it is one already, if it is
// nil, or if it is a device's failure, which is nobody's mistake and known by its type.
func Value(p any) any {
	switch p := p.(type) {
	case nil, *Panic, misuse, *tensor.DeviceFailure:
		return p
	case tensor.Misuse:
		return misuse{&Panic{p, stack()}}
	}
	return &Panic{p, stack()}
}

// stack returns the goroutine's stack, from the call of panic on.
func stack() []byte {
	goroutine, calls, _ := bytes.Cut(debug.Stack(), []byte("\n"))
	if at := bytes.Index(calls, []byte("\npanic(")); at >= 0 {
		calls = calls[at+1:]
	}
	return bytes.TrimSpace(fmt.Appendf(nil, "%s\n%s", goroutine, calls))
}
