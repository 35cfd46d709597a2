package mnistfeatures

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/tensor"
)

// The names of a report's values.
const (
	Distance         = "Fréchet distance"
	DistanceTraining = "Fréchet distance, training digits"
	Precision        = "precision"
	Recall           = "recall"
	RarestDigit      = "rarest digit"
	KernelDistance   = "kernel distance"
	Density          = "density"
	Coverage         = "coverage"
	Fidelity         = "class fidelity"
)

// Report has the quality of generated digits; the package comment explains it.
type Report struct {
	N      int           // digits judged
	Values metrics.Table // under the names above
	Digits []float64     // the share of each digit, 0 to 9
	// Distances are those of each digit from the test digits of its kind, if the
	// digits asked for are known, else nil; NaN if fewer than 97 were drawn.
	Distances []float64
}

// String prints the values and the shares.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\ndigit", r.Values)
	for d := range r.Digits {
		fmt.Fprintf(&b, "%7d", d)
	}
	b.WriteString("\nshare")
	for _, s := range r.Digits {
		fmt.Fprintf(&b, "%6.1f%%", 100*s)
	}
	if r.Distances != nil {
		b.WriteString("\ndist.")
		for _, d := range r.Distances {
			fmt.Fprintf(&b, "%7.1f", d)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// Evaluate judges images in [−1, 1], as [n, 784] or [n, 1, 28, 28]. If a generator
// was asked for digits, asked holds that of each image. Published values are for
// n = 10,000, which takes some seconds. It returns an error if a pixel is not finite
// or n is below 97, and panics with a [tensor.ShapeError] on another shape, and with
// a [tensor.ArgumentError] unless asked is empty or has a digit for each image.
func (j *Judge) Evaluate(images *tensor.Tensor, asked ...int) (*Report, error) {
	return j.evaluate(images, asked, true)
}

// EvaluateQuick is [Judge.Evaluate] without precision and recall, density and
// coverage, and the distances of each digit, which take most of the time. It is for
// use during training.
func (j *Judge) EvaluateQuick(images *tensor.Tensor, asked ...int) (*Report, error) {
	return j.evaluate(images, asked, false)
}

func (j *Judge) evaluate(images *tensor.Tensor, asked []int, full bool) (*Report, error) {
	tensor.Check("Judge.Evaluate", images)
	if len(asked) > 0 && (images.Rank() == 0 || len(asked) != images.Dim(0)) {
		panic(&tensor.ArgumentError{Op: "Judge.Evaluate", Problem: fmt.Sprintf("%d digits were asked for, and these are images %v", len(asked), images.Shape()),
			Fix: "give the digit of each image, or none"})
	}
	outputs, err := j.Classify(images)
	if err != nil {
		return nil, err
	}
	ref, err := j.reference()
	if err != nil {
		return nil, err
	}
	g, err := metrics.FitGaussian(outputs.Features)
	if err != nil {
		return nil, err
	}
	r := &Report{N: len(outputs.Classes), Digits: metrics.Histogram(outputs.Classes, Classes)}
	for _, real := range []struct {
		name     string
		gaussian *metrics.Gaussian
	}{{Distance, ref.gaussian}, {DistanceTraining, j.training}} {
		d, err := g.Distance(real.gaussian)
		if err != nil {
			return nil, err
		}
		r.add(real.name, d)
	}
	if full {
		precision, recall, err := j.overlap(ref, outputs)
		if err != nil {
			return nil, err
		}
		r.add(Precision, precision)
		r.add(Recall, recall)
		if err := r.more(ref, outputs, j.wide); err != nil {
			return nil, err
		}
	}
	r.add(RarestDigit, metrics.Rarest(r.Digits))
	if len(asked) > 0 {
		v, err := metrics.Fidelity(outputs.Classes, asked)
		if err != nil {
			return nil, err
		}
		r.addValue(Fidelity, v)
		if full {
			if r.Distances, err = metrics.ByClass(ref.outputs.Features, ref.labels, outputs.Features, asked, Classes); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// more adds density and coverage and the kernel distance.
func (r *Report) more(ref *reference, outputs *Classified, manifold func() (*metrics.Manifold, error)) error {
	real, err := manifold()
	if err != nil {
		return err
	}
	t, err := real.DensityCoverage(outputs.Features)
	if err != nil {
		return err
	}
	r.addValue(Density, t.Get("density"))
	r.addValue(Coverage, t.Get("coverage"))
	v, err := metrics.KernelDistance(ref.outputs.Features, outputs.Features, 0)
	if err != nil {
		return err
	}
	r.addValue(KernelDistance, v)
	return nil
}

// overlap returns precision and recall.
func (j *Judge) overlap(ref *reference, outputs *Classified) (precision, recall float64, err error) {
	real, err := j.manifold()
	if err != nil {
		return 0, 0, err
	}
	generated, err := metrics.FitManifold(outputs.Features, neighbors)
	if err != nil {
		return 0, 0, err
	}
	if precision, err = real.Share(outputs.Features); err != nil {
		return 0, 0, err
	}
	recall, err = generated.Share(ref.outputs.Features)
	return precision, recall, err
}

// neighbors is the k of the manifolds of precision and recall, and moreNeighbors
// that of density and coverage, as in the papers.
const (
	neighbors     = 3
	moreNeighbors = 5
)

// add appends a value with its floor and ceiling.
func (r *Report) add(name string, value float64) { r.addValue(name, metrics.NewValue(name, value)) }

// addValue appends a value of which the standard error may be known.
func (r *Report) addValue(name string, v metrics.Value) {
	v.Name = name
	v.Floor, v.Ceiling = floorOf(name, r.N), ceilings[name]
	r.Values = append(r.Values, v)
}

// measured is the value of n real digits.
type measured struct {
	n     int
	value float64
}

// floorOf interpolates the floor for n samples between the measured ones, which
// are in order of n. It is linear in 1/n, because most of the effect of finite
// samples on these values is proportional to that. If n is below the smallest
// measured one, it is NaN.
func floorOf(name string, n int) float64 {
	f := floors[name]
	if len(f) < 2 || n < f[0].n {
		return math.NaN()
	}
	at, _ := slices.BinarySearchFunc(f, n, func(m measured, n int) int { return m.n - n })
	at = min(max(at, 1), len(f)-1)
	lo, hi := f[at-1], f[at]
	inverse := func(n int) float64 { return 1 / float64(n) }
	t := (inverse(n) - inverse(lo.n)) / (inverse(hi.n) - inverse(lo.n))
	return lo.value + t*(hi.value-lo.value)
}
