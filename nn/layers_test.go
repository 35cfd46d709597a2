package nn_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// number returns a tensor of the file, whole numbers as float64 too.
func (g golden) number(name string) *tensor.Tensor {
	values, shape, err := g.file.Int64s(name)
	if err != nil {
		return g.tensor(name)
	}
	t := tensor.New(tensor.Float64, shape...)
	for _, v := range values {
		t.Fill(float64(v)) // of which there is one
	}
	return t
}

// TestLayersOfFilesEqualPyTorch: the architecture stands in the file as [Decode]
// reads it, and the state has PyTorch's names.
func TestLayersOfFilesEqualPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/conv_layers.safetensors")
	cases := g.cases()
	require.Greater(t, len(cases), 40)
	for name, about := range cases {
		t.Run(name, func(t *testing.T) { golden{t, g.file}.layer(name, about) })
	}
}

// layer checks a case: what a module makes of an input, the gradients, and its
// buffers.
func (g golden) layer(name string, about map[string]any) {
	architecture, err := json.Marshal(about["architecture"])
	require.NoError(g.t, err)
	m, err := nn.Decode(architecture)
	require.NoError(g.t, err)
	again, err := nn.Encode(m)
	require.NoError(g.t, err)
	require.JSONEq(g.t, string(architecture), string(again))
	state := map[string]*tensor.Tensor{}
	for _, key := range g.file.Names() {
		if param, ok := strings.CutPrefix(key, name+".param."); ok {
			state[param] = g.number(key)
		}
	}
	require.NoError(g.t, nn.LoadState(m, state))

	var names []string
	var leaves []*autograd.Var
	x := g.constant(name + ".input")
	if slices.Contains(g.file.Names(), name+".grad.input") {
		x = autograd.Leaf(x.Value())
		names, leaves = []string{"input"}, []*autograd.Var{x}
	}
	for _, p := range nn.Params(m) {
		if !p.Param.Frozen() {
			names, leaves = append(names, p.Name), append(leaves, p.Param.Leaf())
		}
	}
	ctx := &nn.Ctx{Track: true, Train: about["train"].(bool), Updates: new(nn.Updates)}
	y := m.Forward(ctx, x)
	out, err := nn.OutShape(m, x.Shape())
	require.NoError(g.t, err)
	require.Equal(g.t, y.Shape(), out)
	g.near(name+".output", y, 1e-12)

	s := autograd.Sum(autograd.Mul(y, g.constant(name+".vector")))
	plain := autograd.Grad(s, leaves, autograd.Opts{})
	first := autograd.Grad(s, leaves, autograd.Opts{CreateGraph: true})
	second := autograd.Grad(autograd.Sum(autograd.Square(first[0])), leaves, autograd.Opts{AllowConstant: true})
	for i, leaf := range names {
		g.near(name+".grad."+leaf, plain[i], 1e-12)
		g.near(name+".grad."+leaf, first[i], 1e-12)
		if name == "gelu_tanh" { // PyTorch's 1 + tanh loses digits far below 0
			require.InDeltaSlice(g.t, g.tensor(name+".grad2."+leaf).Float64s(), second[i].Value().Float64s(), 1e-12)
			continue
		}
		g.near(name+".grad2."+leaf, second[i], 1e-12)
	}
	// Running averages: unchanged by the pass, then as PyTorch has them.
	for key, want := range state {
		require.Equal(g.t, want.Float64s(), nn.State(m)[key].Float64s(), key)
	}
	ctx.Updates.Apply()
	for _, key := range g.file.Names() {
		if buffer, ok := strings.CutPrefix(key, name+".after."); ok {
			require.InDeltaSlice(g.t, g.number(key).Float64s(), nn.State(m)[buffer].Float64s(), 1e-14, buffer)
		}
	}
}

