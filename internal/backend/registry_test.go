package backend_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	_ "github.com/gander-ml/gander/internal/backend/cpu"
	"github.com/gander-ml/gander/internal/backend/ref"
)

func TestOpen(t *testing.T) {
	b, err := backend.Open("ref")
	require.NoError(t, err)
	require.Equal(t, ref.Backend{}, b)
	b, err = backend.Open("cpu")
	require.NoError(t, err)
	require.Equal(t, "cpu", b.Name())

	_, err = backend.Open("abacus")
	require.EqualError(t, err, `unknown device "abacus"; this program has: cpu, ref`)
	require.Equal(t, []string{"cpu", "ref"}, backend.Names())
	_, err = backend.Open("cuda:0")
	require.EqualError(t, err, `unknown device "cuda:0"; this program has: cpu, ref; build it with -tags cuda (on Linux, with cgo) for NVIDIA's GPUs`)

	broken := errors.New("no such hardware")
	kind := backend.Kind{Name: "broken", Rank: 2, Open: func(number int) (backend.Backend, error) {
		if number == 1 {
			return ref.Backend{}, nil
		}
		return nil, broken
	}}
	backend.Register(kind)
	t.Cleanup(func() { backend.Forget("broken") })
	_, err = backend.Open("broken")
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "device broken: no such hardware")
	_, err = backend.Open("broken:1")
	require.NoError(t, err)
	_, err = backend.Open("cpu:1")
	require.EqualError(t, err, "device cpu:1: there is only one")
	for _, name := range []string{"cpu:", "cpu:-1", "cpu:01", "cpu:one", "cpu:0:0"} {
		_, err = backend.Open(name)
		require.ErrorContains(t, err, "unknown device")
	}

	// The fastest kind does not work, so the next one is opened.
	name, skipped, err := backend.OpenFastest(func(name string) error { _, err := backend.Open(name); return err })
	require.NoError(t, err)
	require.Equal(t, "cpu", name)
	require.Len(t, skipped, 1)
	require.ErrorIs(t, skipped[0], broken)
	_, skipped, err = backend.OpenFastest(func(string) error { return broken })
	require.ErrorIs(t, err, broken)
	require.Len(t, skipped, 2)
	require.PanicsWithValue(t, "backend: broken registered twice", func() { backend.Register(kind) })
}

func TestDTypesAndHosts(t *testing.T) {
	require.Equal(t, "float32", backend.Float32.String())
	require.Equal(t, "float64", backend.Float64.String())
	require.Equal(t, 4, backend.Float32.Size())
	require.Equal(t, 8, backend.Float64.Size())
	f32, f64 := []float32{1, 2}, []float64{3}
	for h, n := range map[*backend.Host]int{backend.Host32(f32): 2, backend.Host64(f64): 1, backend.NewHost(backend.Float32, 3): 3, backend.NewHost(backend.Float64, 0): 0} {
		require.Equal(t, n, h.Len())
	}
	backend.Host32(f32).Set(1, 0.1)
	backend.Host64(f64).Set(0, 0.1)
	require.Equal(t, float32(0.1), f32[1])
	require.Equal(t, 0.1, f64[0])
	require.Equal(t, float64(float32(0.1)), backend.Host32(f32).At(1))
	require.Equal(t, backend.Float64, backend.Host64(nil).DType())

	// A third type is taken for neither.
	third := backend.DType(2)
	require.Equal(t, "DType(2)", third.String())
	require.Panics(t, func() { third.Size() })
	require.Panics(t, func() { backend.NewHost(third, 1) })
}
