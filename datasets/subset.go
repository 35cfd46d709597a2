package datasets

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// Subset returns the samples of data with these numbers, in this order, as a
// dataset; a number may come several times. It has the labels and the classes of
// data, also those of which it has no sample. Subset panics with a
// [tensor.ArgumentError] if data is nil or has no such sample.
func Subset(data Dataset, indices []int) Dataset {
	given("Subset", data)
	n := data.Len()
	for _, i := range indices {
		if i < 0 || i >= n {
			misuse("Subset", fmt.Sprintf("there is no sample %d of %d", i, n), "count from 0")
		}
	}
	return subset(data, slices.Clone(indices))
}

func subset(data Dataset, indices []int) Dataset {
	fill64 := filler64(data)
	d := &derived{
		n: len(indices), shape: data.Shape(),
		fill:   func(i int, dst []float32) error { return data.Fill(indices[i], dst) },
		fill64: func(i int, dst []float64) error { return fill64(indices[i], dst) },
		digest: sync.OnceValues(func() (string, error) { return digestFrom(fmt.Sprint("subset ", indices), data)() }),
	}
	if _, ok := data.(Varying); ok {
		d.epoch = func(epoch int) Dataset { return subset(inEpoch(data, epoch), indices) }
	}
	d.about(data, func(i int) int { return indices[i] })
	return d.dressed()
}

// RandomSplit deals the samples of data out at random: part k gets the fraction
// fractions[k] of them, rounded, in the order of data. No sample is in two parts,
// and the same seed gives the same parts.
//
//	parts := datasets.RandomSplit(data, 1, .9, .1)
//	train, test := parts[0], parts[1]
//
// It panics with a [tensor.ArgumentError] if data is nil, a fraction negative or not
// a number, or if they add up to more than 1.
func RandomSplit(data Dataset, seed uint64, fractions ...float64) []Dataset {
	given("RandomSplit", data)
	n := data.Len()
	order := tensor.NewStream(seed, "split").Perm(n)
	parts := make([]Dataset, len(fractions))
	sum, from := 0., 0
	for k, f := range fractions {
		sum += f
		if !(f >= 0) || sum > 1+1e-9 {
			misuse("RandomSplit", fmt.Sprintf("the fractions %v are none of a whole", fractions), "give numbers from 0 that add up to 1 or less")
		}
		to := min(int(math.Round(sum*float64(n))), n)
		part := slices.Clone(order[from:to])
		slices.Sort(part)
		parts[k], from = subset(data, part), to
	}
	return parts
}

// Concat returns the samples of several datasets, one after another, as one. Classes
// of the same name become one; their order is that of the first part, with those
// that the others have besides behind it. Concat panics with a
// [tensor.ArgumentError] if there are no parts, or if one is nil, and with a
// [tensor.ShapeError] if their samples differ in shape, or if some parts have labels
// and others do not.
func Concat(parts ...Dataset) Dataset {
	if len(parts) == 0 {
		misuse("Concat", "there are no datasets", "give one or more")
	}
	var shapes [][]int
	for _, p := range parts {
		given("Concat", p)
		shapes = append(shapes, p.Shape())
	}
	wrong := func(problem, fix string) {
		panic(&tensor.ShapeError{Op: "datasets.Concat", Shapes: shapes, Problem: problem, Fix: fix})
	}
	for i, p := range parts {
		if !slices.Equal(shapes[i], shapes[0]) {
			wrong(fmt.Sprintf("the samples of part %d have another shape", i), "give datasets of one shape")
		}
		if (labelerOf(p) == nil) != (labelerOf(parts[0]) == nil) {
			wrong(fmt.Sprintf("either part %d or part 0 has labels", i), "give all parts labels, or none")
		}
		if conditionSizeOf(p) != conditionSizeOf(parts[0]) {
			wrong(fmt.Sprintf("part %d knows %d numbers about each sample, and part 0 %d", i, conditionSizeOf(p), conditionSizeOf(parts[0])), "give all parts conditions of one size, or none")
		}
	}
	return concat(slices.Clone(parts))
}

