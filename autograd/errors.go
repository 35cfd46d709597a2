package autograd

import "fmt"

// InPlaceError says that a tensor was overwritten after an operation whose
// derivative needs it. It is a [tensor.Misuse].
type InPlaceError struct {
	Op    string // the operation whose derivative needs it
	Input int    // which input, or −1 for the result
	Shape []int
}

func (e *InPlaceError) Error() string {
	what := fmt.Sprintf("input %d", e.Input)
	if e.Input < 0 {
		what = "the result"
	}
	return fmt.Sprintf("gradient of %s: %s of shape %v was changed in place since; %s", e.Op, what, e.Shape, e.Misuse())
}

// Misuse returns the likely repair.
func (e *InPlaceError) Misuse() string {
	return "take the gradient before the change, or Clone the tensor first"
}

// GradError says that a gradient cannot be taken, or that an operation's rule
// returned one that does not fit. It is a [tensor.Misuse].
type GradError struct {
	Op      string
	Problem string
	Fix     string
}

func (e *GradError) Error() string { return fmt.Sprintf("%s: %s; %s", e.Op, e.Problem, e.Fix) }

// Misuse returns the likely repair.
func (e *GradError) Misuse() string { return e.Fix }
