package nn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// layer is the row of a module of fixed size; see module.
func layer(name string, m nn.Module, ref func([]optest.Array) optest.Array, shapes ...string) optest.Row {
	return module(name, func([][]int) nn.Module { return m }, ref, shapes...)
}

// refuses adds what a row's module must refuse.
func refuses(r optest.Row, misuse ...optest.Misuse) optest.Row {
	r.Misuse = append(r.Misuse, misuse...)
	return r
}

// given are inputs that a module must refuse, in training.
func given(m nn.Module, says string, shapes ...string) (out []optest.Misuse) {
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	for _, s := range shapes {
		out = append(out, optest.Misuse{Shapes: s, Says: says, F: func(xs []*autograd.Var) *autograd.Var {
			return m.Forward(&nn.Ctx{Train: true}, xs[0])
		}})
	}
	return out
}

// fails is a constructor that must panic.
func fails(says string, construct func()) optest.Misuse {
	return optest.Misuse{Shapes: "[1 1 1 1]", Says: says, F: func([]*autograd.Var) *autograd.Var { construct(); return nil }}
}

// convolution is the definition, for one stride, padding and dilation.
func convolution(stride, pad, dilation, groups int) func([]optest.Array) optest.Array {
	return func(xs []optest.Array) optest.Array {
		x, w := xs[0], xs[1]
		dim := func(k int) int { return (x.Shape[k]+2*pad-dilation*(w.Shape[k]-1)-1)/stride + 1 }
		return optest.Build([]int{x.Shape[0], w.Shape[0], dim(2), dim(3)}, func(o []int) float64 {
			sum := 0.0
			if len(xs) == 3 {
				sum = xs[2].At(o[1])
			}
			w.Each(func(k []int, weight float64) {
				if k[0] != o[1] {
					return
				}
				c := o[1]/(w.Shape[0]/groups)*w.Shape[1] + k[1]
				sum += weight * pixel(x, o[0], c, o[2]*stride+k[2]*dilation-pad, o[3]*stride+k[3]*dilation-pad, 0)
			})
			return sum
		})
	}
}

// pixel is an element of an image, or what lies around it.
func pixel(x optest.Array, n, c, i, j int, around float64) float64 {
	if i < 0 || j < 0 || i >= x.Shape[2] || j >= x.Shape[3] {
		return around
	}
	return x.At(n, c, i, j)
}

// transposed is the definition of a transposed convolution without groups.
func transposed(stride, pad, dilation, extra int) func([]optest.Array) optest.Array {
	return func(xs []optest.Array) optest.Array {
		x, w := xs[0], xs[1]
		dim := func(k int) int { return (x.Shape[k]-1)*stride - 2*pad + dilation*(w.Shape[k]-1) + extra + 1 }
		return optest.Build([]int{x.Shape[0], w.Shape[1], dim(2), dim(3)}, func(o []int) float64 {
			sum := xs[2].At(o[1])
			w.Each(func(k []int, weight float64) {
				i, j := o[2]+pad-k[2]*dilation, o[3]+pad-k[3]*dilation
				if k[1] == o[1] && i%stride == 0 && j%stride == 0 {
					sum += weight * pixel(x, o[0], k[0], i/stride, j/stride, 0)
				}
			})
			return sum
		})
	}
}

