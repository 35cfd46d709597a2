package mnistfeatures_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/tensor"
)

func load(t *testing.T) *mnistfeatures.Judge {
	t.Helper()
	j, err := mnistfeatures.Load()
	require.NoError(t, err)
	return j
}

// testDigits returns n of the test digits, [n, 784].
func testDigits(t *testing.T, n int) *tensor.Tensor {
	t.Helper()
	set, err := digits.Load()
	require.NoError(t, err)
	pixels := make([]float32, n*784)
	for i := range n {
		require.NoError(t, set.Fill(i, pixels[i*784:(i+1)*784]))
	}
	return tensor.FromFloat32(pixels, n, 784)
}

func noise(n int) *tensor.Tensor {
	u := tensor.NewStream(5, "test").Uniform(tensor.Float32, n, 784)
	return tensor.Shift(tensor.Scale(u, 2), -1)
}

func TestAccuracy(t *testing.T) {
	outputs, err := load(t).Test()
	require.NoError(t, err)
	set, err := digits.Load()
	require.NoError(t, err)
	right := 0
	for i, class := range outputs.Classes {
		if class == set.Label(i) {
			right++
		}
	}
	assert.GreaterOrEqual(t, right, 9920, "of 10,000 test digits")
}

func TestModes(t *testing.T) {
	j := load(t)
	x := testDigits(t, 9) // 7 2 1 0 4 1 4 9 and a digit that it may mistake
	seen, err := j.Classify(x)
	require.NoError(t, err)
	for layers, want := range map[int][]int{1: seen.Classes, 3: {721, 41, 490 + seen.Classes[8]}} {
		n := 9 / layers
		for _, images := range []*tensor.Tensor{x.Reshape(n, layers*784), x.Reshape(n, layers, 28, 28)} {
			modes, err := j.Modes(images)
			require.NoError(t, err)
			assert.Equal(t, want, modes, "%d layers", layers)
		}
	}
	_, err = j.Modes(tensor.Full(tensor.Float32, math.NaN(), 1, 3, 28, 28))
	assert.ErrorContains(t, err, "pixel 0 of image 0")
	for _, shape := range [][]int{{784}, {1, 783}, {1, 0}, {1, 3, 28, 27}, {1, 10, 28, 28}} {
		var misuse *tensor.ShapeError
		assert.ErrorAs(t, tensor.Catch(func() { j.Modes(tensor.New(tensor.Float32, shape...)) }), &misuse, "%v", shape)
	}
}

func TestClassify(t *testing.T) {
	j := load(t)
	x := testDigits(t, 230)
	outputs, err := j.Classify(x)
	require.NoError(t, err)
	assert.Equal(t, []int{230, mnistfeatures.Features}, outputs.Features.Shape())
	assert.Equal(t, []int{7, 2, 1, 0, 4, 1, 4, 9}, outputs.Classes[:8])
	for _, v := range outputs.Features.Float32s() {
		require.GreaterOrEqual(t, v, float32(0))
	}

	// In another shape and dtype, and a part alone: the same, in the last case
	// up to the order of summation that another size may choose.
	for _, same := range []*tensor.Tensor{x.Reshape(230, 1, 28, 28), x.Cast(tensor.Float64)} {
		again, err := j.Classify(same)
		require.NoError(t, err)
		assert.Equal(t, outputs.Classes, again.Classes)
		assert.Equal(t, outputs.Features.Float32s(), again.Features.Float32s())
	}
	part, err := j.Classify(x.Slice(0, 150, 157))
	require.NoError(t, err)
	assert.Equal(t, outputs.Classes[150:157], part.Classes)
	assert.InDeltaSlice(t, outputs.Features.Slice(0, 150, 157).Float32s(), part.Features.Float32s(), 1e-4)

	// Half of one digit and half of another is none of them, now and then.
	mixed := tensor.Scale(tensor.Add(x.Slice(0, 0, 200), x.Slice(0, 30, 230)), 0.5)
	torn, err := j.Classify(mixed)
	require.NoError(t, err)
	least, few := 1.0, 0
	for _, p := range torn.Probabilities {
		least = min(least, p)
		if p < 0.5 {
			few++
		}
	}
	assert.Equal(t, few, torn.Unclear())
	assert.Greater(t, few, 10)
	assert.Greater(t, least, 0.1)
	assert.Less(t, outputs.Unclear(), 3)
	for _, p := range outputs.Probabilities {
		assert.LessOrEqual(t, p, 1.0)
	}

	none, err := j.Classify(tensor.New(tensor.Float32, 0, 784))
	require.NoError(t, err)
	assert.Equal(t, []int{0, mnistfeatures.Features}, none.Features.Shape())
}

func TestClassifyIsDeterministic(t *testing.T) {
	j, x := load(t), testDigits(t, 120)
	defer tensor.CPU().SetThreads(0)
	var want []float32
	for threads := range 3 {
		tensor.CPU().SetThreads(threads + 1)
		outputs, err := j.Classify(x)
		require.NoError(t, err)
		if want == nil {
			want = outputs.Features.Float32s()
		}
		assert.Equal(t, want, outputs.Features.Float32s(), "%d threads", threads+1)
	}
}

