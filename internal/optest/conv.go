package optest

import (
	"fmt"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// convCase is a convolution's parameters with the shapes of its input, its
// weight and its result.
type convCase struct {
	name    string
	p       tensor.ConvParams
	x, w, y []int
}

func convCases() []convCase {
	two := func(n int) [2]int { return [2]int{n, n} }
	return []convCase{
		{"plain", tensor.ConvParams{}, []int{2, 2, 4, 3}, []int{3, 2, 2, 3}, []int{2, 3, 3, 1}},
		{"padded", tensor.ConvParams{Pad: [2]int{1, 2}}, []int{1, 2, 3, 2}, []int{3, 2, 3, 3}, []int{1, 3, 3, 4}},
		{"stride", tensor.ConvParams{Stride: two(2), Pad: two(1)}, []int{2, 1, 6, 5}, []int{2, 1, 4, 4}, []int{2, 2, 3, 2}},
		{"uneven", tensor.ConvParams{Stride: [2]int{3, 2}, Pad: [2]int{0, 1}}, []int{1, 2, 6, 4}, []int{1, 2, 2, 1}, []int{1, 1, 2, 3}},
		{"dilation", tensor.ConvParams{Dilation: [2]int{2, 3}, Stride: [2]int{2, 1}, Pad: two(1)}, []int{1, 2, 5, 5}, []int{2, 2, 2, 2}, []int{1, 2, 3, 4}},
		{"groups", tensor.ConvParams{Groups: 2, Pad: two(1)}, []int{2, 4, 3, 2}, []int{2, 2, 3, 2}, []int{2, 2, 3, 3}},
		{"wide", tensor.ConvParams{Pad: [2]int{0, 1}}, []int{1, 18, 1, 5}, []int{19, 18, 1, 3}, []int{1, 19, 1, 5}},
		{"1x1", tensor.ConvParams{}, []int{2, 3, 2, 2}, []int{2, 3, 1, 1}, []int{2, 2, 2, 2}},
		{"no images", tensor.ConvParams{}, []int{0, 2, 3, 3}, []int{2, 2, 2, 2}, []int{0, 2, 2, 2}},
		{"no channels", tensor.ConvParams{}, []int{1, 0, 3, 3}, []int{2, 0, 2, 2}, []int{1, 2, 2, 2}},
	}
}

// eachProduct calls f with the indices of the input, the weight and the output of
// each product of a convolution. xInside and yInside report whether input and
// output lie in their images; what lies outside is zero.
func (c convCase) eachProduct(f func(x, w, y []int, xInside, yInside bool)) {
	groups := max(c.p.Groups, 1)
	from := func(k, y, tap int) int { // the input that a tap multiplies for an output
		return y*max(c.p.Stride[k], 1) + tap*max(c.p.Dilation[k], 1) - c.p.Pad[k]
	}
	const beyond = 12 // outputs outside that could need an input
	Build([]int{c.y[0], c.w[0], c.w[1], c.w[2], c.w[3], c.y[2] + 2*beyond, c.y[3] + 2*beyond}, func(i []int) float64 {
		y := []int{i[0], i[1], i[5] - beyond, i[6] - beyond}
		w := i[1:5]
		x := []int{i[0], i[1]/(c.w[0]/groups)*c.w[1] + i[2], from(0, y[2], i[3]), from(1, y[3], i[4])}
		f(x, w, y, inside(x, c.x), inside(y, c.y))
		return 0
	})
}

func inside(index, shape []int) bool {
	for k, i := range index {
		if i < 0 || i >= shape[k] {
			return false
		}
	}
	return true
}

// add adds v at an index.
func (a Array) add(index []int, v float64) {
	at := 0
	for k, d := range a.Shape {
		at = at*d + index[k]
	}
	a.Data[at] += v
}

// at returns an element, or the zero outside.
func (a Array) at(index []int, inside bool) float64 {
	if !inside {
		return 0
	}
	return a.At(index...)
}

func zeros(shape []int) Array { return Build(shape, func([]int) float64 { return 0 }) }

func convRows() []Row {
	var rows []Row
	for _, c := range convCases() {
		row := func(name string, first, second []int, f func(a, b *ag.Var) *ag.Var, ref func(a, b Array) Array) Row {
			return Row{
				Name:   name + "/" + c.name,
				F:      func(xs []*ag.Var) *ag.Var { return f(xs[0], xs[1]) },
				Ref:    func(xs []Array) Array { return ref(xs[0], xs[1]) },
				Shapes: []string{fmt.Sprint(first, " ", second)},
				Domain: []Domain{{Lo: -1, Hi: 1}},
				Tol32:  5e-6,
			}
		}
		none := activations[0]
		rows = append(rows,
			row("Conv2D", c.x, c.w,
				func(x, w *ag.Var) *ag.Var { return ag.Conv2D(x, w, nil, c.p, none.act) }, c.forward),
			row("Conv2DInputGrad", c.y, c.w,
				func(gy, w *ag.Var) *ag.Var {
					return ag.Conv2DInputGrad(gy, w, nil, c.x[2], c.x[3], c.p, none.act)
				}, c.inputGrad),
			row("Conv2DWeightGrad", c.x, c.y,
				func(x, gy *ag.Var) *ag.Var { return ag.Conv2DWeightGrad(x, gy, c.w[2], c.w[3], c.p) },
				func(x, gy Array) Array {
					out := zeros(c.w)
					c.eachProduct(func(i, k, o []int, xIn, yIn bool) {
						if yIn {
							out.add(k, x.at(i, xIn)*gy.At(o...))
						}
					})
					return out
				}))
	}
	withMisuse(rows)
	return append(rows, epilogueRows()...)
}

// forward is the definition of the convolution.
func (c convCase) forward(x, w Array) Array {
	out := zeros(c.y)
	c.eachProduct(func(i, k, o []int, xIn, yIn bool) {
		if yIn {
			out.add(o, x.at(i, xIn)*w.At(k...))
		}
	})
	return out
}

// inputGrad is the definition of its gradient by the input.
func (c convCase) inputGrad(gy, w Array) Array {
	out := zeros(c.x)
	c.eachProduct(func(i, k, o []int, xIn, yIn bool) {
		if xIn {
			out.add(i, gy.at(o, yIn)*w.At(k...))
		}
	})
	return out
}

// epilogueRows are convolutions that end in a bias, an activation or both.
func epilogueRows() []Row {
	var rows []Row
	for _, c := range convCases() {
		if c.name != "stride" && c.name != "groups" {
			continue
		}
		for _, a := range activations {
			for _, biased := range []bool{true, false} {
				if !biased && a.act == (tensor.Activation{}) {
					continue // the plain convolution
				}
				row := func(op string, result, source []int, f func(x, w, b *ag.Var) *ag.Var, ref func(x, w Array) Array) Row {
					name, shapes := op+"/"+c.name+"/"+a.name+"/no bias", fmt.Sprint(source, " ", c.w)
					if biased {
						name, shapes = op+"/"+c.name+"/"+a.name, fmt.Sprint(shapes, " ", result[1:2])
					}
					return Row{
						Name: name,
						F: func(xs []*ag.Var) *ag.Var {
							if biased {
								return f(xs[0], xs[1], xs[2])
							}
							return f(xs[0], xs[1], nil)
						},
						Ref: func(xs []Array) Array {
							y := ref(xs[0], xs[1])
							return Build(y.Shape, func(i []int) float64 {
								v := y.At(i...)
								if biased {
									v += xs[2].At(i[1])
								}
								return a.ref(v)
							})
						},
						Shapes: []string{shapes},
						Domain: []Domain{{Lo: -1, Hi: 0.9}}, // with no sum next to a kink
						Tol32:  5e-6,
					}
				}
				rows = append(rows,
					row("Conv2D", c.y, c.x, func(x, w, b *ag.Var) *ag.Var { return ag.Conv2D(x, w, b, c.p, a.act) }, c.forward),
					row("Conv2DInputGrad", c.x, c.y, func(gy, w, b *ag.Var) *ag.Var {
						return ag.Conv2DInputGrad(gy, w, b, c.x[2], c.x[3], c.p, a.act)
					}, c.inputGrad))
			}
		}
	}
	rows[0].Misuse = []Misuse{{Shapes: "[2 1 6 5] [2 1 4 4] [3]", Says: "the bias does not match the 2 channels"}}
	rows[1].Misuse = []Misuse{{Shapes: "[2 2 3 2] [2 1 4 4] [2]", Says: "the bias does not match the 1 channels"}}
	return rows
}

// withMisuse gives the first row of each operation its misuse.
func withMisuse(rows []Row) {
	type params = tensor.ConvParams
	conv := func(p params) func(xs []*ag.Var) *ag.Var {
		return func(xs []*ag.Var) *ag.Var { return ag.Conv2D(xs[0], xs[1], nil, p, tensor.Activation{}) }
	}
	back := func(h, w int, p params) func(xs []*ag.Var) *ag.Var {
		return func(xs []*ag.Var) *ag.Var { return ag.Conv2DInputGrad(xs[0], xs[1], nil, h, w, p, tensor.Activation{}) }
	}
	weight := func(kh, kw int, p params) func(xs []*ag.Var) *ag.Var {
		return func(xs []*ag.Var) *ag.Var { return ag.Conv2DWeightGrad(xs[0], xs[1], kh, kw, p) }
	}
	const x, w, y = "[2 4 5 6]", "[6 4 3 3]", "[2 6 3 4]"
	rows[0].Misuse = []Misuse{
		{"[4 5 6] " + w, conv(params{}), "an operand does not have four axes"},
		{x + " [6 3 3 3]", conv(params{}), "a weight [6 3 3 3] with 1 groups makes 6 channels of 3"},
		{x + " " + w, conv(params{Stride: [2]int{-1, 1}}), "stride [-1 1], padding [0 0], dilation [1 1] and 1 groups are not valid"},
		{x + " " + w, conv(params{Pad: [2]int{0, -1}}), "are not valid"},
		{x + " " + w, conv(params{Dilation: [2]int{0, -1}}), "are not valid"},
		{x + " " + w, conv(params{Groups: -1}), "are not valid"},
		{x + " " + w, conv(params{Pad: [2]int{1<<30 + 1, 0}}), "is too large"},
		{x + " " + w, conv(params{Groups: 3}), "4 and 6 channels are not divisible into 3 groups"},
		{x + " " + w, conv(params{Groups: 2}), "a weight [6 4 3 3] with 2 groups makes 6 channels of 8"},
		{x + " [6 4 3 0]", conv(params{}), "a kernel of 3×0"},
		{x + " [6 4 3 3]", conv(params{Dilation: [2]int{3, 1}}), "the kernel of 3×3 with dilation [3 1] is larger than the image of 5×6 with padding [0 0]"},
	}
	rows[1].Misuse = []Misuse{
		{"[6 3 4] " + w, back(5, 6, params{}), "an operand does not have four axes"},
		{y + " [5 4 3 3]", back(5, 6, params{}), "a weight [5 4 3 3] with 1 groups makes 5 channels of 4"},
		{y + " " + w, back(5, 7, params{}), "a convolution of 5×7 gives 5, not 4, along axis 3"},
		{y + " " + w, back(-5, 6, params{}), "images of -5×6"},
		{y + " " + w, back(2, 6, params{}), "is larger than the image of 2×6"},
		{y + " " + w, back(5, 6, params{Groups: 4}), "16 and 6 channels are not divisible into 4 groups"},
	}
	rows[2].Misuse = []Misuse{
		{"[4 5 6] " + y, weight(3, 3, params{}), "an operand does not have four axes"},
		{x + " [1 6 3 4]", weight(3, 3, params{}), "the batches differ in size"},
		{x + " " + y, weight(3, 2, params{}), "a convolution of 5×6 gives 5, not 4, along axis 3"},
		{x + " " + y, weight(3, 0, params{}), "a kernel of 3×0"},
		{x + " " + y, weight(3, 3, params{Groups: 4}), "4 and 6 channels are not divisible into 4 groups"},
	}
}