func convRows() []optest.Row {
	conv := refuses(layer("Conv2D", nn.Conv2D(2, 3, 3, nn.Stride(2), nn.Padding(1)), convolution(2, 1, 1, 1), "[2 2 5 4] [3 2 3 3] [3]", "[0 2 4 4] [3 2 3 3] [3]"),
		slices.Concat(given(nn.Conv2D(2, 3, 3), "this is not an image batch with 2 channels", "[2 3]", "[2 5 4 4]", "[2 4 4]"),
			given(nn.Conv2D(2, 3, 3), "Conv2D(2, 3) of [1 2 2 5]: the kernel of [3 3] with dilation [1 1] is larger than the image", "[1 2 2 5]"), []optest.Misuse{
				fails("Conv2D(0, 3): a layer needs at least one channel", func() { nn.Conv2D(0, 3, 3) }),
				fails("Conv2D(1, 3): kernel [0 0], stride [1 1]", func() { nn.Conv2D(1, 3, 0) }),
				fails("are not possible", func() { nn.Conv2D(1, 3, 1, nn.Stride(0)) }),
				fails("are not possible", func() { nn.Conv2D(1, 3, 1, nn.Padding(0, -1)) }),
				fails("are not possible", func() { nn.Conv2D(1, 3, 1, nn.Dilation(0)) }),
				fails("not divisible into 2 groups", func() { nn.Conv2D(4, 3, 1, nn.Groups(2)) }),
				fails("not divisible into 0 groups", func() { nn.Conv2D(4, 3, 1, nn.Groups(0)) }),
				fails("a convolution has no output padding", func() { nn.Conv2D(4, 3, 1, nn.OutputPadding(1)) }),
				fails("Stride: [1 2 3] are not one number or two", func() { nn.Stride(1, 2, 3) }),
				fails("Padding: [] are not one number or two", func() { nn.Padding() }),
			})...)
	up := refuses(layer("ConvTranspose2D", nn.ConvTranspose2D(2, 3, 3, nn.Stride(2), nn.Padding(1), nn.OutputPadding(1)), transposed(2, 1, 1, 1),
		"[2 2 2 3] [2 3 3 3] [3]", "[0 2 2 2] [2 3 3 3] [3]"),
		slices.Concat(given(nn.ConvTranspose2D(2, 3, 3), "this is not an image batch with 2 channels", "[2 3]", "[2 5 4 4]", "[2 4 4]"),
			given(nn.ConvTranspose2D(2, 3, 3, nn.Padding(2)), "nothing is left of the image", "[1 2 1 5]"), []optest.Misuse{
				fails("ConvTranspose2D(1, 3): an output padding of [2 2] is not possible", func() { nn.ConvTranspose2D(1, 3, 3, nn.Stride(2), nn.OutputPadding(2)) }),
				fails("an output padding of [0 -1] is not possible", func() { nn.ConvTranspose2D(1, 3, 3, nn.Stride(2), nn.OutputPadding(0, -1)) }),
			})...)
	rows := []optest.Row{
		conv, up,
		layer("Conv2D/groups", nn.Conv2D(4, 6, 2, nn.Groups(2), nn.Dilation(2), nn.NoBias()), convolution(1, 0, 2, 2), "[1 4 3 4] [6 2 2 2]"),
		layer("ConvTranspose2D/dilation", nn.ConvTranspose2D(2, 1, 2, nn.Dilation(3)), transposed(1, 0, 3, 0), "[1 2 2 2] [2 1 2 2] [1]"),
		layer("Sequential/convs", nn.Sequential(nn.Conv2D(1, 2, 3, nn.Padding(1), nn.NoBias()), nn.LeakyReLU(0.2), nn.Conv2D(2, 1, 2, nn.Stride(2))),
			func(xs []optest.Array) optest.Array {
				y := optest.Map(leaky(0.2))([]optest.Array{convolution(1, 1, 1, 1)(xs[:2])})
				return convolution(2, 0, 1, 1)([]optest.Array{y, xs[2], xs[3]})
			}, "[2 1 4 4] [2 1 3 3] [1 2 2 2] [1]"),
	}
	for i := range rows {
		rows[i].Domain, rows[i].Tol32 = []optest.Domain{{Lo: -1, Hi: 1}}, 5e-6
	}
	return rows
}

