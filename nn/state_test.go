package nn_test

import (
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// bits returns the bits of all parameters, or nil where there are no values.
func bits(m nn.Module) []uint64 {
	var out []uint64
	for _, p := range nn.Params(m) {
		if v := p.Param.Value(); v != nil {
			for _, x := range v.Float64s() {
				out = append(out, math.Float64bits(x))
			}
		}
	}
	return out
}

func small() nn.Module { return nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)) }

func ready(m nn.Module, seed uint64, dt tensor.DType) nn.Module {
	nn.Init(m, seed, dt, tensor.CPU())
	return m
}

func TestStateIsLive(t *testing.T) {
	m := ready(small(), 1, tensor.Float32)
	state := nn.State(m)
	require.Equal(t, []string{"0.bias", "0.weight", "2.bias", "2.weight"}, slices.Sorted(maps.Keys(state)))
	state["0.bias"].Fill(7)
	require.Equal(t, []float64{7, 7}, nn.Params(m)[1].Param.Value().Float64s())
	require.NoError(t, nn.LoadState(m, state)) // a network's own state changes nothing
	require.Equal(t, []float64{7, 7}, state["0.bias"].Float64s())
	require.Empty(t, nn.State(nn.Tanh()))
	require.NoError(t, nn.LoadState(nn.Tanh(), nil))
}

func TestLoadStateCopies(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		from, to, fresh := ready(small(), 1, dt), ready(small(), 2, dt), small()
		require.NoError(t, nn.LoadState(to, nn.State(from)))
		require.NoError(t, nn.LoadState(fresh, nn.State(from)))
		want := bits(from)
		for _, v := range nn.State(from) {
			v.Fill(0)
		}
		require.Equal(t, want, bits(to))
		require.Equal(t, want, bits(fresh))
		require.Equal(t, dt, nn.State(fresh)["0.weight"].DType())
	}
	// Its own values under others' names.
	own := ready(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), 1, tensor.Float64)
	swapped := nn.State(own)
	first, second := swapped["0.weight"].Float64s(), swapped["1.weight"].Float64s()
	swapped["0.weight"], swapped["1.weight"] = swapped["1.weight"], swapped["0.weight"]
	require.NoError(t, nn.LoadState(own, swapped))
	require.Equal(t, second, nn.State(own)["0.weight"].Float64s())
	require.Equal(t, first, nn.State(own)["1.weight"].Float64s())
	// A value that cannot be read, after others that can.
	scope := tensor.NewScope()
	closed := map[string]*tensor.Tensor{"0.weight": tensor.New(tensor.Float64, 2, 2), "0.bias": tensor.New(tensor.Float64, 2),
		"1.weight": scope.Empty(tensor.CPU(), tensor.Float64, 2, 2), "1.bias": tensor.New(tensor.Float64, 2)}
	scope.Close()
	require.ErrorContains(t, tensor.Catch(func() { nn.LoadState(own, closed) }), "the tensor's scope was closed")
	require.Equal(t, second, nn.State(own)["0.weight"].Float64s())
	// Transposed and so not contiguous.
	m := nn.Linear(3, 2, nn.NoBias())
	require.NoError(t, nn.LoadState(m, map[string]*tensor.Tensor{"weight": tensor.Arange(tensor.Float64, 6).Reshape(3, 2).T()}))
	require.Equal(t, []float64{0, 2, 4, 1, 3, 5}, nn.State(m)["weight"].Float64s())
}

