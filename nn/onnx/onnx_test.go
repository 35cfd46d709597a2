package onnx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	_ "github.com/gander-ml/gander/internal/backend/backendtest/far" // registers the device
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// TestNetworks can leave what it compares to bench/onnx/check.py.
var folder = flag.String("write", "", "folder for the files of TestNetworks, each with an input and an output beside it")

// network is a row of the table: a module and an input's shape of one sample.
type network struct {
	m      nn.Module
	sample []int
}

// networks has every kind of layer, in its forms, and networks of them.
func networks() map[string]network {
	image := func(channels int) []int { return []int{channels, 6, 5} }
	all := map[string]network{
		"Linear":             {nn.Linear(5, 3), []int{5}},
		"Linear/no bias":     {nn.Linear(5, 3, nn.NoBias()), []int{5}},
		"Linear/axes":        {nn.Linear(5, 3), []int{2, 5}},
		"Conv2D":             {nn.Conv2D(4, 6, 3, nn.Stride(2), nn.Padding(1, 2), nn.Groups(2)), image(4)},
		"Conv2D/no bias":     {nn.Conv2D(2, 3, 2, nn.Dilation(2, 1), nn.NoBias(), nn.KernelSize(2, 3)), image(2)},
		"ConvTranspose2D":    {nn.ConvTranspose2D(4, 6, 4, nn.Stride(2), nn.Padding(1), nn.Groups(2)), image(4)},
		"ConvTranspose2D/+":  {nn.ConvTranspose2D(2, 3, 3, nn.Stride(3, 2), nn.Dilation(2), nn.OutputPadding(1), nn.NoBias()), image(2)},
		"ConvTranspose2D/++": {nn.Sequential(nn.ConvTranspose2D(2, 3, 2, nn.Stride(1, 2), nn.Padding(1), nn.Dilation(3, 6), nn.OutputPadding(2, 5)), nn.MinibatchStdDev(2, 1)), image(2)},
		"AvgPool2D":          {nn.AvgPool2D(2), image(2)},
		"AvgPool2D/padded":   {nn.AvgPool2D(3, nn.Stride(2), nn.Padding(1)), image(2)},
		"MaxPool2D":          {nn.MaxPool2D(3, nn.Stride(2), nn.Padding(1)), image(2)},
		"AdaptiveAvgPool2D":  {nn.AdaptiveAvgPool2D(1, 1), image(2)},
		"Adaptive/tiles":     {nn.AdaptiveAvgPool2D(3, 5), image(2)},
		"Adaptive/windows":   {nn.AdaptiveAvgPool2D(4, 3), image(2)},
		"BatchNorm1D":        {nn.BatchNorm1D(3), []int{3}},
		"BatchNorm1D/length": {nn.BatchNorm1D(3, nn.Affine(false), nn.Eps(0.1)), []int{3, 4}},
		"BatchNorm2D":        {nn.BatchNorm2D(2), image(2)},
		"LayerNorm":          {nn.LayerNorm([]int{6, 5}), image(2)},
		"LayerNorm/last":     {nn.LayerNorm([]int{7}, nn.Affine(false)), []int{7}},
		"GroupNorm":          {nn.GroupNorm(2, 4), image(4)},
		"GroupNorm/features": {nn.GroupNorm(2, 6), []int{6}},
		"InstanceNorm2D":     {nn.InstanceNorm2D(2), image(2)},
		"Instance/affine":    {nn.InstanceNorm2D(2, nn.Affine(true), nn.Eps(0.01)), image(2)},
		"DiffAugment":        {nn.DiffAugment(nn.Augmentations{Colour: true, Shift: 0.1}), image(3)},
		"Dropout":            {nn.Dropout(0.5), []int{3}},
		"Embedding":          {nn.Embedding(9, 4), []int{2}},
		"Flatten":            {nn.Flatten(), image(2)},
		"FourierFeatures":    {nn.FourierFeatures([][]float64{{1, 0.3}, {0.25, -0.5}, {2, 0}}), []int{2}},
		"MinibatchStdDev":    {nn.MinibatchStdDev(2, 2), image(4)},
		"StdDev/features":    {nn.MinibatchStdDev(8, 1), []int{5}},
		"PReLU":              {nn.PReLU(2), image(2)},
		"PReLU/one":          {nn.PReLU(1), image(2)},
		"PReLU/features":     {nn.PReLU(5), []int{5}},
		"PixelShuffle":       {nn.PixelShuffle(2), image(8)},
		"PixelUnshuffle":     {nn.PixelUnshuffle(2), []int{2, 4, 6}},
		"ConcatCondition":    {nn.Sequential(nn.ConcatCondition(3, 1.5), nn.Linear(8, 2)), []int{5}},
		"Concat/images":      {nn.ConcatCondition(3, 1), image(2)},
		"EmbedCondition":     {nn.EmbedCondition(nn.Linear(3, 2)), []int{5}},
		"Embed/images":       {nn.EmbedCondition(nn.SpectralNorm(nn.Linear(3, 2, nn.NoBias()))), image(2)},
		"Projection":         {nn.Projection(nn.Linear(5, 1), nn.Linear(3, 5, nn.NoBias())), []int{5}},
		"Projection/softmax": {nn.Sequential(nn.Softmax(1), nn.Projection(nn.Linear(5, 1), nn.Linear(3, 5))), []int{5}},
		"Reshape":            {nn.Reshape(3, -1, 2), []int{12}},
		"Residual":           {nn.Residual(nn.Linear(4, 4), nil), []int{4}},
		"Residual/skip":      {nn.Residual(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(4, 3, nn.NoBias()))), []int{4}},
		"Sequential":         {nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), nn.Linear(3, 2)), []int{4}},
		"Sequential/empty":   {nn.Sequential(), []int{4}},
		"Softmax":            {nn.Softmax(-1), []int{4, 3}},
		"Softmax/channels":   {nn.Softmax(1), []int{4, 3}},
		"SpectralNorm":       {nn.SpectralNorm(nn.Linear(4, 3)), []int{4}},
		"Spectral/transpose": {nn.SpectralNorm(nn.ConvTranspose2D(2, 3, 3)), image(2)},
		"Temperature":        {nn.Temperature(1.25), []int{3}},
		"Temperature/1":      {nn.Sequential(nn.Temperature(1), nn.Linear(3, 2)), []int{3}},
		"UpsampleNearest":    {nn.UpsampleNearest(3), image(2)},
		"UpsampleBilinear":   {nn.UpsampleBilinear(2), image(2)},

		// Batch normalisation that becomes part of the layer before it, and that does not.
		"folded/conv":      {nn.Sequential(nn.Conv2D(4, 6, 3, nn.Groups(2)), nn.BatchNorm2D(6), nn.ReLU()), image(4)},
		"folded/transpose": {nn.Sequential(nn.ConvTranspose2D(4, 6, 3, nn.Groups(2), nn.NoBias()), nn.BatchNorm2D(6, nn.Affine(false))), image(4)},
		"folded/linear":    {nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1D(3), nn.BatchNorm1D(3)), []int{4}},
		"folded/spectral":  {nn.Sequential(nn.SpectralNorm(nn.Conv2D(2, 3, 3)), nn.BatchNorm2D(3)), image(2)},
		"apart/no bias":    {nn.Sequential(nn.Linear(4, 3, nn.NoBias()), nn.BatchNorm1D(3)), []int{4}},
		"apart/tanh":       {nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.BatchNorm1D(3)), []int{4}},
		"apart/two users":  {nn.Sequential(nn.Linear(4, 3), nn.Residual(nn.BatchNorm1D(3), nil)), []int{4}},

		"all opsets": {nn.Sequential(nn.Softmax(-1), nn.MinibatchStdDev(2, 1)), []int{4}},
		"deep": {nn.Sequential(nn.Linear(4, 8*3*3), nn.BatchNorm1D(72), nn.LeakyReLU(0.2), nn.Reshape(8, 3, 3),
			nn.UpsampleBilinear(2), nn.Residual(nn.Sequential(nn.GroupNorm(2, 8), nn.SiLU(), nn.SpectralNorm(nn.Conv2D(8, 8, 3, nn.Padding(1)))), nil),
			nn.PixelShuffle(2), nn.Conv2D(2, 3, 3, nn.Padding(1)), nn.Dropout(0.1), nn.Tanh(), nn.Flatten()), []int{4}},
	}
	for name, m := range map[string]nn.Module{"Tanh": nn.Tanh(), "ReLU": nn.ReLU(), "Sigmoid": nn.Sigmoid(), "Softplus": nn.Softplus(),
		"LeakyReLU": nn.LeakyReLU(0.2), "ELU": nn.ELU(0.7), "GELU": nn.GELU(), "GELUTanh": nn.GELUTanh(), "SiLU": nn.SiLU()} {
		all[name] = network{m, []int{40}}
	}
	return all
}

