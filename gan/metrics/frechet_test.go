package metrics_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

func TestFrechetEqualsSciPy(t *testing.T) {
	f, err := safetensors.Load("testdata/frechet.safetensors")
	require.NoError(t, err)
	read := func(name string) *tensor.Tensor {
		x, err := f.Tensor(name)
		require.NoError(t, err)
		return x
	}
	for _, name := range []string{"one", "plain", "steep", "rectified", "few", "same"} {
		a, b, want := read(name+".a"), read(name+".b"), read(name+".distance").Item()
		got, err := metrics.Frechet(a, b)
		require.NoError(t, err)
		assert.InDelta(t, want, got, 1e-9*max(1, want), name)
		back, err := metrics.Frechet(b, a)
		require.NoError(t, err)
		assert.InDelta(t, got, back, 1e-9*max(1, want), "%s: not symmetric", name)
	}
}

// Of Gaussians the distance is known: diagonal, and general in two dimensions.
func TestFrechetOfKnownGaussians(t *testing.T) {
	g := &metrics.Gaussian{Mean: []float64{1, 2, 3}, Cov: mat.NewSymDense(3, []float64{4, 0, 0, 0, 9, 0, 0, 0, 0})}
	h := &metrics.Gaussian{Mean: []float64{1, 0, 7}, Cov: mat.NewSymDense(3, []float64{1, 0, 0, 0, 25, 0, 0, 0, 16})}
	got, err := g.Distance(h)
	require.NoError(t, err)
	assert.InDelta(t, 4+16+1+4+16, got, 1e-12) // ‖Δμ‖² + Σ(√λ−√κ)²

	// tr (ST)^½ = √(tr ST + 2·√det ST) for 2×2 matrices.
	s, u := [4]float64{3, 1, 1, 2}, [4]float64{5, -2, -2, 1}
	trace := s[0]*u[0] + s[1]*u[2] + s[2]*u[1] + s[3]*u[3]
	det := (s[0]*s[3] - s[1]*s[2]) * (u[0]*u[3] - u[1]*u[2])
	want := s[0] + s[3] + u[0] + u[3] - 2*math.Sqrt(trace+2*math.Sqrt(det))
	g = &metrics.Gaussian{Mean: []float64{0, 0}, Cov: mat.NewSymDense(2, s[:])}
	h = &metrics.Gaussian{Mean: []float64{0, 0}, Cov: mat.NewSymDense(2, u[:])}
	got, err = g.Distance(h)
	require.NoError(t, err)
	assert.InDelta(t, want, got, 1e-13)
}

// TestFrechetOfNearlySingular: of covariances that share their axes the distance is
// Σ(√λ−√κ)², whatever their condition, to a part of the traces. A root takes the
// rounding of numbers beside 1, 10⁻¹⁶, to 10⁻⁸.
func TestFrechetOfNearlySingular(t *testing.T) {
	const d = 12
	axes := mat.NewDense(d, d, tensor.NewStream(5, "axes").Normal(tensor.Float64, d, d).Float64s())
	var qr mat.QR
	qr.Factorize(axes)
	var q mat.Dense
	qr.QTo(&q)
	along := func(values []float64) *metrics.Gaussian {
		var left, product mat.Dense
		left.Mul(&q, mat.NewDiagDense(d, values))
		product.Mul(&left, q.T())
		cov := mat.NewSymDense(d, nil)
		for i := range d {
			for k := i; k < d; k++ {
				cov.SetSym(i, k, product.At(i, k))
			}
		}
		return &metrics.Gaussian{Mean: make([]float64, d), Cov: cov}
	}
	for _, step := range []float64{1, 0.1, 1e-3, 1e-10, 0} {
		for _, scale := range []float64{1e-200, 1, 1e200} {
			l, k := make([]float64, d), make([]float64, d)
			want, traces := 0.0, 0.0
			for i := range d {
				l[i], k[i] = scale*math.Pow(step, float64(i)), scale*math.Pow(step, float64(i)/2)*2
				root := math.Sqrt(l[i]) - math.Sqrt(k[i])
				want, traces = want+root*root, traces+l[i]+k[i]
			}
			for other, want := range map[*metrics.Gaussian]float64{along(k): want, along(l): 0} {
				got, err := along(l).Distance(other)
				require.NoError(t, err)
				require.InDelta(t, want/traces, got/traces, 2e-7, "eigenvalues fall by %g, scale %g", step, scale)
			}
		}
	}
}

