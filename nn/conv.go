package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Conv2D convolves images [n, in, h, w] with a square kernel and adds a bias
// per channel: to [n, out, oh, ow], oh = ⌊(h + 2·padding − dilation·(kernel−1) −
// 1)/stride⌋ + 1. See [autograd.Conv2D] for the formula. Its parameters are
// "weight" [out, in/groups, kernel, kernel] and "bias" [out], as in PyTorch, and
// start with PyTorch's default, uniform on ±1/√(in/groups·kernel²). It panics with
// a [tensor.ArgumentError] if in, out, the kernel, a stride, a dilation or the
// groups are below 1, a padding is negative, or in or out is not a multiple of the
// groups; and with a [tensor.ShapeError] if an input does not fit.
func Conv2D(in, out, kernel int, opts ...ConvOption) Module {
	c := newConvConfig("Conv2D", in, out, kernel, opts)
	if c.outputPad != [2]int{} {
		c.bad("a convolution has no output padding", "pad the input, or use ConvTranspose2D")
	}
	weight, fanIn, fanOut := c.weightShape(out, in)
	l := &conv2D{convLayer: convLayer{convConfig: c, weight: NewParam("weight", c.linearConfig.weight, fanIn, fanOut, weight...)}}
	if c.hasBias {
		l.bias = NewParam("bias", c.linearConfig.bias, fanIn, fanOut, out)
	}
	return l
}

// ConvTranspose2D spreads each pixel of images [n, in, h, w] over the
// neighbourhood that a convolution would have computed it from, and adds a bias
// per channel: to [n, out, oh, ow], oh = (h−1)·stride − 2·padding +
// dilation·(kernel−1) + output padding + 1. Without the bias, it is the gradient of
// [Conv2D] by its input. Its parameters are "weight" [in, out/groups, kernel, kernel] and
// "bias" [out], as in PyTorch, and start with PyTorch's default, uniform on
// ±1/√(out/groups·kernel²). It panics as [Conv2D] does, and with a
// [tensor.ArgumentError] if an output padding is negative or not below the larger of
// stride and dilation.
func ConvTranspose2D(in, out, kernel int, opts ...ConvOption) Module {
	c := newConvConfig("ConvTranspose2D", in, out, kernel, opts)
	for k, extra := range c.outputPad {
		if extra < 0 || extra >= max(c.stride[k], c.dilation[k]) {
			c.bad(fmt.Sprintf("an output padding of %v is not possible", c.outputPad), "keep it below the stride or the dilation")
		}
	}
	// Initialisers see the fans the wrong way round, as they do in PyTorch.
	weight, fanIn, fanOut := c.weightShape(in, out)
	l := &convTranspose2D{convLayer{convConfig: c, weight: NewParam("weight", c.linearConfig.weight, fanIn, fanOut, weight...)}}
	if c.hasBias {
		l.bias = NewParam("bias", c.linearConfig.bias, fanIn, fanOut, out)
	}
	return l
}

// ConvOption changes a default of [Conv2D] and [ConvTranspose2D]. Every
// [WindowOption] and every [LinearOption] is one.
type ConvOption interface{ applyToConv(*convConfig) }

type convOption func(*convConfig)

func (o convOption) applyToConv(c *convConfig)   { o(c) }
func (o LinearOption) applyToConv(c *convConfig) { o(&c.linearConfig) }
func (o WindowOption) applyToConv(c *convConfig) { o(&c.window) }

// Dilation is the distance, in pixels, between neighbours of the kernel; the default
// is 1. It takes one number, or two for height and width.
func Dilation(hw ...int) ConvOption {
	d := pair("Dilation", hw)
	return convOption(func(c *convConfig) { c.dilation = d })
}

// Groups divides the channels: each group of outputs is computed from its own
// group of inputs. The default is 1; as many groups as channels make a
// depthwise convolution.
func Groups(n int) ConvOption { return convOption(func(c *convConfig) { c.groups = n }) }

// OutputPadding adds pixels to the result of [ConvTranspose2D], at the bottom and on
// the right: a convolution with a stride above 1 makes the same size of several, and
// this tells which of them is wanted. The default is 0. It takes one number, or two
// for height and width.
func OutputPadding(hw ...int) ConvOption {
	p := pair("OutputPadding", hw)
	return convOption(func(c *convConfig) { c.outputPad = p })
}

// window is how a kernel, or a pool, moves over an image.
type window struct {
	kernel, stride, pad [2]int // for height and width
}

// WindowOption changes how the window of a convolution or a pool moves.
type WindowOption func(*window)

// Stride is the distance, in pixels, from one place of the window to the next.
// The default is 1 for convolutions, and the window's own size for pools. It
// takes one number, or two for height and width.
func Stride(hw ...int) WindowOption {
	s := pair("Stride", hw)
	return func(w *window) { w.stride = s }
}