// prepare gives a network weights, and its buffers values that training would.
func prepare(m nn.Module, dt tensor.DType) {
	nn.Init(m, 3, dt, tensor.CPU())
	random := tensor.NewStream(4, "buffers")
	for _, p := range nn.Params(m) {
		v := p.Param.Value()
		switch {
		case strings.HasSuffix(p.Name, "running_mean"):
			v.CopyFrom(random.Normal(dt, v.Shape()...))
		case strings.HasSuffix(p.Name, "running_var"):
			v.CopyFrom(tensor.Shift(tensor.Square(random.Normal(dt, v.Shape()...)), 0.1))
		case v.Rank() == 1:
			v.CopyFrom(random.Normal(dt, v.Shape()...))
		}
	}
}

// input returns samples for a row.
func (r network) input(dt tensor.DType, n int) *tensor.Tensor {
	shape := append([]int{n}, r.sample...)
	if kind, _ := r.m.(nn.Describer).Describe(); kind == "Embedding" {
		x := tensor.New(dt, shape...)
		values := make([]float64, x.Len())
		for i := range values {
			values[i] = float64(i * 5 % 9)
		}
		return tensor.FromFloat64(values, shape...).Cast(dt)
	}
	return tensor.Scale(tensor.NewStream(5, "input").Normal(dt, shape...), 2)
}

