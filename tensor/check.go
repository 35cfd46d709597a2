package tensor

// Check panics in the name of op, as the operations of this package do, unless
// the tensors may meet in one: each is usable, and they have one dtype, one
// device and at most one scope between them. It lets code that changes several
// tensors refuse misuse before it has changed the first.
func Check(op string, ts ...*Tensor) {
	if len(ts) > 0 {
		together(op, ts...)
	}
}