func TestFitGaussian(t *testing.T) {
	g, err := metrics.FitGaussian(tensor.FromFloat32([]float32{1, 0, 3, 0, 5, 6}, 3, 2))
	require.NoError(t, err)
	assert.Equal(t, 3, g.N)
	assert.InDeltaSlice(t, []float64{3, 2}, g.Mean, 1e-15)
	assert.InDelta(t, 4, g.Cov.At(0, 0), 1e-14)
	assert.InDelta(t, 6, g.Cov.At(1, 0), 1e-14)
	assert.InDelta(t, 12, g.Cov.At(1, 1), 1e-14)
}

// Whatever the features, the distance is a number, and zero between equals.
func TestFrechetOfDegenerateFeatures(t *testing.T) {
	random := tensor.NewStream(1, "test")
	plain := random.Normal(tensor.Float64, 60, 8)
	dead := plain.Clone()
	dead.Slice(1, 2, 5).Fill(0) // three units that never fire
	line := tensor.MatMul(random.Normal(tensor.Float64, 60, 1), random.Normal(tensor.Float64, 1, 8))
	sets := map[string]*tensor.Tensor{
		"plain": plain, "dead": dead, "line": line, "point": tensor.Full(tensor.Float64, 3, 60, 8),
		"tiny": tensor.Scale(plain, 1e-160), "huge": tensor.Scale(plain, 1e70), "far": tensor.Shift(plain, 1e8),
	}
	for nameA, a := range sets {
		scale := max(1, tensor.MaxOver(tensor.Square(a)).Item())
		for nameB, b := range sets {
			d, err := metrics.Frechet(a, b)
			require.NoError(t, err)
			require.False(t, math.IsNaN(d) || math.IsInf(d, 0) || d < 0, "%s, %s: %g", nameA, nameB, d)
			if nameA == nameB {
				assert.LessOrEqual(t, d, 1e-7*scale, "%s", nameA)
			}
		}
	}
}

func TestFrechetRefusals(t *testing.T) {
	x := tensor.NewStream(1, "test").Normal(tensor.Float32, 9, 8)
	_, err := metrics.Frechet(x, x)
	require.NoError(t, err)
	_, err = metrics.Frechet(x, x.Slice(0, 0, 8))
	assert.ErrorContains(t, err, "8 samples do not determine a covariance in 8 dimensions; give 9 or more")
	_, err = metrics.Frechet(x.Slice(0, 0, 0), x)
	assert.ErrorContains(t, err, "0 samples")
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		y := x.Clone()
		y.Set(bad, 4, 2)
		_, err = metrics.Frechet(x, y)
		assert.ErrorContains(t, err, "number 2 of row 4 of the features")
	}
	wide := tensor.Scale(x.Cast(tensor.Float64), 1e200)
	_, err = metrics.Frechet(wide, wide)
	assert.ErrorContains(t, err, "the covariance of features 0 and 0 is too large for a float64")
	huge := tensor.Full(tensor.Float64, 1e154, 10_000, 1) // the squared distance of their means is too large
	huge.SliceStep(0, 0, 10_000, 2).Fill(-1e154)
	_, err = metrics.Frechet(huge, tensor.Scale(huge, .5))
	require.NoError(t, err)
	_, err = metrics.Frechet(huge, tensor.Shift(huge, 1e155))
	assert.ErrorContains(t, err, "not finite")
	g, err := metrics.FitGaussian(x)
	require.NoError(t, err)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		for i := range 2 {
			h := &metrics.Gaussian{Mean: make([]float64, 8), Cov: mat.NewSymDense(8, nil)}
			h.Cov.SetSym(i, 1, bad)
			_, err = g.Distance(h)
			assert.ErrorContains(t, err, "not finite")
			_, err = h.Distance(g)
			assert.ErrorContains(t, err, "not finite")
		}
	}

	assert.ErrorContains(t, tensor.Catch(func() { metrics.Frechet(x, x.Slice(1, 0, 7)) }), "dimensions differ")
	assert.ErrorContains(t, tensor.Catch(func() { metrics.Frechet(x.Reshape(3, 3, 8), x) }), "not rows of numbers")
	for _, f := range []func(){
		func() { metrics.Frechet(nil, x) }, func() { metrics.KernelDistance(x, nil, 0) }, func() { metrics.PrecisionRecall(nil, x, 3) },
		func() { metrics.DensityCoverage(x, nil, 3) }, func() { metrics.NearestNeighbors(nil, x) }, func() { metrics.Copying(x, nil, x) },
	} {
		assert.ErrorContains(t, tensor.Catch(f), "are nil; give [n, d]")
	}
}

