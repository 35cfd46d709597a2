package torch_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
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
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/nn/torch"
	"github.com/gander-ml/gander/tensor"
)

// generator is the network of bench/golden/make_dcgan.py, with the latent vector as
// an image of one pixel.
func generator(first ...nn.Module) nn.Module {
	up := func(in, out int) []nn.Module {
		return []nn.Module{nn.ConvTranspose2D(in, out, 4, nn.Stride(2), nn.Padding(1), nn.NoBias()), nn.BatchNorm2D(out), nn.ReLU()}
	}
	return nn.Sequential(slices.Concat(first,
		[]nn.Module{nn.ConvTranspose2D(16, 16, 4, nn.NoBias()), nn.BatchNorm2D(16), nn.ReLU()}, up(16, 8), up(8, 4),
		[]nn.Module{nn.ConvTranspose2D(4, 3, 4, nn.Stride(2), nn.Padding(1), nn.NoBias()), nn.Tanh()})...)
}

func discriminator() nn.Module {
	return nn.Sequential(nn.SpectralNorm(nn.Conv2D(3, 4, 4, nn.Stride(2), nn.Padding(1))), nn.LeakyReLU(0.2),
		nn.SpectralNorm(nn.Conv2D(4, 4, 4, nn.Stride(2), nn.Padding(1))), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(256, 1))
}

// TestDCGAN: a generator that PyTorch has trained draws the same here.
func TestDCGAN(t *testing.T) {
	net := generator()
	part, err := torch.LoadInto(filepath.Join("testdata", "dcgan.pth"), net)
	require.NoError(t, err)
	require.Equal(t, "main", part)
	values, err := safetensors.Load(filepath.Join("testdata", "dcgan.safetensors"))
	require.NoError(t, err)
	z, err := values.Tensor("latent")
	require.NoError(t, err)
	want, err := values.Tensor("samples")
	require.NoError(t, err)
	got := net.Forward(nil, autograd.Const(z.Reshape(-1, 16, 1, 1))).Value()
	require.Equal(t, []int{3, 3, 32, 32}, got.Shape())
	require.InDeltaSlice(t, want.Float32s(), got.Float32s(), 1e-5)
	require.Greater(t, slices.Max(want.Float32s())-slices.Min(want.Float32s()), float32(1), "samples that differ")
}

// A network with something in front has the file's parameters in a part of its own.
func TestPartOfTheNetwork(t *testing.T) {
	path := filepath.Join("testdata", "dcgan.pth")
	net, plain := nn.Sequential(nn.Reshape(16, 1, 1), nn.Residual(generator(), nn.Sequential(nn.Tanh()))), generator()
	part, err := torch.LoadInto(path, net)
	require.NoError(t, err)
	require.Equal(t, "main", part)
	_, err = torch.LoadInto(path, plain)
	require.NoError(t, err)
	require.Equal(t, nn.State(plain)["3.weight"].Float32s(), nn.State(net)["1.body.3.weight"].Float32s())
	_, err = torch.LoadInto(path, nn.Sequential(nn.Reshape(16, 1, 1), nn.Sequential(nn.ConvTranspose2D(16, 16, 4))))
	require.ErrorContains(t, err, "1.0.bias[16] is missing")
	// A single layer is not looked for among all others.
	_, err = torch.LoadInto(path, nn.Sequential(nn.BatchNorm2D(8)))
	require.ErrorContains(t, err, "0.running_mean")
}