// The stored scale is that of this network: what can be measured again without
// the training digits is the same.
func TestScale(t *testing.T) {
	j := load(t)
	assert.Equal(t, 60_000, j.Training().N)
	test, err := j.Test()
	require.NoError(t, err)
	g, err := metrics.FitGaussian(test.Features)
	require.NoError(t, err)
	d, err := g.Distance(j.Training())
	require.NoError(t, err)
	assert.InEpsilon(t, mnistfeatures.FloorOf(mnistfeatures.DistanceTraining, 10_000), d, 1e-3)

	report, err := j.EvaluateQuick(noise(2000))
	require.NoError(t, err)
	for _, name := range []string{mnistfeatures.Distance, mnistfeatures.DistanceTraining} {
		v := report.Values.Get(name)
		assert.InEpsilon(t, v.Ceiling, v.Value, 0.05, name)
		assert.Greater(t, v.Ceiling, 100*v.Floor, name)
	}
}

// Worse digits score worse, each in its own way.
func TestEvaluate(t *testing.T) {
	if testing.Short() {
		t.Skip("it compares 10,000 digits with each other")
	}
	j := load(t)
	const n = 500
	x := testDigits(t, n)
	evaluate := func(x *tensor.Tensor) (distance, precision, recall, rarest float64) {
		t.Helper()
		r, err := j.Evaluate(x)
		require.NoError(t, err)
		assert.Equal(t, n, r.N)
		sum := 0.0
		for _, share := range r.Digits {
			sum += share
		}
		assert.InDelta(t, 1, sum, 1e-12)
		get := func(name string) float64 {
			v := r.Values.Get(name)
			assert.False(t, math.IsNaN(v.Value) || math.IsNaN(v.Floor) || math.IsNaN(v.Ceiling), v)
			return v.Value
		}
		return get(mnistfeatures.Distance), get(mnistfeatures.Precision), get(mnistfeatures.Recall), get(mnistfeatures.RarestDigit)
	}
	real, precision, _, rarest := evaluate(x)
	assert.Equal(t, 1.0, precision, "these are in the reference")
	assert.Greater(t, rarest, 0.08)

	// Ten digits over and over: they look real, but are all there is.
	few := tensor.Gather(x, 0, tensor.Positions(repeated(n, 10)...))
	d, p, r, _ := evaluate(few)
	assert.Greater(t, d, 10*real)
	assert.Equal(t, 1.0, p)
	assert.Less(t, r, 0.01)

	// The right half of each digit from another one.
	order := tensor.NewStream(1, "test").Perm(n)
	halves := tensor.Concat(2, x.Reshape(n, 28, 28).Slice(2, 0, 14), tensor.Gather(x, 0, tensor.Positions(order...)).Reshape(n, 28, 28).Slice(2, 14, 28))
	d, p, _, _ = evaluate(halves.Reshape(n, 784))
	assert.Greater(t, d, 5*real)
	assert.Less(t, p, 0.9)

	// Noise lies in the ball of some odd digit, so its precision is not 0.
	_, p, r, rarest = evaluate(noise(n))
	assert.Less(t, p, 0.7)
	assert.Less(t, r, 0.01)
	assert.Equal(t, 0.0, rarest)
}

func repeated(n, k int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i % k
	}
	return out
}

func TestReportString(t *testing.T) {
	r, err := load(t).EvaluateQuick(testDigits(t, 1000))
	require.NoError(t, err)
	lines := strings.Split(r.String(), "\n")
	require.Len(t, lines, 8) // header, three values, a gap, two lines of classes, the end
	assert.Contains(t, lines[0], "ceiling")
	assert.True(t, strings.HasPrefix(lines[1], mnistfeatures.Distance))
	assert.Equal(t, "digit      0      1      2      3      4      5      6      7      8      9", lines[5])
	assert.Contains(t, lines[6], "8.5%")
	assert.Len(t, lines[6], len(lines[5]))
}

func TestRefusals(t *testing.T) {
	j := load(t)
	for _, bad := range []float64{math.NaN(), math.Inf(-1)} {
		x := testDigits(t, 150)
		x.Set(bad, 120, 33)
		_, err := j.Evaluate(x)
		assert.ErrorContains(t, err, "pixel 33 of image 120 is")
	}
	_, err := j.Evaluate(testDigits(t, mnistfeatures.Features))
	assert.ErrorContains(t, err, "96 samples do not determine a covariance in 96 dimensions")
	for _, shape := range [][]int{{784}, {5, 783}, {5, 28, 28}, {5, 3, 28, 28}, {5, 1, 28, 27}} {
		assert.ErrorContains(t, tensor.Catch(func() { j.Classify(tensor.New(tensor.Float32, shape...)) }), "not images of 28×28 pixels")
	}
	for _, forgotten := range []func(){func() { j.Classify(nil) }, func() { j.Modes(nil) }, func() { j.Evaluate(nil, 1) }, func() { j.EvaluateQuick(nil) }} {
		assert.ErrorContains(t, tensor.Catch(forgotten), "a tensor is nil")
	}
}

func BenchmarkClassify(b *testing.B) {
	j, err := mnistfeatures.Load()
	if err != nil {
		b.Fatal(err)
	}
	x := noise(1000)
	for b.Loop() {
		if _, err := j.Classify(x); err != nil {
			b.Fatal(err)
		}
	}
}
