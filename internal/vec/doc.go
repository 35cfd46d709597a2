// Package vec computes element by element, and reduces, over plain slices:
// arithmetic, elementary functions, activations with their derivatives, sums and
// maxima, and Adam's update. float32 has assembly on machines with AVX2 and FMA
// or AVX-512; everything else is a Go loop, which is also the definition that
// the tests hold the assembly to. The build tag purego leaves only the loops.
//
// A function computes the same bits under AVX2 and AVX-512, because both are
// printed from one description by package vecgen; what the loops compute may
// differ from that by the errors that [Unary] states.
//
// Functions work on the calling goroutine alone: the caller divides a long slice
// among threads. One call of assembly, which cannot be preempted, is kept to some
// 20 µs, and loops over calls go through a Go function with a stack check, where
// the scheduler can stop them.
package vec

//go:generate go test ./vecgen -run Generated/vec -update
