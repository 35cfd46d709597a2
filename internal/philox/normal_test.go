package philox

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNormal32AgainstFloat64(t *testing.T) {
	step := uint32(9973)
	if testing.Short() {
		step = 1000003
	}
	check := func(radius, angle uint32) {
		u := float64(float32(radius))*0x1p-32 + 0x1p-33
		r := math.Sqrt(-2 * math.Log(float64(float32(u))))
		sin, cos := math.Sincos(2 * math.Pi * (float64(angle) * 0x1p-32))
		x, y := polar32(radius, angle)
		if d := math.Hypot(float64(x)-r*cos, float64(y)-r*sin); !(d <= 4e-7*r) {
			t.Fatalf("polar32(%#x, %#x) = %v, %v; off by %g of %g", radius, angle, x, y, d, r)
		}
	}
	for w := uint32(0); w < math.MaxUint32-step; w += step {
		check(w, w*2654435761)
	}
	for _, w := range []uint32{0, 1, 2, 3, 1 << 29, 1<<29 - 1, 1 << 30, 3 << 29, 1 << 31, 1<<31 - 1, 7 << 29, math.MaxUint32, math.MaxUint32 - 64, math.MaxUint32 - 256} {
		for _, a := range []uint32{0, 1, 1 << 29, 1<<29 - 1, 1 << 30, 3 << 29, 1 << 31, 5 << 29, 3 << 30, 7 << 29, math.MaxUint32} {
			check(w, a)
		}
	}
}

func TestTails(t *testing.T) {
	x, _ := polar32(0, 0)
	assert.Greater(t, x, float32(6.7))
	x, y := polar32(math.MaxUint32, 0)
	assert.Zero(t, x)
	assert.Zero(t, y)
}

// moments are the mean, variance, skewness and excess kurtosis.
func moments(x []float64) (m [4]float64) {
	n := float64(len(x))
	for _, v := range x {
		m[0] += v / n
	}
	for _, v := range x {
		d := v - m[0]
		m[1] += d * d / n
		m[2] += d * d * d / n
		m[3] += d * d * d * d / n
	}
	m[2] /= math.Pow(m[1], 1.5)
	m[3] = m[3]/(m[1]*m[1]) - 3
	return m
}

// distance is the Kolmogorov–Smirnov statistic times √n: above 1.95 once in a
// thousand right samples.
func distance(x []float64, cdf func(float64) float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n, worst := float64(len(x)), 0.0
	for i, v := range x {
		c := cdf(v)
		worst = max(worst, c-float64(i)/n, float64(i+1)/n-c)
	}
	return worst * math.Sqrt(n)
}

func normalCDF(x float64) float64  { return math.Erfc(-x/math.Sqrt2) / 2 }
func uniformCDF(x float64) float64 { return x }

func correlation(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum / math.Sqrt(float64(len(x)))
}

func widen(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}

// draw returns n variates of each kind.
func draw(kind string, n int, key uint64) []float64 {
	x32, x64 := make([]float32, n), make([]float64, n)
	switch kind {
	case "Normal32":
		Normal32(x32, key, 0)
		return widen(x32)
	case "Uniform32":
		Uniform32(x32, key, 0)
		return widen(x32)
	case "Normal64":
		Normal64(x64, key, 0)
	case "Uniform64":
		Uniform64(x64, key, 0)
	}
	return x64
}

func TestNormalStatistics(t *testing.T) {
	const n = 1 << 18
	for _, kind := range []string{"Normal32", "Normal64"} {
		t.Run(kind, func(t *testing.T) {
			x := draw(kind, n, 0x39cbe173984045dd)
			m, s := moments(x), math.Sqrt(n)
			// Each within four standard errors.
			assert.InDelta(t, 0, m[0], 4/s, "mean")
			assert.InDelta(t, 1, m[1], 4*math.Sqrt2/s, "variance")
			assert.InDelta(t, 0, m[2], 4*math.Sqrt(6)/s, "skewness")
			assert.InDelta(t, 0, m[3], 4*math.Sqrt(24)/s, "kurtosis")
			assert.Less(t, distance(x, normalCDF), 1.95)
			assert.Greater(t, slices.Max(x), 4.0)
			assert.Less(t, slices.Min(x), -4.0)
			for lag := 1; lag <= 8; lag++ {
				assert.InDelta(t, 0, correlation(x[lag:], x[:n-lag]), 4, "lag %d", lag)
			}
			// The two of a pair share a radius: their squares must not correlate.
			a, b := make([]float64, n/2), make([]float64, n/2)
			for i := range a {
				a[i], b[i] = x[2*i]*x[2*i]-1, x[2*i+1]*x[2*i+1]-1
			}
			assert.InDelta(t, 0, correlation(a, b)/2, 4, "squares of a pair")
		})
	}
}

func TestUniformStatistics(t *testing.T) {
	const n = 1 << 18
	for _, kind := range []string{"Uniform32", "Uniform64"} {
		t.Run(kind, func(t *testing.T) {
			x := draw(kind, n, 0x1ed19b3435a24926)
			assert.Less(t, distance(x, uniformCDF), 1.95)
			assert.GreaterOrEqual(t, slices.Min(x), 0.0)
			assert.Less(t, slices.Max(x), 1.0)
			for i := range x {
				x[i] = (x[i] - 0.5) * math.Sqrt(12)
			}
			for lag := 1; lag <= 8; lag++ {
				assert.InDelta(t, 0, correlation(x[lag:], x[:n-lag]), 4, "lag %d", lag)
			}
		})
	}
}

// Any prefix, and any piece that begins a block, is the same.
func TestPiecesAgree(t *testing.T) {
	for _, kind := range []string{"Normal32", "Normal64", "Uniform32", "Uniform64"} {
		whole := draw(kind, 300, 7)
		for n := range 300 {
			require.Equal(t, whole[:n], draw(kind, n, 7)[:n], fmt.Sprint(kind, n))
		}
	}
	whole, part := make([]float32, 512), make([]float32, 200)
	Normal32(whole, 7, 1<<32-20)
	Normal32(part, 7, 1<<32-20+Blocks32(100))
	assert.Equal(t, whole[100:300], part)
}

// The same bits on every machine and in every release: a checkpoint's stream
// must not change.
func TestNormal32Golden(t *testing.T) {
	x := make([]float32, 100_000)
	Normal32(x, 0xcf91d8dd28562636, 0)
	assert.Equal(t, []float32{0.11433406, 1.3360665, -1.6160047, 1.7916816}, x[:4])
	h := fnv.New64a()
	require.NoError(t, binary.Write(h, binary.LittleEndian, x))
	assert.Equal(t, uint64(0x10a81f47d1d532d2), h.Sum64())
}