func arrays(ts map[string]*tensor.Tensor) map[string]optest.Array {
	out := map[string]optest.Array{}
	for name, t := range ts {
		out[name] = array(t)
	}
	return out
}

func array(t *tensor.Tensor) optest.Array { return optest.Array{Shape: t.Shape(), Data: t.Float64s()} }

// exported returns the file of a network as bytes, and as read.
func exported(t *testing.T, m nn.Module, sample ...int) ([]byte, file) {
	t.Helper()
	g, err := nn.Export(m, nil, sample...)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, onnx.Write(&b, g))
	return b.Bytes(), read(b.Bytes())
}

// near compares an interpreter's output with the network's.
func near(t *testing.T, want *tensor.Tensor, got optest.Array, tolerance float64) {
	t.Helper()
	require.Equal(t, want.Shape(), got.Shape)
	for i, w := range want.Float64s() {
		require.LessOrEqual(t, math.Abs(got.Data[i]-w), tolerance*max(1, math.Abs(w)), "element %d: %g, want %g", i, got.Data[i], w)
	}
}

// TestNetworks: what the file says is what the network computes, for batches of any
// size, in both precisions.
func TestNetworks(t *testing.T) {
	covered := map[string]bool{}
	for name, row := range networks() {
		for _, part := range kindsIn(t, row.m) {
			covered[part] = true
		}
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			if dt == tensor.Float64 && len(nn.Params(row.m)) == 0 {
				continue // float32, since nothing says otherwise
			}
			t.Run(fmt.Sprintf("%s/%v", name, dt), func(t *testing.T) {
				prepare(row.m, dt)
				b, f := exported(t, row.m, row.sample...)
				again, _ := exported(t, row.m, row.sample...)
				require.Equal(t, b, again)
				tolerance := map[tensor.DType]float64{tensor.Float32: 1e-5, tensor.Float64: 1e-7}[dt]
				for _, n := range []int{6, 1, 2} {
					x := row.input(dt, n)
					inputs := map[string]*tensor.Tensor{"input": x}
					ctx := &nn.Ctx{}
					if size, err := nn.ConditionSize(row.m); size > 0 {
						require.NoError(t, err)
						inputs["condition"] = tensor.NewStream(6, "condition").Normal(dt, n, size)
						ctx.Condition = autograd.Const(inputs["condition"])
					}
					y := row.m.Forward(ctx, autograd.Const(x)).Value()
					near(t, y, f.run(arrays(inputs)), tolerance)
					if n == 6 {
						leave(t, fmt.Sprintf("%s %v", name, dt), b, inputs, y)
					}
				}
				checkDeclared(t, f, row, dt)
			})
		}
	}
	for _, kind := range nn.Kinds() {
		require.True(t, covered[kind], "no row of the table has a %s", kind)
	}
}