// A checkpoint holds other things, and networks under other names.
func TestCheckpoint(t *testing.T) {
	path := filepath.Join("testdata", "checkpoint.pth")
	state, err := torch.Load(path)
	require.NoError(t, err)
	require.Contains(t, state, "netG.main.0.weight")
	require.Contains(t, state, "netD.module.main.0.weight_orig")
	require.Contains(t, state, "optimizer.state.0.exp_avg")
	require.Equal(t, []float32{50}, state["netG.main.1.num_batches_tracked"].Float32s())

	net, plain := generator(), generator()
	_, err = torch.LoadInto(path, net)
	require.ErrorContains(t, err, `several parts of it fit the network as well: "half.main", "netG.main"; choose one`)
	require.False(t, nn.Ready(net))
	require.NoError(t, nn.LoadState(net, torch.Part(state, "netG.main")))
	_, err = torch.LoadInto(filepath.Join("testdata", "dcgan.pth"), plain)
	require.NoError(t, err)
	require.Equal(t, nn.State(plain)["0.weight"].Float32s(), nn.State(net)["0.weight"].Float32s())
	// Half precision, and in another order in memory.
	for name, want := range nn.State(plain) {
		half := state["half.main."+name]
		require.Equal(t, want.Shape(), half.Shape())
		for i, w := range want.Float32s() {
			require.InDelta(t, w, half.Float32s()[i], math.Abs(float64(w))/1024+1e-7, "%s, element %d", name, i)
		}
	}

	d := discriminator()
	part, err := torch.LoadInto(path, d)
	require.NoError(t, err)
	require.Equal(t, "netD.module.main", part)
	require.Equal(t, state["netD.module.main.2.weight_u"].Float32s(), nn.State(d)["2.parametrizations.weight.0._u"].Float32s())
}

// What does not fit is told by name, and the network stays as it was.
func TestMisfits(t *testing.T) {
	path := filepath.Join("testdata", "dcgan.pth")
	for want, net := range map[string]nn.Module{
		"0.weight has shape [16 16 4 4], the network [16 16 3 3]": nn.Sequential(nn.ConvTranspose2D(16, 16, 3, nn.NoBias()), nn.BatchNorm2D(16)),
		"0.bias[16] is missing":                                   nn.Sequential(nn.ConvTranspose2D(16, 16, 4), nn.BatchNorm2D(16)),
		"1.bias[16] is not part of the network":                   nn.Sequential(nn.ConvTranspose2D(16, 16, 4, nn.NoBias())),
		"the network has no parameters":                           nn.Sequential(nn.Tanh()),
		"none of the network's parameters, 0.factor for one, are among its 19 tensors, main.0.weight, main": nn.Sequential(shift{}),
	} {
		_, err := torch.LoadInto(path, net)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "dcgan.pth")
		require.True(t, len(nn.Params(net)) == 0 || !nn.Ready(net))
	}
	double := generator()
	nn.Init(double, 1, tensor.Float64, tensor.CPU())
	_, err := torch.LoadInto(path, double)
	require.ErrorContains(t, err, "0.weight is float32, the network float64")
	_, err = torch.LoadInto(filepath.Join("testdata", "none.pth"), double)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// shift is a layer with a parameter that no file has.
type shift struct{ nn.Module }

var factor = nn.NewParam("factor", nn.Constant(1), 1, 1)

func (shift) Params() []*nn.Param { return []*nn.Param{factor} }

func TestStreams(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "dcgan.pth"))
	require.NoError(t, err)
	want, err := torch.Load(filepath.Join("testdata", "dcgan.pth"))
	require.NoError(t, err)
	for name, load := range map[string]func() (map[string]*tensor.Tensor, error){
		"stream": func() (map[string]*tensor.Tensor, error) { return torch.Read(io.MultiReader(bytes.NewReader(b))) },
		"fs":     func() (map[string]*tensor.Tensor, error) { return torch.LoadFS(os.DirFS("testdata"), "dcgan.pth") },
	} {
		got, err := load()
		require.NoError(t, err, name)
		require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
		for key := range want {
			require.Equal(t, want[key].Float32s(), got[key].Float32s(), key)
		}
	}
}

// A pickle in the words of the format: what torch.save writes of a few kinds.

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func number(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func tuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func stored(kind, key string, n int) string {
	return tuple(text("storage"), "ctorch\n"+kind+"\n", text(key), text("cpu"), number(n)) + "Q"
}

func numbers(n ...int) string {
	var items []string
	for _, v := range n {
		items = append(items, number(v))
	}
	return tuple(items...)
}

func view(storage string, offset int, shape, stride []int) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n" +
		tuple(storage, number(offset), numbers(shape...), numbers(stride...), "\x89", "ccollections\nOrderedDict\n)R") + "R"
}

