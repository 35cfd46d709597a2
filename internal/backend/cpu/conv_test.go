package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
)

// normal draws an operand.
func normal(r *rand.Rand, dims ...int) backend.Operand {
	l := layout.Contiguous(dims...)
	h := backend.NewHost(backend.Float32, l.Len())
	for i := range h.Len() {
		h.Set(i, r.NormFloat64())
	}
	return backend.Operand{Buffer: h, Layout: l}
}

// TestConvThreads: the number of threads does not change a bit of a convolution
// or its derivatives.
func TestConvThreads(t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(1, 2))
	normal := func(dims ...int) backend.Operand { return normal(r, dims...) }
	b := New()
	for _, c := range []struct{ n, in, out, size, kernel, stride int }{
		{19, 16, 1, 12, 3, 1}, {33, 1, 16, 12, 4, 2}, {16, 20, 24, 10, 3, 1}, {3, 64, 80, 8, 3, 1},
	} {
		p := backend.ConvParams{Stride: [2]int{c.stride, c.stride}, Pad: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
		out := (c.size+2-c.kernel)/c.stride + 1
		x, w, gy := normal(c.n, c.in, c.size, c.size), normal(c.out, c.in, c.kernel, c.kernel), normal(c.n, c.out, out, out)
		var want [3]backend.Operand
		for _, threads := range []int{1, 2, 5} {
			parallel.SetThreads(threads)
			y, gx, gw := normal(c.n, c.out, out, out), normal(c.n, c.in, c.size, c.size), normal(c.out, c.in, c.kernel, c.kernel)
			b.Conv2D(y, x, w, p, backend.Epilogue{})
			b.Conv2DInputGrad(gx, gy, w, p, backend.Epilogue{})
			b.Conv2DWeightGrad(gw, x, gy, p)
			got := [3]backend.Operand{y, gx, gw}
			if threads == 1 {
				want = got
			}
			require.Equal(t, want, got, "%+v, %d threads", c, threads)
		}
	}
}

// TestConvOdd compares convolutions of odd sizes, in odd layouts, with the
// reference if sums are exact. Of any numbers, it compares them for each number of
// threads, and with an epilogue in passes of its own.
func TestConvOdd(t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(3, 4))
	b := New()
	for trial := range 300 {
		p := backend.ConvParams{Groups: 1 + r.IntN(2)*r.IntN(3)}
		for k := range 2 {
			p.Stride[k], p.Pad[k], p.Dilation[k] = 1+r.IntN(2)*r.IntN(4), r.IntN(2)*r.IntN(7), 1+r.IntN(2)*r.IntN(3)
		}
		n, in, out := r.IntN(12), 1+r.IntN(2)*r.IntN(40), 1+r.IntN(2)*r.IntN(20)
		h, w, kh, kw := r.IntN(10), r.IntN(10), 1+r.IntN(5), 1+r.IntN(5)
		oh, ow := h+2*p.Pad[0]-p.Dilation[0]*(kh-1)-1, w+2*p.Pad[1]-p.Dilation[1]*(kw-1)-1
		if oh < 0 || ow < 0 {
			continue
		}
		oh, ow = oh/p.Stride[0]+1, ow/p.Stride[1]+1
		dims := [3][]int{{n, out * p.Groups, oh, ow}, {n, in * p.Groups, h, w}, {out * p.Groups, in, kh, kw}}
		var layouts [3]layout.Layout
		for i, d := range dims {
			layouts[i] = oddLayout(r, d)
		}
		dtype := []backend.DType{backend.Float32, backend.Float64}[r.IntN(2)]
		draw := func(i int, number func() float64) backend.Operand {
			l := layouts[i]
			size := l.Offset + 1 // not one more than it takes
			for k := range l.Rank {
				size += max(0, l.Dims[k]-1) * l.Strides[k]
			}
			o := backend.Operand{Buffer: backend.NewHost(dtype, size), Layout: l}
			for at := range size {
				o.Buffer.(*backend.Host).Set(at, number())
			}
			return o
		}
		canary := func() float64 { return 777 }
		for result := range 3 {
			channels := dims[result][1]
			bias := backend.Operand{Buffer: backend.NewHost(dtype, channels), Layout: layout.Contiguous(channels)}
			for i := range channels {
				bias.Buffer.(*backend.Host).Set(i, float64(r.IntN(7)-3))
			}
			e := []backend.Epilogue{{}, {F: op.ReLU}, {F: op.LeakyReLU, A: 0.5}}[r.IntN(3)]
			if r.IntN(2) == 0 {
				e.Bias = bias
			}
			compute := func(b backend.ConvBackend, o [3]backend.Operand, e backend.Epilogue) backend.Operand {
				o[result] = draw(result, canary)
				switch result {
				case 0:
					b.Conv2D(o[0], o[1], o[2], p, e)
				case 1:
					b.Conv2DInputGrad(o[1], o[0], o[2], p, e)
				case 2:
					b.Conv2DWeightGrad(o[2], o[1], o[0], p)
				}
				return o[result]
			}
			operands := func(number func() float64) (o [3]backend.Operand) {
				for i := range o {
					o[i] = draw(i, number)
				}
				return o
			}
			odd := 0.0
			if trial%5 == 0 {
				odd = 0.002
			}
			whole := operands(func() float64 {
				if r.Float64() < odd {
					return []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[r.IntN(3)]
				}
				return float64(r.IntN(7) - 3)
			})
			numbers := operands(r.NormFloat64)
			want := compute(ref.Backend{}, whole, e)
			first := compute(b, numbers, backend.Epilogue{})
			if result < 2 {
				e.Apply(b, first)
			}
			for _, threads := range []int{1, 2, 5} {
				parallel.SetThreads(threads)
				message := fmt.Sprintf("result %d, %v %+v, %v, threads %d", result, dims, p, dtype, threads)
				same(t, want, compute(b, whole, e), message)
				same(t, first, compute(b, numbers, e), message)
			}
		}
	}
}