// checkDeclared compares what a file says of itself with the network.
func checkDeclared(t *testing.T, f file, row network, dt tensor.DType) {
	kind := map[tensor.DType]int{tensor.Float32: 1, tensor.Float64: 11}[dt]
	out, err := nn.OutShape(row.m, append([]int{1}, row.sample...))
	require.NoError(t, err)
	dims := func(shape []int) []string {
		all := []string{"n"}
		for _, d := range shape {
			all = append(all, fmt.Sprint(d))
		}
		return all
	}
	inputs := []declared{{"input", kind, dims(row.sample)}}
	if size, _ := nn.ConditionSize(row.m); size > 0 {
		inputs = append(inputs, declared{"condition", kind, dims([]int{size})})
	}
	require.Equal(t, inputs, f.inputs)
	require.Equal(t, []declared{{"output", kind, dims(out[1:])}}, f.outputs)
	for name, k := range f.types {
		require.True(t, k == kind || k == 7 || strings.Contains(name, "roi") || strings.Contains(name, "scales"), name)
	}
}

// leave writes a file for bench/onnx/check.py, if that is wanted.
func leave(t *testing.T, name string, model []byte, inputs map[string]*tensor.Tensor, y *tensor.Tensor) {
	if *folder == "" {
		return
	}
	path := filepath.Join(*folder, strings.NewReplacer("/", "_", " ", "_").Replace(name))
	require.NoError(t, os.MkdirAll(*folder, 0o755))
	require.NoError(t, os.WriteFile(path+".onnx", model, 0o644))
	values := map[string]*tensor.Tensor{"output": y}
	maps.Copy(values, inputs)
	require.NoError(t, safetensors.Save(path+".safetensors", values, nil))
}

// kindsIn lists the kinds of a network's parts.
func kindsIn(t *testing.T, m nn.Module) (out []string) {
	text, err := nn.Encode(m)
	require.NoError(t, err)
	for _, kind := range nn.Kinds() {
		if bytes.Contains(text, []byte(`"type":"`+kind+`"`)) {
			out = append(out, kind)
		}
	}
	return out
}

// TestPyTorchsValues: files of networks with PyTorch's weights make PyTorch's
// outputs.
func TestPyTorchsValues(t *testing.T) {
	f, err := safetensors.Load(filepath.Join("..", "testdata", "conv_layers.safetensors"))
	require.NoError(t, err)
	cases := 0
	for name, text := range f.Metadata() {
		var about struct {
			Architecture json.RawMessage `json:"architecture"`
			Train        bool            `json:"train"`
		}
		if json.Unmarshal([]byte(text), &about) != nil || about.Architecture == nil || about.Train {
			continue
		}
		cases++
		t.Run(name, func(t *testing.T) {
			m, err := nn.Decode(about.Architecture)
			require.NoError(t, err)
			state := map[string]*tensor.Tensor{}
			for _, key := range f.Names() {
				if param, ok := strings.CutPrefix(key, name+".param."); ok {
					if whole, shape, err := f.Int64s(key); err == nil {
						state[param] = tensor.Full(tensor.Float64, float64(whole[0]), shape...)
						continue
					}
					state[param], err = f.Tensor(key)
					require.NoError(t, err)
				}
			}
			require.NoError(t, nn.LoadState(m, state))
			x, err := f.Tensor(name + ".input")
			require.NoError(t, err)
			y, err := f.Tensor(name + ".output")
			require.NoError(t, err)
			if len(nn.Params(m)) == 0 { // float32, since nothing says otherwise
				x, y = x.Cast(tensor.Float32), y.Cast(tensor.Float32)
			}
			b, file := exported(t, m, x.Shape()[1:]...)
			near(t, y, file.run(map[string]optest.Array{"input": array(x)}), 1e-5)
			leave(t, "PyTorch "+name, b, map[string]*tensor.Tensor{"input": x}, y)
		})
	}
	require.Greater(t, cases, 20)
}

