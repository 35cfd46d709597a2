package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/tensor"
)

// counter is gonum's BLAS, and counts matrix products.
type counter struct {
	gonum.Implementation
	single, double int
}

func (c *counter) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, x []float32, ldx int, y []float32, ldy int, beta float32, z []float32, ldz int) {
	c.single++
	c.Implementation.Sgemm(tA, tB, m, n, k, alpha, x, ldx, y, ldy, beta, z, ldz)
}

func (c *counter) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, x []float64, ldx int, y []float64, ldy int, beta float64, z []float64, ldz int) {
	c.double++
	c.Implementation.Dgemm(tA, tB, m, n, k, alpha, x, ldx, y, ldy, beta, z, ldz)
}

func TestUseBLAS(t *testing.T) {
	defer tensor.CPU().UseBLAS(nil, nil)
	for _, dt := range dtypes {
		r := tensor.NewStream(1, "test")
		x, w, b, batch := r.Normal(dt, 5, 7), r.Normal(dt, 4, 7), r.Normal(dt, 4), r.Normal(dt, 3, 7, 2)
		products := func() []*tensor.Tensor {
			return []*tensor.Tensor{
				tensor.MatMul(x, w.T()),
				tensor.MatMul(x, batch),
				tensor.Linear(x, w, b, tensor.TanhActivation()),
				tensor.Linear(x, w, nil, tensor.Activation{}),
			}
		}
		tensor.CPU().UseBLAS(nil, nil)
		own := products()
		for _, c := range []struct {
			f32, f64 bool
			want     [2]int // calls in either dtype
		}{{true, true, [2]int{6, 6}}, {true, false, [2]int{6, 0}}, {false, true, [2]int{0, 6}}, {false, false, [2]int{}}} {
			spy := &counter{}
			var f32 blas.Float32Level3
			var f64 blas.Float64Level3
			if c.f32 {
				f32 = spy
			}
			if c.f64 {
				f64 = spy
			}
			tensor.CPU().UseBLAS(f32, f64)
			for i, p := range products() {
				near(t, dt, own[i].Float64s(), p.Float64s(), "product %d", i)
			}
			want := c.want
			want[1-int(dt)] = 0
			require.Equal(t, want, [2]int{spy.single, spy.double}, "%v", dt)
		}
	}
}

// TestPrecision checks what is rounded, how much, and what is not: small
// products, float64, and those of another's BLAS.
func TestPrecision(t *testing.T) {
	defer tensor.CPU().SetPrecision(tensor.FullPrecision)
	const large, small = 192, 8
	r := tensor.NewStream(2, "test")
	products := func(x, y *tensor.Tensor) [][]float64 {
		return [][]float64{tensor.MatMul(x, y).Float64s(), tensor.Linear(x, y, nil, tensor.Activation{}).Float64s()}
	}
	for _, dt := range dtypes {
		for _, n := range []int{large, small} {
			x, y := r.Normal(dt, n, n), r.Normal(dt, n, n)
			exact := products(x, y)
			require.NoError(t, tensor.CPU().SetPrecision(tensor.BFloat16))
			got := products(x, y)
			tensor.CPU().SetPrecision(tensor.FullPrecision)
			require.Equal(t, exact, products(x, y))
			if dt == tensor.Float64 || n == small || !isa.BF16 {
				require.Equal(t, exact, got)
				continue
			}
			for i := range exact {
				require.NotEqual(t, exact[i], got[i])
				var square float64
				for j := range exact[i] {
					square += (exact[i][j] - got[i][j]) * (exact[i][j] - got[i][j])
				}
				// Uniform in ±2⁻⁹ relative to the power of two below, an error is 0.0017 of
				// its factor, and n products add up to √n times 0.0024.
				require.InEpsilon(t, 0.0024*math.Sqrt(float64(n)), math.Sqrt(square/float64(n*n)), 0.2)
			}
		}
	}
	x, y := r.Normal(tensor.Float32, large, large), r.Normal(tensor.Float32, large, large)
	require.NoError(t, tensor.CPU().SetPrecision(tensor.BFloat16))
	defer tensor.CPU().UseBLAS(nil, nil)
	spy := &counter{}
	tensor.CPU().UseBLAS(spy, nil)
	products(x, y)
	require.Equal(t, 2, spy.single)
}
