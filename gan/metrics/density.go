package metrics

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/gander-ml/gander/tensor"
)

// DensityCoverage measures how well two sets of features, [n, d] and [m, d],
// overlap, by the balls around the real ones with a radius of the distance from the
// k-th nearest other, usually the fifth (Naeem et al., "Reliable fidelity and
// diversity metrics for generative models", 2020):
//
//   - density, the mean number of balls that a sample lies in, divided by k. Unlike
//     precision it is not lifted by one unusual real point, whose ball is large. It
//     may be above 1;
//   - coverage, the share of balls that hold a sample. Unlike recall it is not lifted
//     by unusual samples.
//
// Where more than k real points coincide, their balls are that point alone. If all n
// do, a sample that is equal to them has the density n/k, and any other one 0.
//
// Floors are the expectations if both sets are of the same distribution, 1 and
// 1 − (n−1)…(n−k)/((m+n−1)…(m+n−k)). Standard errors are those over other samples
// of the same generator: of the mean for density, and of a share for coverage.
//
// It returns an error if a number is not finite, the reference has k points or
// fewer, or there are no samples. It panics with a [tensor.ShapeError] on other
// shapes, and with a [tensor.ArgumentError] if k is below 1.
func DensityCoverage(reference, generated *tensor.Tensor, k int) (Table, error) {
	m, err := FitManifold(reference, k)
	if err != nil {
		return nil, err
	}
	return m.DensityCoverage(generated)
}

// DensityCoverage is the function of that name for a manifold of the reference.
func (m *Manifold) DensityCoverage(generated *tensor.Tensor) (Table, error) {
	const op = "DensityCoverage"
	s, err := read(op, "samples", generated)
	switch {
	case err != nil:
		return nil, err
	case s.n == 0:
		return nil, fmt.Errorf("metrics: %s: there are no samples", op)
	}
	sameDim(op, s, m.centers)
	counts := make([]float64, s.n) // of the balls that a sample lies in, over k
	holds := make([]atomic.Bool, m.centers.n)
	p := newPairs(s, m.centers)
	p.each(func(i, first int, squared []float64) {
		for j, d := range squared {
			if c := first + j; p.within(i, c, d, m.radii[c]) {
				counts[i] += 1 / float64(m.k)
				holds[c].Store(true)
			}
		}
	})
	covered := 0.0
	for c := range holds {
		if holds[c].Load() {
			covered++
		}
	}
	density := NewValue("density", 0)
	density.Value, density.StdErr = meanStdErr(counts)
	density.Floor = 1
	n := float64(m.centers.n)
	coverage := NewValue("coverage", covered/n)
	coverage.StdErr = shareStdErr(coverage.Value, n)
	empty := 1.0 // the probability that a ball holds none of as many samples
	for j := range m.k {
		empty *= (n - 1 - float64(j)) / (n + float64(s.n) - 1 - float64(j))
	}
	coverage.Floor = 1 - empty
	return Table{density, coverage}, nil
}

// shareStdErr is the standard error of a share of n.
func shareStdErr(share, n float64) float64 { return math.Sqrt(share * (1 - share) / n) }