var errDisk = errors.New("the disk is full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errDisk }

func opsOf(f file) (out []string) {
	for _, n := range f.nodes {
		out = append(out, n.op)
	}
	return out
}

// What is folded is gone, with its weights.
func TestFolding(t *testing.T) {
	for name, want := range map[string][]string{
		"folded/conv": {"Conv", "Relu"}, "folded/transpose": {"ConvTranspose"}, "folded/linear": {"Gemm"}, "folded/spectral": {"Conv"},
		"apart/no bias": {"MatMul", "BatchNormalization"}, "apart/tanh": {"Gemm", "Tanh", "BatchNormalization"},
		"apart/two users": {"Gemm", "BatchNormalization", "Add"}, "Dropout": {"Identity"}, "Sequential/empty": {"Identity"},
	} {
		row := networks()[name]
		prepare(row.m, tensor.Float32)
		_, f := exported(t, row.m, row.sample...)
		require.Equal(t, want, opsOf(f), name)
		if strings.HasPrefix(name, "folded") {
			require.Len(t, f.constants, 2, name)
		}
	}
}

// TestOpset: a file declares the smallest version that has all its operations in
// the form that they have.
func TestOpset(t *testing.T) {
	for name, want := range map[string][2]int{ // opset, format
		"Linear": {9, 4}, "folded/conv": {9, 4}, "GroupNorm": {9, 4}, "GELU": {9, 4},
		"UpsampleNearest": {11, 6}, "MinibatchStdDev": {12, 7}, "Softmax": {13, 7},
	} {
		row := networks()[name]
		prepare(row.m, tensor.Float32)
		_, f := exported(t, row.m, row.sample...)
		require.Equal(t, want, [2]int{f.opset, f.ir}, name)
	}
	for _, c := range []struct {
		op    string
		attrs nn.Attrs
		want  int // 0: there is none
	}{
		{"Gelu", nil, 20}, {"Gelu", nn.Attrs{"approximate": "tanh"}, 20}, {"HardSwish", nil, 14}, {"ReduceMean", nn.Attrs{"axes": []int{1}}, 9},
		{"ReduceMean", nn.Attrs{"noop_with_empty_axes": 1}, 18}, {"Softmax", nn.Attrs{"axis": 1}, 13},
		{"LayerNormalization", nil, 0}, {"GroupNormalization", nn.Attrs{"num_groups": 1}, 0}, {"Relu", nn.Attrs{"slope": 0.1}, 0}, {"Softsmax", nil, 0},
	} {
		g, err := nn.Export(nn.Tanh(), nil, 3)
		require.NoError(t, err)
		g.Nodes[0].Op, g.Nodes[0].Attrs = c.op, c.attrs
		var b bytes.Buffer
		err = onnx.Write(&b, g)
		if c.want == 0 {
			require.ErrorContains(t, err, c.op)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, read(b.Bytes()).opset, c.op)
	}
}

// From version 18 on, axes to reduce over are an input.
func TestAxesThatBecameAnInput(t *testing.T) {
	m := nn.Sequential(nn.MinibatchStdDev(2, 1), nn.Flatten())
	g, err := nn.Export(m, nil, 3)
	require.NoError(t, err)
	y := g.Outputs[0]
	last := g.Op("Gelu", nil, y)
	y.Name, last.Name = "before", "output"
	last.Shape, g.Outputs = y.Shape, []*nn.Value{last}
	var b bytes.Buffer
	require.NoError(t, onnx.Write(&b, g))
	f := read(b.Bytes())
	require.Equal(t, 20, f.opset)
	for _, n := range f.nodes {
		if n.op == "ReduceMean" {
			require.Len(t, n.inputs, 2)
			require.Empty(t, n.ints)
			require.Equal(t, 7, f.types[n.inputs[1]])
		}
	}
	x := network{m, []int{3}}.input(tensor.Float32, 4)
	want := nn.Sequential(m, nn.GELU()).Forward(nil, autograd.Const(x)).Value()
	leave(t, "axes as input", b.Bytes(), map[string]*tensor.Tensor{"input": x}, want)
}

// stranger is a layer without Export, and shy one that refuses.
type stranger struct{ nn.Module }

func (stranger) OutShape(in []int) ([]int, error) { return in, nil }

type shy struct{ stranger }

func (shy) Export(g *nn.Graph, _ *nn.Value) *nn.Value {
	return g.Refuse("it has no words for %d things", 3)
}

type merges struct{ stranger }

func (merges) OutShape(in []int) ([]int, error) { return []int{1, in[0] * in[1]}, nil }
func (merges) Export(g *nn.Graph, x *nn.Value) *nn.Value {
	return g.Op("Reshape", nil, x, g.Ints("row", 1, -1))
}
func (shapeless) Export(g *nn.Graph, x *nn.Value) *nn.Value { return g.Op("Tanh", nil, x) }
func (liar) Export(_ *nn.Graph, x *nn.Value) *nn.Value      { return x }
func (liar) OutShape(in []int) ([]int, error)               { return []int{in[0], 7}, nil }

// fixed makes the same of every sample, and echo its condition.
type (
	fixed struct{ stranger }
	echo  struct{ stranger }
)

func (fixed) OutShape(in []int) ([]int, error) { return []int{in[0], 2}, nil }
func (fixed) Export(g *nn.Graph, _ *nn.Value) *nn.Value {
	return g.Const("fixed", tensor.FromFloat64([]float64{1, 2, 3, 4}, 2, 2))
}
func (echo) ConditionSize() int                        { return 2 }
func (echo) OutShape(in []int) ([]int, error)          { return []int{in[0], 2}, nil }
func (echo) Export(g *nn.Graph, _ *nn.Value) *nn.Value { return g.Condition() }

// TestNothingComputed: an input or a constant is not the output itself.
func TestNothingComputed(t *testing.T) {
	_, f := exported(t, fixed{}, 3)
	require.Equal(t, []float64{1, 2, 3, 4}, f.run(map[string]optest.Array{}).Data)
	require.Equal(t, []int{2, 2}, f.run(map[string]optest.Array{}).Shape)
	_, f = exported(t, echo{}, 3)
	require.Equal(t, []string{"Identity"}, opsOf(f))
	require.Equal(t, "condition", f.inputs[1].name)
	require.Equal(t, "output", f.outputs[0].name)
}

func (silent) Export(*nn.Graph, *nn.Value) *nn.Value { return nil }

type (
	shapeless struct{ nn.Module }
	liar      struct{ stranger }
	silent    struct{ stranger }
)

// TestRefusals: the error names the part.
func TestRefusals(t *testing.T) {
	in := func(m nn.Module) nn.Module {
		m = nn.Sequential(nn.Tanh(), nn.Residual(nn.Sequential(m, nn.ReLU()), nil))
		return m
	}
	for want, c := range map[string]network{
		"1.body.0 onnx_test.stranger: the module does not export": {in(stranger{nn.Tanh()}), []int{3}},
		"1.body.0 onnx_test.shy: it has no words for 3 things":    {in(shy{}), []int{3}},
		"1.body.0 onnx_test.silent: it exports nothing":           {in(silent{}), []int{3}},
		"1.body.0 onnx_test.liar: it returns its input":           {nn.Sequential(nn.Tanh(), nn.Residual(nn.Sequential(liar{}), nn.Linear(3, 7))), []int{3}},
		"does not tell its output's shape":                        {in(shapeless{nn.Tanh()}), []int{3}},
		"a graph needs the batch on axis 0":                       {merges{}, []int{3}},
		"the last axis does not hold 4 features":                  {nn.Linear(4, 3), []int{5}},
		"this is not an image batch":                              {nn.Conv2D(4, 3, 1), []int{5}},
	} {
		for _, p := range nn.Params(c.m) {
			_ = p
			nn.Init(c.m, 1, tensor.Float32, tensor.CPU())
			break
		}
		_, err := nn.Export(c.m, nil, c.sample...)
		require.ErrorContains(t, err, want)
	}
	_, err := nn.Export(nn.Linear(2, 2), nil, 2)
	require.ErrorContains(t, err, "no weights yet")
	other := nn.Linear(2, 2)
	nn.Init(other, 1, tensor.Float32, tensor.CPU())
	_, err = nn.Export(nn.Linear(2, 2), nn.Snapshot(other), 2)
	require.ErrorContains(t, err, "another network's")
}

func TestWriteRefuses(t *testing.T) {
	good := func() *nn.Graph {
		m := nn.Sequential(nn.Linear(2, 2), nn.Tanh())
		nn.Init(m, 1, tensor.Float32, tensor.CPU())
		g, err := nn.Export(m, nil, 2)
		require.NoError(t, err)
		return g
	}
	for want, spoil := range map[string]func(g *nn.Graph){
		`two values are called "0.weight"`:     func(g *nn.Graph) { g.Inputs[0].Name = "0.weight" },
		`two values are called "output"`:       func(g *nn.Graph) { g.Inputs[0].Name = "output" },
		`"" cannot be the name of a value`:     func(g *nn.Graph) { g.Outputs[0].Name = "" },
		`the note "\xff" is not valid UTF-8`:   func(g *nn.Graph) { g.Notes = map[string]string{"\xff": ""} },
		"which no earlier operation makes":     func(g *nn.Graph) { slices.Reverse(g.Nodes) },
		"no operation makes the output":        func(g *nn.Graph) { g.Outputs[0] = &nn.Value{Name: "nothing"} },
		"the graph has no inputs":              func(g *nn.Graph) { *g = nn.Graph{} },
		"attribute alpha of 1.tanh is a int64": func(g *nn.Graph) { g.Nodes[1].Op, g.Nodes[1].Attrs = "Elu", nn.Attrs{"alpha": int64(3)} },
	} {
		g := good()
		spoil(g)
		require.ErrorContains(t, onnx.Write(new(bytes.Buffer), g), want)
		dir := t.TempDir()
		require.ErrorContains(t, onnx.Save(filepath.Join(dir, "x.onnx"), g), want)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	require.Error(t, onnx.Write(new(bytes.Buffer), nil))
	require.ErrorIs(t, onnx.Write(fullDisk{}, good()), errDisk)
	g := good()
	g.Inputs[0].Name, g.Outputs[0].Name, g.Notes = "latent", "samples", map[string]string{"b": "2", "a": "1"}
	path := filepath.Join(t.TempDir(), "x.onnx")
	require.NoError(t, onnx.Save(path, g))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	f := read(b)
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, f.notes)
	require.Equal(t, "latent", f.inputs[0].name)
	require.Equal(t, "samples", f.outputs[0].name)
}

// doubled runs a layer with twice its weight.
type doubled struct{ nn.Module }

func (d doubled) Unwrap() nn.Module                { return d.Module }
func (d doubled) OutShape(in []int) ([]int, error) { return nn.OutShape(d.Module, in) }
func (d doubled) Params() []*nn.Param              { return d.Module.(nn.Owner).Params() }
func (d doubled) Pass(ctx *nn.Ctx, _ *autograd.Var) *nn.Ctx {
	w := d.Params()[0]
	return ctx.Replace(w, autograd.Scale(ctx.Var(w), 2))
}

func (d doubled) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return d.Module.Forward(d.Pass(ctx, x), x)
}