// Padding is the number of pixels added to the image on each side; the default is 0.
// It takes one number, or two for height and width.
func Padding(hw ...int) WindowOption {
	p := pair("Padding", hw)
	return func(w *window) { w.pad = p }
}

// KernelSize replaces the square window by one of that height and width.
func KernelSize(height, width int) WindowOption {
	return func(w *window) { w.kernel = [2]int{height, width} }
}

// pair reads the one or two numbers of an option.
func pair(option string, hw []int) [2]int {
	switch len(hw) {
	case 1:
		return [2]int{hw[0], hw[0]}
	case 2:
		return [2]int(hw)
	}
	panic(&tensor.ArgumentError{Op: option, Problem: fmt.Sprintf("%v are not one number or two", slices.Clone(hw)),
		Fix: "give one for both axes, or one for height and one for width"})
}

// convConfig holds the arguments of a convolution's constructor.
type convConfig struct {
	kind    string
	in, out int
	window
	dilation, outputPad [2]int
	groups              int
	linearConfig
}

func newConvConfig(kind string, in, out, kernel int, opts []ConvOption) convConfig {
	c := convConfig{
		kind: kind, in: in, out: out,
		window: window{kernel: [2]int{kernel, kernel}, stride: [2]int{1, 1}}, dilation: [2]int{1, 1}, groups: 1,
		linearConfig: linearConfig{weight: TorchDefault(), bias: TorchDefault(), hasBias: true},
	}
	for _, o := range opts {
		o.applyToConv(&c)
	}
	switch {
	case in < 1 || out < 1:
		c.bad("a layer needs at least one channel in and one out", "give in ≥ 1 and out ≥ 1")
	case c.window.check() != "" || min(c.dilation[0], c.dilation[1]) < 1:
		c.bad(fmt.Sprintf("kernel %v, stride %v, padding %v and dilation %v are not possible", c.kernel, c.stride, c.pad, c.dilation),
			"give kernel, stride and dilation of 1 or more, and padding of 0 or more")
	case c.groups < 1 || in%c.groups != 0 || out%c.groups != 0:
		c.bad(fmt.Sprintf("the channels are not divisible into %d groups", c.groups), "give channels that are multiples of the groups")
	}
	return c
}

func (c *convConfig) name() string { return fmt.Sprintf("%s(%d, %d)", c.kind, c.in, c.out) }

func (c *convConfig) bad(problem, fix string) {
	panic(&tensor.ArgumentError{Op: c.name(), Problem: problem, Fix: fix})
}

// check says what is wrong with a window, if anything.
func (w *window) check() string {
	if min(w.kernel[0], w.kernel[1]) < 1 || min(w.stride[0], w.stride[1]) < 1 || min(w.pad[0], w.pad[1]) < 0 {
		return fmt.Sprintf("a window of %v, stride %v and padding %v are not possible", w.kernel, w.stride, w.pad)
	}
	return ""
}

// sides returns the padding of a graph's operation: above, on the left, below and on
// the right.
func (w *window) sides() []int { return []int{w.pad[0], w.pad[1], w.pad[0], w.pad[1]} }

// weightShape returns the shape of a weight with that many channels on its
// first two axes, and the numbers of connections that initialisers scale by.
func (c *convConfig) weightShape(first, second int) (shape []int, fanIn, fanOut int) {
	taps := c.kernel[0] * c.kernel[1]
	second /= c.groups
	return []int{first, second, c.kernel[0], c.kernel[1]}, second * taps, first * taps
}

func (c *convConfig) params() tensor.ConvParams {
	return tensor.ConvParams{Stride: c.stride, Pad: c.pad, Dilation: c.dilation, Groups: c.groups}
}

// checkInput returns an error unless in is an image batch with the layer's channels.
func (c *convConfig) checkInput(in []int) error {
	if len(in) != 4 || in[1] != c.in {
		return misfit(c.name(), in, fmt.Sprintf("this is not an image batch with %d channels", c.in), fmt.Sprintf("give [n, %d, height, width]; reshape vectors first", c.in))
	}
	return nil
}

// convLayer is what the two kinds have in common.
type convLayer struct {
	perSample
	linearInPieces
	convConfig
	weight, bias *Param // bias may be nil
}

func (l *convLayer) Params() []*Param {
	if l.bias == nil {
		return []*Param{l.weight}
	}
	return []*Param{l.weight, l.bias}
}

// biasVar returns the bias as a pass sees it, or nil.
func (l *convLayer) biasVar(ctx *Ctx) *autograd.Var {
	if l.bias == nil {
		return nil
	}
	return ctx.Var(l.bias)
}

