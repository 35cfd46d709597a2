package optest

import (
	"fmt"
	"slices"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

func gatherRow(axis, same int, index []int, shapes ...string) Row {
	return Row{
		Name: fmt.Sprintf("Gather/%d%v", axis, index),
		F:    func(xs []*ag.Var) *ag.Var { return ag.Gather(xs[0], axis, tensor.Positions(index...)) },
		Ref: func(xs []Array) Array {
			return moved(xs[0], with(xs[0].Shape, same, len(index)), func(at []int) []int {
				return with(at, same, index[at[same]])
			})
		},
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "index 3 does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Gather(xs[0], 1, tensor.Positions(0, 3)) }},
			{Shapes: "[2 3]", Says: "index -1 does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Gather(xs[0], 1, tensor.Positions(-1)) }},
			{Shapes: "[2 3]", Says: "there is no axis 2", F: func(xs []*ag.Var) *ag.Var { return ag.Gather(xs[0], 2, tensor.Positions()) }},
		},
	}
}

func scatterRow(axis, same, n int, to []int, shapes ...string) Row {
	return Row{
		Name: fmt.Sprintf("ScatterAdd/%d%v", axis, to),
		F:    func(xs []*ag.Var) *ag.Var { return ag.ScatterAdd(xs[0], axis, n, tensor.Positions(to...)) },
		Ref: func(xs []Array) Array {
			return Build(with(xs[0].Shape, same, n), func(index []int) float64 {
				sum := 0.0
				for i, k := range to {
					if k == index[same] {
						sum += xs[0].At(with(index, same, i)...)
					}
				}
				return sum
			})
		},
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "2 indices for an axis of 3", F: func(xs []*ag.Var) *ag.Var { return ag.ScatterAdd(xs[0], 1, 4, tensor.Positions(0, 1)) }},
			{Shapes: "[2 3]", Says: "index 4 does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.ScatterAdd(xs[0], 1, 4, tensor.Positions(0, 1, 4)) }},
			{Shapes: "[2 3]", Says: "there is no axis -3", F: func(xs []*ag.Var) *ag.Var { return ag.ScatterAdd(xs[0], -3, 4, tensor.Positions()) }},
		},
	}
}

func indexRows() []Row {
	return []Row{
		gatherRow(0, 0, []int{2, 0, 2, 2}, "[3]", "[3 2]", "[4 2 37]", "[3 0]"),
		gatherRow(-1, 1, []int{1, 0}, "[2 3]", "[0 2]"),
		gatherRow(-2, 1, []int{1, 1}, "[2 3 2]"),
		gatherRow(0, 0, []int{}, "[3]", "[0 2]"),
		scatterRow(0, 0, 3, []int{2, 0, 2, 2}, "[4]", "[4 2]", "[4 2 37]", "[4 0]"),
		scatterRow(-1, 1, 5, []int{4, 0}, "[3 2]", "[0 2]"),
		scatterRow(-2, 1, 2, []int{1, 1, 0}, "[2 3 2]"),
		scatterRow(0, 0, 3, []int{}, "[0]", "[0 2]"),
	}
}

func matMulRef(x, y Array) Array {
	rx, ry := len(x.Shape), len(y.Shape)
	inner := x.Shape[rx-1]
	lead := Broadcast(Array{Shape: x.Shape[:rx-2]}, Array{Shape: y.Shape[:ry-2]})
	shape := append(lead, x.Shape[rx-2], y.Shape[ry-1])
	return Build(shape, func(index []int) float64 {
		sum := 0.0
		for k := range inner {
			r := len(index)
			sum += x.At(with(index, r-1, k)...) * y.At(with(index, r-2, k)...)
		}
		return sum
	})
}

func linearRow(name string, act tensor.Activation, ref func(x float64) float64, bias bool) Row {
	r := Row{
		Name: "Linear/" + name,
		F: func(xs []*ag.Var) *ag.Var {
			if bias {
				return ag.Linear(xs[0], xs[1], xs[2], act)
			}
			return ag.Linear(xs[0], xs[1], nil, act)
		},
		Ref: func(xs []Array) Array {
			x, w := xs[0], xs[1]
			return Build([]int{x.Shape[0], w.Shape[0]}, func(index []int) float64 {
				sum := 0.0
				for k := range x.Shape[1] {
					sum += x.At(index[0], k) * w.At(index[1], k)
				}
				if bias {
					sum += xs[2].At(index[1])
				}
				return ref(sum)
			})
		},
		Domain: []Domain{{Lo: -1, Hi: 1}},
		Tol32:  5e-6,
	}
	for _, dims := range [][3]int{{2, 3, 4}, {1, 1, 1}, {5, 37, 18}, {0, 3, 2}, {2, 0, 3}, {2, 3, 0}} {
		shapes := fmt.Sprintf("[%d %d] [%d %d]", dims[0], dims[1], dims[2], dims[1])
		if bias {
			shapes += fmt.Sprintf(" [%d]", dims[2])
		}
		r.Shapes = append(r.Shapes, shapes)
	}
	if bias {
		r.Misuse = []Misuse{
			{Shapes: "[2 3] [4 3] [3]", Says: "the bias does not match"},
			{Shapes: "[2 3] [4 3] [1 4]", Says: "the bias does not match"},
		}
	} else {
		r.Misuse = []Misuse{
			{Shapes: "[2 3] [3 4]", Says: "features do not match"},
			{Shapes: "[2 3 1] [4 3]", Says: "features do not match"},
			{Shapes: "[3] [4 3]", Says: "features do not match"},
		}
	}
	return r
}

