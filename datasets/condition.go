package datasets

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gander-ml/gander/tensor"
)

// Batch is what a [Loader] yields: samples X [n, …] and, with the option
// [Conditions], what is known about each, [n, k], else nil. Its type has no name of
// its own, so that it is gan.Batch, too.
type Batch = struct{ X, Condition *tensor.Tensor }

// Conditions has batches hold what the dataset knows about each sample beside its
// numbers: the vector of a [Conditioner], or else the class of a [Labeler], as a
// one-hot over [Classes]. NewLoader panics with a [tensor.ArgumentError] if the
// dataset is neither.
func Conditions() LoaderOption { return func(l *Loader) { l.conditions = true } }

// maxClasses is more classes than a one-hot has room for.
const maxClasses = 1 << 16

// Classes returns the names of a dataset's classes, in the order of their numbers,
// or nil if the dataset is no [Labeler]. If it is no [ClassNamer], they are called
// "0", "1" and so on, up to the largest that occurs. Classes panics with a
// [tensor.ArgumentError] if a label is negative or 65,536 or more.
func Classes(data Dataset) []string {
	labeler, ok := data.(Labeler)
	if !ok {
		return nil
	}
	if namer, ok := data.(ClassNamer); ok {
		return namer.Classes()
	}
	n := 0
	for i := range data.Len() {
		label := labeler.Label(i)
		if label < 0 || label >= maxClasses {
			misuse("Classes", fmt.Sprintf("sample %d has the label %d", i, label), fmt.Sprintf("let Label return 0 to %d", maxClasses-1))
		}
		n = max(n, label+1)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// ClassCounts returns the names of the classes and how many of the dataset's
// samples are of each, if the batches hold them ([Conditions]), else nil.
func (l *Loader) ClassCounts() (names []string, counts []int) {
	if l.classes == nil {
		return nil, nil
	}
	return slices.Clone(l.classes), slices.Clone(l.counts())
}

// conditioner is where the numbers of a condition come from.
type conditioner struct {
	size int
	fill func(i int, dst []float32) error
}

// adoptConditions prepares for Conditions.
func (l *Loader) adoptConditions() {
	if c, ok := l.data.(Conditioner); ok {
		l.condition = conditioner{c.ConditionSize(), c.FillCondition}
		if l.condition.size < 1 {
			misuse("NewLoader", fmt.Sprintf("a condition of %d numbers", l.condition.size), "let ConditionSize return 1 or more")
		}
		return
	}
	labeler, ok := l.data.(Labeler)
	if !ok {
		misuse("NewLoader", fmt.Sprintf("%T knows nothing about its samples that Conditions could yield", l.data), "give FromTensor the samples' labels, or a dataset of your own a method Label(i int) int")
	}
	l.classes = Classes(l.data)
	if len(l.classes) == 0 || len(l.classes) > maxClasses {
		misuse("NewLoader", fmt.Sprintf("%d classes", len(l.classes)), fmt.Sprintf("let the dataset have 1 to %d", maxClasses))
	}
	l.condition = conditioner{len(l.classes), func(i int, dst []float32) error {
		label := labeler.Label(i)
		if label < 0 || label >= len(dst) {
			return fmt.Errorf("its label is %d, and there are %d classes", label, len(dst))
		}
		dst[label] = 1
		return nil
	}}
}

// countClasses returns how many samples are of each class.
func (l *Loader) countClasses() []int {
	counts := make([]int, len(l.classes))
	for i := range l.n {
		if label := l.data.(Labeler).Label(i); label >= 0 && label < len(counts) {
			counts[label]++
		}
	}
	return counts
}

// digestConditions returns a checksum of all conditions.
func (l *Loader) digestConditions() (string, error) {
	d := newDigest()
	for _, name := range l.classes {
		fmt.Fprintf(d.sum, "%q\n", name)
	}
	c := make([]float32, l.condition.size)
	for i := range l.n {
		if err := fresh(l.condition.fill, i, c); err != nil {
			return "", fmt.Errorf("sample %d: %w", i, err)
		}
		d.add32(c)
	}
	return d.String(), nil
}
