package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// The values of the definitions, by bench/golden/make_overlap.py.
func TestOverlapEqualsDefinitions(t *testing.T) {
	f, err := safetensors.Load("testdata/overlap.safetensors")
	require.NoError(t, err)
	read := func(name string) *tensor.Tensor {
		x, err := f.Tensor(name)
		require.NoError(t, err)
		return x
	}
	for _, name := range []string{"plain", "one", "rectified", "narrow", "far"} {
		a, b := read(name+".a"), read(name+".b")
		n := min(a.Dim(0), b.Dim(0))
		for blocks, key := range map[int]string{1: ".kernel.1", 3: ".kernel.3"} {
			got, err := metrics.KernelDistance(a, b, n/blocks)
			require.NoError(t, err)
			want := read(name + key).Float64s()
			assert.InDelta(t, want[0], got.Value, 1e-12*max(1, math.Abs(want[0])), name+key)
			assert.Zero(t, got.Floor)
			if blocks == 1 {
				assert.True(t, math.IsNaN(got.StdErr))
				continue
			}
			assert.InDelta(t, want[1], got.StdErr, 1e-12*max(1, math.Abs(want[1])), name+key)
		}
		for k, key := range map[int]string{1: ".density_coverage.1", 5: ".density_coverage.5"} {
			got, err := metrics.DensityCoverage(a, b, k)
			require.NoError(t, err)
			want := read(name + key).Float64s()
			assert.InDelta(t, want[0], got.Get("density").Value, 1e-12, name+key)
			assert.InDelta(t, want[1], got.Get("coverage").Value, 1e-15, name+key)
		}
	}
}

// Of two sets of the same distribution, the mean over many draws is the floor, and
// the deviation over them is what the standard error says.
func TestOverlapFloors(t *testing.T) {
	const draws, n, m, k = 60, 150, 100, 3
	var kernel, kernelErr, density, densityErr, coverage, coverageErr []float64
	var floor metrics.Table
	for i := range draws {
		random := tensor.NewStream(uint64(i), "floors")
		a, b := random.Normal(tensor.Float64, n, 4), random.Normal(tensor.Float64, m, 4)
		v, err := metrics.KernelDistance(a, b, 20)
		require.NoError(t, err)
		kernel, kernelErr = append(kernel, v.Value), append(kernelErr, v.StdErr)
		d, err := metrics.DensityCoverage(a, b, k)
		require.NoError(t, err)
		density, densityErr = append(density, d.Get("density").Value), append(densityErr, d.Get("density").StdErr)
		coverage, coverageErr = append(coverage, d.Get("coverage").Value), append(coverageErr, d.Get("coverage").StdErr)
		floor = d
	}
	near := func(name string, values []float64, want float64) (deviation float64) {
		t.Helper()
		mean := average(values)
		for _, v := range values {
			deviation += (v - mean) * (v - mean) / (draws - 1)
		}
		deviation = math.Sqrt(deviation)
		assert.InDelta(t, want, mean, 4*deviation/math.Sqrt(draws), name)
		return deviation
	}
	assert.InEpsilon(t, average(kernelErr), near("kernel distance", kernel, 0), 0.4)
	near("density", density, floor.Get("density").Floor)
	near("coverage", coverage, floor.Get("coverage").Floor)
	empty := 1.0
	for i := 1; i <= k; i++ {
		empty *= float64(n-i) / float64(m+n-i)
	}
	assert.InDelta(t, 1-empty, floor.Get("coverage").Floor, 1e-15)
	assert.Less(t, average(densityErr), 0.2)
	assert.Less(t, average(coverageErr), 0.05)
}

func average(xs []float64) (mean float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	return mean
}

