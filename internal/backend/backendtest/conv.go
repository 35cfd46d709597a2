package backendtest

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// convolution is a case: images [n, in, h, w] and a kernel with out output
// channels. Parameters of 0 stand for 1.
type convolution struct {
	n, in, out, h, w, kh, kw int
	p                        backend.ConvParams
}

func pair(n int) [2]int { return [2]int{n, n} }

// convolutions try every parameter alone and with others, kernels as large as
// the image, strides longer than the kernel, and dims of 0.
var convolutions = []convolution{
	{n: 2, in: 3, out: 4, h: 5, w: 6, kh: 3, kw: 3},
	{n: 2, in: 3, out: 4, h: 5, w: 6, kh: 3, kw: 3, p: backend.ConvParams{Pad: pair(1)}},
	{n: 1, in: 1, out: 1, h: 1, w: 1, kh: 1, kw: 1},
	{n: 3, in: 5, out: 2, h: 4, w: 3, kh: 1, kw: 1},
	{n: 2, in: 2, out: 3, h: 6, w: 8, kh: 4, kw: 4, p: backend.ConvParams{Stride: pair(2), Pad: pair(1)}},
	{n: 2, in: 1, out: 5, h: 7, w: 9, kh: 3, kw: 2, p: backend.ConvParams{Stride: [2]int{2, 3}, Pad: [2]int{1, 0}}},
	{n: 1, in: 2, out: 1, h: 7, w: 8, kh: 2, kw: 3, p: backend.ConvParams{Stride: [2]int{3, 4}, Pad: [2]int{2, 3}}},
	{n: 2, in: 2, out: 2, h: 9, w: 8, kh: 3, kw: 2, p: backend.ConvParams{Dilation: [2]int{2, 3}, Pad: [2]int{0, 1}}},
	{n: 1, in: 2, out: 3, h: 9, w: 9, kh: 3, kw: 3, p: backend.ConvParams{Stride: [2]int{2, 4}, Dilation: [2]int{3, 2}, Pad: pair(3)}},
	{n: 1, in: 2, out: 2, h: 4, w: 4, kh: 2, kw: 2, p: backend.ConvParams{Stride: pair(3), Dilation: pair(3), Pad: pair(4)}},
	{n: 2, in: 2, out: 3, h: 5, w: 4, kh: 2, kw: 3, p: backend.ConvParams{Stride: [2]int{1 << 24, 1 << 23}, Pad: [2]int{1, 2}}}, // longer than the image by far: its time does not grow with it
	{n: 2, in: 4, out: 6, h: 5, w: 4, kh: 3, kw: 3, p: backend.ConvParams{Groups: 2, Pad: pair(1), Stride: pair(2)}},
	{n: 2, in: 3, out: 3, h: 4, w: 5, kh: 2, kw: 2, p: backend.ConvParams{Groups: 3, Dilation: pair(2)}},
	{n: 2, in: 3, out: 2, h: 2, w: 3, kh: 2, kw: 3},
	{n: 2, in: 3, out: 2, h: 5, w: 1, kh: 3, kw: 1, p: backend.ConvParams{Pad: [2]int{3, 0}}},
	{n: 0, in: 3, out: 2, h: 4, w: 4, kh: 3, kw: 3, p: backend.ConvParams{Pad: pair(1)}},
	{n: 2, in: 0, out: 2, h: 4, w: 4, kh: 3, kw: 3},
	{n: 2, in: 3, out: 0, h: 4, w: 4, kh: 3, kw: 3},
	{n: 2, in: 3, out: 2, h: 0, w: 4, kh: 1, kw: 3, p: backend.ConvParams{Pad: pair(1)}},
	// Enough for blocks and threads.
	{n: 3, in: 20, out: 33, h: 8, w: 7, kh: 3, kw: 3, p: backend.ConvParams{Pad: pair(1)}},
	{n: 3, in: 17, out: 20, h: 15, w: 14, kh: 4, kw: 4, p: backend.ConvParams{Pad: pair(1), Stride: pair(2)}},
	{n: 2, in: 1, out: 16, h: 28, w: 28, kh: 4, kw: 4, p: backend.ConvParams{Pad: pair(1), Stride: pair(2)}},
	{n: 2, in: 16, out: 1, h: 28, w: 28, kh: 3, kw: 3, p: backend.ConvParams{Pad: pair(1)}},
	{n: 3, in: 72, out: 70, h: 6, w: 7, kh: 1, kw: 1},
	// Few channels on one side, and more than one vector of them on the other.
	{n: 2, in: 16, out: 3, h: 6, w: 7, kh: 3, kw: 3, p: backend.ConvParams{Pad: pair(1)}},
	{n: 1, in: 1, out: 17, h: 8, w: 9, kh: 4, kw: 5, p: backend.ConvParams{Stride: pair(3), Pad: pair(2)}},
	{n: 1, in: 2, out: 16, h: 7, w: 8, kh: 4, kw: 4, p: backend.ConvParams{Stride: pair(2), Pad: pair(1)}},
	{n: 1, in: 8, out: 1, h: 9, w: 8, kh: 5, kw: 4, p: backend.ConvParams{Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: pair(2)}},
	{n: 2, in: 18, out: 2, h: 1, w: 5, kh: 1, kw: 5, p: backend.ConvParams{Pad: [2]int{0, 2}}},
	// Many images.
	{n: 17, in: 2, out: 3, h: 3, w: 4, kh: 3, kw: 2, p: backend.ConvParams{Pad: pair(1)}},
}

