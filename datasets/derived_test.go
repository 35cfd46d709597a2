package datasets_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// classed is a dataset of n images [1, 4, 5] with numbers that tell where they come
// from, and with labels and names of classes.
type classed struct {
	n     int
	names []string
}

func (c classed) Len() int          { return c.n }
func (c classed) Shape() []int      { return []int{1, 4, 5} }
func (c classed) Label(i int) int   { return i % len(c.names) }
func (c classed) Classes() []string { return c.names }
func (c classed) Fill(i int, dst []float32) error {
	for k := range dst {
		dst[k] = float32(100*i + k)
	}
	return nil
}

// vectors knows a vector about each of the numbers of counter.
type vectors struct{ counter }

func (v vectors) ConditionSize() int { return 2 }
func (v vectors) FillCondition(i int, dst []float32) error {
	dst[0], dst[1] = float32(i), -1
	return nil
}

func first(t *testing.T, data datasets.Dataset, i int) float32 {
	t.Helper()
	n := 1
	for _, d := range data.Shape() {
		n *= d
	}
	dst := make([]float32, n)
	require.NoError(t, data.Fill(i, dst))
	wide := make([]float64, n)
	require.NoError(t, data.(datasets.Filler64).Fill64(i, wide))
	for k := range dst {
		require.Equal(t, float64(dst[k]), wide[k])
	}
	return dst[0]
}

func digestOfSet(t *testing.T, data datasets.Dataset) string {
	t.Helper()
	f, err := datasets.NewLoader(data, 1).Fingerprint()
	require.NoError(t, err)
	return f["digest"]
}

func classesOf(data datasets.Dataset) []string {
	return data.(datasets.ClassNamer).Classes()
}

func TestSubset(t *testing.T) {
	data := classed{7, []string{"a", "b", "c"}}
	s := datasets.Subset(data, []int{6, 1, 1})
	require.Equal(t, 3, s.Len())
	require.Equal(t, []int{1, 4, 5}, s.Shape())
	for i, want := range []int{6, 1, 1} {
		require.Equal(t, float32(100*want), first(t, s, i))
		require.Equal(t, want%3, s.(datasets.Labeler).Label(i))
	}
	require.Equal(t, data.names, classesOf(s))
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, datasets.Subset(data, []int{6, 1})))
	require.Equal(t, digestOfSet(t, s), digestOfSet(t, datasets.Subset(data, []int{6, 1, 1})))
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, datasets.Subset(classed{8, data.names}, []int{6, 1, 1})))
	require.Zero(t, datasets.Subset(data, nil).Len())

	_, labelled := datasets.Subset(counter(3), []int{0}).(datasets.Labeler)
	require.False(t, labelled)
	_, labelled = datasets.Subset(classed{names: []string{}}, nil).(datasets.Labeler)
	require.False(t, labelled, "without classes")
	v := datasets.Subset(vectors{5}, []int{4, 2}).(datasets.Conditioner)
	require.Equal(t, 2, v.ConditionSize())
	c := make([]float32, 2)
	require.NoError(t, v.FillCondition(1, c))
	require.Equal(t, []float32{2, -1}, c)
}

func TestRandomSplit(t *testing.T) {
	data := classed{101, []string{"a", "b"}}
	parts := datasets.RandomSplit(data, 3, .7, .2, .1)
	require.Len(t, parts, 3)
	require.Equal(t, []int{71, 20, 10}, []int{parts[0].Len(), parts[1].Len(), parts[2].Len()})
	seen := map[float32]bool{}
	for _, p := range parts {
		last := float32(-1)
		for i := range p.Len() {
			v := first(t, p, i)
			require.False(t, seen[v], "no sample is in two parts")
			seen[v] = true
			require.Greater(t, v, last, "in order")
			require.Equal(t, int(v/100)%2, p.(datasets.Labeler).Label(i))
			last = v
		}
	}
	require.Len(t, seen, 101)
	again := datasets.RandomSplit(data, 3, .7, .2, .1)
	other := datasets.RandomSplit(data, 4, .7, .2, .1)
	require.Equal(t, digestOfSet(t, parts[0]), digestOfSet(t, again[0]))
	require.NotEqual(t, digestOfSet(t, parts[0]), digestOfSet(t, other[0]))
	require.Equal(t, 33, datasets.RandomSplit(counter(100), 1, 1./3)[0].Len())
}

