package optest

import (
	"fmt"
	"slices"

	ag "github.com/gander-ml/gander/autograd"
)

// moved is the reference of an operation that picks elements: it has a shape,
// and at each index the element of x at from(index), or 0 if that is nil.
func moved(x Array, shape []int, from func(index []int) []int) Array {
	return Build(shape, func(index []int) float64 {
		if at := from(index); at != nil {
			return x.At(at...)
		}
		return 0
	})
}

// with returns a copy of index with one entry replaced.
func with(index []int, axis, i int) []int {
	out := slices.Clone(index)
	out[axis] = i
	return out
}

func reshapeRow(name string, want func(in []int) []int, to []int, shapes ...string) Row {
	return Row{
		Name:   "Reshape/" + name,
		F:      func(xs []*ag.Var) *ag.Var { return ag.Reshape(xs[0], to...) },
		Ref:    func(xs []Array) Array { return Array{want(xs[0].Shape), xs[0].Data} },
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "do not fill the shape [4]", F: func(xs []*ag.Var) *ag.Var { return ag.Reshape(xs[0], 4) }},
			{Shapes: "[2 3]", Says: "do not fill the shape [-1 -1]", F: func(xs []*ag.Var) *ag.Var { return ag.Reshape(xs[0], -1, -1) }},
			{Shapes: "[0]", Says: "do not fill the shape [0 -1]", F: func(xs []*ag.Var) *ag.Var { return ag.Reshape(xs[0], 0, -1) }},
			{Shapes: "[1]", Says: "rank", F: func(xs []*ag.Var) *ag.Var { return ag.Reshape(xs[0], 1, 1, 1, 1, 1, 1, 1) }},
		},
	}
}

func permuteRow(axes []int, shapes ...string) Row {
	source := func(k int) int { return (axes[k] + len(axes)) % len(axes) }
	return Row{
		Name: fmt.Sprint("Permute/", axes),
		F:    func(xs []*ag.Var) *ag.Var { return ag.Permute(xs[0], axes...) },
		Ref: func(xs []Array) Array {
			shape := make([]int, len(axes))
			for k := range axes {
				shape[k] = xs[0].Shape[source(k)]
			}
			return moved(xs[0], shape, func(index []int) []int {
				at := make([]int, len(axes))
				for k, i := range index {
					at[source(k)] = i
				}
				return at
			})
		},
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "not a permutation", F: func(xs []*ag.Var) *ag.Var { return ag.Permute(xs[0], 0) }},
			{Shapes: "[2 3]", Says: "not a permutation", F: func(xs []*ag.Var) *ag.Var { return ag.Permute(xs[0], 1, -1) }},
			{Shapes: "[2 3]", Says: "not a permutation", F: func(xs []*ag.Var) *ag.Var { return ag.Permute(xs[0], 0, 2) }},
		},
	}
}

// sliceRow takes two numbers of the same axis, the second of them not negative.
func sliceRow(axis, same, start, stop, step int, shapes ...string) Row {
	row := Row{
		Name: fmt.Sprintf("Slice/%d[%d:%d]", axis, start, stop),
		F:    func(xs []*ag.Var) *ag.Var { return ag.Slice(xs[0], axis, start, stop) },
		Ref: func(xs []Array) Array {
			n := 0
			for i := start; i < stop; i += step {
				n++
			}
			return moved(xs[0], with(xs[0].Shape, same, n), func(index []int) []int {
				return with(index, same, start+index[same]*step)
			})
		},
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Slice(xs[0], 1, 0, 4) }},
			{Shapes: "[2 3]", Says: "does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Slice(xs[0], 1, -1, 2) }},
			{Shapes: "[2 3]", Says: "does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Slice(xs[0], 1, 2, 1) }},
			{Shapes: "[2 3]", Says: "there is no axis 2", F: func(xs []*ag.Var) *ag.Var { return ag.Slice(xs[0], 2, 0, 1) }},
		},
	}
	if step != 1 {
		row.Name = fmt.Sprintf("SliceStep/%d[%d:%d:%d]", axis, start, stop, step)
		row.F = func(xs []*ag.Var) *ag.Var { return ag.SliceStep(xs[0], axis, start, stop, step) }
		row.Misuse = []Misuse{
			{Shapes: "[2 3]", Says: "does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.SliceStep(xs[0], 1, 0, 4, 2) }},
			{Shapes: "[2 3]", Says: "does not lie in axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.SliceStep(xs[0], 1, 0, 3, 0) }},
		}
	}
	return row
}

func padRow(axis, same, start, step, n int, shapes ...string) Row {
	return Row{
		Name: fmt.Sprintf("Pad/%d[%d::%d]of%d", axis, start, step, n),
		F:    func(xs []*ag.Var) *ag.Var { return ag.Pad(xs[0], axis, start, step, n) },
		Ref: func(xs []Array) Array {
			return moved(xs[0], with(xs[0].Shape, same, n), func(index []int) []int {
				i := index[same] - start
				if i < 0 || i%step != 0 || i/step >= xs[0].Shape[same] {
					return nil
				}
				return with(index, same, i/step)
			})
		},
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "leave no room along axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Pad(xs[0], 1, 0, 2, 4) }},
			{Shapes: "[2 3]", Says: "leave no room along axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Pad(xs[0], 1, -1, 1, 4) }},
			{Shapes: "[2 3]", Says: "leave no room along axis 1", F: func(xs []*ag.Var) *ag.Var { return ag.Pad(xs[0], 1, 0, 0, 4) }},
			{Shapes: "[2 3]", Says: "there is no axis -3", F: func(xs []*ag.Var) *ag.Var { return ag.Pad(xs[0], -3, 0, 1, 4) }},
		},
	}
}

func concatRow(axis, same int, shapes ...string) Row {
	return Row{
		Name: fmt.Sprintf("Concat/%d", axis),
		F:    func(xs []*ag.Var) *ag.Var { return ag.Concat(axis, xs...) },
		Ref: func(xs []Array) Array {
			total := 0
			for _, x := range xs {
				total += x.Shape[same]
			}
			return Build(with(xs[0].Shape, same, total), func(index []int) float64 {
				i := index[same]
				for _, x := range xs {
					if i < x.Shape[same] {
						return x.At(with(index, same, i)...)
					}
					i -= x.Shape[same]
				}
				panic("optest: index beyond the last part")
			})
		},
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3] [3 2]", Says: "differ"},
			{Shapes: "[2 3] [2]", Says: "differ"},
			{Shapes: "[2 3] [2 3]", Says: "there is no axis 2", F: func(xs []*ag.Var) *ag.Var { return ag.Concat(2, xs...) }},
			{Shapes: "", Says: "Concat"},
		},
	}
}

