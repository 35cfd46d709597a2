package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// AvgPool2D averages each window of images [n, c, h, w], padding included: to
// [n, c, oh, ow], oh = ⌊(h + 2·padding − size)/stride⌋ + 1. It panics with a
// [tensor.ArgumentError] if size or stride is below 1, or a padding is not from 0 to
// half the size, and with a [tensor.ShapeError] if an input does not fit.
func AvgPool2D(size int, opts ...PoolOption) Module {
	return avgPool{pool: newPool("AvgPool2D", size, opts), tables: new(constants)}
}

// MaxPool2D takes the largest number of each window of images [n, c, h, w],
// padding excluded: to [n, c, oh, ow] as [AvgPool2D] does. The gradient goes to
// the largest, in equal parts if there are several. If a number of a window is NaN, so
// are the value and the gradients of the whole window. It panics as [AvgPool2D] does.
func MaxPool2D(size int, opts ...PoolOption) Module { return maxPool{newPool("MaxPool2D", size, opts)} }

// PoolOption changes a default of [AvgPool2D] and [MaxPool2D]. [Stride], [Padding]
// and [KernelSize] are PoolOptions.
type PoolOption interface{ applyToPool(*window) }

func (o WindowOption) applyToPool(w *window) { o(w) }

// pool is a window with the name of what is done in it.
type pool struct {
	perSample
	kind string
	window
}

func newPool(kind string, size int, opts []PoolOption) pool {
	p := pool{kind: kind, window: window{kernel: [2]int{size, size}}}
	for _, o := range opts {
		o.applyToPool(&p.window)
	}
	if p.stride == [2]int{} {
		p.stride = p.kernel
	}
	problem := p.check()
	if problem == "" && (2*p.pad[0] > p.kernel[0] || 2*p.pad[1] > p.kernel[1]) {
		problem = fmt.Sprintf("a padding of %v is more than half of the window %v", p.pad, p.kernel)
	}
	if problem != "" {
		panic(&tensor.ArgumentError{Op: kind, Problem: problem, Fix: "give size and stride of 1 or more, and padding from 0 to half the size"})
	}
	return p
}

func (p pool) name() string { return fmt.Sprintf("%s%v", p.kind, p.kernel) }

func (p pool) OutShape(in []int) ([]int, error) {
	if len(in) != 4 {
		return nil, notImages(p.name(), in)
	}
	out := slices.Clone(in)
	for k := range 2 {
		room := in[2+k] + 2*p.pad[k] - p.kernel[k]
		if room < 0 {
			return nil, misfit(p.name(), in, fmt.Sprintf("the window is larger than the image with its padding of %v", p.pad), "give larger images, more padding or a smaller window")
		}
		out[2+k] = room/p.stride[k] + 1
	}
	return out, nil
}

// tiles reports whether the windows touch and do not overlap.
func (p pool) tiles() bool { return p.stride == p.kernel && p.pad == [2]int{} }

// tiled returns the windows [n, c, oh, kh, ow, kw] of an image that they tile,
// as a view, and the axes of a window.
func (p pool) tiled(x *autograd.Var, out []int) (*autograd.Var, []int) {
	for k := range 2 {
		if n := out[2+k] * p.kernel[k]; n < x.Value().Dim(2+k) {
			x = autograd.Slice(x, 2+k, 0, n)
		}
	}
	return autograd.Reshape(x, out[0], out[1], out[2], p.kernel[0], out[3], p.kernel[1]), []int{3, 5}
}

// scratch returns the shapes of a padded image and of the header of each of so
// many views of it.
func (p pool) scratch(in []int, views ...int) [][]int {
	const header = 128 // numbers, about
	return [][]int{{in[0], in[1], in[2] + 2*p.pad[0], in[3] + 2*p.pad[1]}, append(views, header)}
}

type avgPool struct {
	pool
	linearInPieces
	weightless
	tables *constants // of the tile of each row or column
}