// marked is a view with what PyTorch calls metadata.
func marked(marks string) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n" +
		tuple(stored("FloatStorage", "0", 6), number(0), numbers(2), numbers(1), "\x89", "ccollections\nOrderedDict\n)R", marks) + "R"
}

func dict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

func pickled(root string) string { return "\x80\x02" + root + "." }

// file is an archive with such a pickle and storages.
func file(t testing.TB, pickle string, storages map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name, content string) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(t, err)
		_, err = io.WriteString(w, content)
		require.NoError(t, err)
	}
	put("archive/data.pkl", pickle)
	put("archive/byteorder", "little")
	for _, name := range slices.Sorted(maps.Keys(storages)) {
		put("archive/"+name, storages[name])
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func floats(v ...float32) string {
	var b []byte
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return string(b)
}

var six = map[string]string{"data/0": floats(0, 1, 2, 3, 4, 5)}

func TestViews(t *testing.T) {
	for name, c := range map[string]struct {
		root  string
		shape []int
		want  []float64
	}{
		"plain":          {view(stored("FloatStorage", "0", 6), 0, []int{2, 3}, []int{3, 1}), []int{2, 3}, []float64{0, 1, 2, 3, 4, 5}},
		"transposed":     {view(stored("FloatStorage", "0", 6), 0, []int{3, 2}, []int{1, 3}), []int{3, 2}, []float64{0, 3, 1, 4, 2, 5}},
		"offset":         {view(stored("FloatStorage", "0", 6), 1, []int{2}, []int{4}), []int{2}, []float64{1, 5}},
		"repeated":       {view(stored("FloatStorage", "0", 6), 2, []int{2, 2}, []int{0, 1}), []int{2, 2}, []float64{2, 3, 2, 3}},
		"scalar":         {view(stored("FloatStorage", "0", 6), 5, nil, nil), []int{}, []float64{5}},
		"empty":          {view(stored("FloatStorage", "0", 6), 9, []int{0, 3}, []int{3, 1}), []int{0, 3}, []float64{}},
		"empty and more": {view(stored("FloatStorage", "0", 0), 0, []int{0, 3}, []int{3, 1}), []int{0, 3}, []float64{}},
		"unmarked":       {marked("}"), []int{2}, []float64{0, 1}},
		"one":            {view(stored("FloatStorage", "0", 6), 4, []int{1, 1}, []int{999, 999}), []int{1, 1}, []float64{4}},
		"parameter":      {"ctorch._utils\n_rebuild_parameter\n" + tuple(view(stored("FloatStorage", "0", 6), 3, []int{1}, []int{1}), "\x88", "N") + "R", []int{1}, []float64{3}},
	} {
		state, err := torch.Read(bytes.NewReader(file(t, pickled(dict(text("x"), c.root)), six)))
		require.NoError(t, err, name)
		require.Equal(t, c.shape, state["x"].Shape(), name)
		require.Equal(t, c.want, append([]float64{}, state["x"].Float64s()...), name)
	}
}

func TestElements(t *testing.T) {
	for kind, c := range map[string]struct {
		bytes string
		want  []float64
		dtype tensor.DType
	}{
		"DoubleStorage":   {"\x9a\x99\x99\x99\x99\x99\xb9\x3f", []float64{0.1}, tensor.Float64},
		"HalfStorage":     {"\x00\x3c\x00\xc0\x01\x00\x00\x7c\x00\xfc\xff\x7b", []float64{1, -2, math.Ldexp(1, -24), math.Inf(1), math.Inf(-1), 65504}, tensor.Float32},
		"BFloat16Storage": {"\x80\x3f\x00\xc0", []float64{1, -2}, tensor.Float32},
		"LongStorage":     {"\xff\xff\xff\xff\xff\xff\xff\xff\x07\x00\x00\x00\x00\x00\x00\x00", []float64{-1, 7}, tensor.Float32},
		"IntStorage":      {"\xfe\xff\xff\xff", []float64{-2}, tensor.Float32},
		"ShortStorage":    {"\xfd\xff", []float64{-3}, tensor.Float32},
		"CharStorage":     {"\xfc", []float64{-4}, tensor.Float32},
		"ByteStorage":     {"\xfc", []float64{252}, tensor.Float32},
		"BoolStorage":     {"\x00\x01", []float64{0, 1}, tensor.Float32},
	} {
		n := len(c.want)
		root := dict(text("x"), view(stored(kind, "a", n), 0, []int{n}, []int{1}))
		state, err := torch.Read(bytes.NewReader(file(t, pickled(root), map[string]string{"data/a": c.bytes})))
		require.NoError(t, err, kind)
		require.Equal(t, c.want, state["x"].Float64s(), kind)
		require.Equal(t, c.dtype, state["x"].DType(), kind)
	}
	root := dict(text("x"), view(stored("HalfStorage", "a", 2), 0, []int{2}, []int{1}))
	state, err := torch.Read(bytes.NewReader(file(t, pickled(root), map[string]string{"data/a": "\x00\x7e\x01\xfc"})))
	require.NoError(t, err)
	for _, v := range state["x"].Float64s() {
		require.True(t, math.IsNaN(v))
	}
	// A counter beside doubles is one.
	root = dict(text("x"), view(stored("DoubleStorage", "d", 1), 0, nil, nil), text("n"), view(stored("LongStorage", "l", 1), 0, nil, nil))
	state, err = torch.Read(bytes.NewReader(file(t, pickled(root), map[string]string{"data/d": "12345678", "data/l": "\x05\x00\x00\x00\x00\x00\x00\x00"})))
	require.NoError(t, err)
	require.Equal(t, tensor.Float64, state["n"].DType())
	require.Equal(t, 5.0, state["n"].Item())
}

// Places in lists and tuples are names.
func TestLists(t *testing.T) {
	at := func(i int) string { return view(stored("FloatStorage", "0", 6), i, nil, nil) }
	root := dict(text("list"), "]("+at(1)+at(2)+"e", text("tuple"), tuple(at(3), at(4)), number(-7), at(5))
	state, err := torch.Read(bytes.NewReader(file(t, pickled(root), six)))
	require.NoError(t, err)
	got := map[string]float64{}
	for name, v := range state {
		got[name] = v.Item()
	}
	require.Equal(t, map[string]float64{"list.0": 1, "list.1": 2, "tuple.0": 3, "tuple.1": 4, "-7": 5}, got)
}

// A part of a name is no part of a network.
func TestNamesThatEndAlike(t *testing.T) {
	net := nn.Linear(2, 2, nn.NoBias())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	_, _, err := torch.Match(net, map[string]*tensor.Tensor{"overweight": tensor.New(tensor.Float32, 2, 2)})
	require.ErrorContains(t, err, "none of the network's parameters")
}

// hostile are files that must be refused, with what the error says.
func hostile(t testing.TB) map[string][]byte {
	good := view(stored("FloatStorage", "0", 6), 0, []int{2, 3}, []int{3, 1})
	in := func(root string) []byte { return file(t, pickled(root), six) }
	tensorOf := func(storage string, offset int, shape, stride []int) []byte {
		return in(dict(text("x"), view(storage, offset, shape, stride)))
	}
	f6 := stored("FloatStorage", "0", 6)
	compressed := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create("archive/data.pkl")
		w.Write(make([]byte, 1<<20))
		z.Close()
		return b.Bytes()
	}
	plain := func(records ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := 0; i < len(records); i += 2 {
			w, _ := z.CreateHeader(&zip.FileHeader{Name: records[i], Method: zip.Store})
			io.WriteString(w, records[i+1])
		}
		z.Close()
		return b.Bytes()
	}
	flipped := in(dict(text("x"), good))
	flipped[bytes.Index(flipped, []byte(six["data/0"]))+5] ^= 1
	return map[string][]byte{
		"this is not a ZIP archive":                               []byte("no archive at all"),
		"not a file of weights":                                   nil,
		"as PyTorch before 1.6 wrote it":                          []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."),
		"it needs os.system, which is not known here":             in("cos\nsystem\n" + tuple(text("echo")) + "R"),
		"it needs __main__.Generator":                             in("c__main__\nGenerator\n)\x81}b"),
		"it needs builtins.eval":                                  in(text("builtins") + text("eval") + "\x93" + tuple(text("1")) + "R"),
		"it needs torch.QUInt8Storage":                            tensorOf(stored("QUInt8Storage", "0", 6), 0, []int{2}, []int{1}),
		"its pickle has an operation 0x81":                        in(")\x81"),
		"its pickle is cut":                                       in("X\xff\xff\xff\xff"),
		"its pickle is cut ":                                      in("\x95\xff\xff\xff\xff\xff\xff\xff\x7f"),
		"its pickle has a number of 255 bytes":                    in("\x8a\xff" + strings.Repeat("\x01", 255)),
		"its pickle has a number of 0 bytes":                      in("\x8a\x00"),
		"its pickle has no end":                                   file(t, "\x80\x02}", nil),
		"its pickle is nested too deep":                           in(strings.Repeat("(", 2000)),
		"has more than 1048576 operations":                        in(strings.Repeat("N", 1<<20)),
		"its dictionaries are nested too deep":                    in("}q\x00(" + text("a") + "h\x00u"),
		"or hold too much":                                        in(doubling()),
		"or hold too much ":                                       in("](" + dict(strings.Repeat("N", 4000)) + "q\x00" + strings.Repeat("h\x00", 2000) + "e"),
		"its pickle is damaged":                                   in("}(" + text("x") + "u"),
		"its pickle: ":                                            in("RRRR"),
		"a storage is not described":                              in(dict(text("x"), tuple(text("storage"), text("x"), text("y"), text("cpu"), number(6))+"Q")),
		"a reference is none to a storage":                        in(tuple(text("module"), text("x")) + "Q"),
		"a tensor is described by 1 values":                       in("ctorch._utils\n_rebuild_tensor_v2\n" + tuple("N") + "R"),
		"a tensor is not described":                               in("ctorch._utils\n_rebuild_tensor_v2\n" + tuple("N", "N", "N", "N", "N", "N") + "R"),
		"a parameter is not described":                            in("ctorch._utils\n_rebuild_parameter\n" + tuple("N") + "R"),
		`tensor "x": not a file of weights`:                       tensorOf(f6, 0, []int{7}, []int{1}),
		"the shape [2 3] with strides [4 1] from 0 on":            tensorOf(f6, 0, []int{2, 3}, []int{4, 1}),
		"the shape [2] with strides [1] from 5 on":                tensorOf(f6, 5, []int{2}, []int{1}),
		"the shape [1] with strides [1] from -1 on":               tensorOf(f6, -1, []int{1}, []int{1}),
		"the shape [2] with strides [-1] from 3 on":               tensorOf(f6, 3, []int{2}, []int{-1}),
		"the shape [-2] with":                                     tensorOf(f6, 0, []int{-2}, []int{1}),
		"the shape [6 6] with strides [0 0]":                      tensorOf(f6, 0, []int{6, 6}, []int{0, 0}),
		"the shape [2147483647] with strides [2147483647]":        tensorOf(stored("FloatStorage", "0", math.MaxInt32), 0, []int{math.MaxInt32}, []int{math.MaxInt32}),
		"has more than 6 dims":                                    tensorOf(f6, 0, make([]int, 9), make([]int, 9)),
		"its storage has 24 bytes, and is to hold 5 numbers":      tensorOf(stored("FloatStorage", "0", 5), 0, []int{2}, []int{1}),
		"its storage has 24 bytes, and is to hold 6 numbers of 8": tensorOf(stored("DoubleStorage", "0", 6), 0, []int{2}, []int{1}),
		`no record "data/../0"`:                                   tensorOf(stored("FloatStorage", "../0", 6), 0, []int{2}, []int{1}),
		"a tensor is marked as negated":                           in(dict(text("x"), marked("}"+text("neg")+"\x88s"))),
		"a tensor is marked as negated or":                        in(dict(text("x"), marked("K\x01"))),
		"the shape [0 1073741824 1073741824] has dims":            tensorOf(f6, 0, []int{0, 1 << 30, 1 << 30}, []int{0, 0, 0}),
		"its dictionaries' names are too long":                    in(naming()),
		"tensors share their numbers too often":                   sharing(t),
		"is compressed, which torch.save does not do":             compressed(),
		"the archive has no data.pkl":                             plain("archive/data/0", "abc"),
		"two records are called":                                  plain("a/data.pkl", "N.", "a/data.pkl", "N."),
		"this is TorchScript":                                     plain("a/data.pkl", "N.", "a/constants.pkl", "N."),
		"its numbers are not little-endian":                       plain("a/data.pkl", "N.", "a/byteorder", "big"),
		"zip: checksum error":                                     flipped,
		`two tensors are called "x"`:                              in(dict(text("x"), good, text("x"), good)),
	}
}

