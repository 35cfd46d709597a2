package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Histogram returns the share of each of k classes, 0 to k−1, among samples of
// these classes. If there are no samples, every share is 0. It panics with a
// [tensor.ArgumentError] if a class is not one of these, or k is negative.
func Histogram(classes []int, k int) []float64 {
	if k < 0 {
		panic(&tensor.ArgumentError{Op: "Histogram", Problem: fmt.Sprintf("%d classes", k), Fix: "give 0 or more"})
	}
	shares := make([]float64, k)
	for i, c := range classes {
		if c < 0 || c >= k {
			panic(&tensor.ArgumentError{Op: "Histogram", Problem: fmt.Sprintf("sample %d is of class %d of %d", i, c, k), Fix: "count classes from 0"})
		}
		shares[c]++
	}
	for c := range shares {
		shares[c] /= float64(max(len(classes), 1))
	}
	return shares
}

// Rarest returns the smallest share of a histogram: 1/k is ideal for k classes
// that are equally frequent, and 0 means that one is missing. It returns 0 if
// there are no classes.
func Rarest(shares []float64) float64 {
	if len(shares) == 0 {
		return 0
	}
	return slices.Min(shares)
}

// Modes returns how many of k classes occur among samples of these classes ("modes"),
// and how far their shares p are from equal ones, Σ p·ln(p·k) ("reverse KL"): 0 if all
// are equally frequent, ln k if there is one only. Of n perfect samples, modes are
// missing unless n is many times k, and the divergence is about (k−1)/2n: give the
// values of real ones as floor ([Table.Against]). The usual case are the 1,000 modes of
// three digits (Metz et al., "Unrolled generative adversarial networks", 2017;
// datasets.Stack). Without samples, there are no modes and the divergence is NaN. Modes
// panics as Histogram does.
func Modes(classes []int, k int) Table {
	modes, divergence := 0, 0.0
	for _, p := range Histogram(classes, k) {
		if p > 0 {
			modes++
		}
		divergence += klTerm(p, 1/float64(k))
	}
	if len(classes) == 0 {
		divergence = math.NaN()
	}
	return Table{NewValue("modes", float64(modes)), NewValue("reverse KL", divergence)}
}

// Fidelity returns how many samples are what was asked for: the share of those for
// which the class that a judge sees is the one that was asked for, with its standard
// error. Real samples and their labels tell how high it can be. It returns an error
// if there are no samples, and panics with a [tensor.ArgumentError] unless there is
// one class of each kind for each.
func Fidelity(seen, asked []int) (Value, error) {
	v := NewValue("class fidelity", math.NaN())
	if len(seen) != len(asked) {
		panic(&tensor.ArgumentError{Op: "Fidelity", Problem: fmt.Sprintf("%d samples were judged and %d asked for", len(seen), len(asked)), Fix: "give one class of each kind for each sample"})
	}
	if len(seen) == 0 {
		return v, errors.New("metrics: Fidelity: there are no samples")
	}
	right := 0.0
	for i, class := range seen {
		if class == asked[i] {
			right++
		}
	}
	n := float64(len(seen))
	share := right / n
	v.Value, v.StdErr = share, math.Sqrt(share*(1-share)/n)
	return v, nil
}

// ByClass returns the [Frechet] distance between the features of each class, 0 to
// k−1, of a reference [n, d] and of samples [m, d]: whether the samples of a class
// differ from each other as real ones do, which fidelity does not tell. A class of
// which a set has d features or fewer has NaN. It returns an error if a number is not
// finite, and panics with a [tensor.ArgumentError] if a class is missing or not one of
// these, or k is negative, and with a [tensor.ShapeError] on other shapes.
func ByClass(reference *tensor.Tensor, referenceClasses []int, samples *tensor.Tensor, classes []int, k int) ([]float64, error) {
	const op = "ByClass"
	a, err := rowsOf(op, "reference", reference, referenceClasses, k)
	if err != nil {
		return nil, err
	}
	b, err := rowsOf(op, "samples", samples, classes, k)
	if err != nil {
		return nil, err
	}
	out := make([]float64, k)
	for c := range out {
		out[c] = math.NaN()
		if a[c] == nil || b[c] == nil || min(a[c].Dim(0), b[c].Dim(0)) <= a[c].Dim(1) {
			continue
		}
		if out[c], err = Frechet(a[c], b[c]); err != nil {
			return nil, fmt.Errorf("metrics: %s: class %d: %w", op, c, err)
		}
	}
	return out, nil
}

// rowsOf returns the features of each class, nil if there are none.
func rowsOf(op, what string, features *tensor.Tensor, classes []int, k int) ([]*tensor.Tensor, error) {
	s, err := read(op, what, features)
	if err != nil {
		return nil, err
	}
	if k < 0 {
		panic(&tensor.ArgumentError{Op: op, Problem: fmt.Sprintf("%d classes", k), Fix: "give 0 or more"})
	}
	if len(classes) != s.n {
		panic(&tensor.ArgumentError{Op: op, Problem: fmt.Sprintf("the %s are %d and their classes %d", what, s.n, len(classes)), Fix: "give one for each"})
	}
	rows := make([][]float64, k)
	for i, c := range classes {
		if c < 0 || c >= k {
			panic(&tensor.ArgumentError{Op: op, Problem: fmt.Sprintf("number %d of the %s is of class %d of %d", i, what, c, k), Fix: "count classes from 0"})
		}
		rows[c] = append(rows[c], s.row(i)...)
	}
	out := make([]*tensor.Tensor, k)
	for c, r := range rows {
		if len(r) > 0 {
			out[c] = tensor.FromFloat64(r, len(r)/s.d, s.d)
		}
	}
	return out, nil
}