func (p avgPool) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	out := outShape(p, x)
	switch small := max(p.kernel[0], p.kernel[1]) <= 8; {
	case p.tiles() && small:
		return autograd.Apply(tileMeans{p.kernel, p.tables}, x)
	case p.tiles() && out[2] == 1 && out[3] == 1 && p.kernel[0] == x.Value().Dim(2) && p.kernel[1] == x.Value().Dim(3):
		return autograd.Reshape(autograd.Mean(x, 2, 3), out...) // whose gradient is a view
	case p.tiles():
		windows, axes := p.tiled(x, out)
		return autograd.Mean(windows, axes...)
	}
	// The window's rows and columns are added one after another.
	for k := range 2 {
		x = sumOfShifts(padded(x, 2+k, p.pad[k], 0), 2+k, p.kernel[k], p.stride[k], out[2+k])
	}
	return autograd.Scale(x, 1/float64(p.kernel[0]*p.kernel[1]))
}

// Scratch implements [Scratcher].
func (p avgPool) Scratch(in []int) [][]int {
	out, err := p.OutShape(in)
	switch {
	case err != nil:
		return nil
	case p.tiles():
		return [][]int{in, out}
	}
	return append(p.scratch(in, p.kernel[0]+p.kernel[1]),
		[]int{p.kernel[0], in[0], in[1], out[2], in[3] + 2*p.pad[1]},
		[]int{p.kernel[1], in[0], in[1], out[2], out[3]})
}

// sumOfShifts adds the taps of windows along one axis.
func sumOfShifts(x *autograd.Var, axis, taps, stride, outs int) *autograd.Var {
	sum := shifted(x, axis, 0, stride, outs)
	for tap := 1; tap < taps; tap++ {
		sum = autograd.Add(sum, shifted(x, axis, tap, stride, outs))
	}
	return sum
}

// shifted is what the windows see through one of their taps along an axis.
func shifted(x *autograd.Var, axis, tap, stride, outs int) *autograd.Var {
	return autograd.SliceStep(x, axis, tap, tap+(outs-1)*stride+1, stride)
}

// padded puts n elements of a value before and after x along an axis.
func padded(x *autograd.Var, axis, n int, value float64) *autograd.Var {
	if n == 0 {
		return x
	}
	shape := x.Shape()
	shape[axis] = n
	border := autograd.Const(tensor.FullLike(x.Value(), value, shape...))
	return autograd.Concat(axis, border, x, border)
}

type maxPool struct{ pool }

func (p maxPool) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	out := outShape(p, x)
	for k := range 2 {
		x = padded(x, 2+k, p.pad[k], math.Inf(-1))
	}
	// What the windows see through each of their places: views of the image.
	var taps []*autograd.Var
	for i := range p.kernel[0] {
		rows := shifted(x, 2, i, p.stride[0], out[2])
		for j := range p.kernel[1] {
			taps = append(taps, shifted(rows, 3, j, p.stride[1], out[3]))
		}
	}
	return autograd.Apply(largest{}, taps...)
}

// Scratch implements [Scratcher].
func (p maxPool) Scratch(in []int) [][]int {
	out, err := p.OutShape(in)
	if err != nil {
		return nil
	}
	return append(p.scratch(in, p.kernel[0], p.kernel[1]), []int{p.kernel[0], p.kernel[1], in[0], in[1], out[2], out[3]})
}

// largest is the largest of arrays, element by element; the gradient goes to
// the largest, in equal parts if there are several. It does what
// [autograd.MaxOver] does to numbers that lie side by side in one array.
type largest struct{}

func (largest) Name() string { return "MaxPool2D" }

func (largest) Eval(in []*tensor.Tensor) *tensor.Tensor {
	y := in[0]
	for _, x := range in[1:] {
		y = tensor.Max(y, x)
	}
	return y
}