func conditionSizeOf(data Dataset) int {
	if c, ok := data.(Conditioner); ok {
		return c.ConditionSize()
	}
	return 0
}

func concat(parts []Dataset) Dataset {
	ends := make([]int, len(parts)) // where the part after each begins
	wide := make([]func(int, []float64) error, len(parts))
	n := 0
	varying := false
	for k, p := range parts {
		n += p.Len()
		ends[k], wide[k] = n, filler64(p)
		_, v := p.(Varying)
		varying = varying || v
	}
	// at returns the part of sample i, and its number there.
	at := func(i int) (part, number int) {
		part = sort.SearchInts(ends, i+1)
		if part > 0 {
			i -= ends[part-1]
		}
		return part, i
	}
	d := &derived{
		n: n, shape: parts[0].Shape(),
		fill: func(i int, dst []float32) error {
			part, i := at(i)
			return parts[part].Fill(i, dst)
		},
		fill64: func(i int, dst []float64) error {
			part, i := at(i)
			return wide[part](i, dst)
		},
		digest: digestFrom("concat", parts...),
	}
	if varying {
		d.epoch = func(epoch int) Dataset {
			now := make([]Dataset, len(parts))
			for k, p := range parts {
				now[k] = inEpoch(p, epoch)
			}
			return concat(now)
		}
	}
	if labelerOf(parts[0]) != nil {
		merged := sync.OnceValue(func() merged { return mergeClasses(parts) })
		d.classes = func() []string { return merged().names }
		d.label = func(i int) int {
			part, i := at(i)
			numbers, label := merged().number[part], parts[part].(Labeler).Label(i)
			if label < 0 || label >= len(numbers) {
				misuse("Concat", fmt.Sprintf("sample %d of part %d has the label %d, and there are %d classes", i, part, label, len(numbers)), "let Classes of the part name all that occur")
			}
			return numbers[label]
		}
	}
	if d.conditionSize = conditionSizeOf(parts[0]); d.conditionSize > 0 {
		d.condition = func(i int, dst []float32) error {
			part, i := at(i)
			return parts[part].(Conditioner).FillCondition(i, dst)
		}
	}
	return d.dressed()
}

// merged are the classes of several datasets.
type merged struct {
	names  []string
	number [][]int // of each part's classes among names
}

func mergeClasses(parts []Dataset) (m merged) {
	known := map[string]int{}
	for _, p := range parts {
		var numbers []int
		for _, name := range Classes(p) {
			number, ok := known[name]
			if !ok {
				number = len(m.names)
				known[name] = number
				m.names = append(m.names, name)
			}
			numbers = append(numbers, number)
		}
		m.number = append(m.number, numbers)
	}
	return m
}

// WithClasses returns data with names for its classes, in the order of their numbers.
// It panics with a [tensor.ArgumentError] if data is nil or no [Labeler], or if a
// label has no name.
func WithClasses(data Dataset, names ...string) Dataset {
	given("WithClasses", data)
	l := labelerOf(data)
	if l == nil {
		misuse("WithClasses", fmt.Sprintf("%T has no labels", data), "give it a method Label(i int) int")
	}
	for i := range data.Len() {
		if label := l.Label(i); label < 0 || label >= len(names) {
			misuse("WithClasses", fmt.Sprintf("sample %d has the label %d, and there are the names %s", i, label, strings.Join(names, ", ")), "give one for each class")
		}
	}
	return withClasses(data, slices.Clone(names))
}

func withClasses(data Dataset, names []string) Dataset {
	d := &derived{
		n: data.Len(), shape: data.Shape(), fill: data.Fill, fill64: filler64(data),
		digest: digestFrom("classes", data),
	}
	if _, ok := data.(Varying); ok {
		d.epoch = func(epoch int) Dataset { return withClasses(inEpoch(data, epoch), names) }
	}
	d.about(data, func(i int) int { return i })
	d.classes = func() []string { return names }
	return d.dressed()
}
