package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// drawn returns the first values of one parameter of the given shape.
func drawn(init nn.Initializer, dt tensor.DType, fanIn, fanOut int, shape ...int) *tensor.Tensor {
	m := leafModule{nn.NewParam("w", init, fanIn, fanOut, shape...)}
	nn.Init(m, 1, dt, tensor.CPU())
	return m.p.Value()
}

// moments returns the mean and the standard deviation.
func moments(v []float64) (mean, std float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		std += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(std)
}

// distance is the Kolmogorov–Smirnov statistic times √n. It is above 1.95 once
// in a thousand where v has that distribution.
func distance(v []float64, distribution func(x float64) float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n, worst := float64(len(v)), 0.0
	for i, x := range v {
		f := distribution(x)
		worst = max(worst, f-float64(i)/n, float64(i+1)/n-f)
	}
	return worst * math.Sqrt(n)
}

func requireUniform(t *testing.T, v []float64, bound float64) {
	t.Helper()
	mean, std := moments(v)
	n := float64(len(v))
	require.InDelta(t, 0, mean, 4*bound/math.Sqrt(3*n))
	require.InDelta(t, bound/math.Sqrt(3), std, 4*bound/math.Sqrt(6*n))
	require.GreaterOrEqual(t, slices.Min(v), -bound*(1+1e-7))
	require.LessOrEqual(t, slices.Max(v), bound*(1+1e-7))
	require.Greater(t, max(slices.Max(v), -slices.Min(v)), bound*(1-10/n)) // but for once in e¹⁰
	require.Less(t, distance(v, func(x float64) float64 { return (x/bound + 1) / 2 }), 1.95)
}

func requireNormal(t *testing.T, v []float64, want float64) {
	t.Helper()
	mean, std := moments(v)
	n := float64(len(v))
	require.InDelta(t, 0, mean, 4*want/math.Sqrt(n))
	require.InDelta(t, want, std, 4*want/math.Sqrt(2*n))
	require.Less(t, distance(v, func(x float64) float64 { return math.Erfc(-x/want/math.Sqrt2) / 2 }), 1.95)
}

func TestLinearStartsAsInPyTorch(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		m := nn.Linear(50, 700)
		nn.Init(m, 7, dt, tensor.CPU())
		params := nn.Params(m)
		for _, p := range params {
			require.Equal(t, dt, p.Param.Value().DType())
			requireUniform(t, p.Param.Value().Float64s(), 1/math.Sqrt(50))
		}
		require.NotEqual(t, params[0].Param.Value().Float64s()[:700], params[1].Param.Value().Float64s())
	}
}

func TestInitializers(t *testing.T) {
	const fanIn, fanOut = 40, 10
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		draw := func(i nn.Initializer) []float64 { return drawn(i, dt, fanIn, fanOut, 100, 300).Float64s() }
		requireUniform(t, draw(nn.Uniform(0.3)), 0.3)
		requireUniform(t, draw(nn.TorchDefault()), 1/math.Sqrt(40))
		requireUniform(t, draw(nn.XavierUniform(2)), 2*math.Sqrt(6.0/50))
		requireUniform(t, draw(nn.HeUniform(3)), 3*math.Sqrt(3.0/40))
		requireNormal(t, draw(nn.Normal(0.02)), 0.02)
		requireNormal(t, draw(nn.XavierNormal(2)), 2*math.Sqrt(2.0/50))
		requireNormal(t, draw(nn.HeNormal(math.Sqrt2)), math.Sqrt(2.0/40))
		require.Equal(t, slices.Repeat([]float64{-0.5}, 30000), draw(nn.Constant(-0.5)))
		require.Equal(t, make([]float64, 30000), draw(nn.Uniform(0)))
	}
	// Without connections there is no scale; the values are finite all the same.
	for _, i := range []nn.Initializer{nn.TorchDefault(), nn.XavierNormal(1), nn.XavierUniform(1), nn.HeNormal(1), nn.HeUniform(1)} {
		for _, x := range drawn(i, tensor.Float32, 0, 0, 100).Float64s() {
			require.False(t, math.IsNaN(x) || math.IsInf(x, 0))
		}
	}
	// Any function is an initialiser.
	diagonal := func(w *tensor.Tensor, in, out int, _ *tensor.Stream) { w.Set(float64(in*out), 1, 1) }
	require.Equal(t, []float64{0, 0, 0, 6}, drawn(diagonal, tensor.Float64, 2, 3, 2, 2).Float64s())
}

