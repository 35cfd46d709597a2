package tensor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// convolved is the definition of Conv2D.
func convolved(x, w *tensor.Tensor, p tensor.ConvParams) *tensor.Tensor {
	out := func(axis int) int {
		k := axis - 2
		return (x.Dim(axis)+2*p.Pad[k]-p.Dilation[k]*(w.Dim(axis)-1)-1)/p.Stride[k] + 1
	}
	y := tensor.New(x.DType(), x.Dim(0), w.Dim(0), out(2), out(3))
	for b := range y.Dim(0) {
		for o := range y.Dim(1) {
			for u := range y.Dim(2) {
				for v := range y.Dim(3) {
					sum := 0.0
					for c := range w.Dim(1) {
						for i := range w.Dim(2) {
							for j := range w.Dim(3) {
								h, k := u*p.Stride[0]+i*p.Dilation[0]-p.Pad[0], v*p.Stride[1]+j*p.Dilation[1]-p.Pad[1]
								if h >= 0 && h < x.Dim(2) && k >= 0 && k < x.Dim(3) {
									group := o / (w.Dim(0) / p.Groups)
									sum += x.At(b, group*w.Dim(1)+c, h, k) * w.At(o, c, i, j)
								}
							}
						}
					}
					y.Set(sum, b, o, u, v)
				}
			}
		}
	}
	return y
}

// TestConv2D: the value by its definition, and the gradients by what defines
// them: the product with any gradient gy is the same, whichever way it is taken.
func TestConv2D(t *testing.T) {
	dot := func(x, y *tensor.Tensor) float64 { return tensor.Sum(tensor.Mul(x, y)).Item() }
	for _, dt := range dtypes {
		for _, p := range []tensor.ConvParams{
			{},
			{Stride: [2]int{2, 1}, Pad: [2]int{1, 2}, Dilation: [2]int{1, 2}, Groups: 2},
		} {
			full := p
			if p.Groups == 0 {
				full = tensor.ConvParams{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
			}
			r := tensor.NewStream(1, "test")
			x, w := r.Normal(dt, 2, 4, 6, 7), r.Normal(dt, 6, 4/full.Groups, 3, 2)
			y := tensor.Conv2D(x, w, nil, p, tensor.Activation{})
			want := convolved(x, w, full)
			require.Equal(t, want.Shape(), y.Shape())
			near(t, dt, tensor.Scale(want, 0.1).Float64s(), tensor.Scale(y, 0.1).Float64s())

			gy := r.Normal(dt, y.Shape()...)
			gx := tensor.Conv2DInputGrad(gy, w, nil, 6, 7, p, tensor.Activation{})
			gw := tensor.Conv2DWeightGrad(x, gy, 3, 2, p)
			require.Equal(t, x.Shape(), gx.Shape())
			require.Equal(t, w.Shape(), gw.Shape())
			product := dot(y, gy)
			near(t, dt, []float64{product, product}, []float64{dot(gx, x), dot(gw, w)})
		}
	}
}