// TestPiecewiseLayers: what layers say of their derivative is what [autograd]
// finds, for every kind that says something, and for arguments of which it depends.
func TestPiecewiseLayers(t *testing.T) {
	ctx := &nn.Ctx{Track: true, Condition: autograd.Const(tensor.NewStream(3, "condition").Normal(tensor.Float64, 4, 2))}
	for _, c := range kinds {
		l, is := c.m.(nn.PiecewiseLinear)
		if _, kinked := c.m.(nn.Activator); !is || kinked || l.Linearity() != nn.LinearInPieces {
			continue
		}
		kind, _ := c.m.(nn.Describer).Describe()
		piecewise(t, kind, c.m, ctx, c.input, func(param string) bool {
			return kind == "EmbedCondition" || param == "bias" || param == "output.bias"
		})
	}
	for name, m := range map[string]nn.Module{
		"linear, no bias": nn.Linear(4, 3, nn.NoBias()),
		"Conv2D":          nn.Conv2D(2, 4, 3, nn.Stride(2), nn.Padding(1), nn.Groups(2)),
		"no bias":         nn.Conv2D(2, 3, 2, nn.NoBias()),
		"ConvTranspose2D": nn.ConvTranspose2D(2, 3, 3, nn.Stride(2), nn.OutputPadding(1)),
		"AvgPool2D":       nn.AvgPool2D(3, nn.Stride(2), nn.Padding(1)),
		"Adaptive":        nn.AdaptiveAvgPool2D(2, 2),
	} {
		piecewise(t, name, m, ctx, []int{2, 2, 5, 4}, func(param string) bool { return param == "bias" })
	}
	for _, m := range []nn.Module{nn.MaxPool2D(2), nn.PReLU(1), nn.Residual(nn.Linear(2, 2), nil), nn.Tanh(), nn.LeakyReLU(0), nn.LeakyReLU(-1),
		nn.ConvTranspose2D(1, 1, 2, nn.Dilation(2), nn.OutputPadding(1)), nn.Sequential(nn.Linear(2, 2), nn.FourierFeatures([][]float64{{1, 1}}))} {
		_, ok := nn.PiecewiseLayers(nn.Sequential(m))
		require.False(t, ok, "%T", m)
	}
	layers, ok := nn.PiecewiseLayers(nn.Sequential(nn.Sequential(nn.FourierFeatures([][]float64{{1, 1}})), nn.Linear(4, 2)))
	require.True(t, ok)
	require.Len(t, layers, 2)
}

// piecewise holds what a layer says of its derivative in a pass, at an input of a shape,
// against what [autograd] finds. Parameters that added tells of, such as a bias, get the
// gradient times WeightGrad's c.
func piecewise(t *testing.T, name string, m nn.Module, ctx *nn.Ctx, shape []int, added func(param string) bool) {
	t.Helper()
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	layers, ok := nn.PiecewiseLayers(nn.Sequential(m))
	require.True(t, ok, name)
	require.Len(t, layers, 1)
	random := tensor.NewStream(2, name)
	x, v := random.Normal(tensor.Float64, shape...), random.Normal(tensor.Float64, shape...)
	leaves := []*autograd.Var{autograd.Leaf(x)}
	leaves = append(leaves, nn.Leaves(m)...)
	y := m.Forward(ctx, leaves[0])
	g := random.Normal(tensor.Float64, y.Shape()...)
	want := autograd.Grad(y, leaves, autograd.Opts{Seed: autograd.Const(g)})
	layer := layers[0]
	if b, ok := layer.(nn.PassBound); ok {
		layer = b.Bind(ctx)
		require.Equal(t, y.Value().Float64s(), layer.Forward(ctx, autograd.Const(x)).Value().Float64s())
	}
	check := func(c *tensor.Tensor) {
		got := append([]*tensor.Tensor{layer.Pull(x, y.Value(), g)}, layer.WeightGrad(g, x, c)...)
		require.Len(t, got, len(want), name)
		for i := range want {
			require.Equal(t, want[i].Shape(), got[i].Shape(), name)
			require.InDeltaSlice(t, want[i].Value().Float64s(), got[i].Float64s(), 1e-13, name)
		}
	}
	check(nil)
	c := random.Normal(tensor.Float64, x.Dim(0), 1)
	scale := c
	for range y.Value().Rank() - 2 {
		scale = scale.Reshape(append(scale.Shape(), 1)...)
	}
	timesC := autograd.Grad(y, leaves, autograd.Opts{Seed: autograd.Const(tensor.Mul(scale, g))})
	for i, p := range nn.Params(m) {
		if added(p.Name) {
			want[i+1] = timesC[i+1]
		}
	}
	check(c)
	moved := m.Forward(ctx, autograd.Const(tensor.Add(x, v)))
	require.InDeltaSlice(t, tensor.Sub(moved.Value(), y.Value()).Float64s(), layer.Push(y.Value(), v).Float64s(), 1e-13, name)
}

