package metrics

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// PrecisionRecall measures how far two sets of features, [n, d] and [m, d], overlap
// (Kynkäänniemi et al., 2019), by their manifolds of k neighbours, usually 3.
// Precision is the share of samples in the reference's [Manifold], those that look
// real. Recall is the share of the reference in the samples' manifold, the real
// ones that a sample resembles. A real point whose neighbours are far away has a
// large ball; so precision may be well above 0 even for noise. Where points coincide,
// distances are 0, and a ball may be its centre alone.
//
// It returns an error if a number is not finite or a set has k points or fewer. It
// panics with a [tensor.ShapeError] on other shapes, and with a
// [tensor.ArgumentError] if k is below 1.
func PrecisionRecall(reference, generated *tensor.Tensor, k int) (precision, recall float64, err error) {
	r, err := FitManifold(reference, k)
	if err != nil {
		return 0, 0, err
	}
	g, err := FitManifold(generated, k)
	if err != nil {
		return 0, 0, err
	}
	if precision, err = r.Share(generated); err != nil {
		return 0, 0, err
	}
	recall, err = g.Share(reference)
	return precision, recall, err
}

// Manifold is the union of balls around a set of points. The radius of each is the
// distance of its centre from its k-th nearest neighbour in the set. A Manifold
// never changes; one can be the reference of many sets of samples.
type Manifold struct {
	centers *samples
	k       int
	radii   []square
}

// FitManifold returns the manifold of points [n, d] with k neighbours. It returns
// an error if a number is not finite or n ≤ k. It panics with a
// [tensor.ShapeError] on another shape, and with a [tensor.ArgumentError] if k is
// below 1.
func FitManifold(points *tensor.Tensor, k int) (*Manifold, error) {
	const op = "FitManifold"
	if k < 1 {
		panic(&tensor.ArgumentError{Op: op, Problem: fmt.Sprintf("there is no neighbour %d", k), Fix: "give 1 or more; 3 is usual"})
	}
	s, err := read(op, "points", points)
	switch {
	case err != nil:
		return nil, err
	case s.n <= k:
		return nil, fmt.Errorf("metrics: %s: a point of a set of %d has no %d neighbours in it", op, s.n, k)
	}
	return &Manifold{s, k, radii(s, k)}, nil
}

// Share returns the share of points [n, d] that lie in the manifold, its border
// included, or 0 if there are none. It returns an error if a number is not finite,
// and panics with a [tensor.ShapeError] on another shape.
func (m *Manifold) Share(points *tensor.Tensor) (float64, error) {
	const op = "Manifold.Share"
	s, err := read(op, "points", points)
	if err != nil {
		return 0, err
	}
	sameDim(op, s, m.centers)
	return covered(s, m.centers, m.radii), nil
}

// radii returns the squared distance of each point from its k-th nearest
// neighbour.
func radii(s *samples, k int) []square {
	nearest := make([][]square, s.n) // the k nearest so far, in order
	for i := range nearest {
		nearest[i] = slices.Repeat([]square{infinite}, k)
	}
	p := newPairs(s, s)
	p.each(func(i, first int, squared []float64) {
		best := nearest[i]
		for j, d := range squared {
			if first+j == i {
				continue
			}
			exact, ok := p.nearer(i, first+j, d, best[k-1])
			if !ok {
				continue
			}
			at := k - 1
			for ; at > 0 && exact.less(best[at-1]); at-- {
				best[at] = best[at-1]
			}
			best[at] = exact
		}
	})
	out := make([]square, s.n)
	for i, best := range nearest {
		out[i] = best[k-1]
	}
	return out
}

// covered returns the share of points that lie in one of the balls around
// centers of these squared radii, borders included.
func covered(points, centers *samples, radii []square) float64 {
	inside := make([]bool, points.n)
	p := newPairs(points, centers)
	p.each(func(i, first int, squared []float64) {
		for j := 0; j < len(squared) && !inside[i]; j++ {
			inside[i] = p.within(i, first+j, squared[j], radii[first+j])
		}
	})
	n := 0
	for _, in := range inside {
		if in {
			n++
		}
	}
	return float64(n) / float64(max(points.n, 1))
}
