package optest

import (
	"fmt"
	"math"
	"slices"

	ag "github.com/gander-ml/gander/autograd"
)

// reduction returns the row of a function that drops axes.
func reduction(name string, f func(x *ag.Var, axes ...int) *ag.Var, ref func(x Array, axes []int) Array, axes []int, shapes ...string) Row {
	variant := "all"
	if len(axes) > 0 {
		variant = fmt.Sprint(axes)
	}
	return Row{
		Name:   name + "/" + variant,
		F:      func(xs []*ag.Var) *ag.Var { return f(xs[0], axes...) },
		Ref:    func(xs []Array) Array { return ref(xs[0], axes) },
		Shapes: shapes,
		Misuse: []Misuse{
			{Shapes: "[2 3]", Says: "there is no axis 2", F: func(xs []*ag.Var) *ag.Var { return f(xs[0], 2) }},
			{Shapes: "[2 3]", Says: "there is no axis -3", F: func(xs []*ag.Var) *ag.Var { return f(xs[0], -3) }},
			{Shapes: "[2 3]", Says: "named twice", F: func(xs []*ag.Var) *ag.Var { return f(xs[0], 1, -1) }},
			{Shapes: "[]", Says: "there is no axis 0", F: func(xs []*ag.Var) *ag.Var { return f(xs[0], 0) }},
		},
	}
}

func sumRef(x Array, axes []int) Array {
	return Fold(x, axes, 0, func(acc, v float64) float64 { return acc + v })
}

func meanRef(x Array, axes []int) Array {
	s := sumRef(x, axes)
	n := float64(len(x.Data)) / float64(len(s.Data))
	return Build(s.Shape, func(index []int) float64 { return s.At(index...) / n })
}

func maxRef(x Array, axes []int) Array {
	return Fold(x, axes, math.Inf(-1), func(acc, v float64) float64 { return max(acc, v) })
}

// logSumExpRef is ln Σ eˣ along one axis, which it keeps with dim 1. It leaves
// the largest number out of the exponents, unless that is infinite.
func logSumExpRef(x Array, axis int) Array {
	top := maxRef(x, []int{axis})
	kept := Array{slices.Clone(x.Shape), top.Data}
	if axis < 0 {
		axis += len(x.Shape)
	}
	kept.Shape[axis] = 1
	sum := Fold(Build(x.Shape, func(index []int) float64 {
		if t := kept.At(index...); !math.IsInf(t, 0) {
			return math.Exp(x.At(index...) - t)
		}
		return math.Exp(x.At(index...))
	}), []int{axis}, 0, func(acc, v float64) float64 { return acc + v })
	return Build(kept.Shape, func(index []int) float64 {
		s := math.Log(Array{kept.Shape, sum.Data}.At(index...))
		if t := kept.At(index...); !math.IsInf(t, 0) {
			s += t
		}
		return s
	})
}

// soft is a row of a function of a whole axis.
func soft(name string, f func(x *ag.Var, axis int) *ag.Var, axis int, ref func(v, logSum float64) float64) Row {
	r := reduction(name, nil, nil, []int{axis}, "[3]", "[2 3]", "[2 4 3]", "[5 37]", "[2 1]", "[0 3]", "[3 0]")
	r.Composite = true
	r.F = func(xs []*ag.Var) *ag.Var { return f(xs[0], axis) }
	r.Ref = func(xs []Array) Array {
		l := logSumExpRef(xs[0], axis)
		return Build(xs[0].Shape, func(index []int) float64 { return ref(xs[0].At(index...), l.At(index...)) })
	}
	r.Domain = []Domain{{Lo: -3, Hi: 3}}
	r.Misuse = []Misuse{
		{Shapes: "[2 3]", Says: name + " of [2 3]: there is no axis 2", F: func(xs []*ag.Var) *ag.Var { return f(xs[0], 2) }},
		{Shapes: "[]", Says: name + " of []: there is no axis 0", F: func(xs []*ag.Var) *ag.Var { return f(xs[0], 0) }},
	}
	return r
}

