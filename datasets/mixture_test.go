package datasets_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// moments returns the mean and the standard deviation of each column.
func moments(x *tensor.Tensor) (mean, std [2]float64) {
	v, n := x.Float64s(), float64(x.Dim(0))
	for k := range 2 {
		for i := k; i < len(v); i += 2 {
			mean[k] += v[i] / n
		}
		for i := k; i < len(v); i += 2 {
			std[k] += (v[i] - mean[k]) * (v[i] - mean[k]) / n
		}
		std[k] = math.Sqrt(std[k])
	}
	return mean, std
}

func TestRingAndGaussianGrid(t *testing.T) {
	ring, grid := datasets.Ring(), datasets.GaussianGrid()
	assert.InDelta(t, 0.7072, ring.Scale, 5e-5)
	assert.InDelta(t, 2.8289, grid.Scale, 5e-5)
	for _, c := range []struct {
		m     datasets.Mixture
		modes int
		sigma float64
	}{{ring, 8, 0.01 / 0.70718}, {grid, 25, 0.05 / 2.82887}} {
		centers, sigma := c.m.Modes()
		assert.Len(t, centers, c.modes)
		assert.InDelta(t, c.sigma, sigma, 1e-6)
		for i, a := range centers { // distinct: published code has had doubles
			for _, b := range centers[:i] {
				assert.Greater(t, math.Hypot(a[0]-b[0], a[1]-b[1]), 0.5)
			}
		}
		mean, std := moments(c.m.Sample(tensor.Float64, 40_000, tensor.NewStream(1, "test")))
		for k := range 2 {
			assert.InDelta(t, 0, mean[k], 0.02) // 4 standard errors
			assert.InDelta(t, 1, std[k], 0.02)
		}
	}
	// The angles of the ring are 2πi/8.
	centers, _ := datasets.Ring().Modes()
	for i, c := range centers {
		angle := math.Atan2(c[1], c[0])
		assert.InDelta(t, 0, math.Remainder(angle-2*math.Pi*float64(i)/8, 2*math.Pi), 1e-12)
	}
}

// Every mode gets its share, and within it the samples are Gaussian.
func TestMixtureSample(t *testing.T) {
	m := datasets.Mixture{Centers: [][2]float64{{-10, 0}, {10, 4}, {0, 20}}, Sigma: 0.5, Scale: 2}
	const n = 30_000
	x := m.Sample(tensor.Float64, n, tensor.NewStream(3, "test")).Float64s()
	count, squares, crossed := make([]float64, 3), make([]float64, 3), 0.0
	for i := 0; i < len(x); i += 2 {
		best := 0
		for k, c := range m.Centers {
			d := func(c [2]float64) float64 { return math.Hypot(2*x[i]-c[0], 2*x[i+1]-c[1]) }
			if d(c) < d(m.Centers[best]) {
				best = k
			}
		}
		dx, dy := 2*x[i]-m.Centers[best][0], 2*x[i+1]-m.Centers[best][1]
		count[best]++
		squares[best] += dx*dx + dy*dy
		crossed += dx * dy / n
	}
	for k := range 3 {
		assert.InDelta(t, n/3, count[k], 4*math.Sqrt(n*2/9))
		assert.InDelta(t, 0.5, math.Sqrt(squares[k]/count[k]/2), 0.01)
	}
	assert.InDelta(t, 0, crossed, 0.01)

	unscaled := datasets.Mixture{Centers: m.Centers, Sigma: 0.5}.Sample(tensor.Float64, 5, tensor.NewStream(3, "test"))
	same := datasets.Mixture{Centers: m.Centers, Sigma: 0.5, Scale: 1}.Sample(tensor.Float64, 5, tensor.NewStream(3, "test"))
	assert.Equal(t, same.Float64s(), unscaled.Float64s())
}

func TestMixtureSampleDTypesAgree(t *testing.T) {
	wide := datasets.GaussianGrid().Sample(tensor.Float64, 1000, tensor.NewStream(7, "test"))
	narrow := datasets.GaussianGrid().Sample(tensor.Float32, 1000, tensor.NewStream(7, "test"))
	require.Equal(t, tensor.Float32, narrow.DType())
	assert.Equal(t, wide.Float32s(), narrow.Float32s())
	assert.Equal(t, []int{0, 2}, datasets.Ring().Sample(tensor.Float32, 0, tensor.NewStream(7, "test")).Shape())
}

func TestMixtureMisuse(t *testing.T) {
	for message, f := range map[string]func(){
		"-1 samples": func() { datasets.Ring().Sample(tensor.Float32, -1, tensor.NewStream(1, "test")) },
		"0 centres":  func() { datasets.Mixture{}.Sample(tensor.Float32, 1, tensor.NewStream(1, "test")) },
	} {
		assert.ErrorContains(t, tensor.Catch(f), message)
	}
}