func TestLoadStateRefuses(t *testing.T) {
	half := func() nn.Module { // the second layer has no values yet
		m := nn.Sequential(ready(nn.Linear(3, 2), 1, tensor.Float64), nn.Tanh(), nn.Linear(2, 1))
		return m
	}
	for _, c := range []struct {
		name   string
		net    func() nn.Module
		change func(state map[string]*tensor.Tensor)
		want   string
	}{
		{"missing", nil, func(s map[string]*tensor.Tensor) { delete(s, "2.bias") }, "2.bias[1] is missing"},
		{"nil", nil, func(s map[string]*tensor.Tensor) { s["2.bias"] = nil }, "2.bias[1] is missing"},
		{"too many", nil, func(s map[string]*tensor.Tensor) { s["3.bias"] = tensor.New(tensor.Float32, 4) }, "3.bias[4] is not part of the network"},
		{"other name", nil, func(s map[string]*tensor.Tensor) { s["x.bias"] = s["2.bias"]; delete(s, "2.bias") },
			"2.bias[1] is missing; x.bias[1] is not part of the network"},
		{"shape", nil, func(s map[string]*tensor.Tensor) { s["2.bias"] = tensor.New(tensor.Float32, 1, 1) }, "2.bias has shape [1 1], the network [1]"},
		{"transposed", nil, func(s map[string]*tensor.Tensor) { s["0.weight"] = s["0.weight"].T() }, "0.weight has shape [3 2], the network [2 3]"},
		{"scalar", nil, func(s map[string]*tensor.Tensor) { s["2.bias"] = tensor.Scalar(tensor.Float32, 1) }, "2.bias has shape [], the network [1]"},
		{"dtype", nil, func(s map[string]*tensor.Tensor) { s["2.bias"] = s["2.bias"].Cast(tensor.Float64) }, "2.bias is float64, the network float32"},
		{"mixed, without values", small, func(s map[string]*tensor.Tensor) { s["2.bias"] = s["2.bias"].Cast(tensor.Float64) },
			"2.bias is float64, the network float32"},
		{"half with values", half, func(map[string]*tensor.Tensor) {},
			"0.weight is float32, the network float64; 0.bias is float32, the network float64; 2.weight is float32, the network float64; 2.bias is float32"},
		{"everything", nil, func(s map[string]*tensor.Tensor) {
			clear(s)
			s["a"], s["b"] = tensor.New(tensor.Float32), tensor.New(tensor.Float32)
		}, "0.weight[2 3] is missing; 0.bias[2] is missing; 2.weight[1 2] is missing; 2.bias[1] is missing; and 2 more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := nn.State(ready(small(), 2, tensor.Float32))
			c.change(state)
			m := ready(small(), 1, tensor.Float32)
			if c.net != nil {
				m = c.net()
			}
			before := bits(m)
			err := nn.LoadState(m, state)
			require.ErrorContains(t, err, "nn: the state does not fit the network: "+c.want)
			require.Equal(t, before, bits(m), "the network was touched")

			if state["2.bias"] == nil {
				delete(state, "2.bias") // a file holds no nil
			}
			path := filepath.Join(t.TempDir(), "f")
			require.NoError(t, safetensors.Save(path, state, nil))
			err = nn.LoadInto(path, m)
			require.ErrorContains(t, err, "nn: loading "+path+": the state does not fit the network: "+c.want)
			require.Equal(t, before, bits(m), "the network was touched")
		})
	}
}

// everything has each module of this package.
func everything() nn.Module {
	return nn.Sequential(
		nn.Flatten(), nn.Linear(12, 8), nn.Tanh(),
		nn.Sequential(nn.Linear(8, 6, nn.NoBias()), nn.LeakyReLU(0.1), nn.Sequential(), nn.Linear(6, 6), nn.ReLU()),
		nn.Reshape(2, -1), nn.Linear(3, 5), nn.Softplus(), nn.Reshape(10), nn.LeakyReLU(-1e-300),
		nn.FourierFeatures([][]float64{{0.1, -1e-300, 0, 1, 2, 3, 4, 5, 6, 7}}), nn.Linear(12, 1), nn.Sigmoid())
}

func TestSaveAndLoad(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		m := ready(everything(), 3, dt)
		path := filepath.Join(t.TempDir(), "net.safetensors")
		notes := map[string]string{"latent": "12", nn.ArchitectureKey: "of another file"}
		require.NoError(t, nn.Save(path, m, notes))
		require.Equal(t, map[string]string{"latent": "12", nn.ArchitectureKey: "of another file"}, notes)

		loaded, meta, err := nn.Load(path)
		require.NoError(t, err)
		require.Equal(t, "12", meta["latent"])
		require.Equal(t, bits(m), bits(loaded))
		x := autograd.Const(tensor.NewStream(1, "input").Normal(dt, 4, 3, 4))
		require.Equal(t, m.Forward(nil, x).Value().Float64s(), loaded.Forward(nil, x).Value().Float64s())

		into := ready(everything(), 4, dt)
		require.NoError(t, nn.LoadInto(path, into))
		require.Equal(t, bits(m), bits(into))
		fresh := everything()
		require.NoError(t, nn.LoadInto(path, fresh))
		require.Equal(t, bits(m), bits(fresh))

		// The same network gives the same bytes, loaded or not.
		again := filepath.Join(t.TempDir(), "net.safetensors")
		require.NoError(t, nn.Save(again, loaded, meta))
		require.Equal(t, read(t, path), read(t, again))

		// Other weights, same network.
		w := nn.Snapshot(m)
		nn.Init(m, 5, dt, tensor.CPU())
		require.NoError(t, nn.SaveWeights(path, m, w, nil))
		require.NoError(t, nn.LoadInto(path, into))
		require.Equal(t, bits(loaded), bits(into))

		// The other dtype is refused, and nothing is converted in silence.
		other := tensor.Float32 + tensor.Float64 - dt
		m = ready(everything(), 5, other)
		before := bits(m)
		require.ErrorContains(t, nn.LoadInto(path, m), "1.weight is "+dt.String()+", the network "+other.String())
		require.Equal(t, before, bits(m))
	}
}

func TestSaveRefuses(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	require.EqualError(t, nn.Save(path, small(), nil), "nn: saving "+path+": the network has no weights yet")
	m := ready(small(), 1, tensor.Float32)
	require.EqualError(t, nn.SaveWeights(path, m, nn.Snapshot(ready(small(), 1, tensor.Float32)), nil),
		"nn: saving "+path+": the weights are another network's")
	require.ErrorIs(t, nn.Save(filepath.Join(folder, "no", "f"), m, nil), fs.ErrNotExist)
	require.ErrorContains(t, nn.Save(path, m, map[string]string{"k": "\xff"}), "UTF-8")
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.Empty(t, left, "a failed save left files behind")
}

