package nn

import (
	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// absorber is a layer that may do the work of the module in front of it, too, in
// one operation that costs less.
type absorber interface {
	// absorb returns the two as one layer. ok is false if they are not such a pair.
	absorb(before Module) (both Module, ok bool)
}

// enlargedConv is a convolution of images whose pixels are repeated scale times
// along both axes.
//
// Of the taps of a k×k kernel, several meet the same pixel of the small image. With
// their weights added up, an output takes ⌈(k−1)/scale⌉+1 products along an axis in
// place of k: 4 for 9, for a kernel of 3 and a scale of 2. Which weights are added
// depends on where in a repeated pixel the output lies, so there are scale² kernels;
// interleaved, they are the kernel of a transposed convolution of stride scale,
// which is w ⊛ 1 along each axis, w turned around.
type enlargedConv struct {
	*conv2D
	by *upsample
}

// absorb implements [absorber].
func (l *conv2D) absorb(before Module) (Module, bool) {
	u, ok := before.(*upsample)
	one := [2]int{1, 1}
	if !ok || u.kind != "UpsampleNearest" || u.scale == 1 || l.groups != 1 || l.stride != one || l.dilation != one ||
		l.pad[0] >= l.kernel[0] || l.pad[1] >= l.kernel[1] || !worthSpreading(l.kernel, u.scale) {
		return nil, false
	}
	return enlargedConv{l, u}, true
}

// worthSpreading reports whether the spread kernel is at most four times as large as
// the kernel, and the matrix that makes it small. Otherwise a few weights, and two
// numbers in a file, would ask for any amount of memory that [PassMemory] knows
// nothing of.
func worthSpreading(kernel [2]int, scale int) bool {
	const most = 1 << 16 // numbers in the matrix: a kernel of 11 and a scale of 12
	size := int64(1)     // of which no product overflows
	for _, k := range kernel {
		if scale > k+1 || k > most {
			return false
		}
		if size *= int64(k) * int64(k+scale-1); size > most {
			return false
		}
	}
	return true
}

// Forward is needed because that of the convolution knows nothing of the enlargement.
func (l enlargedConv) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	return l.ForwardFused(ctx, x, tensor.Activation{})
}

func (l enlargedConv) ForwardFused(ctx *Ctx, x *autograd.Var, act tensor.Activation) *autograd.Var {
	v := x.Value()
	if v.Rank() != 4 {
		outShape(l.by, x) // panics
	}
	s, w := l.by.scale, ctx.Var(l.weight)
	height, width := l.outDim(0, s*v.Dim(2)), l.outDim(1, s*v.Dim(3))
	if v.Dim(1) != l.in || height == 0 || width == 0 {
		if _, err := l.OutShape(outShape(l.by, x)); err != nil {
			panic(err)
		}
	}
	ones := l.spread(w.Value())
	if scope := v.Scope(); scope != nil { // weights are in none, and what is made of them shall be
		ones = scope.Adopt(ones)
	}
	kernel := [2]int{l.kernel[0] + s - 1, l.kernel[1] + s - 1}
	spread := autograd.MatMul(autograd.Reshape(w, l.out*l.in, l.kernel[0]*l.kernel[1]), autograd.Const(ones))
	spread = autograd.Permute(autograd.Reshape(spread, l.out, l.in, kernel[0], kernel[1]), 1, 0, 2, 3)
	return autograd.Conv2DInputGrad(x, spread, l.biasVar(ctx), height, width, tensor.ConvParams{
		Stride: [2]int{s, s}, Pad: [2]int{l.kernel[0] - 1 - l.pad[0], l.kernel[1] - 1 - l.pad[1]},
	}, act)
}

// spread returns the matrix of zeros and ones by which a kernel, as a row, becomes
// that of the transposed convolution, on w's device.
func (l enlargedConv) spread(w *tensor.Tensor) *tensor.Tensor {
	d, s := w.Device(), l.by.scale
	return l.conv2D.spreads.get(d, spreadKey{s, w.DType()}, func() *tensor.Tensor {
		kh, kw := l.kernel[0], l.kernel[1]
		toH, toW := kh+s-1, kw+s-1
		ones := make([]float64, kh*kw*toH*toW)
		for i := range kh {
			for j := range kw {
				row := ones[(i*kw+j)*toH*toW:]
				for a := range s {
					for b := range s {
						row[(kh-1-i+a)*toW+kw-1-j+b] = 1
					}
				}
			}
		}
		return d.FromFloat64(ones, kh*kw, toH*toW).Cast(w.DType())
	})
}

// spreadKey names such a matrix.
type spreadKey struct {
	scale int
	dtype tensor.DType
}