// TestRunningStatistics: passes change nothing; Apply does, in order.
func TestRunningStatistics(t *testing.T) {
	m := nn.Sequential(nn.BatchNorm1D(2, nn.Momentum(0.5)), nn.Linear(2, 1))
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	state := nn.State(m)
	require.Len(t, state, 7)
	require.Equal(t, 7, nn.Count(m)) // weights and biases, without buffers
	norm := nn.Params(m)[:5]
	for i, name := range []string{"0.weight", "0.bias", "0.running_mean", "0.running_var", "0.num_batches_tracked"} {
		require.Equal(t, name, norm[i].Name)
		require.Equal(t, i >= 2, norm[i].Param.Buffer())
		require.Equal(t, i >= 2, norm[i].Param.Frozen())
	}
	nn.Freeze(m, false)
	require.False(t, (&nn.Ctx{Track: true}).Var(norm[2].Param).Tracked())

	x := autograd.Const(tensor.FromFloat64([]float64{1, 10, 3, 10, 5, 40}, 3, 2)) // means 3 and 20, variances 4 and 300
	ctx := &nn.Ctx{Train: true, Track: true, Updates: new(nn.Updates)}
	first := m.Forward(ctx, x).Value().Float64s()
	m.Forward(&nn.Ctx{Train: true}, x) // nobody collects these
	m.Forward(ctx, autograd.Const(tensor.Scale(x.Value(), 2)))
	require.Equal(t, []float64{0, 0}, state["0.running_mean"].Float64s())
	before := nn.Snapshot(m)
	ctx.Updates.Apply()
	require.Equal(t, []float64{3*0.25 + 6*0.5, 20*0.25 + 40*0.5}, state["0.running_mean"].Float64s())
	require.InDeltaSlice(t, []float64{1*0.25 + 4*0.25 + 16*0.5, 1*0.25 + 300*0.25 + 1200*0.5}, state["0.running_var"].Float64s(), 1e-12)
	require.Equal(t, 2.0, state["0.num_batches_tracked"].Item())
	ctx.Updates.Apply() // they are forgotten
	require.Equal(t, 2.0, state["0.num_batches_tracked"].Item())
	m.Forward(ctx, x)
	ctx.Updates.Discard()
	ctx.Updates.Apply()
	require.Equal(t, 2.0, state["0.num_batches_tracked"].Item())

	require.Equal(t, first, m.Forward(&nn.Ctx{Train: true}, x).Value().Float64s()) // which looks at the batch alone
	running := m.Forward(nil, x).Value().Float64s()
	require.NotEqual(t, first, running)
	alone := m.Forward(nil, autograd.Const(x.Value().Slice(0, 1, 2))).Value().Item()
	require.InDelta(t, running[1], alone, 1e-15)
	require.NotEqual(t, running, m.Forward(&nn.Ctx{Weights: before}, x).Value().Float64s())

	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, nn.Save(path, m, nil))
	loaded, _, err := nn.Load(path)
	require.NoError(t, err)
	require.Equal(t, running, loaded.Forward(nil, x).Value().Float64s())
	require.Equal(t, bits(m), bits(loaded))
}

// TestCountersOfPyTorch: whole numbers in a file become the network's dtype.
func TestCountersOfPyTorch(t *testing.T) {
	const header = `{"running_mean":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"running_var":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},` +
		`"num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}   `
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = binary.LittleEndian.AppendUint64(append(file, header...), 12345)
	file = binary.LittleEndian.AppendUint32(file, math.Float32bits(0.5))
	file = binary.LittleEndian.AppendUint32(file, math.Float32bits(2))
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	m := nn.BatchNorm2D(1, nn.Affine(false))
	require.NoError(t, nn.LoadInto(path, m))
	require.Equal(t, tensor.Float32, nn.State(m)["num_batches_tracked"].DType())
	require.Equal(t, 12345.0, nn.State(m)["num_batches_tracked"].Item())
	require.Equal(t, []float64{2}, nn.State(m)["running_var"].Float64s())
}