func TestOrthogonal(t *testing.T) {
	for _, shape := range [][]int{{5, 5}, {4, 9}, {9, 4}, {1, 3}, {3, 1}, {1, 1}, {3, 2, 3, 3}, {20, 2, 3, 3}, {0, 4}, {4, 0}, {60, 64}} {
		for dt, tolerance := range map[tensor.DType]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-14} {
			const gain = 1.5
			v := drawn(nn.Orthogonal(gain), dt, 1, 1, shape...)
			rows := shape[0]
			cols := v.Len() / max(rows, 1)
			w := v.Cast(tensor.Float64).Reshape(rows, cols)
			if rows > cols {
				w = w.T()
			}
			products := tensor.MatMul(w, w.T())
			for i := range products.Dim(0) {
				for j := range products.Dim(1) {
					want := 0.0
					if i == j {
						want = gain * gain
					}
					require.InDelta(t, want, products.At(i, j), tolerance*gain*gain, "%v %v", shape, dt)
				}
			}
		}
	}
	// Uniform among the orthogonal matrices: n·w² has mean 1 and w no sign.
	mean, std := moments(drawn(nn.Orthogonal(1), tensor.Float64, 1, 1, 64, 64).Float64s())
	require.InDelta(t, 0, mean, 0.005)
	require.InDelta(t, 1.0/8, std, 1e-3)

	var shape *tensor.ShapeError
	m := nn.Linear(3, 3, nn.BiasInit(nn.Orthogonal(1)))
	require.ErrorAs(t, tensor.Catch(func() { nn.Init(m, 1, tensor.Float32, tensor.CPU()) }), &shape)
	require.ErrorContains(t, shape, "Orthogonal of [3]: the rank is below 2; use another initialiser for biases")
}

func TestLinearOptions(t *testing.T) {
	m := nn.Linear(3, 2, nn.WeightInit(nn.Constant(2)), nn.BiasInit(nn.Constant(3)))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	require.Equal(t, []float64{2, 2, 2, 2, 2, 2}, nn.State(m)["weight"].Float64s())
	require.Equal(t, []float64{3, 3}, nn.State(m)["bias"].Float64s())
	require.Len(t, nn.Params(nn.Linear(3, 2, nn.NoBias(), nn.BiasInit(nn.Constant(3)))), 1)
	require.Len(t, nn.Params(nn.Linear(3, 2)), 2)
}

// TestSeeds: a seed, a dtype and an architecture settle every bit.
func TestSeeds(t *testing.T) {
	values := func(seed uint64, dt tensor.DType) [][]float64 {
		m := nn.Sequential(nn.Linear(7, 9), nn.Tanh(), nn.Linear(9, 3, nn.WeightInit(nn.Normal(1)), nn.BiasInit(nn.Constant(0))))
		nn.Init(m, seed, dt, tensor.CPU())
		var out [][]float64
		for _, p := range nn.Params(m) {
			out = append(out, p.Param.Value().Float64s())
		}
		return out
	}
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		require.Equal(t, values(1, dt), values(1, dt))
		for i, v := range values(2, dt)[:3] {
			require.NotEqual(t, values(1, dt)[i], v)
			require.NotEqual(t, values(1<<63+1, dt)[i], v)
		}
	}
	require.NotEqual(t, values(1, tensor.Float32)[0][:7], values(1, tensor.Float32)[1][:7])

	// Init starts afresh, whatever was there.
	m := nn.Linear(4, 4)
	nn.Init(m, 5, tensor.Float32, tensor.CPU())
	first := nn.State(m)["weight"].Float64s()
	nn.Init(m, 6, tensor.Float64, tensor.CPU())
	require.Equal(t, tensor.Float64, nn.State(m)["weight"].DType())
	nn.Init(m, 5, tensor.Float32, tensor.CPU())
	require.Equal(t, first, nn.State(m)["weight"].Float64s())
}