// sameForAllThreads runs f with several numbers of threads.
func sameForAllThreads[T any](t *testing.T, f func() T) {
	t.Helper()
	defer tensor.CPU().SetThreads(0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	tensor.CPU().SetThreads(1)
	want := f()
	for _, threads := range []int{2, 3, 4} {
		tensor.CPU().SetThreads(threads)
		assert.Equal(t, want, f(), "%d threads", threads)
	}
}

func TestFrechetIsDeterministic(t *testing.T) {
	random := tensor.NewStream(1, "test")
	a, b := random.Normal(tensor.Float32, 1000, 48), random.Uniform(tensor.Float32, 900, 48)
	sameForAllThreads(t, func() float64 {
		d, err := metrics.Frechet(a, b)
		require.NoError(t, err)
		return d
	})
}

func BenchmarkFrechet(b *testing.B) {
	random := tensor.NewStream(1, "bench")
	x, y := random.Normal(tensor.Float32, 10_000, 96), random.Normal(tensor.Float32, 10_000, 96)
	for b.Loop() {
		if _, err := metrics.Frechet(x, y); err != nil {
			b.Fatal(err)
		}
	}
}

// A matrix with a negative eigenvalue is not a covariance.
func TestDistanceRefusesIndefinite(t *testing.T) {
	gaussian := func(cov ...float64) *metrics.Gaussian {
		return &metrics.Gaussian{N: 10, Mean: []float64{0, 0}, Cov: mat.NewSymDense(2, cov)}
	}
	sound := []*metrics.Gaussian{
		gaussian(1, 0, 0, 1), gaussian(1, 1, 1, 1), gaussian(0, 0, 0, 0), gaussian(1e-300, 0, 0, 1e300), gaussian(1, 1+1e-9, 1+1e-9, 1), gaussian(1, 0, 0, -1e-9),
	}
	for _, bad := range []*metrics.Gaussian{
		gaussian(-1, 1, 1, 1), gaussian(1, 2, 2, 1), gaussian(1, 0, 0, -1), gaussian(-1, 0, 0, -1), gaussian(0, 1, 1, 0), gaussian(1, 1.001, 1.001, 1),
		gaussian(1e-200, 2e-200, 2e-200, 1e-200), gaussian(-1e-300, 0, 0, 0), gaussian(1e200, 0, 0, -1e198),
	} {
		for _, good := range sound {
			_, err := good.Distance(bad)
			require.ErrorContains(t, err, "not a covariance", "%v", mat.Formatted(bad.Cov))
			_, err = bad.Distance(good)
			require.ErrorContains(t, err, "not a covariance", "%v", mat.Formatted(bad.Cov))
		}
	}
	for _, a := range sound {
		for _, b := range sound {
			_, err := a.Distance(b)
			require.NoError(t, err, "%v and %v", mat.Formatted(a.Cov), mat.Formatted(b.Cov))
		}
	}
	for _, odd := range []*metrics.Gaussian{
		{Mean: []float64{0, 0}}, {}, {Mean: []float64{0, 0}, Cov: mat.NewSymDense(3, nil)}, {Mean: []float64{0}, Cov: mat.NewSymDense(1, nil)},
	} {
		var shape *tensor.ShapeError
		require.ErrorAs(t, tensor.Catch(func() { sound[0].Distance(odd) }), &shape)
		require.ErrorAs(t, tensor.Catch(func() { odd.Distance(sound[0]) }), &shape)
	}
}