// Scratch implements [Scratcher]: images that are padded, or spread out by the
// stride or by an output padding.
func (l *convLayer) Scratch(in []int) [][]int {
	padded := func(k int) int {
		return in[2+k] + 2*l.pad[k] + l.outputPad[k] + l.dilation[k]*(l.kernel[k]-1)
	}
	shape := []int{in[0], max(l.in, l.out), padded(0), padded(1)}
	if l.kind == "ConvTranspose2D" {
		shape[2] += in[2] * (l.stride[0] - 1)
		shape[3] += in[3] * (l.stride[1] - 1)
	}
	return [][]int{shape}
}

type conv2D struct {
	convLayer
	spreads constants // see [enlargedConv], by spreadKey
}

func (l *conv2D) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	return l.ForwardFused(ctx, x, tensor.Activation{})
}

// ForwardFused implements [Fusing].
func (l *conv2D) ForwardFused(ctx *Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var {
	l.fit(x)
	return autograd.Conv2D(x, ctx.Var(l.weight), l.biasVar(ctx), l.params(), act)
}

// outDim returns the length of the result's axis 2+k for images of length n there, or
// 0 if the kernel is larger than they are.
func (l *conv2D) outDim(k, n int) int {
	room := n + 2*l.pad[k] - l.dilation[k]*(l.kernel[k]-1) - 1
	if room < 0 {
		return 0
	}
	return room/l.stride[k] + 1
}

// fit panics unless OutShape has no error for x. It allocates nothing.
func (l *conv2D) fit(x *autograd.Var) {
	v := x.Value()
	if v.Rank() != 4 || v.Dim(1) != l.in || l.outDim(0, v.Dim(2)) == 0 || l.outDim(1, v.Dim(3)) == 0 {
		outShape(l, x) // panics
	}
}

func (l *conv2D) OutShape(in []int) ([]int, error) {
	if err := l.checkInput(in); err != nil {
		return nil, err
	}
	out := []int{in[0], l.out, 0, 0}
	for k := range 2 {
		if out[2+k] = l.outDim(k, in[2+k]); out[2+k] == 0 {
			return nil, misfit(l.name(), in, fmt.Sprintf("the kernel of %v with dilation %v is larger than the image with its padding of %v", l.kernel, l.dilation, l.pad), "give larger images, more padding or a smaller kernel")
		}
	}
	return out, nil
}

type convTranspose2D struct{ convLayer }

// OutputAxis is the axis of the weight that the outputs are; see [SpectralNorm].
func (*convTranspose2D) OutputAxis() int { return 1 }

func (l *convTranspose2D) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	return l.ForwardFused(ctx, x, tensor.Activation{})
}