// A parameter that is shared has its value in each pass.
func TestSharedParameters(t *testing.T) {
	l := nn.Linear(3, 3)
	m := nn.Sequential(l, doubled{l}, nn.Tanh(), l)
	prepare(m, tensor.Float64)
	_, f := exported(t, m, 3)
	x := network{nn.Tanh(), []int{3}}.input(tensor.Float64, 2)
	near(t, m.Forward(nil, autograd.Const(x)).Value(), f.run(map[string]optest.Array{"input": array(x)}), 1e-12)
	require.Contains(t, f.constants, "0.weight")

	// Each normalisation becomes part of the layer before it, which is the same.
	m = nn.Sequential(l, nn.BatchNorm1D(3), nn.Tanh(), l, nn.BatchNorm1D(3))
	prepare(m, tensor.Float64)
	_, f = exported(t, m, 3)
	near(t, m.Forward(nil, autograd.Const(x)).Value(), f.run(map[string]optest.Array{"input": array(x)}), 1e-7)
	require.Equal(t, []string{"Gemm", "Tanh", "Gemm"}, opsOf(f))
}

// Labels in place of one-hots.
func TestLabels(t *testing.T) {
	m := nn.Sequential(nn.ConcatCondition(3, 2), nn.Linear(7, 5), nn.Tanh())
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		prepare(m, dt)
		g, err := nn.Export(m, nil, 4)
		require.NoError(t, err)
		g.TakeLabels()
		var b bytes.Buffer
		require.NoError(t, onnx.Write(&b, g))
		f := read(b.Bytes())
		require.Equal(t, declared{"label", 7, []string{"n"}}, f.inputs[1])
		require.Len(t, f.inputs, 2)
		labels := []int{2, 0, 1, 1}
		inputs := map[string]*tensor.Tensor{"input": network{m, []int{4}}.input(dt, 4), "label": tensor.FromFloat64([]float64{2, 0, 1, 1}, 4)}
		y := m.Forward(&nn.Ctx{Condition: autograd.Const(tensor.OneHot(dt, 3, labels))}, autograd.Const(inputs["input"])).Value()
		near(t, y, f.run(arrays(inputs)), 1e-5)
		leave(t, fmt.Sprintf("labels %v", dt), b.Bytes(), inputs, y)
		require.ErrorAs(t, tensor.Catch(g.TakeLabels), new(*nn.StateError), "there is no condition any more")
	}
	g, err := nn.Export(nn.Tanh(), nil, 4)
	require.NoError(t, err)
	require.ErrorAs(t, tensor.Catch(g.TakeLabels), new(*nn.StateError))
	require.Nil(t, g.Condition())
	_, err = nn.Export(nn.Sequential(nn.ConcatCondition(3, 2), nn.ConcatCondition(2, 2)), nil, 4)
	require.ErrorContains(t, err, "give a network's layers one size")
}

