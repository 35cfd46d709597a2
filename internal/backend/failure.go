package backend

import "fmt"

// Failure is what a device panics with if it cannot do its work: it is out of
// memory, was lost, or reports an error. It is not a mistake in the program.
// tensor.Catch returns it as an error.
type Failure struct {
	Device string // "cuda:0"
	Op     string // the operation that failed, "Alloc" or "MatMul"
	Err    error  // the cause
}

func (f *Failure) Error() string { return fmt.Sprintf("device %s: %s: %v", f.Device, f.Op, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