// doubling is a list of twice a list of twice a list…, by the memo.
func doubling() string {
	list := "](Ne"
	for i := range byte(29) {
		list = "](" + list + "q" + string([]byte{i}) + "h" + string([]byte{i}) + "e"
	}
	return list
}

// naming is a dictionary of many tensors, within one under a long name.
func naming() string {
	items := []string{number(0), view(stored("FloatStorage", "0", 6), 0, nil, nil) + "q\x00"}
	for i := range 99 {
		items = append(items, number(i+1), "h\x00")
	}
	return dict(text(strings.Repeat("n", 1<<20)), dict(items...))
}

// sharing is many tensors of one storage.
func sharing(t testing.TB) []byte {
	var items []string
	for i := range 100 {
		items = append(items, text(fmt.Sprint(i)), view(stored("FloatStorage", "0", 5000), 0, []int{5000}, []int{1}))
	}
	return file(t, pickled(dict(items...)), map[string]string{"data/0": floats(make([]float32, 5000)...)})
}

func TestHostile(t *testing.T) {
	for want, b := range hostile(t) {
		_, err := torch.Read(bytes.NewReader(b))
		require.ErrorContains(t, err, strings.TrimSpace(want))
		require.ErrorIs(t, err, torch.ErrFormat, want)
		require.Less(t, len(err.Error()), 600)
	}
	b := file(t, pickled(dict(text("x"), view(stored("FloatStorage", "0", 6), 0, []int{2}, []int{1}))), six)
	for n := range len(b) {
		_, err := torch.Read(bytes.NewReader(b[:n]))
		require.Error(t, err, "cut at %d", n)
	}
}

func FuzzTorch(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "dcgan.pth"))
	require.NoError(f, err)
	f.Add(b)
	for _, b := range hostile(f) {
		if len(b) < 1<<14 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		state, err := torch.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		total := 0
		for _, x := range state {
			total += x.Len()
		}
		if total > 16*len(b) {
			t.Fatalf("%d numbers of %d bytes", total, len(b))
		}
	})
}

// FuzzPickle changes the pickle of an archive that is sound otherwise.
func FuzzPickle(f *testing.F) {
	for _, b := range hostile(f) {
		if z, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil && len(b) < 1<<14 {
			if r, err := z.Open("archive/data.pkl"); err == nil {
				if pickle, err := io.ReadAll(r); err == nil {
					f.Add(pickle)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, pickle []byte) {
		torch.Read(bytes.NewReader(file(t, string(pickle), six)))
	})
}