func TestConcat(t *testing.T) {
	a, b := classed{3, []string{"cat", "dog"}}, classed{2, []string{"horse", "cat"}}
	s := datasets.Concat(a, b)
	require.Equal(t, 5, s.Len())
	require.Equal(t, []string{"cat", "dog", "horse"}, classesOf(s))
	for i, want := range []struct {
		value float32
		label int
	}{{0, 0}, {100, 1}, {200, 0}, {0, 2}, {100, 0}} {
		require.Equal(t, want.value, first(t, s, i))
		require.Equal(t, want.label, s.(datasets.Labeler).Label(i))
	}
	require.NotEqual(t, digestOfSet(t, s), digestOfSet(t, datasets.Concat(b, a)))
	// Numbers are names, too.
	x := tensor.New(tensor.Float32, 2, 3)
	s = datasets.Concat(datasets.FromTensor(x, []int{0, 2}), datasets.FromTensor(x, []int{1, 0}))
	require.Equal(t, []string{"0", "1", "2"}, classesOf(s))
	require.Equal(t, []int{0, 2, 1, 0}, []int{s.(datasets.Labeler).Label(0), s.(datasets.Labeler).Label(1), s.(datasets.Labeler).Label(2), s.(datasets.Labeler).Label(3)})
	require.Equal(t, 6, datasets.Concat(vectors{2}, vectors{4}).Len())
}

func TestWithClasses(t *testing.T) {
	x := tensor.New(tensor.Float32, 3, 2)
	s := datasets.WithClasses(datasets.FromTensor(x, []int{1, 0, 1}), "no", "yes", "perhaps")
	require.Equal(t, []string{"no", "yes", "perhaps"}, classesOf(s))
	require.Equal(t, 0, s.(datasets.Labeler).Label(1))
	require.Zero(t, first(t, s, 2))
}

func TestNormalize(t *testing.T) {
	x := tensor.NewStream(1, "test").Normal(tensor.Float64, 50, 3, 4, 2)
	v := x.Float64s()
	for i := range v { // channels far apart
		c := i / 8 % 3
		v[i] = v[i]*float64(c+1) + 1e3*float64(c)
	}
	data := datasets.FromTensor(tensor.FromFloat64(v, 50, 3, 4, 2), nil)
	mean, std, err := datasets.MeanStd(data)
	require.NoError(t, err)
	for c := range 3 {
		var sum, squares float64
		for i := range v {
			if i/8%3 == c {
				sum += v[i]
			}
		}
		m := sum / 400
		for i := range v {
			if i/8%3 == c {
				squares += (v[i] - m) * (v[i] - m)
			}
		}
		require.InDelta(t, m, mean[c], 1e-9)
		require.InDelta(t, math.Sqrt(squares/400), std[c], 1e-9)
	}
	normal := datasets.Normalize(data, mean, std)
	zero, one, err := datasets.MeanStd(normal)
	require.NoError(t, err)
	for c := range 3 {
		require.InDelta(t, 0, zero[c], 1e-9)
		require.InDelta(t, 1, one[c], 1e-9)
	}
	wide, err := datasets.AsTensor(normal, tensor.Float64)
	require.NoError(t, err)
	narrow, err := datasets.AsTensor(normal, tensor.Float32)
	require.NoError(t, err)
	require.InDeltaSlice(t, wide.Float64s(), narrow.Float64s(), 2e-3, "1000 has a spacing of 6e-5")
	require.NotEqual(t, digestOfSet(t, data), digestOfSet(t, normal))
}