// Weights of 2 GiB take no memory here: all rows are one.
func TestLargeFile(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("no tensor has as many elements there")
	}
	g, err := nn.Export(nn.Tanh(), nil, 1<<14)
	require.NoError(t, err)
	row := tensor.New(tensor.Float32, 1, 1<<14).BroadcastTo(1<<15, 1<<14)
	y := g.Op("MatMul", nil, g.Outputs[0], &nn.Value{Name: "large", Shape: row.Shape(), Const: row})
	y.Shape, g.Outputs = g.Outputs[0].Shape, []*nn.Value{y}
	err = onnx.Write(fullDisk{}, g)
	require.ErrorContains(t, err, "an ONNX file has at most 2147483647")
}

// Networks on a device that is not host memory make the same files.
func TestFarNetworks(t *testing.T) {
	device, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	for name, row := range networks() {
		prepare(row.m, tensor.Float32)
		want, _ := exported(t, row.m, row.sample...)
		if len(nn.Params(row.m)) == 0 {
			continue
		}
		nn.To(row.m, device)
		got, f := exported(t, row.m, row.sample...)
		if strings.Contains(strings.ToLower(name), "spectral") || name == "Embed/images" || name == "deep" { // σ is summed there
			x := row.input(tensor.Float32, 2)
			inputs := map[string]*tensor.Tensor{"input": x}
			ctx := &nn.Ctx{}
			if size, err := nn.ConditionSize(row.m); size > 0 {
				require.NoError(t, err)
				inputs["condition"] = tensor.NewStream(6, "condition").Normal(tensor.Float32, 2, size)
				ctx.Condition = autograd.Const(inputs["condition"].To(device))
			}
			near(t, row.m.Forward(ctx, autograd.Const(x.To(device))).Value(), f.run(arrays(inputs)), 1e-5)
			continue
		}
		require.Equal(t, want, got, name)
	}
}

// A snapshot's weights are written, not what training has made of the network since.
func TestSnapshot(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1D(2))
	prepare(m, tensor.Float32)
	w := nn.Snapshot(m)
	before, _ := exported(t, m, 3)
	for _, p := range nn.Params(m) {
		p.Param.Value().Fill(7)
	}
	g, err := nn.Export(m, w, 3)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, onnx.Write(&b, g))
	require.Equal(t, before, b.Bytes())
}
