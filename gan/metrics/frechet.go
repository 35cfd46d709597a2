package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/tensor"
)

// Gaussian is the mean and the covariance of a set of features: all that
// [Frechet] looks at. Taken once, it serves as the reference of many samples.
type Gaussian struct {
	N    int // features it was taken from
	Mean []float64
	Cov  *mat.SymDense // divided by N−1, as NumPy's cov does
}

// FitGaussian returns the mean and the covariance of features [n, d]. It
// returns an error where one is not finite, or where n ≤ d: then the covariance
// is singular, and distances from it say more about n than about the samples.
func FitGaussian(features *tensor.Tensor) (*Gaussian, error) {
	const op = "FitGaussian"
	s, err := read(op, "features", features)
	if err != nil {
		return nil, err
	}
	if s.n <= s.d {
		return nil, fmt.Errorf("metrics: %s: %d samples do not determine a covariance in %d dimensions; give %d or more, and better ten times that",
			op, s.n, s.d, s.d+1)
	}
	mean := tensor.Scale(tensor.Sum(s.t, 0), 1/float64(s.n))
	centred := tensor.Sub(s.t, mean)
	cov := tensor.Scale(tensor.MatMul(centred.T(), centred), 1/float64(s.n-1))
	return &Gaussian{N: s.n, Mean: mean.Float64s(), Cov: mat.NewSymDense(s.d, cov.Float64s())}, nil
}

// Frechet returns the Fréchet distance, squared as is the custom, between the
// Gaussians fitted to two sets of features, [n, d] and [m, d]. It is symmetric,
// never negative and never NaN. It returns [FitGaussian]'s errors, and panics
// with a [tensor.ShapeError] on other shapes.
//
// With few samples the distance is too large, by about a constant over n:
// compare values of one n only, and best 10,000.
func Frechet(a, b *tensor.Tensor) (float64, error) {
	g, err := FitGaussian(a)
	if err != nil {
		return 0, err
	}
	h, err := FitGaussian(b)
	if err != nil {
		return 0, err
	}
	return g.Distance(h)
}

// Distance returns the Fréchet distance, squared, between two Gaussians:
//
//	‖μ₁−μ₂‖² + tr Σ₁ + tr Σ₂ − 2·tr (Σ₁^½·Σ₂·Σ₁^½)^½
//
// Of the matrix under the last root only the eigenvalues count. They are those
// of A·Σ₂·Aᵀ with A = Λ^½·Vᵀ, where Σ₁ = V·Λ·Vᵀ: symmetric matrices throughout,
// whose eigenvalues are real, while the usual root of the product Σ₁·Σ₂ may come
// out complex. Those that rounding has made negative count as 0. It returns an
// error if a number is not finite, if the result would not be, or if a matrix is
// not a covariance: if an eigenvalue is negative by more than a millionth of the
// trace. It panics with a [tensor.ShapeError] if the dimensions differ, of the
// Gaussians or of a mean and its covariance.
func (g *Gaussian) Distance(h *Gaussian) (float64, error) {
	d := len(g.Mean)
	if len(h.Mean) != d {
		panic(&tensor.ShapeError{Op: "Gaussian.Distance", Shapes: [][]int{{d}, {len(h.Mean)}},
			Problem: "the dimensions differ", Fix: "give features of one network"})
	}
	for _, x := range []*Gaussian{g, h} {
		size := 0
		if x.Cov != nil {
			size = x.Cov.SymmetricDim()
		}
		if size != d || d == 0 {
			panic(&tensor.ShapeError{Op: "Gaussian.Distance", Shapes: [][]int{{len(x.Mean)}, {size, size}},
				Problem: "a mean and its covariance do not fit", Fix: "give a mean [d] and a covariance [d, d], d ≥ 1"})
		}
	}
	root, err := traceOfRoot(g.Cov, h.Cov)
	if err != nil {
		return 0, err
	}
	distance := mat.Trace(g.Cov) + mat.Trace(h.Cov) - 2*root
	for i, m := range g.Mean {
		distance += (m - h.Mean[i]) * (m - h.Mean[i])
	}
	if math.IsNaN(distance) || math.IsInf(distance, 0) {
		return 0, errNotFinite
	}
	return max(distance, 0), nil
}

var (
	errNotFinite  = errors.New("metrics: Fréchet distance: a number is not finite")
	errIndefinite = errors.New("metrics: Fréchet distance: a matrix is not a covariance: it has a negative eigenvalue")
)

// negligible is how far below 0 an eigenvalue of a matrix of trace 1 may be by
// rounding, in float32 too.
const negligible = 1e-6

// traceOfRoot returns tr (S^½·T·S^½)^½.
func traceOfRoot(s, t *mat.SymDense) (float64, error) {
	d := s.SymmetricDim()
	unitS, traceS, err := unit(s)
	if err != nil {
		return 0, err
	}
	unitT, traceT, err := unit(t)
	if err != nil {
		return 0, err
	}
	// T's own eigenvalues are not needed: its Cholesky factor tells whether any
	// is negative.
	shifted := mat.NewSymDense(d, nil)
	for i := range d {
		for k := i; k < d; k++ {
			shifted.SetSym(i, k, unitT.At(i, k))
		}
		shifted.SetSym(i, i, unitT.At(i, i)+negligible)
	}
	if !new(mat.Cholesky).Factorize(shifted) {
		return 0, errIndefinite
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(unitS, true) {
		return 0, errNotFinite
	}
	if slices.Min(eigen.Values(nil)) < -negligible {
		return 0, errIndefinite
	}
	var vectors, a, product mat.Dense
	eigen.VectorsTo(&vectors)
	a.CloneFrom(vectors.T())
	for i, l := range eigen.Values(nil) {
		for k := range d {
			a.Set(i, k, math.Sqrt(max(l, 0))*a.At(i, k))
		}
	}
	product.Product(&a, unitT, a.T())
	under := mat.NewSymDense(d, nil)
	for i := range d {
		for k := i; k < d; k++ {
			under.SetSym(i, k, significant((product.At(i, k)+product.At(k, i))/2))
		}
	}
	if !eigen.Factorize(under, false) {
		return 0, errNotFinite
	}
	root := 0.0
	for _, l := range eigen.Values(nil) {
		root += math.Sqrt(max(l, 0))
	}
	return root * math.Sqrt(traceS) * math.Sqrt(traceT), nil
}

// unit returns a covariance divided by its trace, and the trace. Gonum's
// eigenvalues are at their best, and safe from overflow, near 1.
func unit(s *mat.SymDense) (*mat.SymDense, float64, error) {
	d, trace := s.SymmetricDim(), mat.Trace(s)
	out := mat.NewSymDense(d, nil)
	for i := range d {
		for k := i; k < d; k++ {
			v := s.At(i, k)
			if math.IsNaN(v) || math.IsInf(v, 0) || math.IsInf(trace, 0) {
				return nil, 0, errNotFinite
			}
			if v != 0 && trace <= 0 || i == k && v < -negligible*trace {
				return nil, 0, errIndefinite
			}
			if trace > 0 {
				out.SetSym(i, k, significant(v/trace))
			}
		}
	}
	return out, trace, nil
}

// significant makes zero of what cannot show in a root beside 1. (Blocks of
// elements below 10⁻¹²² make gonum's Dsterf panic.)
func significant(v float64) float64 {
	if math.Abs(v) < 1e-33 {
		return 0
	}
	return v
}
