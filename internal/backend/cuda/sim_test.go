package cuda_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/tensor"
)

// These tests run the kernels on a device that interprets them (package sim).

var full = flag.Bool("full", false, "make all checks, which takes some minutes")

// open returns a backend over a simulated driver, which is closed at the end of the
// test. Nothing may be left then.
func open(t *testing.T, c sim.Config) (*cuda.Backend, *sim.Driver) {
	t.Helper()
	d := sim.New(c)
	b, err := cuda.Open(d, cuda.Kind, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		require.Empty(t, d.Leaks())
	})
	return b, d
}

// register registers a kind of device and opens the first of it. Its name is one of its
// own, even if a test runs several times (-count).
func register(t testing.TB, name string, open func(kind string, n int) (*cuda.Backend, error)) (d *tensor.Device, b *cuda.Backend) {
	t.Helper()
	kind := fmt.Sprintf("%s-%d", name, registered.Add(1))
	backend.Register(backend.Kind{Name: kind, Open: func(n int) (_ backend.Backend, err error) {
		b, err = open(kind, n)
		return b, err
	}})
	d, err := tensor.OpenDevice(kind)
	require.NoError(t, err)
	return d, b
}

var registered atomic.Int64 // by register

// simulated registers a kind of device by that name for package tensor.
var simulated = sync.OnceValue(func() string {
	backend.Register(backend.Kind{Name: "sim", Open: func(number int) (backend.Backend, error) {
		return cuda.Open(drivers(number), "sim", number)
	}})
	return "sim"
})

var opened sync.Map

// drivers returns the driver of a device's own.
func drivers(number int) *sim.Driver {
	d, _ := opened.LoadOrStore(number, sim.New(sim.Config{Devices: number + 1, Fast: true}))
	return d.(*sim.Driver)
}

// TestConformance: every operation gives what the reference gives. Races between
// threads are looked for, too.
func TestConformance(t *testing.T) {
	b, d := open(t, sim.Config{NoGraphs: true}) // so that kernels are held to the sizes of arrays
	every := 12
	var families []string // all
	switch {
	case *full:
		every = 1
	case testing.Short():
		every = 300
		families = []string{"memory", "copy", "fill", "unary", "binary", "where", "reduce", "matmul", "gather", "random", "linear", "linear and add", "epilogue gradient", "clamp"}
	}
	backendtest.RunSome(t, b, every, families...)
	if *full && !strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		// TestTiles, TestSequences, TestLibrary and TestRareKernels have the others.
		elsewhere := []string{"product_f32_64", "product_f32_128", "sequence", "finish_f32", "finish_f64",
			"transpose_f32", "scatter_f32_f32", "scatter_f32_f64", "scatter_f64_f32", "scatter_f64_f64"}
		for name := range cuda.KernelNames() {
			if d.Counters().Kernels[name] == 0 && !slices.Contains(elsewhere, name) {
				t.Errorf("%s was not launched", name)
			}
		}
	}
	t.Log(d.Counters().Instructions/1e6, "million instructions in", d.Counters().Launches, "launches")
}

// TestSequences: small operations give the same in a sequence.
func TestSequences(t *testing.T) {
	b, _ := open(t, sim.Config{})
	b.Sequences()
	every := 20
	if *full {
		every = 1
	}
	backendtest.RunSome(t, b, every, "copy", "fill", "unary", "binary", "where", "reduce", "norm")
}

// TestTiles: products give the same by tiles of every size.
func TestTiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	b, _ := open(t, sim.Config{})
	every := 30
	if *full {
		every = 1
	}
	for _, enough := range []int{1, 2} { // nearly all by the largest, then by the next
		before := cuda.EnoughTiles(enough)
		backendtest.RunSome(t, b, every, "matmul", "linear", "linear and add")
		cuda.EnoughTiles(before)
	}
}

// TestOperations: every operation of package autograd, its first derivatives and its
// second, give what they give on the CPU.
func TestOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	optest.RunOn(t, optest.Autograd(), simulated())
}
