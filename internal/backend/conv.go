package backend

// ConvParams are the parameters of a two-dimensional convolution. The pairs are
// for height and width.
type ConvParams struct {
	Stride   [2]int // pixels from one position of the kernel to the next
	Pad      [2]int // zeros around the image, on each side
	Dilation [2]int // pixels from one tap of the kernel to the next
	// Groups divides the channels: each group of outputs is computed from its own
	// group of inputs only.
	Groups int
}

// ConvBackend is the family of convolutions: the derivatives of each are the
// others. x is [n, in, h, w], the weight w is [out, in/groups, kh, kw] and y is
// [n, out, oh, ow]. A product of a weight or a gradient with padding is a product
// with zero and is not left out: NaN stays NaN.
type ConvBackend interface {
	// Conv2D sets
	// dst[b,o,u,v] = Σ_c,i,j x[b, c, u·s+i·d−p, v·s+j·d−p]·w[o,c,i,j],
	// followed by the epilogue.
	Conv2D(dst, x, w Operand, p ConvParams, e Epilogue)
	// Conv2DInputGrad sets dst, of x's shape, to the sum of gy·w over all
	// (o,u,v,i,j) whose product in y has that pixel, followed by the epilogue. It
	// is also the transposed convolution.
	Conv2DInputGrad(dst, gy, w Operand, p ConvParams, e Epilogue)
	// Conv2DWeightGrad sets dst, of w's shape, to the sum of x·gy over all (b,u,v)
	// whose product in y has that weight.
	Conv2DWeightGrad(dst, x, gy Operand, p ConvParams)
}
