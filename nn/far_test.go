package nn_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	_ "github.com/gander-ml/gander/internal/backend/backendtest/far" // registers the device
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// TestFarNetwork: a network lives on a device that is not host memory, from its
// first values to its file and back. (The table tests each layer's passes there.)
func TestFarNetwork(t *testing.T) {
	device, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	build := func() nn.Module {
		return nn.Sequential(nn.SpectralNorm(nn.Linear(3, 8)), nn.BatchNorm1D(8), nn.ReLU(), nn.Linear(8, 2, nn.WeightInit(nn.Orthogonal(1))))
	}
	here, there := build(), build()
	nn.Init(here, 1, tensor.Float32, tensor.CPU())
	nn.Init(there, 1, tensor.Float32, device)
	equal := func(m nn.Module) {
		t.Helper()
		for name, value := range nn.State(here) {
			require.Equal(t, value.Float64s(), nn.State(m)[name].Float64s(), name)
		}
	}
	equal(there)
	require.Same(t, device, nn.State(there)["3.weight"].Device())
	x := tensor.NewStream(1, "x").Normal(tensor.Float32, 4, 3)
	pass := func(m nn.Module, x *tensor.Tensor, w *nn.Weights) []float64 {
		return m.Forward(&nn.Ctx{Weights: w}, autograd.Const(x)).Value().Float64s()
	}
	want := pass(here, x, nil)
	require.InDeltaSlice(t, want, pass(there, x.To(device), nil), 1e-5)
	require.InDeltaSlice(t, want, pass(there, x.To(device), nn.Snapshot(there)), 1e-5)
	require.InDeltaSlice(t, want, pass(here, x.To(device), nn.Snapshot(here).To(device)), 1e-5)

	path := filepath.Join(t.TempDir(), "network")
	require.NoError(t, nn.Save(path, there, nil))
	loaded, _, err := nn.Load(path)
	require.NoError(t, err)
	equal(loaded)
	nn.To(loaded, device)
	require.Same(t, device, nn.State(loaded)["3.weight"].Device())
	equal(loaded)
	nn.Init(there, 2, tensor.Float32, device)
	require.NoError(t, nn.LoadInto(path, there))
	require.Same(t, device, nn.State(there)["3.weight"].Device(), "weights stay where they are")
	equal(there)
	require.NoError(t, nn.LoadState(there, nn.State(here)))
	equal(there)
	nn.To(there, tensor.CPU())
	require.Equal(t, want, pass(there, x, nil))

	// Several dtypes are not made one in passing.
	mixed := build()
	nn.Init(mixed, 1, tensor.Float32, tensor.CPU())
	last := mixed.(nn.Parent).Children()[3].Module
	nn.Init(last, 1, tensor.Float64, tensor.CPU())
	var state *nn.StateError
	require.ErrorAs(t, tensor.Catch(func() { nn.To(mixed, device) }), &state)
	require.ErrorContains(t, state, "0.parametrizations.weight.original is float32, 3.weight is float64")

	// A layer that has weights already is normalised where they lie.
	layer := nn.Linear(3, 8)
	nn.Init(layer, 1, tensor.Float32, device)
	wrapped := nn.SpectralNorm(layer)
	require.Len(t, pass(wrapped, x.To(device), nil), 32)
}
