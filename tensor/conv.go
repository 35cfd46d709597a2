package tensor

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// ConvParams are the parameters of a convolution: Stride, Pad and Dilation for
// height and width, and the number of Groups that the channels are divided into.
// A Stride, Dilation or Groups of 0 counts as 1, so the zero value is a plain
// convolution without padding.
type ConvParams = backend.ConvParams

// Conv2D returns act(y + b) for a bias b [out], one number per channel, or nil, in
// one pass if the device can. y is the convolution (strictly, the
// cross-correlation) of images x [n, in, h, w] with the weight w
// [out, in/groups, kh, kw]:
//
//	y[b,o,u,v] = Σ_c,i,j x[b, c, u·stride+i·dilation−pad, v·stride+j·dilation−pad]·w[o,c,i,j]
//
// with zeros around the image; c runs over the channels of o's group. y is
// [n, out, oh, ow] with oh = ⌊(h + 2·pad − dilation·(kh−1) − 1)/stride⌋ + 1. It
// panics with a [ShapeError] if the shapes or the parameters do not fit.
func Conv2D(x, w, b *Tensor, p ConvParams, act Activation) *Tensor {
	c := newConv("Conv2D", p, x, w, b)
	c.x, c.w = x.layout, w.layout
	c.y = layout.Contiguous(x.layout.Dims[0], w.layout.Dims[0], 0, 0)
	for k := 2; k < 4; k++ {
		c.y.Dims[k] = c.outDim(k)
	}
	c.check()
	c.checkBias(w.layout.Dims[0])
	out := c.result(&c.y)
	out.store.device.backend.Conv2D(out.operand(), x.operand(), w.operand(), c.p, epilogue(b, act))
	return out
}

// Conv2DInputGrad returns the gradient by the input [n, in, h, w] of [Conv2D], for
// the gradient gy [n, out, oh, ow] by its result: each number of gy is added to
// the pixels that it was computed from, times the weight. This is also the
// transposed convolution, which is why it takes a bias b [in] or nil and an
// activation, as Conv2D does. It panics with a [ShapeError] if the shapes or the
// parameters do not fit, or if the convolution of images of height×width does not
// give [oh, ow].
func Conv2DInputGrad(gy, w, b *Tensor, height, width int, p ConvParams, act Activation) *Tensor {
	c := newConv("Conv2DInputGrad", p, gy, w, b)
	c.y, c.w = gy.layout, w.layout
	c.x = layout.Layout{Rank: 4, Dims: [MaxRank]int{gy.layout.Dims[0], w.layout.Dims[1] * c.p.Groups, height, width}}
	c.check()
	c.checkBias(c.x.Dims[1])
	out := c.result(&c.x)
	out.store.device.backend.Conv2DInputGrad(out.operand(), gy.operand(), w.operand(), c.p, epilogue(b, act))
	return out
}

// Conv2DWeightGrad returns the gradient by the weight [out, in/groups, kh, kw] of
// [Conv2D], for the input x [n, in, h, w] and the gradient gy [n, out, oh, ow] by
// its result. It panics with a [ShapeError] if the shapes or the parameters do not
// fit, or if the convolution of x does not have gy's shape.
func Conv2DWeightGrad(x, gy *Tensor, kh, kw int, p ConvParams) *Tensor {
	c := newConv("Conv2DWeightGrad", p, x, gy, nil)
	c.x, c.y = x.layout, gy.layout
	c.w = layout.Layout{Rank: 4, Dims: [MaxRank]int{gy.layout.Dims[1], x.layout.Dims[1] / c.p.Groups, kh, kw}}
	c.check()
	out := c.result(&c.w)
	out.store.device.backend.Conv2DWeightGrad(out.operand(), x.operand(), gy.operand(), c.p)
	return out
}

// conv is a convolution with the layouts of its input, its weight and its
// result, one of which is that of the tensor to be computed.
type conv struct {
	op       string
	p        ConvParams
	operands [2]*Tensor
	bias     *Tensor // or nil
	scope    *Scope
	x, w, y  layout.Layout
}