// ForwardFused implements [Fusing].
func (l *convTranspose2D) ForwardFused(ctx *Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var {
	out := outShape(l, x)
	for k, n := range l.extension() {
		if n > 0 {
			border := x.Shape()
			border[2+k] = n
			x = autograd.Concat(2+k, x, autograd.Const(tensor.FullLike(x.Value(), 0, border...)))
		}
	}
	return autograd.Conv2DInputGrad(x, ctx.Var(l.weight), l.biasVar(ctx), out[2], out[3], l.params(), act)
}

// extension is how many pixels of 0 come below the input and on its right. With an
// output padding of a stride or more, a convolution makes more pixels of the output
// than the input has.
func (l *convTranspose2D) extension() [2]int {
	return [2]int{l.outputPad[0] / l.stride[0], l.outputPad[1] / l.stride[1]}
}

func (l *convTranspose2D) OutShape(in []int) ([]int, error) {
	if err := l.checkInput(in); err != nil {
		return nil, err
	}
	out := []int{in[0], l.out, 0, 0}
	for k := range 2 {
		out[2+k] = (in[2+k]-1)*l.stride[k] - 2*l.pad[k] + l.dilation[k]*(l.kernel[k]-1) + l.outputPad[k] + 1
		if in[2+k] < 1 || out[2+k] < 1 {
			return nil, misfit(l.name(), in, fmt.Sprintf("nothing is left of the image with a padding of %v", l.pad), "give larger images or less padding")
		}
	}
	return out, nil
}

// export adds the operation of either kind, with that padding of the output.
func (l *convLayer) export(g *Graph, x *Value, op string, outputPad [2]int) *Value {
	attrs := Attrs{"kernel_shape": l.kernel[:], "strides": l.stride[:], "pads": l.sides(), "dilations": l.dilation[:], "group": l.groups}
	if outputPad != [2]int{} {
		attrs["output_padding"] = outputPad[:]
	}
	inputs := []*Value{x, g.Param(l.weight)}
	if l.bias != nil {
		inputs = append(inputs, g.Param(l.bias))
	}
	return g.Op(op, attrs, inputs...)
}

// Export implements [Exporter].
func (l *conv2D) Export(g *Graph, x *Value) *Value {
	return l.export(g, x, "Conv", [2]int{})
}

// Export implements [Exporter].
func (l *convTranspose2D) Export(g *Graph, x *Value) *Value {
	extra, more := l.outputPad, l.extension()
	if more != [2]int{} {
		x = g.Op("Pad", Attrs{"pads": []int{0, 0, 0, 0, 0, 0, more[0], more[1]}}, x)
		extra = [2]int{extra[0] - more[0]*l.stride[0], extra[1] - more[1]*l.stride[1]}
	}
	return l.export(g, x, "ConvTranspose", extra)
}

type convSpec struct {
	In            int    `json:"in"`
	Out           int    `json:"out"`
	Kernel        [2]int `json:"kernel"`
	Stride        [2]int `json:"stride"`
	Padding       [2]int `json:"padding"`
	Dilation      [2]int `json:"dilation"`
	Groups        int    `json:"groups"`
	OutputPadding [2]int `json:"output_padding,omitzero"`
	Bias          bool   `json:"bias"`
}

// Describe implements [Describer].
func (l *convLayer) Describe() (string, any) {
	return l.kind, convSpec{l.in, l.out, l.kernel, l.stride, l.pad, l.dilation, l.groups, l.outputPad, l.bias != nil}
}

func init() {
	for kind, make := range map[string]func(in, out, kernel int, opts ...ConvOption) Module{"Conv2D": Conv2D, "ConvTranspose2D": ConvTranspose2D} {
		Register(kind, func(c convSpec) (Module, error) {
			opts := []ConvOption{KernelSize(c.Kernel[0], c.Kernel[1]), Stride(c.Stride[:]...), Padding(c.Padding[:]...),
				Dilation(c.Dilation[:]...), Groups(c.Groups), OutputPadding(c.OutputPadding[:]...)}
			if !c.Bias {
				opts = append(opts, NoBias())
			}
			return make(c.In, c.Out, 1, opts...), nil
		})
	}
}

// Push implements [PiecewiseLinear].
func (l *conv2D) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2D(v, l.weight.Value(), nil, l.params(), tensor.Activation{})
}

// Pull implements [PiecewiseLinear].
func (l *conv2D) Pull(x, _, g *tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2DInputGrad(g, l.weight.Value(), nil, x.Dim(2), x.Dim(3), l.params(), tensor.Activation{})
}

// WeightGrad implements [PiecewiseLinear].
func (l *conv2D) WeightGrad(g, x, c *tensor.Tensor) []*tensor.Tensor {
	return l.withBiasGrad(tensor.Conv2DWeightGrad(x, g, l.kernel[0], l.kernel[1], l.params()), g, c)
}

// Linearity implements [PiecewiseLinear]. It leaves the rare output padding for which
// Forward extends its input to the general path.
func (l *convTranspose2D) Linearity() Linearity {
	if l.extension() != [2]int{} {
		return Curved
	}
	return LinearInPieces
}

// Push implements [PiecewiseLinear].
func (l *convTranspose2D) Push(y, v *tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2DInputGrad(v, l.weight.Value(), nil, y.Dim(2), y.Dim(3), l.params(), tensor.Activation{})
}

// Pull implements [PiecewiseLinear].
func (l *convTranspose2D) Pull(_, _, g *tensor.Tensor) *tensor.Tensor {
	return tensor.Conv2D(g, l.weight.Value(), nil, l.params(), tensor.Activation{})
}

// WeightGrad implements [PiecewiseLinear].
func (l *convTranspose2D) WeightGrad(g, x, c *tensor.Tensor) []*tensor.Tensor {
	return l.withBiasGrad(tensor.Conv2DWeightGrad(g, x, l.kernel[0], l.kernel[1], l.params()), g, c)
}

// withBiasGrad returns the gradient by the weight and, if there is a bias, that by it
// for the gradient c·g; see [PiecewiseLinear].
func (l *convLayer) withBiasGrad(weight, g, c *tensor.Tensor) []*tensor.Tensor {
	switch {
	case l.bias == nil:
		return []*tensor.Tensor{weight}
	case c == nil:
		return []*tensor.Tensor{weight, tensor.Sum(g, 0, 2, 3)}
	case g.IsContiguous():
		return []*tensor.Tensor{weight, tensor.Sum(sumSamples(c, g), 0, 2, 3)}
	}
	// Channels last, as many devices have them, samples are rows as well.
	return []*tensor.Tensor{weight, tensor.Sum(sumSamples(c, g.Permute(0, 2, 3, 1)), 0, 1, 2)}
}