// TestAugment: how a sample is changed depends on seed, epoch and number alone.
func TestAugment(t *testing.T) {
	data := classed{30, []string{"a", "b", "c"}}
	make := func(seed uint64) datasets.Dataset {
		return datasets.Augment(data, seed, datasets.Flip(), datasets.Shift(2), datasets.RandomCrop(3, 4))
	}
	batches := func(set datasets.Dataset, epoch, workers int, dt tensor.DType) (out []float64) {
		for b, err := range datasets.NewLoader(set, 7, datasets.InOrder(), datasets.Workers(workers), datasets.DType(dt)).Epoch(t.Context(), epoch, 0) {
			require.NoError(t, err)
			out = append(out, b.X.Float64s()...)
		}
		return out
	}
	set := make(1)
	require.Equal(t, []int{1, 3, 4}, set.Shape())
	one := batches(set, 5, 1, tensor.Float32)
	require.Len(t, one, 30*12)
	require.Equal(t, one, batches(set, 5, 3, tensor.Float32), "workers")
	require.Equal(t, one, batches(make(1), 5, 1, tensor.Float64))
	require.NotEqual(t, one, batches(set, 6, 1, tensor.Float32))
	require.NotEqual(t, one, batches(make(2), 5, 1, tensor.Float32))
	require.Equal(t, data.names, classesOf(set))
	require.NotEqual(t, digestOfSet(t, set), digestOfSet(t, make(2)))
	require.NotEqual(t, digestOfSet(t, set), digestOfSet(t, data))

	// The shuffled order does not change what becomes of a sample.
	loader := datasets.NewLoader(set, 30)
	for b, err := range loader.Epoch(t.Context(), 5, 0) {
		require.NoError(t, err)
		for k := range 30 {
			i := loader.Index(5, 0, k)
			require.Equal(t, one[12*i:12*i+12], b.X.Slice(0, k, k+1).Float64s())
		}
	}
	// What is made of an augmented dataset varies, too.
	sub := datasets.Normalize(datasets.Subset(datasets.Concat(set, set), []int{33}), []float64{0}, []float64{1})
	require.Equal(t, one[36:48], batches(sub, 5, 1, tensor.Float32))
	require.NotEqual(t, batches(sub, 5, 1, tensor.Float32), batches(sub, 4, 1, tensor.Float32))
	require.Equal(t, one[:12], batches(datasets.WithClasses(set, data.names...), 5, 1, tensor.Float32)[:12])
}

// TestAugmentations compares each kind with its definition, for all that it can draw.
func TestAugmentations(t *testing.T) {
	const h, w = 4, 5
	image := classed{1, []string{"a"}}
	seen := func(a datasets.Augmentation) map[string]int {
		set := datasets.Augment(image, 1, a).(datasets.Varying)
		out := map[string]int{}
		for epoch := range 2000 {
			now := set.InEpoch(epoch)
			n := 1
			for _, d := range now.Shape() {
				n *= d
			}
			dst := make([]float32, n)
			require.NoError(t, now.Fill(0, dst))
			out[fmt.Sprint(dst)]++
		}
		return out
	}
	// want returns the image whose pixel (y, x) is that at from(y, x).
	want := func(rows, cols int, from func(y, x int) (int, int)) string {
		var dst []float32
		for y := range rows {
			for x := range cols {
				sy, sx := from(y, x)
				dst = append(dst, float32(sy*w+sx))
			}
		}
		return fmt.Sprint(dst)
	}
	check := func(got map[string]int, expected map[string]bool) {
		t.Helper()
		require.Len(t, got, len(expected))
		mean := 2000 / len(expected)
		for k, n := range got {
			require.True(t, expected[k], k)
			require.InDelta(t, mean, n, 5*math.Sqrt(float64(mean)), "equally likely")
		}
	}
	check(seen(datasets.Flip()), map[string]bool{
		want(h, w, func(y, x int) (int, int) { return y, x }):         true,
		want(h, w, func(y, x int) (int, int) { return y, w - 1 - x }): true,
	})
	shifts, crops := map[string]bool{}, map[string]bool{}
	mirror := func(k, n int) int {
		for k < 0 || k >= n {
			k = max(-k, min(k, 2*(n-1)-k))
		}
		return k
	}
	for dy := -2; dy <= 2; dy++ {
		for dx := -2; dx <= 2; dx++ {
			shifts[want(h, w, func(y, x int) (int, int) { return mirror(y-dy, h), mirror(x-dx, w) })] = true
		}
	}
	check(seen(datasets.Shift(2)), shifts)
	for y0 := range 2 {
		for x0 := range 3 {
			crops[want(3, 3, func(y, x int) (int, int) { return y + y0, x + x0 })] = true
		}
	}
	check(seen(datasets.RandomCrop(3, 3)), crops)
}