func (largest) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	out := b.Grads()
	y := b.Out().Value()
	var count *tensor.Tensor
	winners := make([]*autograd.Var, len(out))
	for i := range out {
		w := tensor.Equal(b.In(i).Value(), y)
		if winners[i] = autograd.Const(w); i == 0 {
			count = w
		} else {
			count = tensor.Add(count, w)
		}
	}
	share := autograd.Mul(gy, autograd.Const(tensor.Reciprocal(count)))
	for i := range out {
		if b.Needs(i) {
			out[i] = autograd.Mul(share, winners[i])
		}
	}
	return out
}

// AdaptiveAvgPool2D averages images [n, c, h, w] to [n, c, height, width]:
// row i is the mean of the rows from ⌊i·h/height⌋ to ⌈(i+1)·h/height⌉ − 1, and
// columns likewise. A size of 1 by 1 averages whole images. It panics with a
// [tensor.ShapeError] if the size is below 1 or above 2²⁴, or an input is not an image
// batch with pixels.
func AdaptiveAvgPool2D(height, width int) Module {
	if min(height, width) < 1 || max(height, width) > maxSize {
		panic(&tensor.ShapeError{Op: "AdaptiveAvgPool2D", Shapes: [][]int{{height, width}}, Problem: "images do not have such a size", Fix: fmt.Sprintf("give 1 to %d", maxSize)})
	}
	return adaptiveAvgPool{size: [2]int{height, width}, tables: new(constants)}
}

type adaptiveAvgPool struct {
	perSample
	linearInPieces
	weightless
	size   [2]int
	tables *constants // of the first window of each row or column
}

func (p adaptiveAvgPool) Forward(_ *Ctx, x *autograd.Var) *autograd.Var {
	shape, out := x.Shape(), outShape(p, x)
	if shape[2]%out[2] == 0 && shape[3]%out[3] == 0 {
		tiles := avgPool{pool: newPool("AvgPool2D", 1, []PoolOption{KernelSize(shape[2]/out[2], shape[3]/out[3])}), tables: p.tables}
		return tiles.Forward(nil, x)
	}
	for axis := 2; axis < 4; axis++ {
		x = autograd.Apply(windowMeans{axis, shape[axis], out[axis], p.tables}, x)
	}
	return x
}

// tileMeans is the mean of each tile of images: for small tiles faster than sums
// along axes, since it adds what lies far apart. Its gradient is tileSpread.
type tileMeans struct {
	size   [2]int
	tables *constants
}

func (tileMeans) Name() string { return "AvgPool2D" }

func (o tileMeans) Eval(in []*tensor.Tensor) *tensor.Tensor {
	x := in[0]
	for k := range 2 {
		sum := o.tap(x, k, 0)
		for i := 1; i < o.size[k]; i++ {
			sum = tensor.Add(sum, o.tap(x, k, i))
		}
		x = sum
	}
	return tensor.Scale(x, 1/float64(o.size[0]*o.size[1]))
}

// tap is a view of the i-th row or column of each tile.
func (o tileMeans) tap(x *tensor.Tensor, k, i int) *tensor.Tensor {
	n := x.Dim(2+k) / o.size[k]
	return x.SliceStep(2+k, i, i+(n-1)*o.size[k]+1, o.size[k])
}

func (o tileMeans) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	return []*autograd.Var{autograd.Apply(tileSpread{o, b.Shape(0)}, gy)}
}

// tileSpread gives each pixel of a tile its part of the tile's number, and 0 to
// pixels that are in no tile. Its gradient is tileMeans.
type tileSpread struct {
	tileMeans
	shape []int
}

func (tileSpread) Name() string { return "AvgPool2DGrad" }

func (o tileSpread) Eval(in []*tensor.Tensor) *tensor.Tensor {
	part := tensor.Scale(in[0], 1/float64(o.size[0]*o.size[1]))
	if h, w := o.shape[2], o.shape[3]; h%o.size[0] == 0 && w%o.size[1] == 0 {
		for axis := 3; axis > 1; axis-- { // the smaller array first
			n := o.size[axis-2]
			part = tensor.Gather(part, axis, windowOf(o.tables, part.Device(), o.shape[axis], o.shape[axis]/n, func(i int) int { return (i + 1) * n }))
		}
		return part
	}
	out := tensor.FullLike(part, 0, o.shape...)
	for i := range o.size[0] {
		rows := o.tap(out, 0, i)
		for j := range o.size[1] {
			o.tap(rows, 1, j).CopyFrom(part)
		}
	}
	return out
}

