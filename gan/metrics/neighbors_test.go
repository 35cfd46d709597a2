package metrics_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/tensor"
)

// squared returns all squared distances [n][m], the plain way.
func squared(a, b *tensor.Tensor) [][]float64 {
	x, y, d := a.Float64s(), b.Float64s(), a.Dim(1)
	out := make([][]float64, a.Dim(0))
	for i := range out {
		out[i] = make([]float64, b.Dim(0))
		for j := range out[i] {
			for k := range d {
				delta := x[i*d+k] - y[j*d+k]
				out[i][j] += delta * delta
			}
		}
	}
	return out
}

// bruteForce is the paper's definition, word by word.
func bruteForce(real, fake *tensor.Tensor, k int) (precision, recall float64) {
	radii := func(x *tensor.Tensor) []float64 {
		var out []float64
		for i, row := range squared(x, x) {
			row = slices.Delete(row, i, i+1)
			slices.Sort(row)
			out = append(out, row[k-1])
		}
		return out
	}
	share := func(x, centers *tensor.Tensor, r []float64) float64 {
		n := 0.0
		for _, row := range squared(x, centers) {
			for j, d := range row {
				if d <= r[j] {
					n++
					break
				}
			}
		}
		return n / float64(x.Dim(0))
	}
	return share(fake, real, radii(real)), share(real, fake, radii(fake))
}

func TestPrecisionRecallEqualsBruteForce(t *testing.T) {
	random := tensor.NewStream(2, "test")
	for _, c := range []struct{ n, m, d, k int }{
		{4, 5, 2, 3}, {50, 40, 3, 1}, {270, 1030, 5, 3}, {30, 500, 4, 20},
	} {
		real := random.Normal(tensor.Float64, c.n, c.d)
		fake := tensor.Shift(tensor.Scale(random.Normal(tensor.Float64, c.m, c.d), 0.8), 0.5)
		precision, recall, err := metrics.PrecisionRecall(real, fake, c.k)
		require.NoError(t, err)
		wantP, wantR := bruteForce(real, fake, c.k)
		assert.Equal(t, []float64{wantP, wantR}, []float64{precision, recall}, "%+v", c)
		// Float32 samples are the same as their float64 copies.
		p32, r32, err := metrics.PrecisionRecall(real.Cast(tensor.Float32), fake.Cast(tensor.Float32), c.k)
		require.NoError(t, err)
		wantP, wantR = bruteForce(real.Cast(tensor.Float32), fake.Cast(tensor.Float32), c.k)
		assert.Equal(t, []float64{wantP, wantR}, []float64{p32, r32})
	}
}

func TestManifold(t *testing.T) {
	line := func(x ...float64) *tensor.Tensor { return tensor.FromFloat64(x, len(x), 1) }
	m, err := metrics.FitManifold(line(0, 1, 3, 10), 1) // balls [−1,1], [0,2], [1,5], [3,17]
	require.NoError(t, err)
	for _, c := range []struct {
		points []float64
		share  float64
	}{{[]float64{-1, 0, 17}, 1}, {[]float64{-1.01, 17.01}, 0}, {[]float64{2.5, 100, -2, 5}, 0.5}, {nil, 0}} {
		got, err := m.Share(line(c.points...))
		require.NoError(t, err)
		assert.Equal(t, c.share, got, c.points)
	}
}

// If points coincide, balls have radius 0, and only exact distances are right.
func TestPrecisionRecallOfCollapsedSamples(t *testing.T) {
	real := tensor.Shift(tensor.NewStream(3, "test").Normal(tensor.Float64, 200, 7), 100)
	check := func(fake *tensor.Tensor, precision, recall float64) {
		t.Helper()
		p, r, err := metrics.PrecisionRecall(real, fake, 3)
		require.NoError(t, err)
		assert.Equal(t, []float64{precision, recall}, []float64{p, r})
		wantP, wantR := bruteForce(real, fake, 3)
		assert.Equal(t, []float64{wantP, wantR}, []float64{p, r})
	}
	check(real, 1, 1)
	check(tensor.Shift(real, 1e4), 0, 0)
	one := real.Slice(0, 17, 18)
	check(one.BroadcastTo(50, 7), 1, 1.0/200) // one real sample, fifty times
	check(tensor.Shift(one, 1e-9).BroadcastTo(50, 7), 1, 0)
	half := tensor.Concat(0, real.Slice(0, 0, 10), tensor.New(tensor.Float64, 10, 7))
	p, r, err := metrics.PrecisionRecall(real, half, 3)
	require.NoError(t, err)
	wantP, wantR := bruteForce(real, half, 3)
	assert.Equal(t, []float64{wantP, wantR}, []float64{p, r})
	assert.Equal(t, 0.5, p)
}

