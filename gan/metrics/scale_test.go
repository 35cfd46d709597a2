package metrics_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/tensor"
)

// mode is one Gaussian at a centre.
type mode struct {
	center [2]float64
	sigma  float64
}

func (m mode) Modes() ([][2]float64, float64) { return [][2]float64{m.center}, m.sigma }
func (m mode) Sample(dt tensor.DType, n int, random *tensor.Stream) *tensor.Tensor {
	return tensor.Scale(random.Normal(dt, n, 2), m.sigma)
}

// TestScale: what a metric says of features that are a power of two times others is
// what it says of these, times what it measures in: squares of numbers below 1e-160
// and above 1e160 are no float64.
func TestScale(t *testing.T) {
	random := tensor.NewStream(1, "features")
	a, b, c := random.Normal(tensor.Float64, 60, 4), tensor.Shift(random.Normal(tensor.Float64, 50, 4), .5), random.Normal(tensor.Float64, 40, 4)
	classes := func(n int) []int {
		out := make([]int, n)
		for i := range out {
			out[i] = i % 2
		}
		return out
	}
	points := random.Normal(tensor.Float64, 200, 2)
	type all struct {
		overlap, copying  metrics.Table
		precision, recall float64
		distances         []float64
		score             metrics.MixtureScore
		averages          metrics.Table
	}
	measure := func(by float64) (m all) {
		x, y, z := tensor.Scale(a, by), tensor.Scale(b, by), tensor.Scale(c, by)
		var err error
		m.overlap, err = metrics.DensityCoverage(x, y, 5)
		require.NoError(t, err)
		m.precision, m.recall, err = metrics.PrecisionRecall(x, y, 3)
		require.NoError(t, err)
		m.copying, err = metrics.Copying(x, y, z)
		require.NoError(t, err)
		nearest, err := metrics.NearestNeighbors(x, y)
		require.NoError(t, err)
		for _, n := range nearest {
			m.distances = append(m.distances, n.Distance/by)
		}
		m.score, err = metrics.MeasureMixture(mode{sigma: by}, tensor.Scale(points, by))
		require.NoError(t, err)
		m.averages = metrics.Average(metrics.Table{metrics.NewValue("x", by)}, metrics.Table{metrics.NewValue("x", 4*by)})
		for _, v := range []*metrics.Value{&m.copying[0], &m.averages[0]} {
			v.Value, v.Floor, v.StdErr = v.Value/by, v.Floor/by, v.StdErr/by
		}
		return m
	}
	want := measure(1)
	require.InDelta(t, .7, want.overlap.Get("coverage").Value, .25)
	fixed := func(m all) string {
		return m.overlap.String() + m.copying.String() + m.averages.String() + m.score.Table().String()
	}
	for exp := -990; exp <= 990; exp += 45 { // 1e-298 to 1e298
		by := math.Ldexp(1, exp)
		got := measure(by)
		require.Equal(t, fixed(want), fixed(got), "2^%d", exp)
		require.Equal(t, want.distances, got.distances, "2^%d", exp)
		require.Equal(t, want.score, got.score, "2^%d", exp)
		require.Equal(t, []float64{want.precision, want.recall}, []float64{got.precision, got.recall}, "2^%d", exp)

		// The Fréchet distance is a square: it may be too small, which is 0, or too
		// large, which is an error; in between it is right.
		frechet, err := metrics.Frechet(tensor.Scale(a, by), tensor.Scale(b, by))
		one, _ := metrics.Frechet(a, b)
		byClass, errByClass := metrics.ByClass(tensor.Scale(a, by), classes(60), tensor.Scale(b, by), classes(50), 2)
		kernel, errKernel := metrics.KernelDistance(tensor.Scale(a, by), tensor.Scale(b, by), 0)
		if exp > 511 {
			require.ErrorContains(t, err, "too large", "2^%d", exp)
			require.ErrorContains(t, errByClass, "too large", "2^%d", exp)
			require.ErrorContains(t, errKernel, "too large", "2^%d", exp)
			continue
		}
		require.NoError(t, err, "2^%d", exp)
		require.NoError(t, errByClass, "2^%d", exp)
		require.Len(t, byClass, 2)
		require.InDelta(t, math.Ldexp(one, 2*exp), frechet, 1e-9*math.Ldexp(one, 2*exp), "2^%d", exp)
		switch {
		case exp < -60: // 1 + x·y is 1
			require.NoError(t, errKernel)
			require.InDelta(t, 0, kernel.Value, 1e-13, "2^%d", exp)
		case exp < 150:
			require.NoError(t, errKernel)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		bad := tensor.FromFloat64([]float64{1, 2, 3, bad}, 2, 2)
		for _, f := range []func() error{
			func() error { _, err := metrics.FitManifold(bad, 1); return err },
			func() error { _, err := metrics.NearestNeighbors(bad, bad); return err },
			func() error { _, err := metrics.KernelDistance(bad, bad, 0); return err },
		} {
			require.ErrorContains(t, f(), "number 1 of row 1")
		}
	}
}

// TestSizesThatDiffer: neighbours and balls are right, too, if a set holds points of
// very different sizes, or lies far from the origin: then the fast distances tell
// nothing.
func TestSizesThatDiffer(t *testing.T) {
	const n, k = 40, 3
	random := tensor.NewStream(1, "features")
	// On a line, numbers are distances.
	line := func(at func(i int) float64) *tensor.Tensor {
		x := make([]float64, n)
		for i := range x {
			x[i] = at(i)
		}
		return tensor.FromFloat64(x, n, 1)
	}
	noise, more := random.Normal(tensor.Float64, n).Float64s(), random.Normal(tensor.Float64, n).Float64s()
	for name, of := range map[string]func(i int, x float64) float64{
		"plain":      func(_ int, x float64) float64 { return x },
		"powers":     func(i int, x float64) float64 { return math.Ldexp(x, 25*(i%n-n/2)) },
		"an outlier": func(i int, x float64) float64 { return map[bool]float64{true: 1e290}[i == 7] + 1e-200*x },
		"far":        func(_ int, x float64) float64 { return 1e9 + x },
		"coincide":   func(int, float64) float64 { return 1e-250 },
	} {
		a, b := line(func(i int) float64 { return of(i, noise[i]) }), line(func(i int) float64 { return of(i, more[i]) })
		x, y := a.Float64s(), b.Float64s()
		nearest, err := metrics.NearestNeighbors(a, b)
		require.NoError(t, err)
		radius := make([]float64, n)
		for i := range x {
			best := math.Inf(1)
			var others []float64
			for j := range y {
				best = min(best, math.Abs(x[i]-y[j]))
				if i != j {
					others = append(others, math.Abs(x[i]-x[j]))
				}
			}
			require.Equal(t, best, nearest[i].Distance, "%s: %d", name, i)
			require.Equal(t, best, math.Abs(x[i]-y[nearest[i].Index]), "%s: %d", name, i)
			slices.Sort(others)
			radius[i] = others[k-1]
		}
		inBalls, held, in := 0, 0, 0
		for j := range y {
			balls := 0
			for i := range x {
				if math.Abs(x[i]-y[j]) <= radius[i] {
					balls++
				}
			}
			inBalls += balls
			in += min(balls, 1)
		}
		for i := range x {
			holds := 0
			for j := range y {
				if math.Abs(x[i]-y[j]) <= radius[i] {
					holds = 1
				}
			}
			held += holds
		}
		overlap, err := metrics.DensityCoverage(a, b, k)
		require.NoError(t, err)
		require.InDelta(t, float64(inBalls)/k/n, overlap.Get("density").Value, 1e-12, name)
		require.Equal(t, float64(held)/n, overlap.Get("coverage").Value, name)
		precision, _, err := metrics.PrecisionRecall(a, b, k)
		require.NoError(t, err)
		require.Equal(t, float64(in)/n, precision, name)
	}
}