// The deviation over many sets of samples, against one reference, is what the standard
// errors say: that of coverage, up to half more.
func TestOverlapErrors(t *testing.T) {
	const draws = 100
	for _, c := range []struct {
		n, m, k int
		shift   float64
	}{{300, 300, 5, 0}, {300, 200, 5, 1.5}, {1000, 100, 3, 0}, {100, 400, 5, 1}} {
		random := tensor.NewStream(1, "errors")
		reference, err := metrics.FitManifold(random.Normal(tensor.Float64, c.n, 2), c.k)
		require.NoError(t, err)
		values, errs := map[string][]float64{}, map[string][]float64{}
		for range draws {
			d, err := reference.DensityCoverage(tensor.Shift(random.Normal(tensor.Float64, c.m, 2), c.shift))
			require.NoError(t, err)
			for _, v := range d {
				values[v.Name], errs[v.Name] = append(values[v.Name], v.Value), append(errs[v.Name], v.StdErr)
			}
		}
		for name, most := range map[string]float64{"density": 1.25, "coverage": 1.6} {
			mean, deviation := average(values[name]), 0.0
			for _, v := range values[name] {
				deviation += (v - mean) * (v - mean) / (draws - 1)
			}
			ratio := average(errs[name]) / math.Sqrt(deviation)
			assert.Greater(t, ratio, 0.8, "%s %v", name, c)
			assert.Less(t, ratio, most, "%s %v", name, c)
		}
	}
	// By hand: balls of radius 1 around 0, 1 and 2 on a line, and of 10 around 12. The first
	// sample lies in that of 0, the second in those of 0 and 1.
	points := tensor.FromFloat64([]float64{0, 1, 2, 12}, 4, 1)
	d, err := metrics.DensityCoverage(points, tensor.FromFloat64([]float64{-0.5, 0.5, 40}, 3, 1), 1)
	require.NoError(t, err)
	assert.Equal(t, 0.5, d.Get("coverage").Value)
	// Without the second, ¼ less: u = 0, ¼, 0.
	assert.InDelta(t, math.Sqrt(2./3*(2*1./144+1./36)), d.Get("coverage").StdErr, 1e-15)
	d, err = metrics.DensityCoverage(points, tensor.FromFloat64([]float64{0}, 1, 1), 1)
	require.NoError(t, err)
	assert.True(t, math.IsNaN(d.Get("coverage").StdErr))
}

// Collapse is dense and covers little; far samples are neither.
func TestDensityCoverageOfFailures(t *testing.T) {
	random := tensor.NewStream(1, "failures")
	real := random.Normal(tensor.Float32, 700, 6)
	stuck := tensor.Scale(random.Normal(tensor.Float32, 300, 6), 0.01)
	got, err := metrics.DensityCoverage(real, stuck, 5)
	require.NoError(t, err)
	assert.Greater(t, got.Get("density").Value, 1.0)
	assert.Less(t, got.Get("coverage").Value, 0.3)
	got, err = metrics.DensityCoverage(real, tensor.Shift(stuck, 100), 5)
	require.NoError(t, err)
	assert.Zero(t, got.Get("density").Value)
	assert.Zero(t, got.Get("coverage").Value)
	// A copy of the reference covers all of it.
	got, err = metrics.DensityCoverage(real, real, 5)
	require.NoError(t, err)
	assert.Equal(t, 1.0, got.Get("coverage").Value)
	assert.InDelta(t, 6.0/5, got.Get("density").Value, 1e-12) // each ball holds its centre and five others
}

func TestOverlapDoesNotDependOnThreads(t *testing.T) {
	random := tensor.NewStream(1, "threads")
	a, b := random.Normal(tensor.Float64, 400, 7), random.Normal(tensor.Float64, 300, 7)
	defer tensor.CPU().SetThreads(0)
	var want []float64
	for threads := 1; threads <= 3; threads++ {
		tensor.CPU().SetThreads(threads)
		v, err := metrics.KernelDistance(a, b, 100)
		require.NoError(t, err)
		d, err := metrics.DensityCoverage(a, b, 3)
		require.NoError(t, err)
		got := []float64{v.Value, v.StdErr, d[0].Value, d[0].StdErr, d[1].Value, d[1].StdErr}
		if want == nil {
			want = got
		}
		require.Equal(t, want, got)
	}
}

