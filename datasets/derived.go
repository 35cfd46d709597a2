package datasets

import (
	"fmt"
	"slices"
	"sync"
)

// derived is a dataset made of another one, or of several. dressed gives it the
// methods of what those know about their samples.
type derived struct {
	n      int
	shape  []int
	fill   func(i int, dst []float32) error
	fill64 func(i int, dst []float64) error
	digest func() (string, error)
	epoch  func(epoch int) Dataset // nil: all epochs are alike

	label   func(i int) int // nil: there are no labels
	classes func() []string

	conditionSize int // 0: there are no conditions
	condition     func(i int, dst []float32) error
}

func (d *derived) Len() int { return d.n }

func (d *derived) Shape() []int { return slices.Clone(d.shape) }

func (d *derived) Fill(i int, dst []float32) error {
	d.check("Fill", i, len(dst))
	return d.fill(i, dst)
}

func (d *derived) Fill64(i int, dst []float64) error {
	d.check("Fill64", i, len(dst))
	return d.fill64(i, dst)
}

func (d *derived) Digest() (string, error) { return d.digest() }

// InEpoch implements [Varying].
func (d *derived) InEpoch(epoch int) Dataset {
	if d.epoch == nil {
		return d.dressed()
	}
	return d.epoch(epoch)
}

func (d *derived) check(op string, i, elements int) {
	checkIndex(op, i, d.n)
	checkRoom(op, elements, d.shape)
}

// about takes over what another dataset knows about its samples, of which sample i
// is sample of(i).
func (d *derived) about(data Dataset, of func(i int) int) {
	if l := labelerOf(data); l != nil {
		d.label = func(i int) int { return l.Label(of(i)) }
		d.classes = sync.OnceValue(func() []string { return Classes(data) })
	}
	if c, ok := data.(Conditioner); ok {
		d.conditionSize = c.ConditionSize()
		d.condition = func(i int, dst []float32) error { return c.FillCondition(of(i), dst) }
	}
}

// dressed returns the dataset with the methods of what is known about its samples.
func (d *derived) dressed() Dataset {
	switch {
	case d.label != nil && d.conditionSize > 0:
		return labeledAndConditioned{d, labels{d}, conditions{d}}
	case d.label != nil:
		return labeled{d, labels{d}}
	case d.conditionSize > 0:
		return conditioned{d, conditions{d}}
	}
	return d
}

type (
	labeled struct {
		*derived
		labels
	}
	conditioned struct {
		*derived
		conditions
	}
	labeledAndConditioned struct {
		*derived
		labels
		conditions
	}
)

// labels makes a dataset a [Labeler].
type labels struct{ of *derived }

func (l labels) Label(i int) int {
	checkIndex("Label", i, l.of.n)
	return l.of.label(i)
}

func (l labels) Classes() []string { return slices.Clone(l.of.classes()) }

// conditions makes a dataset a [Conditioner].
type conditions struct{ of *derived }

func (c conditions) ConditionSize() int { return c.of.conditionSize }

func (c conditions) FillCondition(i int, dst []float32) error {
	checkIndex("FillCondition", i, c.of.n)
	return c.of.condition(i, dst)
}

// labelerOf returns a dataset's labels, or nil if there are none: it may have a
// method for them and know of no classes, as a folder of pictures without them does.
func labelerOf(data Dataset) Labeler {
	l, _ := data.(Labeler)
	if n, ok := data.(ClassNamer); ok && len(n.Classes()) == 0 {
		return nil
	}
	return l
}

// filler64 returns a dataset's Fill64, or Fill with wider results.
func filler64(data Dataset) func(i int, dst []float64) error {
	if f, ok := data.(Filler64); ok {
		return f.Fill64
	}
	return func(i int, dst []float64) error {
		single := make([]float32, len(dst))
		if err := data.Fill(i, single); err != nil {
			return err
		}
		for k, v := range single {
			dst[k] = float64(v)
		}
		return nil
	}
}

// fresh calls one of the methods that fill, for sample i, with zeros: dst was another
// sample's before, of which one that sets some of its numbers only would keep the rest.
func fresh[T float32 | float64](fill func(i int, dst []T) error, i int, dst []T) error {
	clear(dst)
	return fill(i, dst)
}

// inEpoch returns a dataset as it is in an epoch.
func inEpoch(data Dataset, epoch int) Dataset {
	if v, ok := data.(Varying); ok {
		return v.InEpoch(epoch)
	}
	return data
}

// digestOf returns a checksum of a dataset's samples, to the digits of float64 if
// they are wide.
func digestOf(data Dataset, wide bool) (string, error) {
	if d, ok := data.(Digester); ok {
		return d.Digest()
	}
	d := newDigest()
	fill64 := filler64(data)
	single, double := make([]float32, elementsOf(data.Shape())), make([]float64, elementsOf(data.Shape()))
	for i := range data.Len() {
		var err error
		if wide {
			err = fresh(fill64, i, double)
			d.add64(double)
		} else {
			err = fresh(data.Fill, i, single)
			d.add32(single)
		}
		if err != nil {
			return "", fmt.Errorf("sample %d: %w", i, err)
		}
	}
	return d.String(), nil
}

// digestFrom returns a function that computes, once, the checksum of datasets that
// are combined in a way that how describes.
func digestFrom(how string, parts ...Dataset) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		d := newDigest()
		fmt.Fprintln(d.sum, how)
		for _, p := range parts {
			_, wide := p.(Filler64)
			part, err := digestOf(p, wide)
			if err != nil {
				return "", err
			}
			fmt.Fprintln(d.sum, p.Len(), part)
		}
		return d.String(), nil
	})
}

// checkIndex panics unless there is a sample i of n.
func checkIndex(op string, i, n int) {
	if i < 0 || i >= n {
		misuse(op, fmt.Sprintf("there is no sample %d of %d", i, n), "give 0 ≤ i < Len")
	}
}

// checkRoom panics unless a destination of so many elements holds a sample.
func checkRoom(op string, elements int, shape []int) {
	if want := elementsOf(shape); elements != want {
		misuse(op, fmt.Sprintf("dst has %d elements, the sample %d", elements, want), "give one element per number")
	}
}

func elementsOf(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// given panics if a dataset is nil.
func given(op string, data Dataset) {
	if data == nil {
		misuse(op, "the dataset is nil", "give one")
	}
}
