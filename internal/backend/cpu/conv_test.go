package cpu

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/parallel"
)

// TestConvThreads: the number of threads does not change a bit of a convolution
// or its derivatives.
func TestConvThreads(t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(1, 2))
	normal := func(dims ...int) backend.Operand {
		l := layout.Contiguous(dims...)
		h := backend.NewHost(backend.Float32, l.Len())
		for i := range l.Len() {
			h.Set(i, r.NormFloat64())
		}
		return backend.Operand{Buffer: h, Layout: l}
	}
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
			b.Conv2D(y, x, w, p)
			b.Conv2DInputGrad(gx, gy, w, p)
			b.Conv2DWeightGrad(gw, x, gy, p)
			got := [3]backend.Operand{y, gx, gw}
			if threads == 1 {
				want = got
			}
			require.Equal(t, want, got, "%+v, %d threads", c, threads)
		}
	}
}
