package backend

import "fmt"

// Failure is what a device panics with when it cannot do its work: it is out of
// memory, it was lost, or its driver reports an error. It is the outside world's
// doing, not the program's. [tensor.Catch] returns it as an error.
type Failure struct {
	Device string // "cuda:0"
	Op     string // the operation that failed, "Alloc" or "MatMul"
	Err    error  // the cause
}

func (f *Failure) Error() string { return fmt.Sprintf("device %s: %s: %v", f.Device, f.Op, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