func reduceRows() []Row {
	var rows []Row
	for _, r := range []struct {
		name string
		f    func(x *ag.Var, axes ...int) *ag.Var
		ref  func(x Array, axes []int) Array
	}{{"Sum", ag.Sum, sumRef}, {"Mean", ag.Mean, meanRef}, {"MaxOver", ag.MaxOver, maxRef}} {
		for _, row := range []Row{
			reduction(r.name, r.f, r.ref, nil, "[]", "[5]", "[2 3]", "[3 37]", "[2 1 2 1 2 3]", "[0 3]", "[0]"),
			reduction(r.name, r.f, r.ref, []int{0}, "[5]", "[2 3]", "[37 3]", "[2 3 2]", "[0 3]", "[3 0]"),
			reduction(r.name, r.f, r.ref, []int{-1}, "[5]", "[2 3]", "[3 37]", "[2 3 2]", "[0 3]", "[3 0]"),
			reduction(r.name, r.f, r.ref, []int{2, 0}, "[2 3 4]", "[2 3 4 2]", "[2 0 3]", "[0 2 3]", "[1 3 1]"),
		} {
			row.Composite = r.name == "Mean"
			rows = append(rows, row)
		}
	}
	ties := reduction("MaxOver", ag.MaxOver, maxRef, nil, "[5]")
	ties.Name = "MaxOver/ties"
	ties.Kinks = []Kink{
		{In: [][]float64{{2, 1, 2}}, Grad: [][]float64{{0.5, 0, 0.5}}},
		{In: [][]float64{{3, 3, 3}}, Grad: [][]float64{{1. / 3, 1. / 3, 1. / 3}}},
	}
	rows = append(rows, ties)
	logSumExp := func(axis int) Row {
		r := soft("LogSumExp", ag.LogSumExp, axis, nil)
		r.Ref = func(xs []Array) Array { // without the axis
			return Fold(logSumExpRef(xs[0], axis), []int{axis}, 0, func(_, v float64) float64 { return v })
		}
		return r
	}
	far := logSumExp(-1) // of elements for which eˣ overflows
	far.Name, far.Shapes, far.Domain = "LogSumExp/far", []string{"[2 3]"}, []Domain{{Lo: 990, Hi: 1000}}
	rows = append(rows, far)
	for _, axis := range []int{0, -1} {
		rows = append(rows, logSumExp(axis),
			soft("LogSoftmax", ag.LogSoftmax, axis, func(v, l float64) float64 { return v - l }),
			soft("Softmax", ag.Softmax, axis, func(v, l float64) float64 { return math.Exp(v - l) }))
	}
	for _, to := range []struct {
		shape  []int
		shapes []string
	}{
		{[]int{2, 3}, []string{"[2 3]", "[3]", "[2 1]", "[1 1]", "[]"}},
		{[]int{2, 3, 2, 2}, []string{"[3 1 2]", "[2 1 1 1]", "[2 3 2 2]"}},
		{[]int{2, 37}, []string{"[37]", "[2 1]"}},
		{[]int{0, 3}, []string{"[3]", "[1 3]", "[0 1]", "[1 1]", "[]"}},
	} {
		rows = append(rows, Row{
			Name: fmt.Sprint("BroadcastTo/", to.shape),
			F:    func(xs []*ag.Var) *ag.Var { return ag.BroadcastTo(xs[0], to.shape...) },
			Ref: func(xs []Array) Array {
				return Build(to.shape, func(index []int) float64 { return xs[0].At(index...) })
			},
			Shapes: to.shapes,
			Misuse: []Misuse{
				{Shapes: "[5]", Says: "does not broadcast to"},
				{Shapes: "[2 1 2 3 1]", Says: "does not broadcast to"},
			},
		})
	}
	for _, to := range []struct {
		shape  []int
		shapes []string
	}{
		{[]int{}, []string{"[]", "[3]", "[2 3]", "[0 2]"}},
		{[]int{3}, []string{"[3]", "[2 3]", "[2 2 3]", "[0 3]"}},
		{[]int{2, 1}, []string{"[2 1]", "[2 3]", "[3 2 37]", "[2 0]", "[0 2 3]"}},
		{[]int{1, 3, 1}, []string{"[2 3 2]", "[2 4 3 1]"}},
	} {
		rows = append(rows, Row{
			Name: fmt.Sprint("SumTo/", to.shape),
			F:    func(xs []*ag.Var) *ag.Var { return ag.SumTo(xs[0], to.shape...) },
			Ref: func(xs []Array) Array {
				out := Build(to.shape, func([]int) float64 { return 0 })
				// The place of each element in out: a broadcast of 0, 1, 2, ….
				i := -1.0
				place := Build(to.shape, func([]int) float64 { i++; return i })
				xs[0].Each(func(index []int, v float64) { out.Data[int(place.At(index...))] += v })
				return out
			},
			Shapes: to.shapes,
			Misuse: []Misuse{
				{Shapes: "[2 3]", Says: "does not broadcast to it", F: func(xs []*ag.Var) *ag.Var { return ag.SumTo(xs[0], 2) }},
				{Shapes: "[3]", Says: "does not broadcast to it", F: func(xs []*ag.Var) *ag.Var { return ag.SumTo(xs[0], 1, 3) }},
			},
		})
	}
	return rows
}