func (o tileSpread) VJP(_ *autograd.Back, gy *autograd.Var) []*autograd.Var {
	return []*autograd.Var{autograd.Apply(o.tileMeans, gy)}
}

// windowMeans is the mean of each of so many windows along an axis, which touch or
// overlap by one; see [AdaptiveAvgPool2D]. Its gradient is windowSpread.
type windowMeans struct {
	axis, in, out int
	tables        *constants
}

func (windowMeans) Name() string { return "AdaptiveAvgPool2D" }

// window is the i-th.
func (o windowMeans) window(i int) (from, to int) {
	return i * o.in / o.out, ((i+1)*o.in + o.out - 1) / o.out
}

func (o windowMeans) Eval(in []*tensor.Tensor) *tensor.Tensor {
	means := make([]*tensor.Tensor, o.out)
	for i := range means {
		from, to := o.window(i)
		sum := in[0].Slice(o.axis, from, from+1)
		for k := from + 1; k < to; k++ {
			sum = tensor.Add(sum, in[0].Slice(o.axis, k, k+1))
		}
		means[i] = tensor.Scale(sum, 1/float64(to-from))
	}
	return tensor.Concat(o.axis, means...)
}

func (o windowMeans) VJP(_ *autograd.Back, gy *autograd.Var) []*autograd.Var {
	return []*autograd.Var{autograd.Apply(windowSpread{o}, gy)}
}

// windowSpread gives what lies in a window its part of the window's number. Its
// gradient is windowMeans.
type windowSpread struct{ windowMeans }

func (windowSpread) Name() string { return "AdaptiveAvgPool2DGrad" }

func (o windowSpread) Eval(in []*tensor.Tensor) *tensor.Tensor {
	parts := make([]*tensor.Tensor, o.out)
	for i := range parts {
		from, to := o.window(i)
		parts[i] = tensor.Scale(in[0].Slice(o.axis, i, i+1), 1/float64(to-from))
	}
	first := windowOf(o.tables, in[0].Device(), o.in, o.out, func(i int) int { _, to := o.window(i); return to })
	out, done := tensor.Gather(tensor.Concat(o.axis, parts...), o.axis, first), 0
	for i := range parts {
		from, to := o.window(i)
		for k := from; k < done; k++ { // what lies in the window before, too
			place := out.Slice(o.axis, k, k+1)
			tensor.AddScaledInto(place, place, 1, parts[i])
		}
		done = to
	}
	return out
}

// windowOf returns, for each of n rows or columns, the first of so many windows that
// it lies in, of which end is the end. Adaptive pools have one end for each n.
func windowOf(tables *constants, d *tensor.Device, n, windows int, end func(window int) int) *tensor.Tensor {
	return tables.get(d, [2]int{n, windows}, func() *tensor.Tensor {
		first := make([]int, n)
		for i, done := 0, 0; i < windows; i++ {
			for ; done < end(i); done++ {
				first[done] = i
			}
		}
		return d.Positions(first...)
	})
}

func (o windowSpread) VJP(_ *autograd.Back, gy *autograd.Var) []*autograd.Var {
	return []*autograd.Var{autograd.Apply(o.windowMeans, gy)}
}

// Scratch implements [Scratcher].
func (p adaptiveAvgPool) Scratch(in []int) [][]int {
	return [][]int{in, {in[0], in[1], p.size[0], in[3]}, {in[0], in[1], in[2], p.size[1]}, {p.size[0] + p.size[1], 128}}
}