func TestDropout(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		x := autograd.Leaf(tensor.Full(dt, 3, 100, 100))
		pass := func(p float64, seed uint64) *autograd.Var {
			return nn.Dropout(p).Forward(&nn.Ctx{Train: true, Rand: tensor.NewStream(seed, "dropout")}, x)
		}
		y := pass(0.25, 1)
		count := map[float64]int{}
		for _, v := range y.Value().Float64s() {
			count[v]++
		}
		require.Len(t, count, 2)
		require.InDelta(t, 2500, count[0], 200) // 4.6 standard deviations
		require.Equal(t, 10000-count[0], count[4])
		require.Equal(t, y.Value().Float64s(), pass(0.25, 1).Value().Float64s())
		require.NotEqual(t, y.Value().Float64s(), pass(0.25, 2).Value().Float64s())
		g := autograd.Grad(autograd.Sum(y), []*autograd.Var{x}, autograd.Opts{})[0]
		require.Equal(t, tensor.Scale(y.Value(), 1./3).Float64s(), g.Value().Float64s())
		require.Same(t, x, pass(0, 1))
		require.Same(t, x, nn.Dropout(0.25).Forward(nil, x))
		require.Equal(t, make([]float64, 10000), pass(1, 1).Value().Float64s())

		// One stream gives one number after another.
		ctx := &nn.Ctx{Train: true, Rand: tensor.NewStream(1, "dropout")}
		m := nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
		four := m.Forward(ctx, x).Value().Float64s()
		require.Contains(t, four, 12.0)
		require.NotEqual(t, four, m.Forward(ctx, x).Value().Float64s())
	}
	requireMisuse[*nn.StateError](t, "nn: Dropout needs random numbers, and this pass has none; set Ctx.Rand", func() {
		nn.Dropout(0.5).Forward(&nn.Ctx{Train: true}, autograd.Const(tensor.New(tensor.Float32, 2)))
	})
}

// TestTemperature: it is for evaluation.
func TestTemperature(t *testing.T) {
	x := autograd.Leaf(tensor.Full(tensor.Float32, 3, 2, 2))
	require.Same(t, x, nn.Temperature(1.25).Forward(&nn.Ctx{Train: true}, x))
	require.Same(t, x, nn.Temperature(1).Forward(nil, x))
	require.Equal(t, []float64{3.75, 3.75, 3.75, 3.75}, nn.Temperature(1.25).Forward(nil, x).Value().Float64s())
	text, err := nn.Encode(nn.Temperature(1.25))
	require.NoError(t, err)
	m, err := nn.Decode(text)
	require.NoError(t, err)
	require.Equal(t, nn.Temperature(1.25), m)
}

// TestThreadsMakeNoDifference: networks for images give the same bits, to
// second derivatives, whatever the number of threads.
func TestThreadsMakeNoDifference(t *testing.T) {
	defer tensor.CPU().SetThreads(0)
	for _, m := range []nn.Module{
		nn.Sequential(nn.Conv2D(1, 16, 4, nn.Stride(2), nn.Padding(1)), nn.LeakyReLU(0.2), nn.BatchNorm2D(16), nn.Conv2D(16, 8, 3),
			nn.Tanh(), nn.MaxPool2D(2), nn.GroupNorm(2, 8), nn.Flatten(), nn.Linear(288, 1)),
		nn.Sequential(nn.AvgPool2D(2), nn.UpsampleNearest(2), nn.Conv2D(1, 8, 3, nn.Padding(1)), nn.SiLU(),
			nn.ConvTranspose2D(8, 1, 4, nn.Stride(2), nn.Padding(1)), nn.UpsampleBilinear(2), nn.GELU()),
	} {
		var want [][]float64
		for _, threads := range []int{1, 2, 3} {
			tensor.CPU().SetThreads(threads)
			nn.Init(m, 1, tensor.Float32, tensor.CPU())
			leaves := []*autograd.Var{autograd.Leaf(tensor.NewStream(1, "input").Normal(tensor.Float32, 9, 1, 28, 28))}
			leaves = append(leaves, nn.Leaves(m)...)
			y := m.Forward(&nn.Ctx{Train: true, Track: true}, leaves[0])
			first := autograd.Grad(autograd.Sum(autograd.Square(y)), leaves, autograd.Opts{CreateGraph: true})
			second := autograd.Grad(autograd.Sum(autograd.Square(first[0])), leaves, autograd.Opts{AllowConstant: true})
			got := [][]float64{y.Value().Float64s()}
			for _, g := range append(first, second...) {
				got = append(got, g.Value().Float64s())
			}
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "%d threads", threads)
		}
	}
}

