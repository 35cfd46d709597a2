package cpu

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// imageOrders are memory orders of [n, c, h, w], in memory of the length that is
// returned.
var imageOrders = map[string]func(n, c, h, w int) (layout.Layout, int){
	"rows": func(n, c, h, w int) (layout.Layout, int) { return layout.Contiguous(n, c, h, w), n * c * h * w },
	"channels last": func(n, c, h, w int) (layout.Layout, int) {
		return layout.Contiguous(n, h, w, c).Permute(0, 3, 1, 2), n * c * h * w
	},
	"part of longer rows": func(n, c, h, w int) (layout.Layout, int) {
		l := layout.Contiguous(n, c, h, w)
		l.Strides[0], l.Offset = c*h*w+10, 3
		return l, n*l.Strides[0] + 3
	},
	"some of the channels": func(n, c, h, w int) (layout.Layout, int) {
		return layout.Contiguous(n, h, w, c+2).Permute(0, 3, 1, 2).Slice(1, 1, c+1, 1), n * h * w * (c + 2)
	},
	"one for all": func(n, c, h, w int) (layout.Layout, int) {
		l := layout.Contiguous(1, c, h, w)
		l.Dims[0], l.Strides[0] = n, 0
		return l, c * h * w
	},
}

// TestOtherMemoryOrders: copies and binary functions give the same whatever the memory
// orders of the images are, for matrices that go through the L1 cache and those that do
// not, numbers that are not finite included; and nothing is written beside the result.
func TestOtherMemoryOrders(t *testing.T) {
	defer parallel.SetThreads(0)
	for _, dt := range []backend.DType{backend.Float32, backend.Float64} {
		for _, shape := range [][4]int{{12, 32, 7, 7}, {2, 5, 2, 3}, {5, 4, 2, 2}, {1, 65, 5, 6}, {2, 9, 15, 16}, {0, 8, 3, 3}} {
			n, c, h, w := shape[0], shape[1], shape[2], shape[3]
			operand := func(order string, seed int) (backend.Operand, *backend.Host) {
				l, length := imageOrders[order](n, c, h, w)
				host := backend.NewHost(dt, length)
				for i := range length {
					v := float64((i*7919+seed)%101-50) / 8
					switch {
					case i%97 == 13:
						v = math.NaN()
					case i%89 == 5:
						v = math.Inf(seed - 2)
					}
					host.Set(i, v)
				}
				return backend.Operand{Buffer: host, Layout: l}, host
			}
			at := func(o backend.Operand, i int) int {
				place, _ := places(&o.Layout, &o.Layout, i)
				return place
			}
			for to := range imageOrders {
				for from := range imageOrders {
					for other := range imageOrders {
						for _, threads := range []int{1, 4}[:min(2, n/6+1)] {
							if to == "one for all" {
								continue // it cannot be written
							}
							parallel.SetThreads(threads)
							name := fmt.Sprint(dt, " ", shape, " ", to, " of ", from, " and ", other, " on ", threads)
							x, hx := operand(from, 1)
							y, hy := operand(other, 3)
							for _, f := range []op.Binary{op.LeakyReLUGrad, op.Sub} {
								dst, hd := operand(to, 5)
								_, before := operand(to, 5)
								new(Backend).Binary(f, dst, x, y, 0.25)
								check(t, name, dst, hd, before, func(i int) float64 {
									one := func(v float64) []float64 { return []float64{v} }
									out := []float64{0}
									vec.Binary(f, out, one(hx.At(at(x, i))), one(hy.At(at(y, i))), 0.25)
									return out[0]
								}, at)
							}
							dst, hd := operand(to, 5)
							_, before := operand(to, 5)
							new(Backend).Copy(dst, x)
							check(t, name, dst, hd, before, func(i int) float64 { return hx.At(at(x, i)) }, at)
						}
					}
				}
			}
		}
	}
}

// check compares all of a result's memory.
func check(t *testing.T, name string, dst backend.Operand, got, before *backend.Host, want func(i int) float64, at func(o backend.Operand, i int) int) {
	t.Helper()
	for i := range dst.Layout.Len() {
		before.Set(at(dst, i), want(i))
	}
	for i := range got.Len() {
		if g, w := got.At(i), before.At(i); g != w && !(math.IsNaN(g) && math.IsNaN(w)) {
			require.Equal(t, w, g, "%s: element %d of the memory", name, i)
		}
	}
}

// TestTransposedInPlace: a result may take the memory of the argument that is read in
// another order, whose matrices then lie where results of others are written.
func TestTransposedInPlace(t *testing.T) {
	const n, c, h, w = 5, 6, 3, 3
	dst := layout.Contiguous(n, h, w, c).Permute(0, 3, 1, 2)
	for _, from := range []layout.Layout{layout.Contiguous(n, c, h, w), layout.Contiguous(n, c, h, w).Slice(0, 0, 1, 1)} {
		if from.Dims[0] == 1 {
			from.Dims[0], from.Strides[0] = n, 0 // all of them read the first one
		}
		x, y, want := make([]float32, n*c*h*w), make([]float32, n*c*h*w), make([]float32, n*c*h*w)
		for i := range x {
			x[i], y[i] = float32(i), float32(i%5)
		}
		for i := range want {
			to, at := places(&dst, &from, i)
			want[to] = x[at] - y[to]
		}
		in := backend.Host32(x)
		new(Backend).Binary(op.Sub, backend.Operand{Buffer: in, Layout: dst}, backend.Operand{Buffer: in, Layout: from}, backend.Operand{Buffer: backend.Host32(y), Layout: dst}, 0)
		require.Equal(t, want, x)
	}
}
