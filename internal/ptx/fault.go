package ptx

import (
	"fmt"
	"strings"
)

// Kind is what a kernel has done wrong.
type Kind uint8

// The kinds of faults.
const (
	OutOfBounds Kind = iota // an address in no live allocation, or past the end of a variable
	Misaligned              // an address that is no multiple of what is read or written there
	Undefined               // memory or a register that nothing was written to
	Race                    // two threads, one of them writing, with nothing that orders them
	Divergence              // a barrier that not all threads reach together
	Trapped                 // the instruction trap
	TooLong                 // more instructions than the limit
	WrongLaunch             // a block, shared memory or arguments that the kernel cannot have
)

var kindNames = [...]string{"out of bounds", "misaligned", "undefined value", "race", "divergent barrier", "trap", "too long", "wrong launch"}

// String returns "out of bounds".
func (k Kind) String() string { return kindNames[k] }

// Dim3 is a number of blocks or threads, or the place of one, along x, y and z.
type Dim3 struct{ X, Y, Z uint32 }

// String returns "(1, 2, 3)".
func (d Dim3) String() string { return fmt.Sprintf("(%d, %d, %d)", d.X, d.Y, d.Z) }

func (d Dim3) count() uint64 { return uint64(d.X) * uint64(d.Y) * uint64(d.Z) }

// at returns the i-th place of a box, x fastest.
func (d Dim3) at(i uint64) Dim3 {
	return Dim3{uint32(i % uint64(d.X)), uint32(i / uint64(d.X) % uint64(d.Y)), uint32(i / uint64(d.X) / uint64(d.Y))}
}

// Fault is an error of a kernel, found while it ran or before.
type Fault struct {
	Kind    Kind
	Kernel  string
	Block   Dim3
	Thread  Dim3
	Placed  bool   // Block and Thread say where
	Line    int    // of the PTX; 0 if no instruction is to blame
	Text    string // of that line
	Space   Space  // of the address
	Address uint64
	Detail  string
}

// Error returns everything in one line.
func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kernel %s: %v", f.Kernel, f.Kind)
	if f.Detail != "" {
		fmt.Fprintf(&b, ": %s", f.Detail)
	}
	if f.Placed {
		fmt.Fprintf(&b, "; block %v, thread %v", f.Block, f.Thread)
	}
	if f.Line != 0 {
		fmt.Fprintf(&b, "; line %d: %s", f.Line, f.Text)
	}
	return b.String()
}
