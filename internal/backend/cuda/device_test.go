//go:build cuda

package cuda_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/tensor"
)

// These tests run on the first GPU of the machine and are skipped where there is
// none, unless GANDER_REQUIRE is cuda. bench/cuda/run.sh runs each in a process of its
// own.

// noGPU skips a test that found none, or lets it fail.
func noGPU(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("GANDER_REQUIRE") == "cuda" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// gpu returns the device's name, or skips the test.
func gpu(t testing.TB) string {
	t.Helper()
	name := cuda.Kind + ":0"
	if _, err := tensor.OpenDevice(name); err != nil {
		noGPU(t, err)
	}
	return name
}

// openGPU returns a backend of its own on the first GPU, closed at the end of the test.
func openGPU(t testing.TB) *cuda.Backend {
	t.Helper()
	b, err := backend.Open(gpu(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.(*cuda.Backend).Close()) })
	return b.(*cuda.Backend)
}

func TestDeviceConformance(t *testing.T) { backendtest.Run(t, openGPU(t)) }

func TestDeviceTiles(t *testing.T) {
	b := openGPU(t)
	for _, enough := range []int{1, 2} {
		before := cuda.EnoughTiles(enough)
		backendtest.RunSome(t, b, 1, "matmul", "linear")
		cuda.EnoughTiles(before)
	}
}

func TestDeviceSequences(t *testing.T) {
	b := openGPU(t)
	b.Sequences()
	backendtest.RunSome(t, b, 1, "copy", "fill", "unary", "binary", "where", "reduce", "norm")
}

// TestDeviceLibrary: products by cuBLAS, and in TF32.
func TestDeviceLibrary(t *testing.T) {
	b := openGPU(t)
	if err := b.SetPrecision(backend.TF32); err != nil {
		t.Skip(err)
	}
	t.Log(b.Arithmetic())
	byLibrary(t)
	h := backend.Host32([]float32{1 + 1.0/4096})
	x, y, z := matrix(b, 1, 1), matrix(b, 1, 1), matrix(b, 1, 1)
	b.Upload(x, h)
	b.Fill(y, 1)
	b.MatMul(z, x, y)
	t.Log("1+1/4096 in TF32, which may round it:", read(b, z))
	require.NoError(t, b.SetPrecision(backend.FullPrecision))
	b.MatMul(z, x, y)
	require.Equal(t, h.F32, read(b, z))
	backendtest.RunProducts(t, b)
}

// TestDeviceReopen: a device whose last user has closed it, which ends its context, can
// be opened again in the same process, and cuBLAS with it.
func TestDeviceReopen(t *testing.T) {
	byLibrary(t)
	for i := range 3 {
		open, err := backend.Open(cuda.Kind + ":0")
		if err != nil && i == 0 {
			noGPU(t, err)
		}
		require.NoError(t, err)
		b := open.(*cuda.Backend)
		t.Log(b.Arithmetic())
		z := matrix(b, 2, 2)
		b.MatMul(z, matrix(b, 2, 2), matrix(b, 2, 2))
		require.Equal(t, []float32{2, 3, 6, 11}, read(b, z))
		require.NoError(t, b.Close())
	}
}

func TestDeviceOperations(t *testing.T) { optest.RunOn(t, optest.Autograd(), gpu(t)) }

func TestDeviceTrajectories(t *testing.T) { trajectories(t, gpu(t)) }

// registerGPU registers a kind of device on the first GPU and opens it. Its products are
// the kernels' own.
func registerGPU(t *testing.T, kind string, change func(b *cuda.Backend)) *tensor.Device {
	d, _ := register(t, kind, func(kind string, n int) (*cuda.Backend, error) {
		d, err := real.Open(real.Options{NoBLAS: "it is not asked for"})
		if err != nil {
			return nil, err
		}
		b, err := cuda.Open(d, kind, n)
		if err == nil {
			change(b)
		}
		return b, err
	})
	return d
}

