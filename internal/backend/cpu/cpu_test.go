package cpu

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

func TestConformance(t *testing.T) {
	for _, name := range isa.Implementations() {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != isa.Best() {
				t.Skip("not the one that is in use")
			}
			defer isa.Use(name)()
			if name == "generic" { // one of them skips all that may be skipped
				defer func(n int) { skipFlops = n }(skipFlops)
				skipFlops = 0
			}
			backendtest.Run(t, New())
		})
	}
}

// counted passes products on and counts them.
type counted struct {
	blas.Float32Level3
	blas.Float64Level3
	calls int
}

func (c *counted) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, d []float32, ldc int) {
	c.calls++
	c.Float32Level3.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, d, ldc)
}

func (c *counted) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, d []float64, ldc int) {
	c.calls++
	c.Float64Level3.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, d, ldc)
}

// whole makes an operand of small whole numbers.
func whole(dt backend.DType, l layout.Layout, n int) backend.Operand {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	h := backend.NewHost(dt, n)
	for i := range n {
		h.Set(i, float64(r.IntN(9)-4))
	}
	return backend.Operand{Buffer: h, Layout: l}
}

// TestUseBLAS: another implementation is asked for every product, with its
// transposes and leading dimensions, and gives the same.
func TestUseBLAS(t *testing.T) {
	for _, dt := range []backend.DType{backend.Float32, backend.Float64} {
		spy := &counted{Float32Level3: gonum.Implementation{}, Float64Level3: gonum.Implementation{}}
		plugged := New()
		plugged.UseBLAS(spy, spy)
		for _, lx := range []layout.Layout{
			layout.Contiguous(2, 3, 4),
			layout.Contiguous(2, 4, 3).Permute(0, 2, 1),
			layout.Contiguous(2, 3, 9).Slice(2, 2, 6, 1),
			layout.Contiguous(2, 3, 9).Slice(2, 1, 9, 2), // needs a copy
		} {
			x := whole(dt, lx, 54)
			y := whole(dt, layout.Contiguous(2, 5, 4).Permute(0, 2, 1), 40)
			got, want := whole(dt, layout.Contiguous(2, 3, 5), 30), whole(dt, layout.Contiguous(2, 3, 5), 30)
			spy.calls = 0
			plugged.MatMul(got, x, y)
			require.Equal(t, 2, spy.calls, "one product for each of the batch")
			New().MatMul(want, x, y)
			require.Equal(t, want, got)

			first := backend.Operand{Buffer: x.Buffer, Layout: layout.Layout{Rank: 2, Offset: lx.Offset,
				Dims: [layout.MaxRank]int{3, 4}, Strides: [layout.MaxRank]int{lx.Strides[1], lx.Strides[2]}}}
			w, b := whole(dt, layout.Contiguous(5, 4), 20), whole(dt, layout.Contiguous(5), 5)
			got, want = whole(dt, layout.Contiguous(3, 5), 15), whole(dt, layout.Contiguous(3, 5), 15)
			spy.calls = 0
			plugged.Linear(got, first, w, backend.Epilogue{Bias: b, F: op.LeakyReLU, A: 0.5})
			require.Equal(t, 1, spy.calls)
			New().Linear(want, first, w, backend.Epilogue{Bias: b, F: op.LeakyReLU, A: 0.5})
			require.Equal(t, want, got)
		}
		plugged.UseBLAS(nil, nil)
		spy.calls = 0
		plugged.MatMul(whole(dt, layout.Contiguous(1, 1), 1), whole(dt, layout.Contiguous(1, 1), 1), whole(dt, layout.Contiguous(1, 1), 1))
		require.Zero(t, spy.calls)
	}
}
