package nn_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func TestPassMemory(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Sequential(nn.Linear(5, 7)), nn.Residual(nn.Sequential(nn.Linear(7, 9), nn.Linear(9, 7)), nil))
	const want = 5 + 5 + 7 + 9 + 7 + 7
	for dt, size := range map[tensor.DType]int64{tensor.Float32: 4, tensor.Float64: 8} {
		bytes, err := nn.PassMemory(m, []int{2, 3}, dt, math.MaxInt64)
		require.NoError(t, err)
		require.Equal(t, 2*want*size, bytes)
	}
	_, err := nn.PassMemory(m, []int{1, 3}, tensor.Float32, 4*want)
	require.NoError(t, err)
	for limit, layer := range map[int64]string{
		4*want - 1: "3 Residual", 4*(want-7) - 1: "3.body.1 Linear", 4*(want-14) - 1: "3.body.0 Linear", 0: "0 Linear",
	} {
		_, err = nn.PassMemory(m, []int{1, 3}, tensor.Float32, limit)
		var large *nn.MemoryError
		require.ErrorAs(t, err, &large)
		require.Equal(t, layer, large.Layer)
		require.Equal(t, limit, large.Limit)
		require.Greater(t, large.Bytes, limit)
	}
	_, err = nn.PassMemory(m, []int{1, 3}, tensor.Float32, 20)
	require.EqualError(t, err, `nn: layer "1 Tanh" makes [1 5], with which a pass would take 40 bytes; the limit is 20`)

	_, err = nn.PassMemory(m, []int{1, 4}, tensor.Float32, math.MaxInt64)
	var misfit *tensor.ShapeError
	require.ErrorAs(t, err, &misfit)
	require.ErrorContains(t, err, `layer "0 Linear": `)
	bytes, err := nn.PassMemory(nn.Sequential(nn.Linear(3, 5), silent{nn.Tanh()}, nn.Linear(5, 1<<20)), []int{1, 3}, tensor.Float32, 100)
	require.ErrorIs(t, err, nn.ErrUnknownShape)
	require.Equal(t, int64(20), bytes)

	// A deep nest of parents takes time in proportion.
	deep := nn.Linear(1, 1)
	for range 45 {
		deep = nn.Residual(deep, nn.Linear(1, 1))
	}
	bytes, err = nn.PassMemory(deep, []int{1, 1}, tensor.Float32, math.MaxInt64)
	require.NoError(t, err)
	require.Equal(t, int64(4*(45*2+1)), bytes)
}

// Layers that a small file can describe, and that would take any memory there is.
func TestAbsurdSizesAreFound(t *testing.T) {
	const most = 1 << 24
	image := []int{1, 1, 4, 4}
	for name, c := range map[string]struct {
		m  nn.Module
		in []int
	}{
		"nearest":        {nn.Sequential(nn.UpsampleNearest(65536), nn.UpsampleNearest(65536)), image},
		"nearest, twice": {nn.Sequential(nn.UpsampleNearest(most), nn.UpsampleNearest(most), nn.UpsampleNearest(most), nn.UpsampleNearest(most)), image},
		"nearest within": {nn.Residual(nn.Sequential(nn.UpsampleNearest(most), nn.UpsampleNearest(most), nn.UpsampleNearest(most), nn.AdaptiveAvgPool2D(4, 4)), nil), image},
		"bilinear":       {nn.UpsampleBilinear(30000), image},
		"adaptive":       {nn.AdaptiveAvgPool2D(most, most), image},
		"adaptive row":   {nn.Sequential(nn.AdaptiveAvgPool2D(1, most), nn.AdaptiveAvgPool2D(most, 1)), image},
		"largest window": {nn.MaxPool2D(most, nn.Padding(most/2)), image},
		"largest taps":   {nn.MaxPool2D(30000, nn.Padding(15000), nn.Stride(most)), image},
		"average window": {nn.AvgPool2D(most, nn.Padding(most/2), nn.Stride(most)), image},
		"shuffle":        {nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2D(16, most, 1), nn.PixelShuffle(4096), nn.UpsampleNearest(4096)), image},
		"padding":        {nn.Conv2D(1, 1, 3, nn.Padding(most)), image},
		"hidden padding": {nn.Conv2D(1, 1, 3, nn.Padding(most), nn.Dilation(most)), image},
		"stride":         {nn.ConvTranspose2D(1, 1, 3, nn.Stride(most)), image},
		"hidden stride":  {nn.ConvTranspose2D(1, 1, 2, nn.Stride(1<<20), nn.Padding(1<<20), nn.Dilation(1<<20)), image},
		"output padding": {nn.ConvTranspose2D(1, 1, 3, nn.Dilation(most), nn.Padding(most), nn.OutputPadding(most-1)), image},
		"wide":           {nn.Sequential(nn.Flatten(), nn.Linear(16, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most), nn.Linear(most, most)), image},
		"embedding":      {nn.Sequential(nn.Flatten(), nn.Embedding(1, most), nn.Embedding(1, most), nn.Embedding(1, most)), image},
		"fan":            {nn.Sequential(nn.MinibatchStdDev(1, 1), nn.Conv2D(2, most, 1)), image},
		"features":       {nn.Sequential(nn.Conv2D(1, 1<<12, 1), nn.MinibatchStdDev(4, 1<<12), nn.UpsampleNearest(256)), image},
		"reshape":        {nn.Sequential(nn.Flatten(), nn.Embedding(1, most), nn.Reshape(1, 1<<14, 1<<14), nn.UpsampleNearest(2)), image},
		"moved":          {nn.DiffAugment(nn.Augmentations{Shift: 0.1}), []int{1, 1, 1 << 16, 1}},
		"normalised":     {nn.SpectralNorm(nn.Conv2D(1, 1, 3, nn.Padding(most), nn.Dilation(most))), image},
	} {
		t.Run(name, func(t *testing.T) {
			var large *nn.MemoryError
			_, err := nn.PassMemory(c.m, c.in, tensor.Float32, 1<<30)
			require.True(t, errors.As(err, &large), "%v", err)
			require.Less(t, len(err.Error()), 200)
		})
	}
}