// TestDeviceGraphs: steps that are replayed as graphs have the bits of steps that are
// launched kernel by kernel, and the interpreter's.
func TestDeviceGraphs(t *testing.T) {
	gpu(t)
	graphs := registerGPU(t, "graphs", func(*cuda.Backend) {})
	eager := registerGPU(t, "eager", (*cuda.Backend).NoGraphs)
	interpreted, err := tensor.OpenDevice(simulated())
	require.NoError(t, err)
	for i, game := range games {
		t.Run(game.name, func(t *testing.T) {
			a, b, c := newTrainer(t, i, graphs), newTrainer(t, i, eager), newTrainer(t, i, interpreted)
			real := tensor.NewStream(1, "real")
			for step := range 6 {
				x := real.Normal(tensor.Float32, append([]int{6}, game.sample...)...)
				got, err := a.Step(gan.Batch{X: x})
				require.NoError(t, err)
				want, err := b.Step(gan.Batch{X: x})
				require.NoError(t, err)
				require.Equal(t, want, got, "step %d", step+1)
				if step < 2 {
					ours, err := c.Step(gan.Batch{X: x})
					require.NoError(t, err)
					if ours != got {
						t.Errorf("step %d: the interpreter has %v, the GPU %v", step+1, ours, got)
					}
				}
			}
			require.Equal(t, b.Sample(3, 1).Float64s(), a.Sample(3, 1).Float64s())
		})
	}
}

// TestDeviceBits: functions of numbers, sums, products and random numbers have the
// bits that the interpreter gives.
func TestDeviceBits(t *testing.T) {
	b := openGPU(t)
	s, err := cuda.Open(sim.New(sim.Config{Fast: true}), "sim", 0)
	require.NoError(t, err)
	const n = 5000
	fill := func(b *cuda.Backend) backend.Operand {
		x := array(b, n)
		b.Random(backend.Normal, x, 7, 1)
		b.Unary(op.Scale, x, x, 4, 0)
		return x
	}
	same := func(what string, f func(b *cuda.Backend) backend.Operand) {
		got, want := read(b, f(b)), read(s, f(s))
		for i := range want {
			if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
				t.Errorf("%s: element %d is %x, the interpreter's %x", what, i, got[i], want[i])
				return
			}
		}
	}
	same("Normal", fill)
	for f := op.Neg; f < op.NumUnary; f++ {
		same(f.String(), func(b *cuda.Backend) backend.Operand {
			x := fill(b)
			b.Unary(f, x, x, 1.5, 2)
			return x
		})
	}
	for f := op.Add; f < op.NumBinary; f++ {
		same(f.String(), func(b *cuda.Backend) backend.Operand {
			x, y := fill(b), array(b, n)
			b.Random(backend.Normal, y, 8, 1)
			b.Binary(f, x, x, y, 0.3)
			return x
		})
	}
	same("Sum", func(b *cuda.Backend) backend.Operand {
		sum := array(b, 1)
		b.Reduce(op.Sum, sum, fill(b))
		return sum
	})
	same("MatMul", func(b *cuda.Backend) backend.Operand {
		x, y, z := fill(b), fill(b), array(b, 2500)
		shaped := z
		shaped.Layout.Rank, shaped.Layout.Dims, shaped.Layout.Strides = 2, [6]int{50, 50}, [6]int{50, 1}
		x.Layout.Rank, x.Layout.Dims, x.Layout.Strides = 2, [6]int{50, 100}, [6]int{100, 1}
		y.Layout.Rank, y.Layout.Dims, y.Layout.Strides = 2, [6]int{100, 50}, [6]int{50, 1}
		b.MatMul(shaped, x, y)
		return z
	})
	require.NoError(t, s.Close())
}