// misnamed has labels of which it does not know the names.
type misnamed struct{ classed }

func (misnamed) Label(int) int { return 7 }

func TestDerivedErrorsAndMisuse(t *testing.T) {
	unreadable := errors.New("unreadable")
	bad := broken{counter(3), func(i int) error { return unreadable }}
	for name, set := range map[string]datasets.Dataset{
		"subset": datasets.Subset(bad, []int{1}), "concat": datasets.Concat(bad), "normalize": datasets.Normalize(bad, make([]float64, bad.Shape()[0]), ones(bad.Shape()[0])),
	} {
		require.ErrorIs(t, set.Fill(0, make([]float32, sizeOf(set))), unreadable, name)
		_, err := set.(datasets.Digester).Digest()
		require.ErrorIs(t, err, unreadable, name)
		for _, err := range datasets.NewLoader(set, 1).Epoch(context.Background(), 0, 0) {
			require.ErrorIs(t, err, unreadable, name)
		}
	}
	_, _, err := datasets.MeanStd(bad)
	require.ErrorIs(t, err, unreadable)

	data := classed{3, []string{"a"}}
	for name, f := range map[string]func(){
		"nil":            func() { datasets.Subset(nil, nil) },
		"index":          func() { datasets.Subset(data, []int{3}) },
		"fractions":      func() { datasets.RandomSplit(data, 1, .6, .6) },
		"fraction":       func() { datasets.RandomSplit(data, 1, math.NaN()) },
		"none":           func() { datasets.Concat() },
		"shapes":         func() { datasets.Concat(data, counter(3)) },
		"unnamed":        func() { datasets.Concat(data, misnamed{data}).(datasets.Labeler).Label(3) },
		"some labels":    func() { datasets.Concat(data, unlabelled{data}) },
		"no labels":      func() { datasets.WithClasses(counter(3), "a") },
		"names":          func() { datasets.WithClasses(classed{3, []string{"a", "b"}}, "a") },
		"means":          func() { datasets.Normalize(data, []float64{1, 2}, []float64{1, 2}) },
		"deviation":      func() { datasets.Normalize(data, []float64{1}, []float64{0}) },
		"empty":          func() { datasets.MeanStd(classed{0, []string{"a"}}) },
		"no image":       func() { datasets.Augment(datasets.FromTensor(tensor.New(tensor.Float32, 2, 3), nil), 1) },
		"zero":           func() { datasets.Augment(data, 1, datasets.Augmentation{}) },
		"shift":          func() { datasets.Augment(data, 1, datasets.Shift(4)) },
		"negative shift": func() { datasets.Shift(-1) },
		"crop":           func() { datasets.Augment(data, 1, datasets.RandomCrop(5, 1)) },
		"no crop":        func() { datasets.RandomCrop(0, 1) },
		"sample":         func() { datasets.Subset(data, []int{1}).Fill(1, make([]float32, 20)) },
		"dst":            func() { datasets.Subset(data, []int{1}).Fill(0, make([]float32, 19)) },
		"label":          func() { datasets.Subset(data, []int{1}).(datasets.Labeler).Label(-1) },
	} {
		require.ErrorAs(t, tensor.Catch(f), new(tensor.Misuse), name)
	}
}

// unlabelled hides what a dataset knows.
type unlabelled struct{ datasets.Dataset }

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func sizeOf(data datasets.Dataset) int {
	n := 1
	for _, d := range data.Shape() {
		n *= d
	}
	return n
}
