package metrics_test

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/tensor"
)

var _ metrics.Target = datasets.Mixture{}

// offMode is the share of a Gaussian in the plane beyond 3σ.
var offMode = math.Exp(-4.5)

func points(xy ...float64) *tensor.Tensor { return tensor.FromFloat64(xy, len(xy)/2, 2) }

// Nine samples, by hand.
func TestMixtureByHand(t *testing.T) {
	target := datasets.Mixture{Centers: [][2]float64{{0, 0}, {20, 0}, {0, 20}, {-40, 0}}, Sigma: 2, Scale: 2}
	// Centres at (0,0), (10,0), (0,10), (−20,0) and σ = 1, as samples come.
	r, err := metrics.MeasureMixture(target, points(
		1, 0, -1, 0, 0, 2, // mode 0, mean (0, ⅔)
		10, 1, 10, 2, // mode 1, mean (10, 1.5)
		0, 13, // mode 2: at 3σ, which counts
		0, 13.000001, // just off it
		5, 5, // between all
		-20, 100, // far from all
	))
	require.NoError(t, err)
	assert.Equal(t, 9, r.N)
	assert.Equal(t, []int{3, 2, 1, 0}, r.Counts)
	assert.Equal(t, 3, r.Modes)
	assert.InDelta(t, 6.0/9, r.Quality, 1e-15)

	ln, q := math.Log, (1-offMode)/4
	assert.InDelta(t, 0.5*ln(0.5*4)+1./3*ln(4./3)+1./6*ln(4./6), r.ReverseKL, 1e-15)
	assert.InDelta(t, 3./9*ln(3./9/q)+2./9*ln(2./9/q)+1./9*ln(1./9/q)+3./9*ln(3./9/offMode), r.KL, 1e-14)
	squares := 1 + 1 + 2*4./9 + 16./9 + 0.5 // about the means
	assert.InDelta(t, math.Sqrt(squares/(2*(2+1+0))), r.Spread, 1e-14)
}

func TestMixtureOfCollapsedSamples(t *testing.T) {
	target := datasets.GaussianGrid()
	centers, sigma := target.Modes()
	stuck := tensor.New(tensor.Float32, 100, 2)
	for i := range 100 {
		stuck.Set(centers[7][0], i, 0)
		stuck.Set(centers[7][1]+2*sigma, i, 1)
	}
	r, err := metrics.MeasureMixture(target, stuck)
	require.NoError(t, err)
	assert.Equal(t, 1, r.Modes)
	assert.Equal(t, 1.0, r.Quality)
	assert.InDelta(t, math.Log(25), r.ReverseKL, 1e-14)
	assert.InDelta(t, math.Log(25/(1-offMode)), r.KL, 1e-14)
	assert.InDelta(t, 0, r.Spread, 1e-6, "a displaced point has no spread")

	r, err = metrics.MeasureMixture(target, tensor.Full(tensor.Float64, 1e6, 50, 2))
	require.NoError(t, err)
	assert.Equal(t, 0, r.Modes)
	assert.Equal(t, 0.0, r.Quality)
	assert.InDelta(t, 4.5, r.KL, 1e-14)
	assert.True(t, math.IsNaN(r.ReverseKL) && math.IsNaN(r.Spread))

	r, err = metrics.MeasureMixture(target, stuck.Slice(0, 0, 1))
	require.NoError(t, err)
	assert.Equal(t, 1, r.Modes)
	assert.True(t, math.IsNaN(r.Spread), "one sample has no spread")
}

// A perfect sampler scores what theory says.
func TestMixtureFloor(t *testing.T) {
	spread := math.Sqrt((2 - 9*offMode/(1-offMode)) / 2) // of a Gaussian cut at 3σ
	assert.InDelta(t, 0.974, spread, 5e-4)
	for _, target := range []datasets.Mixture{datasets.Ring(), datasets.GaussianGrid()} {
		for _, n := range []int{2500, 10_000} {
			const seeds = 10
			k, count := float64(len(target.Centers)), float64(n)
			floor := metrics.MixtureFloor(target, n, seeds)
			assert.Equal(t, k, floor.Get("modes").Value)
			near := func(name string, want, deviation float64) { // of one seed
				t.Helper()
				assert.InDelta(t, want, floor.Get(name).Value, 4*deviation/math.Sqrt(seeds), "%s of %d samples", name, n)
			}
			near("high-quality share", 1-offMode, math.Sqrt(offMode/count))
			near("reverse KL", (k-1)/(2*count), math.Sqrt((k-1)/2)/count) // χ² with k−1 degrees of freedom, over 2n
			near("KL with off-mode", k/(2*count), math.Sqrt(k/2)/count)
			near("spread in σ", spread, 0.5/math.Sqrt(count))
			assert.Positive(t, floor.Get("reverse KL").StdErr)
		}
	}
	assert.Equal(t, metrics.MixtureFloor(datasets.Ring(), 100, 2).String(), metrics.MixtureFloor(datasets.Ring(), 100, 2).String())
}