// What is computed is near what a pass takes.
func TestPassMemoryIsAboutRight(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	for name, c := range map[string]struct {
		m  nn.Module
		in []int
	}{
		"linear":    {nn.Sequential(nn.Linear(100, 1000), nn.Tanh(), nn.Linear(1000, 500)), []int{64, 100}},
		"conv":      {nn.Sequential(nn.Conv2D(8, 16, 3, nn.Padding(1)), nn.ReLU(), nn.Conv2D(16, 8, 3, nn.Stride(2))), []int{8, 8, 64, 64}},
		"spread":    {nn.ConvTranspose2D(8, 8, 4, nn.Stride(2), nn.Padding(1)), []int{8, 8, 64, 64}},
		"largest":   {nn.MaxPool2D(8, nn.Padding(4), nn.Stride(3)), []int{4, 8, 64, 64}},
		"average":   {nn.AvgPool2D(8, nn.Padding(4), nn.Stride(3)), []int{4, 8, 64, 64}},
		"tiles":     {nn.AvgPool2D(2), []int{4, 8, 64, 64}},
		"adaptive":  {nn.AdaptiveAvgPool2D(7, 7), []int{4, 8, 64, 64}},
		"nearest":   {nn.UpsampleNearest(4), []int{4, 8, 64, 64}},
		"bilinear":  {nn.UpsampleBilinear(4), []int{4, 8, 64, 64}},
		"shuffle":   {nn.PixelShuffle(2), []int{4, 8, 64, 64}},
		"residual":  {nn.Residual(nn.Conv2D(8, 8, 3, nn.Padding(1)), nil), []int{4, 8, 64, 64}},
		"embedding": {nn.Embedding(10, 1000), []int{100}},
	} {
		t.Run(name, func(t *testing.T) {
			nn.Init(c.m, 1, tensor.Float32, tensor.CPU())
			want, err := nn.PassMemory(c.m, c.in, tensor.Float32, math.MaxInt64)
			require.NoError(t, err)
			x := autograd.Const(tensor.New(tensor.Float32, c.in...))
			c.m.Forward(nil, x) // tables are made the first time
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.m.Forward(nil, x)
			runtime.ReadMemStats(&after)
			got := float64(after.TotalAlloc - before.TotalAlloc)
			t.Logf("%.2f", got/float64(want))
			require.Less(t, got, 2*float64(want)+1e5)
		})
	}
}

// Foreign names in the message are cut.
func TestMemoryErrorIsBounded(t *testing.T) {
	err := &nn.MemoryError{Layer: strings.Repeat("\x1b", 1<<20), Shape: make([]int, 1<<20), Bytes: math.MaxInt64, Limit: 1}
	require.Less(t, len(err.Error()), 500)
	require.NotContains(t, err.Error(), "\x1b")
}

// Layers of every registered kind take no more memory than is computed for them.
func TestEveryKindSaysItsMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	for _, c := range kinds {
		kind, _ := c.m.(nn.Describer).Describe()
		in := append([]int{4096 * c.input[0]}, c.input[1:]...)
		nn.Init(c.m, 1, tensor.Float32, tensor.CPU())
		want, err := nn.PassMemory(c.m, in, tensor.Float32, math.MaxInt64)
		require.NoError(t, err, kind)
		x := autograd.Const(tensor.New(tensor.Float32, in...))
		for _, train := range []bool{false, true} {
			ctx := &nn.Ctx{Train: train, Rand: tensor.NewStream(1, "pass"), Condition: autograd.Const(tensor.New(tensor.Float32, in[0], 2))}
			c.m.Forward(ctx, x)
			got := math.Inf(1)
			for range 5 { // the collector may empty pools meanwhile
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				c.m.Forward(ctx, x)
				runtime.ReadMemStats(&after)
				got = min(got, float64(after.TotalAlloc-before.TotalAlloc))
			}
			require.Less(t, got, 1.5*float64(want), "%s takes more: give it a method Scratch", kind)
		}
	}
}
