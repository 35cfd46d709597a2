package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/tensor"
)

// Gaussian is the mean and the covariance of a set of features: all that [Frechet]
// depends on. One can be the reference of many sets of samples.
type Gaussian struct {
	N    int // number of features it was fitted to
	Mean []float64
	Cov  *mat.SymDense // divided by N−1, as NumPy's cov does
}

// FitGaussian returns the mean and the covariance of features [n, d]. It returns an
// error if one, or a covariance, is not finite, or if n ≤ d: then the covariance is
// singular, and distances from it depend more on n than on the samples.
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
	g := &Gaussian{N: s.n, Mean: mean.Float64s(), Cov: mat.NewSymDense(s.d, nil)}
	for i := range g.Mean {
		g.Mean[i] = math.Ldexp(g.Mean[i], s.exp)
	}
	for i, v := range cov.Float64s() {
		if v = math.Ldexp(v, 2*s.exp); math.IsInf(v, 0) {
			return nil, fmt.Errorf("metrics: %s: the covariance of features %d and %d is too large for a float64", op, i/s.d, i%s.d)
		}
		if i/s.d <= i%s.d {
			g.Cov.SetSym(i/s.d, i%s.d, v)
		}
	}
	return g, nil
}

// Frechet returns the Fréchet distance, squared as usual, between the Gaussians
// fitted to two sets of features, [n, d] and [m, d]. It is symmetric, never
// negative and never NaN. It returns the errors of [FitGaussian] and
// [Gaussian.Distance], and panics with a [tensor.ShapeError] on other shapes.
//
// With few samples the distance is too large, by about a constant divided by n:
// compare values of one n only, preferably 10,000.
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
// Only the eigenvalues of the matrix under the last root are needed. They are those
// of A·Σ₂·Aᵀ with A = Λ^½·Vᵀ, where Σ₁ = V·Λ·Vᵀ. All these matrices are symmetric,
// so their eigenvalues are real, while rounding may make the root of the product
// Σ₁·Σ₂ complex. Eigenvalues that rounding has made negative count as 0.
//
// It returns an error if a number or the result is not finite, or if a matrix is
// not a covariance, because an eigenvalue is negative by more than a millionth of
// the trace. It panics with a [tensor.ShapeError] if the dimensions of the
// Gaussians, or of a mean and its covariance, differ.
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

// negligible is the largest amount by which rounding, in float32 too, may make an
// eigenvalue of a matrix of trace 1 negative.
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
	// T's own eigenvalues are not needed: it has a Cholesky factor only if none is
	// negative.
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

// unit returns a covariance divided by its trace, and the trace. Gonum computes
// eigenvalues near 1 most accurately, and without overflow.
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

// significant returns v, or 0 if v is too small to change a root of about 1.
// (Blocks of elements below 10⁻¹²² make gonum's Dsterf panic.)
func significant(v float64) float64 {
	if math.Abs(v) < 1e-33 {
		return 0
	}
	return v
}