func (p adaptiveAvgPool) OutShape(in []int) ([]int, error) {
	if len(in) != 4 || in[2] < 1 || in[3] < 1 {
		return nil, notImages(fmt.Sprintf("AdaptiveAvgPool2D%v", p.size), in)
	}
	return []int{in[0], in[1], p.size[0], p.size[1]}, nil
}

// Export implements [Exporter].
func (p avgPool) Export(g *Graph, x *Value) *Value {
	attrs := Attrs{"kernel_shape": p.kernel[:], "strides": p.stride[:]}
	if p.pad != [2]int{} {
		attrs["pads"], attrs["count_include_pad"] = p.sides(), 1
	}
	return g.Op("AveragePool", attrs, x)
}

// Export implements [Exporter].
func (p maxPool) Export(g *Graph, x *Value) *Value {
	return g.Op("MaxPool", Attrs{"kernel_shape": p.kernel[:], "strides": p.stride[:], "pads": p.sides()}, x)
}

// Export implements [Exporter]. Windows of different sizes are matrices of means.
func (p adaptiveAvgPool) Export(g *Graph, x *Value) *Value {
	h, w := x.Shape[2], x.Shape[3]
	if h%p.size[0] == 0 && w%p.size[1] == 0 {
		tile := []int{h / p.size[0], w / p.size[1]}
		return g.Op("AveragePool", Attrs{"kernel_shape": tile, "strides": tile}, x)
	}
	means := func(axis int) *tensor.Tensor { // [out, in]
		o := windowMeans{out: p.size[axis-2], in: x.Shape[axis]}
		m := tensor.New(tensor.Float64, o.out, o.in)
		for i := range o.out {
			from, to := o.window(i)
			m.Slice(0, i, i+1).Slice(1, from, to).Fill(1 / float64(to-from))
		}
		return m
	}
	rows := g.Op("MatMul", nil, g.Const("rows", means(2)), x)
	return g.Op("MatMul", nil, rows, g.Const("columns", means(3).T()))
}

type poolSpec struct {
	Size    [2]int `json:"size"`
	Stride  [2]int `json:"stride"`
	Padding [2]int `json:"padding"`
}

type sizeSpec struct {
	Size [2]int `json:"size"`
}

// Describe implements [Describer].
func (p pool) Describe() (string, any) { return p.kind, poolSpec{p.kernel, p.stride, p.pad} }

// Describe implements [Describer].
func (p adaptiveAvgPool) Describe() (string, any) { return "AdaptiveAvgPool2D", sizeSpec{p.size} }

func init() {
	for kind, make := range map[string]func(size int, opts ...PoolOption) Module{"AvgPool2D": AvgPool2D, "MaxPool2D": MaxPool2D} {
		Register(kind, func(c poolSpec) (Module, error) {
			return make(1, KernelSize(c.Size[0], c.Size[1]), Stride(c.Stride[:]...), Padding(c.Padding[:]...)), nil
		})
	}
	Register("AdaptiveAvgPool2D", func(c sizeSpec) (Module, error) { return AdaptiveAvgPool2D(c.Size[0], c.Size[1]), nil })
}

// Push implements [PiecewiseLinear].
func (p avgPool) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return p.Forward(nil, autograd.Const(v)).Value()
}

// Pull implements [PiecewiseLinear].
func (p avgPool) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return pull(p, x, g) }

// Push implements [PiecewiseLinear].
func (p adaptiveAvgPool) Push(_, v *tensor.Tensor) *tensor.Tensor {
	return p.Forward(nil, autograd.Const(v)).Value()
}

// Pull implements [PiecewiseLinear].
func (p adaptiveAvgPool) Pull(x, _, g *tensor.Tensor) *tensor.Tensor { return pull(p, x, g) }

// pull applies the transpose of a linear module without parameters.
func pull(m Module, x, g *tensor.Tensor) *tensor.Tensor {
	leaf := autograd.Leaf(x)
	y := m.Forward(nil, leaf)
	return autograd.Grad(y, []*autograd.Var{leaf}, autograd.Opts{Seed: autograd.Const(g)})[0].Value()
}