// shapes returns those of input, weight and result.
func (c *convolution) shapes() (x, w, y []int) {
	out := func(dim, k, axis int) int {
		return (dim+2*c.p.Pad[axis]-c.p.Dilation[axis]*(k-1)-1)/c.p.Stride[axis] + 1
	}
	return []int{c.n, c.in, c.h, c.w}, []int{c.out, c.in / c.p.Groups, c.kh, c.kw},
		[]int{c.n, c.out, out(c.h, c.kh, 0), out(c.w, c.kw, 1)}
}

// channelsLast stores [n, c, h, w] in the order [n, h, w, c].
func channelsLast(shape []int) layout.Layout {
	return layout.Contiguous(shape[0], shape[2], shape[3], shape[1]).Permute(0, 3, 1, 2)
}

// inner leaves gaps between the pixels of such images.
func inner(shape []int) layout.Layout {
	return layout.Contiguous(shape[0], shape[2]+1, shape[3], shape[1]+2).
		Slice(1, 1, shape[2]+1, 1).Slice(3, 2, shape[1]+2, 1).Permute(0, 3, 1, 2)
}

var (
	denseImages = append(dense[:len(dense):len(dense)], channelsLast, inner)
	everyImage  = append(every[:len(every):len(every)], channelsLast, inner)
)

// convolve checks one of the convolutions: op gets the result, the two sources,
// whose shapes arrange picks from those of input, weight and result, and a bias.
func (s *suite) convolve(name string, op func(b backend.Backend, o []backend.Operand, p backend.ConvParams, e backend.Epilogue),
	arrange func(x, w, y []int) (dst, first, second []int), epilogues []function) {
	for i, c := range convolutions {
		for k := range 2 {
			c.p.Stride[k] = max(c.p.Stride[k], 1)
			c.p.Dilation[k] = max(c.p.Dilation[k], 1)
		}
		c.p.Groups = max(c.p.Groups, 1)
		dst, first, second := arrange(c.shapes())
		large := c.in*c.out*c.h*c.w > 5000
		for _, dt := range dtypes {
			for round := range len(everyImage) {
				if large && round%4 > 0 {
					continue
				}
				f, biased := epilogues[(round+i)%len(epilogues)], (round/4+i)%2 == 0
				what := fmt.Sprintf("%s+%v, bias %v, of %+v", name, f, biased, c)
				run := func(b backend.Backend, o []backend.Operand) { op(b, o, c.p, f.epilogue(o[3], biased)) }
				to := denseImages[(round+i)%len(denseImages)](dst)
				from := everyImage[round](first)
				with := everyImage[(3*round+i)%len(everyImage)](second)
				bias := every[round%len(every)](dst[1:2])
				s.check(what, f.tolerance(), run, place(dt, to, junk), place(dt, from, whole(round)), place(dt, with, whole(round+1)), place(dt, bias, whole(round+2)))
				if round%4 == 0 {
					s.check(what, convTolerance, run, place(dt, to, junk), place(dt, from, normal(round)), place(dt, with, normal(round+1)), place(dt, bias, normal(round+2)))
				}
			}
			// A single NaN or infinity, the products of it with padding, too.
			for j, v := range []float64{math.NaN(), math.Inf(1)} {
				if large {
					break
				}
				f := epilogues[(i+j)%len(epilogues)]
				what := fmt.Sprintf("%s+%v of %+v with %v", name, f, c, v)
				run := func(b backend.Backend, o []backend.Operand) { op(b, o, c.p, f.epilogue(backend.Operand{}, false)) }
				for k := range 2 {
					sources := []array{place(dt, channelsLast(first), whole(1)), place(dt, layout.Contiguous(second...), whole(2))}
					if n := sources[k].layout.Len(); n > 0 {
						sources[k].host.Set(offsets(sources[k].layout)[(j*n/2+i)%n], v)
						s.check(what, f.tolerance(), run, place(dt, layout.Contiguous(dst...), junk), sources...)
					}
				}
			}
		}
	}
}

func (s *suite) convs() {
	s.convolve("Conv2D", func(b backend.Backend, o []backend.Operand, p backend.ConvParams, e backend.Epilogue) {
		b.Conv2D(o[0], o[1], o[2], p, e)
	}, func(x, w, y []int) (dst, first, second []int) { return y, x, w }, functions)
}

func (s *suite) convInputGrads() {
	s.convolve("Conv2DInputGrad", func(b backend.Backend, o []backend.Operand, p backend.ConvParams, e backend.Epilogue) {
		b.Conv2DInputGrad(o[0], o[1], o[2], p, e)
	}, func(x, w, y []int) (dst, first, second []int) { return x, y, w }, functions)
}

func (s *suite) convWeightGrads() {
	s.convolve("Conv2DWeightGrad", func(b backend.Backend, o []backend.Operand, p backend.ConvParams, _ backend.Epilogue) {
		b.Conv2DWeightGrad(o[0], o[1], o[2], p)
	}, func(x, w, y []int) (dst, first, second []int) { return w, x, y }, functions[:1])
}
