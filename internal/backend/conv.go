package backend

// ConvParams say how the kernel of a two-dimensional convolution moves over an
// image. The pairs are for height and width.
type ConvParams struct {
	Stride   [2]int // pixels from one position of the kernel to the next
	Pad      [2]int // zeros around the image, on each side
	Dilation [2]int // pixels from one tap of the kernel to the next
	// Groups divides the channels: each group of outputs sees its own group of
	// inputs only.
	Groups int
}

// ConvBackend is the family of convolutions, which are closed: the derivatives
// of each are the others. x is [n, in, h, w], the weight w is
// [out, in/groups, kh, kw] and y is [n, out, oh, ow]. A product of a weight or
// a gradient with padding is a product with zero and counts: NaN stays NaN.
type ConvBackend interface {
	// Conv2D sets
	// dst[b,o,u,v] = Σ_c,i,j x[b, c, u·s+i·d−p, v·s+j·d−p]·w[o,c,i,j],
	// followed by the epilogue.
	Conv2D(dst, x, w Operand, p ConvParams, e Epilogue)
	// Conv2DInputGrad sets dst, in the place of x, to the sum of gy·w over all
	// (o,u,v,i,j) that take part in y through that pixel, followed by the
	// epilogue: it is the transposed convolution, too.
	Conv2DInputGrad(dst, gy, w Operand, p ConvParams, e Epilogue)
	// Conv2DWeightGrad sets dst, in the place of w, to the sum of x·gy over all
	// (b,u,v) in which that weight takes part.
	Conv2DWeightGrad(dst, x, gy Operand, p ConvParams)
}