func TestLayersFirstValues(t *testing.T) {
	for name, c := range map[string]struct {
		m     nn.Module
		bound float64
	}{
		"Conv2D":          {nn.Conv2D(6, 50, 3, nn.Groups(2)), 1 / math.Sqrt(27)},
		"ConvTranspose2D": {nn.ConvTranspose2D(50, 6, 3, nn.Groups(2)), 1 / math.Sqrt(27)},
	} {
		nn.Init(c.m, 1, tensor.Float64, tensor.CPU())
		for _, p := range nn.Params(c.m) {
			top := 0.0
			for _, v := range p.Param.Value().Float64s() {
				top = max(top, math.Abs(v))
			}
			require.LessOrEqual(t, top, c.bound, name)
			require.Greater(t, top, 0.4*c.bound, "%s %s", name, p.Name)
		}
	}
	fixed := ready(nn.Conv2D(1, 2, 3, nn.WeightInit(nn.Constant(2)), nn.BiasInit(nn.Constant(3))), 1, tensor.Float32)
	require.Equal(t, []float64{3, 3}, nn.State(fixed)["bias"].Float64s())
	require.Equal(t, 2.0, nn.State(fixed)["weight"].At(1, 0, 2, 2))
	table := ready(nn.Embedding(200, 50), 1, tensor.Float64)
	require.InDelta(t, 10000, tensor.Sum(tensor.Square(nn.State(table)["weight"])).Item(), 500)
	require.Equal(t, []float64{4, 4}, nn.State(ready(nn.Embedding(1, 2, nn.WeightInit(nn.Constant(4))), 1, tensor.Float32))["weight"].Float64s())
	for _, o := range []nn.LinearOption{nn.NoBias(), nn.BiasInit(nn.Constant(1))} {
		require.ErrorContains(t, tensor.Catch(func() { nn.Embedding(1, 2, o) }), "Embedding: an option is about a bias, and there is none")
		require.ErrorContains(t, tensor.Catch(func() { nn.PReLU(1, nn.WeightInit(nn.Constant(4)), o) }), "PReLU: an option is about a bias")
	}
}

// ownKinds are registered by these tests.
var ownKinds = map[string]bool{"Gate": true, "example.ReZero": true, "fickle": true}

// kinds has modules of every registered kind, an input of each, and whether they
// mix the samples of a batch.
var kinds = []struct {
	m     nn.Module
	input []int
	mixes bool
}{
	{nn.AdaptiveAvgPool2D(1, 1), []int{4, 1, 2, 2}, false},
	{nn.AvgPool2D(2), []int{4, 1, 2, 2}, false},
	{nn.BatchNorm1D(3), []int{4, 3}, true},
	{nn.BatchNorm2D(2), []int{4, 2, 2, 2}, true},
	{nn.ConcatCondition(2, 3), []int{4, 3}, false},
	{nn.Conv2D(1, 2, 2), []int{4, 1, 3, 3}, false},
	{nn.ConvTranspose2D(1, 2, 2), []int{4, 1, 2, 2}, false},
	{nn.DiffAugment(nn.Augmentations{Colour: true, Shift: .4, Cutout: .5}), []int{4, 3, 4, 5}, false},
	{nn.Dropout(0.5), []int{4, 3}, false},
	{nn.ELU(1), []int{4, 3}, false},
	{nn.EmbedCondition(nn.Linear(2, 3)), []int{4, 3}, false},
	{nn.Embedding(9, 2), []int{4, 2}, false},
	{nn.Flatten(), []int{4, 3, 2}, false},
	{nn.FourierFeatures([][]float64{{1, 2}}), []int{4, 2}, false},
	{nn.GELU(), []int{4, 3}, false},
	{nn.GELUTanh(), []int{4, 3}, false},
	{nn.GroupNorm(2, 4), []int{4, 4, 2}, false},
	{nn.InstanceNorm2D(2), []int{4, 2, 2, 2}, false},
	{nn.LayerNorm([]int{3}), []int{4, 3}, false},
	{nn.LeakyReLU(0.2), []int{4, 3}, false},
	{nn.Linear(3, 2), []int{4, 3}, false},
	{nn.MaxPool2D(2), []int{4, 1, 2, 2}, false},
	{nn.MinibatchStdDev(2, 1), []int{4, 3}, true},
	{nn.PReLU(3), []int{4, 3}, false},
	{nn.PixelShuffle(2), []int{4, 4, 2, 2}, false},
	{nn.PixelUnshuffle(2), []int{4, 1, 2, 2}, false},
	{nn.Projection(nn.Linear(3, 1), nn.Linear(2, 3)), []int{4, 3}, false},
	{nn.ReLU(), []int{4, 3}, false},
	{nn.Reshape(3, 1), []int{4, 3}, false},
	{nn.Residual(nn.Tanh(), nil), []int{4, 3}, false},
	{nn.Residual(nn.Tanh(), nn.BatchNorm1D(3)), []int{4, 3}, true},
	{nn.Sequential(nn.Tanh(), nn.ReLU()), []int{4, 3}, false},
	{nn.Sequential(nn.Tanh(), nn.Sequential(nn.BatchNorm1D(3))), []int{4, 3}, true},
	{nn.SiLU(), []int{4, 3}, false},
	{nn.Sigmoid(), []int{4, 3}, false},
	{nn.Softmax(0), []int{4, 3}, true},
	{nn.Softmax(-1), []int{4, 3}, false},
	{nn.Softmax(-2), []int{4, 3}, true},
	{nn.Softplus(), []int{4, 3}, false},
	{nn.SpectralNorm(nn.Linear(3, 2)), []int{4, 3}, false},
	{nn.Tanh(), []int{4, 3}, false},
	{nn.Temperature(1.5), []int{4, 3}, false},
	{nn.UpsampleBilinear(2), []int{4, 1, 2, 2}, false},
	{nn.UpsampleNearest(2), []int{4, 1, 2, 2}, false},
}