func TestFidelity(t *testing.T) {
	v, err := metrics.Fidelity([]int{3, 1, 2, 2}, []int{3, 1, 0, 2})
	require.NoError(t, err)
	assert.Equal(t, 0.75, v.Value)
	assert.InDelta(t, math.Sqrt(0.75*0.25/4), v.StdErr, 1e-15)
	_, err = metrics.Fidelity(nil, nil)
	assert.ErrorContains(t, err, "no samples")
	assert.ErrorContains(t, tensor.Catch(func() { metrics.Fidelity([]int{1}, nil) }), "1 samples were judged and 0 asked for")
}

func TestByClass(t *testing.T) {
	random := tensor.NewStream(1, "classes")
	a, b := random.Normal(tensor.Float64, 40, 2), random.Normal(tensor.Float32, 30, 2)
	classes := func(n int) (out []int) {
		for i := range n {
			out = append(out, i%2*2) // 0 and 2 of 4
		}
		return append(out[:n-2], 3, 3)
	}
	got, err := metrics.ByClass(a, classes(40), b, classes(30), 4)
	require.NoError(t, err)
	require.True(t, math.IsNaN(got[1]) && math.IsNaN(got[3]), got)
	rows := func(x *tensor.Tensor, from, n int) *tensor.Tensor {
		var at []int
		for i := from; i < n-2; i += 2 {
			at = append(at, i)
		}
		return tensor.Gather(x, 0, tensor.Positions(at...))
	}
	for i, c := range []int{0, 2} {
		want, err := metrics.Frechet(rows(a, i, 40), rows(b, i, 30))
		require.NoError(t, err)
		assert.InDelta(t, want, got[c], 1e-12)
	}
	for says, f := range map[string]func(){
		"the reference are 40 and their classes 39":     func() { metrics.ByClass(a, classes(39), b, classes(30), 4) },
		"number 2 of the samples is of class 2 of 2":    func() { metrics.ByClass(a, make([]int, 40), b, []int{0, 0, 2, 30: 0}[:30], 2) },
		"number 0 of the reference is of class -1 of 2": func() { metrics.ByClass(a, append([]int{-1}, make([]int, 39)...), b, make([]int, 30), 2) },
	} {
		assert.ErrorContains(t, tensor.Catch(f), says)
	}
}

func TestOverlapRefusals(t *testing.T) {
	x, y := tensor.New(tensor.Float64, 8, 2), tensor.New(tensor.Float64, 8, 3)
	var shape *tensor.ShapeError
	for _, f := range []func(){
		func() { metrics.KernelDistance(x, y, 0) }, func() { metrics.DensityCoverage(x, y, 2) },
		func() { metrics.KernelDistance(x.Reshape(16), x, 0) }, func() { metrics.DensityCoverage(x, x.Reshape(16), 2) },
	} {
		assert.ErrorAs(t, tensor.Catch(f), &shape)
	}
	var argument *tensor.ArgumentError
	for _, f := range []func(){
		func() { metrics.KernelDistance(x, x, 1) }, func() { metrics.KernelDistance(x, x, -1) }, func() { metrics.DensityCoverage(x, x, 0) },
	} {
		assert.ErrorAs(t, tensor.Catch(f), &argument)
	}
	bad := x.Clone()
	bad.Set(math.NaN(), 3, 1)
	for _, f := range []func() error{
		func() error { _, err := metrics.KernelDistance(bad, x, 0); return err },
		func() error { _, err := metrics.KernelDistance(x, bad, 0); return err },
		func() error { _, err := metrics.DensityCoverage(bad, x, 2); return err },
		func() error { _, err := metrics.DensityCoverage(x, bad, 2); return err },
		func() error { _, err := metrics.ByClass(x, make([]int, 8), bad, make([]int, 8), 1); return err },
	} {
		assert.ErrorContains(t, f(), "number 1 of row 3")
	}
	_, err := metrics.KernelDistance(x.Slice(0, 0, 1), x, 0)
	assert.ErrorContains(t, err, "1 and 8 rows are too few")
	_, err = metrics.DensityCoverage(x.Slice(0, 0, 2), x, 2)
	assert.ErrorContains(t, err, "no 2 neighbours")
	_, err = metrics.DensityCoverage(x, x.Slice(0, 0, 0), 2)
	assert.ErrorContains(t, err, "there are no samples")
}