// newConv fills in the defaults of the parameters and checks the operands' ranks.
func newConv(op string, p ConvParams, first, second, bias *Tensor) conv {
	c := conv{op: op, operands: [2]*Tensor{first, second}, bias: bias}
	if bias == nil {
		c.scope = checkOperands(op, first, second)
	} else {
		c.scope = checkOperands(op, first, second, bias)
	}
	for k := range 2 {
		p.Stride[k] += zeroToOne(p.Stride[k])
		p.Dilation[k] += zeroToOne(p.Dilation[k])
	}
	p.Groups += zeroToOne(p.Groups)
	c.p = p
	switch {
	case first.layout.Rank != 4 || second.layout.Rank != 4:
		c.bad("an operand does not have four axes", "give images [n, channels, height, width]; reshape one to [1, …]")
	case min(p.Stride[0], p.Stride[1]) < 1 || min(p.Dilation[0], p.Dilation[1]) < 1 || min(p.Pad[0], p.Pad[1]) < 0 || p.Groups < 1:
		c.bad(fmt.Sprintf("stride %v, padding %v, dilation %v and %d groups are not valid", p.Stride, p.Pad, p.Dilation, p.Groups),
			"give strides, dilations and groups of 1 or more, and padding of 0 or more")
	case max(p.Stride[0], p.Stride[1], p.Dilation[0], p.Dilation[1], p.Pad[0], p.Pad[1]) > maxStep:
		c.bad(fmt.Sprintf("stride %v, padding %v or dilation %v is too large", p.Stride, p.Pad, p.Dilation), "give less than a billion")
	}
	return c
}

// maxStep bounds strides, dilations and padding, so that no sum of theirs can
// overflow.
const maxStep = 1 << 30

func zeroToOne(n int) int {
	if n == 0 {
		return 1
	}
	return 0
}

func (c *conv) bad(problem, fix string) {
	shapePanic(c.op, problem, fix, c.operands[0], c.operands[1])
}

// outDim returns the length of the result's axis 2 or 3, or 0 if the kernel is
// larger than the image with its padding.
func (c *conv) outDim(axis int) int {
	k := axis - 2
	// 64 bits, since 32 would overflow.
	room := int64(c.x.Dims[axis]) + 2*int64(c.p.Pad[k]) - 1 - int64(c.p.Dilation[k])*int64(c.w.Dims[axis]-1)
	if room < 0 {
		return 0
	}
	return int(min(room/int64(c.p.Stride[k])+1, maxLen+1)) // and no shape can be longer
}

// check panics unless the three shapes fit each other.
func (c *conv) check() {
	x, w, y := c.x.Dims, c.w.Dims, c.y.Dims
	switch groups := c.p.Groups; {
	case slices.Min(c.x.Shape()) < 0 || slices.Max(c.x.Shape()) > maxLen || w[2] < 1 || w[3] < 1 || max(w[2], w[3]) > maxStep:
		c.bad(fmt.Sprintf("images of %d×%d and a kernel of %d×%d are not possible", x[2], x[3], w[2], w[3]), "give positive dims")
	case x[1]%groups != 0 || y[1]%groups != 0:
		c.bad(fmt.Sprintf("%d and %d channels are not divisible into %d groups", x[1], y[1], groups), "give channels that are multiples of the groups")
	case x[0] != y[0]:
		c.bad("the batches differ in size", "give one gradient per image")
	case x[1] != w[1]*groups || y[1] != w[0]:
		c.bad(fmt.Sprintf("a weight %v with %d groups makes %d channels of %d", slices.Clone(c.w.Shape()), groups, w[0], w[1]*groups),
			"give a weight [out, in/groups, kh, kw]")
	}
	for axis := 2; axis < 4; axis++ {
		switch want := c.outDim(axis); {
		case want < 1:
			c.bad(fmt.Sprintf("the kernel of %d×%d with dilation %v is larger than the image of %d×%d with padding %v",
				w[2], w[3], c.p.Dilation, x[2], x[3], c.p.Pad), "give larger images, more padding or a smaller kernel")
		case want != y[axis]:
			c.bad(fmt.Sprintf("a convolution of %d×%d gives %d, not %d, along axis %d", x[2], x[3], want, y[axis], axis),
				"give the gradient the shape of the convolution's result")
		}
	}
}

// checkBias panics unless the bias, if any, has one number for each channel.
func (c *conv) checkBias(channels int) {
	if c.bias != nil && (c.bias.layout.Rank != 1 || c.bias.layout.Dims[0] != channels) {
		shapePanic(c.op, fmt.Sprintf("the bias does not match the %d channels of the result", channels), "give a bias with a number per channel",
			c.operands[0], c.operands[1], c.bias)
	}
}

// result allocates the operand that is computed.
func (c *conv) result(l *layout.Layout) *Tensor {
	first := c.operands[0]
	checkShape(c.op, l.Shape())
	arranged := l.Packed()
	if l != &c.w { // images lie in the order that the device likes
		arranged = first.store.device.backend.ImageOrder(arranged)
	}
	return empty(c.scope, first.store.device, first.DType(), arranged)
}
