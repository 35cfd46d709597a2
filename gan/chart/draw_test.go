package chart

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// labels are those of an axis.
func labels(low, high float64, most int) (out []string) {
	for _, t := range (axis{low, high}).ticks(most) {
		out = append(out, t.label)
	}
	return out
}

func TestTicks(t *testing.T) {
	require.Equal(t, []string{"0", "5", "10", "15", "20"}, labels(0, 20, 6))
	require.Equal(t, []string{"0.6", "0.7", "0.8", "0.9", "1.0"}, labels(0.55, 1.01, 6))
	require.Equal(t, []string{"-1.0", "-0.5", "0.0", "0.5", "1.0"}, labels(-1, 1, 6))
	require.Equal(t, []string{"0", "5e-07", "1e-06"}, labels(0, 1e-6, 3))
	require.Equal(t, []string{"1234567", "1234567.2", "1234567.4"}, labels(1234567-0.1, 1234567+0.5, 3)[:3])
}

// Whatever the range is, there are some ticks, in order, within it, and told apart,
// and each says where it is.
func TestTicksOfAnyRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		middle := (2*r.Float64() - 1) * math.Pow(10, float64(r.IntN(60)-30))
		a := axisOf([]Curve{{X: []float64{middle, middle * (1 + r.NormFloat64()*math.Pow(10, float64(-r.IntN(14))))}}}, func(c Curve) []float64 { return c.X })
		ticks := a.ticks(6)
		require.GreaterOrEqual(t, len(ticks), 2, "%v", a)
		require.LessOrEqual(t, len(ticks), 7, "%v", a)
		for i, tick := range ticks {
			v, err := strconv.ParseFloat(tick.label, 64)
			require.NoError(t, err)
			require.InDelta(t, tick.at, a.at(v), 1e-3, "%v %v", a, ticks)
			require.True(t, tick.at >= -1e-6 && tick.at <= 1+1e-6, "%v %v", a, ticks)
			if i > 0 {
				require.Greater(t, tick.at, ticks[i-1].at)
				require.NotEqual(t, tick.label, ticks[i-1].label, "%v %v", a, ticks)
			}
		}
	}
}

// Curves whose points differ by nothing, or by all that numbers can, are drawn.
func TestExtremeCurves(t *testing.T) {
	for _, y := range [][]float64{{0, 0}, {1e300, 1e300}, {-1e307, 1e307}, {5e-324, 0}, {1, 1 + 1e-16}, {1e15, 1e15 + 1}} {
		img := paint("", "", "", []Curve{{X: []float64{1, 2}, Y: y}, {X: []float64{1, 2}, Y: y, Dashed: true}})
		blue := 0
		for k := 0; k < len(img.Pix); k += 4 {
			if img.Pix[k] == palette[0].R && img.Pix[k+1] == palette[0].G && img.Pix[k+2] == palette[0].B {
				blue++
			}
		}
		require.Greater(t, blue, 100, "%v", y)
		for _, tick := range axisOf([]Curve{{Y: y}}, func(c Curve) []float64 { return c.Y }).ticks(6) {
			require.True(t, tick.at >= -1e-6 && tick.at <= 1+1e-6, "%v: %v", y, tick)
		}
	}
	one, two := []Curve{{X: []float64{1}, Y: []float64{2}}}, []Curve{{X: []float64{1, 1}, Y: []float64{2, 2}}}
	require.Equal(t, paint("", "", "", one).Pix, paint("", "", "", two).Pix, "a place, twice")
	paint("no curves", "x", "y", nil)
	many := make([]Curve, 40) // whose names take more room than there is
	for i := range many {
		many[i] = Curve{Name: "a name that is longer than the chart is wide, as some names of classes and of files happen to be", X: []float64{1}, Y: []float64{2}}
	}
	paint("", "", "", many)
}