// TestEveryKindSaysWhetherItMixes: and what it says is so. A kind that is not in
// the list is a failure, and so is one that does not say.
func TestEveryKindSaysWhetherItMixes(t *testing.T) {
	listed := maps.Clone(ownKinds)
	for _, c := range kinds {
		kind, _ := c.m.(nn.Describer).Describe()
		listed[kind] = true
		t.Run(kind, func(t *testing.T) {
			mixes, known := nn.MixesBatch(c.m)
			require.True(t, known)
			require.Equal(t, c.mixes, mixes)

			// The output for the first sample, among different others.
			nn.Init(c.m, 1, tensor.Float64, tensor.CPU())
			x := tensor.NewStream(2, kind).Uniform(tensor.Float64, c.input...)
			if kind == "Embedding" {
				x = tensor.FromFloat64([]float64{0, 1, 2, 3, 4, 5, 6, 7}, c.input...)
			}
			first := func(x *tensor.Tensor) []float64 {
				condition := autograd.Const(tensor.NewStream(4, kind).Normal(tensor.Float64, 4, 2))
				ctx := &nn.Ctx{Train: true, Condition: condition, Rand: tensor.NewStream(3, kind)}
				return c.m.Forward(ctx, autograd.Const(x)).Value().Slice(0, 0, 1).Float64s()
			}
			other := x.Clone()
			others := other.Slice(0, 1, 4)
			others.CopyFrom(tensor.Shift(others, 1))
			others.Slice(0, 0, 1).Fill(2)
			require.Equal(t, mixes, !slices.Equal(first(x), first(other)))
		})
	}
	for _, kind := range nn.Kinds() {
		require.True(t, listed[kind], "%s is not in the list", kind)
	}
}

