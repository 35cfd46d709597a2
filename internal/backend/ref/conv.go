package ref

import "github.com/gander-ml/gander/internal/backend"

// Conv2D sets dst to the convolution of x with w.
func (b Backend) Conv2D(dst, x, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	d, s, t := open(dst), open(x), open(w)
	sums := make([]float64, len(d.offsets))
	eachProduct(x, w, dst, p, func(x, w, y int) {
		if y >= 0 {
			sums[y] += s.orZero(x) * t.at(w)
		}
	})
	d.setAll(sums)
	e.Apply(b, dst)
}

// Conv2DInputGrad sets dst to the gradient by the convolution's input.
func (b Backend) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	d, s, t := open(dst), open(gy), open(w)
	sums := make([]float64, len(d.offsets))
	eachProduct(dst, w, gy, p, func(x, w, y int) {
		if x >= 0 {
			sums[x] += s.orZero(y) * t.at(w)
		}
	})
	d.setAll(sums)
	e.Apply(b, dst)
}

// Conv2DWeightGrad sets dst to the gradient by the convolution's weight.
func (Backend) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	d, s, t := open(dst), open(x), open(gy)
	sums := make([]float64, len(d.offsets))
	eachProduct(x, dst, gy, p, func(x, w, y int) {
		if y >= 0 {
			sums[w] += s.orZero(x) * t.at(y)
		}
	})
	d.setAll(sums)
}

// orZero returns element i, or the zero of the padding if i is −1.
func (a array) orZero(i int) float64 {
	if i < 0 {
		return 0
	}
	return a.at(i)
}

func (a array) setAll(values []float64) {
	for i, v := range values {
		a.set(i, v)
	}
}

// eachProduct calls f with the places, in row-major order, of the input, the
// weight and the output of every product of a convolution. An input in the padding
// is −1, and so is an output beyond the edge that would need an input.
func eachProduct(x, w, y backend.Operand, p backend.ConvParams, f func(x, w, y int)) {
	in, k, out := x.Layout.Dims, w.Layout.Dims, y.Layout.Dims
	place := func(dims [6]int, a, b int, h, w int) int {
		if h < 0 || w < 0 {
			return -1
		}
		return ((a*dims[1]+b)*dims[2]+h)*dims[3] + w
	}
	rows := along(in[2], k[2], out[2], p.Stride[0], p.Pad[0], p.Dilation[0])
	columns := along(in[3], k[3], out[3], p.Stride[1], p.Pad[1], p.Dilation[1])
	for b := range out[0] {
		for o := range out[1] {
			group := o / (out[1] / p.Groups)
			for c := range k[1] {
				for _, r := range rows {
					for _, s := range columns {
						f(place(in, b, group*k[1]+c, r.x, s.x), place(k, o, c, r.tap, s.tap), place(out, b, o, r.y, s.y))
					}
				}
			}
		}
	}
}

// factors are an input, a tap of the kernel and the output of their product along
// one axis; an input or an output outside the image is −1.
type factors struct{ x, tap, y int }

func along(in, k, out, stride, pad, dilation int) []factors {
	inside := func(i, n int) int {
		if i < n {
			return max(i, -1)
		}
		return -1
	}
	var found []factors
	for y := -k * dilation; y < max(out, in+pad); y++ {
		for tap := range k {
			m := factors{inside(y*stride+tap*dilation-pad, in), tap, inside(y, out)}
			if m.x >= 0 || m.y >= 0 {
				found = append(found, m)
			}
		}
	}
	return found
}