func shapeRows() []Row {
	flat := func(in []int) []int {
		n := 1
		for _, d := range in {
			n *= d
		}
		return []int{n}
	}
	return []Row{
		reshapeRow("flat", flat, []int{-1}, "[]", "[2 3]", "[2 1 3 2]", "[5]", "[3 37]", "[0 3]"),
		reshapeRow("split", func([]int) []int { return []int{2, 3, 2} }, []int{2, -1, 2}, "[12]", "[4 3]", "[3 2 2]", "[2 3 2]", "[1 12 1]"),
		reshapeRow("scalar", func([]int) []int { return []int{} }, nil, "[1]", "[1 1 1]", "[]"),
		reshapeRow("empty", func([]int) []int { return []int{3, 0, 2} }, []int{3, 0, 2}, "[0]", "[2 0 5]"),
		permuteRow([]int{0}, "[3]", "[0]"),
		permuteRow([]int{1, 0}, "[2 3]", "[1 37]", "[0 3]"),
		permuteRow([]int{-1, 0, 1}, "[2 3 4]", "[2 0 3]"),
		permuteRow([]int{0, 3, 1, 2}, "[2 3 2 2]", "[1 3 1 2]"),
		permuteRow([]int{5, 3, 4, 0, 2, 1}, "[1 2 2 3 1 2]"),
		{
			Name: "Transpose",
			Op:   "T",
			F:    func(xs []*ag.Var) *ag.Var { return ag.Transpose(xs[0]) },
			Ref: func(xs []Array) Array {
				swap := func(index []int) []int {
					r := len(index)
					return with(with(index, r-1, index[r-2]), r-2, index[r-1])
				}
				return moved(xs[0], swap(xs[0].Shape), swap)
			},
			Shapes: []string{"[2 3]", "[2 3 4]", "[2 1 3 37]", "[0 3]", "[2 0]"},
			Misuse: []Misuse{{Shapes: "[3]", Says: "rank"}, {Shapes: "[]", Says: "rank"}},
		},
		sliceRow(0, 0, 1, 3, 1, "[3]", "[4 3]", "[3 0]"),
		sliceRow(-1, 1, 0, 5, 2, "[2 5]", "[2 37]", "[0 6]"),
		sliceRow(-2, 1, 1, 6, 3, "[2 7 3]"),
		sliceRow(1, 1, 2, 2, 1, "[2 3]", "[2 2 2]"),
		padRow(0, 0, 1, 1, 5, "[3]", "[2 3]", "[0 3]", "[3 0]"),
		padRow(-1, 1, 2, 3, 12, "[2 3]", "[2 4]", "[2 0]"),
		padRow(-2, 1, 0, 2, 5, "[2 3 2]"),
		padRow(1, 1, 7, 1, 3, "[2 0]"), // an empty array has a place even beyond the end
		concatRow(0, 0, "[2 3]", "[2 3] [1 3]", "[2] [3] [1] [4]", "[0 3] [2 3]", "[0] [0]", "[2 0] [1 0]"),
		concatRow(-1, 1, "[2 3] [2 1]", "[2 37] [2 1] [2 2]", "[2 0] [2 3]"),
		concatRow(-2, 1, "[2 3 2] [2 1 2]"),
	}
}