// oddLayout lays out dims [n, c, h, w] one way or another.
func oddLayout(r *rand.Rand, d []int) layout.Layout {
	last := func(n, c, h, w int) layout.Layout { return layout.Contiguous(n, h, w, c).Permute(0, 3, 1, 2) }
	switch r.IntN(7) {
	case 0, 1:
		return last(d[0], d[1], d[2], d[3])
	case 2: // a part of each row
		return last(d[0], d[1], d[2], d[3]+2).Slice(3, 2, d[3]+2, 1)
	case 3: // every other pixel
		return last(d[0], d[1], 2*d[2]+1, 2*d[3]+1).Slice(2, 1, 1+2*d[2], 2).Slice(3, 1, 1+2*d[3], 2)
	case 4: // some channels
		return last(d[0], d[1]+3, d[2], d[3]).Slice(1, 3, d[1]+3, 1)
	case 5: // images last
		return layout.Contiguous(d[2], d[3], d[0], d[1]).Permute(2, 3, 0, 1)
	}
	return layout.Contiguous(d...)
}

// same compares the memory of two results, NaN being like NaN.
func same(t *testing.T, want, got backend.Operand, message string) {
	t.Helper()
	x, y := want.Buffer.(*backend.Host), got.Buffer.(*backend.Host)
	for i := range x.Len() {
		if a, b := x.At(i), y.At(i); a != b && (a == a || b == b) {
			require.Equal(t, a, b, "%s: at %d", message, i)
		}
	}
}

// TestConvBandBeyond: a band of outputs may use no pixel of its image.
func TestConvBandBeyond(t *testing.T) {
	x := whole(backend.Float32, layout.Contiguous(1, 40, 42, 16).Permute(0, 3, 1, 2).Slice(3, 2, 42, 1), 40*42*16)
	w := whole(backend.Float32, layout.Contiguous(16, 16, 3, 3), 16*16*9)
	p := backend.ConvParams{Stride: [2]int{1, 1}, Pad: [2]int{20, 1}, Dilation: [2]int{1, 1}, Groups: 1}
	y := whole(backend.Float32, layout.Contiguous(1, 16, 78, 40), 16*78*40)
	want := whole(backend.Float32, y.Layout, y.Layout.Len())
	New().Conv2D(y, x, w, p, backend.Epilogue{})
	ref.Backend{}.Conv2D(want, x, w, p, backend.Epilogue{})
	same(t, want, y, "a band beyond the image")
}

// TestConvLeftovers: results do not depend on what memory held before.
func TestConvLeftovers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x, w := normal(r, 6, 19, 8, 4), normal(r, 36, 19, 3, 3)
	var results [2]backend.Operand
	for i, leftover := range []float32{0, float32(math.NaN())} {
		var all [6]*memory[float32]
		for k := range all {
			all[k] = borrow[float32](1 << 16)
			for j := range all[k].data {
				all[k].data[j] = leftover
			}
		}
		for _, m := range all {
			m.giveBack()
		}
		results[i] = normal(r, 6, 36, 8, 4)
		New().Conv2D(results[i], x, w, backend.ConvParams{Stride: [2]int{1, 1}, Pad: [2]int{1, 4}, Dilation: [2]int{1, 4}, Groups: 1}, backend.Epilogue{})
	}
	same(t, results[0], results[1], "leftovers")
}