// pooled is the definition of a pool: fold sees each window's numbers.
func pooled(size, stride, pad [2]int, around float64, fold func(window []float64) float64) func([]optest.Array) optest.Array {
	return func(xs []optest.Array) optest.Array {
		x := xs[0]
		dim := func(k int) int { return (x.Shape[2+k]+2*pad[k]-size[k])/stride[k] + 1 }
		return optest.Build([]int{x.Shape[0], x.Shape[1], dim(0), dim(1)}, func(o []int) float64 {
			var window []float64
			for i := range size[0] {
				for j := range size[1] {
					window = append(window, pixel(x, o[0], o[1], o[2]*stride[0]+i-pad[0], o[3]*stride[1]+j-pad[1], around))
				}
			}
			return fold(window)
		})
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// largest is NaN where a number is.
func largest(v []float64) float64 {
	top := math.Inf(-1)
	for _, x := range v {
		top = max(top, x)
	}
	return top
}

func imageRows() []optest.Row {
	noImages := []optest.Misuse{{Shapes: "[2 3]", Says: "this is not an image batch"}}
	tooSmall := optest.Misuse{Shapes: "[1 1 2 1]", Says: "the window is larger than the image"}
	square, two, one := [2]int{2, 2}, [2]int{2, 1}, [2]int{1, 0}
	wide := []nn.PoolOption{nn.KernelSize(3, 2), nn.Stride(2, 1), nn.Padding(1, 0)}
	adaptive := func(h, w int) func([]optest.Array) optest.Array {
		return func(xs []optest.Array) optest.Array {
			x := xs[0]
			return optest.Build([]int{x.Shape[0], x.Shape[1], h, w}, func(o []int) float64 {
				var window []float64
				for i := o[2] * x.Shape[2] / h; i*h < (o[2]+1)*x.Shape[2]; i++ {
					for j := o[3] * x.Shape[3] / w; j*w < (o[3]+1)*x.Shape[3]; j++ {
						window = append(window, x.At(o[0], o[1], i, j))
					}
				}
				return mean(window)
			})
		}
	}
	upsampled := func(scale int, f func(x optest.Array, n, c int, i, j float64) float64) func([]optest.Array) optest.Array {
		return func(xs []optest.Array) optest.Array {
			s := xs[0].Shape
			return optest.Build([]int{s[0], s[1], s[2] * scale, s[3] * scale}, func(o []int) float64 { // f gets the pixel's centre
				return f(xs[0], o[0], o[1], (float64(o[2])+0.5)/float64(scale), (float64(o[3])+0.5)/float64(scale))
			})
		}
	}
	nearest := func(x optest.Array, n, c int, i, j float64) float64 { return x.At(n, c, int(i), int(j)) }
	bilinear := func(x optest.Array, n, c int, i, j float64) float64 {
		i, j = max(i-0.5, 0), max(j-0.5, 0)
		a, b := int(i), int(j)
		p, q := i-float64(a), j-float64(b)
		a1, b1 := min(a+1, x.Shape[2]-1), min(b+1, x.Shape[3]-1)
		return (1-p)*(1-q)*x.At(n, c, a, b) + (1-p)*q*x.At(n, c, a, b1) + p*(1-q)*x.At(n, c, a1, b) + p*q*x.At(n, c, a1, b1)
	}
	rows := []optest.Row{
		refuses(layer("AvgPool2D", nn.AvgPool2D(2), pooled(square, square, [2]int{}, 0, mean), "[2 2 4 6]", "[1 1 5 3]", "[0 2 4 4]"),
			append(noImages, tooSmall,
				fails("AvgPool2D: a window of [0 0]", func() { nn.AvgPool2D(0) }),
				fails("stride [1 0] and padding", func() { nn.AvgPool2D(2, nn.Stride(1, 0)) }),
				fails("a padding of [2 2] is more than half of the window [3 3]", func() { nn.AvgPool2D(3, nn.Padding(2)) }))...),
		layer("AvgPool2D/wide", nn.AvgPool2D(1, wide...), pooled([2]int{3, 2}, two, one, 0, mean), "[2 2 5 4]", "[1 1 3 2]"),
		refuses(layer("MaxPool2D", nn.MaxPool2D(2), pooled(square, square, [2]int{}, 0, largest), "[2 2 4 6]", "[1 1 5 3]", "[0 2 4 4]"),
			append(noImages, tooSmall, fails("MaxPool2D: a window of [0 0]", func() { nn.MaxPool2D(0) }))...),
		layer("MaxPool2D/wide", nn.MaxPool2D(1, wide...), pooled([2]int{3, 2}, two, one, math.Inf(-1), largest), "[2 2 5 4]", "[1 1 3 2]"),
		refuses(layer("AdaptiveAvgPool2D", nn.AdaptiveAvgPool2D(2, 3), adaptive(2, 3), "[2 2 5 4]", "[1 2 4 3]", "[1 1 1 2]", "[0 1 2 2]"),
			append(noImages, optest.Misuse{Shapes: "[1 1 0 2]", Says: "AdaptiveAvgPool2D[2 3] of [1 1 0 2]: this is not an image batch"},
				fails("images do not have such a size", func() { nn.AdaptiveAvgPool2D(1, 0) }),
				fails("images do not have such a size; give 1 to 16777216", func() { nn.AdaptiveAvgPool2D(1<<24+1, 1) }))...),
		refuses(layer("UpsampleNearest", nn.UpsampleNearest(2), upsampled(2, nearest), "[2 2 2 3]", "[1 1 1 1]", "[0 1 2 2]", "[1 1 0 2]"),
			append(noImages, fails("images cannot be 0 times as large", func() { nn.UpsampleNearest(0) }),
				fails("images cannot be 16777217 times as large; give a scale of 1 to 16777216", func() { nn.UpsampleNearest(1<<24 + 1) }))...),
		refuses(layer("UpsampleBilinear", nn.UpsampleBilinear(3), upsampled(3, bilinear), "[2 2 2 3]", "[1 1 1 1]", "[0 1 2 2]"),
			append(noImages, fails("images cannot be -1 times as large", func() { nn.UpsampleBilinear(-1) }))...),
	}
	// Equal maxima share the gradient, whichever way they are found.
	for name, opts := range map[string][]nn.PoolOption{"": nil, " that may overlap": {nn.Stride(1)}} {
		pool := nn.MaxPool2D(2, opts...)
		ties := layer("MaxPool2D/ties"+name, pool, pooled(square, square, [2]int{}, 0, largest), "[2 1 2 2]")
		ties.F = func(xs []*autograd.Var) *autograd.Var { return pool.Forward(nil, autograd.Reshape(xs[0], -1, 1, 2, 2)) }
		ties.Kinks = []optest.Kink{{In: [][]float64{{1, 1, 1, 0}}, Grad: [][]float64{{1. / 3, 1. / 3, 1. / 3, 0}}}}
		rows = append(rows, ties)
	}
	for i := range rows {
		if strings.HasPrefix(rows[i].Name, "MaxPool2D") { // far enough apart for finite differences
			rows[i].Domain = []optest.Domain{{Lo: -20, Hi: 20}}
		}
	}
	return rows
}

// normalisation is the definition: each number belongs to a group, over which
// it is normalised, and has a place in weight and bias, which come after x.
func normalisation(eps float64, group func(index []int) []int, place func(index []int) []int) func([]optest.Array) optest.Array {
	return func(xs []optest.Array) optest.Array {
		x := xs[0]
		members := map[string][]float64{}
		x.Each(func(index []int, v float64) {
			key := fmt.Sprint(group(index))
			members[key] = append(members[key], v)
		})
		return optest.Build(x.Shape, func(index []int) float64 {
			m := members[fmt.Sprint(group(index))]
			centre, variance := mean(m), 0.0
			for _, v := range m {
				variance += (v - centre) * (v - centre) / float64(len(m))
			}
			y := (x.At(index...) - centre) / math.Sqrt(variance+eps)
			if len(xs) > 1 {
				y = y*xs[1].At(place(index)...) + xs[2].At(place(index)...)
			}
			return y
		})
	}
}

func normRows() []optest.Row {
	channel := func(index []int) []int { return index[1:2] }
	sample := func(index []int) []int { return index[:1] }
	instance := func(index []int) []int { return index[:2] }
	lastTwo := func(index []int) []int { return index[len(index)-2:] }
	firstOf := func(index []int) []int { return index[:len(index)-2] }
	pairs := func(index []int) []int { return []int{index[0], index[1] / 2} }

	// In training, a batch norm depends on its input alone.
	training := func(name string, m nn.Module, shapes ...string) optest.Row {
		r := layer(name, m, normalisation(1e-5, channel, channel), shapes...)
		r.F = func(xs []*autograd.Var) *autograd.Var {
			vars := slices.Clone(xs[1:])
			for _, p := range nn.Params(m)[len(vars):] {
				vars = append(vars, autograd.Const(tensor.Full(tensor.Float64, math.NaN(), p.Param.Shape()...)))
			}
			return m.Forward(&nn.Ctx{Train: true, Weights: nn.With(m, vars)}, xs[0])
		}
		return r
	}
	// Otherwise the running averages count, and their gradients are asked for.
	batch := nn.BatchNorm2D(2, nn.Eps(0.01))
	evaluating := layer("BatchNorm2D/evaluating", batch, func(xs []optest.Array) optest.Array {
		return optest.Build(xs[0].Shape, func(i []int) float64 {
			return (xs[0].At(i...)-xs[3].At(i[1]))/math.Sqrt(xs[4].At(i[1])+0.01)*xs[1].At(i[1]) + xs[2].At(i[1])
		})
	}, "[2 2 2 3] [2] [2] [2] [2]", "[0 2 1 1] [2] [2] [2] [2]", "[1 2 1 1] [2] [2] [2] [2]")
	evaluating.F = func(xs []*autograd.Var) *autograd.Var {
		count := autograd.Const(tensor.New(tensor.Float64))
		return batch.Forward(&nn.Ctx{Weights: nn.With(batch, append(slices.Clone(xs[1:]), count))}, xs[0])
	}
	anywhere := optest.Domain{Lo: -2, Hi: 2}
	evaluating.Domain = []optest.Domain{anywhere, anywhere, anywhere, anywhere, {Lo: 0.5, Hi: 2}}

	const misfit = "the input does not fit the layer"
	rows := []optest.Row{
		refuses(training("BatchNorm2D", nn.BatchNorm2D(2), "[2 2 2 3] [2] [2]", "[3 2 1 1] [2] [2]"),
			append(append(given(nn.BatchNorm2D(2), misfit, "[2 3 2 2]", "[2 2]", "[2 2 3]"),
				given(nn.BatchNorm2D(2), "there is only one number per channel", "[1 2 1 1]")...),
				fails("BatchNorm2D of [0]: there is nothing to normalise", func() { nn.BatchNorm2D(0) }))...),
		refuses(training("BatchNorm1D", nn.BatchNorm1D(2), "[4 2] [2] [2]", "[2 2 3] [2] [2]"),
			append(given(nn.BatchNorm1D(2), misfit, "[2 3]", "[2]", "[2 2 3 3]"), given(nn.BatchNorm1D(2), "only one number", "[1 2]")...)...),
		training("BatchNorm1D/plain", nn.BatchNorm1D(2, nn.Affine(false)), "[4 2]"),
		evaluating,
		refuses(layer("LayerNorm", nn.LayerNorm([]int{2, 3}), normalisation(1e-5, firstOf, lastTwo), "[4 2 3] [2 3] [2 3]", "[2 3] [2 3] [2 3]", "[2 0 2 3] [2 3] [2 3]"),
			append(given(nn.LayerNorm([]int{2, 3}), misfit, "[3]", "[3 2]", "[2 3 2]"),
				fails("there is nothing to normalise over", func() { nn.LayerNorm(nil) }),
				fails("LayerNorm: ε = -1 is not possible", func() { nn.LayerNorm([]int{2}, nn.Eps(-1)) }),
				fails("BatchNorm2D: ε = NaN is not possible", func() { nn.BatchNorm2D(2, nn.Eps(math.NaN())) }),
				fails("BatchNorm1D: a momentum of 1.5 is not possible", func() { nn.BatchNorm1D(2, nn.Momentum(1.5)) }),
				fails("BatchNorm2D: a momentum of NaN is not possible", func() { nn.BatchNorm2D(2, nn.Momentum(math.NaN())) }))...),
		layer("LayerNorm/plain", nn.LayerNorm([]int{2, 2}, nn.Affine(false), nn.Eps(0.1)), normalisation(0.1, firstOf, nil), "[3 2 2]"),
		refuses(layer("GroupNorm", nn.GroupNorm(2, 4), normalisation(1e-5, pairs, channel), "[2 4 3] [4] [4]", "[2 4 1 2] [4] [4]", "[0 4 2] [4] [4]"),
			append(given(nn.GroupNorm(2, 4), misfit, "[2 3 2]", "[4]"),
				fails("GroupNorm of [4]: 4 channels are not divisible into 3 groups", func() { nn.GroupNorm(3, 4) }))...),
		layer("GroupNorm/one", nn.GroupNorm(1, 3, nn.Affine(false)), normalisation(1e-5, sample, nil), "[2 3 2]"),
		refuses(layer("InstanceNorm2D", nn.InstanceNorm2D(2), normalisation(1e-5, instance, nil), "[2 2 2 3]", "[0 2 2 2]"),
			given(nn.InstanceNorm2D(2), misfit, "[2 3 2 2]", "[2 2]")...),
		layer("InstanceNorm2D/affine", nn.InstanceNorm2D(2, nn.Affine(true)), normalisation(1e-5, instance, channel), "[1 2 2 3] [2] [2]"),
	}
	for i := range rows {
		rows[i].Tol, rows[i].Tol32 = 1e-11, 5e-5
	}
	return rows
}

func smoothRows() []optest.Row {
	kinked := optest.Domain{Lo: -3, Hi: 3, Kinks: []float64{0}}
	elu := layer("ELU", nn.ELU(0.7), optest.Map(func(x float64) float64 {
		if x > 0 {
			return x
		}
		return 0.7 * math.Expm1(x)
	}), "[]", "[2 3]", "[0 3]", "[2 150]")
	elu.Domain = []optest.Domain{kinked}
	elu.Kinks = []optest.Kink{{In: [][]float64{{0, math.Copysign(0, -1)}}, Grad: [][]float64{{0.7, 0.7}}}}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	softmax := func(axis int) func([]optest.Array) optest.Array {
		return func(xs []optest.Array) optest.Array {
			x := xs[0]
			return optest.Build(x.Shape, func(index []int) float64 {
				sum := 0.0
				for k := range x.Shape[axis] {
					other := slices.Clone(index)
					other[axis] = k
					sum += math.Exp(x.At(other...))
				}
				return math.Exp(x.At(index...)) / sum
			})
		}
	}
	soft := refuses(layer("Softmax", nn.Softmax(-1), softmax(1), "[2 3]", "[3 1]", "[0 2]"), optest.Misuse{Shapes: "[]", Says: "there is no axis -1"})
	table := nn.Embedding(3, 2)
	embedding := layer("Embedding", table, func(xs []optest.Array) optest.Array {
		return optest.Build([]int{2, 2, 2}, func(i []int) float64 { return xs[0].At([]int{2, 0, 2, 1}[2*i[0]+i[1]], i[2]) })
	}, "[3 2]")
	embedding.F = func(xs []*autograd.Var) *autograd.Var {
		return table.Forward(&nn.Ctx{Weights: nn.With(table, xs)}, autograd.Const(tensor.FromFloat64([]float64{2, 0, 2, 1}, 2, 2)))
	}
	wrong := func(v float64, says string) optest.Misuse {
		return optest.Misuse{Shapes: "[3 2]", Says: says, F: func(xs []*autograd.Var) *autograd.Var {
			return table.Forward(&nn.Ctx{Weights: nn.With(table, xs)}, autograd.Const(tensor.FromFloat64([]float64{0, v})))
		}}
	}
	embedding = refuses(embedding, wrong(3, "Gather of [3 2]: index 3 does not lie in axis 0 of dim 3; give whole numbers from 0 to dim−1"),
		wrong(-1, "index -1 does"), wrong(0.5, "index 0.5 does"), wrong(math.NaN(), "index NaN does"),
		fails("a table needs at least one row", func() { nn.Embedding(0, 2) }))
	dropout := refuses(layer("Dropout", nn.Dropout(0.5), optest.Map(func(x float64) float64 { return x }), "[2 3]", "[0 3]", "[]"),
		fails("-0.1 is not a probability", func() { nn.Dropout(-0.1) }), fails("NaN is not a probability", func() { nn.Dropout(math.NaN()) }))
	temperature := refuses(layer("Temperature", nn.Temperature(1.5), optest.Map(func(x float64) float64 { return 1.5 * x }), "[2 3]", "[0 3]", "[]"),
		fails("0 is not a temperature; give a number above 0", func() { nn.Temperature(0) }), fails("NaN is not a temperature", func() { nn.Temperature(math.NaN()) }),
		fails("+Inf is not a temperature", func() { nn.Temperature(math.Inf(1)) }))
	augment := refuses(layer("DiffAugment", nn.DiffAugment(nn.Augmentations{Shift: .1}), optest.Map(func(x float64) float64 { return x }), "[2 3 2 1]", "[0 3 1 1]"),
		given(nn.DiffAugment(nn.Augmentations{Colour: true}), "this is not an image batch", "[2 3]", "[]")...)
	return []optest.Row{
		elu, soft, layer("Softmax/0", nn.Softmax(0), softmax(0), "[2 3]"), embedding, dropout, temperature, augment,
		layer("GELU", nn.GELU(), optest.Map(func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 }), "[]", "[2 3]", "[0 3]", "[2 150]"),
		layer("GELUTanh", nn.GELUTanh(), optest.Map(func(x float64) float64 {
			return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
		}), "[]", "[2 3]", "[0 3]", "[2 150]"),
		layer("SiLU", nn.SiLU(), optest.Map(func(x float64) float64 { return x * sigmoid(x) }), "[]", "[2 3]", "[0 3]", "[2 150]"),
	}
}

// deviations is the definition of MinibatchStdDev.
func deviations(size, features int) func([]optest.Array) optest.Array {
	return func(xs []optest.Array) optest.Array {
		x := xs[0]
		n, channels := x.Shape[0], x.Shape[1]
		groups := n / max(min(size, n), 1)
		shape := slices.Clone(x.Shape)
		shape[1] += features
		return optest.Build(shape, func(o []int) float64 {
			if o[1] < channels {
				return x.At(o...)
			}
			part, group := o[1]-channels, o[0]%groups
			var roots []float64
			x.Each(func(i []int, _ float64) {
				if i[0] != group || i[1]/(channels/features) != part {
					return // each number of a sample once
				}
				var members []float64
				for k := group; k < n; k += groups {
					members = append(members, x.At(append([]int{k}, i[1:]...)...))
				}
				centre, variance := mean(members), 0.0
				for _, v := range members {
					variance += (v - centre) * (v - centre) / float64(len(members))
				}
				roots = append(roots, math.Sqrt(variance+1e-8))
			})
			return mean(roots)
		})
	}
}

func blockRows() []optest.Row {
	prelu := layer("PReLU", nn.PReLU(1), func(xs []optest.Array) optest.Array {
		return optest.Map(leaky(xs[1].Data[0]))(xs[:1])
	}, "[] [1]", "[2 3] [1]", "[0 3] [1]", "[2 150] [1]")
	channels := refuses(layer("PReLU/channels", nn.PReLU(3), func(xs []optest.Array) optest.Array {
		return optest.Build(xs[0].Shape, func(i []int) float64 { return leaky(xs[1].At(i[1]))(xs[0].At(i...)) })
	}, "[2 3] [3]", "[2 3 2 2] [3]", "[0 3 2] [3]"),
		append(given(nn.PReLU(3), "the input does not have 3 channels", "[3]", "[2 2]", "[]"),
			fails("PReLU of [0]: there are no slopes", func() { nn.PReLU(0) }))...)
	slopes := optest.Domain{Lo: -0.5, Hi: 0.5}
	prelu.Domain = []optest.Domain{{Lo: -3, Hi: 1, Kinks: []float64{0}}, slopes} // a single number is negative, so that its slope matters
	channels.Domain = prelu.Domain
	prelu.Kinks = []optest.Kink{{In: [][]float64{{0, math.Copysign(0, -1), -1, 1}, {0.25}}, Grad: [][]float64{{0.25, 0.25, 0.25, 1}, {-1}}}}

	shuffle := refuses(layer("PixelShuffle", nn.PixelShuffle(2), func(xs []optest.Array) optest.Array {
		s := xs[0].Shape
		return optest.Build([]int{s[0], s[1] / 4, s[2] * 2, s[3] * 2}, func(o []int) float64 {
			return xs[0].At(o[0], o[1]*4+o[2]%2*2+o[3]%2, o[2]/2, o[3]/2)
		})
	}, "[2 8 2 3]", "[1 4 1 1]", "[0 4 2 2]", "[1 0 2 2]"),
		append(given(nn.PixelShuffle(2), "not an image batch whose channels are a multiple of 4", "[2 3 2 2]", "[2 4]"),
			fails("images cannot be divided into blocks of 0 by 0; give 1 to 46340", func() { nn.PixelShuffle(0) }),
			fails("images cannot be divided into blocks of 46341 by 46341; give 1 to 46340", func() { nn.PixelShuffle(46341) }))...)
	unshuffle := refuses(layer("PixelUnshuffle", nn.PixelUnshuffle(2), func(xs []optest.Array) optest.Array {
		s := xs[0].Shape
		return optest.Build([]int{s[0], s[1] * 4, s[2] / 2, s[3] / 2}, func(o []int) float64 {
			return xs[0].At(o[0], o[1]/4, o[2]*2+o[1]/2%2, o[3]*2+o[1]%2)
		})
	}, "[2 2 4 6]", "[1 1 2 2]", "[0 1 2 2]"),
		append(given(nn.PixelUnshuffle(2), "not an image batch whose height and width are multiples of 2", "[2 1 3 2]", "[2 1 2 3]", "[2 4]"),
			fails("images cannot be divided into blocks of -1 by -1", func() { nn.PixelUnshuffle(-1) }))...)

	stddev := refuses(layer("MinibatchStdDev", nn.MinibatchStdDev(3, 1), deviations(3, 1), "[6 2]", "[2 2 2 3]", "[3 1 40]", "[1 2]", "[0 2 2]"),
		append(given(nn.MinibatchStdDev(3, 2), "the channels are not divisible into 2 parts", "[3 3]", "[3]"),
			append(given(nn.MinibatchStdDev(3, 1), "MinibatchStdDev(3, 1) of [5 2]: 5 samples are not divisible into groups of 3", "[5 2]"),
				fails("groups of 0 samples and 1 features are not possible", func() { nn.MinibatchStdDev(0, 1) }),
				fails("groups of 4 samples and 0 features", func() { nn.MinibatchStdDev(4, 0) }))...)...)
	parts := layer("MinibatchStdDev/parts", nn.MinibatchStdDev(2, 2), deviations(2, 2), "[4 4 2]", "[2 2 3 2]")
	stddev.Tol, stddev.Tol32, parts.Tol32 = 1e-11, 1e-4, 2e-5

	sum := func(f func(x float64) float64) func([]optest.Array) optest.Array {
		return optest.Map(func(x float64) float64 { return x + f(x) })
	}
	residual := refuses(layer("Residual", nn.Residual(nn.Tanh(), nil), sum(math.Tanh), "[2 3]", "[]", "[0 3]", "[2 1 3 2]"),
		append(given(nn.Residual(nn.Flatten(), nil), "Residual of [2 2 2] and [2 4] and [2 2 2]: body and skip make different shapes of the input", "[2 2 2]"),
			given(nn.Residual(nn.Linear(2, 1), nn.Tanh()), "body and skip make different shapes", "[3 2]")...)...) // which would broadcast
	skip := layer("Residual/skip", nn.Residual(nn.Sequential(nn.Conv2D(1, 2, 3, nn.Padding(1)), nn.Tanh()), nn.Conv2D(1, 2, 1, nn.NoBias())),
		func(xs []optest.Array) optest.Array {
			body := optest.Map(math.Tanh)([]optest.Array{convolution(1, 1, 1, 1)(xs[:3])})
			straight := convolution(1, 0, 1, 1)([]optest.Array{xs[0], xs[3]})
			return optest.Zip(func(x, y float64) float64 { return x + y })([]optest.Array{body, straight})
		}, "[2 1 3 2] [2 1 3 3] [2] [2 1 1 1]")
	skip.Tol32 = 5e-6
	return []optest.Row{prelu, channels, shuffle, unshuffle, stddev, parts, residual, skip}
}

func layerRows() []optest.Row {
	return slices.Concat(convRows(), imageRows(), normRows(), smoothRows(), blockRows(), spectralRows(), conditionRows())
}