// linearAddRow is linearRow with a matrix that is added: the last input but the bias.
func linearAddRow(name string, act tensor.Activation, ref func(x float64) float64, bias bool) Row {
	plain := linearRow(name, tensor.Activation{}, func(x float64) float64 { return x }, bias)
	apart := func(xs []Array) (layer []Array, add Array) { return slices.Delete(slices.Clone(xs), 2, 3), xs[2] }
	r := Row{
		Name: "LinearAdd/" + name,
		F: func(xs []*ag.Var) *ag.Var {
			if bias {
				return ag.LinearAdd(xs[0], xs[1], xs[3], xs[2], act)
			}
			return ag.LinearAdd(xs[0], xs[1], nil, xs[2], act)
		},
		Ref: func(xs []Array) Array {
			layer, add := apart(xs)
			return Zip(func(x, y float64) float64 { return ref(x + y) })([]Array{plain.Ref(layer), add})
		},
		Domain: plain.Domain,
		Tol32:  plain.Tol32,
	}
	for _, dims := range [][3]int{{2, 3, 4}, {1, 1, 1}, {5, 37, 18}, {0, 3, 2}, {2, 0, 3}, {2, 3, 0}} {
		shapes := fmt.Sprintf("[%d %d] [%d %d] [%d %d]", dims[0], dims[1], dims[2], dims[1], dims[0], dims[2])
		if bias {
			shapes += fmt.Sprintf(" [%d]", dims[2])
		}
		r.Shapes = append(r.Shapes, shapes)
	}
	if bias {
		r.Misuse = []Misuse{
			{Shapes: "[2 3] [4 3] [2 4] [3]", Says: "LinearAdd of [2 3] and [4 3] and [3] and [2 4]: the bias does not match"},
			{Shapes: "[2 3] [4 3] [2 1] [4]", Says: "what is added does not have the result's shape"},
		}
	} else {
		r.Misuse = []Misuse{
			{Shapes: "[2 3] [3 4] [2 4]", Says: "LinearAdd of [2 3] and [3 4] and [2 4]: the input's features do not match"},
			{Shapes: "[2 3] [4 3] [4 2]", Says: "what is added does not have the result's shape"},
			{Shapes: "[2 3] [4 3] [4]", Says: "what is added does not have the result's shape"},
			{Shapes: "[2 3] [4 3] [2 1]", Says: "what is added does not have the result's shape"},
			{Shapes: "[2 3] [4 3] [1 4]", Says: "what is added does not have the result's shape"},
			{Shapes: "[2 3] [4 3] [2 4 1]", Says: "what is added does not have the result's shape"},
		}
	}
	return r
}

func matrixRows() []Row {
	rows := []Row{{
		Name: "MatMul",
		F:    func(xs []*ag.Var) *ag.Var { return ag.MatMul(xs[0], xs[1]) },
		Ref:  func(xs []Array) Array { return matMulRef(xs[0], xs[1]) },
		Shapes: []string{
			"[2 3] [3 4]", "[1 1] [1 1]", "[5 37] [37 18]", "[2 2 3] [3 4]", "[2 3] [2 3 4]",
			"[2 1 2 3] [3 3 2]", "[0 3] [3 4]", "[2 0] [0 3]", "[2 3] [3 0]", "[0 2 3] [3 4]",
		},
		Domain: []Domain{{Lo: -1, Hi: 1}},
		Tol32:  5e-6,
		Misuse: []Misuse{
			{Shapes: "[2 3] [4 3]", Says: "the inner dims 3 and 4 differ"},
			{Shapes: "[3] [3 2]", Says: "rank"},
			{Shapes: "[2 3] [3]", Says: "rank"},
			{Shapes: "[2 2 3] [3 3 2]", Says: "the leading axes do not broadcast"},
		},
	}}
	for _, c := range activations {
		rows = append(rows, linearRow(c.name, c.act, c.ref, true), linearRow(c.name+"/no bias", c.act, c.ref, false),
			linearAddRow(c.name, c.act, c.ref, true), linearAddRow(c.name+"/no bias", c.act, c.ref, false))
	}
	return rows
}
