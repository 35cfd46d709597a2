package backend

import (
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// Epilogue is what a linear layer or a convolution does with its result while it
// is in the cache: it adds a bias to each channel, which is axis 1, and applies a
// function to the sum. The zero value does nothing.
type Epilogue struct {
	Bias Operand  // [channels], or none if its Buffer is nil
	F    op.Unary // one that has a Grad, or op.None
	A    float64  // F's constant
}

// EpilogueBackend is the family of operations with epilogues other than the
// convolutions. Each operation of an epilogue is rounded by itself. A backend that
// does not fuse them can use [Epilogue.Apply] and [ComposeEpilogueGrad].
type EpilogueBackend interface {
	// Linear sets dst [n, out] to x·wᵀ for x [n, in] and w [out, in], followed by
	// the epilogue.
	Linear(dst, x, w Operand, e Epilogue)
	// EpilogueGrad sets gz to the gradient before an epilogue's function f: gy times
	// the derivative of f, given its value y, all [n, channels] or
	// [n, channels, h, w]. It sets gb [channels] to the sums of gz over the other
	// axes. f has a Grad.
	EpilogueGrad(f op.Unary, gz, gb, gy, y Operand, a float64)
}

// Apply applies the epilogue to dst, each operation in a pass of its own.
func (e Epilogue) Apply(b Backend, dst Operand) {
	if e.Bias.Buffer != nil {
		bias := Operand{Buffer: e.Bias.Buffer, Layout: dst.Layout}
		bias.Layout.Offset, bias.Layout.Strides = e.Bias.Layout.Offset, [layout.MaxRank]int{1: e.Bias.Layout.Strides[0]}
		b.Binary(op.Add, dst, dst, bias, 0)
	}
	if e.F != op.None {
		b.Unary(e.F, dst, dst, e.A, 0)
	}
}

// ComposeEpilogueGrad is EpilogueGrad made of two other operations.
func ComposeEpilogueGrad(b Backend, f op.Unary, gz, gb, gy, y Operand, a float64) {
	product, _ := f.Grad()
	b.Binary(product, gz, gy, y, a)
	sums := Operand{Buffer: gb.Buffer, Layout: gz.Layout.Packed()}
	for k := range sums.Layout.Rank {
		sums.Layout.Dims[k], sums.Layout.Strides[k] = 1, 0
	}
	sums.Layout.Dims[1], sums.Layout.Strides[1] = gb.Layout.Dims[0], gb.Layout.Strides[0]
	sums.Layout.Offset = gb.Layout.Offset
	b.Reduce(op.Sum, sums, gz)
}
