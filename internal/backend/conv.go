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

// Correlation is a correlation along one axis of images, which convolutions and their
// gradients by the input consist of: output u sums over its taps t
//
//	input[Start+u·Step+t·Gap]·kernel[First+t·Next]
//
// and is written to place At+u·By.
type Correlation struct {
	Outs, Step, Start      int
	Taps, Gap, First, Next int
	At, By                 int
}

// Forward returns a convolution along axis k of the images, 0 or 1.
func (p *ConvParams) Forward(k, outs, taps int) Correlation {
	return Correlation{Outs: outs, Step: p.Stride[k], Start: -p.Pad[k], Taps: taps, Gap: p.Dilation[k], Next: 1, By: 1}
}

// InputGrad returns the phase of the gradient of a convolution by an input of dim ins,
// along axis k, that begins with input at. Input i is multiplied by tap j if
// i+pad−j·dilation is a multiple of the stride, so the inputs are divided into stride
// phases, of which those from [ConvParams.Phases] on, beyond the image, are empty. Each
// phase uses some of the taps, the last one first.
func (p *ConvParams) InputGrad(k, at, ins, taps int) Correlation {
	stride, pad, dilation := p.Stride[k], p.Pad[k], p.Dilation[k]
	apart := stride / gcd(stride, dilation) // taps of one phase
	c := Correlation{Outs: (ins-at-1)/stride + 1, Step: 1, Next: -apart, Gap: dilation * apart / stride, At: at, By: stride}
	phase, first := (at+pad)%stride, 0
	for first < min(apart, taps) && first*dilation%stride != phase {
		first++
	}
	if first < min(apart, taps) {
		c.Taps = (taps-1-first)/apart + 1
		c.First = first + (c.Taps-1)*apart
		c.Start = (at + pad - c.First*dilation) / stride
	}
	return c
}

// Phases returns the number of phases that have inputs, which begin with inputs 0, 1 and
// so on. A stride may be far longer than the image.
func (p *ConvParams) Phases(k, ins int) int { return min(p.Stride[k], ins) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