func TestNearestNeighbors(t *testing.T) {
	random := tensor.NewStream(4, "test")
	for _, c := range []struct{ n, m, d int }{{1, 1, 1}, {300, 1100, 6}, {20, 3, 40}, {0, 5, 2}} {
		a, b := random.Normal(tensor.Float32, c.n, c.d), random.Normal(tensor.Float32, c.m, c.d)
		got, err := metrics.NearestNeighbors(a, b)
		require.NoError(t, err)
		require.Len(t, got, c.n)
		for i, row := range squared(a, b) {
			assert.Equal(t, math.Sqrt(slices.Min(row)), got[i].Distance)
			assert.Equal(t, slices.Index(row, slices.Min(row)), got[i].Index)
		}
	}
	set := tensor.Shift(random.Normal(tensor.Float32, 500, 9), 50)
	copies, err := metrics.NearestNeighbors(set.Slice(0, 100, 200), set)
	require.NoError(t, err)
	for i, n := range copies {
		assert.Equal(t, metrics.Neighbor{Index: 100 + i, Distance: 0}, n)
	}
}

func TestCopying(t *testing.T) {
	random := tensor.NewStream(5, "test")
	training, unseen := random.Normal(tensor.Float64, 1000, 6), random.Normal(tensor.Float64, 1000, 6)
	honest, err := metrics.Copying(random.Normal(tensor.Float64, 2000, 6), training, unseen)
	require.NoError(t, err)
	d, c := honest.Get("distance from training set"), honest.Get("near copies")
	assert.InDelta(t, d.Floor, d.Value, 0.05*d.Floor)
	assert.InDelta(t, 0.01, c.Value, 0.01)
	assert.Equal(t, 0.01, c.Floor)

	thief, err := metrics.Copying(tensor.Concat(0, training.Slice(0, 0, 300), unseen.Slice(0, 0, 100)), training, unseen)
	require.NoError(t, err)
	assert.Equal(t, 0.0, thief.Get("distance from training set").Value)
	assert.InDelta(t, 0.75, thief.Get("near copies").Value, 0.01)

	// The median of an even number lies between the two in the middle.
	line := func(x ...float64) *tensor.Tensor { return tensor.FromFloat64(x, len(x), 1) }
	table, err := metrics.Copying(line(1, 3), line(0), line(4, 5, 7))
	require.NoError(t, err)
	assert.Equal(t, 2.0, table.Get("distance from training set").Value)
	assert.Equal(t, 5.0, table.Get("distance from training set").Floor)
	assert.Equal(t, 1.0, table.Get("near copies").Value)
	assert.Equal(t, 0.0, table.Get("near copies").Floor)
}

func TestNeighborsRefusals(t *testing.T) {
	x := tensor.NewStream(1, "test").Normal(tensor.Float32, 9, 4)
	bad := x.Clone()
	bad.Set(math.NaN(), 8, 3)
	empty := x.Slice(0, 0, 0)
	pr := func(a, b *tensor.Tensor, k int) error { _, _, err := metrics.PrecisionRecall(a, b, k); return err }
	nn := func(a, b *tensor.Tensor) error { _, err := metrics.NearestNeighbors(a, b); return err }
	copying := func(a, b, c *tensor.Tensor) error { _, err := metrics.Copying(a, b, c); return err }
	manifold, err := metrics.FitManifold(x, 2)
	require.NoError(t, err)
	share := func(y *tensor.Tensor) error { _, err := manifold.Share(y); return err }
	for want, err := range map[string]error{
		"FitManifold: number 3 of row 8 of the points":     cmp.Or(pr(bad, x, 3), pr(x, bad, 3)),
		"Manifold.Share: number 3 of row 8 of the points":  share(bad),
		"a point of a set of 3 has no 3 neighbours in it":  pr(x, x.Slice(0, 0, 3), 3),
		"a point of a set of 0 has no 3 neighbours in it":  pr(empty, x, 3),
		"NearestNeighbors: number 3 of row 8 of the set":   nn(x, bad),
		"NearestNeighbors: number 3 of row 8 of the point": nn(bad, x),
		"the set is empty":                cmp.Or(nn(x, empty), copying(x, empty, x)),
		"there are no samples to compare": cmp.Or(copying(empty, x, x), copying(x, x, empty)),
	} {
		assert.ErrorContains(t, err, want)
	}
	require.NoError(t, pr(x, x.Slice(0, 0, 4), 3))
	assert.ErrorContains(t, copying(x, x, bad), "row 8")
	var argument *tensor.ArgumentError
	assert.ErrorAs(t, tensor.Catch(func() { pr(x, x, 0) }), &argument)
	for _, f := range []func(){
		func() { pr(x, x.Slice(1, 0, 3), 3) },
		func() { nn(x.Reshape(36), x) },
		func() { share(x.Slice(1, 0, 3)) },
		func() { nn(tensor.New(tensor.Float32, 3, 0), tensor.New(tensor.Float32, 3, 0)) },
	} {
		var shape *tensor.ShapeError
		assert.ErrorAs(t, tensor.Catch(f), &shape)
	}
}

