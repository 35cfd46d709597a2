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

	broken := errors.New("no such hardware")
	backend.Register("broken", func() (backend.Backend, error) { return nil, broken })
	_, err = backend.Open("broken")
	require.ErrorIs(t, err, broken)
	require.PanicsWithValue(t, "backend: broken registered twice", func() { backend.Register("broken", nil) })
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
}