// TestDeviceMemory: the device's memory runs out, and is there again.
func TestDeviceMemory(t *testing.T) {
	if os.Getenv("GANDER_FAKE_CUDA") != "" {
		t.Skip("the fake's memory is this machine's")
	}
	b := openGPU(t)
	const piece = 1 << 30 // elements
	var all []backend.Buffer
	f := failure(t, func() {
		for range 1000 {
			all = append(all, b.Alloc(backend.Float32, piece))
		}
	})
	require.ErrorIs(t, f, driver.OutOfMemory)
	t.Log(len(all), "pieces of 4 GiB:", f)
	x := all[0]
	b.Fill(backend.Operand{Buffer: x, Layout: array(b, 1).Layout}, 3)
	for _, x := range all[1:] {
		b.Free(x)
	}
	b.Sync()
	h := backend.NewHost(backend.Float32, 1)
	b.Download(h, backend.Operand{Buffer: x, Layout: array(b, 1).Layout})
	require.Equal(t, float32(3), h.F32[0])
	b.Free(x)
	b.Free(b.Alloc(backend.Float32, piece/2)) // another size
}

// TestDeviceLost: a kernel that writes where it must not is told of by the next read,
// and the device can be closed. It takes the process's context with it, so that it is
// run only if it is asked for.
func TestDeviceLost(t *testing.T) {
	gpu(t)
	if os.Getenv("GANDER_LOSE_DEVICE") == "" {
		t.Skip("GANDER_LOSE_DEVICE is not set")
	}
	d, err := real.Open(real.Options{})
	require.NoError(t, err)
	b, err := cuda.Open(&faulty{Driver: d, edit: kernelOf("Exp_f32", func(s string) string {
		return strings.ReplaceAll(s, "cvta.to.global.u64", "not.b64") // of the addresses
	})}, cuda.Kind, 0)
	require.NoError(t, err)
	x := array(b, 10000)
	f := failure(t, func() {
		b.Unary(op.Exp, x, x, 0, 0)
		read(b, x)
	})
	t.Log(f)
	require.Equal(t, cuda.Kind+":0", f.Device)
	require.ErrorContains(t, failure(t, func() { read(b, x) }), "lost")
	require.NoError(t, b.Close())
}

// BenchmarkDeviceProducts times products by the kernels and by cuBLAS, with bias and
// activation and without: what the rule of library.go goes by.
func BenchmarkDeviceProducts(b *testing.B) {
	open, err := backend.Open(gpu(b))
	require.NoError(b, err)
	d := open.(*cuda.Backend)
	if err := d.SetPrecision(backend.TF32); err != nil {
		b.Skip(err)
	}
	before := cuda.LibraryFrom(0)
	defer cuda.LibraryFrom(before)
	warm := false
	for _, s := range [][3]int{{64, 512, 784}, {128, 512, 784}, {256, 512, 784}, {512, 512, 784}, {1024, 512, 784}, {512, 784, 64}, {2048, 2048, 2048}} {
		m, n, k := s[0], s[1], s[2]
		x, w, z, bias := matrix(d, m, k), matrix(d, n, k), matrix(d, m, n), array(d, n)
		for _, impl := range []string{"own", "cublas", "tf32"} {
			for name, e := range map[string]backend.Epilogue{"plain": {}, "tanh": {F: op.Tanh, Bias: bias}} {
				b.Run(fmt.Sprintf("impl=%s/epilogue=%s/m=%d/n=%d/k=%d", impl, name, m, n, k), func(b *testing.B) {
					from := 0
					precision := backend.FullPrecision
					switch impl {
					case "own":
						from = math.MaxInt
					case "tf32":
						precision = backend.TF32
					}
					cuda.LibraryFrom(from)
					require.NoError(b, d.SetPrecision(precision))
					run := func(n int) {
						for range n {
							for range 20 { // a graph of them
								d.Linear(z, x, w, e)
							}
							d.Sync()
						}
					}
					run(3)
					for start := time.Now(); !warm && time.Since(start) < time.Second/2; { // until the clocks are high
						run(1)
					}
					warm = true
					b.ResetTimer()
					run(b.N)
					b.ReportMetric(b.Elapsed().Seconds()/float64(20*b.N)*1e6, "us/product")
				})
			}
		}
	}
	require.NoError(b, d.Close())
}