func TestNeighborsAreDeterministic(t *testing.T) {
	random := tensor.NewStream(6, "test")
	a, b := random.Normal(tensor.Float32, 600, 20), random.Normal(tensor.Float32, 1500, 20)
	sameForAllThreads(t, func() []metrics.Neighbor {
		nearest, err := metrics.NearestNeighbors(a, b)
		require.NoError(t, err)
		return nearest
	})
	sameForAllThreads(t, func() [2]float64 {
		p, r, err := metrics.PrecisionRecall(a, b, 3)
		require.NoError(t, err)
		return [2]float64{p, r}
	})
}

func TestModes(t *testing.T) {
	values := metrics.Modes([]int{3, 3, 0, 0, 0, 0, 1, 1}, 4)
	assert.Equal(t, 3.0, values.Get("modes").Value)
	assert.InDelta(t, math.Log(4)-1.5*math.Log(2), values.Get("reverse KL").Value, 1e-15) // less the entropy
	values = metrics.Modes([]int{0, 1, 2, 3}, 4)
	assert.Equal(t, 4.0, values.Get("modes").Value)
	assert.Zero(t, values.Get("reverse KL").Value)
	assert.InDelta(t, math.Log(7), metrics.Modes([]int{5, 5}, 7).Get("reverse KL").Value, 1e-15)

	none := metrics.Modes(nil, 3)
	assert.Zero(t, none.Get("modes").Value)
	assert.True(t, math.IsNaN(none.Get("reverse KL").Value))
	assert.ErrorContains(t, tensor.Catch(func() { metrics.Modes([]int{4}, 4) }), "sample 0")
}

func TestHistogram(t *testing.T) {
	shares := metrics.Histogram([]int{0, 2, 2, 3}, 4)
	assert.Equal(t, []float64{0.25, 0, 0.5, 0.25}, shares)
	assert.Equal(t, 0.0, metrics.Rarest(shares))
	assert.Equal(t, 0.25, metrics.Rarest(metrics.Histogram([]int{1, 0, 0, 0}, 2)))
	assert.Equal(t, []float64{0, 0}, metrics.Histogram(nil, 2))
	assert.Equal(t, 0.0, metrics.Rarest(nil))
	for _, bad := range []int{-1, 2} {
		assert.ErrorContains(t, tensor.Catch(func() { metrics.Histogram([]int{0, bad}, 2) }), "sample 1")
	}
	assert.ErrorContains(t, tensor.Catch(func() { metrics.Histogram(nil, -1) }), "-1 classes")
	assert.ErrorContains(t, tensor.Catch(func() { metrics.Modes(nil, -1) }), "-1 classes")
	x := tensor.New(tensor.Float32, 1, 1)
	assert.ErrorContains(t, tensor.Catch(func() { metrics.ByClass(x, []int{0}, x, []int{0}, -1) }), "-1 classes")
}

func BenchmarkPrecisionRecall(b *testing.B) {
	random := tensor.NewStream(1, "bench")
	x, y := random.Normal(tensor.Float32, 10_000, 96), random.Normal(tensor.Float32, 10_000, 96)
	for b.Loop() {
		if _, _, err := metrics.PrecisionRecall(x, y, 3); err != nil {
			b.Fatal(err)
		}
	}
}
