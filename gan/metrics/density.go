package metrics

import (
	"fmt"
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
// 1 − (n−1)…(n−k)/((m+n−1)…(m+n−k)). Standard errors are those over other samples of
// the same generator, and not known of a single one: that of a mean for density, and for
// coverage the jackknife's (Efron and Stein, "The jackknife estimate of variance", 1981),
// which is rather too large than too small. The balls overlap, so that coverage varies
// more than a share of n would.
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
	counts := make([]float64, s.n)             // of the balls that a sample lies in, over k
	holds := make([]atomic.Int64, m.centers.n) // 1 + the only sample in a ball; 0: none; −1: several
	p := newPairs(s, m.centers)
	limits := p.limits(m.radii)
	p.each(func(i, first int, squared []float64) {
		for j, d := range squared {
			if c := first + j; p.within(i, c, d, limits[c]) {
				counts[i] += 1 / float64(m.k)
				if !holds[c].CompareAndSwap(0, int64(1+i)) {
					holds[c].Store(-1)
				}
			}
		}
	})
	covered := 0.0
	alone := make([]float64, s.n) // the share of balls that only a sample covers
	for c := range holds {
		switch only := holds[c].Load(); {
		case only > 0:
			alone[only-1] += 1 / float64(m.centers.n)
			fallthrough
		case only < 0:
			covered++
		}
	}
	density := NewValue("density", 0)
	density.Value, density.StdErr = meanStdErr(counts)
	density.Floor = 1
	n := float64(m.centers.n)
	coverage := NewValue("coverage", covered/n)
	_, alike := meanStdErr(alone)
	coverage.StdErr = alike * float64(s.n-1) // √((m−1)/m·Σ(uᵢ−ū)²): without sample i, coverage is less by uᵢ
	empty := 1.0                             // the probability that a ball holds none of as many samples
	for j := range m.k {
		empty *= (n - 1 - float64(j)) / (n + float64(s.n) - 1 - float64(j))
	}
	coverage.Floor = 1 - empty
	return Table{density, coverage}, nil
}