// Samples that huddle around the centres show in the spread alone.
func TestMixtureSpread(t *testing.T) {
	target, narrow := datasets.GaussianGrid(), datasets.GaussianGrid()
	narrow.Sigma *= 0.5
	r, err := metrics.MeasureMixture(target, narrow.Sample(tensor.Float32, 10_000, tensor.NewStream(1, "test")))
	require.NoError(t, err)
	assert.InDelta(t, 0.5, r.Spread, 0.01)
	assert.Greater(t, r.Quality, 0.999)
	assert.Equal(t, r.Spread, r.Table().Get("spread in σ").Value)
}

func TestMixtureRefusals(t *testing.T) {
	ring := datasets.Ring()
	_, err := metrics.MeasureMixture(ring, tensor.New(tensor.Float32, 0, 2))
	assert.ErrorContains(t, err, "no samples")
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x := tensor.New(tensor.Float32, 5, 2)
		x.Set(bad, 3, 1)
		_, err = metrics.MeasureMixture(ring, x)
		assert.ErrorContains(t, err, fmt.Sprintf("number 1 of row 3 of the samples is %g", bad))
	}
	for _, f := range []func(){
		func() { metrics.MeasureMixture(ring, tensor.New(tensor.Float32, 5, 3)) },
		func() { metrics.MeasureMixture(ring, tensor.New(tensor.Float32, 10)) },
		func() { metrics.MeasureMixture(datasets.Mixture{Sigma: 1}, tensor.New(tensor.Float32, 5, 2)) },
		func() {
			metrics.MeasureMixture(datasets.Mixture{Centers: ring.Centers}, tensor.New(tensor.Float32, 5, 2))
		},
	} {
		var shape *tensor.ShapeError
		assert.ErrorAs(t, tensor.Catch(f), &shape)
	}
	for _, f := range []func(){
		func() { metrics.MeasureMixture(ring, nil) },
		func() { metrics.MeasureMixture(nil, tensor.New(tensor.Float32, 5, 2)) },
		func() { metrics.MixtureFloor(nil, 1, 1) },
		func() { metrics.MixtureFloor(ring, 0, 1) },
		func() { metrics.MixtureFloor(ring, 1, 0) },
		func() {
			metrics.MixtureFloor(datasets.Mixture{Centers: [][2]float64{{math.Inf(1), 0}}, Sigma: 1}, 1, 1)
		},
	} {
		var argument *tensor.ArgumentError
		assert.ErrorAs(t, tensor.Catch(f), &argument)
	}
}

func ExampleMeasureMixture() {
	grid := datasets.GaussianGrid()
	var runs []metrics.Table
	for seed := range 3 {
		// A generator that makes each mode too small, and a twentieth of noise.
		narrow := datasets.Mixture{Centers: grid.Centers, Sigma: 0.6 * grid.Sigma, Scale: grid.Scale}
		random := tensor.NewStream(uint64(seed), "example")
		x := tensor.Concat(0, narrow.Sample(tensor.Float32, 9500, random), random.Normal(tensor.Float32, 500, 2))
		score, err := metrics.MeasureMixture(grid, x)
		if err != nil {
			log.Fatal(err)
		}
		runs = append(runs, score.Table())
	}
	table := metrics.Average(runs...).Against(metrics.MixtureFloor(grid, 10_000, 10))
	for _, v := range table[:2] {
		fmt.Printf("%s: %.2f, a perfect sampler %.2f\n", v.Name, v.Value, v.Floor)
	}
	// Output:
	// modes: 25.00, a perfect sampler 25.00
	// high-quality share: 0.95, a perfect sampler 0.99
}

// What is NaN is left out of JSON, and NaN again when that is read.
func TestMixtureScoreJSON(t *testing.T) {
	nothing, err := metrics.MeasureMixture(datasets.Ring(), tensor.Full(tensor.Float64, 50, 3, 2))
	require.NoError(t, err)
	require.True(t, math.IsNaN(nothing.ReverseKL) && math.IsNaN(nothing.Spread))
	good, err := metrics.MeasureMixture(datasets.Ring(), datasets.Ring().Sample(tensor.Float64, 100, tensor.NewStream(1, "test")))
	require.NoError(t, err)
	for _, score := range []metrics.MixtureScore{nothing, good} {
		text, err := json.Marshal(map[string]any{"score": score})
		require.NoError(t, err)
		var back struct{ Score metrics.MixtureScore }
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, fmt.Sprint(score), fmt.Sprint(back.Score))
		require.Equal(t, math.IsNaN(score.Spread), !strings.Contains(string(text), "Spread"))
	}
	require.Error(t, json.Unmarshal([]byte(`{"N":"x"}`), new(metrics.MixtureScore)))
}
