//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/tensor"
)

// These tests run on the first GPU of the machine and are skipped where there is
// none. bench/cuda/run.sh runs them all.

// gpu returns the device's name, or skips the test.
func gpu(t *testing.T) string {
	t.Helper()
	name := cuda.Kind + ":0"
	if _, err := tensor.OpenDevice(name); err != nil {
		t.Skip(err)
	}
	return name
}

func TestDeviceConformance(t *testing.T) {
	b, err := backend.Open(gpu(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.(*cuda.Backend).Close()
	backendtest.Run(t, b)
	for _, enough := range []int{1, 2} {
		before := cuda.EnoughTiles(enough)
		backendtest.RunSome(t, b, 1, "matmul", "linear")
		cuda.EnoughTiles(before)
	}
	b.(*cuda.Backend).Sequences()
	backendtest.RunSome(t, b, 1, "copy", "fill", "unary", "binary", "where", "reduce", "norm")
}

func TestDeviceOperations(t *testing.T) { optest.RunOn(t, optest.Autograd(), gpu(t)) }

func TestDeviceTrajectories(t *testing.T) { trajectories(t, gpu(t)) }