// TestDamagedDescriptions: numbers from a file are checked before anything is
// built from them.
func TestDamagedDescriptions(t *testing.T) {
	for description, says := range map[string]string{
		`{"type":"Conv2D","in":1,"out":1,"kernel":[3,3],"stride":[0,1],"padding":[0,0],"dilation":[1,1],"groups":1,"bias":true}`:                        `are not possible`,
		`{"type":"Conv2D","in":1,"out":1,"kernel":[3,3],"stride":[1,1],"padding":[0,0],"dilation":[1,1],"groups":1,"bias":7}`:                           `cannot unmarshal`,
		`{"type":"Conv2D","in":1,"out":1,"kernel":[3,3],"stride":[1,1],"padding":[0,0],"dilation":[1,1],"groups":1}`:                                    `"bias" is missing`,
		`{"type":"Conv2D","in":1,"out":1,"kernel":[3],"stride":[1,1],"padding":[0,0],"dilation":[1,1],"groups":1,"bias":true}`:                          `kernel: an array has 1 elements, not 2`,
		`{"type":"Conv2D","in":20000000,"out":1,"kernel":[3,3],"stride":[1,1],"padding":[0,0],"dilation":[1,1],"groups":1,"bias":true}`:                 `Conv2D: in is 20000000; sizes are at most 16777216`,
		`{"type":"ConvTranspose2D","in":1,"out":1,"kernel":[3,20000000],"stride":[1,1],"padding":[0,0],"dilation":[1,1],"groups":1,"bias":true}`:        `ConvTranspose2D: kernel is 20000000`,
		`{"type":"Conv2D","in":1,"out":1,"kernel":[3,3],"stride":[1,1],"padding":[0,0],"dilation":[1,1],"groups":1,"bias":true,"output_padding":[1,1]}`: `no output padding`,
		`{"type":"MaxPool2D","size":[2,2],"stride":[0,1],"padding":[0,0]}`:                                                                              `not possible`,
		`{"type":"AvgPool2D","size":[20000000,2],"stride":[1,1],"padding":[0,0]}`:                                                                       `AvgPool2D: size is 20000000`,
		`{"type":"AdaptiveAvgPool2D","size":[0,1]}`:                                            `images do not have such a size`,
		`{"type":"UpsampleNearest","scale":0}`:                                                 `cannot be 0 times`,
		`{"type":"UpsampleBilinear","scale":20000000}`:                                         `UpsampleBilinear: scale is 20000000`,
		`{"type":"BatchNorm2D","shape":[],"eps":1e-5,"momentum":0.1,"affine":true}`:            `is not possible`,
		`{"type":"LayerNorm","shape":[20000000],"eps":1e-5,"momentum":null,"affine":true}`:     `LayerNorm: shape is 20000000`,
		`{"type":"LayerNorm","shape":[2],"eps":-1,"momentum":null,"affine":true}`:              `ε = -1 is not possible`,
		`{"type":"LayerNorm","shape":[0],"eps":1e-5,"momentum":null,"affine":true}`:            `nothing to normalise`,
		`{"type":"GroupNorm","shape":[4],"groups":0,"eps":1e-5,"momentum":null,"affine":true}`: `not divisible into 0 groups`,
		`{"type":"ConcatCondition","size":0,"scale":1}`:                                        `a condition of 0 numbers`,
		`{"type":"ConcatCondition","size":20000000,"scale":1}`:                                 `ConcatCondition: size is 20000000`,
		`{"type":"EmbedCondition","embedding":null}`:                                           `EmbedCondition of nil`,
		`{"type":"EmbedCondition","embedding":{"type":"Tanh"}}`:                                `EmbedCondition of Tanh`,
		`{"type":"Projection","output":null,"embedding":null}`:                                 `Projection of nil`,
		`{"type":"DiffAugment","colour":false,"shift":0,"cutout":0}`:                           `nothing is to be changed`,
		`{"type":"Temperature","t":0}`:                                                         `not a temperature`,
		`{"type":"Dropout","p":2}`:                                                             `not a probability`,
		`{"type":"Embedding","n":20000000,"dim":1}`:                                            `Embedding: n is 20000000`,
		`{"type":"Embedding","n":1,"dim":0}`:                                                   `at least one row`,
		`{"type":"PReLU","n":20000000}`:                                                        `PReLU: n is 20000000`,
		`{"type":"PReLU","n":0}`:                                                               `there are no slopes`,
		`{"type":"PixelShuffle","factor":20000000}`:                                            `PixelShuffle: factor is 20000000`,
		`{"type":"PixelUnshuffle","factor":0}`:                                                 `cannot be divided into blocks of 0 by 0`,
		`{"type":"MinibatchStdDev","group_size":4,"features":0}`:                               `0 features are not possible`,
		`{"type":"MinibatchStdDev","group_size":20000000,"features":1}`:                        `MinibatchStdDev: group_size is 20000000`,
		`{"type":"Residual","body":null,"skip":null}`:                                          `Residual: there is no body`,
		`{"type":"Residual","body":{"type":"Tanh"}}`:                                           `"skip" is missing`,
	} {
		_, err := nn.Decode([]byte(description))
		require.ErrorContains(t, err, says, description)
	}
}