func TestLoadRefuses(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	_, _, err := nn.Load(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, nn.LoadInto(path, small()), fs.ErrNotExist)

	weights := nn.State(ready(small(), 1, tensor.Float32))
	load := func(state map[string]*tensor.Tensor, architecture string) error {
		require.NoError(t, safetensors.Save(path, state, map[string]string{nn.ArchitectureKey: architecture}))
		m, meta, err := nn.Load(path)
		require.Nil(t, m)
		require.Nil(t, meta)
		require.ErrorContains(t, err, "nn: loading "+path+": ")
		return err
	}
	const sound = `{"type":"Sequential","layers":[{"type":"Linear","in":3,"out":2,"bias":true},{"type":"Tanh"},{"type":"Linear","in":2,"out":1,"bias":true}]}`
	require.ErrorContains(t, load(weights, strings.Replace(sound, "true", "false", 1)), "0.bias[2] is not part of the network")
	require.ErrorContains(t, load(weights, strings.Replace(sound, `"in":3`, `"in":4`, 1)), "0.weight has shape [2 3], the network [2 4]")
	require.ErrorContains(t, load(nil, sound), "0.weight[2 3] is missing")
	require.ErrorIs(t, load(weights, `{"type":"Sequential","layers":[{"type":"Capsule"}]}`), nn.ErrUnknownModule)
	require.ErrorContains(t, load(weights, sound[:40]), "unexpected end of JSON input")

	// A file may ask for a large network, but gets no memory for it.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = load(weights, strings.NewReplacer("3", "16777216", "2", "16777216").Replace(sound))
	require.ErrorContains(t, err, "0.weight has shape [2 3], the network [16777216 16777216]")
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))

	require.NoError(t, safetensors.Save(path, weights, nil))
	_, _, err = nn.Load(path)
	require.EqualError(t, err, "nn: loading "+path+": it holds weights but no architecture; build the network and use LoadInto, or, if this is a checkpoint of training, gan.Trainer.Resume")
	m := small()
	require.NoError(t, nn.LoadInto(path, m))
	require.True(t, nn.Ready(m))
}

// TestSaveWithoutArchitecture: what cannot be described is not saved, but its
// weights can be.
func TestSaveWithoutArchitecture(t *testing.T) {
	scale := func() nn.Module {
		return nn.Sequential(nn.Tanh(), leafModule{nn.NewParam("scale", nn.Normal(1), 1, 1, 3)})
	}
	deep := func() nn.Module {
		m := nn.Linear(3, 3)
		for range 500 {
			m = nn.Sequential(m)
		}
		return m
	}
	shared := func() nn.Module {
		l := nn.Linear(3, 3)
		return nn.Sequential(l, nn.Tanh(), l)
	}
	for name, build := range map[string]func() nn.Module{"not described": scale, "deep": deep, "shared": shared} {
		m := ready(build(), 1, tensor.Float32)
		path := filepath.Join(t.TempDir(), "f")
		err := nn.Save(path, m, nil)
		require.ErrorContains(t, err, "nn: saving "+path+": its architecture cannot be described: ", name)
		require.ErrorContains(t, err, "safetensors.Save(path, nn.State(m), nil) keeps the weights alone", name)
		require.NoFileExists(t, path)

		require.NoError(t, safetensors.Save(path, nn.State(m), nil), name)
		_, _, err = nn.Load(path)
		require.ErrorContains(t, err, "it holds weights but no architecture", name)
		loaded := build()
		require.NoError(t, nn.LoadInto(path, loaded), name)
		require.Equal(t, bits(m), bits(loaded), name)
		x := autograd.Const(tensor.Full(tensor.Float32, 0.5, 2, 3))
		require.Equal(t, m.Forward(nil, x).Value().Float64s(), loaded.Forward(nil, x).Value().Float64s(), name)
	}
}

// A state whose names all lack a part, or have one too many, is refused with the
// repair.
func TestStateOfAPart(t *testing.T) {
	net := small()
	under := map[string]*tensor.Tensor{"other.0.weight": tensor.New(tensor.Float32, 3, 2)}
	for name, x := range nn.State(ready(small(), 1, tensor.Float32)) {
		under["main."+name] = x
	}
	err := nn.LoadState(net, under)
	require.ErrorContains(t, err, `; it has all of them under "main": give a module whose part is named so, see Parent, or save that part alone, model.main.state_dict()`)
	require.False(t, nn.Ready(net))

	err = nn.LoadState(nn.Sequential(net, nn.Tanh()), nn.State(ready(small(), 1, tensor.Float32)))
	require.ErrorContains(t, err, `; it fits the part "0" of the network: load into that`)

	delete(under, "main.0.bias")
	require.NotContains(t, nn.LoadState(net, under).Error(), "main\":")
	require.NotContains(t, nn.LoadState(nn.Sequential(net, nn.Linear(1, 1)), nn.State(ready(small(), 1, tensor.Float32))).Error(), "fits the part")
	require.Error(t, nn.LoadState(nn.Tanh(), under))
}
